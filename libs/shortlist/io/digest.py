"""An order-free digest of a day's candidates, the same in Spark's workers and in the reader that verifies.

Imports no Spark: whoever verifies a published day on call starts no JVM and loads none of it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shortlist.contracts import read_contract

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_CONTRACT: Final = read_contract("candidates")
# Every column but the partition's, so that nothing a reader sees can change unnoticed.
DIGESTED: Final = [column.name for column in _CONTRACT.columns if column.name not in _CONTRACT.partition]
_WORD: Final = 1 << 64


@dataclass(frozen=True)
class Digest:
    """Rows and the sum of their 64-bit hashes modulo 2^64; digests of parts add up to that of the whole."""

    rows: int
    total: int

    def __add__(self, other: "Digest") -> "Digest":
        return Digest(self.rows + other.rows, (self.total + other.total) % _WORD)

    def __str__(self) -> str:
        return f"{self.total:016x}"


def digest_rows(rows: pa.Table) -> Digest:
    """Digest of rows with the columns `DIGESTED`.

    Each row is hashed by pandas (SipHash of strings, bit patterns of numbers, combined in column order); lists are joined.
    """
    plain = {name: _plain(rows[name]) for name in DIGESTED}
    hashes = pd.util.hash_pandas_object(pd.DataFrame(plain), index=False).to_numpy()
    return Digest(len(hashes), int(hashes.sum(dtype=np.uint64)))


def digest_frame(frame: "DataFrame") -> Digest:
    """The same digest, computed by Spark's workers; only one number per partition reaches the driver."""
    parts = frame.select(*DIGESTED).mapInArrow(_digest_batches, "rows long, total string").collect()
    return reduce(add, (Digest(part["rows"], int(part["total"])) for part in parts), Digest(0, 0))


def _digest_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    whole = reduce(add, (digest_rows(pa.Table.from_batches([batch])) for batch in batches), Digest(0, 0))
    yield pa.RecordBatch.from_pydict({"rows": [whole.rows], "total": [str(whole.total)]})


def _plain(column: pa.ChunkedArray) -> "pd.Series[Any]":
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.binary_join(column.cast(pa.list_(pa.string())), "\x1f")
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    series: pd.Series[Any] = column.to_pandas()
    return series
