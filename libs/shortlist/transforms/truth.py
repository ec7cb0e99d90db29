"""What users did after a day: the truth that the day's candidates are held against."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_DATE, EVENT_TYPE, ITEM_ID, SEGMENT, SESSION_ID, SUBJECT_ID, USER_ID

ALL = "all"
NEW = "new"


def later_pairs(engagements: DataFrame, day: date, event_types: Sequence[str]) -> DataFrame:
    """Users and the items they engaged with after a day: user_id, item_id."""
    relevant = F.col(EVENT_TYPE).isin(*event_types) & F.col(ITEM_ID).isNotNull()
    return engagements.where((F.col(EVENT_DATE) > F.lit(day)) & relevant).select(USER_ID, ITEM_ID).distinct()


def user_truth(engagements: DataFrame, day: date, event_types: Sequence[str]) -> DataFrame:
    """For users: all later items, and those that the user had never engaged with up to the day.

    Args:
        engagements: events before and after the day, as known now.
        day: day of the candidates.
        event_types: what makes an item relevant.

    Returns:
        segment (all, new), subject_id, item_id.
    """
    after = later_pairs(engagements, day, event_types)
    before = engagements.where(F.col(EVENT_DATE) <= F.lit(day)).select(USER_ID, ITEM_ID)
    first_time = after.join(before, [USER_ID, ITEM_ID], how="left_anti")
    everything = after.withColumn(SEGMENT, F.lit(ALL)).unionByName(first_time.withColumn(SEGMENT, F.lit(NEW)))
    return everything.select(SEGMENT, F.col(USER_ID).alias(SUBJECT_ID), ITEM_ID)


def item_truth(engagements: DataFrame, day: date, event_types: Sequence[str]) -> DataFrame:
    """For items: what was later engaged with in one session beside them.

    Returns:
        segment (all), subject_id, item_id.
    """
    relevant = F.col(EVENT_TYPE).isin(*event_types) & F.col(ITEM_ID).isNotNull() & F.col(SESSION_ID).isNotNull()
    sessions = engagements.where((F.col(EVENT_DATE) > F.lit(day)) & relevant).select(SESSION_ID, ITEM_ID).distinct()
    pairs = sessions.withColumnRenamed(ITEM_ID, SUBJECT_ID).join(sessions, SESSION_ID, how="inner")
    apart = pairs.where(F.col(SUBJECT_ID) != F.col(ITEM_ID)).select(SUBJECT_ID, ITEM_ID).distinct()
    return apart.select(F.lit(ALL).alias(SEGMENT), SUBJECT_ID, ITEM_ID)


# By what `SubjectType.truth` names.
TRUTHS: Final[Mapping[str, Callable[[DataFrame, date, Sequence[str]], DataFrame]]] = {
    "engagements": user_truth,
    "sessions": item_truth,
}
