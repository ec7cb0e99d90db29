"""Neighbours of what a subject took: by co-occurrence, a random walk, or any other similarity of items."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.config.sources import NeighbourListsSourceConfig
from shortlist.kernels.arrays import Rows, bounded_rows, finite, frozen, require_shape
from shortlist.kernels.candidates import best_of_rows, gathered_values
from shortlist.kernels.counting_loops import add_neighbours, best_seeds
from shortlist.sources.batch import CandidateSet, SubjectBatch
from shortlist.sources.history_weights import heaviest, of_last_days
from shortlist.sources.item_side import ItemSide


@dataclass(frozen=True)
class NeighbourLists(ItemSide):
    """Neighbours of each item, in any order.

    Attributes:
        starts: (items + 1,) int64.
        items: int32.
        similarities: float32, at least 0.
    """

    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    similarities: NDArray[np.float32]

    @classmethod
    def of(cls, rows: tuple[ArrayLike, ArrayLike], similarities: ArrayLike) -> "NeighbourLists":
        """Checked lists.

        Raises:
            ValueError: a neighbour that is no item, a similarity below 0 or not finite.
        """
        lists = bounded_rows(rows, np.shape(rows[0])[0] - 1, "neighbours")
        values = finite(similarities, "similarities", least=0.0)
        require_shape(values, lists.indices.shape, "similarities")
        return cls(*lists, values)

    @classmethod
    def padded(cls, items: NDArray[np.int32], similarities: NDArray[np.float32]) -> "NeighbourLists":
        """From one row of fixed length per item, as `kernels.cooccurrence` gives them; -1 behind the last."""
        listed = items >= 0
        starts = np.concatenate(([0], np.cumsum(listed.sum(axis=1))))
        return cls.of((starts, items[listed]), similarities[listed])

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True)
class Votes:
    """What a source that counts knows of a batch.

    Attributes:
        taken: the histories.
        weights: one per entry, 0 where it has no vote.
        rows: (n, items) float32, the scores of all items.
    """

    taken: Rows
    weights: NDArray[np.float32]
    rows: NDArray[np.float32]


def votes_of_neighbours(
    batch: SubjectBatch, weights: NDArray[np.float32], lists: NeighbourLists, *, multi_hit: bool
) -> Votes:
    """Scores of all items: sum_s w_s s_sj, or (sum_s sqrt(w_s s_sj))^2; weights that are not above 0 have no vote."""
    taken = batch.taken(len(lists))
    voting = frozen(weights, np.float32, "weights")
    rows = np.empty((batch.size, len(lists)), np.float32)
    add_neighbours(*taken, voting, lists.starts, lists.items, lists.similarities, multi_hit, rows)
    return Votes(taken, voting, rows)


def best_voted(batch: SubjectBatch, votes: Votes, count: int, eligible: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The items with the largest sums above 0."""
    return best_of_rows(votes.rows, batch.masked, eligible, count, 0.0)


def seed_of_each(batch: SubjectBatch, votes: Votes, lists: NeighbourLists, chosen: CandidateSet) -> NDArray[np.int32]:
    """The history item that says most about each chosen item, -1 where none is its neighbour."""
    asked = bounded_rows(chosen.rows, len(lists), "chosen")
    out = np.empty(len(asked.indices), np.int32)
    weights = frozen(batch.telling(votes.weights), np.float32, "weights")
    best_seeds(*votes.taken, weights, lists.starts, lists.items, lists.similarities, *asked, out)
    return out


class NeighbourListsScorer:
    """The weights of a subject's heaviest items times their neighbours' similarities, added up."""

    wide = False

    def __init__(
        self, lists: NeighbourLists, config: NeighbourListsSourceConfig, within_days: float | None = None
    ) -> None:
        """Only items that were taken within so many days before the subject's newest one vote; None: all."""
        self._lists = lists
        self._config = config
        self._within_days = within_days

    def prepare(self, batch: SubjectBatch) -> Votes:
        """Scores of all items."""
        taken = batch.taken(len(self._lists))
        weights = batch.column(self._config.weight)
        if self._within_days is not None:
            weights = of_last_days(batch, weights, self._within_days)
        weights = heaviest(taken, weights, self._config.seeds)
        return votes_of_neighbours(batch, weights, self._lists, multi_hit=self._config.scoring == "multi-hit")

    def propose(
        self, batch: SubjectBatch, prepared: Votes, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Largest sums above 0."""
        return best_voted(batch, prepared, count, eligible)

    def score(self, batch: SubjectBatch, prepared: Votes, candidates: CandidateSet) -> NDArray[np.float32]:
        """The sum; 0 where no list leads to the item."""
        return gathered_values(prepared.rows, candidates.rows)

    def explain(self, batch: SubjectBatch, prepared: Votes, chosen: CandidateSet) -> NDArray[np.int32]:
        """The seed with the largest product of weight, rarity and similarity."""
        return seed_of_each(batch, prepared, self._lists, chosen)
