"""A run date's tables and manifests to self-contained HTML pages, for people: the day's report, and one for each gate.

Starts no Spark: tables are read with Polars, and plain `python jobs/write_report.py` does the same as spark-submit.
A day that was held, or for which nothing ran, has a page too.
"""

import time
from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.records.manifest import write_manifest
from shortlist.reports.facts import gather
from shortlist.reports.gates import write_gate_pages
from shortlist.reports.page import write_page


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("write_report", __doc__), argv)
    started = time.perf_counter()
    paths = arguments.settings.paths
    facts = gather(arguments.settings, arguments.run_date)
    checks = write_gate_pages(facts, paths.reports)
    page = write_page(facts, paths.reports)
    content = {
        "job": arguments.job,
        "run_date": arguments.run_date.isoformat(),
        "run_id": arguments.run_id,
        "attempt": arguments.attempt,
        "settings": arguments.settings.model_dump(mode="json"),
        "inputs": {},
        "outputs": {},
        "report": str(page),
        "check_pages": str(checks),
        "problems": facts.problems,
        "seconds": round(time.perf_counter() - started, 2),
        "error": None,
    }
    write_manifest(paths.manifests, arguments.run_date, arguments.job, content)
    print(f"write_report: {page}")


if __name__ == "__main__":
    run_main(main)
