"""The manifest of a run: its settings, the versions that it read and wrote, its checks, counts and seconds.

Where manifests are written and read is `shortlist.store.manifests`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from statistics import median
from typing import Any

from shortlist.records.checks import CheckResult
from shortlist.records.publications import Publication


def known_total(counts: Sequence[int | None]) -> int | None:
    """The sum of counts; None where one of them is not known."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


@dataclass(frozen=True)
class FileSizes:
    """Files of a table or of one commit: their number, their bytes, how these are spread, and their rows where they are known."""

    files: int
    bytes: int
    min_bytes: int
    median_bytes: int
    max_bytes: int
    rows: int | None = None

    @classmethod
    def of(cls, sizes: Sequence[int], rows: int | None = None) -> "FileSizes":
        """Of files of these many bytes with so many rows together; all zero when there is none."""
        if not sizes:
            return cls(0, 0, 0, 0, 0, rows)
        return cls(len(sizes), sum(sizes), min(sizes), int(median(sizes)), max(sizes), rows)


@dataclass(frozen=True)
class Added:
    """What commits added to a table; rows where all of them are known."""

    files: int
    bytes: int
    rows: int | None

    @classmethod
    def of(cls, commits: Sequence[FileSizes]) -> "Added":
        """Of several commits together."""
        return cls(
            sum(commit.files for commit in commits),
            sum(commit.bytes for commit in commits),
            known_total([commit.rows for commit in commits]),
        )


@dataclass(frozen=True)
class Upkeep:
    """What was done to one table.

    Attributes:
        dropped: partitions' days beyond the retention.
        before: files of the newest version before anything was done.
        after: files of the newest version afterwards.
        vacuumed: data files that were removed from storage.
        leased: versions that stay readable for publications' sake.
        version: the newest version.
    """

    dropped: Sequence[date]
    before: FileSizes
    after: FileSizes
    vacuumed: int
    leased: Sequence[int]
    version: int


@dataclass(frozen=True)
class ItemRules:
    """What a surface's rules of items leave, the same for all of its subjects.

    Attributes:
        items: all items of the run.
        eligible: those that every rule allows.
        left_out: how many each rule that is on forbids; an item may be forbidden by several.
    """

    items: int
    eligible: int
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class ShortLists:
    """Subjects with fewer than k candidates for one reason.

    Attributes:
        why: the reason.
        subjects: how many.
        rows: candidates that they have together.
        removed: how many items each other rule took from them together.
    """

    why: str
    subjects: int
    rows: int
    removed: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Manifest:
    """What one run of one job did. It is filled while the job runs, and written at its end.

    Attributes:
        job: name as in pipeline.JOBS.
        run_date: logical date D.
        run_id: the run's day and settings fingerprint.
        attempt: fence number; None when the job chose it itself.
        settings: all settings in force, as plain values.
        inputs: versions that were read, by table.
        outputs: versions that were written, by table and partition.
        written: sizes of the files that commits added, by table and partition.
        lines: what became of the landed lines, in all.
        files: the same for each landing file, and what was read of it.
        skipped: files of landing folders that were not read, and why.
        deliveries: what each landing folder held.
        feeds_without_the_day: feeds that had nothing for the run date.
        missing_days: by feed, days without a folder before the run date that settings allow: how many, and the newest.
        look_back: stored engagements up to the run date, and how many of them the look-back of interactions leaves.
        unmapped: landed columns that no setting maps, by feed.
        duplicates: events that came more than once, by feed, and how they were recognised.
        snapshots: files of catalog and promotions that were read.
        checks: results of the gates.
        cost: what the job was counted to cost before it began, and from which counts; of a backtest by day and step.
        item_rules: which items may be shown, by surface.
        short_lists: why lists are shorter than k, by surface.
        publications: decisions of this run.
        tables: what upkeep did, by table.
        erased: rows that an erasure added to `erasures`.
        landing_folders: landing folders that still hold lines of erased subjects; only their producers may change them.
        manifests_redacted: manifests of which an erasure took ids.
        set_aside_removed: files that a repair had moved aside and an erasure removed.
        reports_removed: pages that an erasure removed.
        report: the page of the day that was written.
        check_pages: index of the gates' pages that were written.
        problems: what a report could not read, in sentences.
        seconds: wall time; None when it is not known.
        error: why the run failed; None when it did not.
    """

    job: str
    run_date: date
    run_id: str = ""
    attempt: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    written: dict[str, FileSizes] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    files: list[Mapping[str, Any]] = field(default_factory=list)
    skipped: list[Mapping[str, Any]] = field(default_factory=list)
    deliveries: list[Mapping[str, Any]] = field(default_factory=list)
    feeds_without_the_day: list[str] = field(default_factory=list)
    missing_days: Mapping[str, Any] = field(default_factory=dict)
    look_back: Mapping[str, Any] = field(default_factory=dict)
    unmapped: Mapping[str, Any] = field(default_factory=dict)
    duplicates: list[Mapping[str, Any]] = field(default_factory=list)
    snapshots: list[Mapping[str, Any]] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    cost: Mapping[str, Any] = field(default_factory=dict)
    item_rules: dict[str, ItemRules] = field(default_factory=dict)
    short_lists: dict[str, list[ShortLists]] = field(default_factory=dict)
    publications: list[Publication] = field(default_factory=list)
    tables: dict[str, Upkeep] = field(default_factory=dict)
    erased: list[Mapping[str, Any]] = field(default_factory=list)
    landing_folders: list[str] = field(default_factory=list)
    manifests_redacted: int = 0
    set_aside_removed: list[str] = field(default_factory=list)
    reports_removed: list[str] = field(default_factory=list)
    report: str | None = None
    check_pages: str | None = None
    problems: list[str] = field(default_factory=list)
    seconds: float | None = None
    error: str | None = None

    def added(self) -> dict[str, "Added"]:
        """What the run's commits added to each table, all partitions together."""
        parts: dict[str, list[FileSizes]] = {}
        for name, sizes in self.written.items():
            parts.setdefault(name.partition("/")[0], []).append(sizes)
        return {table: Added.of(sizes) for table, sizes in sorted(parts.items())}

    def as_dict(self) -> dict[str, Any]:
        """Plain values by field; days and moments are left to the writer."""
        return asdict(self)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Manifest":
        """The manifest that a file's values state; fields that it lacks keep their defaults, others are passed over.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: the values are no manifest's.
        """
        known = {each.name: content[each.name] for each in fields(cls) if content.get(each.name) is not None}
        for name, values_of in _VALUES.items():
            if name in known:
                known[name] = values_of(known[name])
        known["run_date"] = date.fromisoformat(content["run_date"])
        return cls(**known)


def _versions(stated: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(version) for name, version in stated.items()}


def _upkeep(stated: Mapping[str, Any]) -> Upkeep:
    days = [date.fromisoformat(day) for day in stated["dropped"]]
    sizes = {name: FileSizes(**stated[name]) for name in ("before", "after")}
    return Upkeep(**{**stated, "dropped": days, **sizes})


# How the values of a field are made of JSON's, where they are something else.
_VALUES: Mapping[str, Any] = {
    "attempt": int,
    "seconds": float,
    "inputs": _versions,
    "outputs": _versions,
    "written": lambda stated: {name: FileSizes(**sizes) for name, sizes in stated.items()},
    "checks": lambda stated: [CheckResult.of(entry) for entry in stated],
    "item_rules": lambda stated: {surface: ItemRules(**entry) for surface, entry in stated.items()},
    "short_lists": lambda stated: {
        surface: [ShortLists(**entry) for entry in entries] for surface, entries in stated.items()
    },
    "publications": lambda stated: [Publication.of(entry) for entry in stated],
    "tables": lambda stated: {name: _upkeep(done) for name, done in stated.items()},
}
