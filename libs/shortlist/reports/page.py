"""The report of a run date as one self-contained HTML page: no script, no font, no picture from elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from shortlist import pipeline
from shortlist.metrics.definitions import BLEND, DEFINITIONS, MIN_SUBJECTS
from shortlist.records.checks import CheckResult
from shortlist.records.manifest import Manifest, ShortLists
from shortlist.redaction import redact
from shortlist.reports import charts
from shortlist.reports.evaluation import Verdict, what_counts
from shortlist.reports.facts import RunFacts, TableFacts
from shortlist.reports.gates import FOLDER, INDEX, gate_pages
from shortlist.reports.reading_examples import reading_snippets
from shortlist.reports.rendering import render
from shortlist.reports.surfaces import SurfaceFacts
from shortlist.reports.untrusted import plain
from shortlist.store.filesystems import write_whole

SOURCE_CLASSES: Final = 10
"""Colours of sources in the style sheet; a seventh source shares the last one."""


REASON_LENGTH: Final = 220
"""Letters of a reason in the headline; the rest is further down."""

EXTRACTION: Final = pipeline.producer("engagements")


@dataclass(frozen=True)
class Headline:
    """What the page says first.

    Attributes:
        state: good, bad or unknown; chooses a colour.
        verdict: One or two words.
        sentence: What happened, for somebody who reads nothing else.
    """

    state: str
    verdict: str
    sentence: str


@dataclass(frozen=True)
class Gate:
    """The checks of one job, the failed ones first."""

    title: str
    checks: tuple[CheckResult, ...]

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """Rules that the rows break, or that could not be evaluated."""
        return tuple(check for check in self.checks if check.outcome in ("failed", "not evaluated"))

    @property
    def off(self) -> tuple[CheckResult, ...]:
        """Rules that had nothing to judge."""
        return tuple(check for check in self.checks if check.outcome == "not applicable")


def report_path(reports: str, run_date: date) -> str:
    """Where the report of a run date lives."""
    return f"{reports.rstrip('/')}/{run_date.isoformat()}.html"


def write_page(facts: RunFacts, reports: str) -> str:
    """Render the page and write it, whole or not at all; returns its path.

    Args:
        facts: What to tell.
        reports: Folder or URL of the reports.
    """
    path = report_path(reports, facts.run_date)
    write_whole(path, render_page(facts).encode("utf-8"))
    return path


def render_page(facts: RunFacts) -> str:
    """The page's HTML. Every value is escaped by the template; what people wrote is cut and made visible before."""
    classes = source_classes(facts)
    return render(
        "page.html.j2",
        facts=facts,
        headline=headline(facts),
        gates=gates(facts.jobs),
        checks=check_pages(facts),
        stages=stages(facts.tables),
        classes=classes,
        definitions=DEFINITIONS,
        charts=charts,
        highest=highest,
        snippets=[(surface, _snippets(facts, surface)) for surface in facts.surfaces if surface.served],
        short={surface.name: short_lists(facts.jobs, surface.name) for surface in facts.surfaces},
        item_rules={surface: rules for record in facts.jobs for surface, rules in record.item_rules.items()},
        blend=BLEND,
        what_counts=what_counts,
        configs={surface.name: surface.config for surface in facts.surfaces},
        subjects={surface.name: surface.config.subject for surface in facts.surfaces},
        fallbacks={surface.name: surface.config.fallback for surface in facts.surfaces},
        horizons=facts.horizons,
        min_subjects=MIN_SUBJECTS,
        extraction_failed=next((record.error for record in facts.jobs if record.job == EXTRACTION), None),
    )  # fmt: skip


def check_pages(facts: RunFacts) -> dict[str, str]:
    """The gates' own pages beside the report: relative links by gate, the index under an empty name."""
    folder = f"{FOLDER}/{facts.run_date.isoformat()}"
    pages = gate_pages(facts.jobs, [surface.name for surface in facts.surfaces])
    return {"": f"{folder}/{INDEX}"} | {page.name: f"{folder}/{page.file}" for page in pages if page.file}


def headline(facts: RunFacts) -> Headline:
    """Published, held, or not decided: over all surfaces."""
    out = [surface for surface in facts.surfaces if surface.published]
    held = [surface for surface in facts.surfaces if surface.decision is not None and not surface.published]
    silent = [surface for surface in facts.surfaces if surface.decision is None]
    lists = sum(surface.decision.subjects for surface in out if surface.decision)
    rows = sum(surface.decision.rows for surface in out if surface.decision)
    sent = f"{_names(out)} went out: {lists:,} lists, {rows:,} candidates." if out else ""
    if held:
        why = "; ".join(_why(surface, len(held) > 1) for surface in held)
        said = f"{_names(held)} did not go out: {why}. What was published before stays served."
        return Headline("bad", "Held" if not out else "Held in part", f"{said} {sent}".strip())
    if silent:
        failed = [f"{record.job} stopped: {_cut(record.error)}" for record in facts.jobs if record.error]
        why = failed[0] if failed else "the run has not come to publishing"
        said = f"Nothing was decided for {_names(silent)}: {why}."
        return Headline("unknown", "Not published" if not out else "Published in part", f"{said} {sent}".strip())
    return Headline("good", "Published", sent)


def gates(records: Iterable[Manifest]) -> tuple[Gate, ...]:
    """The two gates, failed rules first, and any other job that checked something."""
    titles = {
        "extract_engagements": "First gate: engagements, after extraction",
        "publish_candidates": "Second gate: candidates, before publication",
    }

    def order(check: CheckResult) -> tuple[bool, bool, bool, str]:
        return not check.holds, check.outcome != "failed", check.outcome != "not applicable", check.table

    return tuple(
        Gate(titles.get(record.job, record.job), tuple(sorted(record.checks, key=order)))
        for record in records
        if record.checks or record.job in titles
    )


def stages(tables: Iterable[TableFacts]) -> list[list[tuple[str, list[TableFacts]]]]:
    """The flow from left to right: jobs with the tables they write; jobs that run side by side share a stage."""
    by_job: dict[str, list[TableFacts]] = {}
    for table in tables:
        by_job.setdefault(table.job, []).append(table)
    return [[(job, by_job[job]) for job in side_by_side] for side_by_side in pipeline.stages(by_job)]


def source_classes(facts: RunFacts) -> dict[str, str]:
    """CSS class by source: the same colour for a source everywhere on the page, fallbacks after the fused ones."""
    fused = [source for surface in facts.surfaces for source in surface.config.sources]
    fallbacks = [surface.config.fallback for surface in facts.surfaces if surface.config.fallback]
    seen = [share.source for surface in facts.surfaces if surface.lists for share in surface.lists.shares]
    judged = [source for verdict in facts.evaluation.verdicts for source in verdict.sources if source != BLEND]
    names = dict.fromkeys([*fused, *fallbacks, *seen, *judged])
    return {name: f"s{min(position, SOURCE_CLASSES - 1)}" for position, name in enumerate(names)}


def short_lists(records: Iterable[Manifest], surface: str) -> tuple[ShortLists, ...] | None:
    """Why subjects of a surface have fewer than k candidates, most subjects first; None when no job counted them."""
    for record in records:
        if surface in record.short_lists:
            return tuple(sorted(record.short_lists[surface], key=lambda entry: (-entry.subjects, entry.why)))
    return None


def highest(verdict: Verdict, metric: str) -> float:
    """The right end of a metric's tracks: the highest end of an interval among all sources, with a little air."""
    ends = [
        estimate.high if estimate.high is not None else estimate.value
        for source in verdict.sources
        if (estimate := verdict.estimates.get((source, metric, verdict.shown_k)))
    ]
    return 1.08 * max(ends, default=0.0) or 1.0


def _why(surface: SurfaceFacts, named: bool) -> str:
    why = _cut((surface.decision.why if surface.decision else None) or "no reason was recorded")
    return f"{surface.name}: {why}" if named else why


def _cut(text: str) -> str:
    """As much of a reason as a headline has room for, in one line."""
    return plain(redact(text), REASON_LENGTH).rstrip(".")


def _names(surfaces: Iterable[SurfaceFacts]) -> str:
    names = [surface.name for surface in surfaces]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _snippets(facts: RunFacts, surface: SurfaceFacts) -> Any:
    served = surface.served
    path = f"{facts.warehouse.rstrip('/')}/{surface.table}"
    return reading_snippets(path, served.table_version, served.run_date) if served else ()
