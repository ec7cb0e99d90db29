"""A rollback by delta-rs, and what Spark's publishers make of it."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.config.arguments import job_parser, parse_job
from shortlist.errors import FencedError
from shortlist.store.manifests import new_manifest
from shortlist.store.rollback import roll_back
from shortlist.tables import candidates_table
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.publishing import last_published, publication_of, publish
from shortlist.warehouse.run import Run
from tests.spark.checks.rows import DAY, LATER, Row, candidates, frame_of

TABLE = candidates_table("homefeed")


def run_of(spark: SparkSession, home: Path, day: date, attempt: int | None) -> Run:
    argv = ["--run-date", day.isoformat(), *(["--attempt", str(attempt)] if attempt is not None else [])]
    arguments = parse_job(job_parser("publish_candidates", None), argv)
    return Run(arguments, spark, Warehouse(spark, str(home / "warehouse")), new_manifest(arguments))


def on(day: date, rows: list[Row]) -> list[Row]:
    return [{**row, "run_date": day} for row in rows]


def put(spark: SparkSession, home: Path, day: date, attempt: int | None) -> None:
    publish(run_of(spark, home, day, attempt), "homefeed", frame_of(spark, TABLE, on(day, candidates())).persist())


def served(spark: SparkSession, home: Path) -> date | None:
    latest = last_published(run_of(spark, home, LATER, None), "homefeed")
    return None if latest is None else latest.run_date


def test_spark_follows_a_rollback_and_a_zombie_of_the_withdrawn_day_is_fenced_off(
    spark: SparkSession, home: Path
) -> None:
    put(spark, home, DAY, 100)
    put(spark, home, LATER, 200)
    assert served(spark, home) == LATER
    done = roll_back(str(home / "warehouse"), "homefeed", None, 300, "broken model")
    assert (done.served.run_date, done.withdrawn) == (DAY, (LATER,))

    assert served(spark, home) == DAY
    assert publication_of(run_of(spark, home, LATER, None), "homefeed", LATER) is None
    path = str(home / "warehouse" / TABLE.name)
    assert [row.run_date for row in spark.read.format("delta").load(path).select("run_date").distinct().collect()] == [
        DAY
    ]

    with pytest.raises(FencedError, match="attempt 250 is fenced off by attempt 300"):
        put(spark, home, LATER, 250)  # started before the rollback, comes to its commit after it
    with pytest.raises(FencedError, match="attempt 200 is fenced off by attempt 300"):
        put(
            spark, home, LATER, 200
        )  # the attempt that published the day, tried again: its commit is not wanted any more
    assert served(spark, home) == DAY
    assert set(pl.read_delta(path)["run_date"]) == {DAY}

    put(spark, home, LATER, 301)
    assert served(spark, home) == LATER
    put(spark, home, LATER, None)
    assert served(spark, home) == LATER
