"""Landing folders into engagements, quarantine and snapshots; what is checked is decided by the caller."""

from collections.abc import Callable, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_DATE, INGEST_DATE, REASONS, SNAPSHOT_DATE
from shortlist.io.delta import between, equals, one_of
from shortlist.io.fences import run_partition
from shortlist.io.landing import ENGAGEMENT_FEED, Landing, days_to_extract, read_lines, read_snapshot
from shortlist.io.proofs import erased_digests
from shortlist.io.run import Run, log
from shortlist.tables import ENGAGEMENTS, QUARANTINE, Table
from shortlist.transforms.engagements import as_delivered, first_deliveries, parse_lines, rejected, usable
from shortlist.transforms.erasure import digests_in, erased_rows, names_erased

# (parsed lines, folders by day): raises HeldError for a delivery that cannot be trusted.
DeliveryCheck = Callable[[DataFrame, dict[date, str]], None]
# (rows, table): raises HeldError for rows that break their contract.
RowCheck = Callable[[DataFrame, Table], None]


def extract_days(run: Run, landing: Landing, check_delivery: DeliveryCheck, check_rows: RowCheck) -> None:
    """Engagements and quarantine of the run date and of every earlier day that is due.

    The days that the new events fall on are replaced as a whole: what other folders delivered for them, and the new
    deliveries, each event once. So a repeated or late extraction ends in the same table.

    Args:
        run: the run.
        landing: where the folders are.
        check_delivery: looks at whole folders before anything else happens.
        check_rows: looks at the new engagements before anything is written.
    """
    config = run.settings.extraction
    known = run.table(ENGAGEMENTS) if run.exists(ENGAGEMENTS) else None
    days = days_to_extract(landing, run.run_date, _extracted(known), config)
    log.info("extracting %d landing folder(s): %s to %s", len(days), days[0], days[-1])
    parsed = parse_lines(read_lines(run.spark, landing, ENGAGEMENT_FEED, days), config).persist()
    erased = erased_rows(erased_digests(run))
    remaining = parsed.where(~erased)
    check_delivery(remaining, {day: landing.folder(ENGAGEMENT_FEED, day) for day in days})

    events = usable(remaining)
    # Erased lines are counted with their file, so that the lines beside them keep their numbers.
    unusable = rejected(parsed.withColumn(REASONS, F.when(~erased, F.col(REASONS)).otherwise(F.array())))
    first, last = _event_dates(events, run.run_date)
    others = [] if known is None else [_delivered_by_others(known, days, first, last)]
    merged = first_deliveries(*others, events).repartition(EVENT_DATE).persist()
    fresh = merged.where(F.col(INGEST_DATE).isin(list(days)))
    check_rows(fresh, ENGAGEMENTS)

    accepted, landed = fresh.count(), parsed.count()
    readable, quarantined = events.count(), unusable.count()
    run.facts["lines"] = {
        "landed": landed,
        "accepted": accepted,
        "quarantined": quarantined,
        "duplicates": readable - accepted,
        "erased": landed - readable - quarantined,
    }
    partition = run_partition(run.run_date)
    run.commit(unusable, QUARANTINE, partition, one_of(INGEST_DATE, days))
    run.commit(merged, ENGAGEMENTS, partition, between(EVENT_DATE, first, last))


def extract_snapshot(run: Run, landing: Landing, table: Table, check_rows: RowCheck) -> None:
    """The newest complete description of a catalog-like feed up to the run date, unless the table has it already.

    A feed without any delivery is an input that this deployment does not have: the rules that need it are off, and say so.
    """
    days = [day for day in landing.complete_days(table.name) if day <= run.run_date]
    if not days:
        log.warning("%s: nothing landed up to %s; rules that need it are off", table.name, run.run_date)
        return
    day = days[-1]
    where = equals(**{SNAPSHOT_DATE: day})
    if run.exists(table) and run.warehouse.has_rows(table, where=where):
        return
    landed = read_snapshot(run.spark, landing, table, day)
    rows = landed.where(~names_erased(digests_in(table, {}), erased_digests(run))).persist()
    check_rows(rows, table)
    run.commit(rows, table, f"{SNAPSHOT_DATE}={day.isoformat()}", where)


def _extracted(known: DataFrame | None) -> list[date]:
    """Days whose folder the engagements table knows already."""
    return [] if known is None else [row[0] for row in known.select(INGEST_DATE).distinct().collect()]


def _event_dates(events: DataFrame, run_date: date) -> tuple[date, date]:
    """First and last day on which events happened; the run date itself when there is none."""
    row = events.agg(F.min(EVENT_DATE), F.max(EVENT_DATE)).first()
    return (run_date, run_date) if row is None or row[0] is None else (row[0], row[1])


def _delivered_by_others(known: DataFrame, days: Sequence[date], first: date, last: date) -> DataFrame:
    """Rows of the touched days that came from folders which are not read anew."""
    touched = F.col(EVENT_DATE).between(F.lit(first), F.lit(last))
    return as_delivered(known.where(touched & ~F.col(INGEST_DATE).isin(list(days))))
