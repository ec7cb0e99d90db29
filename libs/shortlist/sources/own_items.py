"""Items of a subject's own history, each by a value of its own."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from shortlist.kernels.arrays import bounded_rows
from shortlist.kernels.candidates import best_of_entries, own_values
from shortlist.sources.batch import CandidateSet, SubjectBatch


class OwnItemsScorer:
    """score = value of the history entry of the item, 0 of items that the subject did not take."""

    wide = False

    def __init__(self, items: int, values_of: Callable[[SubjectBatch], NDArray[np.float32]]) -> None:
        """How many items there are, and the values of a batch's history entries: (E,) float32, at least 0."""
        self._items = items
        self._values_of = values_of

    def prepare(self, batch: SubjectBatch) -> NDArray[np.float32]:
        """The value of each history entry."""
        batch.taken(self._items)  # refuses what is out of range before it is looked up
        return self._values_of(batch)

    def propose(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The largest values above 0."""
        return best_of_entries(batch.taken(self._items), prepared, batch.masked, eligible, count)

    def score(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], candidates: CandidateSet
    ) -> NDArray[np.float32]:
        """Its value; 0 for what the subject never took."""
        return own_values(batch.taken(self._items), prepared, candidates.rows, self._items)

    def explain(self, batch: SubjectBatch, prepared: NDArray[np.float32], chosen: CandidateSet) -> NDArray[np.int32]:
        """The item itself where it has a value."""
        asked = bounded_rows(chosen.rows, self._items, "chosen")
        valued = own_values(batch.taken(self._items), prepared, asked, self._items) > 0
        return np.where(valued, asked.indices, np.int32(-1)).astype(np.int32)
