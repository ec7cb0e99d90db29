# mypy: disallow-untyped-defs=False
"""The order that every list rests on, compiled: keys, and the k largest of them.

A ranked list is sorted by one unsigned 64-bit key per entry: the float's bits in an order-preserving form above, the
complement of the index below. Sorted downwards: the larger score first, of equal scores the smaller index, exactly.

No fastmath here nor where these are called: infinities bound the scans and -0.0 must equal 0.0. Constants are uint64 by
hand, because numba turns int64 with uint64 into float64, which cannot hold a key.

Numba's cache looks at the age of the file that holds a compiled function, not at the functions that it inlines from
other files: after a change here the loops that call these must be compiled again. `infra/environments.sh` empties the cache
when any file of this folder changed.
"""

from typing import Any, Final

import numpy as np
from numba import njit

EXACT: Final[dict[str, Any]] = {"nogil": True, "cache": True, "error_model": "numpy"}

_SIGN = np.uint64(0x80000000)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO = np.float32(0.0)
# Scores are compared so many at a time: most groups have nothing above the threshold and cost one vector loop.
GROUP: Final = 128


@njit(**EXACT)
def rank_key(score, index):
    """The key of a float32 score and an index below 2**32."""
    # Adding +0.0 turns -0.0 into +0.0 and changes nothing else.
    bits = np.uint64(np.float32(score + _ZERO).view(np.uint32))
    ordered = _LOW - bits if bits & _SIGN else bits | _SIGN
    return (ordered << _HALF) | (_LOW - np.uint64(index))


@njit(**EXACT)
def key_score(key):
    """The score in a key."""
    ordered = key >> _HALF
    bits = ordered ^ _SIGN if ordered & _SIGN else _LOW - ordered
    return np.uint32(bits).view(np.float32)


@njit(**EXACT)
def key_index(key):
    """The index in a key."""
    return np.int32(_LOW - (key & _LOW))


@njit(**EXACT)
def keep_largest(keys, count, k):
    """Bring the k largest of keys[:count] to the front, in any order (Hoare's quickselect; keys are distinct)."""
    low, high = 0, count - 1
    while low < high:
        pivot = keys[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while keys[i] > pivot:
                i += 1
            while keys[j] < pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            return


@njit(**EXACT)
def smallest(keys, count):
    """The smallest of keys[:count], which holds at least one."""
    least = keys[0]
    for z in range(1, count):
        least = min(least, keys[z])
    return least


@njit(**EXACT)
def reached_by(scores, k, maxima):
    """A score that k of them reach, in one vector loop: near the k-th largest, and never above it.

    They are dealt out to as many groups as `maxima` (scratch, at least k and at most as many as scores) has elements, and each
    group's largest is taken: k groups reach the k-th largest of these.
    """
    groups = len(maxima)
    maxima[:] = scores[:groups]
    for start in range(groups, len(scores), groups):
        part = scores[start : start + groups]
        for g in range(len(part)):
            maxima[g] = part[g] if part[g] > maxima[g] else maxima[g]
    keep_largest(maxima, groups, k)
    return smallest(maxima, k)


@njit(**EXACT)
def indices_above(scores, threshold, indices):
    """Write where scores exceed the threshold to indices (uint64), ascending; returns how many do."""
    hits = 0
    for z in range(len(scores)):
        hits += scores[z] > threshold
    if hits:
        # Without a branch, which would be guessed wrong.
        hits = 0
        for z in range(len(scores)):
            indices[hits] = z
            hits += scores[z] > threshold
    return hits


@njit(**EXACT)
def largest_sorted(keys, count, k):
    """The k largest of keys[:count], ascending."""
    if count > k:
        keep_largest(keys, count, k)
        count = k
    return np.sort(keys[:count])
