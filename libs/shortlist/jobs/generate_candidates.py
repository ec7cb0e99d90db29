"""Interactions and models to what each source proposes and to the lists of each surface, not yet checked."""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.generate import generate
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    with open_run(parse_job(job_parser("generate_candidates", __doc__), argv)) as run:
        generate(run)


if __name__ == "__main__":
    run_main(main)
