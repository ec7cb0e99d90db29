"""Where a factorisation starts: random vectors that do not depend on how the work is cut."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.kernels.arrays import Floats, frozen

USERS, ITEMS = 0, 1
# Bounds the memory of the integers behind the vectors; it changes nothing else.
ROWS_PER_BLOCK: Final = 8192
_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def initial_factors(ids: ArrayLike, factors: int, seed: int, side: int, scale: float = 0.1) -> Floats:
    """Small random vectors, each from its id alone: in whichever block or order a row is made, it starts the same.

    Entry k of row r is uniform with mean 0 and standard deviation scale / sqrt(d), from 24 bits of a counter-based
    generator: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of (seed, side, r) at position k. No float function of the
    platform is involved.

    Args:
        ids: (n,) int64, any numbers that name the rows.
        factors: d.
        seed: of the fit.
        side: USERS or ITEMS, which must not start alike.
        scale: typical length of a vector.
    """
    names = frozen(ids, np.int64, "ids").astype(np.uint64)
    start = mixed(mixed(np.array([seed], np.uint64)) + np.uint64(side))
    steps = np.arange(1, factors + 1, dtype=np.uint64) * _GOLDEN
    out = np.empty((len(names), factors), np.float32)
    width = 2 * np.sqrt(3.0) * scale / np.sqrt(factors)
    for first in range(0, len(names), ROWS_PER_BLOCK):
        streams = mixed(mixed(names[first : first + ROWS_PER_BLOCK]) + start)
        bits = mixed(streams[:, None] + steps[None, :]) >> np.uint64(40)
        out[first : first + ROWS_PER_BLOCK] = ((bits + 0.5) / 2**24 - 0.5) * width
    return out


def chances(ids: ArrayLike, seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each id, from the id and the seed alone: whoever draws, and in which order."""
    names = frozen(ids, np.int64, "ids").astype(np.uint64)
    # One more round than the factors take, so that the draw says nothing of where a row starts.
    drawn = mixed(mixed(names) + mixed(mixed(np.array([seed], np.uint64)) + _GOLDEN))
    return (drawn >> np.uint64(11)) / 2.0**53


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finalizer."""
    z = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed
