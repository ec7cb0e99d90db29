"""A folder for what tasks hand to each other through files."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import SparkSession


@contextmanager
def scratch_folder(spark: SparkSession, named: str | None) -> Iterator[Path | None]:
    """A new folder that the driver and every task see, removed at the end; None where there is none.

    Args:
        spark: the session; with a local master all of its tasks are on this machine.
        named: the folder that settings name as seen by all; None: Spark's own disk, where that will do.
    """
    parent = named
    if parent is not None:
        Path(parent).mkdir(parents=True, exist_ok=True)
    elif not (spark.sparkContext.master or "").startswith("local"):
        yield None
        return
    else:
        # With local masters, local-cluster among them, all executors are on this machine.
        parent = spark.sparkContext.getConf().get("spark.local.dir", "").split(",")[0] or None
    root = Path(tempfile.mkdtemp(prefix="shortlist-", dir=parent))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def save_whole(path: Path, array: NDArray[Any]) -> None:
    """A .npy file that appears whole or not at all: a retried or late task writes the same bytes again."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}")
    with temporary.open("wb") as file:
        np.save(file, np.ascontiguousarray(array))
    temporary.replace(path)
