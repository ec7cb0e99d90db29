"""The one Spark session of a process."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyspark.sql import SparkSession

# What every session needs for right answers. What only makes it fast on one machine is in infra/spark/.
REQUIRED = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # The embedded metastore admits one process; Airflow runs several jobs at once. Tables are paths.
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
    # Arrow carries dates and timestamps between the JVM and Python without going through local time.
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # A half-read file is an error; Spark's tolerant settings would lose rows without a word.
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
}


@contextmanager
def spark_session(name: str, extra: Mapping[str, str] | None = None) -> Iterator[SparkSession]:
    """A session with Delta and UTC; one that is already active is shared and left running.

    Args:
        name: what Spark's own pages and logs call the application.
        extra: further Spark settings, for a session that is made here.
    """
    active = SparkSession.getActiveSession()
    if active is not None:
        yield active
        return
    builder = SparkSession.builder.appName(name)
    for key, value in {**REQUIRED, **(extra or {})}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()
