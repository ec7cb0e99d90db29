"""A model is used as it was trained: not with another training's other half, and not with a number changed."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import deltalake
import polars as pl
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.errors import InputMissingError, ModelError
from shortlist.store.model_commits import read_stamp, stored_digest
from shortlist.tables import ITEM_FACTORS, RELATED_ITEMS, USER_FACTORS
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.models import read_model, replace_model, row_digest
from shortlist.warehouse.run import Run
from tests.odd import EVERY_ID
from tests.spark.warehouse.test_publishing import run_of

DAY, EARLIER = date(2017, 11, 30), date(2017, 11, 29)
BOTH = (USER_FACTORS, ITEM_FACTORS)
ODD_NUMBERS = [0.0, -0.0, 1.5, -3.25e-38, float("inf"), float("nan")]


def factors(spark: SparkSession, **vectors: float) -> DataFrame:
    rows = [(name, [number, -number]) for name, number in vectors.items()]
    return spark.createDataFrame(rows, "id string, factors array<float>")


@pytest.fixture
def run(spark: SparkSession, tmp_path: Path) -> Run:
    """A run of DAY whose model, and an earlier day's, are trained."""
    for day, scale in ((EARLIER, 1.0), (DAY, 2.0)):
        train(spark, tmp_path, day, scale)
    return run_of(spark, tmp_path, DAY)


def train(spark: SparkSession, home: Path, day: date, scale: float) -> None:
    users, items = factors(spark, u1=scale, u2=0.5), factors(spark, a=scale, b=0.25)
    replace_model(run_of(spark, home, day), [(users, USER_FACTORS), (items, ITEM_FACTORS)])


def test_what_was_trained_is_what_is_read(run: Run) -> None:
    users, items = read_model(run, *BOTH)
    assert {row["id"]: list(row["factors"]) for row in users.collect()} == {"u1": [2.0, -2.0], "u2": [0.5, -0.5]}
    assert {row["id"] for row in items.collect()} == {"a", "b"}


def test_the_digest_is_of_the_rows_in_any_order(spark: SparkSession) -> None:
    rows = factors(spark, u1=1.0, u2=0.5).withColumn("run_date", F.lit(DAY))
    digest = row_digest(rows, USER_FACTORS)
    assert digest.startswith("2-")
    assert row_digest(rows.repartition(3).orderBy(F.desc("id")), USER_FACTORS) == digest
    for other in (
        rows.union(rows),
        rows.limit(1),
        rows.withColumn("id", F.lit("u1")),
        rows.withColumn("run_date", F.lit(EARLIER)),
    ):
        assert row_digest(other, USER_FACTORS) != digest
    assert row_digest(rows.limit(0), USER_FACTORS) == f"0-{0:016x}"


def rewrite(root: Path, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Change the bytes of the day's file behind the table's back, as somebody with access to the disk can."""
    (file,) = [
        Path(each.removeprefix("file://"))
        for each in deltalake.DeltaTable(str(root / table)).file_uris()
        if str(DAY) in each
    ][:1]
    change(pl.read_parquet(file, hive_partitioning=False)).write_parquet(file)
    for checksum in file.parent.glob(".*.crc"):
        checksum.unlink()


@pytest.mark.parametrize("table", BOTH, ids=lambda table: table.name)
def test_a_number_that_was_changed_is_found(run: Run, tmp_path: Path, table: object) -> None:
    name = str(getattr(table, "name", ""))
    rewrite(tmp_path / "warehouse", name, lambda rows: rows.with_columns(id=pl.col("id").str.replace("[12ab]", "x")))
    with pytest.raises(ModelError, match=rf"{name} \(run_date=2017-11-30\) is not what was trained"):
        read_model(run, *BOTH)


def test_halves_of_two_trainings_are_refused(spark: SparkSession, run: Run, tmp_path: Path) -> None:
    """The second of two commits did not come: its job was killed in between."""
    again = run_of(spark, tmp_path, DAY)
    original = Run.commit

    def killed(self: Run, frame: DataFrame, table: object, *rest: object, **facts: object) -> int:
        if table is ITEM_FACTORS:
            raise KeyboardInterrupt
        return original(self, frame, table, *rest, **facts)  # type: ignore[arg-type]

    halves = [(factors(spark, u1=9.0), USER_FACTORS), (factors(spark, a=9.0), ITEM_FACTORS)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Run, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            replace_model(again, halves)
    with pytest.raises(ModelError, match="is not of one training") as error:
        read_model(run_of(spark, tmp_path, DAY), *BOTH)
    assert "jobs/train_als.py" in str(error.value)
    train(spark, tmp_path, DAY, 3.0)
    assert len(read_model(run_of(spark, tmp_path, DAY), *BOTH)) == 2


def test_a_model_without_a_stamp_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    run = run_of(spark, tmp_path, DAY)
    for table in BOTH:
        run.replace(factors(spark, u1=1.0), table)
    with pytest.raises(ModelError, match="user_factors is of none"):
        read_model(run_of(spark, tmp_path, DAY), *BOTH)


def test_compaction_and_erasure_leave_a_model_usable(spark: SparkSession, run: Run, tmp_path: Path) -> None:
    warehouse = Warehouse(spark, str(tmp_path / "warehouse"))
    warehouse.compact(USER_FACTORS, 1 << 20)
    assert len(read_model(run_of(spark, tmp_path, DAY), *BOTH)) == 2
    warehouse.delete(USER_FACTORS, F.col("id") == "u2")
    users, _ = read_model(run_of(spark, tmp_path, DAY), *BOTH)
    assert [row["id"] for row in users.collect()] == ["u1"]


def test_a_day_without_a_model_names_the_job(spark: SparkSession, tmp_path: Path) -> None:
    train(spark, tmp_path, EARLIER, 1.0)
    with pytest.raises(InputMissingError, match=r"jobs/train_als\.py"):
        read_model(run_of(spark, tmp_path, DAY), *BOTH)


def test_whoever_verifies_without_spark_finds_the_same_digest(spark: SparkSession, tmp_path: Path) -> None:
    ids = [*EVERY_ID.values(), *("x" * length for length in range(70))]
    vectors = [(each, [ODD_NUMBERS[(place + n) % 6] for n in range(place % 5)]) for place, each in enumerate(ids)]
    users = spark.createDataFrame(vectors, "id string, factors array<float>").repartition(3)
    near = [(each, place, ids[-place], ODD_NUMBERS[place % 6], place - 9) for place, each in enumerate(ids)]
    columns = "item_id string, rank int, related_item_id string, score float, support int"
    related = spark.createDataFrame(near, columns).selectExpr("*", "'order' AS basket_kind", "'lift' AS measure")
    run = run_of(spark, tmp_path, DAY)
    for frame, table in ((users, USER_FACTORS), (related, RELATED_ITEMS)):
        replace_model(run, [(frame, table)])
        path, version = run.warehouse.path(table), run.warehouse.version(table)
        stamp = read_stamp(path, version, DAY)
        assert stamp.digest is not None
        assert stamp.digest.startswith(f"{len(ids)}-")
        assert stored_digest(path, version, DAY, table.columns) == stamp.digest
