"""Placements `mapped` and `shuffled`: blocks of items as tasks, each with the baskets that it needs.

The driver holds what is as large as the items, and nothing that is as large as the baskets.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, WEIGHT
from shortlist.config import CooccurrenceConfig
from shortlist.kernels.arrays import Rows
from shortlist.kernels.cooccurrence import Totals
from shortlist.models.arrays.blocks import Batches, Packed, array_of, by_block, count_blocks, cut_by
from shortlist.models.arrays.matrix import sorted_ids
from shortlist.models.arrays.scratch import save_whole
from shortlist.models.cooccurrence.blocks import (
    BLOCK,
    OWNER,
    SENT,
    Baskets,
    blocks_in,
    item_bins,
    packer,
    sender,
    touches,
    unpacked,
    work_of,
)
from shortlist.models.cooccurrence.lists import RELATED, Known, related_tables
from shortlist.models.cooccurrence.placement import Refused, Sizes, basket_bytes, log, require_fit

_SURVEY: Final = (
    "block int, baskets long, rows long, weight double, repeated long, inconsistent_weight_rows long, work binary"
)
_TOUCHED: Final = "baskets binary, rows binary"
_BLOCKS_PER_CORE: Final = 4
# Rows of lists that a task hands to Spark at once.
_ROWS_AT_ONCE: Final = 100_000


@dataclass(frozen=True)
class Surveyed:
    """Blocks of baskets, and what the driver knows of them.

    Attributes:
        blocks: columns as in BLOCK; they are made each time they are read, unless Spark keeps them.
        survey: one row per block, in order.
        cuts: edges of the item blocks.
        known: of all items and baskets, at every task.
    """

    blocks: DataFrame
    survey: pa.Table
    cuts: NDArray[np.int64]
    known: "Broadcast[Known]"

    @property
    def item_blocks(self) -> int:
        """How many item blocks there are."""
        return len(self.cuts) - 1


def survey(
    rows: DataFrame, sizes: Sizes, config: CooccurrenceConfig, folder: Path | None, stack: ExitStack
) -> Surveyed:
    """Baskets numbered and in blocks; one shuffle.

    Args:
        rows: as `basket_rows` gives them.
        sizes: how many there are.
        config: sizes of blocks.
        folder: where tasks write their blocks to; None: Spark keeps them.
        stack: gives them back.
    """
    began = time.perf_counter()
    spark = rows.sparkSession
    item_ids, entries, item_sizes = _items(rows)
    packing = packer(spark.sparkContext.broadcast(item_ids))
    block_count = count_blocks(sizes.rows, config.block_rows)
    blocks = rows.repartitionById(block_count, OWNER).mapInArrow(packing, BLOCK)
    if folder is None:
        blocks = blocks.persist()
        stack.callback(blocks.unpersist)
    bins = item_bins(entries)
    found = blocks.mapInArrow(_surveyor(bins, folder), _SURVEY).toArrow().sort_by("block")
    work = np.sum([array_of(value, np.float64) for value in found["work"]], axis=0)
    wanted = config.item_blocks or _BLOCKS_PER_CORE * spark.sparkContext.defaultParallelism
    cuts = cut_by(work, bins, wanted)
    known = Known(item_ids, Totals(item_sizes, pc.sum(found["weight"]).as_py()))
    log.info(
        "%d rows of %d baskets in %d blocks, %.4g pair products in %d item blocks, %.2f s",
        pc.sum(found["rows"]).as_py(),
        pc.sum(found["baskets"]).as_py(),
        len(found),
        work.sum(),
        len(cuts) - 1,
        time.perf_counter() - began,
    )
    return Surveyed(blocks, found, cuts, spark.sparkContext.broadcast(known))


def mapped(surveyed: Surveyed, config: CooccurrenceConfig, folder: Path, spark: SparkSession) -> DataFrame:
    """Lists by tasks that map one file of all baskets; whoever reads the answer starts them."""
    _join(folder, surveyed.survey)
    # One task for each item block, whatever Spark would make of so few rows.
    numbers = spark.range(0, surveyed.item_blocks, 1, surveyed.item_blocks)
    return numbers.mapInArrow(_mapping(surveyed.known, surveyed.cuts, config, folder), RELATED)


def shuffled(surveyed: Surveyed, sizes: Sizes, config: CooccurrenceConfig, refused: Refused) -> DataFrame:
    """Lists by tasks that are sent the baskets that touch their items; whoever reads the answer starts them.

    Raises:
        ModelError: a task would hold too much.
    """
    counted = surveyed.blocks.mapInArrow(_counter(surveyed.cuts), _TOUCHED).toArrow()
    baskets, rows = (
        np.sum([array_of(value, np.int64) for value in counted[name]], axis=0) for name in ("baskets", "rows")
    )
    each = basket_bytes(rows, baskets)
    require_fit(sizes, int(each.sum()), int(each.max()), config, refused)
    sent = surveyed.blocks.mapInArrow(sender(surveyed.cuts), SENT)
    solving = _solving(surveyed.known, surveyed.cuts, config)
    return sent.repartitionById(surveyed.item_blocks, "block").mapInArrow(solving, RELATED)


def _items(rows: DataFrame) -> tuple[pa.Array, NDArray[np.int64], NDArray[np.float64]]:
    """Every item, sorted; its rows; and the summed weight of its baskets, exactly."""
    weight = F.sum(WEIGHT) if WEIGHT in rows.columns else F.count("*").cast("double")
    found = rows.groupBy(ITEM_ID).agg(F.count("*").alias("rows"), weight.alias(WEIGHT)).toArrow()
    ids = sorted_ids(found[ITEM_ID])
    rows_of_ids = pc.index_in(ids, value_set=found[ITEM_ID].combine_chunks().cast(pa.string())).to_numpy()
    return ids, found["rows"].to_numpy()[rows_of_ids], found[WEIGHT].to_numpy()[rows_of_ids]


def _surveyor(bins: NDArray[np.int64], folder: Path | None) -> Packed:
    def look(batches: Batches) -> Iterator[pa.RecordBatch]:
        for number, baskets in blocks_in(batches):
            lengths = np.diff(baskets.rows.indptr)
            contents: dict[str, NDArray[Any] | None] = {
                "lengths": lengths,
                "items": baskets.rows.indices,
                "weights": baskets.weights,
            }
            for name, content in contents.items():
                if folder is not None and content is not None:
                    save_whole(folder / f"{number}-{name}.npy", content)
            weight = float(len(lengths) if baskets.weights is None else baskets.weights.sum())
            yield pa.RecordBatch.from_pydict(
                {
                    "block": pa.array([number], pa.int32()),
                    "baskets": pa.array([len(lengths)], pa.int64()),
                    "rows": pa.array([len(baskets.rows.indices)], pa.int64()),
                    "weight": pa.array([weight], pa.float64()),
                    "repeated": pa.array([baskets.repeated], pa.int64()),
                    "inconsistent_weight_rows": pa.array([baskets.inconsistent_weight_rows], pa.int64()),
                    "work": pa.array([work_of(baskets.rows, bins).tobytes()], pa.binary()),
                }
            )

    return look


def _join(folder: Path, found: pa.Table) -> None:
    """The tasks' blocks as one set of arrays; in memory is one block at a time."""
    baskets, rows = (int(pc.sum(found[name]).as_py()) for name in ("baskets", "rows"))
    indptr = np.lib.format.open_memmap(folder / "indptr.npy", mode="w+", dtype=np.int64, shape=(baskets + 1,))
    items = np.lib.format.open_memmap(folder / "items.npy", mode="w+", dtype=np.int32, shape=(rows,))
    weights = None
    if (folder / f"{found['block'][0].as_py()}-weights.npy").exists():
        weights = np.lib.format.open_memmap(folder / "weights.npy", mode="w+", dtype=np.float64, shape=(baskets,))
    basket = row = 0
    indptr[0] = 0
    for number in found["block"].to_pylist():
        lengths = np.load(folder / f"{number}-lengths.npy")
        some = np.load(folder / f"{number}-items.npy")
        indptr[basket + 1 : basket + 1 + len(lengths)] = row + np.cumsum(lengths)
        items[row : row + len(some)] = some
        if weights is not None:
            weights[basket : basket + len(lengths)] = np.load(folder / f"{number}-weights.npy")
        basket, row = basket + len(lengths), row + len(some)
        for path in folder.glob(f"{number}-*.npy"):
            path.unlink()
    for array in (indptr, items, weights):
        if array is not None:
            array.flush()


def _mapping(known: "Broadcast[Known]", cuts: NDArray[np.int64], config: CooccurrenceConfig, folder: Path) -> Packed:
    def relate(batches: Batches) -> Iterator[pa.RecordBatch]:
        baskets = None
        for batch in batches:
            for part in batch["id"].to_pylist():
                baskets = baskets or _mapped_baskets(folder)
                yield from _lists(baskets, part, cuts, known.value, config)

    return relate


def _mapped_baskets(folder: Path) -> Baskets:
    """Pages of the files, shared by all tasks of a machine."""
    indptr, items = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("indptr", "items"))
    path = folder / "weights.npy"
    return Baskets(Rows(indptr, items), np.load(path, mmap_mode="r") if path.exists() else None)


def _solving(known: "Broadcast[Known]", cuts: NDArray[np.int64], config: CooccurrenceConfig) -> Packed:
    def relate(batches: Batches) -> Iterator[pa.RecordBatch]:
        for part, pieces in by_block(batches).items():
            # In the order of their blocks, as `mapped` has them.
            pieces.sort(key=lambda piece: piece["source"].as_py())
            yield from _lists(unpacked(pieces), part, cuts, known.value, config)

    return relate


def _lists(
    baskets: Baskets, part: int, cuts: NDArray[np.int64], known: Known, config: CooccurrenceConfig
) -> Iterator[pa.RecordBatch]:
    for table in related_tables(baskets, int(cuts[part]), int(cuts[part + 1]), known, config):
        yield from table.to_batches(max_chunksize=_ROWS_AT_ONCE)


def _counter(cuts: NDArray[np.int64]) -> Packed:
    def count(batches: Batches) -> Iterator[pa.RecordBatch]:
        for _, baskets in blocks_in(batches):
            parts, touching = touches(baskets.rows, cuts)
            numbers: tuple[NDArray[Any], ...] = (
                np.bincount(parts, minlength=len(cuts) - 1),
                np.bincount(parts, np.diff(baskets.rows.indptr)[touching], len(cuts) - 1),
            )
            contents = [pa.array([each.astype(np.int64).tobytes()], pa.binary()) for each in numbers]
            yield pa.RecordBatch.from_arrays(contents, names=["baskets", "rows"])

    return count
