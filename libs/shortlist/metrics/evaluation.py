"""Lists of several sources against several kinds of truth, in one pass, with intervals."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    CI_HIGH,
    CI_LOW,
    ITEM_ID,
    METRIC,
    RANK,
    SEGMENT,
    SOURCE,
    SUBJECT_ID,
    SUBJECTS,
    VALUE,
    WITHOUT_LIST,
    K,
)
from shortlist.metrics.intervals import summarize
from shortlist.metrics.ranking import score_lists, subjects_without_list

# Cannot be part of a name of a source, a segment or a metric.
_SEPARATOR = "\x1f"


def evaluate_lists(
    lists: DataFrame,
    truth: DataFrame,
    sources: Sequence[str],
    segments: Sequence[str],
    ks: Sequence[int],
    seed: int,
    resamples: int,
) -> DataFrame:
    """Every source against every segment of the truth.

    Args:
        lists: source, subject_id, rank, item_id.
        truth: segment, subject_id, item_id.
        sources: names to look for in lists.
        segments: names to look for in truth; a segment without rows has no result.
        ks: list lengths.
        seed: seed of the bootstrap.
        resamples: bootstrap draws.

    Returns:
        source, segment, metric, k, value, ci_low, ci_high, subjects, without_list (subjects that count as 0).
    """
    scored, missed = [], []
    for source in sources:
        given = lists.where(F.col(SOURCE) == source).select(SUBJECT_ID, RANK, ITEM_ID)
        for segment in segments:
            wanted = truth.where(F.col(SEGMENT) == segment).select(SUBJECT_ID, ITEM_ID)
            named = F.concat_ws(_SEPARATOR, F.lit(source), F.lit(segment), METRIC)
            scored.append(score_lists(given, wanted, ks).withColumn(METRIC, named))
            absent = subjects_without_list(given, wanted).agg(F.count("*").alias(WITHOUT_LIST))
            missed.append(absent.select(F.lit(source).alias(SOURCE), F.lit(segment).alias(SEGMENT), WITHOUT_LIST))
    means = summarize(reduce(DataFrame.unionByName, scored), seed, resamples)
    parts = F.split(METRIC, _SEPARATOR)
    named_apart = means.select(
        parts[0].alias(SOURCE), parts[1].alias(SEGMENT), parts[2].alias(METRIC), K, VALUE, CI_LOW, CI_HIGH, SUBJECTS
    )
    return named_apart.join(F.broadcast(reduce(DataFrame.unionByName, missed)), [SOURCE, SEGMENT], how="inner")
