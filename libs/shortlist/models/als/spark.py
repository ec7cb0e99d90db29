"""Engine `spark`: the kernels of engine `local` on blocks of rows, in memory or in files.

The driver holds item ids, one d x d matrix a block, and nothing of the size of the users; only where no folder is shared by
all tasks (see `Broadcasts`) do factors pass through it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import FACTORS, ID, ITEM_ID
from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.kernels.arrays import Floats, finite
from shortlist.kernels.ials import gram, gram_basis
from shortlist.models.als.blocks import Block, Side, blocks_in, item_side, user_side
from shortlist.models.als.blockwise import (
    SOLVED,
    HalfStep,
    Sums,
    add_up,
    objective,
    starting_factors,
    with_factors,
)
from shortlist.models.als.exchange import Broadcasts, Exchange, Folder, Reader
from shortlist.models.als.model import Als, Progress, log
from shortlist.models.als.placement import Sizes, choose_placement
from shortlist.models.als.sampling import sampled_side
from shortlist.models.als.shuffled import Shuffled
from shortlist.models.arrays.blocks import Batches, Packed, count_blocks
from shortlist.models.arrays.matrix import list_rows, sorted_ids
from shortlist.models.arrays.scratch import scratch_folder

FACTORS_SCHEMA = f"{ID} string, {FACTORS} array<float>"
# Rows of lists that a task hands to Spark at once.
_ROWS_AT_ONCE = 10_000

Half = Callable[[Side, Side, HalfStep], pa.Table]


def fit_spark(observations: DataFrame, config: AlsConfig, start: DataFrame | None) -> Als:
    """Fit on the cluster.

    Args:
        observations: user_id, item_id, weight (signed).
        config: placement and sizes.
        start: id, factors of an earlier model's items.

    Raises:
        ModelError: nothing to learn, unusable rows, or no placement that fits.
    """
    spark = observations.sparkSession
    began = time.perf_counter()
    item_ids, entries = _items(observations)
    shared_ids = spark.sparkContext.broadcast(item_ids)
    block_count = count_blocks(int(entries.sum()), config.block_rows)
    with ExitStack() as stack:
        root = stack.enter_context(scratch_folder(spark, config.scratch))
        everyone = _kept(user_side(observations, shared_ids, block_count), stack)
        largest = max(int(entries.max()), *(block.entries for block in everyone.ranges.values()))
        placement = choose_placement(Sizes(everyone.count, len(item_ids), largest), config, root is not None)
        users = everyone
        if placement == "sampled":
            users = _kept(sampled_side(everyone, spark.sparkContext.broadcast(entries), config), stack)
        items = _kept(item_side(users, shared_ids, entries, block_count), stack)
        log.info(
            "engine spark: %d observations in %d + %d blocks, %.2f s",
            items.entries,
            len(users.ranges),
            len(items.ranges),
            time.perf_counter() - began,
        )
        if placement == "shuffled":
            assert root is not None
            begin = None if start is None else warm_start(item_ids, start, config)
            shuffled = Shuffled(users, items, config, root, begin)
            stack.callback(shuffled.close)
            _alternate(users, items, config, shuffled.start(), shuffled.half, warm=start is not None)
            frames = _frame(users, shuffled.latest(users)), _frame(items, shuffled.latest(items))
        else:
            exchange: Exchange = Broadcasts(spark.sparkContext) if root is None else Folder(root)
            stack.callback(exchange.close)
            beginning = warm_start(item_ids, start, config)
            exchange.put(items, beginning)
            _alternate(users, items, config, gram(beginning), _sharing(exchange), warm=start is not None)
            item_frame = _frame(items, exchange.latest(items))
            if placement == "sampled":
                frames = _folded(everyone, items, config, exchange), item_frame
            else:
                frames = _frame(users, exchange.latest(users)), item_frame
        # The frames are read after this function: what they are made from goes when the model does.
        return Als(*frames, stack.pop_all().close)


def warm_start(item_ids: pa.Array, start: DataFrame | None, config: AlsConfig) -> Floats:
    """Item factors to begin with: those of the same ids in an earlier model, small and by chance for the others."""
    factors = starting_factors(item_ids, "items", config)
    if start is None:
        return factors
    earlier = start.select(ID, FACTORS).toArrow()
    lengths = pc.unique(pc.list_value_length(earlier[FACTORS])).to_pylist()
    if lengths != [config.factors]:
        log.info(
            "warm start: the earlier model's vectors have length %s, not %d: starting anew", lengths, config.factors
        )
        return factors
    vectors = finite(earlier[FACTORS].combine_chunks().flatten().to_numpy(zero_copy_only=False), "earlier item factors")
    rows = pc.index_in(item_ids, value_set=earlier[ID].combine_chunks().cast(pa.string()))
    known = rows.is_valid().to_numpy(zero_copy_only=False)
    factors[known] = vectors.reshape(-1, config.factors)[rows.drop_null().to_numpy()]
    log.info("warm start: %d of %d items have earlier vectors", int(known.sum()), len(known))
    return factors


def _items(observations: DataFrame) -> tuple[pa.Array, NDArray[np.int64]]:
    """Every item, sorted, and its number of observations. All else is looked at when blocks are made: this reads everything."""
    found = observations.groupBy(ITEM_ID).agg(F.count("*").alias("entries")).toArrow()
    if not len(found):
        raise ModelError.nothing_to_learn("interactions")
    ids = sorted_ids(found[ITEM_ID])
    order = pc.index_in(ids, value_set=found[ITEM_ID].combine_chunks().cast(pa.string())).to_numpy()
    return ids, found["entries"].to_numpy()[order]


def _kept(side: Side, stack: ExitStack) -> Side:
    """The same; Spark keeps its blocks until the stack closes."""
    stack.callback(side.blocks.unpersist)
    return side


def _alternate(
    users: Side, items: Side, config: AlsConfig, first_gram: NDArray[np.float64], half: Half, *, warm: bool
) -> None:
    """Users against items, items against users, epoch after epoch."""
    progress = Progress("engine spark", config.epochs)
    sums = {items.name: Sums(first_gram, 0.0, 0.0)}
    for epoch in range(1, config.epochs + 1):
        for mine, other in ((users, items), (items, users)):
            basis = gram_basis(sums[other.name].gram, 1.0 / config.alpha)
            exactly = warm and epoch == 1 and mine is users
            step = HalfStep(config, basis, other.count, exactly)
            sums[mine.name] = add_up(half(mine, other, step), mine.name, config.factors)
        progress(epoch, objective(sums[users.name], sums[items.name], 1.0 / config.alpha))


def _sharing(exchange: Exchange) -> Half:
    def half(mine: Side, other: Side, step: HalfStep) -> pa.Table:
        reader = exchange.readers(mine, other, step.basis.rotation)
        solved = mine.blocks.mapInArrow(_solving(reader, step, mine.name), SOLVED).toArrow()
        exchange.done(mine, solved)
        return solved

    return half


def _solving(reader: Reader, step: HalfStep, side: str) -> Packed:
    def solve(batches: Batches) -> Iterator[pa.RecordBatch]:
        for block in blocks_in(batches):
            start = reader.mine(block)
            if start is None:
                start = starting_factors(block.ids, side, step.config)
            factors, sums = step.solve(block, reader.other(), start)
            yield with_factors(sums, reader.keep(block, factors))

    return solve


def _frame(side: Side, reader: Reader) -> DataFrame:
    """Ids and newest factors of a side, made where the blocks are."""

    def newest(block: Block) -> Floats:
        factors = reader.mine(block)
        assert factors is not None
        return factors

    return side.blocks.mapInArrow(_listing(newest), FACTORS_SCHEMA)


def _folded(users: Side, items: Side, config: AlsConfig, exchange: Exchange) -> DataFrame:
    """Every user's exact factors against the final items, made where they are used."""
    latest = exchange.latest(items)

    def block_gram(batches: Batches) -> Iterator[pa.RecordBatch]:
        for block in blocks_in(batches):
            factors = latest.mine(block)
            assert factors is not None
            number = pa.array([block.number], pa.int32())
            yield pa.RecordBatch.from_arrays(
                [number, pa.array([gram(factors).tobytes()], pa.binary())], names=["block", "gram"]
            )

    grams = items.blocks.mapInArrow(block_gram, "block int, gram binary").toArrow().sort_by("block")
    size = config.factors
    total = sum(
        (np.frombuffer(part.as_buffer(), np.float64).reshape(size, size) for part in grams["gram"]),
        np.zeros((size, size)),
    )
    step = HalfStep(config, gram_basis(total, 1.0 / config.alpha), items.count, exactly=True)
    reader = exchange.readers(users, items, step.basis.rotation)

    def fold(block: Block) -> Floats:
        return step.solve(block, reader.other(), np.zeros((len(block.ids), size), np.float32))[0]

    return users.blocks.mapInArrow(_listing(fold), FACTORS_SCHEMA)


def _listing(factors_of: Callable[[Block], Floats]) -> Packed:
    """Rows (id, factors) of the ids that took something, or were taken; the others have nothing but zeros."""

    def rows(batches: Batches) -> Iterator[pa.RecordBatch]:
        for block in blocks_in(batches):
            factors = factors_of(block)
            row = np.repeat(np.arange(len(block.ids)), np.diff(block.indptr))
            taken = np.flatnonzero(np.bincount(row[block.weights > 0], minlength=len(block.ids)))
            for first in range(0, len(taken), _ROWS_AT_ONCE):
                some = taken[first : first + _ROWS_AT_ONCE]
                yield list_rows(block.ids.take(pa.array(some)), factors[some], (ID, FACTORS))

    return rows
