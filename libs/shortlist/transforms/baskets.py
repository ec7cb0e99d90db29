"""Engagements to baskets: what was engaged with together."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    BASKET_ID,
    BASKET_KIND,
    BOARD_ID,
    EVENT_DATE,
    EVENT_TS,
    EVENT_TYPE,
    ITEM_ID,
    POSITION,
    REQUEST_ID,
    SESSION_ID,
    USER_ID,
    WEIGHT,
)
from shortlist.config import BasketConfig, BasketKind

_DRAW = "draw"
_KEPT = "kept"
_PLACE = "place"


def basket_name(kind: BasketKind) -> Column:
    """The column that names an event's basket; NULL where the event belongs to none."""
    if kind == "board":
        return F.col(BOARD_ID)
    if kind == "session":
        return F.col(SESSION_ID)
    if kind == "order":
        return F.col(REQUEST_ID)
    # A user's calendar week, counted from a Monday.
    week = F.floor(F.datediff(F.col(EVENT_DATE), F.to_date(F.lit("1970-01-05"))) / 7).cast("string")
    return F.concat_ws("/", F.col(USER_ID), week)


def build_baskets(engagements: DataFrame, kind: BasketKind, config: BasketConfig, seed: int) -> DataFrame:
    """Baskets of one kind, each item once, capped by a seeded hash.

    Args:
        engagements: what was known when the run date ended, within the look-back.
        kind: board, session, order (one request), or user-window (a user's calendar week).
        config: event types that count and the largest basket.
        seed: seed of the hash that chooses what a basket over the cap keeps.

    Returns:
        basket_kind, basket_id, item_id, position (by first time, ties by item_id, from 1), weight (1).
    """
    events = engagements.where(F.col(EVENT_TYPE).isin(*config.event_types) & F.col(ITEM_ID).isNotNull())
    named = events.withColumn(BASKET_ID, basket_name(kind)).where(F.col(BASKET_ID).isNotNull())
    items = named.groupBy(BASKET_ID, ITEM_ID).agg(F.min(EVENT_TS).alias(EVENT_TS))
    draw = F.xxhash64(BASKET_ID, ITEM_ID, F.lit(seed)).alias(_DRAW)
    by_chance = F.sort_array(F.collect_list(F.struct(draw, ITEM_ID, EVENT_TS)))
    kept = items.groupBy(BASKET_ID).agg(F.slice(by_chance, 1, config.max_items).alias(_KEPT))
    by_time = F.sort_array(F.transform(_KEPT, lambda item: F.struct(item[EVENT_TS], item[ITEM_ID].alias(ITEM_ID))))
    placed = kept.select(BASKET_ID, F.posexplode(by_time).alias(_PLACE, _KEPT))
    return placed.select(
        F.lit(kind).alias(BASKET_KIND),
        BASKET_ID,
        F.col(f"{_KEPT}.{ITEM_ID}").alias(ITEM_ID),
        (F.col(_PLACE) + 1).cast("int").alias(POSITION),
        F.lit(1.0).cast("float").alias(WEIGHT),
    )
