"""What accuracy does not show: who won the ranks, and how lists change. `lists` is always [subject_id, rank, item_id, ...]:
ranks from 1 without gaps, an item at most once in a list.

Overlap is a value of subjects, [subject_id, k, metric, value], to be averaged with `intervals.summarize`.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, METRIC, RANK, ROWS, SOURCE, SUBJECT_ID, VALUE, K
from shortlist.metrics.definitions import (
    OVERLAP,
    RANK_BIASED_OVERLAP,
    SOURCE_SHARE,
    overlap,
)
from shortlist.metrics.subject_values import checked_cutoffs

PERSISTENCE = 0.9
"""Of rank-biased overlap: the chance that a reader of one rank looks at the next: ranks 1-10 weigh 86 %."""


def share_by_source(lists: DataFrame) -> DataFrame:
    """How many rows each source won.

    Args:
        lists: [subject_id, rank, item_id, source].

    Returns:
        [source, metric, rows, value]: rows of the source and their share of all rows; the shares add up to 1.
    """
    by_source = lists.groupBy(SOURCE).agg(F.count(F.lit(1)).alias(ROWS))
    all_rows = by_source.agg(F.sum(ROWS).alias("all_rows"))  # one row: the cross join multiplies nothing
    share = (F.col(ROWS) / F.col("all_rows")).alias(VALUE)
    return by_source.crossJoin(F.broadcast(all_rows)).select(SOURCE, F.lit(SOURCE_SHARE).alias(METRIC), ROWS, share)


def score_overlap(
    lists: DataFrame, others: DataFrame, ks: Sequence[int], persistence: float = PERSISTENCE
) -> DataFrame:
    """Overlap@k and rank-biased overlap of each subject's list with the same subject's other list.

    Rank-biased overlap is the extrapolated form for lists of any two lengths, equation 32 of Webber, Moffat and Zobel,
    "A similarity measure for indefinite rankings" (2010), on the first k ranks.

    Args:
        lists: [subject_id, rank, item_id], for instance of today.
        others: The same of another day.
        ks: Cut-offs.
        persistence: p of rank-biased overlap, inside (0, 1).

    Returns:
        [subject_id, k, metric, value] of the subjects that have a list on both sides; values lie in [0, 1].

    Raises:
        ValueError: When `persistence` is not inside (0, 1), or `ks` is not valid.
    """
    if not 0 < persistence < 1:
        raise ValueError(
            f"persistence {persistence}: must lie between 0 and 1, both excluded; next: e.g. {PERSISTENCE}"
        )
    cutoffs = checked_cutoffs(ks)
    rank, other_rank = F.col(RANK), F.col("other_rank")
    both = lists.select(SUBJECT_ID, ITEM_ID, RANK).join(
        others.select(SUBJECT_ID, ITEM_ID, F.col(RANK).alias("other_rank")), [SUBJECT_ID, ITEM_ID], how="full"
    )
    per_subject = both.groupBy(SUBJECT_ID).agg(
        F.count(RANK).alias("length"),
        F.count("other_rank").alias("other_length"),
        # An item is common from the deeper of its two ranks on; null (dropped) when only one list has it.
        F.collect_list(F.when(rank.isNotNull() & other_rank.isNotNull(), F.greatest(rank, other_rank))).alias(
            "common_from"
        ),
    )
    paired = per_subject.where((F.col("length") > 0) & (F.col("other_length") > 0))
    k = F.explode(F.array(*[F.lit(cutoff) for cutoff in cutoffs])).alias(K)
    cut = paired.select(SUBJECT_ID, "length", "other_length", "common_from", k).select(
        SUBJECT_ID,
        K,
        F.least(F.col("length"), F.col("other_length"), F.col(K)).cast("int").alias("short"),
        F.least(F.greatest("length", "other_length"), F.col(K)).cast("int").alias("long"),
        F.filter("common_from", lambda depth: depth <= F.col(K)).alias("common_from"),
    )
    shared = overlap(F.size("common_from"), F.col("long"))
    values = F.create_map(F.lit(OVERLAP), shared, F.lit(RANK_BIASED_OVERLAP), _rank_biased_overlap(persistence))
    return cut.select(SUBJECT_ID, K, F.explode(values).alias(METRIC, VALUE))


def _rank_biased_overlap(persistence: float) -> Column:
    """Equation 32 from `short` = s, `long` = l and `common_from` (the depths at which common items enter)."""
    short, long, p = F.col("short"), F.col("long"), F.lit(persistence)

    def common(depth: Column) -> Column:
        return F.size(F.filter("common_from", lambda entered: entered <= depth)).cast("double")

    def agreement(depth: Column) -> Column:
        beyond = F.when(depth > short, common(short) * (depth - short) / short).otherwise(F.lit(0.0))
        return (common(depth) + beyond) / depth * F.pow(p, depth)

    weighted = F.aggregate(F.sequence(F.lit(1), long), F.lit(0.0), lambda total, depth: total + agreement(depth))
    rest = (common(long) - common(short)) / long + common(short) / short
    # Identical lists would come out a rounding error above 1.
    return F.least((1 - p) / p * weighted + rest * F.pow(p, long), F.lit(1.0))
