"""Warehouses that live as long as one job: below the real one, where everybody who runs a job reaches them and nobody looks for
tables.

They hold what the real one holds, people included, so none outlives its job: a left-over of one that was killed goes when the
same is run again, at the next upkeep, and with every erasure.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shortlist.store.filesystems import files_below, folders_in, remove_folder

SCRATCH: Final = ".scratch"
# Nothing that is at work leaves its files alone for so long.
_A_DAY: Final = 24 * 3600


@contextmanager
def scratch_warehouse(root: str, name: str) -> Iterator[str]:
    """The root of an empty warehouse, which is removed at the end in every case; what an attempt that died left, at the start.

    Args:
        root: the real warehouse, a folder or URL.
        name: what the scratch is for, without a dot. A newer attempt of the same takes an older one's away.
    """
    place = f"{root.rstrip('/')}/{SCRATCH}"
    for left in folders_in(place):
        if left.partition(".")[0] == name:
            remove_folder(f"{place}/{left}")
    # A path of its own: Delta remembers tables by their path for as long as a session lives.
    folder = f"{place}/{name}.{secrets.token_hex(4)}"
    try:
        yield folder
    finally:
        remove_folder(folder)


def remove_scratch(root: str, quiet_seconds: float = _A_DAY) -> list[str]:
    """Remove scratch warehouses in which nothing was written for a while.

    Args:
        root: the real warehouse.
        quiet_seconds: for how long; 0 removes them all.

    Returns:
        Their names.
    """
    place, since = f"{root.rstrip('/')}/{SCRATCH}", time.time() - quiet_seconds
    removed = []
    for name in folders_in(place):
        newest = max((info.mtime.timestamp() for info in files_below(f"{place}/{name}").values()), default=0.0)
        if newest <= since or quiet_seconds == 0:
            remove_folder(f"{place}/{name}")
            removed.append(name)
    return removed
