"""What a task's Python is started with, and what a session must have before it writes to S3."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from shortlist.errors import SettingsError
from shortlist.warehouse import session
from shortlist.warehouse.delta import Warehouse


def test_no_task_reads_archives_anew(spark: SparkSession) -> None:
    def archives(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import sys
        from zipimport import zipimporter

        for _ in batches:
            found = [path for path, finder in sys.path_importer_cache.items() if isinstance(finder, zipimporter)]
            yield pa.RecordBatch.from_pydict({"archive": pa.array(found, pa.string())})

    found = spark.range(1).mapInArrow(archives, "archive string").collect()
    assert [row["archive"] for row in found] == []


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        (
            "io.delta.storage.S3SingleDriverLogStore",
            "is io.delta.storage.S3SingleDriverLogStore, not shortlist.Missing",
        ),
        ("shortlist.Missing", "shortlist.Missing cannot be loaded"),
    ],
)
def test_a_warehouse_on_s3_is_refused_without_our_log_store(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, named: str, problem: str
) -> None:
    setting = "spark.delta.logStore.s3.impl"
    monkeypatch.setattr(session, "LOG_STORE", "shortlist.Missing")
    before = spark.conf.get(setting)
    assert before is not None
    spark.conf.set(setting, named)
    try:
        with pytest.raises(SettingsError, match=f"s3://b/w, where Spark would lose commits .*{problem}"):
            Warehouse(spark, "s3://b/w")
        assert Warehouse(spark, "gs://b/w").root == "gs://b/w"
    finally:
        spark.conf.set(setting, before)


def test_where_s3_is_comes_from_the_environment() -> None:
    assert session.object_store({}) == {}
    prefix = "spark.hadoop.fs.s3a."
    assert session.object_store({"AWS_DEFAULT_REGION": "r", "AWS_SECRET_ACCESS_KEY": "hush"}) == {
        f"{prefix}endpoint.region": "r"
    }
    assert session.object_store({"AWS_ENDPOINT_URL": "http://h:1"}) == {
        f"{prefix}endpoint": "http://h:1",
        f"{prefix}connection.ssl.enabled": "false",
        f"{prefix}path.style.access": "true",
    }
