"""An item needs so many users before it may be a candidate."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ItemFacts, ItemRule


def _allows(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    return items.support >= surface.min_item_support


def _reason(items: ItemFacts, surface: SurfaceConfig, index: int) -> str:
    return f"below the support floor: {items.support[index]} users, min_item_support is {surface.min_item_support}"


MINIMUM_SUPPORT = ItemRule(lambda items, surface: True, _allows, _reason)
