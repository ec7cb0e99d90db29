"""Engagements to interactions (one weight per user and item) and baskets (what was engaged with together)."""

from collections.abc import Sequence

from shortlist.io.arguments import job_parser, parse_job, run_main
from shortlist.io.run import open_run
from shortlist.tables import BASKETS, INTERACTIONS
from shortlist.transforms.baskets import build_baskets
from shortlist.transforms.interactions import build_interactions


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("build_interactions", __doc__), argv)
    settings = arguments.settings
    with open_run(arguments) as run:
        engagements = run.engagements(settings.interactions.lookback_days)
        run.replace(build_interactions(engagements, run.run_date, settings.interactions), INTERACTIONS)
        for kind, config in settings.baskets.items():
            known = run.engagements(config.lookback_days)
            run.replace(build_baskets(known, kind, config, settings.seed), BASKETS, basket_kind=kind)


if __name__ == "__main__":
    run_main(main)
