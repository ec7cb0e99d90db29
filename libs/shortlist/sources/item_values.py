"""A value of each item, the same for every subject: popularity, growth, freshness."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.kernels.arrays import bounded_rows, frozen, require_shape
from shortlist.kernels.candidates import first_allowed
from shortlist.sources.batch import CandidateSet, SubjectBatch


class ItemValuesScorer:
    """score = value of the item; only values above 0 are proposed, NaN is a missing one."""

    wide = False

    def __init__(self, values: ArrayLike) -> None:
        self._values: NDArray[np.float32] = frozen(values, np.float32, "item values")
        require_shape(self._values, (None,), "item values")
        if np.isinf(self._values).any():
            at = int(np.argmax(np.isinf(self._values)))
            raise ValueError(
                f"the value of item {at} is {self._values[at]}; next: give a finite value, or NaN for none"
            )
        above = np.flatnonzero(self._values > 0)
        # Stable: of equal values the smaller index comes first.
        order = above[np.argsort(-self._values[above], kind="stable")]
        self._order: NDArray[np.int32] = frozen(order, np.int32, "order")

    def prepare(self, batch: SubjectBatch) -> None:
        """Nothing depends on the subject."""

    def propose(
        self, batch: SubjectBatch, prepared: None, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """The items with the largest values."""
        return first_allowed(self._order, batch.masked, eligible, count)

    def score(self, batch: SubjectBatch, prepared: None, candidates: CandidateSet) -> NDArray[np.float32]:
        """The value."""
        asked = bounded_rows(candidates.rows, len(self._values), "candidates")
        return self._values[asked.indices]

    def explain(self, batch: SubjectBatch, prepared: None, chosen: CandidateSet) -> NDArray[np.int32]:
        """No item of the history has a part in it."""
        return np.full(len(chosen.items), -1, np.int32)
