"""Every gate of a run date as a page of its own, with an index: what each rule demands, what it found, what it held."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shortlist.contracts import candidates_name, surface_of
from shortlist.records.checks import CheckResult
from shortlist.records.manifest import Manifest
from shortlist.reports.facts import RunFacts
from shortlist.reports.rendering import render
from shortlist.store.filesystems import files_below, remove_file, write_whole

FOLDER: Final = "checks"
INDEX: Final = "index.html"
OUTCOMES: Final = ("failed", "warning", "not evaluated", "not applicable", "satisfied")
"""How a rule can end, what needs eyes first."""

ABOUT: Final = {
    "engagements": "Each new engagement against its contract, before anything of the delivery is written.",
    "traffic": "The delivery as a whole beside the deliveries before it: volumes, rates, gaps, unknown items.",
    "catalog": "The newest description of items against its contract.",
    "promotions": "The newest description of promotions against its contract.",
    "audience_members": "The newest description of who is in which audience against its contract.",
}
CANDIDATES: Final = "Candidates of the surface against their contract and beside its last published day."
WRITES: Final = {
    "engagements": "Nothing of the delivery was written.",
    "traffic": "Nothing of the delivery was written.",
    "catalog": "The snapshot was not written.",
    "promotions": "The snapshot was not written.",
    "audience_members": "The snapshot was not written.",
}


@dataclass(frozen=True)
class GatePage:
    """One gate that ran, or ought to have.

    Attributes:
        name: The table, or what else the gate looks at.
        about: What it looks at, one sentence.
        job: Who ran it, empty when nobody did.
        file: Its page's file name, empty when it did not run.
        checks: Its rules, what needs eyes first.
    """

    name: str
    about: str
    job: str
    file: str
    checks: tuple[CheckResult, ...]

    @property
    def partition(self) -> str:
        """Which rows were looked at."""
        return next((check.partition for check in self.checks if check.partition), "")

    @property
    def held(self) -> bool:
        """Whether the gate stopped what it guards."""
        return any(check.holds for check in self.checks)

    @property
    def counts(self) -> dict[str, int]:
        """Rules by how they ended, in the order of `OUTCOMES`."""
        ended = [outcome(check) for check in self.checks]
        return {kind: ended.count(kind) for kind in OUTCOMES}

    @property
    def verdict(self) -> str:
        """One or two words."""
        if not self.checks:
            return "No results"
        return "Held" if self.held else "Passed, with warnings" if self.counts["warning"] else "Passed"

    @property
    def effect(self) -> str:
        """What the gate held, or let pass."""
        if not self.checks:
            return "There was nothing new to check on this day, or the run did not come to it."
        if self.held:
            return WRITES.get(self.name, "It was not published, and what was published before stays served.")
        off = self.counts["not applicable"]
        return (
            f"Nothing was held; {off} of {len(self.checks)} rules had nothing to judge." if off else "Nothing was held."
        )

    @property
    def state(self) -> str:
        """good, bad or unknown; chooses a colour."""
        return "bad" if self.held else "good" if self.verdict == "Passed" else "unknown"


def outcome(check: CheckResult) -> str:
    """How a rule ended: one of `OUTCOMES`."""
    return "warning" if check.outcome == "failed" and not check.holds else check.outcome


def gate_pages(records: Iterable[Manifest], surfaces: Iterable[str]) -> tuple[GatePage, ...]:
    """All gates of a day: those that every day should have, in the order of the run, then any other that left results.

    Args:
        records: what the jobs say of themselves.
        surfaces: names of the surfaces, each of which has a gate.
    """
    ran: dict[str, tuple[str, list[CheckResult]]] = {}
    for record in records:
        for check in record.checks:
            ran.setdefault(check.table, (record.job, []))[1].append(check)
    expected = [*ABOUT, *map(candidates_name, surfaces)]
    pages: list[GatePage] = []
    for name in dict.fromkeys([*expected, *ran]):
        job, checks = ran.get(name, ("", []))
        file = _file(name, len(pages)) if checks else ""
        about = ABOUT.get(name, CANDIDATES if surface_of(name) else "Rows against their contract.")
        order = sorted(checks, key=lambda check: OUTCOMES.index(outcome(check)))
        pages.append(GatePage(name, about, job, file, tuple(order)))
    return tuple(pages)


def write_gate_pages(facts: RunFacts, reports: str) -> str:
    """Render pages and index, and remove what an earlier run left beside them; returns the index's path.

    Args:
        facts: What to tell.
        reports: Folder or URL of the reports.
    """
    folder = f"{reports.rstrip('/')}/{FOLDER}/{facts.run_date.isoformat()}"
    pages = gate_pages(facts.jobs, [surface.name for surface in facts.surfaces])
    given = {"facts": facts, "pages": pages, "outcome": outcome, "outcomes": OUTCOMES, "stages": [()]}
    # The index last: it never names a page that is not there.
    texts = {gate.file: render("gates.html.j2", gate=gate, **given) for gate in pages if gate.file}
    texts[INDEX] = render("gates.html.j2", gate=None, **given)
    for name, text in texts.items():
        write_whole(f"{folder}/{name}", text.encode("utf-8"))
    for name in files_below(folder).keys() - texts.keys():
        remove_file(f"{folder}/{name}")
    return f"{folder}/{INDEX}"


def _file(name: str, position: int) -> str:
    """A file name that a manifest's words cannot lead astray; the number keeps two like names apart."""
    return f"{position + 1:02d}-{re.sub(r'[^a-z0-9_]+', '-', name.lower())[:60]}.html"
