"""Several sources into one list: reciprocal rank fusion, then a fallback that only fills up. No Spark.

Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shortlist.kernels.arrays import Doubles, Indices
from shortlist.sources.common_set import ScoredBlock

# Sums are made of whole numbers: a sum of doubles depends on the order in which it is added up.
_UNIT = 10**12
_LAST = np.iinfo(np.int64).max


class Ranked(NamedTuple):
    """What a ranking says of C candidates.

    Attributes:
        scores: (C,) float64, the higher the better.
        contributions: (sources, C) float64, what each source adds to the score; NaN where the ranking is no sum over sources.
        precedence: (sources, C), the smallest names the source that speaks for a candidate; infinite, or the largest integer,
            where a source did not propose it.
    """

    scores: Doubles
    contributions: Doubles
    precedence: NDArray[np.int64] | Doubles

    def winners(self, candidates: NDArray[np.int64]) -> NDArray[np.int64]:
        """The source that speaks for each of some candidates, by position; of equal ones the first."""
        first: NDArray[np.int64] = np.argmin(self.precedence[:, candidates], axis=0)
        return first


class Ranking(Protocol):
    """One score for each candidate from what all sources say of it."""

    def rank(self, block: ScoredBlock, ranks: Indices) -> Ranked:
        """Rank the candidates of a block.

        Args:
            block: candidates with the scores of all sources.
            ranks: (sources, C) int32, from 1; 0 where the source did not propose the item.
        """


@dataclass(frozen=True)
class Fusion:
    """How lists are fused by rank alone.

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

    def rank(self, block: ScoredBlock, ranks: Indices) -> Ranked:
        """As `fuse`; scores of sources are not looked at."""
        return fuse(ranks, self)


def fuse(ranks: Indices, fusion: Fusion) -> Ranked:
    """Scores of candidates from their ranks: the sum of 1 / (constant + rank) over the fused sources; minus its rank for an item
    that only the fallback proposed. The source where an item ranks best speaks for it.

    Args:
        ranks: (sources, C) int32 in the order of `fusion.names`, from 1; 0 where the source did not propose the item.
        fusion: what is fused, and how.
    """
    fused = ranks[: len(fusion.sources)].astype(np.int64)
    divisors = fused + fusion.constant
    parts = np.where(fused > 0, (2 * _UNIT + divisors) // np.maximum(1, 2 * divisors), 0)
    points = parts.sum(axis=0)
    last = -ranks[-1].astype(np.float64)
    contributions = np.zeros(ranks.shape)
    contributions[: len(parts)] = parts / _UNIT
    return Ranked(np.where(points > 0, points / _UNIT, last), contributions, _precedence(ranks, fusion))


def proposers(ranks: Indices, names: Sequence[str]) -> pa.Array:
    """For each candidate the sorted names of the sources that proposed it."""
    bits = np.left_shift(1, np.arange(len(names), dtype=np.int64))
    distinct, index = np.unique((ranks > 0).T @ bits, return_inverse=True)
    lists = [
        sorted(compress(names, [mask >> source & 1 for source in range(len(names))])) for mask in distinct.tolist()
    ]
    return pa.array(lists, pa.list_(pa.string())).take(pa.array(index))


def _precedence(ranks: Indices, fusion: Fusion) -> NDArray[np.int64]:
    """(sources, C): the smallest is the best; fused sources before the fallback, then by rank, then in order."""
    sources = len(fusion.names)
    filling = (np.arange(sources) >= len(fusion.sources)).astype(np.int64)[:, None]
    order = np.arange(sources, dtype=np.int64)[:, None]
    return np.where(ranks > 0, ((filling << 32) + ranks) * sources + order, _LAST)
