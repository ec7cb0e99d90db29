"""Rules by hand, on all items and on one."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules import (
    ITEM_RULES,
    LIST_RULES,
    PAIR_RULES,
    RULES,
    TABLE_RULES,
    eligible_items,
    forbidding_rules,
    ineligibility_reasons,
    removing_rules,
)
from shortlist.rules.categories import category_numbers, repeat_intervals
from shortlist.rules.facts import ItemFacts, ListFacts, PairFacts

# support, described, status, buyable
ITEMS: list[tuple[int, bool, str | None, bool | None]] = [
    (2, True, "active", True),
    (2, True, "active", False),
    (2, True, "retired", True),
    (1, True, "active", True),
    (2, False, None, None),
    (2, True, None, None),
]


def facts(catalog: bool = True) -> ItemFacts:
    support, described, status, buyable = (np.array(column, object) for column in zip(*ITEMS, strict=True))
    promoted = np.array([True, True, True, True, False, True])
    return ItemFacts(
        support.astype(np.int64), described.astype(np.bool_) if catalog else None, status, buyable, promoted
    )


def surface(**settings: Any) -> SurfaceConfig:
    return SurfaceConfig.model_validate({"subject": "user", "sources": ["als"], "min_item_support": 2, **settings})


@pytest.mark.parametrize(
    ("active", "buyable", "left"),
    [
        (True, False, [0, 1]),
        (False, True, [0, 2]),
        (True, True, [0]),
        (False, False, [0, 1, 2, 4, 5]),
    ],
)
def test_the_catalog_filters_where_asked(active: bool, buyable: bool, left: list[int]) -> None:
    asked = surface(active_items_only=active, buyable_items_only=buyable)
    assert np.flatnonzero(eligible_items(facts(), asked)).tolist() == left
    assert [index for index in range(len(ITEMS)) if not ineligibility_reasons(facts(), asked, index)] == left


def test_without_a_catalog_only_the_floor_is_asked() -> None:
    asked = surface(active_items_only=True, buyable_items_only=True)
    assert np.flatnonzero(eligible_items(facts(catalog=False), asked)).tolist() == [0, 1, 2, 4, 5]


def test_every_reason_is_said() -> None:
    asked = surface(active_items_only=True, buyable_items_only=True, min_item_support=3)
    reasons = [ineligibility_reasons(facts(), asked, index) for index in (0, 2, 4, 5)]
    floor = "below the support floor: 2 users, min_item_support is 3"
    assert reasons == [
        [floor],
        [floor, "its catalog status is retired, active_items_only is on"],
        [floor, "the catalog does not describe it, and the surface's rules need its description"],
        [
            floor,
            "its catalog status is None, active_items_only is on",
            "it cannot be bought, buyable_items_only is on",
        ],
    ]


# Pairs: the subject itself; taken 5 days ago, bought every 10; taken and hidden, bought 4 days ago; hidden at sight; taken
# 100 days ago, and nobody knows when it is bought again.
PAIRS = PairFacts(
    itself=np.array([True, False, False, False, False]),
    engaged=np.array([False, True, True, False, True]),
    hidden=np.array([False, False, True, True, False]),
    since_purchase=np.array([np.nan, 5, 4, np.nan, 100], np.float32),
    interval=np.array([np.inf, 10, 10, 10, np.inf], np.float32),
    addressed=np.array([True, True, False, True, True]),
)


@pytest.mark.parametrize(
    ("seen", "hidden", "rules"),
    [
        (True, True, ["itself", "seen", "hidden", "hidden", "seen"]),
        (False, True, ["itself", None, "hidden", "hidden", None]),
        (True, False, ["itself", "seen", "seen", None, "seen"]),
        (False, False, ["itself", None, None, None, None]),
    ],
)
def test_seen_and_hidden_are_two_masks(seen: bool, hidden: bool, rules: list[str | None]) -> None:
    asked = surface(mask_seen=seen, mask_hidden=hidden)
    assert names(forbidding_rules(PAIRS, asked)) == rules


@pytest.mark.parametrize(
    ("share", "rules"),
    [
        (0.4, ["itself", None, None, None, "paused"]),  # 4 days: what was bought 4 days ago is due
        (0.5, ["itself", None, "paused", None, "paused"]),
        (0.51, ["itself", "paused", "paused", None, "paused"]),
    ],
)
def test_what_was_bought_returns_after_a_share_of_its_interval(share: float, rules: list[str | None]) -> None:
    asked = surface(mask_seen=False, mask_hidden=False, pause={"share": share})
    assert names(forbidding_rules(PAIRS, asked)) == rules


def names(found: NDArray[np.int8]) -> list[str | None]:
    return [None if position < 0 else list(PAIR_RULES)[position] for position in found]


def test_a_surface_that_gives_nothing_again_has_no_pause() -> None:
    with pytest.raises(ValueError, match="mask_seen is on"):
        surface(pause={})
    with pytest.raises(ValueError, match="the subject is an item"):
        surface(subject="item", mask_seen=False, pause={})


def test_intervals_are_means_over_a_category_with_enough_repeats() -> None:
    # Category 0: 3 repeats within 30 + 6 days; 1: a repeat too few; items without category are one.
    days = repeat_intervals(
        np.array([0, 1, 0, -1, -1], np.int32),
        np.array([30, 50, 6, 8, 8]) * 86_400,
        np.array([2, 1, 1, 1, 1]),
        2,
    )
    assert days.tolist() == [12.0, np.inf, 12.0, 8.0, 8.0]
    assert np.isinf(repeat_intervals(np.array([0], np.int32), np.array([0]), np.array([0]), 1)).all()


def test_categories_are_the_first_levels_of_a_path() -> None:
    paths = pa.array(
        [["food", "milk", "oat"], ["food", "milk"], None, ["food"], [], ["food", "bread"]], pa.list_(pa.string())
    )
    assert category_numbers(paths, 2).tolist() == [0, 0, -1, 1, -1, 2]
    assert category_numbers(paths, 1).tolist() == [0, 0, -1, 0, -1, 0]
    assert category_numbers(paths, None).tolist() == [0, 1, -1, 2, -1, 3]


# Candidates of two subjects, the best first.
CANDIDATES = ListFacts(
    np.array([0, 0, 0, 0, 0, 0, 1, 1]),
    np.array([1, -1, 2, 1, 1, -1, 1, 1], np.int32),
    np.array([2, -1, 0, 2, 2, 1, 1, 0], np.int32),
)


@pytest.mark.parametrize(("most", "removed"), [(1, [3, 4, 7]), (2, [4]), (3, []), (None, [])])
def test_the_best_of_a_category_stay(most: int | None, removed: list[int]) -> None:
    assert np.flatnonzero(removing_rules(CANDIDATES, surface(max_per_category=most)) >= 0).tolist() == removed


@pytest.mark.parametrize(
    ("limits", "removed"),
    [
        ({"max_per_campaign": 1}, [3, 4]),
        ({"max_per_campaign": 2}, [4]),
        ({"max_campaigns": 1}, [2, 5, 7]),  # campaign 2 begins the first list, 1 the second; one item has none
        ({"max_campaigns": 2}, [5]),
        ({"max_campaigns": 2, "max_per_campaign": 1}, [3, 4, 5]),
        ({}, []),
    ],
)
def test_the_best_campaigns_and_the_best_of_each_stay(limits: dict[str, int], removed: list[int]) -> None:
    assert np.flatnonzero(removing_rules(CANDIDATES, surface(promotions=limits)) >= 0).tolist() == removed


def test_lists_without_campaigns_or_without_candidates_are_left_alone() -> None:
    for numbers in ([0, 0], []):
        none = np.full(len(numbers), -1, np.int32)
        lists = ListFacts(np.array(numbers, np.int64), none, none)
        limited = surface(promotions={"max_campaigns": 1, "max_per_campaign": 1})
        assert (removing_rules(lists, limited) < 0).all()


@pytest.mark.parametrize(("share", "rows"), [(0.29, 29), (1.0, 100), (0.001, 0), (None, None)])
def test_a_share_of_all_places_is_counted_in_whole_rows(share: float | None, rows: int | None) -> None:
    asked = surface(k=10, promotions={"max_campaign_share": share})
    assert TABLE_RULES["campaign_share"].most_rows(asked, 10) == rows
    assert TABLE_RULES["campaign_share"].most_rows(surface(), 10) is None


def test_promotions_are_for_users() -> None:
    with pytest.raises(ValueError, match="the subject is an item"):
        surface(subject="item", promotions={})


def test_every_rule_has_a_name_of_its_own() -> None:
    kinds = (ITEM_RULES, PAIR_RULES, LIST_RULES, TABLE_RULES)
    assert set(RULES) == {name for rules in kinds for name in rules}
    assert len(RULES) == sum(map(len, kinds))


# What each rule refuses of ITEMS, PAIRS or CANDIDATES, by settings under which it is on. A rule without an entry fails its test.
REFUSES: dict[str, tuple[dict[str, Any], list[int]]] = {
    "minimum_support": ({}, [3]),
    "described": ({"active_items_only": True}, [4]),
    "active": ({"active_items_only": True}, [2, 5]),
    "buyable": ({"buyable_items_only": True}, [1, 5]),
    "itself": ({}, [0]),
    "hidden": ({"mask_hidden": True}, [2, 3]),
    "seen": ({"mask_seen": True}, [1, 2, 4]),
    "paused": ({"mask_seen": False, "pause": {"share": 0.5}}, [2, 4]),
    "max_per_category": ({"max_per_category": 1}, [3, 4, 7]),
    "promoted": ({"promotions": {}}, [4]),
    "audience": ({"promotions": {}}, [2]),
    "max_per_campaign": ({"promotions": {"max_per_campaign": 2}}, [4]),
    "max_campaigns": ({"promotions": {"max_campaigns": 2}}, [5]),
}


@pytest.mark.parametrize("name", ITEM_RULES)
def test_every_item_rule_is_seen_to_refuse(name: str) -> None:
    assert name in REFUSES, f"say in REFUSES which of ITEMS rule {name} refuses"
    rule, (settings, refused) = ITEM_RULES[name], REFUSES[name]
    assert rule.is_on(facts(), surface(**settings))
    assert np.flatnonzero(~rule.allows(facts(), surface(**settings))).tolist() == refused
    assert rule.reason(facts(), surface(**settings), refused[0])


@pytest.mark.parametrize("name", PAIR_RULES)
def test_every_pair_rule_is_seen_to_refuse(name: str) -> None:
    assert name in REFUSES, f"say in REFUSES which of PAIRS rule {name} refuses"
    rule, (settings, refused) = PAIR_RULES[name], REFUSES[name]
    assert rule.is_on(surface(**settings))
    assert np.flatnonzero(rule.forbids(PAIRS, surface(**settings))).tolist() == refused
    assert rule.reason


@pytest.mark.parametrize("name", LIST_RULES)
def test_every_list_rule_is_seen_to_refuse(name: str) -> None:
    assert name in REFUSES, f"say in REFUSES which of CANDIDATES rule {name} refuses"
    rule, (settings, refused) = LIST_RULES[name], REFUSES[name]
    assert rule.is_on(surface(**settings))
    assert np.flatnonzero(~rule.keeps(CANDIDATES, surface(**settings))).tolist() == refused
    assert rule.reason
