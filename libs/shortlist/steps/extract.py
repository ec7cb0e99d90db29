"""Landing folders into engagements and quarantine."""

from collections.abc import Collection
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.checks.audit import audit
from shortlist.checks.deliveries import require_few_conflicts, require_usable
from shortlist.checks.traffic import check_traffic
from shortlist.columns import EVENT_DATE, INGEST_DATE
from shortlist.landing.folders import Deliveries, Landing, days_to_extract, days_without_folder
from shortlist.steps.descriptions import extract_snapshot
from shortlist.steps.landed_days import as_read, read_days
from shortlist.steps.merge import commit_merge, folders_to_reread, merge_events, require_balanced, values_of
from shortlist.store.fences import run_partition
from shortlist.tables import AUDIENCE_MEMBERS, CATALOG, ENGAGEMENTS, PROMOTIONS, QUARANTINE
from shortlist.transforms.deliveries import totals
from shortlist.transforms.engagements import usable
from shortlist.warehouse.predicates import one_of
from shortlist.warehouse.run import Run, log

# Days without a folder that a log line names.
_SHOWN = 10


def extract(run: Run, since: date | None = None) -> None:
    """Everything that is landed for the run date: descriptions first, then the logs.

    The traffic of a day is judged with what the day knew of its items.

    Args:
        run: the run.
        since: read folders from this day on again, known or not.
    """
    landing = Landing.of(run.settings)
    for table in (CATALOG, PROMOTIONS, AUDIENCE_MEMBERS):
        extract_snapshot(run, landing, table)
    extract_days(run, landing, since)


def extract_days(
    run: Run,
    landing: Landing,
    since: date | None = None,
) -> None:
    """Engagements and quarantine of the run date and of every earlier day that is due.

    The event dates that the deliveries touch are replaced as a whole: what other folders delivered for them, and the new
    deliveries, each event once. The table is a function of what lies in the landing, whatever the order of runs: where a
    row of the table gives way that may have kept another delivery out, that delivery's folder is read again too.

    Args:
        run: the run.
        landing: where the folders are.
        since: read folders from this day on again, known or not.

    Raises:
        HeldError: a folder is incomplete or missing, a file was not read as it was listed, or a check says so.
        AccountError: rows of a file are unaccounted for.
    """
    config = run.settings.extraction
    known = run.table(ENGAGEMENTS) if run.exists(ENGAGEMENTS) else None
    stored_days = values_of(known, INGEST_DATE)
    due: Deliveries = days_to_extract(landing, run.run_date, stored_days, config, since)
    asked = _days(due)
    if config.missing_days == "allow":
        _say_what_is_missing(run, landing, stored_days)
    while True:
        days = _days(due) or [run.run_date]
        log.info("extracting landing folder(s) of %d day(s): %s to %s", len(days), days[0], days[-1])
        reading = read_days(run, landing, due)
        deliveries = reading.deliveries(landing, due)
        run.manifest.deliveries = [delivery.as_dict() for delivery in deliveries]
        require_usable(deliveries, reading.rejected, config)
        anew = F.col(INGEST_DATE).isin(days)
        stored = None if known is None else known.where(~anew)
        # Also where these folders had events once: what they lack now is to go.
        before = values_of(known.where(anew), EVENT_DATE) if known is not None and stored_days & set(days) else set()
        merge = merge_events(run, usable(reading.rows), reading.dates | before, stored)
        more = {} if known is None else folders_to_reread(run, landing, known, stored_days, days, merge)
        if not any(more.values()):
            break
        log.info("reading earlier extracted folders again: rows gave way that may have kept others out")
        due = {feed: sorted({*due.get(feed, ()), *more[feed]}) for feed in config.feeds}
        run.spark.catalog.clearCache()

    without = [feed for feed, days_of_feed in due.items() if run.run_date not in days_of_feed]
    if without:
        log.warning("nothing was landed for %s by: %s", run.run_date, ", ".join(without))
    run.manifest.feeds_without_the_day = without
    require_sound(run, merge.fresh.where(F.col(INGEST_DATE).isin(asked)).select(*ENGAGEMENTS.columns))
    for_quarantine = reading.rejected
    if merge.has_conflicts:
        require_few_conflicts(deliveries, merge.conflicting, config)
        for_quarantine = for_quarantine.unionByName(reading.conflicting(merge))
    accounts = require_balanced(reading.accounts(merge))
    run.manifest.lines = totals(accounts)
    run.manifest.files = [
        {**account.as_dict(), **as_read(reading.files[account.file], reading.receipts[account.file])}
        for account in accounts
    ]
    run.manifest.unmapped = dict(reading.unmapped)
    run.manifest.skipped = [{"file": file, "reason": reason} for file, reason in reading.skipped]
    partition = run_partition(run.run_date)
    run.manifest.duplicates = [
        {"feed": feed, **counts} for feed, counts in reading.repeated_ids(merge, config.feeds).items()
    ]
    run.commit(for_quarantine, QUARANTINE, partition, one_of(INGEST_DATE, days))
    commit_merge(run, merge)


def _say_what_is_missing(run: Run, landing: Landing, stored_days: Collection[date]) -> None:
    """Days without a folder since the newest extracted one: settings allow them, and nobody would learn of them otherwise."""
    newest = max((day for day in stored_days if day < run.run_date), default=None)
    for feed in run.settings.extraction.feeds:
        missing = days_without_folder(set(landing.days(feed)), run.run_date, newest)
        if not missing:
            continue
        shown = [day.isoformat() for day in missing[-_SHOWN:]]
        run.manifest.missing_days = {**run.manifest.missing_days, feed: {"days": len(missing), "newest": shown}}
        log.warning(
            "%s: %d day(s) before %s have no folder, which extraction.missing_days allows: %s%s; next: if the producer is late, "
            "run these days when they are landed",
            feed, len(missing), run.run_date, "... " if len(missing) > _SHOWN else "", ", ".join(shown),
        )  # fmt: skip


def require_sound(run: Run, fresh: DataFrame) -> None:
    """Hold the run when new engagements break their contract, or their traffic its limits; the manifest has every result.

    Raises:
        HeldError: a critical check failed.
    """
    if run.settings.extraction.allows_empty_days and fresh.isEmpty():
        log.warning("no new events for %s: there is nothing to check", run.run_date)
        return
    partition, minutes = run_partition(run.run_date), run.settings.checks.timeout_minutes
    known = run.table(ENGAGEMENTS) if run.exists(ENGAGEMENTS) else None
    audits = [
        audit(fresh, ENGAGEMENTS, partition, {"run_date": run.run_date}, minutes, persist=False),
        check_traffic(fresh, known, run.snapshot(CATALOG), run.settings, run.run_date, partition),
    ]
    for checked in audits:
        run.manifest.checks += checked.records
    for checked in audits:
        checked.raise_if_failed()


def _days(due: Deliveries) -> list[date]:
    return sorted({day for days in due.values() for day in days})
