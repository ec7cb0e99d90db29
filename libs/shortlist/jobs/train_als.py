"""Interactions to user and item factors, by implicit-feedback ALS."""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.train import train_als
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    with open_run(parse_job(job_parser("train_als", __doc__), argv)) as run:
        train_als(run)


if __name__ == "__main__":
    run_main(main)
