"""`shortlist verify` and `shortlist repair`: what is wrong with the tables, what mends it, and the part that is safe to do."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console

from shortlist.cli.output import Facts, print_table, say
from shortlist.config import Settings
from shortlist.contracts import Contract, candidates_name, contract_names, read_contract
from shortlist.pipeline import model_tables
from shortlist.records.publications import SurfaceHistory
from shortlist.redaction import redact_all
from shortlist.store.delta_log import has_log
from shortlist.store.inspection import (
    Finding,
    inspect_days,
    inspect_inputs,
    inspect_model,
    inspect_newest,
    inspect_table,
    model_days,
)
from shortlist.store.manifests import read_manifests, recorded_days
from shortlist.store.publications import read_history
from shortlist.store.reading_errors import UNREADABLE
from shortlist.store.repair import Repair, plan_repairs, repair

PUBLICATIONS = "publications"
# Tables are compared with the manifests of so many days, the newest that have any.
_DAYS_COMPARED: Final = 7
_RESTORE: Final = "restore it from a backup that has it; without one, run the days again whose rows are lost"


def verify(
    settings: Settings, surface: str | None, every: bool, looking: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Look at every table, or at one surface's and publications.

    Args:
        settings: settings in force.
        surface: look at this surface only.
        every: look at days too that were published again or withdrawn since (what vacuum took of them is a note), and at
            models of every day instead of the newest ones.
        looking: called with what is looked at next; large tables take their time.

    Returns:
        ok, tables (names that were looked at), days (published days that were read and digested), models (models that were
        read and digested), findings: table, kind, wrong, says, mend.
    """
    root = settings.paths.warehouse.rstrip("/")
    found: list[Finding] = []
    looked: list[str] = []
    newest_of: dict[str, int] = {}
    days = 0
    for name, contract, of in _tables(settings, surface):
        path = f"{root}/{name}"
        if not has_log(path):
            continue
        looking(name)
        looked.append(name)
        findings, newest = inspect_table(name, path, contract, _named_versions(root, of))
        found += findings
        if newest is not None:
            newest_of[name] = newest
        if of is not None and newest is not None:
            checked, findings = _days(root, name, of, newest_of, every)
            days += checked
            found += findings
    found += _lost_versions(settings, [name for name, *_ in _tables(settings, surface)], looked, newest_of)
    looking("models")
    models, findings = _models(root, newest_of, found, every)
    found += findings
    return {
        "ok": not any(finding.wrong for finding in found),
        "tables": looked,
        "days": days,
        "models": models,
        "findings": [redact_all(asdict(finding)) for finding in found],
    }


def _lost_versions(
    settings: Settings, names: Sequence[str], looked: Collection[str], newest_of: Mapping[str, int]
) -> Iterator[Finding]:
    """Tables that are missing, or whose newest version is older than one that a manifest of the newest days recorded."""
    root = settings.paths.manifests
    recorded: dict[str, tuple[int, str]] = {}
    for day in recorded_days(root)[: -_DAYS_COMPARED - 1 : -1]:
        of_day: dict[str, tuple[int, str]] = {}
        for record in read_manifests(root, day)[0]:
            for written, version in record.outputs.items():
                table, by = written.partition("/")[0], f"{record.job} of {day}"
                of_day[table] = max(of_day.get(table, (-1, "")), (version, by))
        recorded = {**of_day, **recorded}  # a table may have been made anew since an earlier day
    for name in names:
        version, by = recorded.get(name, (-1, ""))
        if name not in looked and name in recorded:
            yield Finding(name, "gone", True, f"is not there, and {by} wrote its version {version}", _RESTORE)
        elif newest_of.get(name, version) < version:
            says = f"its newest version is {newest_of[name]}, and {by} wrote version {version}"
            yield Finding(name, "older_than_recorded", True, says, _RESTORE)


def _days(root: str, name: str, surface: str, newest_of: Mapping[str, int], every: bool) -> tuple[int, list[Finding]]:
    """How many published days of a surface were read, and what is wrong with them; `newest_of` tables looked at before."""
    newest = newest_of[name]
    path, publications = f"{root}/{name}", f"{root}/{PUBLICATIONS}"
    try:
        history = read_history(publications, surface) if has_log(publications) else SurfaceHistory()
    except UNREADABLE as error:
        mend = "mend publications first"
        return 0, [Finding(name, "no_publications", True, f"publications cannot be read ({str(error)[:200]})", mend)]
    current, superseded = history.current, history.superseded if every else ()
    found = [*inspect_days(name, path, current, newest), *_as_notes(inspect_days(name, path, superseded, newest))]
    try:
        found += inspect_newest(name, path, surface, current)
        found += inspect_inputs(path, current, newest_of)
    except UNREADABLE as error:
        if not found:
            says = f"its newest version cannot be held against publications ({str(error)[:200]})"
            found.append(Finding(name, "unreadable", True, says, "look at its _delta_log and its files"))
    return len(current) + len(superseded), found


def _models(root: str, newest_of: Mapping[str, int], found: list[Finding], every: bool) -> tuple[int, list[Finding]]:
    """How many models were looked at, the newest of each job or every one, and what is wrong with them.

    A model of which a table is damaged is passed over: `found` says so, and what mends it.
    """
    looked: list[Finding] = []
    count = 0
    damaged = {finding.table for finding in found if finding.wrong}
    for job, tables in model_tables().items():
        newest = {name: newest_of[name] for name in tables if name in newest_of}
        if damaged & set(tables) or not newest:
            continue
        try:
            for day in model_days(root, newest)[0 if every else -1 :]:
                count += 1
                looked += inspect_model(root, newest, day, job)
        except UNREADABLE as error:
            says = f"a model cannot be read ({str(error)[:200]})"
            looked.append(Finding(tables[-1], "unreadable", True, says, "look at its _delta_log and its files"))
    return count, looked


def _as_notes(found: Iterator[Finding]) -> Iterator[Finding]:
    for each in found:
        yield Finding(
            each.table, each.kind, False, each.says, "nothing: readers are served another version of this day"
        )


def repairs(settings: Settings, surface: str | None, older_than: float) -> list[Repair]:
    """What could be repaired, of every table or of one surface's and publications."""
    return [each for name, named in _repairable(settings, surface) for each in plan_repairs(*name, named, older_than)]


def do_repairs(settings: Settings, surface: str | None, older_than: float) -> dict[str, Any]:
    """Repair.

    Returns:
        done: table, file, why, moved_to; left: what verify still finds wrong, as its findings; ok.
    """
    done = [each for name, named in _repairable(settings, surface) for each in repair(*name, named, older_than)]
    left = [finding for finding in verify(settings, surface, every=False)["findings"] if finding["wrong"]]
    return {
        "ok": not left,
        "done": [
            {"table": each.table, "file": each.file, "why": each.why, "moved_to": moved_to} for each, moved_to in done
        ],
        "left": left,
    }


def _repairable(settings: Settings, surface: str | None) -> Iterator[tuple[tuple[str, str], frozenset[int]]]:
    root = settings.paths.warehouse.rstrip("/")
    for name, _, of in _tables(settings, surface):
        named = _named_versions(root, of)
        # Where it is not known which versions are published, nothing of the surface is touched.
        if has_log(f"{root}/{name}") and named is not None:
            yield (root, name), named


def _named_versions(root: str, surface: str | None) -> frozenset[int] | None:
    """Versions of a surface's table that publications names; no surface, none; None where publications cannot be read."""
    publications = f"{root}/{PUBLICATIONS}"
    if surface is None or not has_log(publications):
        return frozenset()
    try:
        history = read_history(publications, surface)
    except UNREADABLE:
        return None
    named = [day.table_version for day in (*history.current, *history.superseded)]
    return frozenset(version for version in named if version is not None)


def _tables(settings: Settings, surface: str | None) -> Iterator[tuple[str, Contract, str | None]]:
    """Name, contract and surface of each table to look at, publications first."""
    names = [PUBLICATIONS, *(name for name in contract_names() if name not in (PUBLICATIONS, "candidates"))]
    for name in names if surface is None else [PUBLICATIONS]:
        yield name, read_contract(name), None
    for each in settings.surfaces if surface is None else [surface]:
        yield candidates_name(each), read_contract("candidates"), each


def render(facts: Facts, to: Console) -> None:
    """For people."""
    _render_findings(facts["findings"], to)
    looked = (
        f"{len(facts['tables'])} tables, {facts['days']} published days and {facts['models']} models read and digested"
    )
    say(to, f"{looked}: nothing is wrong" if facts["ok"] else f"{looked}")


def render_repairs(facts: Facts, to: Console) -> None:
    """For people."""
    for each in facts["done"]:
        say(to, f"{each['table']}: {each['why']}; moved to {each['moved_to']}")
    if not facts["done"]:
        say(to, "nothing was repaired")
    _render_findings(facts["left"], to)


def _render_findings(findings: list[Facts], to: Console) -> None:
    if findings:
        rows = [(each["table"], "wrong" if each["wrong"] else "note", each["says"], each["mend"]) for each in findings]
        print_table(to, ["table", "", "what", "next"], rows)
