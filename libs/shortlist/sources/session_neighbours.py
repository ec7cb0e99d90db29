"""What the nearest sessions of a bounded, shared sample held, and where in them.

After Ludewig, Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 28, 2018, section 4.4 (V-SkNN), and
Garg et al., "Sequence and time aware neighborhood for session-based recommendations", SIGIR 2019 (STAN).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.config import Settings
from shortlist.config.sources import SessionNeighboursSourceConfig
from shortlist.kernels.arrays import bounded_rows, frozen, require_shape
from shortlist.kernels.candidates import best_of_rows, gathered_values
from shortlist.kernels.sample_loops import add_sessions
from shortlist.sources.batch import POSITION, CandidateSet, Scorer, SubjectBatch
from shortlist.sources.history_weights import by_position
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.item_side import ItemSide
from shortlist.sources.neighbour_lists import Votes
from shortlist.subjects import SubjectType


@dataclass(frozen=True)
class SessionSample(ItemSide):
    """Some sessions, oldest first, and in which of them an item is.

    Attributes:
        starts: (sessions + 1,) int64.
        items: int32, items of each session in their order; one may come again.
        item_starts: (items + 1,) int64.
        item_sessions: int32, the newest sessions with each item, ascending.
        item_positions: int32, where in the session the item was last, from 0.
        scales: (sessions,) float32, (events of the session)^-1/2 times its recency.
        rarity: (items,) float32, ln((sessions + 1) / (sessions with the item + 1)), scaled to mean 1.
    """

    starts: NDArray[np.int64]
    items: NDArray[np.int32]
    item_starts: NDArray[np.int64]
    item_sessions: NDArray[np.int32]
    item_positions: NDArray[np.int32]
    scales: NDArray[np.float32]
    rarity: NDArray[np.float32]


def session_sample(
    sessions: tuple[ArrayLike, ArrayLike], item_count: int, config: SessionNeighboursSourceConfig
) -> SessionSample:
    """Index sessions.

    Args:
        sessions: indptr and indices: items of each session in their order, the oldest session first.
        item_count: number of items.
        config: how many sessions an item finds, and how much old ones count.
    """
    rows = bounded_rows(sessions, item_count, "sessions")
    lengths = np.diff(rows.indptr)
    count = len(lengths)
    owners = np.repeat(np.arange(count), lengths)
    positions = np.arange(len(owners)) - rows.indptr[owners]
    order = np.lexsort((positions, owners, rows.indices))
    items, owners, positions = rows.indices[order], owners[order], positions[order]
    # Of an item that a session holds twice, its last position.
    last = np.ones(len(items), bool)
    last[:-1] = (items[1:] != items[:-1]) | (owners[1:] != owners[:-1])
    items, owners, positions = items[last], owners[last], positions[last]
    frequency = np.bincount(items, minlength=item_count)
    ends = np.cumsum(frequency)
    newest = ends[items] - np.arange(len(items)) <= config.sessions_per_item
    listed = np.minimum(frequency, config.sessions_per_item)
    age = 1.0 - (np.arange(count) + 1) / max(count, 1)
    rarity = np.log((count + 1) / (frequency + 1.0))
    mean = rarity.mean() if item_count else 1.0
    return SessionSample(
        *rows,
        frozen(np.concatenate(([0], np.cumsum(listed))), np.int64, "item starts"),
        frozen(owners[newest], np.int32, "item sessions"),
        frozen(positions[newest], np.int32, "item positions"),
        frozen(np.maximum(lengths, 1) ** -0.5 * np.exp(-config.recency * age), np.float32, "scales"),
        # An item of every session has rarity 0: it says nothing, and all of them together need no scale.
        frozen(rarity / mean if mean > 0 else np.ones(item_count), np.float32, "rarity"),
    )


class SessionNeighbours:
    """What the sessions of the sample hold that are most like a subject's history."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """The sample."""
        return ("session_sample",)

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[Votes]:
        """The scorer."""
        sample = given(artefacts.session_sample, "session_sample")
        return SessionNeighboursScorer(sample, settings.sources.session_neighbours, subjects_are_sessions=False)


class SessionNeighboursScorer:
    """What the nearest sessions hold, weighted by similarity, rarity and distance from the newest item in common.

    similarity(u, v) = n_v^-1/2 recency_v sum over common items of position_decay^position rarity_i; a session of the sample
    adds to item j: similarity distance_decay^distance rarity_j^1/2, times `before` or `same` where j does not come after the
    newest common item. What was hidden is not in common.

    Args:
        sample: sessions.
        config: how near and how far they count.
        subjects_are_sessions: whether `sample_rows` of a batch number sessions of this sample: then none is its own neighbour.
    """

    wide = False

    def __init__(
        self, sample: SessionSample, config: SessionNeighboursSourceConfig, *, subjects_are_sessions: bool = True
    ) -> None:
        self._sample = sample
        self._config = config
        self._subjects_are_sessions = subjects_are_sessions
        self._roots: NDArray[np.float32] = np.sqrt(sample.rarity)

    def prepare(self, batch: SubjectBatch) -> Votes:
        """Scores of all items."""
        sample, config = self._sample, self._config
        items = len(sample.rarity)
        taken, positions = batch.taken(items), batch.column(POSITION)
        weights = frozen(
            by_position(batch, config.position_decay) * sample.rarity[taken.indices], np.float32, "weights"
        )
        owners = np.repeat(np.arange(batch.size), np.diff(taken.indptr))
        newest_first = np.lexsort((taken.indices, positions, owners)) - taken.indptr[owners]
        require_shape(np.asarray(batch.sample_rows), (batch.size,), "sample rows")
        own_rows = batch.sample_rows if self._subjects_are_sessions else np.full(batch.size, -1)
        own = frozen(own_rows, np.int32, "sample rows")
        rows = np.empty((batch.size, items), np.float32)
        add_sessions(
            *taken, weights, frozen(newest_first, np.int32, "order"), own, sample.item_starts, sample.item_sessions,
            sample.item_positions, sample.scales, sample.starts, sample.items, frozen(self._roots, np.float32, "rarity"),
            config.nearest, float(config.distance_decay), float(config.before), float(config.same), rows,
        )  # fmt: skip
        return Votes(taken, weights, rows)

    def propose(
        self, batch: SubjectBatch, prepared: Votes, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """Largest sums above 0."""
        return best_of_rows(prepared.rows, batch.masked, eligible, count, 0.0)

    def score(self, batch: SubjectBatch, prepared: Votes, candidates: CandidateSet) -> NDArray[np.float32]:
        """The sum; 0 where no neighbour holds the item."""
        return gathered_values(prepared.rows, candidates.rows)

    def explain(self, batch: SubjectBatch, prepared: Votes, chosen: CandidateSet) -> NDArray[np.int32]:
        """The heaviest item of the history, which is in most of the nearest sessions; -1 where all of it is hidden."""
        out = np.full(batch.size, -1, np.int32)
        for s in range(batch.size):
            low, high = prepared.taken.indptr[s : s + 2]
            if (prepared.weights[low:high] > 0).any():
                out[s] = prepared.taken.indices[low + np.argmax(prepared.weights[low:high])]
        return np.repeat(out, np.diff(chosen.starts))
