"""Engagements to interactions (one weight per user and item) and baskets (what was engaged with together)."""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.build import build
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    with open_run(parse_job(job_parser("build_interactions", __doc__), argv)) as run:
        build(run)


if __name__ == "__main__":
    run_main(main)
