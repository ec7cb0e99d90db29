"""Two days beside each other, by hand."""

from pathlib import Path

import pytest

from tests.published import publish, write
from tests.unit.cli.conftest import D2, D3, Shortlist

DAYS = ("2017-11-23", "2017-11-30")


@pytest.fixture
def two_days(warehouse: Path) -> Path:
    """u1 keeps a of ab and gets c; u2 keeps b; u3 leaves, u4 and u5 arrive."""
    publish(warehouse, "homefeed", D2, {"u1": "ab", "u2": "b", "u3": "bd"})
    publish(warehouse, "homefeed", D3, {"u1": "ca", "u2": "b", "u4": "c", "u5": "ea"})
    described = [{"item_id": "c", "title": "Corn", "status": "active", "snapshot_date": D2}]
    write(warehouse, "catalog", "catalog", described)
    return warehouse


def test_a_surface(two_days: Path, shortlist: Shortlist) -> None:
    facts = shortlist("diff", "homefeed", *DAYS, "--json").facts
    assert facts["first"] == {"run_date": "2017-11-23", "table_version": 1, "rows": 5, "subjects": 3, "items": 3}
    assert facts["second"] == {"run_date": "2017-11-30", "table_version": 2, "rows": 6, "subjects": 4, "items": 4}
    assert facts["subjects"] == {"both": 2, "arrived": 2, "left": 1}
    assert facts["overlap"] == (1 / 2 + 1) / 2
    assert facts["entered"] == [
        {"item_id": "c", "lists": 2, "title": "Corn"},
        {"item_id": "a", "lists": 1, "title": None},
        {"item_id": "e", "lists": 1, "title": None},
    ]
    assert facts["left"] == [{"item_id": "b", "lists": 2, "title": None}, {"item_id": "d", "lists": 1, "title": None}]
    assert facts["sources"] == [
        {"source": "als", "first": 3 / 5, "second": 4 / 6},
        {"source": "cooccurrence", "first": 2 / 5, "second": 2 / 6},
    ]
    text = " ".join(shortlist("diff", "homefeed", *DAYS).out.split())
    assert "2 subjects on both days, 2 arrived, 1 left; mean overlap of their lists 75.0%" in text
    assert "Corn" in text


def test_one_subject(two_days: Path, shortlist: Shortlist) -> None:
    facts = shortlist("diff", "homefeed", *DAYS, "--subject", "u1", "--json").facts
    assert facts["ranks"] == [
        {"item_id": "c", "first": None, "second": 1, "title": "Corn"},
        {"item_id": "a", "first": 1, "second": 2, "title": None},
        {"item_id": "b", "first": 2, "second": None, "title": None},
    ]
    assert facts["overlap"] == 1 / 2
    assert "rank 2017-11-30" in shortlist("diff", "homefeed", *DAYS, "--subject", "u1").out


def test_a_subject_without_lists(two_days: Path, shortlist: Shortlist) -> None:
    answer = shortlist("diff", "homefeed", *DAYS, "--subject", "u9")
    assert answer.code == 0
    assert "no subject has a list on both days" in answer.out


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (
            ("2017-11-16", "2017-11-30"),
            "nothing is published for 2017-11-16; next: choose one of 2017-11-30, 2017-11-23",
        ),
        (("2017-11-23", "yesterday"), "DAY 'yesterday': is no day"),
    ],
)
def test_days_that_cannot_be_compared(two_days: Path, shortlist: Shortlist, days: tuple[str, str], said: str) -> None:
    answer = shortlist("diff", "homefeed", *days)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
