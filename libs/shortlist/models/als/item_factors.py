"""The items of an ALS model, shared once a run: every surface ranks against the same matrix, whatever it may show."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from shortlist.columns import FACTORS, ID
from shortlist.kernels.arrays import Floats
from shortlist.kernels.ials import GramBasis, basis_of
from shortlist.models.arrays.matrix import sorted_ids
from shortlist.models.arrays.shared_arrays import MappedArrays, SharedArrays, share_arrays, stored, unshare

# Rows that are turned at once where one matrix is made from another.
_ROWS_AT_ONCE: Final = 65_536


@dataclass(frozen=True)
class ItemFactors:
    """Items with their vectors, in the order of their ids.

    Attributes:
        ids: sorted.
        vectors: (items, d) float32.
    """

    ids: pa.Array
    vectors: Floats


class SharedItems:
    """All items that have a vector, put where every task finds them when they are first asked for.

    With a folder the vectors go from the tasks that have them into one file; the driver holds the ids. Without one they go
    through the driver and each executor's workers hold a copy: items x d x 4 bytes.
    """

    def __init__(self, factors: DataFrame, folder: Path | None) -> None:
        """Nothing is read yet.

        Args:
            factors: id, factors (array<float>, all of one length); each id once.
            folder: one that the driver and every task see, or None.
        """
        self._frame = factors.select(ID, FACTORS)
        self._spark = factors.sparkSession
        self._folder = folder
        self._made: list[SharedArrays[ItemFactors]] = []
        self._bases: dict[float, tuple[GramBasis, SharedArrays[ItemFactors]]] = {}

    @cached_property
    def fitted(self) -> SharedArrays[ItemFactors]:
        """As the model has them."""
        return self._kept(self._through_files(self._folder) if self._folder else self._through_driver())

    @cached_property
    def unit_length(self) -> SharedArrays[ItemFactors]:
        """Each of Euclidean length 1: inner products are cosines. Zero vectors stay zero."""
        return self._turned(unit_rows)

    @cached_property
    def ids(self) -> pa.Array:
        """Sorted."""
        return self.fitted.value.ids

    def basis(self, unobserved_weight: float) -> tuple[GramBasis, SharedArrays[ItemFactors]]:
        """The eigenbasis of their Gram matrix, and their vectors in it: what users are folded in against."""
        if unobserved_weight not in self._bases:
            basis = basis_of(self.fitted.value.vectors, unobserved_weight)
            self._bases[unobserved_weight] = basis, self._turned(lambda rows: rows @ basis.rotation)
        return self._bases[unobserved_weight]

    def aligned(self, shared: SharedArrays[ItemFactors], ids: pa.Array) -> SharedArrays[ItemFactors]:
        """One of these matrices with a row for each of `ids`, zeros where an item has no vector.

        Args:
            shared: `fitted`, `unit_length` or the vectors of `basis`.
            ids: sorted, and all of `self.ids` among them.
        """
        if len(ids) == len(self.ids):
            return shared
        rows = pc.index_in(self.ids, value_set=ids).to_numpy()
        vectors = shared.value.vectors
        shape = (len(ids), vectors.shape[1])
        if isinstance(shared, MappedArrays) and self._folder:
            path, matrix = _new_matrix(self._folder, shape)
            matrix[rows] = vectors
            return self._kept(MappedArrays(ItemFactors, {"ids": stored(self._folder, ids), "vectors": path}))
        matrix = np.zeros(shape, np.float32)
        matrix[rows] = vectors
        return self._kept(share_arrays(self._spark, None, ItemFactors(ids, matrix)))

    def close(self) -> None:
        """Give back the executors' copies."""
        for held in self._made:
            unshare(held)

    def _kept(self, held: SharedArrays[ItemFactors]) -> SharedArrays[ItemFactors]:
        self._made.append(held)
        return held

    def _through_driver(self) -> SharedArrays[ItemFactors]:
        table = self._frame.toArrow()
        ids = sorted_ids(table[ID])
        if not len(ids):
            return share_arrays(self._spark, None, ItemFactors(ids, np.empty((0, 1), np.float32)))
        order = pc.index_in(ids, value_set=table[ID].combine_chunks().cast(pa.string())).to_numpy()
        vectors = list_matrix(table[FACTORS].combine_chunks())[order]
        return share_arrays(self._spark, None, ItemFactors(ids, vectors))

    def _through_files(self, folder: Path) -> SharedArrays[ItemFactors]:
        # A task that runs twice writes two files; only the one that Spark took the answer of is named here.
        written = self._frame.mapInArrow(_storing(folder), "ids string, vectors string").toArrow().to_pylist()
        parts = [MappedArrays(ItemFactors, {name: Path(path) for name, path in row.items()}) for row in written]
        lengths = [len(part.value.ids) for part in parts]
        ids = pa.concat_arrays([part.value.ids for part in parts]) if parts else pa.array([], pa.string())
        order = pc.sort_indices(ids).to_numpy()
        rows = np.empty(len(order), np.int64)
        rows[order] = np.arange(len(order))
        width = parts[0].value.vectors.shape[1] if parts else 1
        matrix, vectors = _new_matrix(folder, (len(ids), width))
        for part, (first, last) in zip(parts, pairwise(accumulate(lengths, initial=0)), strict=True):
            vectors[rows[first:last]] = part.value.vectors
        for path in [path for row in written for path in row.values()]:
            Path(path).unlink()
        return MappedArrays(ItemFactors, {"ids": stored(folder, ids.take(pa.array(order))), "vectors": matrix})

    def _turned(self, turn: Callable[[Floats], Floats]) -> SharedArrays[ItemFactors]:
        """Another matrix of the same items, made a few rows at a time, the same rows wherever it goes."""
        fitted = self.fitted.value
        shape = fitted.vectors.shape
        if isinstance(self.fitted, MappedArrays) and self._folder:
            path, vectors = _new_matrix(self._folder, shape)
            held: SharedArrays[ItemFactors] | None = MappedArrays(ItemFactors, {**self.fitted.files, "vectors": path})
        else:
            vectors, held = np.empty(shape, np.float32), None
        for first in range(0, len(vectors), _ROWS_AT_ONCE):
            vectors[first : first + _ROWS_AT_ONCE] = turn(fitted.vectors[first : first + _ROWS_AT_ONCE])
        return self._kept(held or share_arrays(self._spark, None, ItemFactors(fitted.ids, vectors)))


def list_matrix(lists: pa.ListArray) -> Floats:
    """Lists of one length as the rows of a matrix."""
    flat = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    return np.ascontiguousarray(flat.reshape(len(lists), -1))


def unit_rows(rows: Floats) -> Floats:
    """Each row scaled to Euclidean length 1; zero rows stay zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    scaled: Floats = (rows / np.where(lengths > 0, lengths, 1.0)[:, None]).astype(np.float32)
    return scaled


def _storing(folder: Path) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def store(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                ids = stored(folder, batch[ID].cast(pa.string()))
                vectors = stored(folder, list_matrix(batch[FACTORS]))
                yield pa.RecordBatch.from_pydict({"ids": [str(ids)], "vectors": [str(vectors)]})

    return store


def _new_matrix(folder: Path, shape: tuple[int, ...]) -> tuple[Path, Floats]:
    """A file of a matrix that is yet to be filled."""
    path = folder / uuid4().hex
    if not shape[0]:  # Nothing of length 0 can be mapped for writing.
        with path.open("wb") as file:
            np.save(file, np.empty(shape, np.float32))
        return path, np.empty(shape, np.float32)
    matrix: Floats = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    return path, matrix
