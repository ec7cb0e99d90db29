"""The pages of a run date: the day's report, and one for each gate. Starts no Spark."""

from shortlist.config.arguments import Arguments
from shortlist.reports.facts import gather
from shortlist.reports.gates import write_gate_pages
from shortlist.reports.page import write_page
from shortlist.store.manifests import recorded


def write_report(arguments: Arguments) -> str:
    """Gather what there is to tell of the run date, write its pages, and return the report's path."""
    reports = arguments.settings.paths.reports
    with recorded(arguments) as manifest:
        facts = gather(arguments.settings, arguments.run_date)
        manifest.check_pages = write_gate_pages(facts, reports)
        page = write_page(facts, reports)
        manifest.report = page
        manifest.problems = list(facts.problems)
    return page
