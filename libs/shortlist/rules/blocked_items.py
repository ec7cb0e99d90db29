"""An item that settings block is left out."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ItemFacts, ItemRule


def _allows(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    blocked = pc.is_in(items.ids.cast(pa.string()), value_set=pa.array(surface.blocked_items, pa.string()))
    allowed: NDArray[np.bool_] = ~blocked.to_numpy(zero_copy_only=False).astype(np.bool_)
    return allowed


BLOCKED_ITEMS = ItemRule(
    lambda items, surface: bool(surface.blocked_items),
    _allows,
    lambda items, surface, index: "it is among blocked_items",
)
