"""The models behind two questions: the best k items of a subject, and the rank of a withheld item among others."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from infra.benchmarks._quality_protocols import NEGATIVES, SEEN
from shortlist.columns import (
    BASKET_ID,
    FACTORS,
    ID,
    ITEM_ID,
    RANK,
    RELATED_ITEM_ID,
    SCORE,
    SUBJECT_ID,
    USER_ID,
    WEIGHT,
)
from shortlist.config import AlsConfig, CooccurrenceConfig
from shortlist.config.sources import NeighbourListsSourceConfig
from shortlist.generation.model_artefacts import related_rows
from shortlist.kernels.top_k import top_k
from shortlist.models.als import fit as als
from shortlist.models.als.item_factors import ItemFactors, SharedItems, list_matrix
from shortlist.models.arrays.matrix import ascending, id_rows, sorted_ids
from shortlist.models.arrays.shared_arrays import SharedArrays, share_arrays
from shortlist.models.cooccurrence import fit as cooccurrence
from shortlist.sources.batch import SubjectBatch
from shortlist.sources.common_set import NARROW_SUBJECTS
from shortlist.sources.neighbour_lists import NeighbourLists, NeighbourListsScorer

Batches = Iterable[pa.RecordBatch]
MapBatches = Callable[[Batches], Iterator[pa.RecordBatch]]
Indices = NDArray[np.int32]
Scores = NDArray[np.float32]
# Subjects whose candidates' vectors are held at once.
_SUBJECTS: Final = 256
_TAKEN: Final = "taken"
_LISTS: Final = f"{SUBJECT_ID} string, {ITEM_ID} string, {SCORE} float, {RANK} int"
_RANKS: Final = f"{SUBJECT_ID} string, {ITEM_ID} string, {RANK} int"


@dataclass(frozen=True)
class Popularity:
    """Users per item; nothing to set."""


# Of co-occurrence: scores from the neighbours of what a subject holds, each of weight 1, added up.
Settings = AlsConfig | CooccurrenceConfig | Popularity


@dataclass(frozen=True)
class Factors:
    """The score is an inner product.

    Attributes:
        subjects: subject_id, factors.
        items: all items that were taken.
    """

    subjects: DataFrame
    items: SharedItems


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of every item.

    Attributes:
        ids: sorted ids of items and neighbours.
        lists: neighbours by index in `ids`.
    """

    ids: pa.Array
    lists: NeighbourLists

    @property
    def scorer(self) -> NeighbourListsScorer:
        """The scorer of the nightly run; everything that a subject holds has a vote."""
        return NeighbourListsScorer(self.lists, NeighbourListsSourceConfig(seeds=10**6))


@dataclass(frozen=True)
class Votes:
    """The score is a sum of similarities.

    Attributes:
        held: subject_id, item_id: what a subject holds, each item once.
        neighbours: of every item.
    """

    held: DataFrame
    neighbours: SharedArrays[Neighbours]


Model = Factors | Votes


@contextmanager
def fitted(train: DataFrame, settings: Settings) -> Iterator[Model]:
    """A model of train (user_id, item_id); its frames are read inside the context."""
    match settings:
        case AlsConfig():
            with als.fit(train.withColumn(WEIGHT, F.lit(1.0)), settings) as model:
                users = model.user_factors.select(F.col(ID).alias(SUBJECT_ID), FACTORS).persist()
                yield Factors(users, SharedItems(model.item_factors, None))
                users.unpersist()
        case CooccurrenceConfig():
            held = train.select(F.col(USER_ID).alias(SUBJECT_ID), ITEM_ID)
            with cooccurrence.fit(train.withColumnRenamed(USER_ID, BASKET_ID), settings) as related:
                yield Votes(held, share_arrays(train.sparkSession, None, collect_neighbours(related)))
        case Popularity():
            # A model of one factor, so that it is ranked among candidates like the others.
            items = train.groupBy(F.col(ITEM_ID).alias(ID)).agg(F.array(F.count("*").cast("float")).alias(FACTORS))
            subjects = train.select(F.col(USER_ID).alias(SUBJECT_ID)).distinct()
            one = F.array(F.lit(1.0).cast("float")).alias(FACTORS)
            yield Factors(subjects.select(SUBJECT_ID, one), SharedItems(items, None))


def collect_neighbours(related: DataFrame) -> Neighbours:
    """Rows (item_id, related_item_id, score) as lists; item-sized."""
    table = related.select(ITEM_ID, RELATED_ITEM_ID, SCORE).toArrow()
    ids = sorted_ids(pa.chunked_array(table[ITEM_ID].chunks + table[RELATED_ITEM_ID].chunks, pa.string()))
    return Neighbours(ids, NeighbourLists.of(*related_rows(table, ids)))


def top_lists(model: Model, subjects: DataFrame, k: int) -> DataFrame:
    """The k best items that a subject does not hold.

    Args:
        model: inside its context.
        subjects: subject_id, seen (array<string>).
        k: longest list.

    Returns:
        subject_id, item_id, score, rank (from 1; ties by item_id). Subjects that the model does not know are absent.
    """
    if isinstance(model, Factors):
        asked = subjects.join(model.subjects, SUBJECT_ID, how="inner").select(SUBJECT_ID, SEEN, FACTORS)
        return asked.mapInArrow(_lists_by_factors(model.items.fitted, k), _LISTS)
    asked = subjects.join(_histories(model), SUBJECT_ID, how="inner").select(SUBJECT_ID, SEEN, _TAKEN)
    return asked.mapInArrow(_lists_by_votes(model.neighbours, k), _LISTS)


def rank_candidates(model: Model, tasks: DataFrame) -> DataFrame:
    """The rank of a withheld item among candidates, ties against it: 1 + the candidates that score no less.

    An item that the model does not know scores 0, and so does one that no neighbour leads to.

    Args:
        model: inside its context.
        tasks: subject_id, item_id, negatives (array<string>, as many for every subject).

    Returns:
        subject_id, item_id, rank (from 1). Subjects that the model does not know are absent.
    """
    columns = [SUBJECT_ID, ITEM_ID, NEGATIVES]
    if isinstance(model, Factors):
        asked = tasks.join(model.subjects, SUBJECT_ID, how="inner").select(*columns, FACTORS)
        return asked.mapInArrow(_ranks_by_factors(model.items.fitted), _RANKS)
    asked = tasks.join(_histories(model), SUBJECT_ID, how="inner").select(*columns, _TAKEN)
    return asked.mapInArrow(_ranks_by_votes(model.neighbours), _RANKS)


def _histories(model: Votes) -> DataFrame:
    return model.held.groupBy(SUBJECT_ID).agg(F.sort_array(F.collect_list(ITEM_ID)).alias(_TAKEN))


def _lists_by_factors(shared: SharedArrays[ItemFactors], k: int) -> MapBatches:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        items = shared.value
        for batch in batches:
            if batch.num_rows:
                seen = ascending(id_rows(batch[SEEN], items.ids))
                best = top_k(list_matrix(batch[FACTORS]), items.vectors.T, *seen, k)
                yield _listed(batch[SUBJECT_ID], items.ids, best.items, best.scores)

    return rank


def _lists_by_votes(shared: SharedArrays[Neighbours], k: int) -> MapBatches:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        near = shared.value
        scorer, eligible = near.scorer, np.ones(len(near.ids), np.uint8)
        for batch in batches:
            for some in _slices(batch, NARROW_SUBJECTS):
                subjects = subject_batch(some[_TAKEN], some[SEEN], near.ids)
                votes = scorer.prepare(subjects)
                best = scorer.propose(subjects, votes, k, eligible)
                yield _listed(some[SUBJECT_ID], near.ids, best, scores_at(votes.rows, best))

    return rank


def _ranks_by_factors(shared: SharedArrays[ItemFactors]) -> MapBatches:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        items = shared.value
        # One more row, of zeros, for items without a vector.
        vectors = np.vstack([items.vectors, np.zeros((1, items.vectors.shape[1]), np.float32)])
        for batch in batches:
            for some in _slices(batch, _SUBJECTS):
                queries = list_matrix(some[FACTORS])
                indices = candidate_indices(some, items.ids)
                yield _ranked(some, np.matmul(vectors[indices], queries[:, :, None])[:, :, 0])

    return rank


def _ranks_by_votes(shared: SharedArrays[Neighbours]) -> MapBatches:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        near = shared.value
        scorer, nothing = near.scorer, pa.nulls(NARROW_SUBJECTS, pa.list_(pa.string()))
        for batch in batches:
            for some in _slices(batch, NARROW_SUBJECTS):
                subjects = subject_batch(some[_TAKEN], nothing[: some.num_rows], near.ids)
                scores = scorer.prepare(subjects).rows
                yield _ranked(some, scores_at(scores, candidate_indices(some, near.ids)))

    return rank


def _slices(batch: pa.RecordBatch, subjects: int) -> Iterator[pa.RecordBatch]:
    """So many rows at a time."""
    for first in range(0, batch.num_rows, subjects):
        yield batch.slice(first, subjects)


def subject_batch(held: pa.ListArray, seen: pa.ListArray, ids: pa.Array) -> SubjectBatch:
    """Subjects as sources take them: what each holds, each item of weight 1, and what it must not be given."""
    starts, items = ascending(id_rows(held, ids))
    weights = {WEIGHT: np.ones(len(items), np.float32)}
    return SubjectBatch(starts, items, weights, *ascending(id_rows(seen, ids)), np.full(len(held), -1, np.int32))


def scores_at(scores: Scores, indices: Indices) -> Scores:
    """Some of the scores (subjects, items) of each subject; 0 for what is no item: index -1 or the number of items."""
    return np.take_along_axis(np.pad(scores, ((0, 0), (0, 1))), indices, axis=1)


def candidate_indices(batch: pa.RecordBatch, ids: pa.Array) -> Indices:
    """Indices in `ids` of the withheld item and the negatives of each row, (rows, 1 + negatives); len(ids) if unknown."""
    columns = (batch[ITEM_ID], batch[NEGATIVES].flatten())
    known = [pc.fill_null(pc.index_in(column.cast(pa.string()), value_set=ids), len(ids)) for column in columns]
    withheld, negatives = (indices.to_numpy(zero_copy_only=False) for indices in known)
    return np.column_stack([withheld, negatives.reshape(batch.num_rows, -1)])


def pessimistic_ranks(scores: Scores) -> Indices:
    """The rank of column 0 in each row, other columns of the same score before it."""
    ranks: Indices = (1 + (scores[:, 1:] >= scores[:, :1]).sum(axis=1)).astype(np.int32)
    return ranks


def _listed(subjects: pa.Array, ids: pa.Array, best: Indices, scores: Scores) -> pa.RecordBatch:
    """Lists of indices in `ids`, -1 behind the last, as rows."""
    row, position = np.nonzero(best >= 0)
    columns = {
        SUBJECT_ID: subjects.take(pa.array(row)),
        ITEM_ID: ids.take(pa.array(best[row, position])),
        SCORE: pa.array(scores[row, position]),
        RANK: pa.array((position + 1).astype(np.int32)),
    }
    return pa.RecordBatch.from_pydict(columns)


def _ranked(batch: pa.RecordBatch, scores: Scores) -> pa.RecordBatch:
    ranks = pa.array(pessimistic_ranks(scores))
    return pa.RecordBatch.from_arrays([batch[SUBJECT_ID], batch[ITEM_ID], ranks], [SUBJECT_ID, ITEM_ID, RANK])
