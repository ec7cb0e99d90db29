"""Whole deliveries: an empty folder, or one with too many unusable rows, holds the run before anything is written."""

import difflib
import logging
from collections.abc import Collection, Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_ID, FILE, INGEST_DATE, OFFSET, RAW, REASONS
from shortlist.config import ExtractionConfig, FeedConfig, ReasonKind
from shortlist.errors import HeldError
from shortlist.transforms.deliveries import WINNER, Delivery, payload
from shortlist.transforms.engagements import REASON_KINDS

log = logging.getLogger("shortlist")

# What every event needs; the rest a producer may not have.
_NEEDED = ("event_id", "event_type", "event_ts", "user_id", "item_id")
# The settings behind each kind of reason; what no setting can change has none.
_JUDGED_BY: Mapping[ReasonKind, str] = {
    "malformed": "extraction.feeds.{feed}.format and csv: how its files are written",
    "missing": "extraction.feeds.{feed}.fields, no_value: which field is which, and which words mean no value",
    "wrong_type": "extraction.feeds.{feed}.fields and timestamp: which field is which, and how its times are written",
    "too_long": "extraction.max_id_length: the longest id",
    "unknown_event_type": "extraction.feeds.{feed}.event_types or event_types_by_number: what its words or grades mean",
    "impossible_timestamp": "extraction.feeds.{feed}.timestamp: how its times are written, and their zone",
    "future_event": "extraction.feeds.{feed}.timestamp.zone and day_zone: whose days its times and folders are",
    "too_late": "extraction.max_late_days: how much older than its folder an event may be; for a first load of history raise it, "
    "or land a folder a day, as infra/shortlist new does with a file of many days",
}
_SAID = "_said"
_FEED = "_feed"


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
            if config.allows_empty_days:
                continue
            raise HeldError.empty_landing(delivery.folder)
        limit = config.max_rejected_share
        if delivery.rejected > limit * delivery.landed:
            reasons = _reasons(rejected, delivery)
            judged = judged_by(delivery.feed, [reason for reason, _, _ in reasons])
            raise HeldError.too_many_rejected(
                delivery.folder, delivery.rejected, delivery.landed, limit, reasons, judged
            )
    if config.max_share_by_reason and any(delivery.rejected for delivery in deliveries):
        _require_few_of_each_kind(deliveries, rejected, config)


def judged_by(feed: str, reasons: Sequence[str]) -> list[str]:
    """The settings that some reasons of a feed's rows depend on, each with what it says, in the order of the reasons."""
    kinds = dict.fromkeys(REASON_KINDS[reason] for reason in reasons)
    return [_JUDGED_BY[kind].format(feed=feed) for kind in kinds if kind in _JUDGED_BY]


def require_mapped_fields(folder: str, feed: str, config: FeedConfig, columns: Collection[str]) -> None:
    """Refuse a mapping that names a field which no file has.

    Where a feed is landed by our own names, only columns that every event needs must be there. A line of JSON may leave out
    what is empty, so of JSON a field that no looked at line has is only warned of.

    Args:
        folder: where the newest files lie, for messages.
        feed: its name.
        config: its mapping.
        columns: every field of its files, with dots for those inside others.

    Raises:
        HeldError: naming the field and its nearest neighbours.
    """
    needed = {name: field for name, field in config.mapped.items() if config.fields or name in _NEEDED}
    wanted = {field: f"fields.{name}" for name, field in needed.items()}
    wanted |= dict.fromkeys(config.event_id_from, "event_id_from")
    absent = {field: setting for field, setting in wanted.items() if not _is_there(config.path(field), columns)}
    for field, setting in absent.items():
        near = difflib.get_close_matches(field, sorted(columns), n=3, cutoff=0.5) or sorted(columns)[:8]
        if config.format != "json":
            raise HeldError.no_such_field(folder, f"extraction.feeds.{feed}.{setting}", field, near)
        if config.fields:
            log.warning("no line of %s that was looked at has %s; nearest are %s", folder, field, ", ".join(near))


def unmapped_fields(config: FeedConfig, columns: Collection[str]) -> list[str]:
    """Landed fields that no setting maps, without those inside mapped or unmapped ones."""
    used = {config.path(field) for field in (*config.mapped.values(), *config.event_id_from)}
    tops = {path[0] for path in used}
    paths = {column: config.path(column) for column in columns}
    inner = [column for column, path in paths.items() if len(path) > 1 and path[0] in tops and path not in used]
    return sorted([*(column for column, path in paths.items() if len(path) == 1 and path[0] not in tops), *inner])


def _is_there(path: tuple[str, ...], columns: Collection[str]) -> bool:
    """Whether files have a field; inside a map or a list only its owner is known."""
    if ".".join(path) in columns:
        return True
    owner = path[0]
    return len(path) > 1 and owner in columns and not any(column.startswith(f"{owner}.") for column in columns)


def require_few_conflicts(deliveries: Sequence[Delivery], conflicting: DataFrame, config: ExtractionConfig) -> None:
    """Hold the run for the first folder of which too many rows repeat an event's id and say something else.

    Args:
        deliveries: what each folder held.
        conflicting: these rows, with file and what the kept delivery says.
        config: the share of a folder's rows that may do so.

    Raises:
        HeldError: with counts, and rows beside what they conflict with.
    """
    counts = {(row[0], row[1]): row[2] for row in conflicting.groupBy(_feed(), INGEST_DATE).agg(F.count("*")).collect()}
    limit = config.max_conflicting_share
    for delivery in deliveries:
        count = counts.get((delivery.feed, delivery.ingest_date), 0)
        if count > limit * delivery.landed:
            own = conflicting.where((_feed() == delivery.feed) & (F.col(INGEST_DATE) == F.lit(delivery.ingest_date)))
            said = own.withColumn(_SAID, payload()).orderBy(EVENT_ID, FILE, OFFSET).limit(5).collect()
            pairs = [(row[EVENT_ID], row[WINNER], row[_SAID]) for row in said]
            raise HeldError.conflicting_duplicates(delivery.folder, delivery.feed, count, delivery.landed, limit, pairs)


def _require_few_of_each_kind(deliveries: Sequence[Delivery], rejected: DataFrame, config: ExtractionConfig) -> None:
    texts = {
        kind: [text for text, known in REASON_KINDS.items() if known == kind] for kind in config.max_share_by_reason
    }
    spoken = [F.count_if(F.arrays_overlap(REASONS, F.lit(text))).alias(kind) for kind, text in texts.items()]
    rows = rejected.groupBy(_feed().alias(_FEED), INGEST_DATE).agg(*spoken)
    counted = {(row[_FEED], row[INGEST_DATE]): row.asDict() for row in rows.collect()}
    for delivery in deliveries:
        for kind, limit in config.max_share_by_reason.items():
            count = counted.get((delivery.feed, delivery.ingest_date), {}).get(kind, 0)
            if count > limit * delivery.landed:
                judged = judged_by(delivery.feed, texts[kind][:1])
                raise HeldError.too_many_of_a_kind(
                    delivery.folder, kind, count, delivery.landed, limit, _reasons(rejected, delivery), judged
                )


def _reasons(rejected: DataFrame, delivery: Delivery) -> list[tuple[str, int, str]]:
    """Each reason of a folder with its rows and one of them, the most frequent first."""
    own = rejected.where((_feed() == delivery.feed) & (F.col(INGEST_DATE) == F.lit(delivery.ingest_date)))
    exploded = own.select(F.explode(REASONS).alias("reason"), RAW)
    counted = exploded.groupBy("reason").agg(F.count("*").alias("lines"), F.min(RAW).alias("sample"))
    rows = counted.orderBy(F.desc("lines"), "reason").limit(20).collect()
    return [(row["reason"], row["lines"], row["sample"]) for row in rows]


def _feed() -> Column:
    """The log that a row of a file belongs to."""
    return F.substring_index(FILE, "/", 1)
