"""Vectors for users or items that a model has not seen, against factors that stay as they are; and their best items at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import FACTORS, ID, ITEM_ID, SEEN, SUBJECT_ID, USER_ID, WEIGHT
from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.kernels.arrays import Floats, finite
from shortlist.kernels.ials import gram, gram_basis
from shortlist.models.als_blocks import Batches, Block
from shortlist.models.als_blockwise import HalfStep
from shortlist.models.als_observations import signed
from shortlist.models.item_factors import ItemFactors, SharedItems, list_matrix
from shortlist.models.matrix import list_rows, sorted_ids
from shortlist.models.scoring import RANKED, Places, nothing_eligible, ranked_rows, sent
from shortlist.models.sharing import Held

_TAKEN = "taken"
_SCHEMA = f"{ID} string, {FACTORS} array<float>"


@dataclass(frozen=True)
class Fixed:
    """The side that stays as it is, as far as somebody was seen with it.

    Attributes:
        ids: sorted.
        rotated: (ids, d) float32, in the eigenbasis of the whole side's Gram matrix.
        step: how rows are solved against it.
    """

    ids: pa.Array
    rotated: Floats
    step: HalfStep

    def solve(self, names: pa.Array, taken: pa.ListArray) -> tuple[Floats, NDArray[np.bool_]]:
        """Exact vectors of rows, and which of them took anything that has a vector.

        Args:
            names: ids of the rows.
            taken: for each row structs of (id, signed weight), each id once.
        """
        rows = pc.list_parent_indices(taken).to_numpy()
        ids, weights = taken.flatten().flatten()
        found = pc.index_in(ids.cast(pa.string()), value_set=self.ids)
        known = found.is_valid().to_numpy(zero_copy_only=False)
        signs = weights.to_numpy(zero_copy_only=False).astype(np.float32)[known]
        if np.isnan(signs).any():
            raise ModelError.unusable_weights(int(np.isnan(signs).sum()))
        rows, columns = rows[known], found.drop_null().to_numpy().astype(np.int32)
        order = np.lexsort((columns, rows))
        indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(names))))).astype(np.int64)
        block = Block(0, names, indptr, columns[order], signs[order])
        start = np.zeros((len(names), self.rotated.shape[1]), np.float32)
        vectors, sums = self.step.solve(block, self.rotated, start)
        unsolved = sums["unsolved"][0].as_py()
        if unsolved:
            raise ModelError.not_finite("folded als vectors, rows without a solution in float32", unsolved)
        return vectors, np.bincount(rows[signs > 0], minlength=len(names)) > 0


def fold_in(
    interactions: DataFrame, fixed: DataFrame, config: AlsConfig, row: str = USER_ID, column: str = ITEM_ID
) -> DataFrame:
    """Exact vectors of new or changed rows, with the other side held fixed.

    Args:
        interactions: user_id, item_id, weight and, where known, hidden: everything that these rows saw.
        fixed: id, factors of the whole other side. Vectors of what the rows saw go to every executor: item-sized for users,
            the audience of the new items for items.
        config: as the model was fitted with, by engine `local` or `spark`.
        row: user_id, or item_id to fold in items.
        column: the other one.

    Returns:
        id, factors. Rows that took nothing with a vector are absent.
    """
    seen = signed(interactions, config.hide_weight)
    side = hold(fixed.join(seen.select(F.col(column).alias(ID)).distinct(), ID, how="left_semi"), fixed, config)
    shared = interactions.sparkSession.sparkContext.broadcast(side)
    return gathered(seen, row, column).mapInArrow(_folding(shared, row), _SCHEMA)


def fold_in_top_items(
    interactions: DataFrame,
    items: SharedItems,
    subjects: DataFrame,
    k: int,
    config: AlsConfig,
    eligible: Places | None = None,
) -> DataFrame:
    """The best unseen items of users without stored vectors: folded in and ranked in one task, no vector is ever stored.

    Args:
        interactions: user_id, item_id, weight and, where known, hidden: everything that these users saw.
        items: all items that have a vector.
        subjects: subject_id, seen (array<string>): who is served.
        k: longest list.
        config: as the model was fitted with, by engine `local` or `spark`.
        eligible: places of the items that may be recommended, see `SharedItems.places`; None: all.

    Returns:
        subject_id, item_id, score, rank (from 1; ties by item_id). Subjects that took nothing with a vector are absent.
    """
    spark = interactions.sparkSession
    if nothing_eligible(items, eligible):
        return spark.createDataFrame([], RANKED)
    seen = signed(interactions, config.hide_weight).withColumnRenamed(USER_ID, SUBJECT_ID)
    tasks = gathered(seen, SUBJECT_ID, ITEM_ID).join(subjects.select(SUBJECT_ID, SEEN), SUBJECT_ID, how="inner")
    basis, rotated = items.basis(1.0 / config.alpha)
    step = HalfStep(config, basis, len(items.ids), exactly=True)
    return tasks.mapInArrow(_ranking(rotated, items.fitted, step, sent(spark, eligible), k), RANKED)


def hold(needed: DataFrame, fixed: DataFrame, config: AlsConfig) -> Fixed:
    """The fixed side: its Gram matrix summed where it lies, the needed vectors in this process.

    Args:
        needed: id, factors; rows of `fixed`.
        fixed: id, factors.
        config: strengths.
    """
    size = config.factors
    total, count = np.zeros((size, size), np.float64), 0
    for part in fixed.select(FACTORS).mapInArrow(_grams, "gram binary, rows long").toArrow().to_pylist():
        total += np.frombuffer(part["gram"], np.float64).reshape(size, size)
        count += part["rows"]
    basis = gram_basis(total, 1.0 / config.alpha)
    table = needed.select(ID, FACTORS).toArrow()
    ids = sorted_ids(table[ID])
    order = pc.index_in(ids, value_set=table[ID].combine_chunks().cast(pa.string())).to_numpy()
    vectors = list_matrix(table[FACTORS].combine_chunks()) if len(ids) else np.empty((0, size), np.float32)
    rotated = finite(vectors[order] if len(ids) else vectors, "fixed factors") @ basis.rotation
    return Fixed(ids, rotated, HalfStep(config, basis, count, exactly=True))


def gathered(seen: DataFrame, row: str, column: str) -> DataFrame:
    """One row each with everything it saw, as structs in the order of their ids."""
    pairs = F.sort_array(F.collect_list(F.struct(F.col(column), F.col(WEIGHT))))
    return seen.groupBy(row).agg(pairs.alias(_TAKEN))


def _folding(shared: "Broadcast[Fixed]", row: str) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def fold(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                vectors, taken = shared.value.solve(batch[row], batch[_TAKEN])
                yield list_rows(batch[row].filter(pa.array(taken)), vectors[taken], (ID, FACTORS))

    return fold


def _ranking(
    rotated: Held[ItemFactors],
    fitted: Held[ItemFactors],
    step: HalfStep,
    eligible: "Broadcast[Places] | None",
    k: int,
) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def rank(batches: Batches) -> Iterator[pa.RecordBatch]:
        items = fitted.value
        fixed = Fixed(items.ids, rotated.value.vectors, step)
        for batch in batches:
            if batch.num_rows:
                vectors, taken = fixed.solve(batch[SUBJECT_ID], batch[_TAKEN])
                mask = pa.array(taken)
                subjects, seen = batch[SUBJECT_ID].filter(mask), batch[SEEN].filter(mask)
                yield from ranked_rows(subjects, vectors[taken], seen, items, eligible, k)

    return rank


def _grams(batches: Batches) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if batch.num_rows:
            content = gram(list_matrix(batch[FACTORS])).tobytes()
            yield pa.RecordBatch.from_pydict({"gram": pa.array([content], pa.binary()), "rows": [batch.num_rows]})
