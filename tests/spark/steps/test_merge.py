"""In how many files the rows of an event date are written."""

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from shortlist.columns import EVENT_DATE, EVENT_ID
from shortlist.steps.merge import in_files

SMALL, LARGE = date(2017, 11, 29), date(2017, 11, 30)


def test_a_large_date_is_written_in_several_files_and_a_small_one_in_one(spark: SparkSession) -> None:
    rows = spark.range(1000).select(
        F.col("id").cast("string").alias(EVENT_ID), F.when(F.col("id") < 100, SMALL).otherwise(LARGE).alias(EVENT_DATE)
    )
    counts = {SMALL: 100, LARGE: 900}

    def files(rows_per_file: int) -> dict[date, int]:
        """How many partitions have rows of a date."""
        written = in_files(rows, counts, rows_per_file).groupBy(EVENT_DATE, F.spark_partition_id()).count().collect()
        assert sum(row["count"] for row in written) == 1000
        return {day: sum(row[EVENT_DATE] == day for row in written) for day in counts}

    assert files(1000) == {SMALL: 1, LARGE: 1}
    # 9 files of 100 rows, in as many tasks of their own; rounded up so that all cores have as many.
    cores = spark.sparkContext.defaultParallelism
    assert files(100) == {SMALL: 1, LARGE: -(-9 // cores) * cores if cores < 9 else 9}
