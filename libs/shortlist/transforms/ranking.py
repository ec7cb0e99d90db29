"""Ranks: the largest score first, ties by item_id, numbers from 1 without holes."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, RANK, SCORE, SUBJECT_ID


def top_ranked(scored: DataFrame, n: int) -> DataFrame:
    """The n best rows of each subject, with their rank.

    Args:
        scored: subject_id, item_id, score and whatever else; one row per subject and item.
        n: longest list.

    Returns:
        The same columns and rank (int).
    """
    best_first = Window.partitionBy(SUBJECT_ID).orderBy(F.desc(SCORE), ITEM_ID)
    return scored.withColumn(RANK, F.row_number().over(best_first).cast("int")).where(F.col(RANK) <= n)
