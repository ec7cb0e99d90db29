"""What most users engaged with of late; it fills lists that the other sources leave short."""

from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BECAUSE_ITEM_ID, ITEM_ID, LAST_TS, SCORE, WEIGHT
from shortlist.config import SourcesConfig
from shortlist.models.ranking.popularity import first_unseen
from shortlist.sources.inputs import Inputs


def popularity(inputs: Inputs, config: SourcesConfig) -> DataFrame:
    """Users per item over the window, the same order for every subject but for what it has seen.

    An eligible item that nobody took within the window counts 0: it still fills a list, last.
    """
    start = F.lit(inputs.run_date - timedelta(days=config.popularity.window_days - 1)).cast("timestamp")
    recent = inputs.interactions.where((F.col(WEIGHT) > 0) & (F.col(LAST_TS) >= start))
    users = recent.groupBy(ITEM_ID).agg(F.count("*").alias("users"))
    counted = inputs.scope.items.join(users, ITEM_ID, how="left").select(
        ITEM_ID, F.coalesce("users", F.lit(0)).alias(SCORE)
    )
    best = first_unseen(counted, inputs.scope.subjects, inputs.surface.depth)
    return best.withColumn(BECAUSE_ITEM_ID, F.lit(None).cast("string"))
