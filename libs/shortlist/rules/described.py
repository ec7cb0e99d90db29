"""An item that the catalog does not describe is left out where another rule needs its description."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ItemFacts, ItemRule


def _is_on(items: ItemFacts, surface: SurfaceConfig) -> bool:
    asking = (
        surface.active_items_only,
        surface.buyable_items_only,
        surface.has_price_band,
        surface.has_age_window,
    )
    return items.described is not None and any(asking)


def _allows(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    return np.ones(len(items.support), np.bool_) if items.described is None else items.described


def _reason(items: ItemFacts, surface: SurfaceConfig, index: int) -> str:
    return "the catalog does not describe it, and the surface's rules need its description"


DESCRIBED = ItemRule(_is_on, _allows, _reason)
