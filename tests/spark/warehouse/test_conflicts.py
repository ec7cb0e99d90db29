"""Another writer commits while a replacement is under way: on an object store no lock keeps it away, here it takes none."""

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.errors import ConflictError, FencedError
from shortlist.store.conflicts import MAX_CONFLICTS
from shortlist.store.fences import fence_name, run_partition
from shortlist.tables import USER_FACTORS
from shortlist.warehouse.delta import Replacement, Warehouse
from shortlist.warehouse.predicates import equals

DAY = date(2017, 11, 30)
PARTITION = run_partition(DAY)


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path) -> Warehouse:
    """A day is there, by attempt 1."""
    made = Warehouse(spark, str(tmp_path / "tables"))
    replace(made, rows(spark, "before"), 1)
    return made


def rows(spark: SparkSession, name: str) -> DataFrame:
    frame = spark.createDataFrame([(name, [1.0, 2.0])], "id string, factors array<float>").coalesce(1)
    return frame.withColumn("run_date", F.lit(DAY))


def replace(warehouse: Warehouse, frame: DataFrame, attempt: int) -> Replacement:
    return warehouse.replace(frame, USER_FACTORS, PARTITION, equals(run_date=DAY), attempt, {"run_id": str(attempt)})


def described_meanwhile(frame: DataFrame, path: str, times: int, asked: Path) -> DataFrame:
    """A frame during whose writing another writer changes the table's metadata, the first so many times that it is written."""

    def change(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with asked.open("a") as log:
            log.write(".")
        if len(asked.read_text()) <= times:
            DeltaTable(path).alter.set_table_description(asked.read_text())
        yield from batches

    return frame.mapInArrow(change, frame.schema)


def taken_meanwhile(frame: DataFrame, path: str, attempt: int) -> DataFrame:
    """A frame during whose writing a newer attempt commits the same day."""

    def commit(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = pa.schema(DeltaTable(path).schema().to_arrow())
        newer = pa.Table.from_pylist([{"id": "newer", "factors": [3.0], "run_date": DAY}], schema)
        fence = Transaction(fence_name(USER_FACTORS.name, PARTITION), attempt)
        properties = CommitProperties(app_transactions=[fence])
        predicate = f"run_date = DATE '{DAY}'"
        write_deltalake(path, newer, mode="overwrite", predicate=predicate, commit_properties=properties)
        yield from batches

    return frame.mapInArrow(commit, frame.schema)


def ids(warehouse: Warehouse) -> list[str]:
    return sorted(pl.read_delta(warehouse.path(USER_FACTORS))["id"])


@pytest.mark.parametrize("times", [1, MAX_CONFLICTS - 1])
def test_a_replacement_gives_way_and_tries_again(warehouse: Warehouse, tmp_path: Path, times: int) -> None:
    asked = tmp_path / "asked"
    frame = described_meanwhile(rows(warehouse.spark, "ours"), warehouse.path(USER_FACTORS), times, asked)
    done = replace(warehouse, frame, 2)
    assert len(asked.read_text()) == times + 1
    assert done == Replacement(warehouse.version(USER_FACTORS), repeated=False)
    assert ids(warehouse) == ["ours"]


def test_a_replacement_that_always_comes_second_is_a_clear_error(warehouse: Warehouse, tmp_path: Path) -> None:
    frame = rows(warehouse.spark, "ours")
    asked = tmp_path / "asked"
    endless = described_meanwhile(frame, warehouse.path(USER_FACTORS), MAX_CONFLICTS + 1, asked)
    with pytest.raises(
        ConflictError, match=r"user_factors: another writer .* 5 times that replace was tried \(MetadataChanged"
    ):
        replace(warehouse, endless, 2)
    assert len(asked.read_text()) == MAX_CONFLICTS
    assert ids(warehouse) == ["before"]


def test_a_newer_attempt_that_commits_meanwhile_fences_an_older_one_off(warehouse: Warehouse) -> None:
    frame = taken_meanwhile(rows(warehouse.spark, "ours"), warehouse.path(USER_FACTORS), 9)
    with pytest.raises(FencedError, match="attempt 2 is fenced off by attempt 9"):
        replace(warehouse, frame, 2)
    assert ids(warehouse) == ["newer"]
