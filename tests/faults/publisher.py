"""A publisher in a process group of its own, which can be killed at a named step of its publication.

    python -m tests.faults.publisher HOME DAY ATTEMPT VARIANT [STEP]

Publishes the lists of `day_of(VARIANT)` for the surface homefeed, or dies at STEP with everything it started: SIGKILL to
the group, as a lost machine or the kernel's memory killer would.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession

from shortlist.errors import ShortlistError
from shortlist.io import publications
from shortlist.io.arguments import job_parser, parse_job
from shortlist.io.delta import Warehouse
from shortlist.io.ledger import Publication
from shortlist.io.run import Run
from shortlist.io.session import spark_session
from shortlist.tables import candidates_table
from tests.conftest import LOCAL
from tests.spark.checks.rows import Row, candidate_lists, frame_of

SURFACE = "homefeed"
TABLE = candidates_table(SURFACE)


def day_of(variant: str, day: date) -> list[Row]:
    """Forty lists of three; another variant has other items."""
    lists = {f"u{number:02d}": [f"{variant}{number + place}" for place in range(3)] for number in range(40)}
    return [{**row, "run_date": day} for row in candidate_lists(lists)]


def run_for(spark: SparkSession, home: Path, day: date, attempt: int) -> Run:
    """The run of a publication, with all state below `home`."""
    paths = [f"--set=paths.{name}={home / name}" for name in ("warehouse", "manifests", "reports", "landing")]
    arguments = ["--run-date", day.isoformat(), "--attempt", str(attempt), *paths]
    return Run(
        parse_job(job_parser("publish_candidates", None), arguments), spark, Warehouse(spark, str(home / "warehouse"))
    )


def publish(spark: SparkSession, home: Path, day: date, attempt: int, variant: str) -> Publication:
    """One publication, whole."""
    candidates = frame_of(spark, TABLE, day_of(variant, day)).repartition(2, "subject_id").persist()
    try:
        return publications.publish(run_for(spark, home, day, attempt), SURFACE, candidates)
    finally:
        candidates.unpersist()


def die(*_: Any, **__: Any) -> None:
    """This process, its JVM and its workers are gone before the call returns."""
    os.killpg(0, signal.SIGKILL)
    time.sleep(60)


def before(owner: object, name: str) -> None:
    """Die where `name` would be called."""
    setattr(owner, name, die)


def after(owner: object, name: str) -> None:
    """Die where `name` has returned."""
    original: Callable[..., Any] = getattr(owner, name)

    def run(*arguments: Any, **named: Any) -> None:
        original(*arguments, **named)
        die()

    setattr(owner, name, run)


def while_staging(home: Path) -> None:
    """Die when the first data file of the day lies in the table's folder and the second is being written."""
    original = Warehouse.replace

    def stall(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        if context is not None and context.partitionId() == 1:
            time.sleep(60)
        yield from batches

    def run(self: Warehouse, frame: DataFrame, *arguments: Any, **named: Any) -> Any:
        here = set((home / "warehouse").rglob("*.parquet"))

        def watch() -> None:
            while set((home / "warehouse").rglob("*.parquet")) == here:
                time.sleep(0.02)
            die()

        threading.Thread(target=watch, daemon=True).start()
        return original(self, frame.mapInArrow(stall, frame.schema), *arguments, **named)

    setattr(Warehouse, "replace", run)  # noqa: B010  # mypy takes a plain assignment for a mistake


# In the order of a publication. What a kill at a step leaves behind is what the tests of that step start from.
STEPS: dict[str, Callable[[Path], None]] = {
    "before the table is made": lambda _: before(Warehouse, "create"),
    "the table is made": lambda _: after(Warehouse, "create"),
    "the lock is taken": lambda _: before(Warehouse, "last_attempt"),
    "files are staged": while_staging,
    "the commit has landed": lambda _: before(Warehouse, "_landed"),
    "before the commit is verified": lambda _: before(publications, "verify"),
    "the commit is verified": lambda _: after(publications, "verify"),
    "before the day is announced": lambda _: before(Warehouse, "append"),
    "the day is announced": lambda _: after(Warehouse, "append"),
}


def main(home: Path, day: date, attempt: int, variant: str, step: str | None) -> int:
    """Publish or die; a foreseen failure leaves with its exit code, as a job does."""
    with spark_session("publisher", {**LOCAL, "spark.local.dir": str(home / "scratch")}) as spark:
        if step is not None:
            STEPS[step](home)
        try:
            publish(spark, home, day, attempt, variant)
        except ShortlistError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
    return 0


if __name__ == "__main__":
    place, text, number, letter, *rest = sys.argv[1:]
    sys.exit(main(Path(place), date.fromisoformat(text), int(number), letter, rest[0] if rest else None))
