"""One order of items for everybody, and for each subject its first unseen ones: no catalogue is scanned for anyone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, SCORE, SEEN, SUBJECT_ID
from shortlist.kernels.arrays import Floats
from shortlist.models.ranking.scoring import LISTS, RANKED, Batches, listed, mask_rows, ranked, slices


@dataclass(frozen=True)
class Order:
    """Items, best first.

    Attributes:
        ids: each once.
        scores: one per item.
    """

    ids: pa.Array
    scores: Floats


def first_unseen(scored: DataFrame, subjects: DataFrame, k: int) -> DataFrame:
    """For each subject the k items of the largest score that it has not seen; the scores are everybody's.

    Whoever has seen n items finds its list among the first n + k, so only as many as the longest history asks for are
    collected: at most as many as there are items.

    Args:
        scored: item_id, score; each item once.
        subjects: subject_id, seen (array<string>, never given to that subject; NULL for none).
        k: longest list.

    Returns:
        subject_id, item_id, score (float), rank (from 1; ties by item_id). Subjects without an unseen item are absent.
    """
    spark = scored.sparkSession
    longest = subjects.agg(F.max(F.size(SEEN))).first()
    most = max(0, (longest[0] if longest is not None else None) or 0)
    best_first = scored.select(ITEM_ID, F.col(SCORE).cast("float").alias(SCORE)).orderBy(F.desc(SCORE), ITEM_ID)
    table = best_first.limit(k + most).toArrow().combine_chunks()
    if not len(table):
        return spark.createDataFrame([], RANKED)
    order = Order(table[ITEM_ID].combine_chunks().cast(pa.string()), table[SCORE].to_numpy())
    return ranked(subjects.select(SUBJECT_ID, SEEN).mapInArrow(_listing(spark.sparkContext.broadcast(order), k), LISTS))


def unseen_places(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], count: int, k: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The first k of `count` places that each row has not seen.

    Before the i-th seen place s_i (from 0, ascending) lie s_i - i unseen ones, so the j-th unseen place is j plus the
    number of i with s_i - i <= j.

    Args:
        indptr: (rows + 1,).
        indices: seen places, ascending in each row; one that stands twice counts once.
        count: number of places.
        k: longest list.

    Returns:
        places (rows, k), of which the first counts (rows,) are meant.
    """
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    first = np.ones(len(indices), np.bool_)
    first[1:] = (indices[1:] != indices[:-1]) | (rows[1:] != rows[:-1])
    rows, seen = rows[first], indices[first]
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(indptr) - 1))))
    before = seen - (np.arange(len(seen)) - starts[rows])
    near = before < k
    skipped = np.bincount(rows[near] * k + before[near], minlength=(len(indptr) - 1) * k).reshape(-1, k)
    places = np.arange(k) + np.cumsum(skipped, axis=1)
    return places.astype(np.int32), (places < count).sum(axis=1, dtype=np.int32)


def _listing(shared: "Broadcast[Order]", k: int) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def rows(batches: Batches) -> Iterator[pa.RecordBatch]:
        order = shared.value
        for batch in batches:
            for start, end in slices(batch.num_rows, k):
                some = batch.slice(start, end - start)
                places, counts = unseen_places(*mask_rows(some[SEEN], order.ids), len(order.ids), k)
                kept = places[np.arange(k)[None, :] < counts[:, None]]
                entries = {ITEM_ID: order.ids.take(pa.array(kept)), SCORE: pa.array(order.scores[kept])}
                yield listed(some[SUBJECT_ID], counts, entries)

    return rows
