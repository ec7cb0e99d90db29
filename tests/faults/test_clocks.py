"""The clock jumps to 2100: to it every file and every removal is an age old. What publications names stays readable."""

import os
import re
from datetime import date, timedelta
from pathlib import Path

import deltalake
import polars as pl
from pyspark.sql import SparkSession

from shortlist.config import MaintenanceConfig
from shortlist.records.publications import Publication
from shortlist.steps.maintain import maintain_table
from shortlist.store.published_days import findings
from shortlist.warehouse.delta import Warehouse
from tests.faults.publisher import TABLE, publish

FIRST = date(2017, 11, 1)


def age(table: Path) -> None:
    """Every time that the table's log and file system know is that of a clock 80 years ago."""
    for file in [each for each in table.rglob("*") if each.is_file()]:
        if file.name.endswith(".crc"):
            file.unlink()  # of bytes that are changed here
            continue
        if file.suffix == ".json":
            file.write_text(
                re.sub(r'"(deletionTimestamp|modificationTime|timestamp)":\d+', r'"\1":86400000', file.read_text())
            )
        os.utime(file, (86400, 86400))


def announced(root: Path) -> list[Publication]:
    rows = pl.read_delta(str(root / "publications")).sort("table_version")
    return [Publication(**row) for row in rows.iter_rows(named=True)]


def test_what_publications_names_outlives_a_clock_that_jumps_to_2100(spark: SparkSession, tmp_path: Path) -> None:
    root, path = tmp_path / "warehouse", tmp_path / "warehouse" / TABLE.name
    for attempt, variant in ((1, "a"), (2, "b"), (3, "c")):
        publish(spark, tmp_path, FIRST, attempt, variant)
    # Spark writes a checkpoint, and clears away what it takes for old, after every second commit instead of every tenth.
    deltalake.DeltaTable(str(path)).alter.set_table_properties({"delta.checkpointInterval": "2"})
    age(path)
    for number in range(1, 4):
        publish(spark, tmp_path, FIRST + timedelta(days=number), 1, "d")
    assert list((path / "_delta_log").glob("*.checkpoint.parquet"))
    done = maintain_table(Warehouse(spark, str(root)), TABLE, FIRST + timedelta(days=3), MaintenanceConfig())
    days = announced(root)
    assert [day.table_version for day in days] == [1, 2, 3, 5, 6, 7]
    assert list(done.leased) == [1, 2, 3, 5, 6, 7]
    assert {day.run_date: findings(str(path), day, day.table_version) for day in days} == {
        day.run_date: [] for day in days
    }
