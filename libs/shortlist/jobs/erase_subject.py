"""Erase users or items: from every table, from files that only older versions need, from manifests and reports.

Who is asked for by `<landing>/erasures/<day>/*.json` (lines of {"kind": "user" or "item", "id": "..."}, and the marker), up to
the run date: no id stands in a command line or a log. Proof is left in the table `erasures`, under a digest; later landings
are held against it. After an erasure older versions of the tables cannot be read; publications names those that can.
"""

from collections.abc import Sequence

from shortlist.config.arguments import job_parser, parse_job, run_main
from shortlist.landing.folders import Landing
from shortlist.steps.erase import erase
from shortlist.steps.erasure_requests import requested
from shortlist.warehouse.run import log, open_run


def main(argv: Sequence[str] | None = None) -> None:
    """The job."""
    arguments = parse_job(job_parser("erase_subject", __doc__), argv)
    landing = Landing.of(arguments.settings)
    with open_run(arguments) as run:
        subjects = requested(landing, run.warehouse, run.run_date, arguments.settings.extraction.ids)
        proofs = erase(run, subjects)
        log.info("%d subject(s) erased; %d proof(s) in erasures", len(subjects), len(proofs))


if __name__ == "__main__":
    run_main(main)
