"""Several sources into one list: reciprocal rank fusion, then a fallback that only fills up. No Spark.

Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shortlist.kernels.arrays import Indices

# Sums are made of whole numbers: a sum of doubles depends on the order in which it is added up.
_UNIT = 10**12
_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Fusion:
    """How lists are fused.

    Attributes:
        sources: names of the sources to fuse, the first wins ties for `winners`.
        fallback: name of the source that fills short lists, below everything fused; None for none.
        constant: the k of 1 / (k + rank).
    """

    sources: Sequence[str]
    fallback: str | None
    constant: int

    @property
    def names(self) -> list[str]:
        """All sources, in order; the fallback comes last."""
        return [*self.sources, *([self.fallback] if self.fallback else [])]


class Fused(NamedTuple):
    """What fusion says of C candidates.

    Attributes:
        scores: (C,) float64: the sum of 1 / (constant + rank) over the fused sources; minus its rank for an item that only
            the fallback proposed.
        winners: (C,) int64, the source where the item ranks best, by position in `Fusion.names`.
    """

    scores: NDArray[np.float64]
    winners: NDArray[np.int64]


def fuse(ranks: Indices, fusion: Fusion) -> Fused:
    """Scores of candidates from their ranks.

    Args:
        ranks: (sources, C) int32 in the order of `fusion.names`, from 1; 0 where the source did not propose the item.
        fusion: what is fused, and how.
    """
    fused = ranks[: len(fusion.sources)].astype(np.int64)
    divisors = fused + fusion.constant
    parts = np.where(fused > 0, (2 * _UNIT + divisors) // np.maximum(1, 2 * divisors), 0)
    points = parts.sum(axis=0)
    last = -ranks[-1].astype(np.float64)
    return Fused(np.where(points > 0, points / _UNIT, last), np.argmin(_precedence(ranks, fusion, ranks > 0), axis=0))


def best_reason(ranks: Indices, reasons: Indices, fusion: Fusion) -> Indices:
    """For each candidate the reason of the best-ranked source that proposed it and knows one.

    Args:
        ranks: as for `fuse`.
        reasons: (sources, C) int32, for each source the history item that spoke most for the candidate, -1 where none did.
        fusion: as for `fuse`.

    Returns:
        (C,) int32, -1 where no source knows one.
    """
    source = np.argmin(_precedence(ranks, fusion, (ranks > 0) & (reasons >= 0)), axis=0)
    candidates = np.arange(ranks.shape[1])
    known = (ranks[source, candidates] > 0) & (reasons[source, candidates] >= 0)
    return np.where(known, reasons[source, candidates], -1).astype(np.int32)


def proposers(ranks: Indices, names: Sequence[str]) -> pa.Array:
    """For each candidate the sorted names of the sources that proposed it."""
    bits = np.left_shift(1, np.arange(len(names), dtype=np.int64))
    distinct, index = np.unique((ranks > 0).T @ bits, return_inverse=True)
    lists = [
        sorted(compress(names, [mask >> source & 1 for source in range(len(names))])) for mask in distinct.tolist()
    ]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(index))


def _precedence(ranks: Indices, fusion: Fusion, among: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(sources, C): the smallest is the best; fused sources before the fallback, then by rank, then in order."""
    sources = len(fusion.names)
    filling = (np.arange(sources) >= len(fusion.sources)).astype(np.int64)[:, None]
    order = np.arange(sources, dtype=np.int64)[:, None]
    return np.where(among, ((filling << 32) + ranks) * sources + order, _LAST)
