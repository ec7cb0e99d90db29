"""Touch what every job touches, so that Java can archive the classes: `load_classes.py SCRATCH`. Run once, at install.

A class that is missing here is loaded from its jar as ever: this file decides how fast a start is, never what it does.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F


def load_classes(spark: SparkSession, scratch: Path) -> None:
    """Read JSON lines, write and replace a partition of a Delta table, join, rank, and cross to Python and back."""
    lines, table = str(scratch / "lines"), str(scratch / "table")
    numbers = spark.range(200).select(F.col("id").cast("string").alias("id"), (F.col("id") % 3).alias("day"))
    numbers.write.option("compression", "gzip").json(lines)
    read = spark.read.schema("id string, day long, _corrupt_record string").json(lines).drop("_corrupt_record")
    for _ in range(2):
        (
            read.write.format("delta")
            .mode("overwrite")
            .partitionBy("day")
            .option("replaceWhere", "day >= 0")
            .option("userMetadata", "classes")
            .save(table)
        )
    stored = spark.read.format("delta").load(table)
    ranked = stored.withColumn("rank", F.row_number().over(Window.partitionBy("day").orderBy(F.desc("id"), "day")))
    sums = stored.groupBy("day").agg(F.count("*").alias("n"), F.collect_list("id").alias("ids"))
    joined = ranked.join(sums, on="day", how="left").select("id", "day", "rank", "n", F.explode("ids").alias("other"))
    joined.mapInArrow(_same, schema=joined.schema).persist().count()
    ranked.groupBy("day").applyInArrow(lambda rows: rows, schema=ranked.schema).toArrow()
    spark.createDataFrame(pa.table({"id": ["1"]})).join(stored, on="id", how="left_anti").collect()


def _same(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


if __name__ == "__main__":
    session = SparkSession.builder.appName("load_classes").getOrCreate()
    load_classes(session, Path(sys.argv[1]))
    session.stop()
