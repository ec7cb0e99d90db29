"""Lists of several sources against several kinds of truth, in one pass, with intervals."""

from collections.abc import Sequence

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
from shortlist.metrics.beyond_accuracy import score_exposure_of_sources, score_novelty
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
    own = lists.where(F.col(SOURCE).isin(*sources))
    popularity = engagements.groupBy(ITEM_ID).agg(F.count_distinct(USER_ID).alias(SUBJECTS))
    # One pass for all sources: a subject's list of each source is a list of its own.
    apart = own.withColumn(SUBJECT_ID, F.concat_ws(_SEPARATOR, SOURCE, SUBJECT_ID))
    bits = score_novelty(apart, popularity, people, ks)
    source_of = F.split(SUBJECT_ID, _SEPARATOR)[0]
    means = summarize(bits.withColumn(METRIC, F.concat_ws(_SEPARATOR, source_of, METRIC)), seed, resamples)
    parts = F.split(METRIC, _SEPARATOR)
    columns = [K, VALUE, CI_LOW, CI_HIGH, SUBJECTS]
    novelty = means.select(parts[0].alias(SOURCE), parts[1].alias(METRIC), *columns)

    counted = own.groupBy(SOURCE).agg(F.count_distinct(SUBJECT_ID).alias(SUBJECTS))
    none = F.lit(None).cast("double")
    figures = score_exposure_of_sources(own, catalogue, ks, sources).where(F.col(VALUE).isNotNull())
    figures = figures.join(F.broadcast(counted), SOURCE, how="left").withColumns({CI_LOW: none, CI_HIGH: none})
    figures = figures.withColumn(SUBJECTS, F.coalesce(SUBJECTS, F.lit(0)))
    both = figures.select(SOURCE, METRIC, *columns).unionByName(novelty)
    return both.withColumns({SEGMENT: F.lit("all"), WITHOUT_LIST: F.lit(0).cast("bigint")})
