"""Engagements to interactions (one weight per user and item) and baskets (what was engaged with together)."""

from collections.abc import Sequence

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
from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.tables import BASKETS, INTERACTIONS
from shortlist.transforms.baskets import build_baskets, hidden_items
from shortlist.transforms.interactions import build_interactions
from shortlist.warehouse.delta import equals
from shortlist.warehouse.run import log, open_run

USED = [EVENT_ID, EVENT_TYPE, EVENT_TS, EVENT_DATE, USER_ID, ITEM_ID, SESSION_ID, REQUEST_ID, BOARD_ID]


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("build_interactions", __doc__), argv)
    settings = arguments.settings
    with open_run(arguments) as run:
        lookbacks = {settings.interactions.lookback_days, *(each.lookback_days for each in settings.baskets.values())}
        # Most look-backs are the same: what they have in common is read once.
        known = {days: run.engagements(days).select(*USED).persist() for days in lookbacks}
        engagements = known[settings.interactions.lookback_days]
        run.replace(build_interactions(engagements, run.run_date, settings.interactions), INTERACTIONS)
        # Where nobody hid anything, no event needs to be looked up among the hides.
        hides = {days: hidden_items(known[days]) for days in {each.lookback_days for each in settings.baskets.values()}}
        hidden = {days: None if found.isEmpty() else found for days, found in hides.items()}
        for kind, config in settings.baskets.items():
            events, theirs = known[config.lookback_days], hidden[config.lookback_days]
            baskets = build_baskets(events, kind, config, settings.seed, run.run_date, theirs)
            run.replace(baskets, BASKETS, basket_kind=kind)
            if not run.warehouse.has_rows(BASKETS, where=equals(run_date=run.run_date, basket_kind=kind)):
                log.warning(
                    "0 baskets of kind %s: no event of type %s names one in %d days; next: set baskets.%s.event_types, or "
                    "another kind in baskets and cooccurrence.basket_kind; until then nothing is learnt from baskets",
                    kind, ", ".join(config.event_types), config.lookback_days, kind,
                )  # fmt: skip


if __name__ == "__main__":
    run_main(main)
