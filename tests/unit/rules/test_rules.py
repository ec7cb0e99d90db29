"""Rules by hand, on all items and on one."""

from datetime import UTC, date, datetime
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
    TABLE_RULES,
    eligible_items,
    forbidding_rules,
    ineligibility_reasons,
    removing_rules,
)
from shortlist.rules.age_window import ages_of
from shortlist.rules.categories import category_numbers, repeat_intervals
from shortlist.rules.facts import ItemFacts, ItemTraits, ListFacts, PairFacts

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
    return ItemFacts(
        support=support.astype(np.int64),
        described=described.astype(np.bool_) if catalog else None,
        status=status,
        buyable=buyable,
        ids=pa.array(list("abcdef")),
        creators=pa.array(["x", None, "y", "x", None, "y"]),
        prices=np.array([1, 2.5, 4, np.nan, np.nan, 0]),
        ages=np.array([0.5, 7, 30, 400, np.nan, np.nan]),
        promoted=np.array([True, True, True, True, False, True]),
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


# Of these the catalog does not describe item 4: that is the reason, whatever its price or age.
@pytest.mark.parametrize(
    ("limits", "left", "said"),
    [
        ({"min_price": 1}, [0, 1, 2], "its price is 0, min_price is 1.0, max_price is None"),
        ({"max_price": 2.5}, [0, 1, 5], "its price is 4, min_price is None, max_price is 2.5"),
        ({"min_price": 2, "max_price": 3}, [1], "its price is not in the catalog, min_price is 2.0, max_price is 3.0"),
        (
            {"min_item_age_days": 7},
            [1, 2, 3],
            "its age is 0.5 days, min_item_age_days is 7.0, max_item_age_days is None",
        ),
        ({"max_item_age_days": 30}, [0, 1, 2], "its age is not in the catalog, min_item_age_days is None"),
        ({"min_item_age_days": 1, "max_item_age_days": 10}, [1], "its age is 400.0 days, min_item_age_days is 1.0"),
        ({"blocked_items": ["b", "z"]}, [0, 2, 3, 4, 5], "it is among blocked_items"),
        ({"blocked_creators": ["y"]}, [0, 1, 3, 4], "its creator y is among blocked_creators"),
    ],
)
def test_limits_leave_out_what_is_not_known_to_be_within(limits: dict[str, Any], left: list[int], said: str) -> None:
    asked = surface(active_items_only=False, min_item_support=0, **limits)
    assert np.flatnonzero(eligible_items(facts(), asked)).tolist() == left
    reasons = [ineligibility_reasons(facts(), asked, index) for index in range(len(ITEMS)) if index not in left]
    assert any(said in reason for [reason] in reasons)


def test_limits_need_a_catalog_and_blocked_items_do_not() -> None:
    asked = surface(active_items_only=False, min_item_support=0, min_price=2, max_item_age_days=1, blocked_items=["a"])
    assert np.flatnonzero(eligible_items(facts(catalog=False), asked)).tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("limits", [{"min_price": 2, "max_price": 1}, {"min_item_age_days": 2, "max_item_age_days": 1}])
def test_limits_that_leave_nothing_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no item is between"):
        surface(**limits)


def test_ages_count_to_the_end_of_the_run_date() -> None:
    created = pa.array(
        [datetime(2017, 11, 30, 12, tzinfo=UTC), None, datetime(2017, 12, 2, tzinfo=UTC)], pa.timestamp("us", "UTC")
    )
    np.testing.assert_array_equal(ages_of(created, date(2017, 11, 30)), [0.5, np.nan, -1])


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
    served=np.array([False, True, False, True, False]),
    sent=np.array([False, False, True, True, False]),
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


@pytest.mark.parametrize(
    ("settings", "rules"),
    [
        ({"fatigue": {}}, ["itself", "served", None, "served", None]),
        ({"sent": {"surface": "mail"}}, ["itself", None, "sent", "sent", None]),
        ({"sent": {"surface": "mail", "item_days": None}}, ["itself", None, None, None, None]),
        (
            {"fatigue": {}, "sent": {"surface": "mail"}, "mask_hidden": True},
            ["itself", "served", "hidden", "hidden", None],
        ),
    ],
)
def test_what_was_shown_or_sent_rests_where_asked(settings: dict[str, Any], rules: list[str | None]) -> None:
    assert names(forbidding_rules(PAIRS, surface(**{"mask_seen": False, "mask_hidden": False, **settings}))) == rules


@pytest.mark.parametrize(
    "setting",
    [{"fatigue": {}}, {"sent": {"surface": "mail"}}, {"blocked_audience": "staff"}, {"active_within_days": 7}],
)
def test_what_rests_and_who_is_blocked_is_about_users(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is about users, the subject is an item"):
        surface(subject="item", **setting)


def test_a_surface_that_passes_users_over_does_not_address_everybody() -> None:
    mail = {"surface": "mail", "item_days": 9}
    settings: tuple[dict[str, Any], ...] = (
        {},
        {"fatigue": {}},
        {"sent": {**mail, "user_days": None}},
        {"sent": mail},
        {"blocked_audience": "staff"},
        {"active_within_days": 7},
    )
    assert [surface(**each).addresses_everybody for each in settings] == [True, True, True, False, False, True]


def test_who_is_lapsing_is_not_active() -> None:
    with pytest.raises(
        ValueError, match="active_within_days would pass over those whom lapsing is for; next: take it out"
    ):
        surface(lapsing={}, active_within_days=7)


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
    ItemTraits(
        np.array([1, -1, 2, 1, 1, -1, 1, 1], np.int32),
        np.array([0, 0, 0, -1, 1, -1, 0, 1], np.int32),
        np.array([3, 4, -1, 3, -1, 4, 3, 3], np.int32),
        np.array([False, False, True, False, True, False, False, True]),
    ),
    np.array([2, -1, 0, 2, 2, 1, 1, 0], np.int32),
    np.array([False, True, False, False, False, True, True, False]),
    np.array([0, -1, 1, 0, 0, -1, 1, 0], np.int8),
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


def test_what_a_rule_took_out_fills_no_place_of_another() -> None:
    """Copies go first: of the first list 3 and 5, of the second 7; then categories have one item each, and creator 0 one."""
    asked = surface(one_per_content_key=True, max_per_category=1, max_per_creator=1)
    found = [None if rule < 0 else list(LIST_RULES)[rule] for rule in removing_rules(CANDIDATES, asked)]
    by_creator, by_category, copy = "max_per_creator", "max_per_category", "one_per_content_key"
    assert found == [None, by_creator, by_creator, copy, by_category, copy, None, copy]


def test_lists_without_campaigns_or_without_candidates_are_left_alone() -> None:
    for numbers in ([0, 0], []):
        lists = ListFacts.of(np.array(numbers, np.int64), ItemTraits.none(len(numbers)))
        campaigns = {"max_campaigns": 1, "max_per_campaign": 1}
        limited = surface(promotions=campaigns, max_per_category=1, max_per_creator=1, one_per_content_key=True)
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
    names = [name for rules in (ITEM_RULES, PAIR_RULES, LIST_RULES, TABLE_RULES) for name in rules]
    assert sorted(names) == sorted(set(names))


# What each rule refuses of ITEMS, PAIRS or CANDIDATES, by settings under which it is on. A rule without an entry fails its test.
REFUSES: dict[str, tuple[dict[str, Any], list[int]]] = {
    "minimum_support": ({}, [3]),
    "described": ({"active_items_only": True}, [4]),
    "active": ({"active_items_only": True}, [2, 5]),
    "buyable": ({"buyable_items_only": True}, [1, 5]),
    "price_band": ({"min_price": 2}, [0, 3, 5]),
    "age_window": ({"max_item_age_days": 7}, [2, 3, 5]),
    "blocked_items": ({"blocked_items": ["c"]}, [2]),
    "blocked_creators": ({"blocked_creators": ["x"]}, [0, 3]),
    "itself": ({}, [0]),
    "hidden": ({"mask_hidden": True}, [2, 3]),
    "seen": ({"mask_seen": True}, [1, 2, 4]),
    "paused": ({"mask_seen": False, "pause": {"share": 0.5}}, [2, 4]),
    "served": ({"fatigue": {}}, [1, 3]),
    "sent": ({"sent": {"surface": "mail"}}, [2, 3]),
    "only_relation": ({"subject": "item", "relations": {"only": "complements"}}, [0, 1, 3, 4, 5, 7]),
    "max_per_category": ({"max_per_category": 1}, [3, 4, 7]),
    "max_per_creator": ({"max_per_creator": 2}, [2]),
    "one_per_content_key": ({"one_per_content_key": True}, [3, 5, 7]),
    "kept_slots": ({"fresh": {"slots": 2}, "k": 3}, [1, 3, 5]),
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
