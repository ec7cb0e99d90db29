"""A program, not a test: publications on disks that are full or read-only at a step, in one JVM, in mounts of its own.

    unshare --user --map-root-user --mount python -m tests.faults.storage HOME

The warehouse is a disk of 16 MB, the log of its candidates table another one of 1 MB. Prints, as JSON by fault: code and said
(of the publisher that met it), served and again (the days that readers get after the fault, and after the same attempt was
run again on a disk that is mended), found (what is wrong with what they get), files (data files that belong to no version).
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import SparkSession

from shortlist.store.publications import read_history
from shortlist.store.published_days import findings, read_day
from shortlist.warehouse.delta import Warehouse
from tests.faults.publisher import SURFACE, TABLE, Point, attempt_to, publish, session

FIRST = date(2017, 11, 1)


def main(home: Path) -> None:
    """Every fault, one day each."""
    warehouse, log = home / "warehouse", home / "warehouse" / TABLE.name / "_delta_log"
    mount(warehouse, "16m")
    with session(home) as spark:
        publish(spark, home, FIRST, 1, "a")
        commits = {file.name: file.read_bytes() for file in log.iterdir() if file.is_file()}
        mount(log, "1m")
        for name, content in commits.items():
            (log / name).write_bytes(content)
        faults: dict[str, Callable[[], Any]] = {
            "full while staging": partial(full, warehouse),
            "full while committing": partial(full, log),
            "full while announcing": partial(full_before, "append", warehouse),
            "read-only": partial(read_only, warehouse),
            "read-only log": partial(read_only, log),
        }
        outcomes = {}
        for number, (name, fault) in enumerate(faults.items(), start=1):
            outcomes[name] = met(spark, home, FIRST + timedelta(days=number), fault)
    print(json.dumps(outcomes))


def met(spark: SparkSession, home: Path, day: date, fault: Callable[[], Any]) -> dict[str, Any]:
    """What becomes of a publication that meets a fault, and of the same attempt afterwards."""
    with fault():
        code, said = attempt_to(partial(publish, spark, home, day, 7, "b"))
        served, found = state(home)
        newest = read_day(str(home / "warehouse" / TABLE.name), None, day).digest.rows
    again = publish(spark, home, day, 7, "b")
    last, wrong = state(home)
    assert last == again.run_date.isoformat()
    return {"code": code, "said": said, "served": served, "newest": newest, "again": last, "found": [*found, *wrong]}


def state(home: Path) -> tuple[str, list[str]]:
    """The day that readers get, and what is wrong with it."""
    now = read_history(str(home / "warehouse" / "publications"), SURFACE).current[-1]
    path = str(home / "warehouse" / TABLE.name)
    doubled = [f"{day} stands twice" for day in doubled_partitions(path)]
    return now.run_date.isoformat(), findings(path, now, now.table_version) + doubled


def doubled_partitions(path: str) -> list[str]:
    """Days that more files hold than were written for one."""
    days = [str(Path(file).parent.name) for file in DeltaTable(path).file_uris()]
    return sorted({day for day in days if days.count(day) > 2})


def mount(place: Path, size: str) -> None:
    """An empty disk."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)


@contextmanager
def full(place: Path) -> Iterator[None]:
    """A disk without a free byte."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def full_before(name: str, place: Path) -> Iterator[None]:
    """A disk that is filled up when a publication comes to a step of the warehouse's."""
    original = getattr(Warehouse, name)
    filled = full(place)

    def fill() -> None:
        filled.__enter__()

    Point(Warehouse, name, after=False).hook(fill)
    try:
        yield
    finally:
        filled.__exit__(None, None, None)
        setattr(Warehouse, name, original)


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """A disk that takes nothing."""
    # A second mount over the first: the JVM may keep a failed writer's file open, and a mount with such a file is "busy".
    subprocess.run(["mount", "--rbind", str(place), str(place)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
