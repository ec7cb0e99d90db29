"""What is wrong with a table: its log, its files, its protocol, its columns, and the days that publications names."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from urllib.parse import unquote

from deltalake import DeltaTable

from shortlist.columns import RUN_DATE
from shortlist.contracts import Contract, read_contract
from shortlist.pipeline import JOBS
from shortlist.records.publications import Publication
from shortlist.store.commits import read_inputs
from shortlist.store.delta_log import LAST_CHECKPOINT, DeltaLog, read_log
from shortlist.store.fences import run_partition
from shortlist.store.filesystems import files_below
from shortlist.store.model_commits import of_one_training, read_stamp, stored_digest
from shortlist.store.published_days import FileKind, broken_files, findings
from shortlist.store.reading_errors import UNREADABLE
from shortlist.store.repair import movable
from shortlist.store.schema_differences import differences, fields_of

PROTOCOL: Final = (1, 2)
_RERUN = "run the day again: infra/submit jobs/publish_candidates.py --run-date {day}, or shortlist rollback {surface}"
_RETRAIN = "train it again: infra/submit jobs/{job}.py --run-date {day}"
# Until it is known which versions are published, `shortlist repair` touches nothing of a surface.
_PUBLICATIONS_FIRST = "mend publications first, then verify again"
_RESTORE = "restore the file from a backup; without one, run the days again whose rows are lost"

# Words for programs; tests plant each of them on a disk and in an object store.
Kind = Literal[
    FileKind,
    "zero_byte_commit",
    "broken_commit",
    "missing_commit",
    "duplicated_commit",
    "broken_checkpoint",
    "broken_last_checkpoint",
    "unfinished_files",
    "strange_file",
    "orphan_files",
    "unreadable",
    "protocol",
    "schema_drift",
    "older_schema",
    "gone",
    "older_than_recorded",
    "no_publications",
    "no_such_version",
    "not_announced",
    "no_digest",
    "other_training",
]


@dataclass(frozen=True)
class Finding:
    """Something about a table.

    Attributes:
        table: its name.
        kind: what it is.
        wrong: whether it is damage; a note is not.
        says: one sentence.
        mend: what to do about it.
    """

    table: str
    kind: Kind
    wrong: bool
    says: str
    mend: str


def inspect_log(table: str, path: str, log: DeltaLog, named: frozenset[int] | None) -> Iterator[Finding]:
    """What is wrong with the files of a log.

    Args:
        table: its name.
        path: where it is.
        log: its log.
        named: versions that publications names; None where that is not known, and nothing can be moved aside.
    """
    wrong, repair = True, "shortlist repair moves it aside" if named is not None else _PUBLICATIONS_FIRST
    moved = {file for file, _ in movable(log, named or frozenset(), older_than=0)}

    def mend(file: str) -> str:
        return repair if file in moved else _RESTORE

    for commit in log.commits:
        if commit.broken:
            kind: Kind = "zero_byte_commit" if commit.broken == "it is empty" else "broken_commit"
            says = f"commit {commit.version} cannot be used: {commit.broken}"
            yield Finding(table, kind, wrong, says, mend(commit.file))
    if log.missing:
        needed = "" if log.whole() else ", and the newest version cannot be replayed without them"
        missing = ", ".join(map(str, log.missing[:10]))
        yield Finding(table, "missing_commit", wrong, f"commits are missing: {missing}{needed}", _RESTORE)
    elif log.commits and not log.whole() and not any(commit.broken for commit in log.commits):
        says = f"the log begins with version {log.commits[0].version} and has no checkpoint before it that can be used"
        yield Finding(table, "missing_commit", wrong, says, _RESTORE)
    for copy, first in log.copies:
        says = f"commit {copy.version} is a copy of commit {first.version}"
        yield Finding(table, "duplicated_commit", wrong, says, mend(copy.file))
    for checkpoint in log.checkpoints:
        if checkpoint.broken:
            says = f"checkpoint {checkpoint.version} cannot be used: {checkpoint.broken}"
            yield Finding(table, "broken_checkpoint", wrong, says, mend(checkpoint.file))
    if log.last_checkpoint:
        says, file = f"{LAST_CHECKPOINT}: {log.last_checkpoint}", f"{log.folder}/{LAST_CHECKPOINT}"
        yield Finding(table, "broken_last_checkpoint", wrong, says, mend(file))
    if log.unfinished:
        says = f"{len(log.unfinished)} temporary file(s) of writers lie in the log, e.g. {next(iter(log.unfinished))}"
        leftovers = _PUBLICATIONS_FIRST if named is None else "shortlist repair moves those aside that are a day old"
        yield Finding(table, "unfinished_files", False, says, leftovers)
    for stranger in log.strangers:
        says = f"{stranger} lies in the log and is no part of one"
        yield Finding(table, "strange_file", False, says, "look at it; readers pass over it")
    orphans = _orphans(path, log)
    if orphans:
        size, name = sum(orphans.values()), next(iter(orphans)).rsplit("/", 1)[-1]
        says = f"{len(orphans)} data file(s) of {size / 1e6:.1f} MB belong to no version, e.g. {name}"
        yield Finding(table, "orphan_files", False, says, "nothing: vacuum removes them when they are old enough")


def inspect_files(table: str, path: str, version: int | None) -> Iterator[Finding]:
    """Data files of a version that are missing, cut or unreadable, by their sizes and footers; rows are not compared."""
    opened = DeltaTable(path, version=version)
    for broken in broken_files(path, opened):
        says = f"version {opened.version()}: {broken.path} {broken.says}"
        yield Finding(table, broken.kind, True, says, _RESTORE)


def inspect_shape(table: str, path: str, contract: Contract) -> Iterator[Finding]:
    """Protocol, columns and partitioning against the contract."""
    opened = DeltaTable(path)
    protocol = opened.protocol()
    found = (protocol.min_reader_version, protocol.min_writer_version)
    if found != PROTOCOL:
        says = f"protocol is reader {found[0]} / writer {found[1]}, not 1 / 2: some readers cannot open it"
        mend = "write its days into a table that the jobs create anew; find out who raised the protocol"
        yield Finding(table, "protocol", True, says, mend)
    fields = fields_of(opened)
    found_columns = differences(fields, contract)
    partition = tuple(opened.metadata().partition_columns)
    if partition != contract.partition:
        found_columns.append(f"partitioned by {', '.join(partition) or 'nothing'}, not {', '.join(contract.partition)}")
    if found_columns:
        mend = f"change {contract.file} or bring the table back to it; no job writes while they differ"
        yield Finding(table, "schema_drift", True, f"differs from {contract.file}: {'; '.join(found_columns)}", mend)
    older = [column.name for column in contract.columns if column.name not in fields and not column.required]
    if older:
        says = f"is from before {contract.file} gained {', '.join(older)}"
        yield Finding(table, "older_schema", False, says, "nothing: the next run adds what may be empty")


def inspect_days(table: str, path: str, days: Sequence[Publication], newest: int) -> Iterator[Finding]:
    """Published days that are not what publications says of them, each at the version that it names."""
    for day in days:
        named = f"{day.run_date.isoformat()} at version {day.table_version}"
        mend = _RERUN.format(day=day.run_date.isoformat(), surface=day.surface)
        if day.table_version is None or day.table_version > newest:
            says = f"{named}: publications names a version that does not exist, the newest is {newest}"
            yield Finding(table, "no_such_version", True, says, mend)
            continue
        for difference in findings(path, day, day.table_version):
            yield Finding(table, "other_rows", True, f"{named}: {difference}", mend)


def inspect_inputs(path: str, days: Sequence[Publication], newest: Mapping[str, int]) -> Iterator[Finding]:
    """Tables that have lost versions which the publisher of a day read: the end of a log can be cut without a trace in it.

    Args:
        path: where the candidates table lives.
        days: published days of it that can be opened.
        newest: newest versions, by table.
    """
    lost: dict[str, tuple[int, Publication]] = {}
    for day in days:
        for table, version in read_inputs(path, day.table_version).items():
            if version > newest.get(table, version):
                lost[table] = max(lost.get(table, (version, day)), (version, day), key=lambda each: each[0])
    for table, (version, day) in lost.items():
        says = (
            f"the publisher of {day.surface} {day.run_date.isoformat()} read version {version}, the newest is "
            f"{newest[table]}: the end of the log is lost"
        )
        yield Finding(table, "missing_commit", True, says, _RESTORE)


def model_days(root: str, newest: Mapping[str, int]) -> list[date]:
    """Run dates of which some of these tables have rows, oldest first."""
    partitions = [
        each for name, version in newest.items() for each in DeltaTable(f"{root}/{name}", version).partitions()
    ]
    return sorted({date.fromisoformat(partition[RUN_DATE]) for partition in partitions})


def inspect_model(root: str, newest: Mapping[str, int], run_date: date, job: str) -> Iterator[Finding]:
    """What a job would refuse a run date's model for: tables of several trainings, or rows that are not what was trained.

    Args:
        root: the warehouse.
        newest: newest versions of those of the model's tables that there are, by table.
        run_date: whose rows.
        job: the job that trains it.
    """
    partition, mend = run_partition(run_date), _RETRAIN.format(job=job, day=run_date.isoformat())
    stamps = {name: read_stamp(f"{root}/{name}", version, run_date) for name, version in newest.items()}
    lost = [name for name, stamp in stamps.items() if stamp.model == "none" and not stamp.whole]
    if lost:
        says = f"{partition}: the log does not reach back to the training, so its digest cannot be looked at"
        yield from (Finding(name, "no_digest", False, says, f"nothing; where in doubt, {mend}") for name in lost)
        return
    models = {name: stamps[name].model if name in stamps else "none" for name in JOBS[job].writes}
    if not of_one_training(models.values()):
        named = ", ".join(f"{name} is of {model}" for name, model in models.items())
        says = f"the model of {partition} is not of one training: {named}"
        yield from (Finding(name, "other_training", True, says, mend) for name in models)
        return
    for name, stamp in stamps.items():
        if stamp.changed:
            says = f"{partition}: rows were taken away since it was trained, so its digest is not looked at"
            yield Finding(name, "no_digest", False, says, f"nothing; where in doubt, {mend}")
            continue
        columns = [column.name for column in read_contract(name).columns]
        found = stored_digest(f"{root}/{name}", newest[name], run_date, columns)
        if found != stamp.digest:
            says = f"{partition} is not what was trained: digest {found} instead of {stamp.digest}"
            yield Finding(name, "other_rows", True, says, mend)


def inspect_newest(table: str, path: str, surface: str, days: Sequence[Publication]) -> Iterator[Finding]:
    """What the newest version holds beside the days that stand: readers that take no version see it.

    Args:
        table: name of the table.
        path: where it is.
        surface: its surface.
        days: the days that stand.
    """
    newest = DeltaTable(path)
    standing = {day.run_date.isoformat(): day for day in days}
    mend = "if no publisher is at work just now, " + _RERUN
    for day in sorted(partition[RUN_DATE] for partition in newest.partitions()):
        if day not in standing:
            says = f"the newest version holds {day}, which was never announced, or was rolled back"
        elif _files(newest, day) != _files(DeltaTable(path, version=standing[day].table_version), day):
            says = f"the newest version holds other files of {day} than version {standing[day].table_version}, announced last"
        else:
            continue
        yield Finding(table, "not_announced", True, says, mend.format(day=day, surface=surface))


def inspect_table(
    table: str, path: str, contract: Contract, named: frozenset[int] | None
) -> tuple[list[Finding], int | None]:
    """Everything about a table itself, and its newest version; None when it cannot be opened. `named` as in `inspect_log`."""
    found: list[Finding] = []
    try:
        log = read_log(path)
    except OSError as error:
        return [Finding(table, "unreadable", True, f"its log cannot be listed ({error})", _RESTORE)], None
    found += inspect_log(table, path, log, named)
    try:
        version = int(DeltaTable(path).version())
        found += inspect_shape(table, path, contract)
        found += inspect_files(table, path, version)
    except UNREADABLE as error:
        if not any(finding.wrong for finding in found):
            found.append(Finding(table, "unreadable", True, f"it cannot be opened ({str(error)[:300]})", _RESTORE))
        return found, None
    return found, version


def _files(table: DeltaTable, day: str) -> set[str]:
    return set(table.file_uris(file_pruning_predicate=[(RUN_DATE, "=", day)]))


def _orphans(path: str, log: DeltaLog) -> dict[str, int]:
    """Names and sizes of data files that no commit and no checkpoint names; nothing when the log cannot tell."""
    if not log.whole():
        return {}
    named = {
        unquote(action[kind]["path"])
        for commit in log.commits
        for action in commit.actions
        for kind in ("add", "remove")
        if kind in action
    }
    named.update(unquote(file) for checkpoint in log.checkpoints for file in checkpoint.paths)
    data = {name: info.size for name, info in files_below(path).items() if name.endswith(".parquet")}
    return {name: size for name, size in data.items() if not name.startswith("_delta_log/") and name not in named}
