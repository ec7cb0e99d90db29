"""Lists that are shorter than they should be, and why."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, ROWS, SEEN, SUBJECT_ID, SUBJECTS, WHY
from shortlist.transforms.scope import Scope

NOTHING_LEFT = "fewer than k eligible items are left that the subject has not seen"
TOO_FEW_PROPOSED = "its sources proposed fewer than k items: raise the surface's depth"


def short_lists(candidates: DataFrame, scope: Scope, k: int) -> DataFrame:
    """How many expected subjects have fewer than k candidates, by reason.

    Args:
        candidates: subject_id and one row per candidate.
        scope: who should have a list, and of what.
        k: length of a full list.

    Returns:
        why, subjects, rows (candidates that they have together); no row when every list is full.
    """
    given = candidates.groupBy(SUBJECT_ID).agg(F.count("*").alias(ROWS))
    expected = scope.subjects.join(given, SUBJECT_ID, how="left").withColumn(ROWS, F.coalesce(ROWS, F.lit(0)))
    short = expected.where(F.col(ROWS) < k)
    seen = short.select(SUBJECT_ID, F.explode(SEEN).alias(ITEM_ID))
    masked = seen.join(scope.items.select(ITEM_ID), ITEM_ID, how="left_semi")
    taken = masked.groupBy(SUBJECT_ID).agg(F.count("*").alias("taken"))
    offered = scope.items.agg(F.count("*").alias("offered"))
    left = short.join(taken, SUBJECT_ID, how="left").join(F.broadcast(offered), how="cross")
    remaining = F.col("offered") - F.coalesce("taken", F.lit(0))
    why = F.when(remaining < k, NOTHING_LEFT).otherwise(TOO_FEW_PROPOSED)
    return left.groupBy(why.alias(WHY)).agg(F.count("*").alias(SUBJECTS), F.sum(ROWS).alias(ROWS))
