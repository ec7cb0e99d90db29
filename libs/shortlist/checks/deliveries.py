"""Whole deliveries: an empty folder, or one with too many unusable lines, holds the run before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import INGEST_DATE, RAW, REASONS
from shortlist.errors import HeldError


@dataclass(frozen=True)
class Delivery:
    """What one landing folder held.

    Attributes:
        ingest_date: date of the folder.
        landed: lines.
        rejected: lines that go to quarantine.
    """

    ingest_date: date
    landed: int
    rejected: int

    def as_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)


def require_usable(parsed: DataFrame, folders: Mapping[date, str], max_rejected_share: float) -> Sequence[Delivery]:
    """Count the lines of each folder, and hold the run for the first one that cannot be trusted.

    Args:
        parsed: lines with ingest_date, raw and reasons.
        folders: the folders that were read, by day.
        max_rejected_share: share of a folder's lines that may be unusable.

    Raises:
        HeldError: naming the folder; with reasons, counts and sample lines where too much was rejected.
    """
    rows = parsed.groupBy(INGEST_DATE).agg(F.count("*"), F.count_if(F.size(REASONS) > 0)).collect()
    counted = {row[0]: Delivery(row[0], row[1], row[2]) for row in rows}
    deliveries = [counted.get(day, Delivery(day, 0, 0)) for day in sorted(folders)]
    for delivery in deliveries:
        folder = folders[delivery.ingest_date]
        if delivery.landed == 0:
            raise HeldError.empty_landing(folder)
        if delivery.rejected > max_rejected_share * delivery.landed:
            raise HeldError.too_many_rejected(
                folder, delivery.rejected, delivery.landed, max_rejected_share, _reasons(parsed, delivery.ingest_date)
            )
    return deliveries


def _reasons(parsed: DataFrame, day: date) -> list[tuple[str, int, str]]:
    """Each reason of a folder with its lines and one of them, the most frequent first."""
    exploded = parsed.where(F.col(INGEST_DATE) == F.lit(day)).select(F.explode(REASONS).alias("reason"), RAW)
    counted = exploded.groupBy("reason").agg(F.count("*").alias("lines"), F.min(RAW).alias("sample"))
    rows = counted.orderBy(F.desc("lines"), "reason").limit(20).collect()
    return [(row["reason"], row["lines"], row["sample"]) for row in rows]
