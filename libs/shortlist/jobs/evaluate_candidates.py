"""Earlier published candidates against what users did afterwards: metrics with intervals, per source and for the blend."""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.evaluate import evaluate
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    with open_run(parse_job(job_parser("evaluate_candidates", __doc__), argv)) as run:
        evaluate(run)


if __name__ == "__main__":
    run_main(main)
