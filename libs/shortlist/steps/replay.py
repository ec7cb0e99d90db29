"""A day's quarantine, parsed again after a mapping was mended."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.checks.audit import audit
from shortlist.columns import EVENT_DATE, FILE, HEADER, INGEST_DATE, OFFSET, RAW, RAW_BYTES
from shortlist.config import FeedConfig
from shortlist.steps.erasure_requests import erased_digests
from shortlist.steps.landed_days import ERASED, reader_of
from shortlist.steps.merge import commit_merge, conflicting_rows, merge_events, require_balanced, rows_by_file
from shortlist.store.fences import run_partition
from shortlist.tables import ENGAGEMENTS, QUARANTINE
from shortlist.transforms.deliveries import FileAccount, displaced, totals
from shortlist.transforms.engagements import parse_lines, rejected, usable
from shortlist.transforms.erasure import erased_rows
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.run import Run, log


def replay_quarantine(run: Run) -> None:
    """Rows that were delivered on the run date and can be used by now go to engagements; the others keep their new reasons.

    They carry the ingest date of their folder, as if they had been usable at once. A replay that finds nothing new
    writes nothing. Rows of a feed that the settings do not name any more stay as they are.

    Args:
        run: the run; its date is the quarantine's ingest date.

    Raises:
        HeldError: an accepted row breaks its contract.
        AccountError: rows of a file are unaccounted for.
    """
    where = equals(**{INGEST_DATE: run.run_date})
    if not run.exists(QUARANTINE) or not run.warehouse.has_rows(QUARANTINE, run.version(QUARANTINE), where):
        log.info("quarantine of %s is empty: nothing to replay", run.run_date)
        run.manifest.lines = totals([])
        return
    before = run.table(QUARANTINE, where).persist()
    feeds = run.settings.extraction.feeds
    mine = F.substring_index(FILE, "/", 1).isin(*feeds)
    strangers = before.where(~mine)
    parsed = [
        parse_lines(landed_rows(before.where(F.col(FILE).startswith(f"{name}/")), feed), feed, run.settings.extraction)
        for name, feed in feeds.items()
    ]
    marked = (
        reduce(DataFrame.unionByName, parsed)
        .withColumn(ERASED, erased_rows(erased_digests(run), run.settings.extraction.ids))
        .persist()
    )
    rows = marked.where(~F.col(ERASED))
    events, still = usable(rows), rejected(rows).unionByName(strangers).persist()

    known = run.table(ENGAGEMENTS) if run.exists(ENGAGEMENTS) else None
    dates: set[date] = {row[0] for row in events.select(EVENT_DATE).distinct().collect()}
    merge = merge_events(run, events, dates, known)
    still = still.unionByName(conflicting_rows(rows, merge)).persist()
    lost = merge.lost_by_file
    counts = {
        "landed": rows_by_file(before),
        "accepted": merge.fresh_by_file,
        "quarantined": rows_by_file(still),
        "duplicates": {file: duplicates for file, (duplicates, _) in lost.items()},
        "erased": rows_by_file(marked.where(F.col(ERASED))),
    }
    accounts = require_balanced(
        [
            FileAccount(file, **{name: found.get(file, 0) for name, found in counts.items()})
            for file in sorted(counts["landed"])
        ]
    )
    run.manifest.lines = sums = totals(accounts)
    run.manifest.files = [account.as_dict() for account in accounts]
    log.info("replayed quarantine of %s: %s", run.run_date, _words(sums))
    partition = run_partition(run.run_date)
    if sums["accepted"]:
        rows, minutes = merge.fresh.select(*ENGAGEMENTS.columns), run.settings.checks.timeout_minutes
        checked = audit(rows, ENGAGEMENTS, partition, {"run_date": run.run_date}, minutes)
        run.manifest.checks += checked.records
        checked.raise_if_failed()
        if known is not None and not displaced(known.where(F.col(EVENT_DATE).isin(*merge.dates)), merge.rows).isEmpty():
            log.warning(
                "replayed rows displaced later deliveries of their events; next: extract_engagements --since %s",
                run.run_date,
            )
        # Engagements first: were the run to end between the two, the rows would be found again as duplicates.
        commit_merge(run, merge)
    if sums["quarantined"] < sums["landed"] or not still.exceptAll(before).isEmpty():
        run.commit(still, QUARANTINE, partition, where)


def landed_rows(quarantined: DataFrame, feed: FeedConfig) -> DataFrame:
    """Rows of quarantine as their reader gave them: the exact bytes, and what the reader can say of them."""
    reader = reader_of(feed)

    def read(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield reader.read_again(batch)

    exact = F.coalesce(RAW_BYTES, F.col(RAW).cast("binary")).alias(RAW)
    rows = quarantined.select(exact, HEADER, FILE, OFFSET, INGEST_DATE).mapInArrow(read, reader.ddl)
    return rows.withColumn(RAW, F.col(RAW).cast("string"))


def _words(sums: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sums.items())
