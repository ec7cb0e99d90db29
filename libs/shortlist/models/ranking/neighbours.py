"""Scores of users from the neighbours of their items, on Spark: neighbours once per executor, users in batches."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from shortlist.columns import BECAUSE_ITEM_ID, ITEM_ID, RELATED_ITEM_ID, SCORE, SEEN, SUBJECT_ID, WEIGHT
from shortlist.kernels.neighbours import score_neighbours
from shortlist.models.arrays.matrix import sorted_ids
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.models.ranking.scoring import LISTS, Batches, listed, mask_rows, ranked, slices

_SEEDS = "seeds"
_WEIGHTS = "weights"
_LISTS = LISTS.replace("float>", f"float, {BECAUSE_ITEM_ID}: string>")


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of every item, as CSR over one list of ids.

    Attributes:
        ids: sorted ids of items and neighbours.
        indptr: int64, one more than ids.
        indices: int32, positions of neighbours in ids.
        similarities: float32, one per neighbour.
    """

    ids: pa.Array
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    similarities: NDArray[np.float32]


def collect_neighbours(related: DataFrame) -> Neighbours:
    """Rows (item_id, related_item_id, score) as one structure; item-sized."""
    table = related.select(ITEM_ID, RELATED_ITEM_ID, SCORE).toArrow()
    ids = sorted_ids(pa.chunked_array(table[ITEM_ID].chunks + table[RELATED_ITEM_ID].chunks, pa.string()))
    rows = pc.index_in(table[ITEM_ID], value_set=ids).to_numpy()
    columns = pc.index_in(table[RELATED_ITEM_ID], value_set=ids).to_numpy().astype(np.int32)
    order = np.lexsort((columns, rows))
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(ids))))).astype(np.int64)
    return Neighbours(ids, indptr, columns[order], table[SCORE].to_numpy().astype(np.float32)[order])


def score_from_neighbours(
    seeds: DataFrame,
    neighbours: SharedArrays[Neighbours],
    subjects: DataFrame,
    k: int,
    scoring: Literal["sum", "multi-hit"],
    most_seeds: int,
) -> DataFrame:
    """For each subject the k best unseen neighbours of its seeds.

    Args:
        seeds: subject_id, item_id, weight (> 0): what a subject took; its heaviest `most_seeds` vote (ties by item_id).
        neighbours: what lies beside each item, held by `shared_arrays.share_arrays`.
        subjects: subject_id, seen (array<string>, never given to that subject): who is served.
        k: longest list.
        scoring: `sum` of weight x similarity, or `multi-hit`, Pixie's booster.
        most_seeds: votes per subject.

    Returns:
        subject_id, item_id, score, rank (from 1; ties by item_id), because_item_id (the seed that contributed most).
    """
    heaviest = Window.partitionBy(SUBJECT_ID).orderBy(F.desc(WEIGHT), ITEM_ID)
    voting = seeds.withColumn("vote", F.row_number().over(heaviest)).where(F.col("vote") <= most_seeds)
    gathered = voting.groupBy(SUBJECT_ID).agg(F.sort_array(F.collect_list(F.struct(ITEM_ID, WEIGHT))).alias("taken"))
    tasks = gathered.join(subjects, SUBJECT_ID, how="inner").select(
        SUBJECT_ID,
        F.col(f"taken.{ITEM_ID}").alias(_SEEDS),
        F.col(f"taken.{WEIGHT}").alias(_WEIGHTS),
        SEEN,
    )
    return ranked(tasks.mapInArrow(_score_batches(neighbours, k, scoring), _LISTS))


def _score_batches(
    shared: SharedArrays[Neighbours], k: int, scoring: Literal["sum", "multi-hit"]
) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        neighbours = shared.value
        for batch in batches:
            for first, last in slices(batch.num_rows if len(neighbours.ids) else 0, k):
                yield score_batch(batch.slice(first, last - first), neighbours, k, scoring)

    return score


def score_batch(
    batch: pa.RecordBatch, neighbours: Neighbours, k: int, scoring: Literal["sum", "multi-hit"]
) -> pa.RecordBatch:
    """One Arrow batch (subject_id, seeds, weights, seen) to lists of (item_id, score, because_item_id)."""
    ids = neighbours.ids
    # Seeds come sorted by id, so their weights stay beside them when unknown ones are passed over.
    known = (
        pc.index_in(batch[_SEEDS].flatten().cast(pa.string()), value_set=ids).is_valid().to_numpy(zero_copy_only=False)
    )
    weights = batch[_WEIGHTS].flatten().to_numpy(zero_copy_only=False).astype(np.float32)[known]
    found = score_neighbours(
        mask_rows(batch[_SEEDS], ids),
        weights,
        (neighbours.indptr, neighbours.indices),
        neighbours.similarities,
        k,
        scoring,
        seen=mask_rows(batch[SEEN], ids),
    )
    kept = np.arange(found.items.shape[1])[None, :] < found.counts[:, None]
    entries = {
        ITEM_ID: ids.take(pa.array(found.items[kept])),
        SCORE: pa.array(found.scores[kept]),
        BECAUSE_ITEM_ID: ids.take(pa.array(found.best_seeds[kept])),
    }
    return listed(batch[SUBJECT_ID], found.counts, entries)
