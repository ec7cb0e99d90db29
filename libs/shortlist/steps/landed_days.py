"""One pass over landing folders: every row parsed, every file accounted for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.checks.deliveries import require_mapped_fields, unmapped_fields
from shortlist.columns import EVENT_DATE, FILE, REASONS, RECEIPT
from shortlist.config import FeedConfig
from shortlist.errors import HeldError
from shortlist.landing.files import LandedFile, Receipt
from shortlist.landing.folders import Deliveries, Landing
from shortlist.landing.reading import Reader
from shortlist.landing.spark_reading import read_landed
from shortlist.steps.erasure_requests import erased_digests
from shortlist.steps.merge import Merge, conflicting_rows, rows_by_file
from shortlist.transforms.deliveries import Delivery, FileAccount
from shortlist.transforms.engagements import parse_lines, rejected
from shortlist.transforms.erasure import erased_rows
from shortlist.warehouse.run import Run

# Whether a parsed row is about a subject that was erased.
ERASED = "_erased"


@dataclass(frozen=True)
class Reading:
    """One pass over landing folders.

    Attributes:
        rows: parsed rows with their reasons, persisted; without the rows of erased subjects, and without the text of usable
            ones.
        whole: the same of some files, read again, with all texts.
        files: every file that was read.
        receipts: what was read of it, by file.
        counted: its rows that are erased and that are rejected, by file.
        dates: event dates of its usable rows.
        unmapped: landed fields that no setting maps, by feed.
        skipped: name and reason of what lay in the folders and was not read.
        duplicate_files: files with the same bytes as another of their folder, which comes first.
    """

    rows: DataFrame
    whole: Callable[[Collection[str]], DataFrame]
    files: Mapping[str, LandedFile]
    receipts: Mapping[str, Receipt]
    counted: Mapping[str, tuple[int, int]]
    dates: frozenset[date]
    unmapped: Mapping[str, list[str]]
    skipped: tuple[tuple[str, str], ...]
    duplicate_files: frozenset[str]

    @property
    def rejected(self) -> DataFrame:
        """Rows for quarantine, once, however often their file lies in the folder."""
        return self._once(rejected(self.rows))

    def conflicting(self, merge: Merge) -> DataFrame:
        """Rows for quarantine that repeat an event's id and say something else; persisted.

        Raises:
            HeldError: a file is not what it was when it was read first.
        """
        expected = {file: count for file, (_, count) in merge.lost_by_file.items() if count}
        found = conflicting_rows(self.whole(expected), merge).persist()
        counts = rows_by_file(found)
        changed = [(file, "it changed while it was read") for file, n in expected.items() if counts.get(file, 0) != n]
        if changed:
            raise HeldError.unreadable_landing(changed)
        return self._once(found)

    def repeated_ids(self, merge: Merge, feeds: Mapping[str, FeedConfig]) -> dict[str, dict[str, object]]:
        """By feed: where its event ids come from, how many rows repeat one, and which share of its rows that is."""
        lost = merge.lost_by_file
        by_feed: dict[str, dict[str, object]] = {}
        for feed in sorted({file.feed for file in self.files.values()}):
            names = [name for name, file in self.files.items() if file.feed == feed]
            landed = sum(self.receipts[name].rows for name in names)
            equal, conflicting = (sum(lost.get(name, (0, 0))[which] for name in names) for which in (0, 1))
            by_feed[feed] = {
                "event_id_from": list(feeds[feed].event_id_from) or None,
                "equal": equal,
                "conflicting": conflicting,
                "share": round((equal + conflicting) / max(landed, 1), 6),
            }
        return by_feed

    def _once(self, rows: DataFrame) -> DataFrame:
        return rows.where(~F.col(FILE).isin(*self.duplicate_files)) if self.duplicate_files else rows

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
        accepted, lost = merge.fresh_by_file, merge.lost_by_file
        accounts = []
        for name in self.files:
            erased, rejected_rows = self.counted[name]
            duplicates, conflicts = lost.get(name, (0, 0))
            kept_out = rejected_rows + conflicts
            if name in self.duplicate_files:
                duplicates, kept_out = duplicates + kept_out, 0
            landed = self.receipts[name].rows
            accounts.append(FileAccount(name, landed, accepted.get(name, 0), kept_out, duplicates, erased))
        return accounts


def read_days(run: Run, landing: Landing, due: Deliveries) -> Reading:
    """Read and parse whole folders, once.

    Raises:
        HeldError: naming every file that could not be read whole, or that came, went or changed meanwhile.
    """
    config = run.settings.extraction
    listings = {feed: landing.listing(feed, days, config.feeds[feed].format) for feed, days in due.items()}
    listed = {feed: listing.files for feed, listing in listings.items()}
    erased = erased_rows(erased_digests(run), config.ids)

    def parsed(listed: Mapping[str, Sequence[LandedFile]], keep_text: bool) -> DataFrame:
        rows = (
            parse_lines(read_landed(run.spark, landing, files, reader_of(feed)), feed, config, keep_text)
            for feed, files in ((config.feeds[name], files) for name, files in listed.items())
        )
        return reduce(DataFrame.unionByName, rows).withColumn(ERASED, erased)

    def whole(names: Collection[str]) -> DataFrame:
        some = {feed: [file for file in files if file.name in names] for feed, files in listed.items()}
        return parsed({feed: files for feed, files in some.items() if files}, True).where(~F.col(ERASED))

    marked = parsed(listed, False).persist()
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
    now = {
        file.name: file
        for feed, days in due.items()
        for file in landing.listing(feed, days, config.feeds[feed].format).files
    }
    problems = changes(files, receipts, now)
    if problems:
        raise HeldError.unreadable_landing(problems)
    unmapped = {}
    for feed, landed in listed.items():
        columns = {column for file in landed for column in receipts[file.name].columns or ()}
        if columns:
            require_mapped_fields(landing.folder(feed, due[feed][-1]), feed, config.feeds[feed], columns)
            unmapped[feed] = unmapped_fields(config.feeds[feed], columns)
    return Reading(
        rows=marked.where(~gone),
        whole=whole,
        files=files,
        receipts=receipts,
        counted={name: (found[name][ERASED], found[name][REASONS]) for name in files},
        dates=frozenset(day for counted in found.values() for day in counted[EVENT_DATE]),
        unmapped={feed: names for feed, names in unmapped.items() if names},
        skipped=tuple(part for listing in listings.values() for part in listing.skipped),
        duplicate_files=_duplicate_files(files, receipts),
    )


def reader_of(feed: FeedConfig) -> Reader:
    """What reads a feed's files."""
    return Reader(feed.format, feed.csv, feed.paths)


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


def as_read(file: LandedFile, receipt: Receipt) -> dict[str, object]:
    """What the manifest says of a file itself."""
    return {"size": receipt.size, "modified_ns": file.modified, "sha256": receipt.sha256, **receipt.as_dict()}


def _duplicate_files(files: Mapping[str, LandedFile], receipts: Mapping[str, Receipt]) -> frozenset[str]:
    first: dict[tuple[str, date, str], str] = {}
    for name in sorted(files):
        first.setdefault((files[name].feed, files[name].day, receipts[name].sha256), name)
    return frozenset(files) - frozenset(first.values())
