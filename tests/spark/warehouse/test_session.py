"""What a task's Python is started with."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import SparkSession


def test_no_task_reads_archives_anew(spark: SparkSession) -> None:
    def archives(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import sys
        from zipimport import zipimporter

        for _ in batches:
            found = [path for path, finder in sys.path_importer_cache.items() if isinstance(finder, zipimporter)]
            yield pa.RecordBatch.from_pydict({"archive": pa.array(found, pa.string())})

    found = spark.range(1).mapInArrow(archives, "archive string").collect()
    assert [row["archive"] for row in found] == []
