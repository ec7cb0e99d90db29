"""Who may commit a table's partition: one committer at a time, and never an attempt older than the newest. No Spark."""

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from shortlist.columns import RUN_DATE
from shortlist.errors import ShortlistError, StorageError

# Where a commit's metadata names what it replaced.
PARTITION: Final = "partition"
# What an operating system says of a disk or folder that cannot be written; Java and Rust quote it in errors of their own.
_REFUSED: Final = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|Read-only file system|Permission denied|"
    r"Input/output error|Too many open files",
    re.IGNORECASE,
)


@contextmanager
def table_lock(root: str, table: str) -> Iterator[None]:
    """One committer per table on a local disk, where Delta's own commit is a check followed by a rename.

    Args:
        root: the warehouse; nothing is locked where it is a URL: commits there are conditional puts, of which one is refused.
        table: name of the table.

    Raises:
        StorageError: what is done inside, or the lock, failed because storage took nothing: a full disk, a read-only one.
    """
    try:
        if "://" in root:
            yield
            return
        folder = Path(root) / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{table}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except ShortlistError:
        raise
    except Exception as error:
        refused = _REFUSED.search(str(error))
        if refused is None:
            raise
        raise StorageError.not_written(table, root, refused[0]) from error


def fence_name(table: str, partition: str) -> str:
    """One fence per table and partition: were the day left out, a back-fill of an earlier day would vanish."""
    return f"{table}/{partition}"


def run_partition(run_date: date) -> str:
    """Name of a run date's partition."""
    return f"{RUN_DATE}={run_date.isoformat()}"
