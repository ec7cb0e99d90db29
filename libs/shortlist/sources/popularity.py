"""What most users engaged with of late; it fills lists that the other sources leave short."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config import Settings
from shortlist.kernels.arrays import Floats, Indices
from shortlist.kernels.candidates import first_allowed
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.subjects import SubjectType


class Popularity:
    """Users per item over the window, the same order for every subject but for what it must not be given."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Counts; no model."""
        return ("recent_users",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[None]:
        """The scorer."""
        return PopularityScorer(given(artefacts.recent_users, "recent_users"))


class PopularityScorer:
    """score = users. An item that nobody took within the window counts 0: it still fills a list, last."""

    wide = False

    def __init__(self, users: Floats) -> None:
        """Users of each item, (items,)."""
        self._users = users
        # Stable: of equal values the smaller index comes first.
        self._order = np.argsort(-users, kind="stable").astype(np.int32)

    def prepare(self, batch: SubjectBatch) -> None:
        """Nothing depends on the subject."""

    def propose(self, batch: SubjectBatch, prepared: None, count: int, eligible: NDArray[np.uint8]) -> Indices:
        """The first that are not masked."""
        return first_allowed(self._order, batch.masked, eligible, count)

    def score(self, batch: SubjectBatch, prepared: None, candidates: CandidateSet) -> Floats:
        """Users."""
        return self._users[candidates.items]

    def explain(self, batch: SubjectBatch, prepared: None, chosen: CandidateSet) -> Indices:
        """No item of the history has a part in it."""
        return np.full(len(chosen.items), -1, np.int32)
