"""An item without a promotion that is live when the day after the run date begins is left out."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ItemFacts, ItemRule


def _allows(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    return np.zeros(len(items.support), np.bool_) if items.promoted is None else items.promoted


def _reason(items: ItemFacts, surface: SurfaceConfig, index: int) -> str:
    return "no promotion of it is live when the lists begin to be served (promotions)"


PROMOTED = ItemRule(lambda items, surface: surface.promotions is not None, _allows, _reason)
