"""The models behind two questions: the best k items of a subject, and where a withheld item stands among others."""

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

from infra.benchmarks._quality_protocols import NEGATIVES
from shortlist.columns import (
    BASKET_ID,
    FACTORS,
    ID,
    ITEM_ID,
    RANK,
    SCORE,
    SUBJECT_ID,
    USER_ID,
    WEIGHT,
)
from shortlist.config import AlsConfig, CooccurrenceConfig
from shortlist.kernels.neighbours import score_neighbours
from shortlist.models.als import fit as als
from shortlist.models.arrays.shared_arrays import SharedArrays, share_arrays
from shortlist.models.cooccurrence import fit as cooccurrence
from shortlist.models.ranking.item_factors import ItemFactors, SharedItems, list_matrix
from shortlist.models.ranking.neighbours import Neighbours, collect_neighbours, score_from_neighbours
from shortlist.models.ranking.scoring import mask_rows, top_items

Batches = Iterable[pa.RecordBatch]
# Subjects whose candidates' vectors, or whose scores of all items, are held at once.
_SUBJECTS: Final = 256
_TAKEN: Final = "taken"


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
class Votes:
    """The score is a sum of similarities.

    Attributes:
        seeds: subject_id, item_id, weight: what a subject holds.
        neighbours: what lies beside each item.
    """

    seeds: DataFrame
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
            seeds = train.select(F.col(USER_ID).alias(SUBJECT_ID), ITEM_ID, F.lit(1.0).cast("float").alias(WEIGHT))
            with cooccurrence.fit(train.withColumnRenamed(USER_ID, BASKET_ID), settings) as related:
                yield Votes(seeds, share_arrays(train.sparkSession, None, collect_neighbours(related)))
        case Popularity():
            # A model of one factor, so that it is ranked among candidates like the others.
            items = train.groupBy(F.col(ITEM_ID).alias(ID)).agg(F.array(F.count("*").cast("float")).alias(FACTORS))
            subjects = train.select(F.col(USER_ID).alias(SUBJECT_ID)).distinct()
            one = F.array(F.lit(1.0).cast("float")).alias(FACTORS)
            yield Factors(subjects.select(SUBJECT_ID, one), SharedItems(items, None))


def top_lists(model: Model, subjects: DataFrame, k: int) -> DataFrame:
    """The k best items that a subject does not hold.

    Args:
        model: inside its context.
        subjects: subject_id, seen (array<string>).
        k: longest list.

    Returns:
        subject_id, item_id, score, rank (from 1; ties by item_id).
    """
    if isinstance(model, Factors):
        return top_items(model.subjects.join(subjects, SUBJECT_ID, how="inner"), model.items, k)
    most = len(model.neighbours.value.ids)
    found = score_from_neighbours(model.seeds, model.neighbours, subjects, k, "sum", most)
    return found.select(SUBJECT_ID, ITEM_ID, SCORE, RANK)


def rank_candidates(model: Model, tasks: DataFrame) -> DataFrame:
    """The rank of a withheld item among candidates, ties against it: 1 + the candidates that score no less.

    An item that the model does not know scores 0, and so does one that no neighbour leads to.

    Args:
        model: inside its context.
        tasks: subject_id, item_id, negatives (array<string>, as many for every subject).

    Returns:
        subject_id, item_id, rank (from 1). Subjects that the model does not know are absent.
    """
    schema = f"{SUBJECT_ID} string, {ITEM_ID} string, {RANK} int"
    columns = [SUBJECT_ID, ITEM_ID, NEGATIVES]
    if isinstance(model, Factors):
        asked = tasks.join(model.subjects, SUBJECT_ID, how="inner").select(*columns, FACTORS)
        return asked.mapInArrow(_ranking_factors(model.items.fitted), schema)
    held = model.seeds.groupBy(SUBJECT_ID).agg(F.sort_array(F.collect_list(ITEM_ID)).alias(_TAKEN))
    asked = tasks.join(held, SUBJECT_ID, how="inner").select(*columns, _TAKEN)
    return asked.mapInArrow(_ranking_votes(model.neighbours), schema)


def _ranking_factors(shared: SharedArrays[ItemFactors]) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        items = shared.value
        # One more row, of zeros, for items without a vector.
        vectors = np.vstack([items.vectors, np.zeros((1, items.vectors.shape[1]), np.float32)])
        for batch in batches:
            if batch.num_rows:
                queries = list_matrix(batch[FACTORS])
                indices = candidate_indices(batch, items.ids)
                scores = np.empty(indices.shape, np.float32)
                for first in range(0, len(indices), _SUBJECTS):
                    some = slice(first, first + _SUBJECTS)
                    scores[some] = np.matmul(vectors[indices[some]], queries[some, :, None])[:, :, 0]
                yield _ranked(batch, scores)

    return rank


def _ranking_votes(shared: SharedArrays[Neighbours]) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        near = shared.value
        for batch in batches:
            if batch.num_rows:
                indices = candidate_indices(batch, near.ids)
                scores = np.empty(indices.shape, np.float32)
                for first in range(0, len(indices), _SUBJECTS):
                    some = slice(first, first + _SUBJECTS)
                    votes = score_all(batch[_TAKEN].slice(first, _SUBJECTS), near)
                    scores[some] = np.take_along_axis(votes, indices[some], axis=1)
                yield _ranked(batch, scores)

    return rank


def score_all(held: pa.ListArray, near: Neighbours) -> NDArray[np.float32]:
    """Scores of every item, and one more column for items that are not known, (rows, ids + 1); 0 where nothing leads."""
    indptr, indices = mask_rows(held, near.ids)
    found = score_neighbours(
        (indptr, indices),
        np.ones(len(indices), np.float32),
        (near.indptr, near.indices),
        near.similarities,
        len(near.ids),
        "sum",
    )
    scores = np.zeros((len(held), len(near.ids) + 1), np.float32)
    listed = np.arange(found.items.shape[1]) < found.counts[:, None]
    scores[np.nonzero(listed)[0], found.items[listed]] = found.scores[listed]
    return scores


def candidate_indices(batch: pa.RecordBatch, ids: pa.Array) -> NDArray[np.int32]:
    """Indices in `ids` of the withheld item and the negatives of each row, (rows, 1 + negatives); len(ids) if unknown."""
    columns = (batch[ITEM_ID], batch[NEGATIVES].flatten())
    known = [pc.fill_null(pc.index_in(column.cast(pa.string()), value_set=ids), len(ids)) for column in columns]
    withheld, negatives = (indices.to_numpy(zero_copy_only=False) for indices in known)
    return np.column_stack([withheld, negatives.reshape(batch.num_rows, -1)])


def pessimistic_ranks(scores: NDArray[np.float32]) -> NDArray[np.int32]:
    """The rank of column 0 in each row, other columns of the same score before it."""
    ranks: NDArray[np.int32] = (1 + (scores[:, 1:] >= scores[:, :1]).sum(axis=1)).astype(np.int32)
    return ranks


def _ranked(batch: pa.RecordBatch, scores: NDArray[np.float32]) -> pa.RecordBatch:
    ranks = pa.array(pessimistic_ranks(scores))
    return pa.RecordBatch.from_arrays([batch[SUBJECT_ID], batch[ITEM_ID], ranks], [SUBJECT_ID, ITEM_ID, RANK])
