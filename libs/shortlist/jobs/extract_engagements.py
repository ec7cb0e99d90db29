"""Landing to engagements, quarantine, catalog, promotions and members of audiences.

Reads the run date's landing folders and every earlier one that was not extracted yet, gives every reason against a row,
keeps the first delivery of each event, checks the result against its contract and against the traffic of the days
before, and replaces the days that it touches. The manifest says of every file what was read and what became of its rows.
"""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_day, parse_job, run_main
from shortlist.steps.extract import extract
from shortlist.warehouse.run import open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    parser = job_parser("extract_engagements", __doc__)
    parser.add_argument(
        "--since", metavar="YYYY-MM-DD", help="read folders from this day on again, such as those of a feed that is new"
    )
    arguments = parse_job(parser, argv)
    since = arguments.options.since and parse_day("--since", arguments.options.since)
    with open_run(arguments) as run:
        extract(run, since)


if __name__ == "__main__":
    run_main(main)
