"""Damage of a table's log that can be mended without losing anything: files are moved aside, none is deleted.

What is moved lies below `<warehouse>/.aside/<table>/`. Data files and the versions that publications names stay as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shortlist.store.delta_log import LAST_CHECKPOINT, CommitFile, DeltaLog, read_log
from shortlist.store.fences import table_lock
from shortlist.store.filesystems import files_below, move_file

ASIDE: Final = ".aside"


@dataclass(frozen=True)
class Repair:
    """One file to be moved aside: of which table, and why nothing is lost."""

    table: str
    file: str
    why: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.file.rsplit("/", 1)[-1]


def plan_repairs(root: str, table: str, named: frozenset[int], older_than: float) -> list[Repair]:
    """What can be mended; nothing is changed.

    Args:
        root: the warehouse.
        table: name of the table.
        named: versions that publications names; none of their commits is touched.
        older_than: a temporary file is a leftover when it was written before this moment, in seconds since 1970.

    Raises:
        OSError: there is no log that could be listed.
    """
    log = read_log(f"{root}/{table}")
    return [Repair(table, file, why) for file, why in movable(log, named, older_than)]


def repair(root: str, table: str, named: frozenset[int], older_than: float) -> list[tuple[Repair, str]]:
    """Do what `plan_repairs` finds, on a disk under the table's lock; each file with the path that it was moved to."""
    aside = f"{root}/{ASIDE}/{table}"
    done = []
    with table_lock(root, table):
        for each in plan_repairs(root, table, named, older_than):
            taken = files_below(aside)
            names = (f"{each.name}.{number}" for number in range(len(taken) + 1))
            target = f"{aside}/{next(name for name in names if name not in taken)}"
            move_file(each.file, target)
            done.append((each, target))
    return done


def movable(log: DeltaLog, named: frozenset[int], older_than: float) -> Iterator[tuple[str, str]]:
    """Files that can be moved aside, each with why nothing is lost; arguments as of `plan_repairs`."""
    last = _last_commit(log, named)
    without = None if last is None else last[0].version - 1
    if last is not None:
        yield last[0].file, last[1]
    # A checkpoint is a copy of what the commits say: where they are whole, it can be spared.
    if log.whole(without):
        for checkpoint in log.checkpoints:
            if checkpoint.broken:
                yield checkpoint.file, f"checkpoint {checkpoint.version} is broken, the commits say the same"
        if log.last_checkpoint:
            yield f"{log.folder}/{LAST_CHECKPOINT}", f"{log.last_checkpoint}; readers list the log without it"
    for name, info in log.unfinished.items():
        if info.mtime.timestamp() < older_than:
            yield f"{log.folder}/{name}", "a writer left it unfinished; no version needs it"


def _last_commit(log: DeltaLog, named: frozenset[int]) -> tuple[CommitFile, str] | None:
    """The newest commit, if it says nothing that its predecessors do not say."""
    if not log.commits or log.commits[-1].version != log.newest or log.newest == 0 or log.newest in named:
        return None
    last = log.commits[-1]
    if not log.whole(last.version - 1):
        return None
    if last.broken == "it is empty":
        return last, f"commit {last.version} is empty: its writer was interrupted, the version before it is whole"
    for copy, first in log.copies:
        if copy is last:
            return last, f"commit {last.version} is a copy of commit {first.version}"
    return None
