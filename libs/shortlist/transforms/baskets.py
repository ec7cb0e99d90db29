"""Engagements to baskets: what was engaged with together."""

from datetime import date
from typing import Literal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shortlist.columns import (
    BASKET_ID,
    BASKET_KIND,
    BOARD_ID,
    EVENT_DATE,
    EVENT_TS,
    EVENT_TYPE,
    ITEM_ID,
    LAST_TS,
    POSITION,
    REQUEST_ID,
    SESSION_ID,
    USER_ID,
    WEIGHT,
)
from shortlist.config import BasketConfig, BasketKind
from shortlist.transforms.decay import decay

_HIDE = "hide"
_DRAW = "draw"
_KEPT = "kept"
_POSITION = "position_in_order"


def basket_names(kind: BasketKind) -> tuple[Column, ...]:
    """Every column that may name an event's basket of this kind, whatever the settings are."""
    if kind == "user-window":
        return basket_name(kind, "week"), basket_name(kind, "lookback")
    return (basket_name(kind),)


def basket_name(kind: BasketKind, window: Literal["week", "lookback"] = "week") -> Column:
    """The column that names an event's basket; NULL where the event belongs to none."""
    if kind != "user-window":
        named = {"board": BOARD_ID, "session": SESSION_ID, "order": REQUEST_ID}[kind]
        # A blank name is none: it would put everybody without one into one basket.
        return F.when(F.trim(named) != "", F.col(named))
    if window == "lookback":
        return F.concat(F.col(USER_ID), F.lit("/all"))
    # A user's calendar week, counted from a Monday.
    week = F.floor(F.datediff(F.col(EVENT_DATE), F.to_date(F.lit("1970-01-05"))) / 7).cast("string")
    return F.concat_ws("/", F.col(USER_ID), week)


def hidden_items(engagements: DataFrame) -> DataFrame:
    """user_id, item_id: what each user has hidden, whatever else was done with it and when."""
    hides = engagements.where((F.col(EVENT_TYPE) == _HIDE) & F.col(ITEM_ID).isNotNull())
    return hides.select(USER_ID, ITEM_ID).distinct()


def build_baskets(
    engagements: DataFrame,
    kind: BasketKind,
    config: BasketConfig,
    seed: int,
    run_date: date,
    hidden: DataFrame | None = None,
) -> DataFrame:
    """Baskets of one kind, each item once, capped.

    An event counts unless its own user has hidden its item: then the item makes no pair in that user's baskets, and stays
    in a basket of several users (a board) only by somebody else's event. Hides come first, then the cap of each basket,
    then the cap of each item, then positions.

    Args:
        engagements: what was known when the run date ended, within the look-back.
        kind: board, session, order (one request), or user-window (a user's calendar week, or all of the look-back).
        config: event types that count, caps, decay.
        seed: seed of the hashes that choose what a basket or an item over its cap keeps.
        run_date: day that ages count from.
        hidden: user_id, item_id, as `hidden_items` of the same engagements gives them; None: nobody has hidden anything.

    Returns:
        basket_kind, basket_id, item_id, position (by first time, ties by item_id, from 1), weight (of the basket:
        0.5 ^ (days since its last event / half-life), 1 without a half-life).
    """
    events = engagements.where(F.col(EVENT_TYPE).isin(*config.event_types) & F.col(ITEM_ID).isNotNull())
    if hidden is not None:
        events = events.join(hidden, [USER_ID, ITEM_ID], how="left_anti")
    named = events.withColumn(BASKET_ID, basket_name(kind, config.window)).where(F.col(BASKET_ID).isNotNull())
    times = F.min(EVENT_TS).alias(EVENT_TS), F.max(EVENT_TS).alias(LAST_TS)
    items = named.groupBy(BASKET_ID, ITEM_ID).agg(*times)
    newest_first = -F.unix_micros(LAST_TS)
    draw = newest_first if config.keep == "newest" else F.xxhash64(BASKET_ID, ITEM_ID, F.lit(seed))
    drawn = F.sort_array(F.collect_list(F.struct(draw.alias(_DRAW), ITEM_ID, EVENT_TS)))
    kept = F.slice(drawn, 1, config.max_items).alias(_KEPT)
    baskets = items.groupBy(BASKET_ID).agg(kept, F.max(LAST_TS).alias(LAST_TS))
    if config.max_baskets_per_item is not None:
        baskets = _items_capped(baskets, config.max_baskets_per_item, seed)
    by_time = F.sort_array(F.transform(_KEPT, lambda item: F.struct(item[EVENT_TS], item[ITEM_ID].alias(ITEM_ID))))
    placed = baskets.select(BASKET_ID, LAST_TS, F.posexplode(by_time).alias(_POSITION, _KEPT))
    return placed.select(
        F.lit(kind).alias(BASKET_KIND),
        BASKET_ID,
        F.col(f"{_KEPT}.{ITEM_ID}").alias(ITEM_ID),
        (F.col(_POSITION) + 1).cast("int").alias(POSITION),
        decay(F.to_date(LAST_TS), run_date, config.half_life_days).cast("float").alias(WEIGHT),
    )


def _items_capped(baskets: DataFrame, cap: int, seed: int) -> DataFrame:
    """The same baskets, each item in at most `cap` of them."""
    rows = baskets.select(BASKET_ID, LAST_TS, F.explode(_KEPT).alias(_KEPT)).withColumn(
        ITEM_ID, F.col(f"{_KEPT}.{ITEM_ID}")
    )
    # Another order than the one by which baskets choose, or an item would stay where its basket was large.
    draw = F.xxhash64(ITEM_ID, BASKET_ID, F.lit(seed))
    by_chance = Window.partitionBy(ITEM_ID).orderBy(draw, BASKET_ID)
    capped = rows.withColumn(_POSITION, F.row_number().over(by_chance)).where(F.col(_POSITION) <= cap)
    return capped.groupBy(BASKET_ID).agg(F.collect_list(_KEPT).alias(_KEPT), F.max(LAST_TS).alias(LAST_TS))
