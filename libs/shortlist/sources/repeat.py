"""What the subject took itself, by its own decayed frequency and its rhythm."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import Settings
from shortlist.config.sources import RepeatSourceConfig
from shortlist.kernels.arrays import bounded_rows
from shortlist.kernels.candidates import best_of_entries, own_values
from shortlist.sources.batch import AGE_DAYS, CandidateSet, Scorer, SubjectBatch
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.subjects import SubjectType


class Repeat:
    """What a subject took itself."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """No more than how many items there are."""
        return ("recent_users",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[NDArray[np.float32]]:
        """The scorer."""
        return RepeatScorer(len(given(artefacts.recent_users, "recent_users")), settings.sources.repeat)


class RepeatScorer:
    """score = w_j (1 + cycle exp(-(age_j - gap_j)^2 / (2 gap_j^2))) of an item that the subject took, 0 of others.

    The second factor is 1 where no gap is known or no column of gaps is named.
    """

    wide = False

    def __init__(self, items: int, config: RepeatSourceConfig) -> None:
        self._items = items
        self._config = config

    def prepare(self, batch: SubjectBatch) -> NDArray[np.float32]:
        """The value of each history entry."""
        values = np.maximum(batch.column(self._config.weight), 0)
        if self._config.gap is None or not self._config.cycle:
            return values
        gap, age = batch.column(self._config.gap), batch.column(AGE_DAYS)
        known = gap > 0
        late = (age - gap) / np.where(known, gap, 1)
        due = np.where(known, 1 + self._config.cycle * np.exp(-0.5 * late.astype(np.float64) ** 2), 1.0)
        weighted: NDArray[np.float32] = (values * due).astype(np.float32)
        return weighted

    def propose(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """What it took most."""
        return best_of_entries(batch.taken(self._items), prepared, batch.masked, eligible, count)

    def score(
        self, batch: SubjectBatch, prepared: NDArray[np.float32], candidates: CandidateSet
    ) -> NDArray[np.float32]:
        """Its own value; 0 for what it never took."""
        return own_values(batch.taken(self._items), prepared, candidates.rows, self._items)

    def explain(self, batch: SubjectBatch, prepared: NDArray[np.float32], chosen: CandidateSet) -> NDArray[np.int32]:
        """The item itself where the subject took it."""
        asked = bounded_rows(chosen.rows, self._items, "chosen")
        taken = own_values(batch.taken(self._items), prepared, asked, self._items) > 0
        return np.where(taken, asked.indices, np.int32(-1)).astype(np.int32)
