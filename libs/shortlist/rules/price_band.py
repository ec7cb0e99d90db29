"""An item whose price is outside a band, or not known, is left out; what the catalog does not describe is another rule's."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ItemFacts, ItemRule
from shortlist.rules.within import within


def _allows(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    in_band = within(items.prices, surface.min_price, surface.max_price)
    return in_band if items.described is None else in_band | ~items.described


def _reason(items: ItemFacts, surface: SurfaceConfig, index: int) -> str:
    price = "not in the catalog" if np.isnan(items.prices[index]) else f"{items.prices[index]:g}"
    return f"its price is {price}, min_price is {surface.min_price}, max_price is {surface.max_price}"


PRICE_BAND = ItemRule(lambda items, surface: items.described is not None and surface.has_price_band, _allows, _reason)
