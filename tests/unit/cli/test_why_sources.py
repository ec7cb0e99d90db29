"""What `why` says of each source that did or did not propose an item: every kind of sentence, from a small night's tables."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from shortlist.cli.proposing import NO_SCORE_BECAUSE
from shortlist.config import load_settings
from shortlist.records.manifest import ItemRules, Manifest
from shortlist.sources import SOURCES
from shortlist.store.manifests import write_manifest
from tests.published import decide, publish, write
from tests.unit.cli.conftest import D3, Shortlist
from tests.unit.cli.night import write_night

# a, c and g have factors. By cosine a's list holds c, h's holds g; by lift a's holds h. Below 0 is no list.
MODELS: dict[str, list[dict[str, Any]]] = {
    "item_factors": [{"id": item, "factors": [1.0, 0.0]} for item in "acg"],
    "related_items": [
        {"basket_kind": "session", "measure": measure, "item_id": item, "rank": 1, "related_item_id": other, "score": score,
         "support": 2}
        for measure, item, other, score in [
            ("cosine", "a", "c", 0.5), ("cosine", "h", "g", 0.5), ("lift", "a", "h", 2.0), ("cosine", "a", "h", -0.1)
        ]
    ],
}  # fmt: skip
SCORES = {("u1", "h", "cooccurrence"): 0.0, ("u1", "h", "als"): 0.25, ("u1", "g", "cooccurrence"): 1.0}


def say(
    shortlist: Shortlist, night: Path, subject: str, item: str, surface: str = "homefeed", **settings: Any
) -> dict[str, str]:
    """What each source says, by a run with these settings of the surface."""
    changed = ["--set", json.dumps({"surfaces": {surface: settings}})] if settings else []
    run_id = f"{D3}-{load_settings(night.parent / 'shortlist.yaml', changed[1:]).fingerprint()}"
    later = datetime(2017, 12, 1, 4, tzinfo=UTC)
    version = DeltaTable(night / f"candidates_{surface}").version()
    decide(night, surface, D3, "published", version, published_at=later, run_id=run_id)
    facts = shortlist("why", surface, subject, item, "--json", *changed).facts
    assert not any("settings have changed" in note for note in facts["notes"])
    return {each["source"]: each["says"] for each in facts["sources"]}


@pytest.fixture
def night(warehouse: Path) -> Path:
    write_night(warehouse, models=MODELS, scores=SCORES)
    return warehouse


def test_every_source_has_its_sentence() -> None:
    assert set(NO_SCORE_BECAUSE) == set(SOURCES), "next: say what is true of an item that the source has no score for"


def test_what_was_proposed_has_its_rank(night: Path, shortlist: Shortlist) -> None:
    found = say(shortlist, night, "u1", "c")
    assert found == {
        "als": "proposed it at rank 1 of 2",
        "cooccurrence": "proposed it at rank 1 of 1",
        "popularity": "proposed it at rank 1 of 3",
    }


def test_what_was_scored_below_the_last_proposal(night: Path, shortlist: Shortlist) -> None:
    found = say(shortlist, night, "u1", "h", depth=2)
    assert found["als"] == "scored it 0.25; its 2 proposals end with score 0.5"


def test_of_equal_scores_the_smaller_id_comes_first(night: Path, shortlist: Shortlist) -> None:
    assert say(shortlist, night, "u1", "g", depth=1, k=1)["cooccurrence"] == (
        "scored it 1; its 1 proposals end with score 1, and of equal scores the smaller id comes first"
    )


def test_what_a_source_that_counts_scored_0(night: Path, shortlist: Shortlist) -> None:
    assert say(shortlist, night, "u1", "h")["cooccurrence"] == (
        "scored it 0: no list of related items of what votes for the subject holds it"
    )


def test_what_a_source_gave_its_proposals_before(night: Path, shortlist: Shortlist) -> None:
    """g has factors, as have a and c, which u2 took: one item was asked for, and another came first."""
    assert say(shortlist, night, "u2", "g", depth=1, k=1)["als"] == (
        "its 1 proposals end with score 1; it scores this item no higher"
    )


def test_where_settings_have_changed_a_source_is_not_said_to_have_been_asked_for_more(
    night: Path, shortlist: Shortlist
) -> None:
    """The depth of the run is not known: one item may have been all that als was asked for. u4 was proposed nothing."""
    found = {
        subject: {
            each["source"]: each["says"]
            for each in shortlist("why", "homefeed", subject, item, "--json").facts["sources"]
        }
        for subject, item in (("u2", "g"), ("u4", "c"))
    }
    assert found["u2"]["als"] == "its 1 proposals end with score 1; it scores this item no higher"
    assert found["u4"]["als"] == f"has nothing to propose it by: {NO_SCORE_BECAUSE['als']}"


def test_what_rules_forbid_no_source_may_propose(night: Path, shortlist: Shortlist) -> None:
    for subject, item in (("u1", "a"), ("u1", "d"), ("u9", "c")):
        assert set(say(shortlist, night, subject, item).values()) == {"may not propose it"}


@pytest.mark.parametrize(
    ("item", "source", "said"),
    [
        ("h", "als", "the model has no factors of it"),
        ("c", "als", "the model has no factors of any of the subject's items"),
        ("a", "interests", "the model has no factors of any of the subject's items"),
        ("a", "cooccurrence", "no list of related items by cosine holds it"),
        ("c", "cooccurrence", "lists of related items by cosine hold it, but none of the subject's items"),
        ("a", "repeat", "the subject did not take it"),
        ("a", "fresh", "the catalog has no created_at of it"),
        ("x", "category_affinity", "the catalog has no category of it"),
        ("x", "spectral", "nobody took it"),
        ("x", "user_neighbours", "nobody took it"),
        ("x", "content", None),
        ("a", "category_affinity", None),
        ("g", "cooccurrence", None),
        ("a", "trending", None),
    ],
)
def test_what_tables_tell_of_an_item_that_a_source_cannot_propose(
    warehouse: Path, shortlist: Shortlist, item: str, source: str, said: str | None
) -> None:
    """u4 took b, g and h, and no source proposed it anything; nobody took x, which has a title and no category."""
    described = {
        "item_id": "x",
        "title": "Item X",
        "status": "active",
        "buyable": True,
        "snapshot_date": D3.replace(day=1),
    }
    write(warehouse, "catalog", "catalog", [described])
    factors = [row for row in MODELS["item_factors"] if row["id"] != "g"]
    write_night(warehouse, models={**MODELS, "item_factors": factors})
    settings: dict[str, Any] = {"sources": [source], "fallback": None, "mask_seen": False, "min_item_support": 0}
    found = say(shortlist, warehouse, "u4", item, **settings)
    nothing = f"has nothing to propose it by: {NO_SCORE_BECAUSE[source]}"
    assert found == {source: nothing if said is None else f"cannot propose it: {said}"}


def test_beside_an_item_its_own_list_is_asked(night: Path, shortlist: Shortlist) -> None:
    publish(night, "related", D3, {"a": "c"})
    found = say(shortlist, night, "a", "g", surface="related")
    assert found == {
        "cooccurrence": "cannot propose it: lists of related items by cosine hold it, but none of the subject's items",
        "popularity": f"has nothing to propose it by: {NO_SCORE_BECAUSE['popularity']}",
    }


def test_what_rules_left_out_of_how_many(night: Path, shortlist: Shortlist) -> None:
    """Of a to h: b and f have one user each, d is retired, the catalog does not describe e."""
    row = {
        "surface": "homefeed",
        "subject_id": "u1",
        "length": 1,
        "eligible_left": 3,
        "removed": '{"seen": 1}',
        "run_date": D3,
    }
    write(night, "short_lists", "short_lists", [row])
    of = "8 items that somebody took"
    assert shortlist("why", "homefeed", "u1", "--json").facts["rules"] == [
        {"rule": "minimum_support", "left_out": 2, "of": of},
        {"rule": "described", "left_out": 1, "of": of},
        {"rule": "active", "left_out": 1, "of": of},
        {"rule": "seen", "left_out": 1, "of": "what may be shown"},
    ]
    without_floor = ("--json", "--set", "surfaces.homefeed.min_item_support=0")
    assert {each["of"] for each in shortlist("why", "homefeed", "u1", *without_floor).facts["rules"]} == {
        f"{of}, or the catalog describes",
        "what may be shown",
    }
    assert shortlist("why", "homefeed", "u1", "c", "--json").facts["rules"] == []
    assert "what rules left out" in shortlist("why", "homefeed", "u1").out


def test_what_rules_left_out_is_what_the_run_counted(night: Path, shortlist: Shortlist) -> None:
    """Two more items than somebody took: the models of the run name them. A run after the published one counted other items."""
    settings = load_settings(night.parent / "shortlist.yaml")
    of_run = ItemRules(items=10, eligible=4, left_out={"minimum_support": 4, "described": 3, "active": 1})
    counts, published = {}, DeltaTable(night / "source_candidates").version()
    for version in (published, published + 1):
        outputs = {f"source_candidates/run_date={D3}": version}
        generated = Manifest("generate_candidates", D3, outputs=outputs, item_rules={"homefeed": of_run})
        write_manifest(settings.paths.manifests, generated)
        rules = shortlist("why", "homefeed", "u1", "--json").facts["rules"]
        counts[version] = [(each["rule"], each["left_out"], each["of"]) for each in rules]
    assert counts[published] == [
        ("minimum_support", 4, "10 items"),
        ("described", 3, "10 items"),
        ("active", 1, "10 items"),
    ]
    assert {of for *_, of in counts[published + 1]} == {"8 items that somebody took"}
