"""Landing folders into engagements, quarantine and snapshots; what is checked is decided by the caller."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_DATE, EVENT_ID, FILE, INGEST_DATE, OFFSET, REASONS, RECEIPT, SNAPSHOT_DATE
from shortlist.config import FeedConfig
from shortlist.errors import AccountError, HeldError
from shortlist.landing.folders import Deliveries, Landing, days_to_extract, read_landed, read_snapshot
from shortlist.landing.reading import LandedFile, Receipt, checksum
from shortlist.steps.erasure_requests import erased_digests
from shortlist.store.fences import run_partition
from shortlist.tables import ENGAGEMENTS, QUARANTINE, Table
from shortlist.transforms.deliveries import (
    STORED,
    Delivery,
    FileAccount,
    as_delivered,
    displaced,
    first_deliveries,
    totals,
)
from shortlist.transforms.engagements import parse_lines, rejected, usable
from shortlist.transforms.erasure import digests_in, erased_rows, names_erased
from shortlist.warehouse.delta import equals, one_of
from shortlist.warehouse.run import Run, log

# Whether a parsed row is about a subject that was erased.
ERASED = "_erased"
# Catalog and promotions are landed as the contract has them.
_DESCRIPTION = FeedConfig(format="parquet")
# (what each folder held, unusable rows): raises HeldError for a delivery that cannot be trusted.
DeliveryCheck = Callable[[Sequence[Delivery], DataFrame], None]
# (rows, table): raises HeldError for rows that break their contract.
RowCheck = Callable[[DataFrame, Table], None]


@dataclass(frozen=True)
class Merge:
    """Event dates that are replaced as a whole, and what they are replaced by.

    Attributes:
        rows: each event once: what stays and what is new, with the file of what is new.
        duplicates: deliveries that lost against another, new ones with their file.
        dates: the event dates.
    """

    rows: DataFrame
    duplicates: DataFrame
    dates: frozenset[date]

    @property
    def fresh(self) -> DataFrame:
        """The rows that were not in the table as they are."""
        return self.rows.where(F.col(FILE) != STORED)


@dataclass(frozen=True)
class Reading:
    """One pass over landing folders.

    Attributes:
        rows: parsed rows with their reasons, persisted; without the rows of erased subjects.
        files: every file that was read.
        receipts: what was read of it, by file.
        counted: its rows that are erased and that are rejected, by file.
        dates: event dates of its usable rows.
        duplicate_files: files with the same bytes as another of their folder, which comes first.
    """

    rows: DataFrame
    files: Mapping[str, LandedFile]
    receipts: Mapping[str, Receipt]
    counted: Mapping[str, tuple[int, int]]
    dates: frozenset[date]
    duplicate_files: frozenset[str]

    @property
    def rejected(self) -> DataFrame:
        """Rows for quarantine, once, however often their file lies in the folder."""
        found = rejected(self.rows)
        return found.where(~F.col(FILE).isin(*self.duplicate_files)) if self.duplicate_files else found

    def deliveries(self, landing: Landing, due: Deliveries) -> list[Delivery]:
        """What each folder held, also those that are empty."""
        found = []
        for feed, days in due.items():
            for day in days:
                names = [file.name for file in self.files.values() if (file.feed, file.day) == (feed, day)]
                landed = sum(self.receipts[name].rows for name in names)
                bad = sum(self.counted[name][1] for name in names if name not in self.duplicate_files)
                found.append(Delivery(feed, day, landing.folder(feed, day), landed, bad))
        return found

    def accounts(self, merge: Merge) -> list[FileAccount]:
        """What became of the rows of each file; each term is counted where its rows are, none is a difference."""
        accepted, repeated = rows_by_file(merge.fresh), rows_by_file(merge.duplicates)
        accounts = []
        for name in self.files:
            erased, bad = self.counted[name]
            twin = name in self.duplicate_files
            doubled = repeated.get(name, 0) + (bad if twin else 0)
            landed = self.receipts[name].rows
            accounts.append(FileAccount(name, landed, accepted.get(name, 0), 0 if twin else bad, doubled, erased))
        return accounts


def extract_days(
    run: Run,
    landing: Landing,
    check_delivery: DeliveryCheck,
    check_rows: RowCheck,
    since: date | None = None,
) -> None:
    """Engagements and quarantine of the run date and of every earlier day that is due.

    The event dates that the deliveries touch are replaced as a whole: what other folders delivered for them, and the new
    deliveries, each event once. The table is a function of what lies in the landing, whatever the order of runs: where a
    row of the table gives way that may have kept another delivery out, that delivery's folder is read again too.

    Args:
        run: the run.
        landing: where the folders are.
        check_delivery: looks at whole folders before anything else happens.
        check_rows: looks at the new engagements before anything is written.
        since: read folders from this day on again, known or not.

    Raises:
        HeldError: a folder is incomplete or missing, a file was not read as it was listed, or a check says so.
        AccountError: rows of a file are unaccounted for.
    """
    config = run.settings.extraction
    known = run.table(ENGAGEMENTS) if run.exists(ENGAGEMENTS) else None
    stored_days = _values(known, INGEST_DATE)
    due: Deliveries = days_to_extract(landing, run.run_date, stored_days, config, since)
    asked = _days(due)
    while True:
        days = _days(due)
        log.info("extracting landing folder(s) of %d day(s): %s to %s", len(days), days[0], days[-1])
        reading = read_days(run, landing, due)
        deliveries = reading.deliveries(landing, due)
        run.facts["deliveries"] = [delivery.as_dict() for delivery in deliveries]
        check_delivery(deliveries, reading.rejected)
        anew = F.col(INGEST_DATE).isin(days)
        stored = None if known is None else known.where(~anew)
        # Also where these folders had events once: what they lack now is to go.
        before = _values(known.where(anew), EVENT_DATE) if known is not None and stored_days & set(days) else set()
        merge = merge_events(run, usable(reading.rows), reading.dates | before, stored)
        more = {} if known is None else _folders_to_reread(run, landing, known, stored_days, days, merge)
        if not any(more.values()):
            break
        log.info("reading earlier extracted folders again: rows gave way that may have kept others out")
        due = {feed: sorted({*due.get(feed, ()), *more[feed]}) for feed in config.feeds}
        run.spark.catalog.clearCache()

    check_rows(merge.fresh.where(F.col(INGEST_DATE).isin(asked)).select(*ENGAGEMENTS.columns), ENGAGEMENTS)
    accounts = require_balanced(reading.accounts(merge))
    run.facts["lines"] = totals(accounts)
    run.facts["files"] = [
        {**account.as_dict(), **_as_read(reading.files[account.file], reading.receipts[account.file])}
        for account in accounts
    ]
    partition = run_partition(run.run_date)
    run.commit(reading.rejected, QUARANTINE, partition, one_of(INGEST_DATE, days))
    commit_merge(run, merge)


def extract_snapshot(run: Run, landing: Landing, table: Table, check_rows: RowCheck) -> None:
    """The newest complete description of a catalog-like feed up to the run date, unless the table has it already.

    A feed without any delivery is an input that this deployment does not have: the rules that need it are off, and say so.

    Raises:
        HeldError: a check says so, or a file changed while it was read.
    """
    days = [day for day in landing.complete_days(table.name) if day <= run.run_date]
    if not days:
        log.warning("%s: nothing landed up to %s; rules that need it are off", table.name, run.run_date)
        return
    day = days[-1]
    where = equals(**{SNAPSHOT_DATE: day})
    if run.exists(table) and run.warehouse.has_rows(table, where=where):
        return
    system, _ = landing.system()
    files = landing.files(table.name, [day], _DESCRIPTION)
    receipts = {file.name: Receipt(0, file.size, checksum(file, system)) for file in files}
    landed = read_snapshot(run.spark, landing, table, day)
    rows = landed.where(~names_erased(digests_in(table, {}), erased_digests(run))).persist()
    check_rows(rows, table)
    now = landing.files(table.name, [day], _DESCRIPTION)
    problems = changes({file.name: file for file in files}, receipts, {file.name: file for file in now})
    if problems:
        raise HeldError.unreadable_landing(problems)
    run.facts.setdefault("snapshots", []).extend(
        {"file": file.name, **_as_read(file, receipts[file.name])} for file in files
    )
    run.commit(rows, table, f"{SNAPSHOT_DATE}={day.isoformat()}", where)


def read_days(run: Run, landing: Landing, due: Deliveries) -> Reading:
    """Read and parse whole folders, once.

    Raises:
        HeldError: naming every file that could not be read whole, or that came, went or changed meanwhile.
    """
    config = run.settings.extraction
    listed = {feed: landing.files(feed, days, config.feeds[feed]) for feed, days in due.items()}
    parsed = [
        parse_lines(read_landed(run.spark, landing, files, config.feeds[feed]), config.feeds[feed], config)
        for feed, files in listed.items()
    ]
    marked = reduce(DataFrame.unionByName, parsed).withColumn(ERASED, erased_rows(erased_digests(run))).persist()

    row, gone = F.col(RECEIPT).isNull(), F.col(ERASED)
    good = row & ~gone & (F.size(REASONS) == 0)
    # By file and date first, and then by file: a set of dates alone would be grown row by row.
    happened = F.when(good, F.col(EVENT_DATE)).alias(EVENT_DATE)
    by_date = marked.groupBy(FILE, happened).agg(
        F.max(RECEIPT).alias(RECEIPT),
        F.count_if(row & gone).alias(ERASED),
        F.count_if(row & ~gone & (F.size(REASONS) > 0)).alias(REASONS),
    )
    counts = by_date.groupBy(FILE).agg(
        F.max(RECEIPT).alias(RECEIPT),
        F.sum(ERASED).alias(ERASED),
        F.sum(REASONS).alias(REASONS),
        F.collect_set(EVENT_DATE).alias(EVENT_DATE),
    )
    found = {counted[FILE]: counted for counted in counts.collect()}
    files = {file.name: file for each in listed.values() for file in each}
    receipts = {name: Receipt.of(found[name][RECEIPT]) for name in files}
    now = {file.name: file for feed, days in due.items() for file in landing.files(feed, days, config.feeds[feed])}
    problems = changes(files, receipts, now)
    if problems:
        raise HeldError.unreadable_landing(problems)
    return Reading(
        rows=marked.where(~gone),
        files=files,
        receipts=receipts,
        counted={name: (found[name][ERASED], found[name][REASONS]) for name in files},
        dates=frozenset(day for counted in found.values() for day in counted[EVENT_DATE]),
        duplicate_files=_duplicate_files(files, receipts),
    )


def changes(
    files: Mapping[str, LandedFile], receipts: Mapping[str, Receipt], now: Mapping[str, LandedFile]
) -> list[tuple[str, str]]:
    """Each file that was not read as it was listed, with its problem, by name.

    Args:
        files: as listed before reading.
        receipts: what was read.
        now: as listed after reading.
    """
    problems = dict.fromkeys(now.keys() - files.keys(), "it came while its folder was read")
    for name, file in files.items():
        after = now.get(name)
        problem = receipts[name].problem
        if problem is not None:
            problems[name] = problem
        elif after is None:
            problems[name] = "it was gone after reading"
        elif (after.size, after.modified) != (file.size, file.modified):
            problems[name] = f"it changed while it was read, from {file.size} to {after.size} bytes"
    return sorted(problems.items())


def merge_events(run: Run, events: DataFrame, touched: Collection[date], stored: DataFrame | None) -> Merge:
    """New events among those of the table that may be the same.

    Args:
        run: the run.
        events: usable rows with file and offset, persisted.
        touched: event dates that must be replaced.
        stored: rows of the table that are not being read anew.
    """
    lookback = run.settings.extraction.lookback_days
    dates = frozenset(touched) or frozenset([run.run_date])
    if stored is None:
        kept, lost = first_deliveries(lookback, events)
    else:
        # The same event may stand in the table under another date; then that date is replaced too.
        near = F.col(EVENT_DATE).between(
            F.lit(min(dates) - timedelta(days=lookback)), F.lit(max(dates) + timedelta(days=lookback))
        )
        elsewhere = stored.where(near & ~F.col(EVENT_DATE).isin(*dates)).select(EVENT_ID, EVENT_DATE)
        dates |= _values(elsewhere.join(events.select(EVENT_ID), EVENT_ID, how="left_semi"), EVENT_DATE)
        kept, lost = first_deliveries(lookback, as_delivered(stored.where(F.col(EVENT_DATE).isin(*dates))), events)
    return Merge(kept.drop(OFFSET).repartition(EVENT_DATE).persist(), lost, dates)


def commit_merge(run: Run, merge: Merge) -> None:
    """Replace the event dates of a merge."""
    rows = merge.rows.select(*ENGAGEMENTS.columns)
    run.commit(rows, ENGAGEMENTS, run_partition(run.run_date), one_of(EVENT_DATE, sorted(merge.dates)))


def require_balanced(accounts: Sequence[FileAccount]) -> Sequence[FileAccount]:
    """The accounts, when the rows of every file are accepted, quarantined, duplicates or erased.

    Raises:
        AccountError: naming every file that does not balance.
    """
    wrong = [(account.file, account.missing) for account in accounts if account.missing]
    if wrong:
        raise AccountError.does_not_balance(wrong)
    return accounts


def rows_by_file(rows: DataFrame) -> dict[str, int]:
    """How many rows there are of each file."""
    return {row[0]: row[1] for row in rows.groupBy(FILE).agg(F.count("*")).collect()}


def _folders_to_reread(
    run: Run, landing: Landing, known: DataFrame, stored_days: set[date], days: Sequence[date], merge: Merge
) -> dict[str, list[date]]:
    """Folders that were extracted before and must be read again, by feed; see `displaced`."""
    config = run.settings.extraction
    landed = {feed: landing.days(feed) for feed in config.feeds}
    newest = _newest_extracted(run, stored_days, {day for each in landed.values() for day in each if day > max(days)})
    if newest is None or newest < min(days):
        return {}  # later folders displace nothing: the earliest delivery wins
    lost = _values(displaced(known.where(F.col(EVENT_DATE).isin(*merge.dates)), merge.rows), EVENT_DATE)
    if not lost:
        return {}
    first = min(lost) - timedelta(days=config.lookback_days)
    last = max(lost) + timedelta(days=config.lookback_days + config.max_late_days)
    wanted = {day for day in stored_days if first <= day <= last} - set(days)
    found = {feed: [day for day in each if day in wanted] for feed, each in landed.items()}
    for feed, again in found.items():
        landing.require_complete(feed, again)
        # A folder whose every event was kept out has left nothing in the table to know it by.
        complete = set(landing.complete_days(feed)) - stored_days - set(days)
        again += sorted(day for day in complete if first <= day <= min(last, newest))
    for day in sorted(wanted - {day for feed in found.values() for day in feed}):
        log.warning("the folders of %s are not landed any more; an event that only they still had is lost", day)
    return found


def _newest_extracted(run: Run, stored_days: Collection[date], later: Collection[date]) -> date | None:
    """The newest day whose folder was extracted: the newest in the table, or the newest landed one that a run was for."""
    for day in sorted(later, reverse=True):
        if run.warehouse.last_attempt(ENGAGEMENTS, run_partition(day)) is not None:
            return max(day, *stored_days)
    return max(stored_days, default=None)


def _as_read(file: LandedFile, receipt: Receipt) -> dict[str, object]:
    """What the manifest says of a file itself."""
    return {"size": receipt.size, "modified_ns": file.modified, "sha256": receipt.sha256}


def _duplicate_files(files: Mapping[str, LandedFile], receipts: Mapping[str, Receipt]) -> frozenset[str]:
    first: dict[tuple[str, date, str], str] = {}
    for name in sorted(files):
        first.setdefault((files[name].feed, files[name].day, receipts[name].sha256), name)
    return frozenset(files) - frozenset(first.values())


def _days(due: Deliveries) -> list[date]:
    return sorted({day for days in due.values() for day in days})


def _values(rows: DataFrame | None, column: str) -> set[date]:
    """Every value of a column of dates."""
    return set() if rows is None else {row[0] for row in rows.select(column).distinct().collect()}
