"""A publisher is killed at every step of a publication: readers never see a part of a day, and a retry ends it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.records.publications import Publication
from shortlist.store.publications import read_history
from shortlist.store.published_days import findings, read_day
from tests.faults.publisher import ANNOUNCED, ROWS, STEPS, SUBJECTS, SURFACE, TABLE, publish

CHECKOUT = Path(__file__).parents[2]
YESTERDAY, TODAY = date(2017, 11, 29), date(2017, 11, 30)


def start(home: Path, day: date, attempt: int, variant: str, step: str | None = None) -> "subprocess.Popen[str]":
    """A publisher in a process group of its own."""
    arguments = [str(home), day.isoformat(), str(attempt), variant, *([step] if step else [])]
    return program("publisher", "publish", *arguments)


def program(name: str, *arguments: str) -> "subprocess.Popen[str]":
    """A program of this folder, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.faults.{name}", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def served(home: Path) -> Publication:
    """The day that readers who follow publications get."""
    return read_history(str(home / "warehouse" / "publications"), SURFACE).current[-1]


def table(home: Path) -> str:
    return str(home / "warehouse" / TABLE.name)


@contextmanager
def reading(home: Path) -> Iterator[None]:
    """Readers in processes of their own, reading all the time: Polars by publications, delta-rs the newest version.

    They find nothing other than whole days, or the test fails.
    """
    stop = home / "stop"
    readers = [program("reader", kind, str(home), str(stop)) for kind in ("polars", "delta-rs")]
    # Both read before anything happens.
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n", reader.stderr and reader.stderr.read()
    try:
        yield
    finally:
        stop.touch()
        printed = [reader.communicate()[0] for reader in readers]
    for text in printed:
        found = json.loads(text)
        assert found["wrong"] == []
        assert found["reads"] > 1


@pytest.fixture
def home(tmp_path: Path, spark: SparkSession) -> Path:
    """Yesterday is published."""
    publish(spark, tmp_path, YESTERDAY, 1, "a")
    return tmp_path


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_shows_no_part_of_a_day_and_a_retry_ends_it(
    spark: SparkSession, home: Path, step: str
) -> None:
    with reading(home):
        killed = start(home, TODAY, 7, "b", step)
        assert killed.wait(timeout=120) == -signal.SIGKILL, killed.stderr and killed.stderr.read()
        now = served(home)
        assert now.run_date == (TODAY if step == ANNOUNCED else YESTERDAY)
        assert findings(table(home), now, now.table_version) == []
        # Readers of the newest version, announced or not, find yesterday whole and today whole or not at all.
        assert read_day(table(home), None, YESTERDAY).digest.rows == ROWS
        assert read_day(table(home), None, TODAY).digest.rows in (0, ROWS)

        again = publish(spark, home, TODAY, 7, "b")
        assert served(home) == again
        assert (again.rows, again.subjects) == (ROWS, SUBJECTS)
        assert read_day(table(home), None, TODAY).digest.rows == ROWS
    # Announced once, committed once.
    announced = pl.read_delta(str(home / "warehouse" / "publications"))
    assert announced["run_date"].sort().to_list() == [YESTERDAY, TODAY]
    assert again.table_version == served(home).table_version


def test_a_killed_attempt_does_not_stand_in_the_way_of_the_next(spark: SparkSession, home: Path) -> None:
    killed = start(home, TODAY, 7, "b", "the commit has landed")
    assert killed.wait(timeout=120) == -signal.SIGKILL
    other = publish(spark, home, TODAY, 8, "c")
    assert served(home) == other
    assert read_day(table(home), None, TODAY).digest == read_day(table(home), other.table_version, TODAY).digest


def test_two_publishers_of_one_day_leave_the_higher_attempt_whole(home: Path) -> None:
    with reading(home):
        both = [start(home, TODAY, 7, "b"), start(home, TODAY, 8, "c")]
        codes = [publisher.wait(timeout=180) for publisher in both]
    assert codes[1] == 0
    assert codes[0] in (0, 4)  # it came first and was replaced, or it was fenced off
    now = served(home)
    assert findings(table(home), now, now.table_version) == []
    assert "c" in {item[0] for item in items_of(home, TODAY)}
    assert len(items_of(home, TODAY)) == ROWS


def test_two_publishers_of_two_days_both_land(home: Path) -> None:
    both = [start(home, TODAY, 7, "b"), start(home, date(2017, 12, 1), 7, "c")]
    assert [publisher.wait(timeout=180) for publisher in both] == [0, 0]
    days = read_history(str(home / "warehouse" / "publications"), SURFACE).current
    assert [day.run_date for day in days] == [YESTERDAY, TODAY, date(2017, 12, 1)]
    assert [findings(table(home), day, day.table_version) for day in days] == [[], [], []]


def items_of(home: Path, day: date) -> list[str]:
    """The items of a day at the newest version."""
    return pl.read_delta(table(home)).filter(pl.col("run_date") == day)["item_id"].to_list()
