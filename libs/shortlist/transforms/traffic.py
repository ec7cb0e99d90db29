"""Engagements counted by delivery: one row per landing folder, surface and event type."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_TS, EVENT_TYPE, EVENTS, ID, INGEST_DATE, ITEM_ID, SURFACE
from shortlist.tables import ENGAGEMENTS

NEWEST, ITEMS, UNKNOWN_ITEMS, EMPTY = "newest", "items", "unknown_items", "empty"
OPTIONAL = tuple(field.name for field in ENGAGEMENTS.schema if field.nullable)
TOTAL = "total"
_KNOWN, _MOST = "_known", "_most"


def daily_traffic(events: DataFrame, catalog: DataFrame | None) -> DataFrame:
    """What each folder brought, in one aggregate.

    Args:
        events: engagements' columns, each event once.
        catalog: item_id of every item that is described; None where there is no catalog.

    Returns:
        ingest_date, surface ("" where events name none), event_type, events (bigint), newest (timestamp of the newest
        event), items (bigint, events that name an item), unknown_items (bigint, those whose item the catalog does not
        describe; null without a catalog), empty (map from each column that may be empty to its empty values).
    """
    if catalog is None:
        known, unknown = events, F.lit(None)
    else:
        described = catalog.select(ITEM_ID).distinct().withColumn(_KNOWN, F.lit(True))
        known = events.join(described, ITEM_ID, how="left")
        unknown = F.count_if(F.col(ITEM_ID).isNotNull() & F.col(_KNOWN).isNull())
    empty = [part for name in OPTIONAL for part in (F.lit(name), F.count_if(F.col(name).isNull()))]
    groups = known.groupBy(INGEST_DATE, F.coalesce(F.col(SURFACE), F.lit("")).alias(SURFACE), EVENT_TYPE)
    counted = groups.agg(
        F.count("*").alias(EVENTS),
        F.max(EVENT_TS).alias(NEWEST),
        F.count(ITEM_ID).alias(ITEMS),
        unknown.cast("bigint").alias(UNKNOWN_ITEMS),
        F.create_map(*empty).alias(EMPTY),
    )
    return counted.select(INGEST_DATE, SURFACE, EVENT_TYPE, EVENTS, NEWEST, ITEMS, UNKNOWN_ITEMS, EMPTY)


def heaviest(events: DataFrame, column: str) -> DataFrame:
    """The id that most events of each folder name in a column.

    Returns:
        ingest_date, id, events (of that id), total (events of the folder that name any).
    """
    counted = events.where(F.col(column).isNotNull()).groupBy(INGEST_DATE, column).agg(F.count("*").alias(EVENTS))
    most = F.max_by(F.struct(F.col(column).alias(ID), F.col(EVENTS)), F.struct(F.col(EVENTS), F.col(column)))
    found = counted.groupBy(INGEST_DATE).agg(most.alias(_MOST), F.sum(EVENTS).alias(TOTAL))
    return found.select(INGEST_DATE, f"{_MOST}.{ID}", f"{_MOST}.{EVENTS}", TOTAL)
