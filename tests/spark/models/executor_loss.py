"""A program, not a test: fits on a cluster of real executors twice, and kills one of them in the middle of the second fit.

usage: executor_loss.py FOLDER. Prints, as JSON by placement, who was killed and whether the factors are the same bytes.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from shortlist.config import AlsConfig
from shortlist.models.als.fit import fit
from shortlist.warehouse.session import spark_session
from tests.local import INTERPRETED


class Killer(logging.Handler):
    """Kills a process when an epoch has been reported, a moment into the next one.

    Attributes:
        victim: the process.
        when: the words of the report.
    """

    def __init__(self, victim: int, when: str) -> None:
        super().__init__()
        self.victim, self.when = victim, when

    def emit(self, record: logging.LogRecord) -> None:
        """Wait for the report."""
        if self.when in record.getMessage():
            threading.Timer(0.1, os.kill, (self.victim, signal.SIGKILL)).start()


def main(folder: str) -> None:
    """Both placements in one session."""
    log = logging.getLogger("shortlist.als")
    log.setLevel(logging.INFO)
    settings = {
        "spark.master": "local-cluster[2,1,1024]",
        "spark.ui.enabled": "false",
        "spark.executor.memory": "1g",
        "spark.sql.shuffle.partitions": "3",
        "spark.sql.adaptive.enabled": "false",
        "spark.local.dir": folder,
        # Three JVMs for a few thousand rows: most of their work would be to compile.
        "spark.executor.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        **INTERPRETED,
    }
    said: dict[str, dict[str, object]] = {}
    with spark_session("executor loss", settings) as spark:
        spark.sparkContext.setLogLevel("OFF")
        for placement in ("shared", "shuffled"):
            frame = interactions(spark)
            config = AlsConfig.model_validate(
                {"engine": "spark", "placement": placement, "factors": 8, "epochs": 3, "regularization": 0.02}
                | {"block_rows": 1000, "scratch": str(Path(folder) / "scratch")}
            )
            undisturbed = factors(frame, config)
            alive = executors(spark)
            killer = Killer(min(alive), "epoch 2 of 3")
            log.addHandler(killer)
            disturbed = factors(frame, config)
            log.removeHandler(killer)
            same = undisturbed.keys() == disturbed.keys() and all(
                np.array_equal(undisturbed[name], disturbed[name]) for name in undisturbed
            )
            said[placement] = {
                "executors": len(alive),
                "victim_is_gone": killer.victim not in executors(spark),
                "vectors": len(undisturbed),
                "same_bytes": same,
            }
    print(json.dumps(said))


def interactions(spark: SparkSession) -> DataFrame:
    random = np.random.default_rng(3)
    pairs = np.unique(np.stack([random.integers(0, 400, 6000), (random.random(6000) ** 2 * 150).astype(int)]), axis=1)
    rows = [(f"u{u}", f"i{i}", 1.0) for u, i in pairs.T.tolist()]
    return spark.createDataFrame(rows, "user_id string, item_id string, weight float").repartition(4)


def factors(frame: DataFrame, config: AlsConfig) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]]:
    with fit(frame, config) as model:
        rows = [*model.user_factors.collect(), *model.item_factors.collect()]
    return {row["id"]: np.array(row["factors"], np.float32) for row in rows}


def executors(spark: SparkSession) -> set[int]:
    """Process ids of the executors that run tasks: a Python worker's parent is its daemon, whose parent is the executor."""

    def parent(process: int) -> int:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])

    def ask(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield pa.RecordBatch.from_pydict({"process": pa.array([parent(os.getppid())], pa.int64())})

    asked = spark.range(0, 16, 1, 16).mapInArrow(ask, "process long")
    return {row.process for row in asked.collect()}


if __name__ == "__main__":
    main(sys.argv[1])
