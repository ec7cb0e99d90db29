"""The one Spark session of a process."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from shortlist.errors import SettingsError
from shortlist.store.filesystems import ON_S3

# Ours, see infra/spark/logstore. Delta's own for S3 looks first and puts then: of two commits of a version one is lost.
LOG_STORE: Final = "shortlist.ConditionalLogStore"
_LOG_STORE_SETTING: Final = "spark.delta.logStore.s3.impl"
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
    # Loaded where a path begins with s3://, the one name that Spark, delta-rs, Polars and pyarrow all know.
    _LOG_STORE_SETTING: LOG_STORE,
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
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
    for key, value in {**REQUIRED, **object_store(os.environ), **(extra or {})}.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def object_store(environment: Mapping[str, str]) -> dict[str, str]:
    """Where S3 is, from the variables by which all other readers find it; the connector takes its keys from there by itself."""
    found = {}
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if region:
        found["spark.hadoop.fs.s3a.endpoint.region"] = region
    endpoint = environment.get("AWS_ENDPOINT_URL")
    if endpoint:
        found["spark.hadoop.fs.s3a.endpoint"] = endpoint
        found["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(endpoint.startswith("https://")).lower()
        # A server of one's own rarely has a name for each bucket.
        found["spark.hadoop.fs.s3a.path.style.access"] = "true"
    return found


def require_safe_commits(spark: SparkSession, root: str) -> None:
    """Refuse a warehouse on S3 to a session whose commits there are not conditional.

    Raises:
        SettingsError: the session has another log store, or its jar or Hadoop's connector is missing.
    """
    if not root.startswith(ON_S3):
        return
    named = spark.conf.get(_LOG_STORE_SETTING, None)
    if named != LOG_STORE:
        raise SettingsError.no_log_store(root, f"{_LOG_STORE_SETTING} is {named}, not {LOG_STORE}")
    try:
        spark.sql(f"SELECT java_method('{LOG_STORE}', 'fileSystem')").collect()
    except (PySparkException, Py4JError) as error:
        raise SettingsError.no_log_store(root, f"{LOG_STORE} cannot be loaded ({str(error)[:200]})") from error
