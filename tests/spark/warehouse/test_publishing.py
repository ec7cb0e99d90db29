"""A committed day is read again by another reader before it is announced, and only what it finds right is `latest`."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.columns import RUN_DATE
from shortlist.config.arguments import job_parser, parse_job
from shortlist.errors import PublicationError
from shortlist.store.digests import Digest
from shortlist.store.fences import run_partition
from shortlist.store.manifests import new_manifest
from shortlist.tables import candidates_table
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.digests import count_lists, digest_frame
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.publishing import hold, last_published, publication_of, publish, verify
from shortlist.warehouse.run import Run
from tests.spark.checks.rows import DAY, LATER, Row, candidate_lists, candidates, frame_of

TABLE = candidates_table("homefeed")


@pytest.fixture
def committed(spark: SparkSession, tmp_path: Path) -> tuple[str, int, Digest]:
    """Path, version and digest of a day that was committed as it should be."""
    warehouse = Warehouse(spark, str(tmp_path))
    frame = frame_of(spark, TABLE, candidates())
    done = warehouse.replace(frame, TABLE, run_partition(DAY), equals(**{RUN_DATE: DAY}), 1, {})
    return warehouse.path(TABLE), done.version, digest_frame(frame)


def test_what_was_committed_is_what_is_read(committed: tuple[str, int, Digest]) -> None:
    path, version, digest = committed
    verify(path, TABLE, version, DAY, digest, subjects=2)
    assert digest.rows == len(candidates())


def test_one_pass_counts_lists_and_digests_rows(spark: SparkSession) -> None:
    frame = frame_of(spark, TABLE, candidate_lists({"u1": ["a", "b"], "u2": ["c"], "u3": ["a"]}))
    assert count_lists(frame.repartition(3)) == (digest_frame(frame), 3)
    assert count_lists(frame.limit(0)) == (Digest(0, 0), 0)


@pytest.mark.parametrize(
    ("expected", "subjects", "text"),
    [
        (lambda digest: replace(digest, rows=7), 2, "rows 6 instead of 7"),
        (lambda digest: replace(digest, total=digest.total ^ 1), 2, "digest"),
        (lambda digest: digest, 3, "subjects 2 instead of 3"),
    ],
)
def test_every_difference_is_named(
    committed: tuple[str, int, Digest], expected: Callable[[Digest], Digest], subjects: int, text: str
) -> None:
    path, version, digest = committed
    with pytest.raises(PublicationError, match=text):
        verify(path, TABLE, version, DAY, expected(digest), subjects)


@pytest.mark.parametrize("harm", ["truncated", "missing", "flipped"])
def test_a_broken_file_is_a_publication_that_is_not_verified(committed: tuple[str, int, Digest], harm: str) -> None:
    path, version, digest = committed
    broken = max(Path(path).glob("run_date=*/*.parquet"), key=lambda file: file.stat().st_size)
    content = broken.read_bytes()
    if harm == "missing":
        broken.unlink()
    elif harm == "truncated":
        broken.write_bytes(content[: len(content) // 2])
    else:
        # The first page's values lie behind the magic number and a header of some 20 to 30 bytes.
        broken.write_bytes(content[:4] + bytes(byte ^ 0xFF for byte in content[4:200]) + content[200:])
    with pytest.raises(PublicationError, match="candidates_homefeed version"):
        verify(path, TABLE, version, DAY, digest, subjects=2)


def run_of(spark: SparkSession, home: Path, day: date, *more: str) -> Run:
    arguments = parse_job(job_parser("publish_candidates", None), ["--run-date", day.isoformat(), *more])
    return Run(arguments, spark, Warehouse(spark, str(home / "warehouse")), new_manifest(arguments))


def on(day: date, rows: list[Row]) -> list[Row]:
    return [{**row, "run_date": day} for row in rows]


def test_latest_is_the_newest_day_that_was_published(spark: SparkSession, home: Path) -> None:
    assert last_published(run_of(spark, home, DAY), "homefeed") is None
    publish(run_of(spark, home, DAY), "homefeed", frame_of(spark, TABLE, candidates()).persist())
    hold(run_of(spark, home, LATER), "homefeed", 0, 2, ["a rule"])
    served = last_published(run_of(spark, home, LATER), "homefeed")
    assert served is not None
    assert (served.run_date, served.rows, served.subjects) == (DAY, 6, 2)
    assert publication_of(run_of(spark, home, LATER), "homefeed", LATER) is None
    later = on(LATER, candidate_lists({"u1": ["a"]}))
    publish(run_of(spark, home, LATER), "homefeed", frame_of(spark, TABLE, later).persist())
    again = last_published(run_of(spark, home, LATER), "homefeed")
    assert again is not None
    assert (again.run_date, again.rows) == (LATER, 1)
    before = last_published(run_of(spark, home, LATER), "homefeed", before=LATER)
    assert before is not None
    assert before.run_date == DAY


def test_a_publication_that_comes_again_after_another_days_is_announced_once(spark: SparkSession, home: Path) -> None:
    first, day = run_of(spark, home, DAY, "--attempt=1"), frame_of(spark, TABLE, candidates()).persist()
    publish(first, "homefeed", day)
    publish(run_of(spark, home, LATER), "homefeed", frame_of(spark, TABLE, on(LATER, candidates())).persist())
    # As after a kill between the announcement and its answer.
    publish(first, "homefeed", day)
    announced = pl.read_delta(str(home / "warehouse" / "publications"))
    assert sorted(announced["run_date"]) == [DAY, LATER]


def test_a_back_fill_does_not_become_latest(spark: SparkSession, home: Path) -> None:
    publish(run_of(spark, home, LATER), "homefeed", frame_of(spark, TABLE, on(LATER, candidates())).persist())
    publish(run_of(spark, home, DAY), "homefeed", frame_of(spark, TABLE, candidates()).persist())
    served = last_published(run_of(spark, home, LATER), "homefeed")
    assert served is not None
    assert served.run_date == LATER
