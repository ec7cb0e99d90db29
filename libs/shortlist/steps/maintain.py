"""Upkeep of the tables: days beyond their retention go, small files are put together, files that nobody needs are removed.

What publications names stays readable: every version that a publication of the last `maintenance.lease_days` names, and the
version that the newest publication of each day names for as long as the table keeps that day.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from pyspark.sql import functions as F
from pyspark.sql.types import DateType

from shortlist.config import MaintenanceConfig
from shortlist.contracts import surface_of
from shortlist.errors import MaintenanceError, UpkeepHeldError
from shortlist.records.manifest import Upkeep
from shortlist.store.publications import announced_surfaces, read_history
from shortlist.store.scratch import remove_scratch
from shortlist.tables import CANDIDATES, ENGAGEMENTS, PUBLICATIONS, Table, tables_of
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.run import Run, log

RUN_DATES = "run dates"
_MB = 1 << 20
# As many days may always go at once: upkeep that did not run for a week is nothing unusual.
_A_WEEK = 7


def maintain(run: Run) -> None:
    """Every table of the warehouse, one after the other; the manifest says what was done to each.

    Raises:
        UpkeepHeldError: a table would lose a large share of its days; nothing was changed.
        MaintenanceError: a compaction changed the number of rows.
    """
    config = run.settings.maintenance
    for left in remove_scratch(run.warehouse.root):
        log.info("scratch warehouse %s, which a backtest that died left, is removed", left)
    surfaces = sorted({*run.settings.surfaces, *announced_surfaces(run.warehouse.path(PUBLICATIONS))})
    tables = [table for table in tables_of(surfaces) if run.exists(table)]
    refuse_large_drops([(table, days_of(run.warehouse, table)) for table in tables], run.run_date, config)
    for table in tables:
        done = maintain_table(run.warehouse, table, run.run_date, config)
        run.manifest.tables[table.name] = done
        run.outputs[table.name] = done.version
        log.info(
            "%s: %d day(s) dropped, %d files (%d MB) became %d (%d MB), %d old files removed", table.name,
            len(done.dropped), done.before.files, done.before.bytes // _MB, done.after.files, done.after.bytes // _MB,
            done.vacuumed,
        )  # fmt: skip


def refuse_large_drops(
    known: Sequence[tuple[Table, Sequence[date]]], run_date: date, config: MaintenanceConfig
) -> None:
    """Refuse to drop much at once: a clock, a setting or a contract that is wrong would take a history with it.

    Args:
        known: tables with their days. Tables that keep a number of run dates are made anew from others, and may lose any.
        run_date: day that ages count from, where no table's newest day is older.
        config: the share.

    Raises:
        UpkeepHeldError: naming every such table.
    """
    large = {}
    for table, days in known:
        dropped = [] if table.retention.endswith(RUN_DATES) else days_to_drop(table, days, run_date, config)
        if len(dropped) > max(_A_WEEK, config.max_dropped_share * len(days)):
            large[table.name] = (dropped, len(days))
    if large:
        raise UpkeepHeldError.large_drop(large, config.max_dropped_share)


def days_of(warehouse: Warehouse, table: Table) -> list[date]:
    """The days of a table's partitions; none where it is not parted by days."""
    column = _day_column(table)
    return [] if column is None else warehouse.days(table, column)


def days_to_drop(table: Table, days: Sequence[date], run_date: date, config: MaintenanceConfig) -> list[date]:
    """Days beyond what settings and the table's contract keep."""
    own = config.engagement_days if table.contract == ENGAGEMENTS.contract else None
    return expired(days, f"{own} days" if own else table.retention, run_date, config.keep_run_dates)


def maintain_table(warehouse: Warehouse, table: Table, run_date: date, config: MaintenanceConfig) -> Upkeep:
    """Drop, compact, vacuum: in this order, so that what is dropped is not rewritten first.

    Args:
        warehouse: the tables.
        table: one that exists.
        run_date: day that ages count from.
        config: target size, lease.

    Raises:
        MaintenanceError: the compaction changed the number of rows; nothing was removed.
    """
    before = warehouse.files(table)
    column = _day_column(table)
    dropped: list[date] = []
    if column is not None:
        dropped = days_to_drop(table, warehouse.days(table, column), run_date, config)
        if dropped:
            warehouse.delete(table, F.col(column).isin(dropped))
    rows = warehouse.rows(table)
    warehouse.compact(table, config.target_file_mb * _MB)
    compacted = warehouse.rows(table)
    if compacted != rows:
        raise MaintenanceError.rows_changed(table.name, rows, compacted)
    leased = leased_versions(warehouse, table, run_date, config.lease_days)
    vacuumed = warehouse.vacuum(table, keep=leased)
    return Upkeep(dropped, before, warehouse.files(table), vacuumed, leased, warehouse.version(table))


def expired(days: Sequence[date], retention: str, run_date: date, run_dates: int | None = None) -> list[date]:
    """Days that a table need not keep any longer. Its newest day stays, however old: a catalog may have been landed once.

    Args:
        days: days that the table has.
        retention: as its contract words it: `400 days`, or `14 run dates`, of which the newest are kept.
        run_date: D; with `400 days`, D and the 399 days before it are kept, or the newest day and the 399 before it where
            that is older: a log that has ended, or a clock that is wrong, takes no history away.
        run_dates: what stands instead of a contract's number of run dates.
    """
    number, unit = retention.split(" ", 1)
    known = sorted(days)
    if unit == RUN_DATES:
        return known[: -(run_dates or int(number))]
    return [day for day in known[:-1] if day <= min(run_date, known[-1]) - timedelta(days=int(number))]


def leased_versions(warehouse: Warehouse, table: Table, run_date: date, lease_days: int) -> list[int]:
    """Versions of a candidates table that publications needs; none of another table, whose newest version is what is read.

    A version that the table's log no longer tells of cannot be kept; it is named in the job's log.
    """
    if table.contract != CANDIDATES.contract or not warehouse.exists(PUBLICATIONS):
        return []
    surface = surface_of(table.name) or ""
    since = datetime.combine(run_date + timedelta(days=1 - lease_days), datetime.min.time(), UTC)
    history = read_history(warehouse.path(PUBLICATIONS), surface)
    recent = [each.table_version for each in history.decisions if each.published_at >= since]
    kept = set(warehouse.days(table, str(_day_column(table))))
    newest = [each.table_version for each in history.current if each.run_date in kept]
    named = {version for version in [*recent, *newest] if version is not None}
    lost = sorted(named - warehouse.readable_versions(table))
    if lost:
        log.warning("%s: publications names versions that its log no longer tells of: %s", table.name, lost)
    return sorted(named - set(lost))


def _day_column(table: Table) -> str | None:
    """The partition column that holds days."""
    days = [name for name in table.partition if table.schema[name].dataType == DateType()]
    return days[0] if days else None
