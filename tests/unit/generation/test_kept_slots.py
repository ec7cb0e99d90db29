"""Which candidates slots of lists are kept for: fresh ones, those that are new to the subject, substitutes and complements."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from shortlist.rules.facts import ItemTraits
from shortlist.sources.als import BesideItems
from tests.unit.generation.test_one_pass import (
    HISTORIES,
    READING,
    VECTORS,
    batch_of,
    entry,
    one_pass,
    rows_of,
    surface,
    with_rules,
)


def test_a_slot_says_what_it_is_kept_for() -> None:
    """Proposed are d, e, b and f, in this order; d and f are fresh. A slot for one fresh item is d's anyway."""
    fresh = replace(ItemTraits.none(6), fresh=np.isin(np.arange(6), [3, 5]))
    for k, slots, listed in [
        (3, 1, [("d", "ranked"), ("e", "ranked"), ("b", "ranked")]),
        (3, 2, [("d", "ranked"), ("e", "ranked"), ("f", "fresh")]),
        (4, 2, [("d", "ranked"), ("e", "ranked"), ("b", "ranked"), ("f", "ranked")]),
    ]:
        (row,) = rows_of(with_rules(fresh, k, fresh={"slots": slots}), batch_of({"u": HISTORIES["u1"]}))
        assert [(each["item_id"], each["slot"]) for each in row["listed"]] == listed  # type: ignore[attr-defined]


def test_a_slot_is_kept_for_what_the_subject_never_engaged_with() -> None:
    """Of a user who took a, b and c are proposed d, c, e, b, a and f, in this order."""
    repeat = replace(READING, surface=surface(mask_seen=False))
    batch = batch_of({"u": [entry("a", 1.0, 30), entry("b", 2.0, 29), entry("c", 3.0, 28)]})
    for k, slots, listed in [
        (2, 1, [("d", "ranked"), ("c", "ranked")]),
        (2, 2, [("d", "ranked"), ("e", "first_time")]),
        (4, 3, [("d", "ranked"), ("c", "ranked"), ("e", "ranked"), ("f", "first_time")]),
        (6, 6, [(item, "ranked") for item in "dcebaf"]),
    ]:
        (row,) = rows_of(
            with_rules(ItemTraits.none(6), k, mask_seen=False, first_time={"slots": slots}), batch, reading=repeat
        )
        assert [(each["item_id"], each["slot"]) for each in row["listed"]] == listed  # type: ignore[attr-defined]


# a, b and d are of one category, e and f of another one; c has none.
OF_CATEGORIES = np.array([0, 0, -1, 0, 1, 1], np.int32)


def beside_items(k: int, related_by: NDArray[np.int32] | None = OF_CATEGORIES, **rules: object) -> list[dict[str, Any]]:
    """The lists of a and b; c and f are fresh. Without rules they are b, c, d, e, f and c, d, e, a, f."""
    fresh = replace(ItemTraits.none(6), fresh=np.isin(np.arange(6), [2, 5]))
    pass_ = with_rules(fresh, k, related_by, subject="item", **rules)
    pass_ = replace(pass_, scorers=one_pass(als=BesideItems(VECTORS)).scorers)
    return rows_of(pass_, pa.RecordBatch.from_pydict({"subject_id": ["a", "b"]}), "item")


def marked(rows: list[dict[str, Any]], column: str) -> list[str]:
    """Each list as its items, each with the first letter of a column; - for none."""
    return [" ".join(each["item_id"] + (each[column] or "-")[0] for each in row["listed"]) for row in rows]


def test_candidates_are_substitutes_or_complements_of_the_item_of_their_list() -> None:
    assert marked(beside_items(6, relations={}), "relation") == ["bs c- ds ec fc", "c- ds ec as fc"]
    assert marked(beside_items(6, None, relations={}), "relation") == ["b- c- d- e- f-", "c- d- e- a- f-"]


@pytest.mark.parametrize(("only", "lists"), [("substitutes", ["bs ds", "ds as"]), ("complements", ["ec fc", "ec fc"])])
def test_a_list_holds_one_relation_where_asked(only: str, lists: list[str]) -> None:
    rows = beside_items(6, relations={"only": only})
    assert marked(rows, "relation") == lists
    assert [dict(row["removed"]) for row in rows] == [{"itself": 1, "only_relation": 3}] * 2
    without_catalog = beside_items(6, None, relations={"only": only})
    assert marked(without_catalog, "relation") == ["b- c- d- e- f-", "c- d- e- a- f-"]
    assert [dict(row["removed"]) for row in without_catalog] == [{"itself": 1}] * 2


@pytest.mark.parametrize(
    ("k", "rules", "lists"),
    [
        (2, {"relations": {"substitutes": 1, "complements": 1}}, ["br ec", "dr ec"]),
        (3, {"relations": {"substitutes": 1, "complements": 1}}, ["br cr ec", "cr dr er"]),
        (3, {"relations": {"complements": 2}}, ["br ec fc", "cr er fc"]),
        (3, {"relations": {"substitutes": 2}}, ["br cr dr", "cr dr as"]),
        (3, {"fresh": {"slots": 2}}, ["br cr ff", "cr dr ff"]),
        (2, {"fresh": {"slots": 1}, "relations": {"complements": 1}}, ["cr ec", "cr ec"]),
        # f is fresh and a complement: it counts for both, and a third slot is the best other one's.
        (3, {"fresh": {"slots": 2}, "relations": {"complements": 1}}, ["br cr ff", "cr dr ff"]),
    ],
)
def test_slots_of_lists_beside_items_are_kept_for_fresh_ones_and_for_relations(
    k: int, rules: dict[str, Any], lists: list[str]
) -> None:
    assert marked(beside_items(k, **rules), "slot") == lists
    assert marked(beside_items(k, None, relations={"complements": 2}), "slot") == [
        " ".join(f"{item}r" for item in items[:k]) for items in ("bcdef", "cdeaf")
    ]
