"""What a run reads of a run date: rows, none where the job before made none, and an error where it did not run."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.errors import InputMissingError
from shortlist.tables import SHORT_LISTS
from tests.spark.warehouse.test_publishing import run_of

DAY, EARLIER = date(2017, 11, 30), date(2017, 11, 29)


def short_lists(spark: SparkSession, *surfaces: str) -> DataFrame:
    rows = [(surface, "u1", 1, 1, '{"seen": 2}') for surface in surfaces]
    return spark.createDataFrame(
        rows, "surface string, subject_id string, length int, eligible_left int, removed string"
    )


def test_a_part_that_a_commit_of_the_whole_day_left_empty_has_no_rows(spark: SparkSession, tmp_path: Path) -> None:
    run_of(spark, tmp_path, DAY).replace(short_lists(spark, "homefeed"), SHORT_LISTS)
    run = run_of(spark, tmp_path, DAY)
    assert run.read(SHORT_LISTS, surface="homefeed").count() == 1
    assert run.read(SHORT_LISTS, surface="related").count() == 0


def test_the_newest_commit_of_a_part_or_of_the_whole_day_decides(spark: SparkSession, tmp_path: Path) -> None:
    run_of(spark, tmp_path, DAY).replace(short_lists(spark, "homefeed", "related"), SHORT_LISTS)
    run_of(spark, tmp_path, DAY).replace(short_lists(spark), SHORT_LISTS, surface="related")
    run = run_of(spark, tmp_path, DAY)
    assert run.read(SHORT_LISTS, surface="related").count() == 0
    assert run.read(SHORT_LISTS, surface="homefeed").count() == 1


def test_rows_that_went_after_their_commit_are_missing(spark: SparkSession, tmp_path: Path) -> None:
    first = run_of(spark, tmp_path, DAY)
    first.replace(short_lists(spark, "homefeed", "related"), SHORT_LISTS)
    first.warehouse.delete(SHORT_LISTS, F.col("surface") == "related")
    with pytest.raises(InputMissingError, match=r"run jobs/generate_candidates\.py"):
        run_of(spark, tmp_path, DAY).read(SHORT_LISTS, surface="related")


def test_a_day_that_nobody_wrote_is_missing(spark: SparkSession, tmp_path: Path) -> None:
    run_of(spark, tmp_path, EARLIER).replace(short_lists(spark, "homefeed"), SHORT_LISTS)
    with pytest.raises(InputMissingError, match=r"run jobs/generate_candidates\.py"):
        run_of(spark, tmp_path, DAY).read(SHORT_LISTS, surface="homefeed")


def test_the_manifest_knows_rows_and_bytes_of_each_commit(spark: SparkSession, tmp_path: Path) -> None:
    run_of(spark, tmp_path, EARLIER).replace(short_lists(spark, "homefeed"), SHORT_LISTS)
    run = run_of(spark, tmp_path, DAY)
    run.replace(short_lists(spark, "homefeed", "related"), SHORT_LISTS)
    folder = Path(run.warehouse.path(SHORT_LISTS)) / f"run_date={DAY}"
    added = run.manifest.added()["short_lists"]
    assert (added.rows, added.bytes) == (2, sum(file.stat().st_size for file in folder.rglob("*.parquet")))
