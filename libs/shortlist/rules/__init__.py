"""Rules, stated once for generation and `shortlist why`: one file each, one entry here."""

from collections.abc import Mapping
from functools import reduce
from operator import and_
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.columns import CATEGORY, CONTENT_KEY, CREATED_AT, CREATOR, PRICE
from shortlist.config import SurfaceConfig
from shortlist.rules.active import ACTIVE
from shortlist.rules.age_window import AGE_WINDOW
from shortlist.rules.audience import AUDIENCE
from shortlist.rules.blocked_creators import BLOCKED_CREATORS
from shortlist.rules.blocked_items import BLOCKED_ITEMS
from shortlist.rules.buyable import BUYABLE
from shortlist.rules.campaign_share import CAMPAIGN_SHARE
from shortlist.rules.described import DESCRIBED
from shortlist.rules.facts import ItemFacts, ItemRule, ListFacts, ListRule, PairFacts, PairRule, TableRule
from shortlist.rules.hidden import HIDDEN
from shortlist.rules.itself import ITSELF
from shortlist.rules.kept_slots import KEPT_SLOTS, members_of, reserve
from shortlist.rules.max_campaigns import MAX_CAMPAIGNS
from shortlist.rules.max_per_campaign import MAX_PER_CAMPAIGN
from shortlist.rules.max_per_category import MAX_PER_CATEGORY
from shortlist.rules.max_per_creator import MAX_PER_CREATOR
from shortlist.rules.minimum_support import MINIMUM_SUPPORT
from shortlist.rules.one_per_content_key import ONE_PER_CONTENT_KEY
from shortlist.rules.only_relation import ONLY_RELATION
from shortlist.rules.paused import PAUSED
from shortlist.rules.price_band import PRICE_BAND
from shortlist.rules.promoted import PROMOTED
from shortlist.rules.seen import SEEN
from shortlist.rules.sent import SENT
from shortlist.rules.served import SERVED

# Which items may be shown to anybody.
ITEM_RULES: Final[Mapping[str, ItemRule]] = {
    "minimum_support": MINIMUM_SUPPORT,
    "described": DESCRIBED,
    "active": ACTIVE,
    "buyable": BUYABLE,
    "price_band": PRICE_BAND,
    "age_window": AGE_WINDOW,
    "blocked_items": BLOCKED_ITEMS,
    "blocked_creators": BLOCKED_CREATORS,
    "promoted": PROMOTED,
}
# Which of them a subject must not be given. The first that forbids a pair is the reason that people see.
PAIR_RULES: Final[Mapping[str, PairRule]] = {
    "itself": ITSELF,
    "audience": AUDIENCE,
    "hidden": HIDDEN,
    "seen": SEEN,
    "paused": PAUSED,
    "served": SERVED,
    "sent": SENT,
}
# Which candidates a list is left without once it is ranked; each rule sees what those before it left.
LIST_RULES: Final[Mapping[str, ListRule]] = {
    "only_relation": ONLY_RELATION,  # the first: what is left out anyway fills no slot of another rule
    "one_per_content_key": ONE_PER_CONTENT_KEY,
    "max_per_category": MAX_PER_CATEGORY,
    "max_per_creator": MAX_PER_CREATOR,
    "max_per_campaign": MAX_PER_CAMPAIGN,
    "max_campaigns": MAX_CAMPAIGNS,
    "kept_slots": KEPT_SLOTS,  # the last: it counts the slots of whole lists
}
# Which rows of all lists together are left out, once the lists are made.
TABLE_RULES: Final[Mapping[str, TableRule]] = {
    "campaign_share": CAMPAIGN_SHARE,
}


def ruled_columns(surface: SurfaceConfig) -> set[str]:
    """Columns of the catalog that a surface's rules go by, beside status and buyable."""
    asked = {
        CATEGORY: surface.needs_categories,
        CREATOR: surface.max_per_creator is not None or bool(surface.blocked_creators),
        CONTENT_KEY: surface.one_per_content_key,
        PRICE: surface.has_price_band,
        CREATED_AT: surface.has_age_window or surface.fresh is not None,
    }
    return {name for name, is_asked in asked.items() if is_asked}


def eligible_items(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    """Which items the surface may show: (n,) bool."""
    asked = [rule.allows(items, surface) for rule in ITEM_RULES.values() if rule.is_on(items, surface)]
    return reduce(and_, asked, np.ones(len(items.support), np.bool_))


def left_out(items: ItemFacts, surface: SurfaceConfig) -> dict[str, int]:
    """How many items each rule that the surface asks for leaves out, by name; an item may be left out by several."""
    asked = {name: rule for name, rule in ITEM_RULES.items() if rule.is_on(items, surface)}
    return {name: int((~rule.allows(items, surface)).sum()) for name, rule in asked.items()}


def ineligibility_reasons(items: ItemFacts, surface: SurfaceConfig, index: int) -> list[str]:
    """Why the surface may not show the item at an index, every reason; empty when it may."""
    asked = [rule for rule in ITEM_RULES.values() if rule.is_on(items, surface)]
    return [rule.reason(items, surface, index) for rule in asked if not rule.allows(items, surface)[index]]


def forbidding_rules(pairs: PairFacts, surface: SurfaceConfig) -> NDArray[np.int8]:
    """The first rule that forbids each pair: (n,) int8, its position in PAIR_RULES; -1 where the pair may be given."""
    found = np.full(len(pairs.itself), -1, np.int8)
    for position, rule in reversed([*enumerate(PAIR_RULES.values())]):
        if rule.is_on(surface):
            found[rule.forbids(pairs, surface)] = position
    return found


def removing_rules(candidates: ListFacts, surface: SurfaceConfig) -> NDArray[np.int8]:
    """The rule that takes each candidate out of its list: (n,) int8, its position in LIST_RULES; -1 where it stays."""
    found = np.full(len(candidates.subjects), -1, np.int8)
    for position, rule in enumerate(LIST_RULES.values()):
        if rule.is_on(surface):
            left = np.flatnonzero(found < 0)
            found[left[~rule.keeps(candidates.select(left), surface)]] = position
    return found


def reserving_groups(candidates: ListFacts, surface: SurfaceConfig, removing: NDArray[np.int8]) -> NDArray[np.int8]:
    """The group whose slots are kept for each candidate: (n,) int8, its position in `kept_slots.GROUPS`; -1 for none.

    Args:
        candidates: n candidates.
        surface: whose rules are asked.
        removing: what `removing_rules` says of them: what is reserved always stays.
    """
    found = np.full(len(candidates.subjects), -1, np.int8)
    if surface.kept_slots:
        left = np.flatnonzero(removing < 0)
        staying = candidates.select(left)
        found[left] = reserve(staying.subjects, members_of(staying, surface))
    return found
