"""Each of a user's several interests by itself: the history is clustered, and each cluster is folded in as a user of its own.

Clusters as PinnerSage draws them (Pal et al., "PinnerSage: multi-modal user embedding framework for recommendations at
Pinterest", KDD 2020): Ward's criterion on item vectors of length 1; the medoid of a cluster names it. What is near a medoid
proposes worse than what ALS says of the whole cluster, so that is asked. What they bring is proposed by turns: an interest
has its share of the proposals however low its scores are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage

from shortlist.config import AlsConfig, Settings
from shortlist.config.sources import InterestsSourceConfig
from shortlist.kernels.arrays import Floats, Indices
from shortlist.kernels.candidates import union_of
from shortlist.kernels.ranking import cut_lists, take_turns
from shortlist.sources.batch import CandidateSet, Scorer, SubjectBatch
from shortlist.sources.fold_in import FoldInArrays, FoldInScorer
from shortlist.sources.history_weights import heaviest
from shortlist.sources.inputs import ArtefactName, Artefacts, given
from shortlist.sources.item_vectors import ItemVectors
from shortlist.subjects import SubjectType


@dataclass(frozen=True)
class InterestVectors:
    """The interests of n subjects, at most m each, the one with most weight first.

    Attributes:
        vectors: (n, m, d) float32 of length 1; zeros behind a subject's last interest.
        medoids: (n, m) int32, the history item in the middle of each interest; -1 behind the last.
        shares: (n, m) float64, the interest's share of the history's weight; 0 behind the last.
    """

    vectors: Floats
    medoids: Indices
    shares: NDArray[np.float64]

    def __getitem__(self, subjects: slice) -> "InterestVectors":
        return InterestVectors(self.vectors[subjects], self.medoids[subjects], self.shares[subjects])


class Interests:
    """Items near any of the subject's interests, which take turns by their shares."""

    @staticmethod
    def needs(settings: Settings, subject: SubjectType) -> tuple[ArtefactName, ...]:
        """Item vectors as ALS folds users in, and their directions."""
        return ("unit_item_vectors", "fold_in")

    @staticmethod
    def open(artefacts: Artefacts, settings: Settings, subject: SubjectType) -> Scorer[InterestVectors]:
        """The scorer."""
        units = given(artefacts.unit_item_vectors, "unit_item_vectors")
        arrays = given(artefacts.fold_in, "fold_in").arrays
        return InterestsScorer(units, arrays, settings.als, settings.sources.interests)


class InterestsScorer:
    """score = the largest <x_c, y_j> / |x_c| over the subject's interests c, x_c as ALS folds in a user who took c alone."""

    wide = True

    def __init__(self, units: ItemVectors, arrays: FoldInArrays, als: AlsConfig, config: InterestsSourceConfig) -> None:
        """Item vectors of length 1, what interests are folded into, and how."""
        self._units = units
        self._items = ItemVectors.of(arrays.rotated, arrays.known)
        self._solver = FoldInScorer(arrays, als, config)
        self._config = config

    def prepare(self, batch: SubjectBatch) -> InterestVectors:
        """The interests."""
        taken, most = batch.taken(len(self._units.vectors)), self._config.most
        weights = np.maximum(heaviest(taken, batch.column(self._config.weight), self._config.items), 0)
        weights = weights * (self._units.known[taken.indices] > 0)
        labels, medoids = np.full(len(weights), -1), np.full((batch.size, most), -1, np.int32)
        shares = np.zeros((batch.size, most))
        for subject in range(batch.size):
            entries = np.arange(*taken.indptr[subject : subject + 2])
            entries = entries[weights[entries] > 0]
            if len(entries):
                units = np.asarray(self._units.vectors[taken.indices[entries]], np.float64)
                found = clustered(units, np.asarray(weights[entries], np.float64), most)
                labels[entries] = found.labels
                medoids[subject, : len(found.medoids)] = taken.indices[entries[found.medoids]]
                shares[subject, : len(found.shares)] = found.shares
        vectors = self._solver.prepare(self._as_subjects(batch, labels, most))
        lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))[:, None]
        directions = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
        return InterestVectors(directions.reshape(batch.size, most, vectors.shape[1]), medoids, shares)

    def propose(
        self, batch: SubjectBatch, prepared: InterestVectors, count: int, eligible: NDArray[np.uint8]
    ) -> NDArray[np.int32]:
        """What the interests bring, taking turns by their shares (`take_turns`), the best by score first.

        By score alone the largest interest would fill the list. What is not among an interest's `count` best comes behind them.
        """
        near = [
            self._items.propose(_row(prepared.vectors, number), batch, count, eligible)
            for number in range(self._config.most)
        ]
        union = CandidateSet(*union_of(np.stack(near)))
        scores = self.by_interest(prepared, union)
        chosen = np.flatnonzero(take_turns(union.starts, scores, prepared.shares).numbers < count)
        brought = union.take(chosen)
        listed = cut_lists(brought.starts, _largest(scores[:, chosen]), count).listed
        found: NDArray[np.int32] = np.full(listed.shape, -1, np.int32)
        found[listed >= 0] = brought.items[listed[listed >= 0]]
        return found

    def score(self, batch: SubjectBatch, prepared: InterestVectors, candidates: CandidateSet) -> NDArray[np.float32]:
        """The largest inner product; NaN for an item without vector and for a subject without interests."""
        return _largest(self.by_interest(prepared, candidates))

    def explain(self, batch: SubjectBatch, prepared: InterestVectors, chosen: CandidateSet) -> NDArray[np.int32]:
        """The medoid of the interest that an item is nearest to."""
        owners = np.repeat(np.arange(batch.size), np.diff(chosen.starts))
        return prepared.medoids[owners, self.nearest(prepared, chosen)]

    def nearest(self, prepared: InterestVectors, candidates: CandidateSet) -> NDArray[np.int64]:
        """The interest that each candidate is nearest to, by number; 0 where it is near none."""
        scores = self.by_interest(prepared, candidates)
        number: NDArray[np.int64] = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=0)
        return number

    def by_interest(self, prepared: InterestVectors, candidates: CandidateSet) -> Floats:
        """(most, C): the score of each candidate by each interest, NaN where there is none."""
        return np.stack(
            [self._items.score(_row(prepared.vectors, number), candidates) for number in range(self._config.most)]
        )

    def _as_subjects(self, batch: SubjectBatch, labels: NDArray[np.int64], most: int) -> SubjectBatch:
        """Each interest as a subject who took its items alone."""
        owners = np.repeat(np.arange(batch.size), np.diff(batch.history_starts))
        members = np.flatnonzero(labels >= 0)
        rows = owners[members] * most + labels[members]
        order = members[np.argsort(rows, kind="stable")]
        starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=batch.size * most))))
        none, nothing = np.zeros(len(starts), np.int64), np.empty(0, np.int32)
        column: dict[str, Floats] = {self._config.weight: batch.column(self._config.weight)[order]}
        nobody = np.full(len(starts) - 1, -1, np.int32)
        return SubjectBatch(starts, batch.history_items[order], column, none, nothing, nobody)


@dataclass(frozen=True)
class Clusters:
    """What a history falls into.

    Attributes:
        labels: (n,) the cluster of each item, numbered from the one with most weight on.
        medoids: (clusters,) the item of each whose weighted inner product with the others is largest.
        shares: (clusters,) share of the weight.
    """

    labels: NDArray[np.int64]
    medoids: NDArray[np.int64]
    shares: NDArray[np.float64]


def clustered(vectors: NDArray[np.float64], weights: NDArray[np.float64], most: int) -> Clusters:
    """At most so many clusters of items by Ward's criterion; of equal weights the one with the first item comes first.

    Args:
        vectors: (n, d) of length 1, at least one.
        weights: (n,) above 0.
        most: clusters.
    """
    size = len(vectors)
    found = cut(linkage(vectors, "ward"), most) if size > 1 else np.zeros(1, np.int64)
    distinct, firsts = np.unique(found, return_index=True)
    totals = np.bincount(found, weights)[distinct]
    order = np.lexsort((firsts, -totals))
    numbers = np.empty(found.max() + 1, np.int64)
    numbers[distinct[order]] = np.arange(len(order))
    labels = numbers[found]
    near = vectors @ vectors.T
    # Exactly, and sums are rounded: two items with equal weights are equally central, and the first is the medoid.
    np.fill_diagonal(near, 1.0)
    central = (near * weights * (labels[:, None] == labels)).sum(axis=1).round(9)
    medoids = [np.flatnonzero(labels == label)[np.argmax(central[labels == label])] for label in range(len(order))]
    return Clusters(labels, np.array(medoids), totals[order] / totals.sum())


def cut(merges: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """At most so many clusters of n points, as scipy's `fcluster` cuts by `maxclust`, in an eighth of its time.

    Of merges at the same height all are made or none.

    Args:
        merges: (n - 1, 4) as scipy's `linkage` gives them, by ascending height.
        most: clusters.

    Returns:
        (n,) a number for each point, the same within a cluster.
    """
    size = len(merges) + 1
    made = int(np.searchsorted(merges[:, 2], merges[size - most - 1, 2], "right")) if size > most else 0
    # Node size + m is what merge m makes; from the last one down, each hands its number on to what it was made of.
    numbers = list(range(size + made))
    children = merges[:made, :2].astype(np.int64).tolist()
    for node in range(made - 1, -1, -1):
        for child in children[node]:
            numbers[child] = numbers[size + node]
    return np.array(numbers[:size])


def _largest(by_interest: Floats) -> Floats:
    largest: Floats = np.fmax.reduce(by_interest, axis=0)
    return largest


def _row(vectors: Floats, number: int) -> Floats:
    return np.ascontiguousarray(vectors[:, number])
