"""Lists that are shorter than they should be, and why."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ELIGIBLE_LEFT, LENGTH, ROWS, SUBJECTS, WHY, WITHOUT_LIST

NOTHING_LEFT = "fewer than k eligible items are left that the subject has not seen"
TOO_FEW_PROPOSED = "its sources proposed fewer than k items: raise the surface's depth"


def summarise(short: DataFrame, k: int) -> DataFrame:
    """How many subjects have fewer than k candidates, by reason.

    Args:
        short: length, eligible_left: one row for each of them.
        k: length of a full list.

    Returns:
        why, subjects, rows (candidates that they have together), without_list (those that have none); no row when every
        list is full.
    """
    why = F.when(F.col(ELIGIBLE_LEFT) < k, NOTHING_LEFT).otherwise(TOO_FEW_PROPOSED)
    return (
        short.where(F.col(LENGTH) < k)
        .groupBy(why.alias(WHY))
        .agg(
            F.count("*").alias(SUBJECTS),
            F.sum(LENGTH).alias(ROWS),
            F.count_if(F.col(LENGTH) == 0).alias(WITHOUT_LIST),
        )
    )
