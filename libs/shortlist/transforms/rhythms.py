"""How late users are by their own rhythm: the days since they were active last, in their own intervals between active days."""

from collections.abc import Collection
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_DATE, EVENT_TYPE, LATENESS, USER_ID

_DAYS, _FIRST, _LAST = "active_days", "first_day", "last_day"


def lateness_of_users(
    engagements: DataFrame, day: date, event_types: Collection[str], min_active_days: int
) -> DataFrame:
    """Users with a rhythm, and how late they are when a day ends.

    Args:
        engagements: user_id, event_type, event_date; later days are not looked at.
        day: the day.
        event_types: what makes a day an active one.
        min_active_days: fewer of them, at least 2, are no rhythm.

    Returns:
        user_id, lateness: (days since the last active day) / (mean days between two active days), double.
    """
    active = engagements.where(F.col(EVENT_TYPE).isin(*event_types) & (F.col(EVENT_DATE) <= F.lit(day)))
    days = active.select(USER_ID, EVENT_DATE).distinct()
    users = days.groupBy(USER_ID).agg(
        F.count("*").alias(_DAYS), F.min(EVENT_DATE).alias(_FIRST), F.max(EVENT_DATE).alias(_LAST)
    )
    interval = F.datediff(_LAST, _FIRST) / (F.col(_DAYS) - 1)
    with_rhythm = users.where(F.col(_DAYS) >= max(2, min_active_days))
    return with_rhythm.select(USER_ID, (F.datediff(F.lit(day), _LAST) / interval).alias(LATENESS))


def is_lapsing(after: float, until: float | None) -> Column:
    """Whether a user is so many of its own intervals late, and not yet given up."""
    late = F.col(LATENESS) >= F.lit(after)
    return late if until is None else late & (F.col(LATENESS) <= F.lit(until))
