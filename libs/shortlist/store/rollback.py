"""An earlier published day is served again: one commit takes the later days away, one commit of publications says so.

Readers who follow publications get the earlier day by its row, readers of the newest version find nothing later in it.
Nothing is lost: the version that was withdrawn stays in the table's history until vacuum. No Spark.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from typing import Any

from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction
from deltalake.exceptions import CommitFailedError

from shortlist.columns import RUN_DATE
from shortlist.contracts import candidates_name
from shortlist.errors import OvertakenError, RollbackError
from shortlist.records.publications import ROLLED_BACK, Publication
from shortlist.store.commits import NEWEST, commit_time, commits_from, stamp_of
from shortlist.store.fences import fence_name, run_partition, table_lock
from shortlist.store.publications import append_rows, read_history
from shortlist.store.published_days import findings

PUBLICATIONS = "publications"
# Where a rollback is written into its commit's metadata, and found again when it was interrupted.
_MARK = "rolled_back"


@dataclass(frozen=True)
class Rollback:
    """What was done.

    Attributes:
        served: the day that readers get now.
        withdrawn: days that were taken away, oldest first.
        version: the table's version without them.
        resumed: whether an interrupted rollback had made the commit, and only its rows were missing.
    """

    served: Publication
    withdrawn: tuple[date, ...]
    version: int
    resumed: bool


def roll_back(root: str, surface: str, to: date | None, fence: int, why: str) -> Rollback:
    """Serve an earlier published day again.

    Publishers of a withdrawn day that started before are fenced off; one that starts later publishes the day again.

    Args:
        root: the warehouse.
        surface: the surface.
        to: the day to go back to; None means the published day before the one that is served.
        fence: no attempt up to this number may commit a withdrawn day any more; attempts that Airflow starts are numbered
            by the millisecond of their start.
        why: for the rows of publications.

    Raises:
        RollbackError: nothing to go back to, or what is there is not what was published; nothing was changed.
        OvertakenError: on an object store, where no lock keeps others away, somebody committed in between.
    """
    table = candidates_name(surface)
    path = f"{root.rstrip('/')}/{table}"
    # A publisher commits under the same lock: between what is looked at here and the commit nobody writes.
    with table_lock(root, table):
        days = _published(root, surface)
        target = _target(surface, days, to)
        newest = DeltaTable(path)
        differences = findings(path, target, newest.version())
        if differences:
            raise RollbackError.target_is_broken(surface, target.run_date, newest.version(), differences)
        present = [day for day in _partitions(newest) if day > target.run_date]
        announced = [day.run_date for day in days if day.run_date > target.run_date]
        withdrawn = sorted({*present, *announced})
        resumed = not present
        version = (
            _landed(path, newest.version(), withdrawn)
            if resumed
            else _withdraw(newest, table, target, withdrawn, fence)
        )
    differences = findings(path, target, version)
    if differences:
        raise RollbackError.target_is_broken(surface, target.run_date, version, differences)
    by_day = {day.run_date: day for day in days}
    why_row, at = f"rolled back to {target.run_date.isoformat()}: {why}", commit_time(path, version)
    rows = [_row(surface, day, by_day.get(day), version, at, why_row) for day in withdrawn]
    append_rows(root, PUBLICATIONS, rows)
    return Rollback(target, tuple(withdrawn), version, resumed)


def _row(
    surface: str, day: date, announced: Publication | None, version: int, at: datetime, why: str
) -> dict[str, Any]:
    """What publications says of a withdrawn day; one that was committed and not announced is named too, lest it still be."""
    unknown = Publication(surface, at, day, version, f"{day.isoformat()}-not-announced", 0, 0, None, ROLLED_BACK, why)
    known = announced or unknown
    row = replace(known, published_at=at, table_version=version, digest=None, status=ROLLED_BACK, why=why)
    return row.as_dict()


def _published(root: str, surface: str) -> list[Publication]:
    path = f"{root.rstrip('/')}/{PUBLICATIONS}"
    days = read_history(path, surface).current if DeltaTable.is_deltatable(path) else ()
    if not days:
        raise RollbackError.nothing_published(surface)
    return list(days)


def _target(surface: str, days: Sequence[Publication], to: date | None) -> Publication:
    """The day to go back to, among days that stand, oldest first."""
    earlier, served = days[:-1], days[-1].run_date
    if not earlier:
        raise RollbackError.only_day(surface, served)
    if to is None:
        return earlier[-1]
    for day in earlier:
        if day.run_date == to:
            return day
    raise RollbackError.not_an_earlier_day(surface, to, served, [day.run_date for day in earlier])


def _partitions(table: DeltaTable) -> list[date]:
    return sorted({date.fromisoformat(partition[RUN_DATE]) for partition in table.partitions()})


def _withdraw(table: DeltaTable, name: str, target: Publication, days: Sequence[date], fence: int) -> int:
    """Take the days away in one commit, which raises their fences; whole files, nothing is rewritten."""
    fences = [fence_name(name, run_partition(day)) for day in days]
    numbers = [max(fence, (table.transaction_version(each) or 0) + 1) for each in fences]
    stamp = {_MARK: [day.isoformat() for day in days], "to": target.run_date.isoformat()}
    looked_at = table.version()
    try:
        table.delete(
            f"{RUN_DATE} > DATE '{target.run_date.isoformat()}'",
            commit_properties=CommitProperties(
                custom_metadata={"userMetadata": json.dumps(stamp, sort_keys=True)},
                app_transactions=[Transaction(each, number) for each, number in zip(fences, numbers, strict=True)],
                # Under the lock nobody can come first. On an object store somebody can: look again, do not try blindly.
                max_commit_retries=0,
            ),
            # A rollback writes one commit and cleans nothing up.
            post_commithook_properties=PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False),
        )
    except CommitFailedError:
        raise OvertakenError.by_a_commit(name, looked_at) from None
    return int(table.version())


def _landed(path: str, newest: int, days: Sequence[date]) -> int:
    """The version whose commit took the days away before it was interrupted; the newest where the log has forgotten it."""
    wanted = {day.isoformat() for day in days}
    commits = islice(commits_from(path, newest), NEWEST)
    return next((version for version, info in commits if wanted <= set(stamp_of(info).get(_MARK, []))), newest)
