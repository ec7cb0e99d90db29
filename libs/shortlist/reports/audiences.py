"""Whom a surface for lapsing users addressed, and who of an earlier audience came back."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from shortlist.columns import DECISION, EVENT_DATE, EVENT_TYPE, INGEST_DATE, RETURN_PROBABILITY, SURFACE, USER_ID
from shortlist.config import Settings
from shortlist.store.pinned_tables import Lake

TABLE: Final = "audiences"
_CAME: Final = "came"
# In the order in which people read them.
_DECISIONS: Final = ("listed", "held_back", "over_budget", "blocked", "sent_lately")


@dataclass(frozen=True)
class Returned:
    """What became of users whose list, or none, was decided on an earlier day.

    Attributes:
        users: how many there were.
        came: share of them who were active within the horizon.
    """

    users: int
    came: float


@dataclass(frozen=True)
class AudienceFacts:
    """One day's audience.

    Attributes:
        decisions: how many users have which decision, as the contract of audiences names them.
        expected: mean chance of a return of those with a list; None where it was not learned.
        horizon_days: days within which a return counts.
        since: the earlier day that is looked back at.
        returned: what became of its users, by decision; empty where that day had no audience.
    """

    decisions: dict[str, int]
    expected: float | None
    horizon_days: int
    since: date
    returned: dict[str, Returned]

    @property
    def users(self) -> int:
        """How many users are lapsing."""
        return sum(self.decisions.values())


def read_audience(lake: Lake, settings: Settings, run_date: date, name: str) -> AudienceFacts | None:
    """A surface's audience of a day, and what became of the one a horizon ago; None where it is made for everybody."""
    lapsing = settings.surfaces[name].lapsing
    audience = None if lapsing is None else _audience(lake, run_date, name)
    if lapsing is None or audience is None or audience.is_empty():
        return None
    listed = audience.filter(pl.col(DECISION) == "listed")[RETURN_PROBABILITY].drop_nulls()
    since = run_date - timedelta(days=lapsing.horizon_days)
    return AudienceFacts(
        decisions=dict(audience.group_by(DECISION).len().sort(DECISION).rows()),
        expected=None if listed.is_empty() else float(listed.to_numpy().mean()),
        horizon_days=lapsing.horizon_days,
        since=since,
        returned=_returned(lake, settings, since, run_date, name),
    )


def _audience(lake: Lake, day: date, name: str) -> pl.DataFrame | None:
    rows = lake.of_day(TABLE, day)
    if rows is None:
        return None
    return lake.collect(TABLE, rows.filter(pl.col(SURFACE) == name).select(USER_ID, DECISION, RETURN_PROBABILITY))


def _returned(lake: Lake, settings: Settings, since: date, run_date: date, name: str) -> dict[str, Returned]:
    then, events = _audience(lake, since, name), lake.scan("engagements")
    if then is None or then.is_empty() or events is None:
        return {}
    within = (pl.col(EVENT_DATE) > since) & (pl.col(EVENT_DATE) <= run_date) & (pl.col(INGEST_DATE) <= run_date)
    active = within & pl.col(EVENT_TYPE).is_in(list(settings.interactions.weights))
    came = lake.collect(
        "engagements", events.filter(active).select(USER_ID).unique().with_columns(pl.lit(True).alias(_CAME))
    )
    joined = (
        then.join(came, USER_ID, how="left").group_by(DECISION).agg(pl.len(), pl.col(_CAME).fill_null(False).mean())
    )
    found = {decision: Returned(users, share) for decision, users, share in joined.rows()}
    return {decision: found[decision] for decision in _DECISIONS if decision in found}
