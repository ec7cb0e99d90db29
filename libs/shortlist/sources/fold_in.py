"""ALS without stored user factors: each subject's vector is solved exactly from its history."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.config.models import AlsConfig
from shortlist.config.sources import AlsSourceConfig
from shortlist.kernels.arrays import finite, require_shape
from shortlist.kernels.candidates import flags
from shortlist.kernels.ials import gram, gram_basis, ials_half_step, row_regularization
from shortlist.kernels.observations import observe
from shortlist.sources.batch import CandidateSet, SubjectBatch
from shortlist.sources.item_side import ItemSide
from shortlist.sources.item_vectors import ItemVectors


@dataclass(frozen=True)
class FoldInArrays(ItemSide):
    """One ALS model, ready to fold in: what is shared is derived already, so that opening it computes nothing.

    Attributes:
        rotated: (items, d) float32, factors in the eigenbasis of their Gram matrix; inner products are the same there.
        known: (items,) uint8, 0 where the model has no factor.
        spectrum: (d,) float32, eigenvalues of the weighted Gram matrix.
    """

    rotated: NDArray[np.float32]
    known: NDArray[np.uint8]
    spectrum: NDArray[np.float32]


def fold_in_arrays(item_factors: ArrayLike, config: AlsConfig) -> FoldInArrays:
    """Rotate a model's item factors.

    Args:
        item_factors: (items, d); zeros for an item that the model does not know.
        config: what they were fitted with.
    """
    factors = finite(item_factors, "item factors")
    require_shape(factors, (None, None), "item factors")
    basis = gram_basis(gram(factors), 1.0 / config.alpha)
    known = flags(factors.any(axis=1), len(factors), "known")
    return FoldInArrays(factors @ basis.rotation, known, basis.spectrum)


class FoldInScorer:
    """score = <x_u, y_j> with x_u = (a0 Y'Y + reg_u I + Y_u' W Y_u)^-1 Y_u' W p, reg_u = reg (n_u + a0 items)^nu.

    W are the weights of the history, p is 1, or 0 for a hide. a0 is 1 / als.alpha.
    """

    wide = True

    def __init__(self, arrays: FoldInArrays, als: AlsConfig, config: AlsSourceConfig) -> None:
        self._items = ItemVectors.of(arrays.rotated, arrays.known)
        self._spectrum = arrays.spectrum
        self._als = als
        self._config = config

    def prepare(self, batch: SubjectBatch) -> NDArray[np.float32]:
        """(n, d) float32, a vector for each subject; zeros where nothing positive is known."""
        vectors = self._items.vectors
        taken, weights = batch.taken(len(vectors)), batch.column(self._config.weight)
        hide = np.float32(self._als.hide_weight)
        observed = np.where(weights < 0, hide, weights)
        kept = observed > 0
        # An item without a factor was no observation of the fit.
        kept &= self._items.known[taken.indices] != 0
        starts = np.concatenate(([0], np.cumsum(kept)))[taken.indptr]
        seen = observe(
            (starts, taken.indices[kept]),
            observed[kept],
            len(vectors),
            (weights[kept] > 0).astype(np.float32),
        )
        als = self._als
        known = int(self._items.known.sum())
        strengths = row_regularization(starts, known, als.regularization, 1.0 / als.alpha, als.nu)
        nothing = np.zeros((batch.size, vectors.shape[1]), np.float32)
        return ials_half_step(seen, vectors, self._spectrum, strengths, nothing, None)

    def propose(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Largest inner products."""
        return self._items.propose(prepared, batch, count, eligible)

    def score(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], candidates: CandidateSet
    ) -> NDArray[np.float32]:
        """Inner products."""
        return self._items.score(prepared, candidates)

    def explain(self, batch: SubjectBatch, prepared: NDArray[np.float32], chosen: CandidateSet) -> NDArray[np.int32]:
        """The history item whose factors, weighted, have the largest inner product with the chosen item's."""
        return self._items.explain(batch, batch.column(self._config.weight), self._items.vectors, chosen)
