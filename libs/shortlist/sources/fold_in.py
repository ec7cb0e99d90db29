"""ALS without stored user factors: each subject's vector is solved exactly from its history."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortlist.config.models import AlsConfig
from shortlist.config.sources import AlsSourceConfig
from shortlist.kernels.ials import ials_half_step, largest_influences, row_regularization
from shortlist.kernels.observations import Observations, observe
from shortlist.sources.batch import RARITY, CandidateSet, SubjectBatch
from shortlist.sources.history_weights import heaviest
from shortlist.sources.item_side import ItemSide
from shortlist.sources.item_vectors import REASON_ITEMS, ItemVectors


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
        observed = self._observed(batch)
        nothing = np.zeros((batch.size, vectors.shape[1]), np.float32)
        return ials_half_step(
            self._seen(batch, observed), vectors, self._spectrum, self._strengths(batch, observed), nothing, None
        )

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
        """The liked item i whose part of the score, y_j' (a0 Y'Y + reg_u I + Y_u' W Y_u)^-1 w_i y_i, times rarity^2 is largest.

        Nothing is a reason for itself: of an item that the subject took the largest part is often its own.
        The parts add up to the score, also of a stored vector, as far as that was fitted to the end. Of a long history the
        REASON_ITEMS entries with most weight are looked at: the parts are then those of a subject with these alone.
        """
        observed = self._observed(batch)
        strengths = self._strengths(batch, observed)
        observed = heaviest(batch.taken(len(self._items.vectors)), observed, REASON_ITEMS)
        seen = self._seen(batch, observed)
        # Squared: what everybody takes often has a part in every score, and rarity alone leaves it on top of too many.
        telling = batch.column(RARITY)[observed > 0] ** 2 * seen.targets
        return largest_influences(seen, telling, self._items.vectors, self._spectrum, strengths, chosen.rows)

    def _observed(self, batch: SubjectBatch) -> NDArray[np.float32]:
        """The weight of each history entry in the objective; 0 for an item without a factor: the fit did not observe it."""
        taken, weights = batch.taken(len(self._items.vectors)), batch.column(self._config.weight)
        known = self._items.known[taken.indices] != 0
        return np.where(known, np.where(weights < 0, np.float32(self._als.hide_weight), weights), np.float32(0))

    def _seen(self, batch: SubjectBatch, observed: NDArray[np.float32]) -> Observations:
        """The entries with a weight above 0, as observations."""
        kept, liked = observed > 0, batch.column(self._config.weight) > 0
        rows = _starts(batch, kept), batch.history_items[kept]
        return observe(rows, observed[kept], len(self._items.vectors), liked[kept].astype(np.float32))

    def _strengths(self, batch: SubjectBatch, observed: NDArray[np.float32]) -> NDArray[np.float32]:
        """reg_u."""
        als, known = self._als, int(self._items.known.sum())
        return row_regularization(_starts(batch, observed > 0), known, als.regularization, 1.0 / als.alpha, als.nu)


def _starts(batch: SubjectBatch, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Where each subject's history begins once only some entries are kept: (n + 1,)."""
    starts: NDArray[np.int64] = np.concatenate(([0], np.cumsum(kept)))[batch.history_starts]
    return starts
