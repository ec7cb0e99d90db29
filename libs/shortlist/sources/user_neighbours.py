"""What the nearest users of a bounded, shared sample took."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from shortlist.config import Settings
from shortlist.config.sources import NearestSubjectsConfig
from shortlist.kernels.arrays import bounded_rows, checked_rows, finite, frozen, require_shape
from shortlist.kernels.candidates import gathered_values
from shortlist.kernels.sample_loops import add_users, best_shared
from shortlist.sources.batch import RARITY, CandidateSet, Scorer, SubjectBatch
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.item_side import ItemSide
from shortlist.sources.neighbour_lists import Votes, best_voted
from shortlist.subjects import SubjectType


@dataclass(frozen=True)
class UserSample(ItemSide):
    """Some users with what they took, and who took an item.

    Attributes:
        starts: (users + 1,) int64.
        items: int32, what each user took, ascending.
        given: float32, one per item: what a neighbour adds for it, such as 1, or only what it took lately.
        item_starts: (items + 1,) int64.
        item_users: int32, users of the sample with each item, ascending.
        scales: (users,) float32, (items of the user)^-1/2.
        degrees: (items,) float32, users of the sample with each item, at least 1.
    """

    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    given: NDArray[np.float32]
    item_starts: NDArray[np.int64]
    item_users: NDArray[np.int32]
    scales: NDArray[np.float32]
    degrees: NDArray[np.float32]


def user_sample(pairs: tuple[ArrayLike, ArrayLike], item_count: int, given: ArrayLike | None = None) -> UserSample:
    """Index the users of a sample.

    Args:
        pairs: indptr and indices: what each of them took, ascending.
        item_count: number of items.
        given: one per pair, what a neighbour adds for it; None: 1.
    """
    taken = checked_rows(pairs, item_count, "sample")
    values = finite(np.ones(len(taken.indices)) if given is None else given, "given", least=0.0)
    require_shape(values, taken.indices.shape, "given")
    users = len(taken.indptr) - 1
    flipped = sp.csr_matrix(
        (np.ones(len(taken.indices), np.int8), taken.indices, taken.indptr), (users, item_count)
    ).tocsc()
    return UserSample(
        *taken,
        values,
        frozen(flipped.indptr, np.int64, "item starts"),
        frozen(flipped.indices, np.int32, "item users"),
        frozen(np.maximum(np.diff(taken.indptr), 1) ** -0.5, np.float32, "scales"),
        frozen(np.maximum(np.diff(flipped.indptr), 1), np.float32, "degrees"),
    )


def recency(ages: ArrayLike, half_life_days: float | None) -> NDArray[np.float32]:
    """What a neighbour adds for an item that it took last so many days ago: 2^(-age / half-life), or 1 without a half-life."""
    days = finite(ages, "ages", least=0.0)
    return np.ones_like(days) if half_life_days is None else np.exp2(-days / np.float32(half_life_days))


@dataclass(frozen=True)
class Neighbours:
    """What the source knows of a batch.

    Attributes:
        votes: the scores of all items, and what they were made from.
        users: (n, nearest) int32, the nearest users of the sample, -1 behind the last.
        similarities: (n, nearest) float32.
    """

    votes: Votes
    users: NDArray[np.int32]
    similarities: NDArray[np.float32]


class UserNeighbours:
    """What the nearest users of the sample took."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """The sample."""
        return ("user_sample",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Neighbours]:
        """The scorer."""
        return UserNeighboursScorer(
            given(artefacts.user_sample, "user_sample").sample, settings.sources.user_neighbours
        )


class UserNeighboursScorer:
    """score = sum over the nearest users v of the sample of similarity(u, v)^power given_vj.

    similarity(u, v) = n_v^-1/2 sum over what both took of w_i degree_i^-discount. Nobody is its own neighbour.
    """

    wide = False

    def __init__(self, sample: UserSample, config: NearestSubjectsConfig) -> None:
        self._sample = sample
        self._config = config
        self._said: NDArray[np.float32] = sample.degrees ** np.float32(-config.discount)

    def prepare(self, batch: SubjectBatch) -> Neighbours:
        """Scores of all items."""
        sample, items = self._sample, len(self._said)
        taken = batch.taken(items)
        weights = frozen(
            np.maximum(batch.column(self._config.weight), 0) * self._said[taken.indices], np.float32, "weights"
        )
        own = frozen(batch.sample_rows, np.int32, "sample rows")
        require_shape(own, (batch.size,), "sample rows")
        rows = np.empty((batch.size, items), np.float32)
        shape = batch.size, min(self._config.nearest, len(sample.scales))
        users, similarities = np.empty(shape, np.int32), np.empty(shape, np.float32)
        add_users(
            *taken, weights, own, sample.item_starts, sample.item_users, *self._giving(), rows, users, similarities
        )
        return Neighbours(Votes(taken, weights, rows), users, similarities)

    def propose(
        self, batch: SubjectBatch, prepared: Neighbours, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Largest sums above 0."""
        return best_voted(batch, prepared.votes, count, eligible)

    def score(self, batch: SubjectBatch, prepared: Neighbours, candidates: CandidateSet) -> NDArray[np.float32]:
        """The sum; 0 where no neighbour took the item."""
        return gathered_values(prepared.votes.rows, candidates.rows)

    def explain(self, batch: SubjectBatch, prepared: Neighbours, chosen: CandidateSet) -> NDArray[np.int32]:
        """The history item through which the neighbours with the chosen item are near, times its rarity."""
        items = len(self._said)
        asked = bounded_rows(chosen.rows, items, "chosen")
        out = np.empty(len(asked.indices), np.int32)
        rarity = frozen(batch.column(RARITY), np.float32, "rarity")
        near = (
            frozen(prepared.users, np.int32, "neighbours"),
            frozen(prepared.similarities, np.float32, "similarities"),
        )
        best_shared(*prepared.votes.taken, prepared.votes.weights, rarity, *near, *self._giving(), *asked, items, out)
        return out

    def _giving(self) -> tuple[object, ...]:
        """What users of the sample give, and how much their similarity counts."""
        sample = self._sample
        return (sample.scales, sample.starts, sample.items, sample.given, float(self._config.power))
