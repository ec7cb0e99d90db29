"""What users did after a day: the truth that the day's candidates are held against."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_DATE, EVENT_TYPE, ITEM_ID, QUERY, SEGMENT, SESSION_ID, SUBJECT_ID, USER_ID
from shortlist.config import QueriesConfig
from shortlist.transforms.queries import answered

ALL = "all"
NEW = "new"
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Around:
    """What is known of the time around a day.

    Attributes:
        engagements: events before and after the day, as known now.
        pairs: what `engaged_pairs` makes of them.
        day: day of the candidates.
        event_types: what makes an item relevant.
        queries: what makes an item relevant for a query.
    """

    engagements: DataFrame
    pairs: DataFrame
    day: date
    event_types: Sequence[str]
    queries: QueriesConfig


def engaged_pairs(engagements: DataFrame, day: date, event_types: Sequence[str]) -> DataFrame:
    """Users and items, once each, that were engaged with up to a day or in a relevant way after it.

    Returns:
        user_id, item_id, before (in whatever way), after (in a relevant way).
    """
    later = F.col(EVENT_DATE) > F.lit(day)
    relevant = later & F.col(EVENT_TYPE).isin(*event_types)
    events = engagements.where(F.col(ITEM_ID).isNotNull() & (~later | relevant))
    return events.groupBy(USER_ID, ITEM_ID).agg(F.bool_or(~later).alias(BEFORE), F.bool_or(later).alias(AFTER))


def user_truth(around: Around) -> DataFrame:
    """For users: all later items, and those that the user had never engaged with up to the day.

    Returns:
        segment (all, new), subject_id, item_id.
    """
    return _all_and_new(around.pairs, USER_ID)


def item_truth(around: Around) -> DataFrame:
    """For items: what was later engaged with in one session beside them.

    Returns:
        segment (all), subject_id, item_id.
    """
    relevant = F.col(EVENT_TYPE).isin(*around.event_types) & F.col(ITEM_ID).isNotNull() & F.col(SESSION_ID).isNotNull()
    later = around.engagements.where((F.col(EVENT_DATE) > F.lit(around.day)) & relevant)
    sessions = later.groupBy(SESSION_ID).agg(F.collect_set(ITEM_ID).alias("items"))
    pairs = sessions.select(F.explode("items").alias(SUBJECT_ID), "items")
    apart = pairs.select(SUBJECT_ID, F.explode("items").alias(ITEM_ID)).where(F.col(SUBJECT_ID) != F.col(ITEM_ID))
    return apart.distinct().select(F.lit(ALL).alias(SEGMENT), SUBJECT_ID, ITEM_ID)


def query_truth(around: Around) -> DataFrame:
    """For queries: what was later clicked for them, and what had never been clicked for them up to the day.

    Returns:
        segment (all, new), subject_id, item_id.
    """
    later = F.col(EVENT_DATE) > F.lit(around.day)
    pairs = answered(around.engagements, around.queries).groupBy(QUERY, ITEM_ID)
    seen = pairs.agg(F.bool_or(~later).alias(BEFORE), F.bool_or(later).alias(AFTER))
    return _all_and_new(seen, QUERY)


def _all_and_new(pairs: DataFrame, subject: str) -> DataFrame:
    """The pairs of after a day by segment: all of them, and those that there had not been up to it."""
    segments = F.when(F.col(BEFORE), F.array(F.lit(ALL))).otherwise(F.array(F.lit(ALL), F.lit(NEW)))
    after = pairs.where(F.col(AFTER))
    return after.select(F.explode(segments).alias(SEGMENT), F.col(subject).alias(SUBJECT_ID), ITEM_ID)


# By what `SubjectType.truth` names.
TRUTHS: Final[Mapping[str, Callable[[Around], DataFrame]]] = {
    "engagements": user_truth,
    "sessions": item_truth,
    "clicks": query_truth,
}
