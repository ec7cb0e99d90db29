"""What follows the last items of a history: directed neighbours, the newest seeds first."""

import numpy as np
from numpy.typing import NDArray

from shortlist.config.sources import SessionNextSourceConfig
from shortlist.kernels.candidates import gathered_values
from shortlist.sources.batch import CandidateSet, SubjectBatch
from shortlist.sources.history_weights import newest
from shortlist.sources.neighbour_lists import NeighbourLists, Votes, best_voted, seed_of_each, votes_of_neighbours


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
        return seed_of_each(prepared, self._lists, chosen)
