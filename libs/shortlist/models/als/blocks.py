"""Observations as blocks of CSR rows, one Arrow row per block: packed by the tasks, so Spark moves few large values.

Users go to blocks by the hash of their id, items by ranges of about equal work. Which row is in which block, and in which
order, follows from the ids alone: not from partitions, cores or the order of arrival.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from numpy.typing import NDArray
from pyspark import Broadcast
from pyspark.sql import DataFrame

from shortlist.columns import ITEM_ID, USER_ID, WEIGHT
from shortlist.models.als.observations import require_sound
from shortlist.models.arrays.blocks import Batches, Packed, array_of, by_block, cut_by
from shortlist.models.arrays.matrix import id_hashes, sorted_ids

# Rows that a task packs at once: 12 bytes each and their distinct ids.
_ROWS_AT_ONCE: Final = 4_000_000
_MESSAGE: Final = "block int, names binary, rows binary, columns binary, weights binary"
_PIECE: Final = "block int, source int, counts binary, indices binary, weights binary"
BLOCK: Final = (
    "block int, ids binary, indptr binary, indices binary, weights binary, repeated long, unusable long, taken long"
)


class Block(NamedTuple):
    """Some rows of one side.

    Attributes:
        number: of the block.
        ids: of the rows.
        indptr: int64.
        indices: int32, rows of the other side, ascending in each row.
        weights: float32, below 0 for hides.
    """

    number: int
    ids: pa.Array
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: NDArray[np.float32]


class BlockRange(NamedTuple):
    """Which of all rows of its side a block has."""

    first: int
    rows: int
    entries: int


@dataclass(frozen=True)
class Side:
    """All rows of one side.

    Attributes:
        name: `users` or `items`.
        blocks: one row per block that holds any, columns as in BLOCK; persisted.
        ranges: by block number, ascending; `first` counts up in that order.
    """

    name: str
    blocks: DataFrame
    ranges: Mapping[int, BlockRange]

    @property
    def count(self) -> int:
        """Rows of this side."""
        return sum(block.rows for block in self.ranges.values())

    @property
    def entries(self) -> int:
        """Observations."""
        return sum(block.entries for block in self.ranges.values())

    @property
    def partitions(self) -> int:
        """Partitions that the blocks are numbered for."""
        return max(self.ranges, default=0) + 1


def blocks_in(batches: Batches) -> Iterator[Block]:
    """The blocks of a task."""
    for batch in batches:
        for row in range(batch.num_rows):
            yield Block(
                batch["block"][row].as_py(),
                _unpacked(batch["ids"][row]),
                array_of(batch["indptr"][row], np.int64),
                array_of(batch["indices"][row], np.int32),
                array_of(batch["weights"][row], np.float32),
            )


def user_side(observations: DataFrame, item_ids: "Broadcast[pa.Array]", block_count: int) -> Side:
    """Users with what they saw; one shuffle.

    Args:
        observations: user_id, item_id, weight (signed).
        item_ids: every item, sorted; the columns.
        block_count: into how many blocks users are spread.
    """
    messages = observations.select(USER_ID, ITEM_ID, WEIGHT).mapInArrow(_packer(item_ids, block_count), _MESSAGE)
    blocks = messages.repartitionById(block_count, "block").mapInArrow(_assembler(item_ids), BLOCK)
    return counted("users", blocks)


def item_side(users: Side, item_ids: "Broadcast[pa.Array]", entries: NDArray[np.int64], block_count: int) -> Side:
    """The same observations by item, from the users' blocks; one shuffle of numbers.

    Args:
        users: the users' side, whose row numbers become the columns.
        item_ids: every item, sorted; the rows.
        entries: observations of each item, at most; the cuts between blocks follow them.
        block_count: into how many blocks, at most.
    """
    cuts = cut_by(entries + 4, np.arange(len(entries) + 1), block_count).tolist()
    firsts = {number: block.first for number, block in users.ranges.items()}
    pieces = users.blocks.mapInArrow(_transposer(firsts, len(entries), cuts), _PIECE)
    blocks = pieces.repartitionById(max(1, len(cuts) - 1), "block").mapInArrow(_joiner(item_ids, cuts), BLOCK)
    return counted("items", blocks)


def counted(name: str, blocks: DataFrame) -> Side:
    """A side of blocks that Spark keeps from here on.

    Raises:
        ModelError: nothing that was taken, weights that cannot be used, or a pair of user and item in more than one row.
    """
    kept = blocks.persist()
    with ExitStack() as refused:
        refused.callback(kept.unpersist)
        # Lengths of the binary columns: how many rows and entries a block has.
        sizes = kept.selectExpr(
            "block",
            "length(indptr) div 8 - 1 as rows",
            "length(indices) div 4 as entries",
            "unusable",
            "taken",
            "repeated",
        ).toArrow()
        require_sound(*(sum(sizes[count].to_pylist()) for count in ("unusable", "taken", "repeated")))
        refused.pop_all()
    by_block = sorted(zip(*(sizes[column].to_pylist() for column in ("block", "rows", "entries")), strict=True))
    firsts = accumulate((rows for _, rows, _ in by_block), initial=0)
    ranges = {
        number: BlockRange(first, rows, some) for (number, rows, some), first in zip(by_block, firsts, strict=False)
    }
    return Side(name, kept, ranges)


def row_of_block(
    number: int,
    ids: pa.Array,
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.float32],
    repeated: int = 0,
) -> pa.RecordBatch:
    """A block as a batch of one row."""
    return pa.RecordBatch.from_pydict(
        {
            "block": pa.array([number], pa.int32()),
            "ids": _binary(_packed(ids)),
            "indptr": _binary(indptr.astype(np.int64)),
            "indices": _binary(indices.astype(np.int32)),
            "weights": _binary(weights.astype(np.float32)),
            "repeated": pa.array([repeated], pa.int64()),
            "unusable": pa.array([np.count_nonzero(np.isnan(weights))], pa.int64()),
            "taken": pa.array([np.count_nonzero(weights > 0)], pa.int64()),
        }
    )


def _packer(item_ids: "Broadcast[pa.Array]", block_count: int) -> Packed:
    def pack(batches: Batches) -> Iterator[pa.RecordBatch]:
        for rows in _gathered(batches):
            yield from _messages(rows, item_ids.value, block_count)

    return pack


def _gathered(batches: Batches) -> Iterator[pa.Table]:
    """Batches of a few thousand rows as tables of many: encoding costs per call."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
        if count >= _ROWS_AT_ONCE:
            yield pa.Table.from_batches(held)
            held, count = [], 0
    if held:
        yield pa.Table.from_batches(held)


def _messages(rows: pa.Table, item_ids: pa.Array, block_count: int) -> Iterator[pa.RecordBatch]:
    names, row_numbers = _encoded(rows[USER_ID])
    items, item_numbers = _encoded(rows[ITEM_ID])
    columns = pc.index_in(items, value_set=item_ids).to_numpy().astype(np.int32)[item_numbers]
    weights = rows[WEIGHT].to_numpy()
    # 16 bits, so that numpy sorts by radix.
    owners = (id_hashes(names).view(np.uint64) % np.uint64(block_count)).astype(np.uint16)
    by_owner = np.argsort(owners, kind="stable")
    name_cuts = np.searchsorted(owners[by_owner], np.arange(block_count + 1))
    positions = np.empty(len(names), np.int32)
    positions[by_owner] = np.arange(len(names), dtype=np.int32)
    names = names.take(pa.array(by_owner))
    row_owners = owners[row_numbers]
    order = np.argsort(row_owners, kind="stable")
    row_cuts = np.searchsorted(row_owners[order], np.arange(block_count + 1))
    placed = positions[row_numbers]
    for block, (first, last) in enumerate(pairwise(row_cuts.tolist())):
        if first == last:
            continue
        mine = order[first:last]
        low, high = int(name_cuts[block]), int(name_cuts[block + 1])
        yield pa.RecordBatch.from_pydict(
            {
                "block": pa.array([block], pa.int32()),
                "names": _binary(_packed(names.slice(low, high - low))),
                "rows": _binary(placed[mine] - np.int32(low)),
                "columns": _binary(columns[mine]),
                "weights": _binary(weights[mine]),
            }
        )


def _assembler(item_ids: "Broadcast[pa.Array]") -> Packed:
    def assemble(batches: Batches) -> Iterator[pa.RecordBatch]:
        width = len(item_ids.value)
        for number, messages in by_block(batches).items():
            named = [_unpacked(message["names"]) for message in messages]
            ids = sorted_ids(pa.chunked_array(named, pa.string()))
            rows = np.concatenate(
                [
                    pc.index_in(names, value_set=ids).to_numpy()[array_of(message["rows"], np.int32)]
                    for names, message in zip(named, messages, strict=True)
                ]
            )
            columns = np.concatenate([array_of(message["columns"], np.int32) for message in messages])
            weights = np.concatenate([array_of(message["weights"], np.float32) for message in messages])
            matrix = sp.csr_matrix((weights, (rows, columns)), shape=(len(ids), width))
            matrix.sum_duplicates()
            repeated = len(rows) - matrix.nnz
            yield row_of_block(number, ids, matrix.indptr, matrix.indices, matrix.data, repeated)

    return assemble


def _transposer(firsts: Mapping[int, int], item_count: int, cuts: Sequence[int]) -> Packed:
    def transpose(batches: Batches) -> Iterator[pa.RecordBatch]:
        opening = min(firsts)
        for block in blocks_in(batches):
            shape = (len(block.indptr) - 1, item_count)
            matrix = sp.csr_matrix((block.weights, block.indices, block.indptr), shape=shape).tocsc()
            users = matrix.indices.astype(np.int32) + np.int32(firsts[block.number])
            counts = np.diff(matrix.indptr).astype(np.int32)
            for number, (low, high) in enumerate(pairwise(cuts)):
                entries = slice(int(matrix.indptr[low]), int(matrix.indptr[high]))
                # Every range has at least this piece: items that nobody of a sample saw still have their rows.
                if entries.start == entries.stop and block.number != opening:
                    continue
                yield pa.RecordBatch.from_pydict(
                    {
                        "block": pa.array([number], pa.int32()),
                        "source": pa.array([block.number], pa.int32()),
                        "counts": _binary(counts[low:high]),
                        "indices": _binary(users[entries]),
                        "weights": _binary(matrix.data[entries]),
                    }
                )

    return transpose


def _joiner(item_ids: "Broadcast[pa.Array]", cuts: Sequence[int]) -> Packed:
    def join(batches: Batches) -> Iterator[pa.RecordBatch]:
        for number, pieces in by_block(batches).items():
            low, high = cuts[number], cuts[number + 1]
            # Users of a later block have higher numbers: in this order each item's users ascend.
            pieces.sort(key=lambda piece: piece["source"].as_py())
            counts = [array_of(piece["counts"], np.int32) for piece in pieces]
            rows = np.concatenate([np.repeat(np.arange(high - low, dtype=np.int32), some) for some in counts])
            indices = np.concatenate([array_of(piece["indices"], np.int32) for piece in pieces])
            weights = np.concatenate([array_of(piece["weights"], np.float32) for piece in pieces])
            matrix = sp.csr_matrix((weights, (rows, indices)), shape=(high - low, int(indices.max(initial=0)) + 1))
            ids = item_ids.value.slice(low, high - low)
            yield row_of_block(number, ids, matrix.indptr, matrix.indices, matrix.data)

    return join


def _encoded(ids: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int32]]:
    """Distinct ids as they come, and the number of each."""
    encoded = pc.dictionary_encode(ids.combine_chunks().cast(pa.string()))
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return encoded.dictionary, encoded.indices.to_numpy()


def _packed(ids: pa.Array) -> pa.Buffer:
    """Ids as one value that the JVM passes on unread."""
    sink = pa.BufferOutputStream()
    batch = pa.RecordBatch.from_arrays([ids], names=["ids"])
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue()


def _unpacked(value: pa.Scalar) -> pa.Array:
    return pa.ipc.open_stream(value.as_buffer()).read_all()["ids"].combine_chunks()


def _binary(content: NDArray[Any] | pa.Buffer) -> pa.Array:
    return pa.array([content.tobytes() if isinstance(content, np.ndarray) else content.to_pybytes()], pa.binary())
