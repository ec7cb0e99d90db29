"""Whole deliveries: an empty folder, or one with too many unusable rows, holds the run before anything is written."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import FILE, RAW, REASONS
from shortlist.config import ExtractionConfig
from shortlist.errors import HeldError
from shortlist.transforms.deliveries import Delivery
from shortlist.transforms.engagements import REASON_KINDS

_FOLDER = "folder"


def require_usable(deliveries: Sequence[Delivery], rejected: DataFrame, config: ExtractionConfig) -> None:
    """Hold the run for the first folder that cannot be trusted.

    Args:
        deliveries: what each folder held.
        rejected: unusable rows of all folders, with file, raw and reasons.
        config: shares of a folder's rows that may be unusable, in all and by kind of reason.

    Raises:
        HeldError: naming the folder; with reasons, counts and sample rows where too much was rejected.
    """
    for delivery in deliveries:
        if delivery.landed == 0:
            raise HeldError.empty_landing(delivery.folder)
        limit = config.max_rejected_share
        if delivery.rejected > limit * delivery.landed:
            reasons = _reasons(rejected, delivery)
            raise HeldError.too_many_rejected(delivery.folder, delivery.rejected, delivery.landed, limit, reasons)
    if config.max_share_by_reason and any(delivery.rejected for delivery in deliveries):
        _require_few_of_each_kind(deliveries, rejected, config)


def _require_few_of_each_kind(deliveries: Sequence[Delivery], rejected: DataFrame, config: ExtractionConfig) -> None:
    texts = {
        kind: [text for text, known in REASON_KINDS.items() if known == kind] for kind in config.max_share_by_reason
    }
    spoken = [F.count_if(F.arrays_overlap(REASONS, F.lit(text))).alias(kind) for kind, text in texts.items()]
    rows = rejected.groupBy(F.concat(F.substring_index(FILE, "/", 2), F.lit("/")).alias(_FOLDER)).agg(*spoken)
    counted = {row[_FOLDER]: row.asDict() for row in rows.collect()}
    for delivery in deliveries:
        for kind, limit in config.max_share_by_reason.items():
            count = counted.get(delivery.prefix, {}).get(kind, 0)
            if count > limit * delivery.landed:
                raise HeldError.too_many_of_a_kind(
                    delivery.folder, kind, count, delivery.landed, limit, _reasons(rejected, delivery)
                )


def _reasons(rejected: DataFrame, delivery: Delivery) -> list[tuple[str, int, str]]:
    """Each reason of a folder with its rows and one of them, the most frequent first."""
    own = rejected.where(F.col(FILE).startswith(delivery.prefix))
    exploded = own.select(F.explode(REASONS).alias("reason"), RAW)
    counted = exploded.groupBy("reason").agg(F.count("*").alias("lines"), F.min(RAW).alias("sample"))
    rows = counted.orderBy(F.desc("lines"), "reason").limit(20).collect()
    return [(row["reason"], row["lines"], row["sample"]) for row in rows]
