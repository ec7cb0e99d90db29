"""Upkeep of every table: drop days beyond their retention, put small files together, remove files that nobody needs.

Versions that publications names stay readable. The manifest states files and bytes of each table before and after.
"""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.maintain import maintain
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    with open_run(parse_job(job_parser("maintain_tables", __doc__), argv)) as run:
        maintain(run)


if __name__ == "__main__":
    run_main(main)
