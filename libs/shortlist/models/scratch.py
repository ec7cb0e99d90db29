"""A folder for what tasks hand to each other through files."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pyspark.sql import SparkSession


def scratch_folder(spark: SparkSession, named: str | None, prefix: str, stack: ExitStack) -> Path | None:
    """A new folder that the driver and every task see, until the stack closes; None where there is none.

    Args:
        spark: the session; with a local master all of its tasks are on this machine.
        named: the folder that settings name as seen by all; None: Spark's own disk, where that will do.
        prefix: what its name begins with.
        stack: removes it.
    """
    parent = named
    if parent is not None:
        Path(parent).mkdir(parents=True, exist_ok=True)
    elif not (spark.sparkContext.master or "").startswith("local"):
        return None
    else:
        # With local masters, local-cluster among them, all executors are on this machine.
        parent = spark.sparkContext.getConf().get("spark.local.dir", "").split(",")[0] or None
    root = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    stack.callback(shutil.rmtree, root, ignore_errors=True)
    return root
