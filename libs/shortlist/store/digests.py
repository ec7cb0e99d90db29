"""One order-free digest of rows, the same in Spark's workers and in a reader that verifies: of published days and of models.

Imports no Spark: whoever verifies on call starts no JVM.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shortlist.columns import CAMPAIGN, CONDITION, PROPENSITY, RELATION, SLOT
from shortlist.contracts import read_contract
from shortlist.kernels.hashes import STEP, mixed

_CONTRACT: Final = read_contract("candidates")
# Every column of candidates but the partition's, so that nothing a reader sees can change unnoticed.
DIGESTED: Final = [column.name for column in _CONTRACT.columns if column.name not in _CONTRACT.partition]
# Columns that candidates gained: a row without a value has the digest that it had before there was such a column, so that
# days which were published then are still verified.
GAINED: Final = frozenset({CAMPAIGN, SLOT, PROPENSITY, CONDITION, RELATION})
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


NOTHING: Final = Digest(0, 0)


def digest_rows(rows: pa.Table, columns: Sequence[str] = DIGESTED) -> Digest:
    """Digest of the named columns of rows; neither the order of rows nor how they are cut into parts matters.

    Each row is hashed by pandas (SipHash of strings, bit patterns of numbers, combined in column order). Lists of strings are
    joined first; a list of numbers is hashed element by element. A gained column that is absent is one without values.
    """
    if not len(rows):
        return NOTHING
    plain = {name: _plain(rows[name]) for name in columns if name not in GAINED}
    hashes = pd.util.hash_pandas_object(pd.DataFrame(plain), index=False).to_numpy()
    for name in (name for name in columns if name in GAINED and name in rows.column_names):
        both = pd.DataFrame({"row": hashes, name: _plain(rows[name])})
        given = rows[name].is_valid().to_numpy()
        hashes = np.where(given, pd.util.hash_pandas_object(both, index=False).to_numpy(), hashes)
    return Digest(len(hashes), int(hashes.sum(dtype=np.uint64)))


def _plain(column: pa.ChunkedArray) -> "pd.Series[Any]":
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        if pa.types.is_floating(column.type.value_type):
            return pd.Series(_number_lists(pa.concat_arrays(column.chunks)))
        column = pc.binary_join(column.cast(pa.list_(pa.string())), "\x1f")
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    if pa.types.is_date(column.type):
        column = column.cast(pa.int32())
    series: pd.Series[Any] = column.to_pandas()
    return series


def _number_lists(lists: pa.ListArray) -> NDArray[np.uint64]:
    """One 64-bit hash a list, of the bit patterns and positions of its numbers."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy().astype(np.int64)
    bits = lists.flatten().cast(pa.float32()).to_numpy(zero_copy_only=False).view(np.uint32).astype(np.uint64)
    starts = np.cumsum(lengths) - lengths
    positions = np.arange(len(bits)) - np.repeat(starts, lengths)
    with np.errstate(over="ignore"):
        words = mixed(bits + (positions.astype(np.uint64) + np.uint64(1)) * STEP)
        hashes = mixed(lengths.astype(np.uint64) + STEP)
        filled = np.flatnonzero(lengths)
        if len(filled):
            hashes[filled] += np.add.reduceat(words, starts[filled])
    return hashes
