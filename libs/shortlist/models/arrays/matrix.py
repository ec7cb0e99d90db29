"""String ids at every border, dense indices inside one job: the sorted order of the ids is the order of the indices."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from shortlist.kernels.arrays import Rows, offsets_of


@dataclass(frozen=True)
class Matrix:
    """A sparse matrix with the ids of its rows and columns.

    Attributes:
        rows: sorted ids, one per row.
        columns: sorted ids, one per column.
        values: CSR, float32, column indices sorted in each row; pairs that were given twice are added up.
        given: number of pairs that were given.
    """

    rows: pa.Array
    columns: pa.Array
    values: sp.csr_matrix
    given: int


def collect_matrix(frame: DataFrame, row: str, column: str, weight: str | None = None) -> Matrix:
    """A frame of pairs as one matrix in this process; for engines that work in one process.

    Args:
        frame: one row per pair.
        row: column of row ids.
        column: column of column ids.
        weight: column of weights; None means 1.
    """
    table = frame.select(row, column, *([weight] if weight else [])).toArrow()
    rows, row_index = indexed(table[row])
    columns, column_index = indexed(table[column])
    data = table[weight].to_numpy().astype(np.float32) if weight else np.ones(len(table), np.float32)
    values = sp.csr_matrix((data, (row_index, column_index)), shape=(len(rows), len(columns)))
    values.sum_duplicates()
    values.sort_indices()
    return Matrix(rows, columns, values, len(table))


def spread(spark: SparkSession, rows: pa.Table) -> DataFrame:
    """A table of this process as a frame of one partition per core; Spark itself would make one of every 10,000 rows."""
    return spark.createDataFrame(rows).coalesce(spark.sparkContext.defaultParallelism)


def sorted_ids(ids: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Distinct ids in the order of their bytes, which is Spark's order of strings too."""
    distinct = pc.unique(ids)
    return distinct.take(pc.sort_indices(distinct)).cast(pa.string())


def indexed(ids: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int32]]:
    """The sorted distinct ids, and for each id its index among them: indices compare like the ids."""
    known = sorted_ids(ids)
    return known, pc.index_in(ids.cast(pa.string()), value_set=known).to_numpy().astype(np.int32)


def id_rows(lists: pa.ListArray, ids: pa.Array) -> Rows:
    """Lists of ids as rows of indices in `ids`, in the order of each list.

    Args:
        lists: one list a row; NULL is an empty row, ids that are not in `ids` are left out.
        ids: sorted; an id's index is its position here.
    """
    found = pc.index_in(lists.flatten().cast(pa.string()), value_set=ids)
    known = found.is_valid().to_numpy(zero_copy_only=False)
    owners = pc.list_parent_indices(lists).to_numpy().astype(np.int64)[known]
    starts = offsets_of(owners, len(lists))
    return Rows(starts, found.drop_null().to_numpy().astype(np.int32))


def ascending(rows: Rows) -> Rows:
    """The same rows, the indices of each ascending."""
    owners = np.repeat(np.arange(len(rows.indptr) - 1), np.diff(rows.indptr))
    return Rows(rows.indptr, rows.indices[np.lexsort((rows.indices, owners))])


def id_hashes(ids: pa.Array) -> NDArray[np.int64]:
    """A number for each id that depends on nothing else: pandas' hash, 64 bits, the same in every process."""
    if not len(ids):
        return np.zeros(0, np.int64)
    hashes: NDArray[np.uint64] = pd.util.hash_array(ids.to_numpy(zero_copy_only=False), categorize=False)
    return hashes.view(np.int64)


def list_rows(ids: pa.Array, vectors: NDArray[np.float32], names: tuple[str, str]) -> pa.RecordBatch:
    """Ids with their vectors as lists, one row each."""
    offsets = pa.array(np.arange(len(ids) + 1, dtype=np.int32) * vectors.shape[1])
    lists = pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(vectors, np.float32).ravel()))
    return pa.RecordBatch.from_arrays([ids, lists], names=list(names))
