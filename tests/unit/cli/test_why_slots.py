"""What `why` says of slots: how an item came to its own, and whether others are the reason that it has none."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.published import decide, lists, write
from tests.unit.cli.conftest import D3, Shortlist
from tests.unit.cli.night import write_night


@pytest.fixture
def night(warehouse: Path) -> Path:
    write_night(warehouse)
    return warehouse


@pytest.mark.parametrize(
    ("removed", "k", "verdict"),
    [
        ({"g": "kept_slots"}, 2, "kept_slots"),  # of two it would be the second
        ({"g": "kept_slots"}, 1, "below_k"),
        ({"c": "kept_slots", "g": "kept_slots"}, 1, "below_k"),
        ({"c": "max_per_category", "g": "kept_slots"}, 1, "kept_slots"),  # the first of what other rules leave
    ],
)
def test_kept_slots_are_the_cause_only_within_k(
    warehouse: Path, shortlist: Shortlist, removed: dict[str, str], k: int, verdict: str
) -> None:
    """Of u1's candidates c comes first, then g, then h; c is listed."""
    write_night(warehouse, {("u1", item): rule for item, rule in removed.items()})
    asked = ("--json", "--set", f"surfaces.homefeed={{k: {k}, fresh: {{slots: 1, max_age_days: 2}}}}")
    facts = shortlist("why", "homefeed", "u1", "g", *asked).facts
    assert facts["verdict"] == verdict
    assert ("but 1 others rank above it" in facts["says"]) == (verdict == "below_k")


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("c", "proposed by als, cooccurrence; reason: goes with c"),
        ("h", "reason: goes with h; drawn for an exploration slot with probability 0.25"),
        ("a", "reason: goes with a; in a slot that is kept for fresh items"),
        ("b", "reason: goes with b; in a slot that is kept for the interest around item c"),
        ("f", "reason: goes with f; in a slot that is kept for items that the subject never engaged with"),
        (
            "g",
            "but 1 others rank above it once the sources are blended, and the 1 that were drawn are others, and 1 slots are kept "
            "for the subject's interests, and 1 slots are kept for fresh items, and 1 slots are kept for items that the subject "
            "never engaged with (k is 2)",
        ),
    ],
)
def test_how_an_item_came_to_its_slot(night: Path, shortlist: Shortlist, item: str, said: str) -> None:
    slots = {
        "c": ("ranked", 1.0),
        "a": ("fresh", 1.0),
        "h": ("exploration", 0.25),
        "b": ("interest", 1.0),
        "f": ("first_time", 1.0),
    }
    rows = [
        {**row, "slot": slot, "propensity": share, "condition": "c" if slot == "interest" else None}
        for row in lists({"u1": "cahbf"}, D3)
        for slot, share in [slots[row["item_id"]]]
    ]
    version = write(night, "candidates_homefeed", "candidates", rows)
    later = datetime(D3.year, D3.month, D3.day, 3, tzinfo=UTC)
    decide(night, "homefeed", D3, "published", version, published_at=later)
    says = shortlist("why", "homefeed", "u1", item, "--json").facts["says"]
    assert says.endswith(said)
    drawn = {
        row["item_id"]: row["propensity"] for row in shortlist("show", "homefeed", "u1", "--json").facts["candidates"]
    }
    assert drawn == {item: share for item, (_, share) in slots.items()}


def test_what_an_item_is_to_that_of_its_list(warehouse: Path, shortlist: Shortlist) -> None:
    write_night(warehouse, {})
    of_items = [("c", "ranked", "substitute"), ("g", "complement", "complement"), ("h", "ranked", None)]
    rows = [
        {**row, "slot": slot, "relation": relation}
        for row, (_, slot, relation) in zip(lists({"a": "cgh"}, D3), of_items, strict=True)
    ]
    version = write(warehouse, "candidates_related", "candidates", rows)
    later = datetime(D3.year, D3.month, D3.day, 3, tzinfo=UTC)
    decide(warehouse, "related", D3, "published", version, published_at=later)
    says = [shortlist("why", "related", "a", item, "--json").facts["says"] for item in "cgh"]
    assert says[0].endswith("reason: goes with c; a substitute of a")
    assert says[1].endswith("reason: goes with g; a complement of a; in a slot that is kept for complements")
    assert says[2].endswith("reason: goes with h")
    shown = shortlist("show", "related", "a", "--json").facts["candidates"]
    assert [each["relation"] for each in shown] == ["substitute", "complement", None]
    text = shortlist("show", "related", "a").out
    assert "relation" in text
    assert "complement" in text
    write_night(warehouse)
    assert "relation" not in shortlist("show", "homefeed", "u1").out
