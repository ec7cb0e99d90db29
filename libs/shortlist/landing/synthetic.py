"""A synthetic landing, written by Spark: one folder a day, its marker last."""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import SparkSession

from shortlist.config import SyntheticConfig
from shortlist.landing.folders import Landing
from shortlist.tables import ENGAGEMENTS
from shortlist.transforms.synthetic import synthetic_events


def land_days(spark: SparkSession, landing: Landing, days: Sequence[date], config: SyntheticConfig) -> None:
    """Write, or replace, the folders of some days: JSON lines, gz, `files_per_day` files each."""
    for day in days:
        numbers = spark.range(0, config.events_per_day, numPartitions=config.files_per_day)
        events = synthetic_events(numbers, day, config)
        # Spark writes a _SUCCESS of its own when all files are there; a deployment's marker may have another name.
        events.write.mode("overwrite").option("compression", "gzip").json(landing.folder(ENGAGEMENTS.name, day))
        landing.mark_complete(ENGAGEMENTS.name, day)
