"""An item that cannot be bought is left out; what the catalog does not describe is another rule's."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ItemFacts, ItemRule


def _is_on(items: ItemFacts, surface: SurfaceConfig) -> bool:
    return items.described is not None and surface.buyable_items_only


def _allows(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    buyable = np.asarray(items.buyable == True, np.bool_)  # noqa: E712 - elementwise; None is not True
    return buyable if items.described is None else buyable | ~items.described


def _reason(items: ItemFacts, surface: SurfaceConfig, index: int) -> str:
    return "it cannot be bought, buyable_items_only is on"


BUYABLE = ItemRule(_is_on, _allows, _reason)
