"""What most users engaged with of late; it fills lists that the other sources leave short."""

from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BECAUSE_ITEM_ID, FACTORS, ITEM_ID, LAST_TS, SEEN, SUBJECT_ID, WEIGHT
from shortlist.config import SourcesConfig
from shortlist.models.scoring import collect_item_factors, top_items
from shortlist.sources.inputs import Inputs


def popularity(inputs: Inputs, config: SourcesConfig) -> DataFrame:
    """Users per item over the window, the same order for every subject but for what it has seen.

    An eligible item that nobody took within the window counts 0: it still fills a list, last. Popularity is a model of one
    factor, so the block top-k masks seen items exactly, without a cross join and without over-fetching.
    """
    start = F.lit(inputs.run_date - timedelta(days=config.popularity.window_days - 1)).cast("timestamp")
    recent = inputs.interactions.where((F.col(WEIGHT) > 0) & (F.col(LAST_TS) >= start))
    users = recent.groupBy(ITEM_ID).agg(F.count("*").alias("users"))
    counted = inputs.scope.items.join(users, ITEM_ID, how="left").select(
        ITEM_ID, _one_factor(F.coalesce("users", F.lit(0)))
    )
    asked = inputs.scope.subjects.select(SUBJECT_ID, _one_factor(F.lit(1)), SEEN)
    best = top_items(asked, collect_item_factors(counted), inputs.surface.depth)
    return best.withColumn(BECAUSE_ITEM_ID, F.lit(None).cast("string"))


def _one_factor(value: Column) -> Column:
    return F.array(value.cast("float")).alias(FACTORS)
