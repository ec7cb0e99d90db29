"""A table's `_delta_log` as the files that it is: what a reader library passes over in silence can be seen here.

delta-rs opens a table whose last commit is empty, and refuses one whose checkpoint is broken although all its commits are
whole. On a disk or in an object store; no Spark.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import polars as pl
from pyarrow import fs

from shortlist.store.filesystems import files_below, is_folder, read_whole
from shortlist.store.reading_errors import UNREADABLE

LAST_CHECKPOINT: Final = "_last_checkpoint"
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(\.\d{10}\.\d{10})?\.parquet")
# Written beside the log by Spark and Hadoop: checksums of a version, checksums of a file.
_CHECKSUM = re.compile(r"\d{20}\.crc|\..*\.crc")
_UNFINISHED = re.compile(r".*\.tmp")


@dataclass(frozen=True)
class CommitFile:
    """One commit file.

    Attributes:
        version: the version that it makes.
        file: its path or URL.
        fingerprint: of its bytes; two commits of one content are one commit copied.
        actions: what it says; empty when it is broken.
        broken: why it cannot be used, empty when it can.
    """

    version: int
    file: str
    fingerprint: str
    actions: tuple[Mapping[str, Any], ...]
    broken: str


@dataclass(frozen=True)
class CheckpointFile:
    """One checkpoint file: the whole state at a version, with paths of data files; `broken` says why it cannot be used."""

    version: int
    file: str
    paths: tuple[str, ...]
    broken: str


@dataclass(frozen=True)
class DeltaLog:
    """Everything in one `_delta_log` folder.

    Attributes:
        folder: its path or URL.
        commits: by version, ascending.
        checkpoints: by version, ascending.
        last_checkpoint: why `_last_checkpoint` cannot be used; empty when it can, None when there is none.
        unfinished: temporary files that a writer left, by name.
        strangers: names of files that belong to no log.
    """

    folder: str
    commits: tuple[CommitFile, ...]
    checkpoints: tuple[CheckpointFile, ...]
    last_checkpoint: str | None
    unfinished: Mapping[str, fs.FileInfo]
    strangers: tuple[str, ...]

    @property
    def newest(self) -> int | None:
        """The highest version that has a file, None in an empty log."""
        versions = [commit.version for commit in self.commits] + [each.version for each in self.checkpoints]
        return max(versions, default=None)

    @property
    def missing(self) -> list[int]:
        """Versions from the first commit to the newest version that have no commit file."""
        have = {commit.version for commit in self.commits}
        return [version for version in range(min(have, default=0), (self.newest or 0) + 1) if version not in have]

    @property
    def copies(self) -> list[tuple[CommitFile, CommitFile]]:
        """Commits that are byte for byte an earlier one, each with the one that it copies."""
        first: dict[str, CommitFile] = {}
        return [
            (commit, first[commit.fingerprint])
            for commit in self.commits
            if not commit.broken and first.setdefault(commit.fingerprint, commit) is not commit
        ]

    def whole(self, until: int | None = None) -> bool:
        """Whether the state can be replayed from files that are not broken, up to a version (None: the newest)."""
        last = self.newest if until is None else until
        if last is None:
            return False
        good = {commit.version for commit in self.commits if not commit.broken}
        starts = [-1, *(each.version for each in self.checkpoints if not each.broken and each.version <= last)]
        return any(set(range(start + 1, last + 1)) <= good for start in starts)


def has_log(table: str) -> bool:
    """Whether there is a log, be it broken: delta-rs calls a folder without a readable one no table."""
    return is_folder(f"{table}/_delta_log")


def read_log(table: str) -> DeltaLog:
    """Read every file of a table's log.

    Args:
        table: the table's folder or URL.

    Raises:
        OSError: there is none, or it cannot be listed.
    """
    folder = f"{table}/_delta_log"
    if not is_folder(folder):
        raise FileNotFoundError(f"there is no folder {folder}")
    files = files_below(folder, recursive=False)
    commits, checkpoints, unfinished, strangers = [], [], {}, []
    for name, info in files.items():
        if found := _COMMIT.fullmatch(name):
            commits.append(_commit(int(found[1]), f"{folder}/{name}"))
        elif found := _CHECKPOINT.fullmatch(name):
            checkpoints.append(_checkpoint(int(found[1]), f"{folder}/{name}"))
        elif _UNFINISHED.fullmatch(name):
            unfinished[name] = info
        elif name != LAST_CHECKPOINT and not _CHECKSUM.fullmatch(name):
            strangers.append(name)
    last = _last_checkpoint(f"{folder}/{LAST_CHECKPOINT}", checkpoints) if LAST_CHECKPOINT in files else None
    return DeltaLog(folder, tuple(commits), tuple(checkpoints), last, unfinished, tuple(strangers))


def _commit(version: int, file: str) -> CommitFile:
    content = read_whole(file)
    fingerprint = hashlib.sha256(content).hexdigest()
    if not content.strip():
        return CommitFile(version, file, fingerprint, (), "it is empty")
    try:
        actions = tuple(json.loads(line) for line in content.splitlines() if line.strip())
    except ValueError as error:
        return CommitFile(version, file, fingerprint, (), f"it is no JSON ({error})")
    if not all(isinstance(action, dict) for action in actions):
        return CommitFile(version, file, fingerprint, (), "it holds something else than actions")
    return CommitFile(version, file, fingerprint, actions, _cut(actions))


def _cut(actions: Sequence[Mapping[str, Any]]) -> str:
    """Whether lines at the end of a commit are lost: its first line says how many files it adds and removes."""
    commit: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    metrics = commit.get("operationMetrics") or {}
    # Spark's words, and delta-rs'; of other operations they count something else.
    counts = {"add": ("numFiles", "num_added_files"), "remove": ("numRemovedFiles", "num_removed_files")}
    for kind, names in counts.items():
        wanted = next((int(metrics[name]) for name in names if name in metrics), None)
        found = sum(kind in action for action in actions)
        if commit.get("operation") == "WRITE" and wanted is not None and found < wanted:
            return f"its end is lost: it should {kind} {wanted} file(s), and names {found}"
    return ""


def _checkpoint(version: int, file: str) -> CheckpointFile:
    try:
        state = pl.read_parquet(BytesIO(read_whole(file)))
    except UNREADABLE as error:
        return CheckpointFile(version, file, (), f"it cannot be read ({str(error)[:200]})")
    if "add" not in state.columns or "protocol" not in state.columns:
        return CheckpointFile(version, file, (), "it holds no state of a table")
    paths = state["add"].struct.field("path").drop_nulls()
    return CheckpointFile(version, file, tuple(paths), "")


def _last_checkpoint(file: str, checkpoints: list[CheckpointFile]) -> str:
    try:
        version = json.loads(read_whole(file).decode("utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"it cannot be read ({error!r})"
    named = [each for each in checkpoints if each.version == version]
    if not named:
        return f"it names checkpoint {version}, which does not exist"
    broken = [each.broken for each in named if each.broken]
    return f"it names checkpoint {version}, which is broken" if broken else ""
