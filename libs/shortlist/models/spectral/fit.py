"""The smoothest directions of the graph of users and items, on blocks of users: the same as `fit_spectral` to rounding.

The driver has one matrix of items x directions; users stay in their blocks. What each block adds to an iteration is summed in the
order of the blocks, range of items by range of items.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from shortlist.columns import ITEM_ID, USER_ID, WEIGHT
from shortlist.config.sources import SpectralSourceConfig
from shortlist.kernels.arrays import Doubles, Rows
from shortlist.models.als.blocks import Side, blocks_in, user_side
from shortlist.models.arrays.blocks import Batches, Packed, array_of, by_block
from shortlist.models.arrays.shared_arrays import SharedArrays, share_arrays, unshare
from shortlist.models.spectral.placement import block_count
from shortlist.sources.spectral import smoothed, smoothest_directions

# Bytes of a range of items: a message from one block to the task that sums the range.
_RANGE_BYTES: Final = 4_000_000
_PART: Final = "block int, source int, sums binary"


@dataclass(frozen=True)
class _Basis:
    """What an iteration starts from."""

    basis: Doubles
    degrees: NDArray[np.int64]


def fit_spread(
    pairs: DataFrame, item_ids: pa.Array, degrees: NDArray[np.int64], config: SpectralSourceConfig, folder: Path | None
) -> NDArray[np.float32]:
    """The leading right singular vectors of the normalised graph, (items, k) float32.

    Args:
        pairs: user_id, item_id, weight 1: what users took, each pair once.
        item_ids: every item, sorted; its rows.
        degrees: (items,) users of each item.
        config: factors, oversampling, iterations, seed, size of a block.
        folder: one that the driver and every task see, or None.

    Raises:
        ModelError: nothing was taken, or a pair comes in more than one row.
    """
    spark = pairs.sparkSession
    blocks = block_count(int(degrees.sum()), config)
    ids = spark.sparkContext.broadcast(item_ids)
    users = user_side(pairs.select(USER_ID, ITEM_ID, WEIGHT), ids, blocks)
    try:
        if len(users.ranges) == 1:
            smooth = partial(smoothed, _rows_of_only_block(users), degrees)
        else:
            smooth = partial(_smoothed_by_tasks, spark, users, degrees, folder)
        return smoothest_directions(smooth, len(item_ids), users.count, degrees, config)
    finally:
        users.blocks.unpersist()
        ids.unpersist()


def _rows_of_only_block(users: Side) -> Rows:
    (block,) = blocks_in(users.blocks.toArrow().to_batches())
    return Rows(block.indptr, block.indices)


def _smoothed_by_tasks(
    spark: SparkSession, users: Side, degrees: NDArray[np.int64], folder: Path | None, basis: Doubles
) -> Doubles:
    items, width = basis.shape
    step = max(1, _RANGE_BYTES // (8 * width))
    cuts = [*range(0, items, step), items]
    shared = share_arrays(spark, folder, _Basis(basis, degrees))
    try:
        parts = users.blocks.mapInArrow(_multiplying(shared, cuts), _PART)
        tasks = min(len(cuts) - 1, spark.sparkContext.defaultParallelism)
        sums = parts.repartition(tasks, "block").mapInArrow(_summing, _PART).toArrow()
        whole = np.empty((items, width))
        for number, part in zip(sums["block"].to_pylist(), sums["sums"], strict=True):
            whole[cuts[number] : cuts[number + 1]] = array_of(part, np.float64).reshape(-1, width)
        return whole
    finally:
        unshare(shared)


def _multiplying(shared: SharedArrays[_Basis], cuts: list[int]) -> Packed:
    def multiply(batches: Batches) -> Iterator[pa.RecordBatch]:
        given = shared.value
        for block in blocks_in(batches):
            product = smoothed(Rows(block.indptr, block.indices), given.degrees, np.asarray(given.basis))
            for number, (first, last) in enumerate(pairwise(cuts)):
                yield _part(number, block.number, product[first:last])

    return multiply


def _summing(batches: Batches) -> Iterator[pa.RecordBatch]:
    """Each range of items, summed over the blocks of users in their order."""
    for number, parts in by_block(batches).items():
        parts.sort(key=lambda part: int(part["source"].as_py()))
        total = np.array(array_of(parts[0]["sums"], np.float64))
        for part in parts[1:]:
            total += array_of(part["sums"], np.float64)
        yield _part(number, 0, total)


def _part(number: int, source: int, sums: Doubles) -> pa.RecordBatch:
    columns = [
        pa.array([number], pa.int32()),
        pa.array([source], pa.int32()),
        pa.array([np.ascontiguousarray(sums).tobytes()], pa.binary()),
    ]
    return pa.RecordBatch.from_arrays(columns, names=["block", "source", "sums"])
