"""A run date's tables and manifests to self-contained HTML pages, for people: the day's report, and one for each gate.

Starts no Spark: tables are read with Polars, and plain `python jobs/write_report.py` does the same as spark-submit.
A day that was held, or for which nothing ran, has a page too.
"""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.steps.report import write_report


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    print(f"write_report: {write_report(parse_job(job_parser('write_report', __doc__), argv))}")


if __name__ == "__main__":
    run_main(main)
