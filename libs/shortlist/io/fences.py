"""Who may commit a table's partition: one committer at a time, and never an attempt older than the newest. No Spark."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from shortlist.columns import RUN_DATE


@contextmanager
def table_lock(root: str, table: str) -> Iterator[None]:
    """One committer per table on a local disk, where Delta's own commit is a check followed by a rename.

    Args:
        root: the warehouse; nothing is locked where it is a URL, for object stores refuse a second commit themselves.
        table: name of the table.
    """
    if "://" in root:
        yield
        return
    folder = Path(root) / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{table}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fence_name(table: str, partition: str) -> str:
    """One fence per table and partition: were the day left out, a back-fill of an earlier day would vanish."""
    return f"{table}/{partition}"


def run_partition(run_date: date) -> str:
    """Name of a run date's partition."""
    return f"{RUN_DATE}={run_date.isoformat()}"
