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
    SEGMENT,
    SOURCE,
    SUBJECT_ID,
    SUBJECTS,
    USER_ID,
    VALUE,
    WITHOUT_LIST,
    K,
)
from shortlist.metrics.beyond_accuracy import score_exposure, score_novelty
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


def beyond_accuracy_rows(
    lists: DataFrame,
    catalogue: DataFrame,
    engagements: DataFrame,
    people: int,
    sources: Sequence[str],
    ks: Sequence[int],
    seed: int,
    resamples: int,
) -> DataFrame:
    """What the lists of each source show, whatever people did afterwards: coverage, Gini coefficient, top item, novelty.

    Args:
        lists: source, subject_id, rank, item_id.
        catalogue: item_id of what could have been shown.
        engagements: user_id, item_id of what was known when the lists were made.
        people: how many users these engagements are of, at least 1.
        sources: names to look for in lists.
        ks: list lengths.
        seed: seed of the bootstrap.
        resamples: bootstrap draws.

    Returns:
        The columns of `evaluate_lists`, segment `all`; novelty is a mean over subjects and has an interval, the others are
        one figure over all lists. `subjects` counts those that have a list; nobody is without one here. A figure that is not
        defined, such as the coverage of an empty catalogue, has no row.
    """
    popularity = engagements.groupBy(ITEM_ID).agg(F.count_distinct(USER_ID).alias(SUBJECTS))

    def rows(source: str) -> DataFrame:
        own = lists.where(F.col(SOURCE) == source)
        listed = own.agg(F.count_distinct(SUBJECT_ID).alias(SUBJECTS))
        none = F.lit(None).cast("double")
        exposure = score_exposure(own, catalogue, ks).withColumns({CI_LOW: none, CI_HIGH: none})
        exposure = exposure.crossJoin(F.broadcast(listed)).where(F.col(VALUE).isNotNull())
        novelty = summarize(score_novelty(own, popularity, people, ks), seed, resamples)
        columns = [METRIC, K, VALUE, CI_LOW, CI_HIGH, SUBJECTS]
        both = exposure.select(*columns).unionByName(novelty.select(*columns))
        return both.withColumns({SOURCE: F.lit(source), SEGMENT: F.lit("all"), WITHOUT_LIST: F.lit(0).cast("bigint")})

    return reduce(DataFrame.unionByName, map(rows, sources))
