"""Item-side arrays as compiled loops want them, whether they were just made, memory-mapped or broadcast."""

from dataclasses import fields
from typing import Any

import numpy as np


class ItemSide:
    """Base of dataclasses of arrays that scorers share: each array becomes aligned, C-contiguous and read-only.

    Numba compiles a loop again for each combination of layout and writability; with this there is one. Arrays that are so
    already, such as memory maps, are not copied.
    """

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value: Any = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                view = np.require(value, requirements=["C", "A"]).view(np.ndarray)
                view.flags.writeable = False
                object.__setattr__(self, field.name, view)
