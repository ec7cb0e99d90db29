"""A publisher in a process group of its own, which can be killed at a named step of its publication.

    python -m tests.faults.publisher publish HOME DAY ATTEMPT VARIANT [STEP]
    python -m tests.faults.publisher serve HOME

`publish` publishes the lists of `day_of(VARIANT)` for the surface homefeed once, or dies at STEP with everything it started:
SIGKILL to the group, as a lost machine or the kernel's memory killer would. `serve` stays, reads one order a line of standard
input, and answers with one line of standard output; the steps that it passes are lines too, so that whoever kills it knows
where it was. Both are JSON: {"day", "attempt", "variant", "step"} in; {"step"}, or {"code", "said"} out.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import DataFrame, SparkSession

from shortlist.config.arguments import job_parser, parse_job
from shortlist.errors import ShortlistError
from shortlist.records.publications import Publication
from shortlist.store.filesystems import files_below
from shortlist.store.manifests import new_manifest
from shortlist.tables import candidates_table
from shortlist.warehouse import publishing as publications
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.run import Run
from shortlist.warehouse.session import spark_session
from tests.faults.places import warehouse
from tests.local import LOCAL
from tests.spark.checks.rows import Row, candidate_lists, frame_of

SURFACE = "homefeed"
TABLE = candidates_table(SURFACE)
SUBJECTS = 40
ROWS = 3 * SUBJECTS


def day_of(variant: str, day: date) -> list[Row]:
    """Forty lists of three; another variant has other items."""
    lists = {f"u{number:02d}": [f"{variant}{number + place}" for place in range(3)] for number in range(SUBJECTS)}
    return [{**row, "run_date": day} for row in candidate_lists(lists)]


def run_for(spark: SparkSession, home: Path, day: date, attempt: int) -> Run:
    """The run of a publication, with all state below `home`."""
    paths = [f"--set=paths.{name}={home / name}" for name in ("manifests", "reports", "landing")]
    paths.append(f"--set=paths.warehouse={warehouse(home)}")
    arguments = ["--run-date", day.isoformat(), "--attempt", str(attempt), *paths]
    parsed = parse_job(job_parser("publish_candidates", None), arguments)
    return Run(parsed, spark, Warehouse(spark, warehouse(home)), new_manifest(parsed))


def publish(spark: SparkSession, home: Path, day: date, attempt: int, variant: str) -> Publication:
    """One publication, whole."""
    candidates = frame_of(spark, TABLE, day_of(variant, day)).repartition(2, "subject_id").persist()
    try:
        return publications.publish(run_for(spark, home, day, attempt), SURFACE, candidates)
    finally:
        candidates.unpersist()


def die(step: str) -> None:
    """This process, its JVM and its workers are gone before the call returns; the last it tells is where."""
    tell(step=step)
    os.killpg(0, signal.SIGKILL)
    time.sleep(60)


def while_staging(home: Path) -> None:
    """Die when the first data file of the day lies in the table's folder and the second is being written."""
    original = Warehouse.replace

    def stall(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        if context is not None and context.partitionId() == 1:
            time.sleep(60)
        yield from batches

    def run(self: Warehouse, frame: DataFrame, *arguments: Any, **named: Any) -> Any:
        here = files_below(warehouse(home)).keys()

        def watch() -> None:
            while not any(name.endswith(".parquet") for name in files_below(warehouse(home)).keys() - here):
                time.sleep(0.02)
            die(STAGED)

        threading.Thread(target=watch, daemon=True).start()
        return original(self, frame.mapInArrow(stall, frame.schema), *arguments, **named)

    setattr(Warehouse, "replace", run)  # noqa: B010  # mypy takes a plain assignment for a mistake


@dataclass(frozen=True)
class Point:
    """A place in the code of a publication: before or after a function is called."""

    owner: object
    name: str
    after: bool

    def hook(self, act: Callable[[], None]) -> None:
        """Have something done there, every time."""
        original: Callable[..., Any] = getattr(self.owner, self.name)

        def run(*arguments: Any, **named: Any) -> Any:
            if not self.after:
                act()
            answer = original(*arguments, **named)
            if self.after:
                act()
            return answer

        setattr(self.owner, self.name, run)


LOCKED, STAGED, ANNOUNCED = "the lock is taken", "files are staged", "the day is announced"
# In the order of a publication. What a kill at a step leaves behind is what the tests of that step start from.
POINTS = {
    "before the table is made": Point(Warehouse, "create", after=False),
    "the table is made": Point(Warehouse, "create", after=True),
    LOCKED: Point(Warehouse, "last_attempt", after=False),
    "the commit has landed": Point(Warehouse, "_landed", after=False),
    "before the commit is verified": Point(publications, "verify", after=False),
    "the commit is verified": Point(publications, "verify", after=True),
    "before the day is announced": Point(Warehouse, "append", after=False),
    ANNOUNCED: Point(Warehouse, "append", after=True),
}
STEPS = [*list(POINTS)[:3], STAGED, *list(POINTS)[3:]]


def die_at(step: str, home: Path) -> None:
    """Die at a step of the next publication."""
    if step == STAGED:
        while_staging(home)
    else:
        POINTS[step].hook(partial(die, step))


def tell(**answer: object) -> None:
    """One line of standard output, whole or not at all."""
    os.write(1, f"{json.dumps(answer)}\n".encode())


def attempt_to(act: Callable[[], object]) -> tuple[int, str]:
    """The exit code that a job would leave with, and what it would say."""
    try:
        act()
    except ShortlistError as error:
        return error.exit_code, f"error: {error}"
    return 0, ""


def serve(home: Path) -> None:
    """Publish what is ordered until the orders end."""
    with session(home) as spark:
        for step, point in POINTS.items():
            point.hook(partial(tell, step=step))
        tell(code=0, said="ready")
        for line in sys.stdin:
            order = json.loads(line)
            if order["step"] is not None:
                die_at(order["step"], home)
            day = date.fromisoformat(order["day"])
            code, said = attempt_to(partial(publish, spark, home, day, order["attempt"], order["variant"]))
            tell(code=code, said=said)


def session(home: Path) -> Any:
    """A small session with its scratch below `home`. The short compiler: a JVM that is killed within minutes earns no other."""
    quick = {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
    return spark_session("publisher", {**LOCAL, **quick, "spark.local.dir": str(home / "scratch")})


def main(home: Path, day: date, attempt: int, variant: str, step: str | None) -> int:
    """Publish or die; a foreseen failure leaves with its exit code, as a job does."""
    with session(home) as spark:
        if step is not None:
            die_at(step, home)
        code, said = attempt_to(partial(publish, spark, home, day, attempt, variant))
        print(said, file=sys.stderr)
    return code


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", place]:
            serve(Path(place))
        case ["publish", place, text, number, letter, *rest]:
            sys.exit(main(Path(place), date.fromisoformat(text), int(number), letter, rest[0] if rest else None))
        case _:
            sys.exit(__doc__)
