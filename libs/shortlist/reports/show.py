"""What a run published, as plain text for a terminal: a few lists, the evaluation, and how to read the tables.

python -m shortlist.reports.show --run-date 2017-11-30
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Final

from shortlist.config import SurfaceConfig, load_settings
from shortlist.errors import SettingsError, ShortlistError
from shortlist.metrics.definitions import DEFINITIONS
from shortlist.reports.evaluation import Evaluation, Verdict, what_counts
from shortlist.reports.facts import RunFacts, gather
from shortlist.reports.page import headline, report_path
from shortlist.reports.reading_examples import reading_snippets
from shortlist.reports.surfaces import Candidate, Sample, SurfaceFacts
from shortlist.reports.untrusted import column, plain
from shortlist.store.filesystems import is_file
from shortlist.subjects import SUBJECTS, SubjectKind

WIDTH: Final = 120
_LEFT: Final = 44  # columns of the history
_HEAD: Final = 5  # ranks of a list that are shown
_SUBJECTS: Final = 3  # lists per surface that are shown
_SOURCES: Final = 4  # sources beside each other in a table of means
_METRIC: Final = 22  # columns of a metric with its list length
_ESTIMATE: Final = 24  # columns of a mean with its interval


def shown(facts: RunFacts, reports: str) -> Iterator[str]:
    """The text line by line, none wider than `WIDTH` columns but for what is there to be copied: paths and code.

    Args:
        facts: What to tell.
        reports: Folder or URL of the HTML reports.
    """
    said = headline(facts)
    yield from wrap(f"{facts.run_date.isoformat()}: {said.verdict}. {plain(said.sentence, 400)}", WIDTH)
    for surface in facts.surfaces:
        yield from _surface(surface)
    yield from _evaluation(facts.evaluation, {surface.name: surface.config for surface in facts.surfaces})
    for problem in facts.problems:
        yield from wrap(f"could not be read: {plain(problem, 400)}", WIDTH)
    path = report_path(reports, facts.run_date)
    written = path if is_file(path) else f"not written yet: run jobs/write_report.py --run-date {facts.run_date}"
    yield from ("", f"The whole report: {written}")
    yield from _reading(facts)


def _surface(surface: SurfaceFacts) -> Iterator[str]:
    yield from ("", _rule(f"{surface.name}: up to {surface.config.k} items for each {surface.addressed}"))
    if surface.decision is not None and not surface.published:
        why = plain(surface.decision.why, 400) or "no reason recorded"
        yield from wrap(f"{surface.decision.status.replace('_', ' ')}: {why}", WIDTH)
    if not surface.samples:
        why = plain(surface.missing, 400) or "nothing was published for this day"
        yield from wrap(f"no lists to show: {why}", WIDTH)
    for sample in surface.samples[:_SUBJECTS]:
        yield ""
        kind = surface.config.subject
        yield from _beside(sample) if SUBJECTS[kind].history == "interactions" else _alone(kind, sample)


def _beside(sample: Sample) -> Iterator[str]:
    """A user's newest engagement on the left, the head of the list on the right."""
    right = [line for candidate in sample.candidates[:_HEAD] for line in _two_lines(candidate)]
    left = [f"{event.day.isoformat()} {event.item.title}" for event in sample.history]
    yield f"{column(f'user {sample.subject.item_id}: did last', _LEFT)}  candidates"
    for did, candidate in zip_longest(left, right, fillvalue=""):
        yield f"{column(did, _LEFT)}  {candidate}".rstrip()


def _alone(kind: SubjectKind, sample: Sample) -> Iterator[str]:
    """The head of the list of an item or a query."""
    named = "" if sample.subject.title == sample.subject.item_id else f"{plain(sample.subject.title, 80)}, "
    yield plain(f"{kind} {named}{sample.subject.item_id}", WIDTH)
    for candidate in sample.candidates[:_HEAD]:
        why = column(_source_and_reason(candidate), WIDTH - 56)
        yield f"{candidate.rank:>3} {column(candidate.item.title, 50)}  {why}".rstrip()


def _two_lines(candidate: Candidate) -> tuple[str, str]:
    reason = column(_source_and_reason(candidate), WIDTH - _LEFT - 6).rstrip()
    return f"{candidate.rank:>3} {column(candidate.item.title, WIDTH - _LEFT - 6).rstrip()}", f"    {reason}"


def _source_and_reason(candidate: Candidate) -> str:
    """The source, beside it what the item is to that of the list; its reason but where it goes without saying."""
    named = ", ".join(filter(None, (candidate.source, candidate.relation)))
    return named if candidate.reason is None else f"{named}: {candidate.reason}"


def _evaluation(evaluation: Evaluation, surfaces: Mapping[str, SurfaceConfig]) -> Iterator[str]:
    yield from ("", _rule("how good earlier lists were"))
    if not evaluation.verdicts:
        yield from wrap(evaluation.missing, WIDTH)
    for verdict in evaluation.verdicts:
        yield from ("", *_verdict(verdict, what_counts(surfaces.get(verdict.surface), verdict.segment)))
    if evaluation.metrics:
        yield ""
    for metric in evaluation.metrics:
        yield f"{column(metric, 14)} {DEFINITIONS.get(metric, 'not defined in shortlist.metrics')}"


def _verdict(verdict: Verdict, counted: str) -> Iterator[str]:
    part = "all relevant items" if verdict.segment == "all" else f"{verdict.segment} items only"
    said = (
        f"{verdict.surface}, {part}: lists of {verdict.candidates_date} against the {verdict.horizon_days} days after. "
        f"{verdict.subjects:,} subjects, {verdict.without_list:,} of them without a list (they count as 0). {counted} "
        "Means and 95 % intervals:"
    )
    yield from wrap(said, WIDTH)
    for first in range(0, len(verdict.sources), _SOURCES):
        yield from _means(verdict, verdict.sources[first : first + _SOURCES])
    if verdict.best_alone:
        yield from wrap(verdict.best_alone, WIDTH)


def _means(verdict: Verdict, sources: Sequence[str]) -> Iterator[str]:
    """A table of some sources, as many as are beside each other with their intervals."""
    yield (column("", _METRIC) + "".join(column(source, _ESTIMATE) for source in sources)).rstrip()
    for metric, k in verdict.tables[""]:
        estimates = [verdict.estimates.get((source, metric, k)) for source in sources]
        cells = [
            "not computed"
            if estimate is None
            else f"{estimate.value:.4f}"
            if estimate.low is None or estimate.high is None
            else f"{estimate.value:.4f} ({estimate.low:.4f}-{estimate.high:.4f})"
            for estimate in estimates
        ]
        yield (column(f"{metric}@{k}", _METRIC) + "".join(column(cell, _ESTIMATE) for cell in cells)).rstrip()


def _reading(facts: RunFacts) -> Iterator[str]:
    surface = next((s for s in facts.surfaces if s.served is not None), None)
    if surface is None or surface.served is None:
        yield from ("", "Nothing has been published yet, so there is no table to read.")
        return
    yield from ("", _rule(f"read {surface.table} yourself"))
    path = f"{facts.warehouse.rstrip('/')}/{surface.table}"
    for snippet in reading_snippets(path, surface.served.table_version, surface.served.run_date):
        yield from ("", f"# {snippet.tool}", *snippet.code.splitlines())


def _rule(title: str) -> str:
    return f"-- {title} {'-' * max(2, WIDTH - len(title) - 4)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the text; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m shortlist.reports.show", description="what a run published, as text"
    )
    parser.add_argument("--run-date", required=True, metavar="YYYY-MM-DD", help="logical date of the run")
    parser.add_argument("--config", type=Path, help="settings file (default: $SHORTLIST_CONFIG, else the demo's)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", dest="overrides", help="override a setting"
    )
    arguments = parser.parse_args(argv)
    try:
        settings = load_settings(arguments.config, arguments.overrides)
        try:
            run_date = date.fromisoformat(arguments.run_date)
        except ValueError:
            problem = "is no day; next: write it as 2017-11-30"
            raise SettingsError.bad_argument("--run-date", arguments.run_date, problem) from None
        for line in shown(gather(settings, run_date), settings.paths.reports):
            print(line)
    except ShortlistError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # A pager or `head` has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
