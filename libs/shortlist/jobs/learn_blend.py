"""How sources are blended on each surface, learned from what followed earlier days."""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.learn import learn
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    with open_run(parse_job(job_parser("learn_blend", __doc__), argv)) as run:
        learn(run)


if __name__ == "__main__":
    run_main(main)
