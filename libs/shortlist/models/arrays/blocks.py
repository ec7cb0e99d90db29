"""Blocks: one Arrow row a block of many rows, so that Spark moves few large values. What every blocked model shares."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Batches = Iterable[pa.RecordBatch]
Packed = Callable[[Batches], Iterator[pa.RecordBatch]]

GIGABYTE: Final = 1e9
# Blocks of data that is large enough to be cut, so that a few cores share even less than a block's rows.
USUAL_BLOCKS: Final = 8
# Block numbers are sorted as 16 bits.
MOST_BLOCKS: Final = 65_535


def array_of(value: pa.Scalar, dtype: type[Any]) -> NDArray[Any]:
    """A binary value as a read-only array, without a copy."""
    return np.frombuffer(value.as_buffer(), dtype)


def count_blocks(entries: int, block_rows: int) -> int:
    """Blocks of about `block_rows` observations; of smaller ones, down to a sixteenth, up to the usual number."""
    return min(MOST_BLOCKS, max(-(-entries // block_rows), min(USUAL_BLOCKS, -(-16 * entries // block_rows))))


def cut_by(work: NDArray[Any], edges: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Of these edges the ones that cut the work between them into so many about equal parts, at most.

    Args:
        work: one number for each range between two edges.
        edges: ascending.
        parts: at least 1.
    """
    done = np.concatenate(([0.0], np.cumsum(work, dtype=np.float64)))
    inner = np.searchsorted(done, np.linspace(0, done[-1], parts + 1)[1:-1])
    cuts: NDArray[np.int64] = edges[np.unique(np.concatenate(([0], inner, [len(work)])))]
    return cuts


def by_block(batches: Batches) -> dict[int, list[dict[str, pa.Scalar]]]:
    """Everything that was sent to a task, by block."""
    sent: dict[int, list[dict[str, pa.Scalar]]] = {}
    for batch in batches:
        names = batch.schema.names
        for row in range(batch.num_rows):
            message = {name: batch[name][row] for name in names}
            sent.setdefault(message["block"].as_py(), []).append(message)
    return sent
