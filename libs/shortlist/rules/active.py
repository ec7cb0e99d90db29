"""An item whose catalog status is not active is left out; what the catalog does not describe is another rule's."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ItemFacts, ItemRule


def _is_on(items: ItemFacts, surface: SurfaceConfig) -> bool:
    return items.described is not None and surface.active_items_only


def _allows(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    active = np.asarray(items.status == "active", np.bool_)
    return active if items.described is None else active | ~items.described


def _reason(items: ItemFacts, surface: SurfaceConfig, index: int) -> str:
    return f"its catalog status is {items.status[index]}, active_items_only is on"


ACTIVE = ItemRule(_is_on, _allows, _reason)
