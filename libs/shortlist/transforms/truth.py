"""What users did after a day: the truth that the day's candidates are held against."""

from collections.abc import Callable, Collection, Mapping, Sequence
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
ENGAGED_BEFORE = "engaged_before"
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


def engaged_pairs(engagements: DataFrame, day: date, event_types: Sequence[str], counted: Collection[str]) -> DataFrame:
    """Users and items, once each, that were engaged with up to a day or in a relevant way after it.

    Args:
        engagements: events before and after the day.
        day: day of the candidates.
        event_types: what makes an item relevant.
        counted: event types by which a user has engaged with an item; what was only shown or sent is still new.

    Returns:
        user_id, item_id, before (in whatever way that counts), after (in a relevant way).
    """
    later = F.col(EVENT_DATE) > F.lit(day)
    relevant = later & F.col(EVENT_TYPE).isin(*event_types)
    earlier = ~later & F.col(EVENT_TYPE).isin(*{*counted, *event_types})
    events = engagements.where(F.col(ITEM_ID).isNotNull() & (earlier | relevant))
    return events.groupBy(USER_ID, ITEM_ID).agg(F.bool_or(~later).alias(BEFORE), F.bool_or(later).alias(AFTER))


def user_truth(around: Around) -> DataFrame:
    """For users: all later items, those of them that the user had never engaged with up to the day, and what it had engaged with.

    Returns:
        segment (all, new, engaged_before), subject_id, item_id.
    """
    return _by_segment(around.pairs, USER_ID)


def item_truth(around: Around) -> DataFrame:
    """For items: what was later engaged with in one session beside them.

    Returns:
        segment (all), subject_id, item_id.
    """
    relevant = F.col(EVENT_TYPE).isin(*around.event_types) & F.col(ITEM_ID).isNotNull() & F.col(SESSION_ID).isNotNull()
    later = around.engagements.where((F.col(EVENT_DATE) > F.lit(around.day)) & relevant)
    sessions = later.groupBy(SESSION_ID).agg(F.collect_set(ITEM_ID).alias("items"))
    pairs = sessions.select(F.explode("items").alias(SUBJECT_ID), "items")
    beside = pairs.select(SUBJECT_ID, F.explode("items").alias(ITEM_ID)).where(F.col(SUBJECT_ID) != F.col(ITEM_ID))
    return beside.distinct().select(F.lit(ALL).alias(SEGMENT), SUBJECT_ID, ITEM_ID)


def query_truth(around: Around) -> DataFrame:
    """For queries: what was later clicked for them, what of it had never been clicked for them up to the day, and what had.

    Returns:
        segment (all, new, engaged_before), subject_id, item_id.
    """
    later = F.col(EVENT_DATE) > F.lit(around.day)
    pairs = answered(around.engagements, around.queries).groupBy(QUERY, ITEM_ID)
    seen = pairs.agg(F.bool_or(~later).alias(BEFORE), F.bool_or(later).alias(AFTER))
    return _by_segment(seen, QUERY)


def _by_segment(pairs: DataFrame, subject: str) -> DataFrame:
    """Pairs by segment: all that came after a day, those of them that there had not been up to it, and those that had been."""
    segments = {ALL: F.col(AFTER), NEW: F.col(AFTER) & ~F.col(BEFORE), ENGAGED_BEFORE: F.col(BEFORE)}
    named = F.array_compact(F.array(*(F.when(within, F.lit(name)) for name, within in segments.items())))
    return pairs.select(F.explode(named).alias(SEGMENT), F.col(subject).alias(SUBJECT_ID), ITEM_ID)


# By what `SubjectType.truth` names.
TRUTHS: Final[Mapping[str, Callable[[Around], DataFrame]]] = {
    "engagements": user_truth,
    "sessions": item_truth,
    "clicks": query_truth,
}
