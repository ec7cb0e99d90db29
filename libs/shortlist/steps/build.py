"""Engagements to interactions and baskets, at what was known when the run date ended."""

import logging
from datetime import timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    BOARD_ID,
    EVENT_DATE,
    EVENT_ID,
    EVENT_TS,
    EVENT_TYPE,
    ITEM_ID,
    REQUEST_ID,
    SESSION_ID,
    USER_ID,
)
from shortlist.tables import BASKETS, INTERACTIONS
from shortlist.transforms.baskets import build_baskets, hidden_items
from shortlist.transforms.interactions import build_interactions
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.run import Run, log

# Days of a look-back that leaves nothing out.
_EVER = 200 * 365
_USED = [EVENT_ID, EVENT_TYPE, EVENT_TS, EVENT_DATE, USER_ID, ITEM_ID, SESSION_ID, REQUEST_ID, BOARD_ID]


def build(run: Run) -> None:
    """Interactions of every user, then the baskets of each kind."""
    config, baskets = run.settings.interactions, run.settings.baskets
    # Most look-backs are the same: what they have in common is read once.
    lookbacks = {config.lookback_days, *(each.lookback_days for each in baskets.values())}
    known = {days: run.engagements(days).select(*_USED).persist() for days in lookbacks}
    _say_what_is_left_out(run, config.lookback_days)
    run.replace(build_interactions(known[config.lookback_days], run.run_date, config), INTERACTIONS)
    hidden = {days: _hidden(known[days]) for days in {each.lookback_days for each in baskets.values()}}
    for kind, each in baskets.items():
        events, hides = known[each.lookback_days], hidden[each.lookback_days]
        rows = build_baskets(events, kind, each, run.settings.seed, run.run_date, hides)
        run.replace(rows, BASKETS, basket_kind=kind)
        if not run.warehouse.has_rows(BASKETS, where=equals(run_date=run.run_date, basket_kind=kind)):
            log.warning(
                "0 baskets of kind %s: no event of type %s names one in %d days; next: set baskets.%s.event_types, or "
                "another kind in baskets and cooccurrence.basket_kind; until then nothing is learnt from baskets",
                kind,
                ", ".join(each.event_types),
                each.lookback_days,
                kind,
            )


def _say_what_is_left_out(run: Run, lookback_days: int) -> None:
    """Which share of the stored engagements is too old to be learned from; a warning where it is most of them."""
    oldest = run.run_date - timedelta(days=lookback_days - 1)
    stored, kept = run.engagements(_EVER).agg(F.count("*"), F.count_if(F.col(EVENT_DATE) >= oldest)).collect()[0]
    run.manifest.look_back = {"days": lookback_days, "stored": stored, "kept": kept}
    if kept == stored:
        return
    log.log(
        logging.WARNING if 2 * kept < stored else logging.INFO,
        "interactions.lookback_days %d leaves %d of %d stored engagements (%.1f %%), those of %s and later; next, where "
        "older ones are to count: raise it, with maintenance.engagement_days at least as high",
        lookback_days, kept, stored, 100 * kept / stored, oldest,
    )  # fmt: skip


def _hidden(events: DataFrame) -> DataFrame | None:
    """What users hid; None where nobody hid anything, so that no event needs to be looked up among the hides."""
    hides = hidden_items(events)
    return None if hides.isEmpty() else hides
