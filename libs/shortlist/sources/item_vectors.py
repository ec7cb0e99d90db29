"""Scores that are inner products with item vectors: what sources with a vector per item have in common."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.kernels.arrays import finite, require_shape
from shortlist.kernels.candidates import flags, gathered_products, largest_products
from shortlist.kernels.top_k import top_k
from shortlist.sources.batch import CandidateSet, SubjectBatch
from shortlist.sources.history_weights import heaviest

# Of a long history so many items are looked at for a reason.
REASON_ITEMS = 50


@dataclass(frozen=True)
class ItemVectors:
    """A vector for each item.

    Attributes:
        vectors: (items, d) float32.
        known: (items,) uint8, 0 where an item has no vector: its score is missing.
    """

    vectors: NDArray[np.float32]
    known: NDArray[np.uint8]

    @classmethod
    def of(cls, vectors: ArrayLike, known: ArrayLike) -> "ItemVectors":
        """Checked vectors.

        Raises:
            ValueError: vectors that are not finite, or not one row an item.
        """
        checked = finite(vectors, "item vectors")
        require_shape(checked, (None, None), "item vectors")
        return cls(checked, flags(known, len(checked), "known"))

    def propose(
        self, queries: NDArray[np.float32], batch: SubjectBatch, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The best known items of each query; none for a query of zeros, which prefers nothing."""
        allowed = flags(eligible, len(self.vectors), "eligible") & self.known
        chosen = None if allowed.all() else np.flatnonzero(allowed).astype(np.int32)
        found = top_k(queries, self.vectors.T, *batch.masked, count, chosen).items
        found[~queries.any(axis=1)] = -1
        return found

    def score(self, queries: NDArray[np.float32], candidates: CandidateSet) -> NDArray[np.float32]:
        """The inner product, NaN for an item without vector and for a query of zeros."""
        scores = gathered_products(queries, self.vectors, self.known, candidates.rows)
        silent = ~queries.any(axis=1)
        if silent.any():
            scores[np.repeat(silent, np.diff(candidates.starts))] = np.nan
        return scores

    def explain(
        self, batch: SubjectBatch, weights: NDArray[np.float32], inward: NDArray[np.float32], chosen: CandidateSet
    ) -> NDArray[np.int32]:
        """The history item whose own vector, times weight and rarity, is nearest to each chosen item; among the heaviest ones."""
        taken = batch.taken(len(self.vectors))
        telling = batch.telling(heaviest(taken, weights, REASON_ITEMS))
        return largest_products(taken, telling, inward, self.vectors, chosen.rows)
