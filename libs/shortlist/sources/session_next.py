"""What follows the last items of a history: directed neighbours, the newest seeds first."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.config import Settings
from shortlist.config.sources import SessionNextSourceConfig
from shortlist.kernels.arrays import bounded_rows
from shortlist.kernels.candidates import gathered_values
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.history_weights import newest
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.neighbour_lists import NeighbourLists, Votes, best_voted, seed_of_each, votes_of_neighbours
from shortlist.subjects import SubjectType


def fit_followers(
    sessions: tuple[ArrayLike, ArrayLike], item_count: int, config: SessionNextSourceConfig
) -> NeighbourLists:
    """What follows each item: the sum over sessions of distance_decay^(distance - 1), times degree_j^-discount.

    Args:
        sessions: indptr and indices: items of each session in their order, each once.
        item_count: number of items.
        config: list length, decay, discount.
    """
    # Imported where lists are counted only: every task that scores imports this file.
    from shortlist.kernels.cooccurrence import cooccur

    rows = bounded_rows(sessions, item_count, "sessions")
    longest = int(np.diff(rows.indptr).max(initial=1))
    decays = config.distance_decay ** np.arange(max(longest - 1, 1))
    found = cooccur(rows, item_count, ["count"], config.neighbours, distance_weights=decays)
    items = found.items[0]
    degrees = np.maximum(np.bincount(rows.indices, minlength=item_count), 1)
    scores = np.where(items >= 0, found.scores[0], 0) * degrees[items] ** -float(config.discount)
    return NeighbourLists.padded(items, scores.astype(np.float32))


class SessionNext:
    """What follows a subject's newest items."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """What follows each item."""
        return ("followers",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Votes]:
        """The scorer."""
        return SessionNextScorer(given(artefacts.followers, "followers"), settings.sources.session_next)


class SessionNextScorer:
    """sum over the newest items of position_decay^position s_sj, with s counted in the order of sessions."""

    wide = False

    def __init__(self, lists: NeighbourLists, config: SessionNextSourceConfig) -> None:
        self._lists = lists
        self._config = config

    def prepare(self, batch: SubjectBatch) -> Votes:
        """Scores of all items."""
        weights = newest(batch, self._config.last, self._config.position_decay)
        return votes_of_neighbours(batch, weights, self._lists, multi_hit=False)

    def propose(
        self, batch: SubjectBatch, prepared: Votes, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Largest sums above 0."""
        return best_voted(batch, prepared, count, eligible)

    def score(self, batch: SubjectBatch, prepared: Votes, candidates: CandidateSet) -> NDArray[np.float32]:
        """The sum; 0 where nothing of the newest leads to the item."""
        return gathered_values(prepared.rows, candidates.rows)

    def explain(self, batch: SubjectBatch, prepared: Votes, chosen: CandidateSet) -> NDArray[np.int32]:
        """The item after which the chosen one follows most."""
        return seed_of_each(batch, prepared, self._lists, chosen)
