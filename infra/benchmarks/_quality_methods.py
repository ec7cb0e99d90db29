"""The models behind two questions: the best k items of a subject, and where a withheld item stands among others."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from infra.benchmarks._quality_protocols import NEGATIVES
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
from shortlist.kernels.neighbours import score_neighbours
from shortlist.models import als, cooccurrence
from shortlist.models.neighbours import Neighbours, collect_neighbours, score_from_neighbours
from shortlist.models.scoring import ItemFactors, collect_item_factors, list_matrix, mask_rows, top_items

Batches = Iterable[pa.RecordBatch]
# Subjects whose candidates' vectors, or whose scores of all items, are held at once.
_SUBJECTS: Final = 256
_TAKEN: Final = "taken"


@dataclass(frozen=True)
class Popularity:
    """Users per item; nothing to set."""


@dataclass(frozen=True)
class Neighbourhood:
    """Scores from the neighbours of what a subject holds, each of weight 1, added up.

    Attributes:
        config: measure, neighbours, smallest support.
        alpha: of rp3beta, whose score falls with (users of the item)^-alpha; its step through baskets keeps exponent 1.
        beta: of rp3beta, whose score falls with (users of the neighbour)^-beta.
    """

    config: CooccurrenceConfig
    alpha: float = 1.0
    beta: float = 0.0


Settings = AlsConfig | Neighbourhood | Popularity


@dataclass(frozen=True)
class Factors:
    """The score is an inner product.

    Attributes:
        subjects: subject_id, factors.
        items: all items that were taken.
    """

    subjects: DataFrame
    items: ItemFactors


@dataclass(frozen=True)
class Votes:
    """The score is a sum of similarities.

    Attributes:
        seeds: subject_id, item_id, weight: what a subject holds.
        neighbours: what lies beside each item.
    """

    seeds: DataFrame
    neighbours: Neighbours


Model = Factors | Votes


@contextmanager
def fitted(train: DataFrame, settings: Settings) -> Iterator[Model]:
    """A model of train (user_id, item_id); its frames are read inside the context."""
    match settings:
        case AlsConfig():
            with als.fit(train.withColumn(WEIGHT, F.lit(1.0)), settings) as model:
                users = model.user_factors.select(F.col(ID).alias(SUBJECT_ID), FACTORS).persist()
                yield Factors(users, collect_item_factors(model.item_factors.select(F.col(ID).alias(ITEM_ID), FACTORS)))
                users.unpersist()
        case Neighbourhood():
            related = cooccurrence.fit(train.withColumnRenamed(USER_ID, BASKET_ID), settings.config)
            # Lists are cut before they are discounted: with thousands of neighbours next to nothing is cut.
            plain = (settings.alpha, settings.beta) == (1.0, 0.0)
            weighed = related if plain else discount_popular(related, train, settings.alpha, settings.beta)
            seeds = train.select(F.col(USER_ID).alias(SUBJECT_ID), ITEM_ID, F.lit(1.0).cast("float").alias(WEIGHT))
            yield Votes(seeds, collect_neighbours(weighed))
        case Popularity():
            # A model of one factor, as sources/popularity.py has it.
            items = train.groupBy(ITEM_ID).agg(F.array(F.count("*").cast("float")).alias(FACTORS))
            subjects = train.select(F.col(USER_ID).alias(SUBJECT_ID)).distinct()
            one = F.array(F.lit(1.0).cast("float")).alias(FACTORS)
            yield Factors(subjects.select(SUBJECT_ID, one), collect_item_factors(items))


def discount_popular(related: DataFrame, train: DataFrame, alpha: float, beta: float) -> DataFrame:
    """RP3beta's exponents, which CooccurrenceConfig does not have: model scores are those of alpha 1, beta 0.

    Args:
        related: item_id, related_item_id, score.
        train: user_id, item_id.
        alpha: scores are multiplied by (users of the item)^(1 - alpha).
        beta: and by (users of the neighbour)^-beta.

    Returns:
        item_id, related_item_id, score.
    """
    users = train.groupBy(ITEM_ID).agg(F.count("*").cast("double").alias("users"))
    near = users.select(F.col(ITEM_ID).alias(RELATED_ITEM_ID), F.col("users").alias("near_users"))
    counted = related.join(F.broadcast(users), ITEM_ID, how="inner")
    joined = counted.join(F.broadcast(near), RELATED_ITEM_ID, how="inner")
    factor = F.pow("users", F.lit(1.0 - alpha)) * F.pow("near_users", F.lit(-beta))
    return joined.select(ITEM_ID, RELATED_ITEM_ID, (F.col(SCORE) * factor).cast("float").alias(SCORE))


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
    most = len(model.neighbours.ids)
    found = score_from_neighbours(model.seeds, model.neighbours, subjects, k, "sum", most)
    return found.select(SUBJECT_ID, ITEM_ID, SCORE, RANK)


def rank_candidates(model: Model, tasks: DataFrame) -> DataFrame:
    """The place of a withheld item among candidates, ties against it: 1 + the candidates that score no less.

    An item that the model does not know scores 0, and so does one that no neighbour leads to.

    Args:
        model: inside its context.
        tasks: subject_id, item_id, negatives (array<string>, as many for every subject).

    Returns:
        subject_id, item_id, rank (from 1). Subjects that the model does not know are absent.
    """
    spark = tasks.sparkSession
    schema = f"{SUBJECT_ID} string, {ITEM_ID} string, {RANK} int"
    columns = [SUBJECT_ID, ITEM_ID, NEGATIVES]
    if isinstance(model, Factors):
        asked = tasks.join(model.subjects, SUBJECT_ID, how="inner").select(*columns, FACTORS)
        return asked.mapInArrow(_ranking_factors(spark.sparkContext.broadcast(model.items)), schema)
    held = model.seeds.groupBy(SUBJECT_ID).agg(F.sort_array(F.collect_list(ITEM_ID)).alias(_TAKEN))
    asked = tasks.join(held, SUBJECT_ID, how="inner").select(*columns, _TAKEN)
    return asked.mapInArrow(_ranking_votes(spark.sparkContext.broadcast(model.neighbours)), schema)


def _ranking_factors(shared: "Broadcast[ItemFactors]") -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        items = shared.value
        # One more row, of zeros, for items without a vector.
        vectors = np.vstack([items.transposed.T, np.zeros((1, len(items.transposed)), np.float32)])
        for batch in batches:
            if batch.num_rows:
                queries = list_matrix(batch[FACTORS])
                places = candidate_places(batch, items.ids)
                scores = np.empty(places.shape, np.float32)
                for first in range(0, len(places), _SUBJECTS):
                    some = slice(first, first + _SUBJECTS)
                    scores[some] = np.matmul(vectors[places[some]], queries[some, :, None])[:, :, 0]
                yield _ranked(batch, scores)

    return rank


def _ranking_votes(shared: "Broadcast[Neighbours]") -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        near = shared.value
        for batch in batches:
            if batch.num_rows:
                places = candidate_places(batch, near.ids)
                scores = np.empty(places.shape, np.float32)
                for first in range(0, len(places), _SUBJECTS):
                    some = slice(first, first + _SUBJECTS)
                    votes = score_all(batch[_TAKEN].slice(first, _SUBJECTS), near)
                    scores[some] = np.take_along_axis(votes, places[some], axis=1)
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


def candidate_places(batch: pa.RecordBatch, ids: pa.Array) -> NDArray[np.int32]:
    """Places in `ids` of the withheld item and the negatives of each row, (rows, 1 + negatives); len(ids) for unknown ones."""
    columns = (batch[ITEM_ID], batch[NEGATIVES].flatten())
    known = [pc.fill_null(pc.index_in(column.cast(pa.string()), value_set=ids), len(ids)) for column in columns]
    withheld, negatives = (places.to_numpy(zero_copy_only=False) for places in known)
    return np.column_stack([withheld, negatives.reshape(batch.num_rows, -1)])


def pessimistic_ranks(scores: NDArray[np.float32]) -> NDArray[np.int32]:
    """The place of column 0 in each row, other columns of the same score before it."""
    ranks: NDArray[np.int32] = (1 + (scores[:, 1:] >= scores[:, :1]).sum(axis=1)).astype(np.int32)
    return ranks


def _ranked(batch: pa.RecordBatch, scores: NDArray[np.float32]) -> pa.RecordBatch:
    ranks = pa.array(pessimistic_ranks(scores))
    return pa.RecordBatch.from_arrays([batch[SUBJECT_ID], batch[ITEM_ID], ranks], [SUBJECT_ID, ITEM_ID, RANK])
