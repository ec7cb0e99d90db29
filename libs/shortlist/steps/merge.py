"""New events among those of the table: each once, whole event dates at a time."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate, chain
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_DATE, EVENT_ID, FILE, OFFSET, REASONS, RECEIPT
from shortlist.errors import AccountError
from shortlist.landing.folders import Landing
from shortlist.store.fences import run_partition
from shortlist.tables import ENGAGEMENTS
from shortlist.transforms.deliveries import STORED, WINNER, FileAccount, as_delivered, displaced, first_deliveries
from shortlist.transforms.engagements import CONFLICTING, rejected
from shortlist.warehouse.predicates import one_of
from shortlist.warehouse.run import Run, log

# Some 128 MB of Parquet.
ROWS_PER_FILE: Final = 4_000_000


@dataclass(frozen=True)
class Merge:
    """Event dates that are replaced as a whole, and what they are replaced by.

    Attributes:
        rows: each event once: what stays and what is new, with the file of what is new.
        lost: deliveries that lost against another, new ones with their file; see `first_deliveries`.
        dates: the event dates.
    """

    rows: DataFrame
    lost: DataFrame
    dates: frozenset[date]

    @property
    def fresh(self) -> DataFrame:
        """The rows that were not in the table as they are."""
        return self.rows.where(F.col(FILE) != STORED)

    @property
    def conflicting(self) -> DataFrame:
        """New deliveries that repeat an event's id and say something else."""
        return self.lost.where((F.col(FILE) != STORED) & F.col(WINNER).isNotNull())

    @property
    def has_conflicts(self) -> bool:
        """Whether any new delivery repeats an event's id and says something else."""
        return any(conflicts for _, conflicts in self.lost_by_file.values())

    @cached_property
    def counts(self) -> dict[tuple[date, str], int]:
        """How many rows there are, by event date and file."""
        counted = self.rows.groupBy(EVENT_DATE, FILE).agg(F.count("*"))
        return {(row[0], row[1]): row[2] for row in counted.collect()}

    @property
    def by_date(self) -> dict[date, int]:
        """How many rows each event date has."""
        found: Counter[date] = Counter()
        for (day, _), count in self.counts.items():
            found[day] += count
        return found

    @property
    def fresh_by_file(self) -> dict[str, int]:
        """How many of the fresh rows come from each file."""
        found: Counter[str] = Counter()
        for (_, file), count in self.counts.items():
            if file != STORED:
                found[file] += count
        return found

    @cached_property
    def lost_by_file(self) -> dict[str, tuple[int, int]]:
        """How many rows of each file are duplicates, and how many conflict with what they repeat."""
        counted = self.lost.groupBy(FILE).agg(F.count_if(F.col(WINNER).isNull()), F.count(WINNER))
        return {row[0]: (row[1], row[2]) for row in counted.collect() if row[0] != STORED}


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
    deliveries = [events]
    if stored is not None:
        # The same event may stand in the table under another date; then that date is replaced too.
        near = F.col(EVENT_DATE).between(
            F.lit(min(dates) - timedelta(days=lookback)), F.lit(max(dates) + timedelta(days=lookback))
        )
        elsewhere = stored.where(near & ~F.col(EVENT_DATE).isin(*dates)).select(EVENT_ID, EVENT_DATE)
        dates |= values_of(elsewhere.join(events.select(EVENT_ID), EVENT_ID, how="left_semi"), EVENT_DATE)
        deliveries.insert(0, as_delivered(stored.where(F.col(EVENT_DATE).isin(*dates))))
    kept, lost = first_deliveries(lookback, *deliveries)
    return Merge(kept.drop(OFFSET), lost.persist(), dates)


def in_files(rows: DataFrame, counts: Mapping[date, int], rows_per_file: int = ROWS_PER_FILE) -> DataFrame:
    """The rows in Spark partitions that are written as one file each: one for an event date, several for a large one.

    Args:
        rows: with event_id and event_date.
        counts: by event date, how many rows there are.
        rows_per_file: how many rows of a date one file should have at most.
    """
    large = {day: count for day, count in sorted(counts.items()) if count > rows_per_file}
    if not large:
        return rows.repartition(EVENT_DATE)
    # Tasks are numbered, not hashed: a hash would give one task two files and another none. All cores end together.
    cores = rows.sparkSession.sparkContext.defaultParallelism
    files = {day: _rounded_up(math.ceil(count / rows_per_file), cores) for day, count in large.items()}
    tasks = max(int(rows.sparkSession.conf.get("spark.sql.shuffle.partitions") or 200), *files.values())
    firsts = dict(zip(files, accumulate(files.values(), initial=0), strict=False))
    of_date = [F.create_map(*map(F.lit, chain(*numbers.items())))[F.col(EVENT_DATE)] for numbers in (firsts, files)]
    in_large = of_date[0] + F.pmod(F.xxhash64(EVENT_ID), of_date[1])
    return rows.repartitionById(tasks, F.coalesce(in_large, F.pmod(F.xxhash64(EVENT_DATE), F.lit(tasks))).cast("int"))


def _rounded_up(files: int, cores: int) -> int:
    """A number of files that all cores write in equal parts, where there are more files than cores."""
    return math.ceil(files / cores) * cores if files > cores else files


def commit_merge(run: Run, merge: Merge) -> None:
    """Replace the event dates of a merge."""
    rows = in_files(merge.rows, merge.by_date).select(*ENGAGEMENTS.columns)
    run.commit(rows, ENGAGEMENTS, run_partition(run.run_date), one_of(EVENT_DATE, sorted(merge.dates)))


def conflicting_rows(parsed: DataFrame, merge: Merge) -> DataFrame:
    """Rows for quarantine: those of the parsed ones that repeat an event's id and say something else."""
    keys = merge.conflicting.select(FILE, OFFSET)
    found = parsed.where(F.col(RECEIPT).isNull()).join(keys, [FILE, OFFSET], how="left_semi")
    return rejected(found.withColumn(REASONS, F.array(F.lit(CONFLICTING))))


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


def folders_to_reread(
    run: Run, landing: Landing, known: DataFrame, stored_days: set[date], days: Sequence[date], merge: Merge
) -> dict[str, list[date]]:
    """Folders that were extracted before and must be read again, by feed; see `displaced`."""
    config = run.settings.extraction
    landed = {feed: landing.days(feed) for feed in config.feeds}
    newest = _newest_extracted(run, stored_days, {day for each in landed.values() for day in each if day > max(days)})
    if newest is None or newest < min(days):
        return {}  # later folders displace nothing: the earliest delivery wins
    lost = values_of(displaced(known.where(F.col(EVENT_DATE).isin(*merge.dates)), merge.rows), EVENT_DATE)
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


def values_of(rows: DataFrame | None, column: str) -> set[date]:
    """Every value of a column of dates."""
    return set() if rows is None else {row[0] for row in rows.select(column).distinct().collect()}
