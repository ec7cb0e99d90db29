"""Large arrays that every task needs, put once where all find them: in files that they map, or in a broadcast."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast
from uuid import uuid4

import numpy as np
import pyarrow as pa
from pyspark.sql import SparkSession

Content = TypeVar("Content")
Content_co = TypeVar("Content_co", covariant=True)
_COLUMN = "values"


class SharedArrays(Protocol[Content_co]):
    """A small handle that tasks are sent instead of the arrays; a broadcast is one too."""

    @property
    def value(self) -> Content_co:
        """The arrays."""


@dataclass(frozen=True)
class MappedArrays(Generic[Content]):
    """A dataclass of arrays in files: all tasks of a machine map them, so memory holds one copy however many there are.

    Attributes:
        kind: the dataclass.
        files: the file of each field; of a field that is such a dataclass its own files. A field that is None has none.
    """

    kind: type[Content]
    files: "Mapping[str, Path | MappedArrays[Any]]"

    @property
    def value(self) -> Content:
        """The arrays, read-only."""
        return self.kind(
            **{
                name: file.value if isinstance(file, MappedArrays) else _mapped(file)
                for name, file in self.files.items()
            }
        )


def share_arrays(spark: SparkSession, folder: Path | None, content: Content) -> SharedArrays[Content]:
    """A dataclass of numpy and Arrow arrays, held for all tasks.

    Args:
        spark: the session.
        folder: one that the driver and every task see, or None: then by broadcast, a copy for each Python worker.
        content: the dataclass; a field may be another one, or None where None is its default.
    """
    if folder is None:
        return cast("SharedArrays[Content]", spark.sparkContext.broadcast(content))
    return _in_files(folder, content)


def _in_files(folder: Path, content: Content) -> MappedArrays[Content]:
    arrays = {field.name: getattr(content, field.name) for field in fields(cast("Any", content))}
    return MappedArrays(
        type(content),
        {
            name: _in_files(folder, array) if is_dataclass(array) else stored(folder, array)
            for name, array in arrays.items()
            if array is not None
        },
    )


def unshare(held: SharedArrays[Any]) -> None:
    """Give back the executors' copies; files go with their folder."""
    if not isinstance(held, MappedArrays):
        cast("Any", held).unpersist()


def stored(folder: Path, array: "np.ndarray[Any, Any] | pa.Array") -> Path:
    """The array in a new file."""
    path = folder / uuid4().hex
    if not isinstance(array, pa.Array):
        with path.open("wb") as file:
            np.save(file, np.ascontiguousarray(array))
        return path
    batch = pa.RecordBatch.from_arrays([array], names=[_COLUMN])
    path = path.with_suffix(".arrow")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as stream:
        stream.write_batch(batch)
    return path


def _mapped(path: Path) -> "np.ndarray[Any, Any] | pa.Array":
    if path.suffix != ".arrow":
        mapped: np.ndarray[Any, Any] = np.load(path, mmap_mode="r")
        return mapped
    # The array keeps the map open.
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)[_COLUMN]
