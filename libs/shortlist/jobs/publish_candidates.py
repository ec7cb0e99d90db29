"""Generated lists to published candidates; a surface whose checks fail is held."""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.publish import publish_all
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    with open_run(parse_job(job_parser("publish_candidates", __doc__), argv)) as run:
        publish_all(run)


if __name__ == "__main__":
    run_main(main)
