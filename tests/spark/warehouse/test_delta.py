"""Replacing a partition: atomic, fenced, from the contract, readable by every reader."""

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import deltalake
import polars as pl
import pytest
from pyspark.sql import DataFrame, DataFrameReader, DataFrameWriter, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from shortlist.errors import ContractError, FencedError, StorageError
from shortlist.store.fences import run_partition
from shortlist.tables import CANDIDATES, ENGAGEMENTS, PUBLICATIONS, QUARANTINE, USER_FACTORS
from shortlist.warehouse.delta import Replacement, Warehouse
from shortlist.warehouse.predicates import between, equals, one_of

DAY, NEXT = date(2017, 11, 30), date(2017, 12, 1)


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path) -> Warehouse:
    return Warehouse(spark, str(tmp_path))


def factors(spark: SparkSession, day: date, *ids: str) -> DataFrame:
    frame = spark.createDataFrame([(name, [1.0, 2.0]) for name in ids], "id string, factors array<float>")
    return frame.withColumn("run_date", F.lit(day))


def committed(warehouse: Warehouse, day: date, attempt: int, *ids: str, run: str = "r") -> Replacement:
    frame = factors(warehouse.spark, day, *ids)
    where = equals(run_date=day)
    return warehouse.replace(frame, USER_FACTORS, run_partition(day), where, attempt, {"run_id": run})


def replace(warehouse: Warehouse, day: date, attempt: int, *ids: str, run: str = "r") -> int:
    return committed(warehouse, day, attempt, *ids, run=run).version


def ids(warehouse: Warehouse) -> set[tuple[str, date]]:
    table = pl.read_delta(warehouse.path(USER_FACTORS))
    return {(row["id"], row["run_date"]) for row in table.iter_rows(named=True)}


def test_a_partition_is_replaced_and_others_stay(warehouse: Warehouse) -> None:
    replace(warehouse, DAY, 1, "a", "b")
    replace(warehouse, NEXT, 1, "c")
    replace(warehouse, DAY, 2, "d")
    assert ids(warehouse) == {("d", DAY), ("c", NEXT)}


def test_a_table_that_lives_elsewhere_is_read_there_and_never_written(warehouse: Warehouse, tmp_path: Path) -> None:
    replace(warehouse, DAY, 1, "a")
    scratch = Warehouse(warehouse.spark, str(tmp_path / ".scratch"), {USER_FACTORS.name: warehouse.root})
    assert [row["id"] for row in scratch.read(USER_FACTORS).collect()] == ["a"]
    assert scratch.has_rows(USER_FACTORS, where=equals(run_date=DAY))
    assert not scratch.exists(QUARANTINE)
    refused = f"user_factors is only read here, from {warehouse.root}; next: write it"
    with pytest.raises(ValueError, match=refused):
        replace(scratch, DAY, 2, "b")
    with pytest.raises(ValueError, match=refused):
        scratch.delete(USER_FACTORS, F.lit(True))
    assert ids(warehouse) == {("a", DAY)}
    assert not (tmp_path / ".scratch").exists()


def test_a_table_gets_the_column_that_its_contract_gained(warehouse: Warehouse) -> None:
    older = dataclasses.replace(QUARANTINE, schema=StructType([f for f in QUARANTINE.schema if f.name != "header"]))
    columns = "raw string, raw_bytes binary, header string, file string, offset bigint, reasons array<string>"
    for day, table in ((DAY, older), (NEXT, QUARANTINE)):
        row = warehouse.spark.createDataFrame([(f"{day}", None, "h", "f", 0, ["r"])], columns)
        rows = row.withColumn("ingest_date", F.lit(day)).select(*table.columns)
        warehouse.replace(rows, table, f"{day}", equals(ingest_date=day), 1, {})
    found = warehouse.read(QUARANTINE).select("raw", "header").collect()
    assert {tuple(row) for row in found} == {(f"{DAY}", None), (f"{NEXT}", "h")}


def test_an_older_attempt_is_refused_and_changes_nothing(warehouse: Warehouse) -> None:
    replace(warehouse, DAY, 5, "new")
    with pytest.raises(FencedError, match="attempt 4 is fenced off by attempt 5"):
        replace(warehouse, DAY, 4, "zombie")
    assert ids(warehouse) == {("new", DAY)}


def test_an_earlier_day_is_not_fenced_by_a_later_one(warehouse: Warehouse) -> None:
    replace(warehouse, NEXT, 9, "later")
    replace(warehouse, DAY, 1, "back-fill")
    assert ids(warehouse) == {("later", NEXT), ("back-fill", DAY)}


def test_the_same_attempt_again_is_the_same_commit(warehouse: Warehouse) -> None:
    first = committed(warehouse, DAY, 5, "a")
    assert not first.repeated
    assert committed(warehouse, DAY, 5, "a") == Replacement(first.version, repeated=True)
    with pytest.raises(FencedError):  # same number, another run: two attempts were given one number
        replace(warehouse, DAY, 5, "a", run="another")


def test_an_attempt_that_landed_is_fenced_off_once_a_newer_one_has(warehouse: Warehouse) -> None:
    replace(warehouse, DAY, 5, "a")
    replace(warehouse, DAY, 6, "b")
    with pytest.raises(FencedError, match="attempt 5 is fenced off by attempt 6"):
        replace(warehouse, DAY, 5, "a")
    assert ids(warehouse) == {("b", DAY)}


def test_a_commit_says_no_secret(warehouse: Warehouse) -> None:
    frame = factors(warehouse.spark, DAY, "a")
    facts = {"why": "s3a://me:canary@bucket", "conf": {"fs.s3a.access.key": "canary"}}
    warehouse.replace(frame, USER_FACTORS, run_partition(DAY), equals(run_date=DAY), 1, facts)
    log = Path(warehouse.path(USER_FACTORS)) / "_delta_log"
    text = "".join(file.read_text() for file in log.glob("*.json"))
    assert "canary" not in text
    assert "***" in text


def test_a_frame_that_is_not_the_contract_is_refused_with_all_differences(warehouse: Warehouse) -> None:
    frame = factors(warehouse.spark, DAY, "a").withColumnRenamed("id", "user").withColumn("factors", F.lit(1))
    with pytest.raises(ContractError) as error:
        warehouse.replace(frame, USER_FACTORS, "p", equals(run_date=DAY), 1, {})
    for part in ("missing: id", "unexpected: user", "of another type: factors (int, not array<float>)"):
        assert part in str(error.value)
    assert not warehouse.exists(USER_FACTORS)


def test_rows_outside_the_partition_are_refused_by_delta(warehouse: Warehouse) -> None:
    frame = factors(warehouse.spark, NEXT, "a")
    with pytest.raises(Exception, match="DELTA_REPLACE_WHERE_MISMATCH"):
        warehouse.replace(frame, USER_FACTORS, "p", equals(run_date=DAY), 1, {})


def test_a_table_is_what_its_contract_says(warehouse: Warehouse) -> None:
    warehouse.create(CANDIDATES)
    detail = warehouse.spark.sql(f"DESCRIBE DETAIL delta.`{warehouse.path(CANDIDATES)}`").first()
    assert detail is not None
    assert (detail["minReaderVersion"], detail["minWriterVersion"]) == (1, 2)
    assert detail["partitionColumns"] == ["run_date"]
    assert detail["description"] == CANDIDATES.description
    assert detail["properties"]["delta.enableDeletionVectors"] == "false"
    fields = {field.name: field for field in warehouse.read(CANDIDATES).schema}
    assert {name: field.metadata["comment"] for name, field in fields.items()} == {
        field.name: field.metadata["comment"] for field in CANDIDATES.schema
    }
    nullable = {field["name"]: field["nullable"] for field in json.loads(_schema_string(warehouse))["fields"]}
    assert not nullable["subject_id"]
    assert nullable["expires_at"]


def _schema_string(warehouse: Warehouse) -> str:
    log = Path(warehouse.path(CANDIDATES)) / "_delta_log" / "00000000000000000000.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    return str(next(action["metaData"]["schemaString"] for action in actions if "metaData" in action))


@pytest.mark.parametrize("few", [0, 1000], ids=["Spark looks for files", "delta-rs names them"])
def test_a_version_and_a_predicate_choose_the_rows(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("shortlist.warehouse.delta.MAX_LISTED_FILES", few)
    first = replace(warehouse, DAY, 1, "a", "b")
    replace(warehouse, NEXT, 1, "c")
    replace(warehouse, DAY, 2, "d")

    def read(version: int | None, where: str | None) -> list[tuple[str, list[float], date]]:
        rows = warehouse.read(USER_FACTORS, version, where)
        assert rows.columns == USER_FACTORS.columns
        assert rows.schema["factors"].dataType == USER_FACTORS.schema["factors"].dataType
        return sorted(tuple(row) for row in rows.collect())

    assert read(first, None) == [("a", [1.0, 2.0], DAY), ("b", [1.0, 2.0], DAY)]
    assert read(None, None) == [("c", [1.0, 2.0], NEXT), ("d", [1.0, 2.0], DAY)]
    assert read(None, equals(run_date=DAY)) == [("d", [1.0, 2.0], DAY)]
    assert read(None, between("run_date", NEXT, NEXT)) == [("c", [1.0, 2.0], NEXT)]
    assert read(None, equals(run_date=date(2018, 1, 1))) == []


def test_the_log_knows_which_days_have_rows(warehouse: Warehouse) -> None:
    replace(warehouse, NEXT, 1, "c")
    before = replace(warehouse, DAY, 1, "a")
    replace(warehouse, DAY, 2)
    assert warehouse.days(USER_FACTORS, "run_date", before) == [DAY, NEXT]
    assert warehouse.days(USER_FACTORS, "run_date") == [NEXT]
    assert warehouse.has_rows(USER_FACTORS, before, equals(run_date=DAY))
    assert not warehouse.has_rows(USER_FACTORS, where=equals(run_date=DAY))


def test_rows_that_are_added_are_read_by_spark_too(warehouse: Warehouse) -> None:
    at = datetime(2017, 12, 1, 2, 30, tzinfo=UTC)
    row = dict.fromkeys(PUBLICATIONS.columns)
    warehouse.append([{**row, "surface": "s", "published_at": at, "run_date": DAY, "run_id": "r", "rows": 1,
                       "subjects": 1, "status": "held", "why": "w"}], PUBLICATIONS)  # fmt: skip
    found = warehouse.spark.read.format("delta").load(warehouse.path(PUBLICATIONS)).first()
    assert found is not None
    assert (found.surface, found.published_at, found.run_date, found.digest) == (
        "s",
        at.replace(tzinfo=None),
        DAY,
        None,
    )
    assert deltalake.DeltaTable(warehouse.path(PUBLICATIONS)).protocol().min_writer_version == 2


def test_predicates_quote_their_values() -> None:
    assert equals(run_date=DAY, surface="it's") == "run_date = DATE'2017-11-30' AND surface = 'it\\'s'"
    assert between("d", DAY, NEXT) == "d >= DATE'2017-11-30' AND d <= DATE'2017-12-01'"
    assert one_of("d", [DAY, NEXT]) == "d IN (DATE'2017-11-30', DATE'2017-12-01')"


def test_a_value_cannot_widen_a_predicate(warehouse: Warehouse) -> None:
    rows = warehouse.spark.createDataFrame([("x' OR 'a'='a",), ("y",)], "id string")
    assert [row.id for row in rows.where(equals(id="x' OR 'a'='a")).collect()] == ["x' OR 'a'='a"]


def test_two_processes_take_turns_on_a_local_disk(warehouse: Warehouse) -> None:
    """While this process holds the table's lock, another one cannot take it."""
    code = "import fcntl, sys; fcntl.flock(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with warehouse._locked(ENGAGEMENTS):
        lock = Path(warehouse.root) / ".locks" / "engagements.lock"
        held = subprocess.run([sys.executable, "-c", code, str(lock)], capture_output=True, text=True, check=False)
    free = subprocess.run([sys.executable, "-c", code, str(lock)], capture_output=True, text=True, check=False)
    assert "BlockingIOError" in held.stderr
    assert free.returncode == 0


def test_a_table_whose_maker_died_before_its_first_commit_is_made(warehouse: Warehouse) -> None:
    log = Path(warehouse.path(USER_FACTORS)) / "_delta_log"
    log.mkdir(parents=True)
    (log / f".{0:020}.json.0a1b.tmp").write_text("{")
    replace(warehouse, DAY, 1, "a")
    assert ids(warehouse) == {("a", DAY)}


def test_a_commit_whose_answer_was_lost_is_found_again(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(warehouse, NEXT, 1, "c")
    original = DataFrameWriter.save

    def lose(writer: DataFrameWriter, path: str) -> None:
        original(writer, path)
        raise TimeoutError("the connection was lost")

    with monkeypatch.context() as patched:
        patched.setattr(DataFrameWriter, "save", lose)
        with pytest.raises(TimeoutError):
            replace(warehouse, DAY, 7, "a", "b")
    landed = warehouse.version(USER_FACTORS)
    assert replace(warehouse, DAY, 7, "a", "b") == landed == warehouse.version(USER_FACTORS)
    assert ids(warehouse) == {("a", DAY), ("b", DAY), ("c", NEXT)}


def test_storage_that_takes_nothing_is_a_clear_error(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(warehouse, NEXT, 1, "c")

    def refuse(*_: object) -> None:
        raise RuntimeError("Caused by: java.io.IOException: No space left on device\n\tat java.base/x")

    monkeypatch.setattr(DataFrameWriter, "save", refuse)
    with pytest.raises(
        StorageError, match=r"user_factors could not be written below .*: No space left on device"
    ) as error:
        replace(warehouse, DAY, 1, "a")
    assert error.value.exit_code == 5
    assert ids(warehouse) == {("c", NEXT)}


def test_a_part_without_files_is_read_without_replaying_the_log(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace(warehouse, DAY, 1, "a")
    monkeypatch.delattr(DataFrameReader, "load")  # what makes Spark replay it
    nothing = warehouse.read(USER_FACTORS, where=equals(run_date=NEXT))
    assert nothing.collect() == []
    assert nothing.columns == USER_FACTORS.columns
