"""Several sources into one list: reciprocal rank fusion, then a fallback that only fills up.

Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shortlist.columns import BECAUSE_ITEM_ID, ITEM_ID, RANK, SCORE, SOURCE, SOURCES, SUBJECT_ID

# Sums are made of whole numbers: a sum of doubles depends on the order in which rows arrive.
_UNIT = 10**12


def fuse(candidates: DataFrame, sources: Sequence[str], fallback: str | None, k: int, constant: int) -> DataFrame:
    """One list per subject out of its sources' lists.

    Args:
        candidates: subject_id, source, rank, item_id, because_item_id.
        sources: names of the sources to fuse, the first wins ties for `source`.
        fallback: name of the source that fills short lists, below everything fused.
        k: longest list.
        constant: the k of 1 / (k + rank).

    Returns:
        subject_id, rank, item_id, score (sum of 1 / (constant + rank) over the fused sources; minus its rank for an item
        that only the fallback proposed), source (where the item ranks best), sources (all that proposed it, by name),
        because_item_id (of the best-ranked source that knows one).
    """
    fused = F.col(SOURCE).isin(*sources)
    part = F.when(fused, F.round(F.lit(_UNIT) / (F.col(RANK) + constant)).cast("long")).otherwise(0)
    order = F.struct(~fused, F.col(RANK), _place(sources))
    merged = (
        candidates.where(F.col(SOURCE).isin(*sources, *([fallback] if fallback else [])))
        .groupBy(SUBJECT_ID, ITEM_ID)
        .agg(
            F.sum(part).alias("points"),
            F.min(F.when(~fused, F.col(RANK))).alias("fallback_rank"),
            F.min_by(SOURCE, order).alias(SOURCE),
            F.sort_array(F.collect_set(SOURCE)).alias(SOURCES),
            F.min_by(BECAUSE_ITEM_ID, F.when(F.col(BECAUSE_ITEM_ID).isNotNull(), order)).alias(BECAUSE_ITEM_ID),
        )
    )
    score = F.when(F.col("points") > 0, F.col("points") / _UNIT).otherwise(-F.col("fallback_rank").cast("double"))
    best_first = Window.partitionBy(SUBJECT_ID).orderBy(F.desc(SCORE), ITEM_ID)
    ranked = merged.withColumn(SCORE, score).withColumn(RANK, F.row_number().over(best_first).cast("int"))
    return ranked.where(F.col(RANK) <= k).select(SUBJECT_ID, RANK, ITEM_ID, SCORE, SOURCE, SOURCES, BECAUSE_ITEM_ID)


def _place(sources: Sequence[str]) -> Column:
    """A source's place in the settings; the fallback comes last."""
    place = F.lit(len(sources))
    for position, name in enumerate(sources):
        place = F.when(F.col(SOURCE) == name, F.lit(position)).otherwise(place)
    return place
