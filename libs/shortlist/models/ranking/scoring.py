"""The k best items for every subject, on Spark: item factors shared once, subjects in blocks, seen items masked inside."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import FACTORS, ITEM_ID, RANK, SCORE, SEEN, SUBJECT_ID
from shortlist.kernels.arrays import Floats
from shortlist.kernels.top_k import top_k
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.models.ranking.item_factors import ItemFactors, SharedItems, list_matrix, unit_rows

Batches = Iterable[pa.RecordBatch]
ItemIndices = NDArray[np.int32]
RANKED: Final = f"{SUBJECT_ID} string, {ITEM_ID} string, {SCORE} float, {RANK} int"
# One row a subject on the way from Python: Spark takes lists apart in half the time that it takes to read their rows.
_ENTRIES: Final = "entries"
LISTS: Final = f"{SUBJECT_ID} string, {_ENTRIES} array<struct<{ITEM_ID}: string, {SCORE}: float>>"
# Cells of the lists (subjects x k) that a task holds at once, 8 bytes each.
_CELLS: Final = 4_000_000


def top_items(
    queries: DataFrame, items: SharedItems, k: int, eligible: ItemIndices | None = None, cosine: bool = False
) -> DataFrame:
    """For each subject the k items of the largest inner product that it may be given.

    Args:
        queries: subject_id, factors (array<float>), seen (array<string>, never recommended to that subject; NULL for none).
        items: all items.
        k: longest list.
        eligible: indices of those that may be recommended, see `SharedItems.item_indices`; None: all.
        cosine: scores are cosines instead.

    Returns:
        subject_id, item_id, score, rank (from 1; ties by item_id). Subjects without an unseen item are absent.
    """
    spark = queries.sparkSession
    if nothing_eligible(items, eligible):
        return spark.createDataFrame([], RANKED)
    shared = items.unit_length if cosine else items.fitted
    tasks = queries.select(SUBJECT_ID, FACTORS, SEEN)
    return ranked(tasks.mapInArrow(_rank_batches(shared, sent(spark, eligible), k, cosine), LISTS))


def ranked(lists: DataFrame) -> DataFrame:
    """Lists (subject_id, entries) as rows: subject_id, what an entry holds, rank (from 1)."""
    rows = lists.select(SUBJECT_ID, F.posexplode(_ENTRIES).alias(RANK, "entry"))
    return rows.select(SUBJECT_ID, "entry.*", (F.col(RANK) + 1).alias(RANK))


def nothing_eligible(items: SharedItems, eligible: ItemIndices | None) -> bool:
    """Whether no list can hold anything."""
    return not len(items.ids if eligible is None else eligible)


def sent(spark: SparkSession, eligible: ItemIndices | None) -> "Broadcast[ItemIndices] | None":
    """The indices on every executor; 4 bytes an item, where a surface does not show all."""
    return None if eligible is None else spark.sparkContext.broadcast(eligible)


def _rank_batches(
    shared: SharedArrays[ItemFactors], eligible: "Broadcast[ItemIndices] | None", k: int, cosine: bool
) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        items = shared.value
        for batch in batches:
            if batch.num_rows:
                queries = list_matrix(batch[FACTORS])
                if cosine:
                    queries = unit_rows(queries)
                yield from ranked_lists(batch[SUBJECT_ID], queries, batch[SEEN], items, eligible, k)

    return rank


def ranked_lists(
    subjects: pa.Array,
    queries: Floats,
    seen: pa.ListArray,
    items: ItemFactors,
    eligible: "Broadcast[ItemIndices] | None",
    k: int,
) -> Iterator[pa.RecordBatch]:
    """The k best unseen items of each subject as lists (subject_id, entries), some subjects at a time."""
    indptr, indices = mask_rows(seen, items.ids)
    allowed = None if eligible is None else eligible.value
    for first, last in slices(len(subjects), k):
        own = indptr[first : last + 1]
        best = top_k(queries[first:last], items.vectors.T, own - own[0], indices[own[0] : own[-1]], k, allowed)
        kept = np.arange(best.items.shape[1])[None, :] < best.counts[:, None]
        entries = {ITEM_ID: items.ids.take(pa.array(best.items[kept])), SCORE: pa.array(best.scores[kept])}
        yield listed(subjects.slice(first, last - first), best.counts, entries)


def slices(subjects: int, k: int) -> Iterator[tuple[int, int]]:
    """First and last of so many subjects that their lists fit a task's memory."""
    step = max(256, _CELLS // k)
    for first in range(0, subjects, step):
        yield first, min(first + step, subjects)


def listed(subjects: pa.Array, counts: NDArray[np.int32], entries: dict[str, pa.Array]) -> pa.RecordBatch:
    """One list a subject: its `counts` next entries, of which each column is given whole."""
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))).astype(np.int32))
    structs = pa.StructArray.from_arrays(list(entries.values()), names=list(entries))
    return pa.RecordBatch.from_arrays(
        [subjects, pa.ListArray.from_arrays(offsets, structs)], names=[SUBJECT_ID, _ENTRIES]
    )


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
    # Sorting one number is faster than sorting by two.
    keys = np.sort((rows << 32) | indices)
    counts = np.bincount(rows, minlength=len(lists))
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), keys.astype(np.int32)
