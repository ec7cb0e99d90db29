"""Subjects gathered, one row each, with their history: the last shuffle before the pass."""

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import (
    EVENTS,
    FACTORS,
    FIRST_PURCHASE_TS,
    HIDDEN,
    ID,
    ITEM_ID,
    LAST_PURCHASE_TS,
    LAST_TS,
    PURCHASES,
    QUERY,
    SUBJECT_ID,
    USER_ID,
    WEIGHT,
)
from shortlist.generation.batches import HISTORY


def gather_users(interactions: DataFrame, vectors: DataFrame | None) -> DataFrame:
    """Every user with a history.

    Args:
        interactions: user_id, item_id, weight, events, last_ts, hidden, purchases, first_purchase_ts, last_purchase_ts.
        vectors: id, factors that are stored of users; None: of nobody.

    Returns:
        subject_id, history (those columns but user_id; in any order) and, with `vectors`, factors, NULL for
        whom none are stored.
    """
    entry = F.struct(ITEM_ID, WEIGHT, EVENTS, LAST_TS, HIDDEN, PURCHASES, FIRST_PURCHASE_TS, LAST_PURCHASE_TS)
    spread = interactions.repartition(_tasks(interactions.sparkSession), USER_ID)
    users = spread.groupBy(F.col(USER_ID).alias(SUBJECT_ID)).agg(F.collect_list(entry).alias(HISTORY))
    if vectors is None:
        return users
    return users.join(vectors.select(F.col(ID).alias(SUBJECT_ID), FACTORS), SUBJECT_ID, how="left")


def gather_queries(clicks: DataFrame) -> DataFrame:
    """Every query with what was clicked for it, as the history of a user that bought and hid nothing.

    Args:
        clicks: query, item_id, weight, events, last_ts.
    """
    never = F.lit(None).cast("timestamp")
    bought_nothing = {
        HIDDEN: F.lit(False),
        PURCHASES: F.lit(0),
        FIRST_PURCHASE_TS: never,
        LAST_PURCHASE_TS: never,
    }
    return gather_users(clicks.withColumnRenamed(QUERY, USER_ID).withColumns(bought_nothing), None)


def gather_items(spark: SparkSession, ids: pa.Array) -> DataFrame:
    """Items as subjects: subject_id."""
    frame = spark.createDataFrame(pa.table({SUBJECT_ID: ids.cast(pa.string())}))
    return frame.repartition(_tasks(spark), SUBJECT_ID)


def _tasks(spark: SparkSession) -> int:
    """As many tasks as a shuffle has, said in so many words: Spark would put small ones together, and few would work."""
    return int(spark.conf.get("spark.sql.shuffle.partitions") or 200)
