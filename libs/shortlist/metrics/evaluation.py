"""Lists of several sources against several kinds of truth, in one pass, with intervals."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    CI_HIGH,
    CI_LOW,
    METRIC,
    SEGMENT,
    SOURCE,
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
    wanted = truth.where(F.col(SEGMENT).isin(*segments))
    by = [SOURCE, SEGMENT]
    named = F.concat_ws(_SEPARATOR, SOURCE, SEGMENT, METRIC)
    means = summarize(score_lists(lists, wanted, ks, sources).withColumn(METRIC, named), seed, resamples)
    missed = subjects_without_list(lists, wanted, sources).groupBy(*by).agg(F.count("*").alias(WITHOUT_LIST))
    parts = F.split(METRIC, _SEPARATOR)
    named_apart = means.select(
        parts[0].alias(SOURCE), parts[1].alias(SEGMENT), parts[2].alias(METRIC), K, VALUE, CI_LOW, CI_HIGH, SUBJECTS
    )
    counted = named_apart.join(F.broadcast(missed), by, how="left")
    return counted.withColumn(WITHOUT_LIST, F.coalesce(WITHOUT_LIST, F.lit(0)))
