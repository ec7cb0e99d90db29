"""Engagements to interactions: one weight per user and item."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from shortlist.columns import (
    EVENT_DATE,
    EVENT_ID,
    EVENT_TS,
    EVENT_TYPE,
    EVENTS,
    FIRST_PURCHASE_TS,
    HIDDEN,
    ITEM_ID,
    LAST_PURCHASE_TS,
    LAST_TS,
    PURCHASES,
    USER_ID,
    WEIGHT,
)
from shortlist.config import InteractionsConfig
from shortlist.transforms.decay import decay

HIDE = "hide"
# Weights are summed as whole millionths: a sum of doubles depends on the order in which partitions arrive.
_UNIT = 1_000_000
_MILLIONTHS = "millionths"
_POSITION = "position_in_order"
_PURCHASE_TS = "purchase_ts"


def build_interactions(engagements: DataFrame, run_date: date, config: InteractionsConfig) -> DataFrame:
    """One row per user and item that the user engaged with or hid.

    Args:
        engagements: what was known when the run date ended, within the look-back.
        run_date: day that ages count from.
        config: weights by event type, decay, cap.

    Returns:
        user_id, item_id, weight (sum over the newest `max_events_per_pair` events of weight x decay; 0 where the user only
        hid the item), events, last_ts, hidden; purchases (all of them, whatever the cap), first_purchase_ts, last_purchase_ts.
    """
    counted = F.col(EVENT_TYPE).isin(*config.weights)
    hide = F.col(EVENT_TYPE) == HIDE
    relevant = engagements.where(F.col(ITEM_ID).isNotNull() & (counted | hide))
    millionths = F.round(_type_weight(config) * decay(F.col(EVENT_DATE), run_date, config.half_life_days) * _UNIT).cast(
        "long"
    )
    given = relevant.select(
        USER_ID,
        ITEM_ID,
        EVENT_TS,
        EVENT_ID,
        F.when(~hide, millionths).alias(_MILLIONTHS),
        hide.alias(HIDDEN),
        F.when(counted & F.col(EVENT_TYPE).isin(*config.purchase_types), F.col(EVENT_TS)).alias(_PURCHASE_TS),
    )
    pairs = given.groupBy(USER_ID, ITEM_ID).agg(
        F.coalesce(F.sum(_MILLIONTHS), F.lit(0)).alias(_MILLIONTHS),
        F.count(_MILLIONTHS).cast("int").alias(EVENTS),
        F.max(EVENT_TS).alias(LAST_TS),
        F.bool_or(HIDDEN).alias(HIDDEN),
        F.count(_PURCHASE_TS).cast("int").alias(PURCHASES),
        F.min(_PURCHASE_TS).alias(FIRST_PURCHASE_TS),
        F.max(_PURCHASE_TS).alias(LAST_PURCHASE_TS),
    )
    pairs = pairs.persist()
    # Few pairs exceed the cap: only theirs are sorted, everything else is added up as it comes.
    cap = config.max_events_per_pair
    above = pairs.where(F.col(EVENTS) > cap).drop(_MILLIONTHS)
    newest_first = Window.partitionBy(USER_ID, ITEM_ID).orderBy(F.desc(EVENT_TS), F.desc(EVENT_ID))
    theirs = given.where(F.col(_MILLIONTHS).isNotNull()).join(above, [USER_ID, ITEM_ID], how="left_semi")
    newest = theirs.withColumn(_POSITION, F.row_number().over(newest_first)).where(F.col(_POSITION) <= cap)
    capped = newest.groupBy(USER_ID, ITEM_ID).agg(F.sum(_MILLIONTHS).alias(_MILLIONTHS))
    cut = above.withColumn(EVENTS, F.lit(cap)).join(capped, [USER_ID, ITEM_ID], how="inner")
    weight = (F.col(_MILLIONTHS) / _UNIT).cast("float").alias(WEIGHT)
    counts = [EVENTS, LAST_TS, HIDDEN, PURCHASES, FIRST_PURCHASE_TS, LAST_PURCHASE_TS]
    return pairs.where(F.col(EVENTS) <= cap).unionByName(cut).select(USER_ID, ITEM_ID, weight, *counts)


def _type_weight(config: InteractionsConfig) -> Column:
    weight = F.lit(0.0)
    for event_type, value in config.weights.items():
        weight = F.when(F.col(EVENT_TYPE) == event_type, F.lit(value)).otherwise(weight)
    return weight
