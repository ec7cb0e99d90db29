"""An item of a creator that settings block is left out."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig
from shortlist.rules.facts import ItemFacts, ItemRule


def _allows(items: ItemFacts, surface: SurfaceConfig) -> NDArray[np.bool_]:
    blocked = pc.is_in(items.creators.cast(pa.string()), value_set=pa.array(surface.blocked_creators, pa.string()))
    allowed: NDArray[np.bool_] = ~blocked.to_numpy(zero_copy_only=False).astype(np.bool_)
    return allowed


def _reason(items: ItemFacts, surface: SurfaceConfig, index: int) -> str:
    return f"its creator {items.creators[index].as_py()} is among blocked_creators"


BLOCKED_CREATORS = ItemRule(lambda items, surface: bool(surface.blocked_creators), _allows, _reason)
