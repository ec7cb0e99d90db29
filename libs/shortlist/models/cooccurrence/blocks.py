"""Baskets as compressed rows, in this process or in blocks of a cluster: made once, cut by the work of their items.

The order of baskets follows from their ids alone: first their block, by a hash, then the id. Sums are rounded in that
order wherever they are made, so a list does not depend on partitions, cores or placement.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BASKET_ID, ITEM_ID, POSITION, WEIGHT
from shortlist.kernels.arrays import Rows, offsets_of
from shortlist.models.arrays.blocks import Batches, Packed, array_of, cut_by
from shortlist.models.arrays.matrix import indexed

OWNER: Final = "owner"
BLOCK: Final = "block int, lengths binary, items binary, weights binary, repeated long, inconsistent_weight_rows long"
SENT: Final = "block int, source int, lengths binary, items binary, weights binary"
# Weights are whole multiples of this, so that their sums are exact and the same in any order: up to 2**33 baskets.
WEIGHT_UNIT: Final = 2.0**-20
# Ranges of items that each block of baskets reports its work for.
_BINS: Final = 4096


class Baskets(NamedTuple):
    """Some baskets, in order.

    Attributes:
        rows: the items of each, ascending, or in the order of their positions.
        weights: float64, one per basket; None: each counts 1.
        repeated: rows that repeat an item of a basket.
        inconsistent_weight_rows: rows whose weight is not that of their basket.
    """

    rows: Rows
    weights: NDArray[np.float64] | None
    repeated: int = 0
    inconsistent_weight_rows: int = 0


def basket_rows(baskets: DataFrame, block_count: int, *, directed: bool, weighted: bool) -> DataFrame:
    """owner (number of the block), basket_id, item_id and, where they count, position and weight (in whole units)."""
    owner = F.pmod(F.xxhash64(BASKET_ID), F.lit(block_count)).cast("int").alias(OWNER)
    units = F.greatest(F.round(F.col(WEIGHT).cast("double") / WEIGHT_UNIT), F.lit(1.0))
    return baskets.select(
        owner,
        BASKET_ID,
        ITEM_ID,
        *([POSITION] if directed else []),
        *([(units * WEIGHT_UNIT).alias(WEIGHT)] if weighted else []),
    )


def packed(rows: pa.Table, item_ids: pa.Array) -> Baskets:
    """Rows as `basket_rows` gives them, as baskets in order."""
    names, codes = indexed(rows[BASKET_ID])
    owners = np.empty(len(names), np.int64)
    owners[codes] = rows[OWNER].to_numpy()
    order = np.argsort(owners, kind="stable")
    numbers = np.empty(len(names), np.int64)
    numbers[order] = np.arange(len(names))
    basket = numbers[codes]
    item = pc.index_in(rows[ITEM_ID].cast(pa.string()), value_set=item_ids).to_numpy().astype(np.int64)
    # One number per row sorts much faster than two.
    keys = np.sort(basket * len(item_ids) + item)
    repeated = int((keys[1:] == keys[:-1]).sum())
    if POSITION in rows.column_names:
        item = item[np.lexsort((item, rows[POSITION].to_numpy(), basket))]
    else:
        item = keys % max(1, len(item_ids))
    indptr = offsets_of(basket, len(names))
    weights, inconsistent_weight_rows = None, 0
    if WEIGHT in rows.column_names:
        given = rows[WEIGHT].to_numpy()
        weights = np.empty(len(names), np.float64)
        weights[basket] = given
        inconsistent_weight_rows = int((weights[basket] != given).sum())
    return Baskets(Rows(indptr, item.astype(np.int32)), weights, repeated, inconsistent_weight_rows)


def packer(item_ids: "Broadcast[pa.Array]") -> Packed:
    """Rows of a task to its blocks, one row each."""

    def pack(batches: Batches) -> Iterator[pa.RecordBatch]:
        held = [batch for batch in batches if batch.num_rows]
        if not held:
            return
        rows = pa.Table.from_batches(held)
        for owner in sorted(pc.unique(rows[OWNER]).to_pylist()):
            baskets = packed(rows.filter(pc.equal(rows[OWNER], owner)), item_ids.value)
            yield pa.RecordBatch.from_pydict(
                {
                    "block": pa.array([owner], pa.int32()),
                    **_contents(baskets),
                    "repeated": pa.array([baskets.repeated], pa.int64()),
                    "inconsistent_weight_rows": pa.array([baskets.inconsistent_weight_rows], pa.int64()),
                }
            )

    return pack


def blocks_in(batches: Batches) -> Iterator[tuple[int, Baskets]]:
    """The blocks of a task, with their numbers."""
    for batch in batches:
        for row in range(batch.num_rows):
            baskets = unpacked([{name: batch[name][row] for name in ("lengths", "items", "weights")}])
            found = baskets._replace(
                repeated=batch["repeated"][row].as_py(),
                inconsistent_weight_rows=batch["inconsistent_weight_rows"][row].as_py(),
            )
            yield batch["block"][row].as_py(), found


def unpacked(pieces: list[dict[str, pa.Scalar]]) -> Baskets:
    """Pieces of baskets, one after the other."""
    lengths, items, weights = (
        np.concatenate([array_of(piece[name], dtype) for piece in pieces])
        for name, dtype in (("lengths", np.int32), ("items", np.int32), ("weights", np.float64))
    )
    indptr = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    return Baskets(Rows(indptr, items), weights if len(weights) else None)


def item_bins(entries: NDArray[Any]) -> NDArray[np.int64]:
    """Edges of ranges of items with about as many rows each: fine enough to be cut at, few enough to be reported."""
    return cut_by(entries, np.arange(len(entries) + 1), _BINS)


def work_of(rows: Rows, bins: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each range of items the sizes of their baskets, summed up: what its rows cost."""
    lengths = np.diff(rows.indptr)
    each = np.repeat(lengths, lengths)
    return np.bincount(np.searchsorted(bins, rows.indices, side="right") - 1, each, len(bins) - 1).astype(np.float64)


def touches(rows: Rows, cuts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which baskets hold an item of which range: (range, basket) of each such pair, by range, then basket."""
    count = len(rows.indptr) - 1
    owner = np.repeat(np.arange(count), np.diff(rows.indptr))
    part = np.searchsorted(cuts, rows.indices, side="right") - 1
    pairs = np.unique(part * np.int64(max(1, count)) + owner)
    return pairs // max(1, count), pairs % max(1, count)


def sender(cuts: NDArray[np.int64]) -> Packed:
    """Each block's baskets to the item blocks that they touch, whole."""

    def send(batches: Batches) -> Iterator[pa.RecordBatch]:
        for source, baskets in blocks_in(batches):
            parts, touching = touches(baskets.rows, cuts)
            edges = np.searchsorted(parts, np.arange(len(cuts)))
            for part, (low, high) in enumerate(pairwise(edges.tolist())):
                if low < high:
                    yield pa.RecordBatch.from_pydict(
                        {
                            "block": pa.array([part], pa.int32()),
                            "source": pa.array([source], pa.int32()),
                            **_contents(_chosen(baskets, touching[low:high])),
                        }
                    )

    return send


def _chosen(baskets: Baskets, chosen: NDArray[np.int64]) -> Baskets:
    """Some of the baskets."""
    lengths = np.diff(baskets.rows.indptr)[chosen]
    indptr = np.concatenate(([0], np.cumsum(lengths)))
    indices = np.repeat(baskets.rows.indptr[chosen] - indptr[:-1], lengths) + np.arange(indptr[-1])
    weights = None if baskets.weights is None else baskets.weights[chosen]
    return Baskets(Rows(indptr, baskets.rows.indices[indices]), weights)


def _contents(baskets: Baskets) -> dict[str, pa.Array]:
    weights = np.empty(0, np.float64) if baskets.weights is None else baskets.weights
    contents: dict[str, NDArray[Any]] = {
        "lengths": np.diff(baskets.rows.indptr).astype(np.int32),
        "items": baskets.rows.indices.astype(np.int32),
        "weights": weights,
    }
    return {name: pa.array([content.tobytes()], pa.binary()) for name, content in contents.items()}
