"""Deliveries of events: each event once, and what became of every landed row."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import reduce
from typing import Any, Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, TimestampType

from shortlist.columns import (
    EVENT_DATE,
    EVENT_ID,
    FILE,
    INGEST_DATE,
    OFFSET,
)
from shortlist.tables import ENGAGEMENTS

# A row of the table beside freshly read ones: it has no file any more.
STORED: Final = ""
# Ids that every executor can hold: 100 MB at 100 bytes each.
MAX_BROADCAST_IDS = 1_000_000
# What the kept delivery says, where the one that lost against it says something else.
WINNER: Final = "winner"
_SAYS, _KEPT, _HASH, _TIMES = "_says", "_kept", "_hash", "_times"
_ORDER = (INGEST_DATE, FILE, OFFSET, EVENT_DATE)


@dataclass(frozen=True)
class FileAccount:
    """What became of the rows of one landed file.

    Attributes:
        file: relative to the landing root.
        landed: rows that its reader counted.
        accepted: rows that are in engagements.
        quarantined: rows that cannot be used, and those that repeat an event's id and say something else.
        duplicates: rows whose event was delivered before, saying the same, and unusable rows of a file that was landed twice.
        erased: rows of a subject that was erased.
    """

    file: str
    landed: int
    accepted: int
    quarantined: int
    duplicates: int
    erased: int

    @property
    def missing(self) -> int:
        """Landed rows of which nobody knows what became; 0 in a right account, negative when rows were made up."""
        return self.landed - self.accepted - self.quarantined - self.duplicates - self.erased

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)


@dataclass(frozen=True)
class Delivery:
    """What one landing folder held.

    Attributes:
        feed: its log.
        ingest_date: date of the folder.
        folder: where it lies.
        landed: rows.
        rejected: rows that go to quarantine.
    """

    feed: str
    ingest_date: date
    folder: str
    landed: int
    rejected: int

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)


def totals(accounts: Sequence[FileAccount]) -> Mapping[str, int]:
    """The sums of all files, by name of the count."""
    names = ("landed", "accepted", "quarantined", "duplicates", "erased")
    return {name: sum(getattr(account, name) for account in accounts) for name in names}


def first_deliveries(lookback_days: int, *deliveries: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Each event once: the earliest landing folder wins, then the file and the row, whatever the order of reading.

    Two deliveries of one event_id are the same event when their event dates lie at most `lookback_days` apart. They are
    taken in order, and one is a duplicate when it is the same event as one that was kept before it.

    Args:
        lookback_days: days between two dates of one event.
        deliveries: frames with engagements' columns, file and offset; read several times, so persisted by the caller.

    Returns:
        The deliveries that are kept (persisted, unless they are all that were given), and those that are not; both with the
        columns of the given frames. Those that are not have `winner` too: NULL for a duplicate, which says the same as a kept
        one; else what the kept one says, as JSON.
    """
    together = reduce(DataFrame.unionByName, deliveries).select(*ENGAGEMENTS.columns, FILE, OFFSET)
    # Nearly every event comes once: only those that do not are worth moving and sorting. They are found by the hashes of their
    # ids, which are counted several times as fast as the ids; then by the ids themselves, as different ids may have one hash.
    hashed = together.withColumn(_HASH, F.xxhash64(EVENT_ID))
    hashes, count = _repeated(hashed, _HASH)
    if count == 0:
        return together, together.where(F.lit(False)).withColumn(WINNER, F.lit(None).cast("string"))
    repeated, _ = _repeated(hashed.join(hashes, _HASH, how="left_semi"), EVENT_ID)
    once = together.join(repeated, EVENT_ID, how="left_anti").select(*together.columns)
    several = together.join(repeated, EVENT_ID, how="left_semi").select(*together.columns)
    several = several.withColumn(_SAYS, payload()).persist()
    in_order = F.sort_array(F.collect_list(F.struct(*_ORDER, _SAYS)))
    kept = (
        several.groupBy(EVENT_ID).agg(in_order.alias("all")).select(EVENT_ID, _kept("all", lookback_days).alias(_KEPT))
    )
    known = several.join(kept, EVENT_ID)
    row = F.struct(*_ORDER)
    is_kept = F.exists(_KEPT, lambda one: F.struct(*(one[name].alias(name) for name in _ORDER)) == row)
    winners = known.where(is_kept).select(*together.columns)
    near = F.filter(_KEPT, lambda one: F.abs(F.datediff(one[EVENT_DATE], F.col(EVENT_DATE))) <= lookback_days)
    agrees = F.exists(near, lambda one: one[_SAYS] == F.col(_SAYS))
    losers = known.where(~is_kept).withColumn(WINNER, F.when(~agrees, near[0][_SAYS]))
    return once.unionByName(winners).persist(), losers.select(*together.columns, WINNER)


def _repeated(rows: DataFrame, column: str) -> tuple[DataFrame, int]:
    """The values of a column that several rows have, persisted, to be joined with; and how many there are."""
    times = rows.groupBy(column).agg(F.count("*").alias(_TIMES))
    found = times.where(F.col(_TIMES) > 1).select(column).persist()
    count = found.count()
    return (F.broadcast(found) if count <= MAX_BROADCAST_IDS else found), count


def payload() -> Column:
    """What an event says besides its id and its delivery, as JSON: two deliveries of one event say the same."""
    said: list[Column] = []
    for field in ENGAGEMENTS.schema:
        column = F.col(field.name)
        if field.name in (EVENT_ID, EVENT_DATE, INGEST_DATE):
            continue
        if isinstance(field.dataType, StringType):
            column = F.when(F.trim(column) != "", column)
        elif isinstance(field.dataType, TimestampType):
            column = F.date_format(column, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'")
        said.append(column.alias(field.name))
    return F.to_json(F.struct(*said))


def as_delivered(engagements: DataFrame) -> DataFrame:
    """Rows of the engagements table beside freshly read ones: they won their day already, so they come before its files."""
    return engagements.select(*ENGAGEMENTS.columns, F.lit(STORED).alias(FILE), F.lit(-1).cast("long").alias(OFFSET))


def displaced(stored: DataFrame, merged: DataFrame) -> DataFrame:
    """Stored rows that the merged table has not any more under the same id and event date.

    Each of them may have kept a delivery out that the merged table should have: of the same event, from a folder that is
    not being read, on another date.
    """
    return stored.join(merged, [EVENT_ID, EVENT_DATE], how="left_anti")


def _kept(name: str, lookback_days: int) -> Column:
    """The deliveries that are kept of one event_id, given in order."""
    none = F.slice(F.col(name), 1, 0)

    def take(kept: Column, next_one: Column) -> Column:
        distance = F.exists(
            kept, lambda other: F.abs(F.datediff(other[EVENT_DATE], next_one[EVENT_DATE])) <= lookback_days
        )
        return F.when(distance, kept).otherwise(F.concat(kept, F.array(next_one)))

    return F.aggregate(F.col(name), none, take)
