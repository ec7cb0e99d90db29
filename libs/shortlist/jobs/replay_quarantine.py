"""Quarantine of one day to engagements, after a mapping was mended.

Parses the rows that were delivered on the run date and could not be used once more, by the settings in force. Rows that
can be used by now go to engagements with the ingest date of their folder; the rest stays, with the reasons of today.
Replaying again changes nothing.
"""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.replay import replay_quarantine
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("replay_quarantine", __doc__), argv)
    with open_run(arguments) as run:
        replay_quarantine(run)


if __name__ == "__main__":
    run_main(main)
