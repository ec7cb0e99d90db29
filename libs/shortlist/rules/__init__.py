"""Rules, stated once for generation and `shortlist why`: one file each, one entry here."""

from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.active import ACTIVE
from shortlist.rules.buyable import BUYABLE
from shortlist.rules.described import DESCRIBED
from shortlist.rules.facts import ItemFacts, ItemRule, PairFacts, PairRule
from shortlist.rules.hidden import HIDDEN
from shortlist.rules.itself import ITSELF
from shortlist.rules.minimum_support import MINIMUM_SUPPORT
from shortlist.rules.seen import SEEN

# Which items may be shown to anybody.
ITEM_RULES: Final[Mapping[str, ItemRule]] = {
    "minimum_support": MINIMUM_SUPPORT,
    "described": DESCRIBED,
    "active": ACTIVE,
    "buyable": BUYABLE,
}
# Which of them a subject must not be given. The first that forbids a pair is the reason that people see.
PAIR_RULES: Final[Mapping[str, PairRule]] = {
    "itself": ITSELF,
    "hidden": HIDDEN,
    "seen": SEEN,
}
RULES: Final[Mapping[str, ItemRule | PairRule]] = {**ITEM_RULES, **PAIR_RULES}


def eligible_items(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    """Which items the surface may show: (n,) bool."""
    asked = [rule.allows(items, surface) for rule in ITEM_RULES.values() if rule.is_on(items, surface)]
    return reduce(and_, asked, np.ones(len(items.support), np.bool_))


def ineligibility_reasons(items: ItemFacts, surface: SurfaceConfig, index: int) -> list[str]:
    """Why the surface may not show the item at an index, every reason; empty when it may."""
    asked = [rule for rule in ITEM_RULES.values() if rule.is_on(items, surface)]
    return [rule.reason(items, surface, index) for rule in asked if not rule.allows(items, surface)[index]]


def forbidden_pairs(pairs: PairFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    """Which pairs must not be given on the surface: (n,) bool."""
    asked = [rule.forbids(pairs, surface) for rule in PAIR_RULES.values() if rule.is_on(surface)]
    return reduce(or_, asked, np.zeros(len(pairs.itself), np.bool_))


def forbidding_rule(pairs: PairFacts, surface: SurfaceConfig, index: int) -> str | None:
    """Name of the rule by which the pair at an index must not be given, None when it may be."""
    asked = [(name, rule) for name, rule in PAIR_RULES.items() if rule.is_on(surface)]
    return next((name for name, rule in asked if rule.forbids(pairs, surface)[index]), None)
