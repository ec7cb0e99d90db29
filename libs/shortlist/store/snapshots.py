"""Catalog-like tables describe the world anew from time to time: which description was known on a day. No Spark."""

from datetime import date

from deltalake import DeltaTable

from shortlist.columns import SNAPSHOT_DATE


def newest_snapshot(path: str, until: date, version: int | None = None) -> date | None:
    """The newest day that a table describes and that is not after another day; None when there is none.

    The table's log knows; no file is read.

    Args:
        path: of the table.
        until: usually the run date.
        version: of the table; None means the newest.
    """
    partitions = DeltaTable(path, version=version).partitions()
    days = (date.fromisoformat(partition[SNAPSHOT_DATE]) for partition in partitions)
    return max((day for day in days if day <= until), default=None)
