"""Scratch warehouses: temporary warehouses, each made by one job and deleted when it ends.

They lie in a folder of the real warehouse, which every executor can reach and which no command lists as a table. They contain
personal data. If a job was killed, its scratch warehouse is deleted when the same job runs again, by `maintain_tables` once
nothing was written to it for a day, and by every erasure.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shortlist.store.filesystems import files_below, folders_in, remove_folder

SCRATCH: Final = ".scratch"
# Seconds. A running job writes more often than once a day.
_A_DAY: Final = 24 * 3600


@contextmanager
def scratch_warehouse(root: str, name: str) -> Iterator[str]:
    """Give the root of an empty warehouse, and delete it at the end, also when the job fails.

    Scratch warehouses of the same name, which an earlier attempt left behind, are deleted first.

    Args:
        root: the real warehouse, a folder or URL.
        name: what it is made for, without a dot.
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
    """Delete scratch warehouses to which nothing was written for some time.

    Args:
        root: the real warehouse.
        quiet_seconds: that time; 0 deletes all of them.

    Returns:
        Names of those that were deleted.
    """
    place, since = f"{root.rstrip('/')}/{SCRATCH}", time.time() - quiet_seconds
    removed = []
    for name in folders_in(place):
        newest = max((info.mtime.timestamp() for info in files_below(f"{place}/{name}").values()), default=0.0)
        if newest <= since or quiet_seconds == 0:
            remove_folder(f"{place}/{name}")
            removed.append(name)
    return removed
