"""Hashes of 64-bit words: the same bits on every machine."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Constants of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def mixed(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every bit of a word spread over all of them; different words stay different."""
    for shift, factor in _MIX:
        words = (words ^ (words >> np.uint64(shift))) * np.uint64(factor)
    spread: NDArray[np.uint64] = words ^ (words >> np.uint64(31))
    return spread
