"""Surfaces for queries: what is refused in settings, by name."""

from typing import Any

import pytest
from pydantic import ValidationError

from shortlist.config import Settings
from shortlist.config.surfaces import FOR_QUERIES, ONLY_FOR_QUERIES
from shortlist.sources import SOURCES

SEARCH: dict[str, Any] = {"subject": "query", "sources": ["words"], "fallback": None, "mask_seen": False}


def settings(surface: dict[str, Any], **sections: Any) -> Settings:
    return Settings.model_validate({"surfaces": {"search": surface}, **sections})


def test_a_surface_for_queries_is_taken() -> None:
    assert settings(SEARCH).surfaces["search"].subject == "query"
    assert ONLY_FOR_QUERIES < FOR_QUERIES <= set(SOURCES)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mask_seen": True}, "what was clicked for a query is its best answer"),
        ({"sources": ["words", "als"]}, "source als knows nothing of a subject that is a query"),
        ({"fallback": "repeat"}, "source repeat knows nothing of a subject that is a query"),
        ({"subject": "user"}, "source words knows nothing of a subject that is a user"),
        (
            {"subject": "item", "sources": ["query_clicks"]},
            "source query_clicks knows nothing of a subject that is an item",
        ),
        ({"lapsing": {}}, "lapsing is about users"),
        ({"pause": {}}, "pause says when an item returns to a user"),
    ],
)
def test_what_a_query_cannot_have_is_refused_by_name(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings({**SEARCH, **changed})


def test_clicks_are_kept_as_long_as_they_are_looked_back_at() -> None:
    long = {"queries": {"lookback_days": 800}, "maintenance": {"engagement_days": 700}}
    with pytest.raises(ValidationError, match=r"queries\.lookback_days 800 is beyond the 700 days"):
        settings(SEARCH, **long)
    # Nobody looks back at clicks where no surface is for queries.
    settings({"subject": "user", "sources": ["als"]}, **long)


def test_no_stemming_rules_for_a_language_that_is_none() -> None:
    with pytest.raises(ValidationError, match="stemmer"):
        settings(SEARCH, sources={"words": {"stemmer": "klingon"}})
