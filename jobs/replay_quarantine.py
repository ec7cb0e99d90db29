"""Quarantine of one day to engagements, after a mapping was mended.

Parses the rows that were delivered on the run date and could not be used once more, by the settings in force. Rows that
can be used by now go to engagements with the ingest date of their folder; the rest stays, with the reasons of today.
Replaying again changes nothing.
"""

from collections.abc import Sequence

from pyspark.sql import DataFrame

from shortlist.checks.audit import audit
from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.replay import replay_quarantine
from shortlist.store.fences import run_partition
from shortlist.tables import Table
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("replay_quarantine", __doc__), argv)
    with open_run(arguments) as run:

        def check_rows(rows: DataFrame, table: Table) -> None:
            minutes = run.settings.checks.timeout_minutes
            checked = audit(rows, table, run_partition(run.run_date), {"run_date": run.run_date}, minutes)
            run.facts["checks"] = checked.as_dicts()
            checked.raise_if_failed()

        replay_quarantine(run, check_rows)


if __name__ == "__main__":
    run_main(main)
