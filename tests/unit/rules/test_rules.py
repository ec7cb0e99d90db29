"""Rules by hand, on all items and on one."""

from typing import Any

import numpy as np
import pytest

from shortlist.config import SurfaceConfig
from shortlist.rules import (
    ITEM_RULES,
    PAIR_RULES,
    RULES,
    eligible_items,
    forbidden_pairs,
    forbidding_rule,
    ineligibility_reasons,
)
from shortlist.rules.facts import ItemFacts, PairFacts

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
    return ItemFacts(support.astype(np.int64), described.astype(np.bool_) if catalog else None, status, buyable)


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


# Pairs: the subject itself; taken; taken and hidden; hidden at sight.
PAIRS = PairFacts(
    itself=np.array([True, False, False, False]),
    engaged=np.array([False, True, True, False]),
    hidden=np.array([False, False, True, True]),
)


@pytest.mark.parametrize(
    ("seen", "hidden", "rules"),
    [
        (True, True, ["itself", "seen", "hidden", "hidden"]),
        (False, True, ["itself", None, "hidden", "hidden"]),
        (True, False, ["itself", "seen", "seen", None]),
        (False, False, ["itself", None, None, None]),
    ],
)
def test_seen_and_hidden_are_two_masks(seen: bool, hidden: bool, rules: list[str | None]) -> None:
    asked = surface(mask_seen=seen, mask_hidden=hidden)
    assert [forbidding_rule(PAIRS, asked, index) for index in range(4)] == rules
    assert forbidden_pairs(PAIRS, asked).tolist() == [rule is not None for rule in rules]


def test_every_rule_has_a_name_of_its_own() -> None:
    assert set(RULES) == set(ITEM_RULES) | set(PAIR_RULES)
    assert len(RULES) == len(ITEM_RULES) + len(PAIR_RULES)


# What each rule refuses of ITEMS or PAIRS, by settings under which it is on. A rule without an entry fails its test.
REFUSES: dict[str, tuple[dict[str, Any], list[int]]] = {
    "minimum_support": ({}, [3]),
    "described": ({"active_items_only": True}, [4]),
    "active": ({"active_items_only": True}, [2, 5]),
    "buyable": ({"buyable_items_only": True}, [1, 5]),
    "itself": ({}, [0]),
    "hidden": ({"mask_hidden": True}, [2, 3]),
    "seen": ({"mask_seen": True}, [1, 2]),
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
