from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession


@pytest.fixture
def spark(spark: SparkSession) -> Iterator[SparkSession]:
    """The session without adaptive plans: an audit is many tiny queries, each planned anew between its stages."""
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    yield spark
    spark.conf.set("spark.sql.adaptive.enabled", "true")
