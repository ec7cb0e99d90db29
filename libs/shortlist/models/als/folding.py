"""The best items of users that a model has not seen, against item factors that stay as they are."""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, SEEN, SUBJECT_ID, USER_ID, WEIGHT
from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.kernels.arrays import Floats
from shortlist.models.als.blocks import Block
from shortlist.models.als.blockwise import HalfStep
from shortlist.models.als.observations import signed
from shortlist.models.arrays.blocks import Batches
from shortlist.models.arrays.shared_arrays import SharedArrays
from shortlist.models.ranking.item_factors import ItemFactors, SharedItems
from shortlist.models.ranking.scoring import LISTS, RANKED, ItemIndices, nothing_eligible, ranked, ranked_lists, sent

_TAKEN = "taken"


def fold_in_top_items(
    interactions: DataFrame,
    items: SharedItems,
    subjects: DataFrame,
    k: int,
    config: AlsConfig,
    eligible: ItemIndices | None = None,
) -> DataFrame:
    """The best unseen items of users without stored vectors: folded in and ranked in one task, no vector is ever stored.

    Args:
        interactions: user_id, item_id, weight and, where known, hidden: everything that these users saw.
        items: all items that have a vector.
        subjects: subject_id, seen (array<string>): who is served.
        k: longest list.
        config: as the model was fitted with, by engine `local` or `spark`.
        eligible: indices of the items that may be recommended, see `SharedItems.item_indices`; None: all.

    Returns:
        subject_id, item_id, score, rank (from 1; ties by item_id). Subjects that took nothing with a vector are absent.
    """
    spark = interactions.sparkSession
    if nothing_eligible(items, eligible):
        return spark.createDataFrame([], RANKED)
    seen = signed(interactions, config.hide_weight).withColumnRenamed(USER_ID, SUBJECT_ID)
    taken = F.sort_array(F.collect_list(F.struct(ITEM_ID, WEIGHT))).alias(_TAKEN)
    tasks = seen.groupBy(SUBJECT_ID).agg(taken).join(subjects.select(SUBJECT_ID, SEEN), SUBJECT_ID, how="inner")
    basis, rotated = items.basis(1.0 / config.alpha)
    step = HalfStep(config, basis, len(items.ids), exactly=True)
    return ranked(tasks.mapInArrow(_ranking(rotated, items.fitted, step, sent(spark, eligible), k), LISTS))


def _ranking(
    rotated: SharedArrays[ItemFactors],
    fitted: SharedArrays[ItemFactors],
    step: HalfStep,
    eligible: "Broadcast[ItemIndices] | None",
    k: int,
) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        items, turned = fitted.value, rotated.value.vectors
        for batch in batches:
            if batch.num_rows:
                ids, weights = batch[_TAKEN].flatten().flatten()
                found = pc.index_in(ids.cast(pa.string()), value_set=items.ids)
                known = found.is_valid()
                rows = pc.list_parent_indices(batch[_TAKEN]).filter(known).to_numpy()
                indices = found.drop_null().to_numpy().astype(np.int32)
                vectors, taken = _solved(step, turned, batch[SUBJECT_ID], rows, indices, weights.filter(known))
                mask = pa.array(taken)
                subjects, seen = batch[SUBJECT_ID].filter(mask), batch[SEEN].filter(mask)
                yield from ranked_lists(subjects, vectors[taken], seen, items, eligible, k)

    return rank


def _solved(
    step: HalfStep,
    rotated: Floats,
    names: pa.Array,
    rows: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: pa.Array,
) -> tuple[Floats, NDArray[np.bool_]]:
    """Exact vectors of rows, and which of them took anything.

    Args:
        step: how rows are solved.
        rotated: vectors of the other side in the eigenbasis of its Gram matrix.
        names: ids of the rows.
        rows: for each observation its row, ascending.
        indices: for each its index among `rotated`, each once in a row.
        weights: signed.
    """
    signs = weights.to_numpy(zero_copy_only=False).astype(np.float32)
    if np.isnan(signs).any():
        raise ModelError.unusable_weights(int(np.isnan(signs).sum()))
    order = np.lexsort((indices, rows))
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(names))))).astype(np.int64)
    start = np.zeros((len(names), rotated.shape[1]), np.float32)
    vectors, sums = step.solve(Block(0, names, indptr, indices[order], signs[order]), rotated, start)
    unsolved = sums["unsolved"][0].as_py()
    if unsolved:
        raise ModelError.not_finite("folded als vectors, rows without a solution in float32", unsolved)
    return vectors, np.bincount(rows[signs > 0], minlength=len(names)) > 0
