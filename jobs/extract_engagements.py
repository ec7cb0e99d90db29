"""Landing to engagements, quarantine, catalog and promotions.

Reads the run date's landing folders and every earlier one that was not extracted yet, gives every reason against a row,
keeps the first delivery of each event, checks the result against its contract and against the traffic of the days
before, and replaces the days that it touches. The manifest says of every file what was read and what became of its rows.
"""

from collections.abc import Sequence

from pyspark.sql import DataFrame

from shortlist.checks.audit import audit
from shortlist.checks.deliveries import require_usable
from shortlist.checks.traffic import check_traffic
from shortlist.config.arguments import job_parser, parse_day, parse_job, run_main
from shortlist.landing.folders import Landing
from shortlist.steps.extract import extract_days, extract_snapshot
from shortlist.store.fences import run_partition
from shortlist.tables import CATALOG, ENGAGEMENTS, PROMOTIONS, Table
from shortlist.transforms.deliveries import Delivery
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    parser = job_parser("extract_engagements", __doc__)
    parser.add_argument(
        "--since", metavar="YYYY-MM-DD", help="read folders from this day on again, such as those of a feed that is new"
    )
    arguments = parse_job(parser, argv)
    since = arguments.options.since and parse_day("--since", arguments.options.since)
    config = arguments.settings.extraction
    landing = Landing(arguments.settings.paths.landing, config.marker)
    with open_run(arguments) as run:

        def check_delivery(deliveries: Sequence[Delivery], rejected: DataFrame) -> None:
            require_usable(deliveries, rejected, config)

        def check_rows(rows: DataFrame, table: Table) -> None:
            day, partition = run.run_date, run_partition(run.run_date)
            minutes = run.settings.checks.timeout_minutes
            audits = [audit(rows, table, partition, {"run_date": day} if table is ENGAGEMENTS else {}, minutes)]
            if table is ENGAGEMENTS:
                known = run.table(ENGAGEMENTS) if run.exists(ENGAGEMENTS) else None
                audits.append(check_traffic(rows, known, run.snapshot(CATALOG), run.settings, day, partition))
            for checked in audits:
                run.facts.setdefault("checks", []).extend(checked.as_dicts())
            for checked in audits:
                checked.raise_if_failed()

        # The catalog first: the traffic of a day is judged with what the day knew of its items.
        for table in (CATALOG, PROMOTIONS):
            extract_snapshot(run, landing, table, check_rows)
        extract_days(run, landing, check_delivery, check_rows, since)


if __name__ == "__main__":
    run_main(main)
