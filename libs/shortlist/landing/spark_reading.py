"""Landed files read by Spark's tasks, each file whole by one of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import FOLDER_VALUES, RAW
from shortlist.landing.files import LandedFile
from shortlist.landing.folders import Landing
from shortlist.landing.reading import Reader

# Packed bytes for one task; a file is never split, because its rows are numbered.
_TASK_BYTES: Final = 32 << 20


def read_landed(spark: SparkSession, landing: Landing, files: Sequence[LandedFile], reader: Reader) -> DataFrame:
    """Every row of the files, as it stands, and one row for each file that says what was read of it.

    A file is read by one task from its beginning to its end, through pyarrow: Spark's own readers know neither where a
    row lies in its file nor, without native libraries, zstd, and let a broken file fail without its name.

    Returns:
        As `Reader.ddl`; offset is counted from 0 in each file.
    """
    tasks = shares(files, spark.sparkContext.defaultParallelism)
    system, _ = landing.system()

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column(0).to_pylist():
                for file in tasks[task]:
                    yield from reader.read(file, system)

    rows = spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(read, reader.ddl)
    # This cast looks at nothing: the bytes of a line stay what they are, also where they are no UTF-8.
    rows = rows.withColumn(RAW, F.col(RAW).cast("string"))
    if any(file.folder_values for file in files):
        return rows
    # Spark need not look for values there are none of.
    return rows.withColumn(FOLDER_VALUES, F.lit(None).cast("map<string, string>"))


def shares(files: Sequence[LandedFile], cores: int) -> list[list[LandedFile]]:
    """The files in shares of like size, one for each task; there is at least one share."""
    wanted = max(4 * cores, sum(file.size for file in files) // _TASK_BYTES)
    shares: list[list[LandedFile]] = [[] for _ in range(max(1, min(len(files), wanted)))]
    weights = [0] * len(shares)
    for file in sorted(files, key=lambda file: (-file.size, file.name)):
        lightest = weights.index(min(weights))
        shares[lightest].append(file)
        weights[lightest] += file.size + 1
    return shares
