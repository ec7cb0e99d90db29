"""Upkeep: fewer files, the same rows, and every version that publications names can still be read."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from shortlist.store.digests import DIGESTED, digest_rows
from shortlist.store.scratch import SCRATCH
from shortlist.tables import ENGAGEMENTS, PUBLICATIONS, candidates_table
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.publishing import publish
from tests import tiny
from tests.jobs.conftest import Deployment, deploy
from tests.spark.checks.rows import candidates, frame_of
from tests.spark.warehouse.test_publishing import on, run_of

TABLE = candidates_table("homefeed")
FIRST = tiny.FIRST_DAY
NOW = datetime.now(UTC).date()


def expire_at_once(path: str) -> None:
    """From here on a removed file need not be kept an hour: what stays, stays by the lease."""
    nothing = {"delta.deletedFileRetentionDuration": "interval 0 seconds"}
    deltalake.DeltaTable(path).alter.set_table_properties(nothing)


def on_disk(path: str) -> set[str]:
    return {str(file.relative_to(path)) for file in Path(path).rglob("*.parquet") if "_delta_log" not in str(file)}


def facts(home: Path, day: date) -> dict[str, Any]:
    tables: dict[str, Any] = json.loads((home / "manifests" / f"run_date={day}" / "maintain_tables.json").read_text())[
        "tables"
    ]
    return tables


def digest(path: str, version: int, day: date) -> str:
    rows = pl.read_delta(path, version=version).filter(pl.col("run_date") == day)
    return str(digest_rows(rows.select(DIGESTED).to_arrow()))


@dataclass(frozen=True)
class Published:
    """A surface published three times, days apart in files, then kept."""

    deployment: Deployment
    path: str
    rows: pl.DataFrame
    kept: dict[str, Any]


@pytest.fixture(scope="module")
def published(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    home = tmp_path_factory.mktemp("kept")
    deployment = deploy(home)
    patch = pytest.MonkeyPatch()
    patch.setenv("SHORTLIST_HOME", str(home))
    days = [NOW - timedelta(days=age) for age in (200, 89, 2)]
    for day, twice in zip(days, (False, False, True), strict=True):
        for _ in range(1 + twice):
            frame = frame_of(_spark, TABLE, on(day, candidates())).repartition(4, "rank").persist()
            publish(run_of(_spark, home, day), "homefeed", frame)
    patch.undo()
    path = str(home / "warehouse" / TABLE.name)
    expire_at_once(path)
    rows = deployment.table("publications").sort("published_at")
    # The second day, and the first time of the last one, were published long ago.
    old = pl.int_range(pl.len()).is_in([1, 2])
    long_ago = pl.when(old).then(datetime(2017, 1, 1, tzinfo=UTC)).otherwise("published_at")

    def backdated(table: pa.Table) -> pa.Table:
        frame = pl.DataFrame(table).sort("published_at").with_columns(published_at=long_ago)
        return frame.to_arrow().cast(table.schema)

    Warehouse(_spark, str(home / "warehouse")).overwrite(PUBLICATIONS, backdated)
    deployment.run("maintain_tables", NOW)
    yield Published(deployment, path, rows, facts(home, NOW)[TABLE.name])
    _spark.catalog.clearCache()


def test_files_are_fewer_and_the_manifest_says_so(published: Published) -> None:
    before, after = published.kept["before"], published.kept["after"]
    assert before["files"] == 6  # two a day
    assert after["files"] == 2  # one a day: the third day is beyond the contract's 90
    assert published.kept["dropped"] == [(NOW - timedelta(days=200)).isoformat()]
    assert after["bytes"] == sum(
        (Path(published.path) / name).stat().st_size
        for name in deltalake.DeltaTable(published.path).get_add_actions().column("path").to_pylist()
    )
    assert deltalake.DeltaTable(published.path).protocol().min_reader_version == 1


def test_what_publications_names_can_be_read_and_is_the_same(published: Published) -> None:
    """Of the last 30 days, and the newest of every day that is kept: here all but the first time of the last day."""
    versions = published.rows["table_version"].to_list()
    assert published.kept["leased"] == [versions[0], versions[1], versions[3]]
    for row in published.rows.iter_rows(named=True):
        if row["table_version"] in published.kept["leased"]:
            assert digest(published.path, row["table_version"], row["run_date"]) == row["digest"]
    newest = deltalake.DeltaTable(published.path).version()
    for row in published.rows.rows(named=True)[1:]:
        assert digest(published.path, newest, row["run_date"]) == row["digest"]


def test_what_nobody_names_is_gone(published: Published) -> None:
    assert published.kept["vacuumed"] > 0
    lost = published.rows["table_version"].to_list()[2]
    wanted = set(deltalake.DeltaTable(published.path, version=lost).get_add_actions().column("path").to_pylist())
    assert wanted - on_disk(published.path)


def test_a_second_time_changes_nothing(published: Published) -> None:
    before = on_disk(published.path)
    published.deployment.run("maintain_tables", NOW)
    again = facts(published.deployment.home, NOW)[TABLE.name]
    assert on_disk(published.path) == before
    assert (again["dropped"], again["vacuumed"], again["before"]) == ([], 0, again["after"])


def test_every_table_of_a_warehouse_is_kept(spark: SparkSession, deployment: Deployment) -> None:
    tiny.write_landing(deployment.landing, tiny.days()[:3])
    for day in tiny.days()[:3]:
        deployment.run("extract_engagements", day)
    for part in (1, 2):  # small files of one day, as an appending writer leaves them
        rows = (
            spark.read.format("delta")
            .load(str(deployment.home / "warehouse/engagements"))
            .where(equals(event_date=FIRST))
        )
        rows.limit(part).write.format("delta").mode("append").save(str(deployment.home / "warehouse/engagements"))
    before = deployment.table("engagements").sort("event_id", "user_id")
    expire_at_once(str(deployment.home / "warehouse/engagements"))
    deployment.run("maintain_tables", FIRST + timedelta(days=2))
    kept = facts(deployment.home, FIRST + timedelta(days=2))
    assert set(kept) == {"engagements", "quarantine"}
    assert (kept["engagements"]["before"]["files"], kept["engagements"]["after"]["files"]) == (5, 3)
    assert deployment.table("engagements").sort("event_id", "user_id").equals(before)
    assert len(on_disk(str(deployment.home / "warehouse/engagements"))) == 3
    assert Warehouse(spark, str(deployment.home / "warehouse")).rows(ENGAGEMENTS) == len(before)


def test_what_a_backtest_that_died_left_is_gone(spark: SparkSession, deployment: Deployment) -> None:
    at_work, died = (deployment.home / "warehouse" / SCRATCH / name / "part-0.parquet" for name in ("a.1", "b.1"))
    for file in (at_work, died):
        file.parent.mkdir(parents=True)
        file.touch()
    two_days_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(died, (two_days_ago, two_days_ago))
    deployment.run("maintain_tables", NOW)
    assert (at_work.exists(), died.parent.exists()) == (True, False)
