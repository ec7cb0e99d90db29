"""The k best items for every subject, on Spark: item factors once per executor, subjects in blocks, seen items masked inside."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame

from shortlist.columns import FACTORS, ITEM_ID, RANK, SCORE, SEEN, SUBJECT_ID
from shortlist.kernels.top_k import top_k
from shortlist.models.matrix import sorted_ids

Batches = Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class ItemFactors:
    """All items that may be recommended; item-sized, the one thing that every executor holds whole.

    Attributes:
        ids: sorted item ids.
        transposed: (factors, items) float32, C-contiguous.
    """

    ids: pa.Array
    transposed: NDArray[np.float32]


def collect_item_factors(items: DataFrame, cosine: bool = False) -> ItemFactors:
    """Item vectors of a frame (item_id, factors), ordered by id; with `cosine` each of length 1."""
    table = items.select(ITEM_ID, FACTORS).toArrow()
    ids = sorted_ids(table[ITEM_ID])
    if not len(ids):
        return ItemFactors(ids, np.empty((1, 0), np.float32))
    order = pc.index_in(ids, value_set=table[ITEM_ID].combine_chunks().cast(pa.string()))
    vectors = list_matrix(table[FACTORS].combine_chunks(), cosine)[order.to_numpy()]
    return ItemFactors(ids, np.ascontiguousarray(vectors.T, np.float32))


def top_items(queries: DataFrame, items: ItemFactors, k: int, cosine: bool = False) -> DataFrame:
    """For each subject the k items of the largest inner product that it has not seen.

    Args:
        queries: subject_id, factors (array<float>), seen (array<string>, never recommended to that subject; NULL for none).
        items: what may be recommended.
        k: longest list.
        cosine: scale the queries to length 1; with item factors so scaled the scores are cosines.

    Returns:
        subject_id, item_id, score, rank (from 1; ties by item_id). Subjects without an unseen item are absent.
    """
    spark = queries.sparkSession
    schema = f"{SUBJECT_ID} string, {ITEM_ID} string, {SCORE} float, {RANK} int"
    if not len(items.ids):
        return spark.createDataFrame([], schema)
    tasks = queries.select(SUBJECT_ID, FACTORS, SEEN)
    return tasks.mapInArrow(_rank_batches(spark.sparkContext.broadcast(items), k, cosine), schema)


def _rank_batches(
    shared: "Broadcast[ItemFactors]", k: int, cosine: bool
) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        items = shared.value
        for batch in batches:
            if batch.num_rows:
                yield rank_batch(batch, items, k, cosine)

    return rank


def rank_batch(batch: pa.RecordBatch, items: ItemFactors, k: int, cosine: bool) -> pa.RecordBatch:
    """One Arrow batch (subject_id, factors, seen) to rows (subject_id, item_id, score, rank)."""
    return ranked_rows(batch[SUBJECT_ID], list_matrix(batch[FACTORS], cosine), batch[SEEN], items, k)


def ranked_rows(
    subjects: pa.Array, queries: NDArray[np.float32], seen: pa.ListArray, items: ItemFactors, k: int
) -> pa.RecordBatch:
    """The k best unseen items of each subject as rows (subject_id, item_id, score, rank)."""
    indptr, indices = mask_rows(seen, items.ids)
    best = top_k(queries, items.transposed, indptr, indices, k)
    kept = np.arange(best.items.shape[1])[None, :] < best.counts[:, None]
    subject, place = np.nonzero(kept)
    return pa.RecordBatch.from_arrays(
        [
            subjects.take(pa.array(subject)),
            items.ids.take(pa.array(best.items[kept])),
            pa.array(best.scores[kept]),
            pa.array((place + 1).astype(np.int32)),
        ],
        names=[SUBJECT_ID, ITEM_ID, SCORE, RANK],
    )


def list_matrix(lists: pa.ListArray, unit_length: bool = False) -> NDArray[np.float32]:
    """Lists of one length as the rows of a matrix; scaled to Euclidean length 1 on demand (zero rows stay zero)."""
    flat = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    rows = np.ascontiguousarray(flat.reshape(len(lists), -1))
    if not unit_length:
        return rows
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    return (rows / np.where(lengths > 0, lengths, 1.0)[:, None]).astype(np.float32)


def mask_rows(lists: pa.ListArray, ids: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Lists of ids as CSR rows of sorted indices into `ids`; NULL is an empty row, unknown ids are passed over.

    Returns:
        indptr (rows + 1) and indices.
    """
    rows = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    found = pc.index_in(lists.flatten().cast(pa.string()), value_set=ids)
    known = found.is_valid().to_numpy(zero_copy_only=False)
    indices = found.drop_null().to_numpy().astype(np.int32)
    rows = rows[known]
    order = np.lexsort((indices, rows))
    counts = np.bincount(rows, minlength=len(lists))
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), indices[order]
