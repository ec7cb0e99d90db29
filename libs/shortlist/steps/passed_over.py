"""Users whom a surface passes over, whatever else it would give them: they get no list."""

from datetime import timedelta
from functools import reduce
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import AUDIENCE, DECISION, LAST_TS, SUBJECT_ID, USER_ID
from shortlist.config import SurfaceConfig
from shortlist.errors import InputMissingError
from shortlist.tables import AUDIENCE_MEMBERS
from shortlist.transforms.exposures import sent_users
from shortlist.warehouse.run import Run, log

BLOCKED: Final = "blocked"
SENT_LATELY: Final = "sent_lately"
INACTIVE: Final = "inactive"
# Where several apply to a user, the first of these is reported.
_IN_ORDER: Final = (BLOCKED, SENT_LATELY, INACTIVE)


def passed_over(run: Run, name: str, surface: SurfaceConfig, interactions: DataFrame) -> DataFrame | None:
    """The users who get no list, and why; None where the surface has no such rule.

    Args:
        run: the run.
        name: of the surface.
        surface: the surface.
        interactions: user_id, last_ts of the run date.

    Returns:
        user_id, decision (blocked, or else sent_lately, or else inactive).

    Raises:
        InputMissingError: the audience that is blocked has never been landed: whoever must not get a list would get one.
    """
    found = []
    if surface.blocked_audience is not None:
        members = run.snapshot(AUDIENCE_MEMBERS)
        if members is None:
            raise InputMissingError.no_audience(name, surface.blocked_audience, run.run_date)
        blocked = members.where(F.col(AUDIENCE) == surface.blocked_audience)
        if blocked.isEmpty():
            log.warning("%s: nobody is in blocked_audience %s", name, surface.blocked_audience)
        found.append(blocked.select(USER_ID, F.lit(BLOCKED).alias(DECISION)))
    if surface.sent is not None and surface.sent.user_days is not None:
        users = sent_users(run.engagements(surface.sent.user_days), surface.sent)
        if users.isEmpty():
            log.warning(
                "%s: no event of type send with surface %s within %d days: nobody is passed over; next: land what was sent",
                name, surface.sent.surface, surface.sent.user_days,
            )  # fmt: skip
        found.append(users.select(USER_ID, F.lit(SENT_LATELY).alias(DECISION)))
    if surface.active_within_days is not None:
        since = run.run_date - timedelta(days=surface.active_within_days - 1)
        last_days = interactions.groupBy(USER_ID).agg(F.to_date(F.max(LAST_TS)).alias(LAST_TS))
        inactive = last_days.where(F.col(LAST_TS) < F.lit(since))
        found.append(inactive.select(USER_ID, F.lit(INACTIVE).alias(DECISION)))
    if not found:
        return None
    decisions = reduce(DataFrame.unionByName, found).groupBy(USER_ID).agg(F.collect_set(DECISION).alias(DECISION))
    holds = (F.when(F.array_contains(DECISION, decision), decision) for decision in _IN_ORDER)
    return decisions.select(USER_ID, F.coalesce(*holds).alias(DECISION))


def without_passed_over(subjects: DataFrame, users: DataFrame | None) -> DataFrame:
    """The subjects who are not passed over."""
    if users is None:
        return subjects
    return subjects.join(users.select(F.col(USER_ID).alias(SUBJECT_ID)), SUBJECT_ID, how="left_anti")
