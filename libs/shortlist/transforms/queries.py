"""What was clicked for each query, and how much more than the positions of its answers let expect."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    EVENT_DATE,
    EVENT_TS,
    EVENT_TYPE,
    EVENTS,
    ITEM_ID,
    LAST_TS,
    POSITION,
    QUERY,
    SESSION_ID,
    USER_ID,
    WEIGHT,
)
from shortlist.config import QueriesConfig
from shortlist.subjects import QUERY_BLANKS
from shortlist.transforms.decay import decay

# Sums of whole millionths: a sum of doubles depends on the order in which partitions arrive.
_UNIT = 1_000_000
_CLICKED, _WORTH, _RATE, _SHOWN = "clicked", "worth", "rate", "shown"
_CLICKS, _EXPECTED, _USERS = "clicks", "expected", "users"


def query_column(text: Column) -> Column:
    """A query as tables name it; NULL where nothing is left of it; the same as `subjects.query_text` in Python."""
    plain = F.lower(F.btrim(F.regexp_replace(text, f"[{QUERY_BLANKS}]+", " ")))
    return F.when(plain != "", plain)


def answered(engagements: DataFrame, config: QueriesConfig) -> DataFrame:
    """Engagements that say that an item answers a query, the query normalised."""
    named = engagements.where(F.col(EVENT_TYPE).isin(*config.click_types) & F.col(ITEM_ID).isNotNull())
    return named.withColumn(QUERY, query_column(F.col(QUERY))).where(F.col(QUERY).isNotNull())


def clicked_items(engagements: DataFrame, run_date: date, config: QueriesConfig) -> DataFrame:
    """One row per query and item that was clicked for it.

    The weight is (clicks + s) / (expected + s): what an item was clicked, over what the positions at which it was shown for the
    query let expect (Zhang, Jones 2007, clicks over expected clicks); s is the smoothing. A position's rate is that of all
    queries. Where no exposure is logged, the weight is the clicks. Clicks and exposures count less by age.

    Args:
        engagements: what was known when the run date ended, within the look-back.
        run_date: day that ages count from.
        config: settings.

    Returns:
        query (normalised), item_id, weight, events (clicks), last_ts of queries that enough users clicked for.
    """
    clicked = F.col(EVENT_TYPE).isin(*config.click_types)
    exposed = F.col(EVENT_TYPE).isin(*config.exposure_types)
    position = F.coalesce(F.least(F.col(POSITION), F.lit(config.max_position)), F.lit(-1))
    events = (
        engagements.where((clicked | exposed) & F.col(ITEM_ID).isNotNull())
        .select(
            query_column(F.col(QUERY)).alias(QUERY),
            ITEM_ID,
            EVENT_TS,
            F.coalesce(USER_ID, SESSION_ID).alias(USER_ID),
            position.alias(POSITION),
            clicked.alias(_CLICKED),
            F.round(decay(F.col(EVENT_DATE), run_date, config.half_life_days) * _UNIT).cast("long").alias(_WORTH),
        )
        .where(F.col(QUERY).isNotNull())
    )
    rates = _rates(events)
    any_exposure = rates.agg((F.count("*") > 0).alias(_SHOWN))
    clicks = F.sum(F.when(F.col(_CLICKED), F.col(_WORTH)).otherwise(0)) / F.lit(_UNIT)
    let_expect = F.round(F.when(F.col(_CLICKED), F.lit(0.0)).otherwise(F.col(_WORTH) * F.col(_RATE)))
    pairs = (
        events.join(F.broadcast(rates), POSITION, how="left")
        .groupBy(QUERY, ITEM_ID)
        .agg(
            clicks.alias(_CLICKS),
            (F.coalesce(F.sum(let_expect.cast("long")), F.lit(0)) / F.lit(_UNIT)).alias(_EXPECTED),
            F.count_if(F.col(_CLICKED)).cast("int").alias(EVENTS),
            F.max(F.when(F.col(_CLICKED), F.col(EVENT_TS))).alias(LAST_TS),
        )
        .where(F.col(EVENTS) > 0)
        .crossJoin(F.broadcast(any_exposure))
    )
    smoothing = F.lit(config.smoothing)
    ratio = (F.col(_CLICKS) + smoothing) / (F.col(_EXPECTED) + smoothing)
    weight = F.when(F.col(_SHOWN), ratio).otherwise(F.col(_CLICKS))
    asked = events.where(F.col(_CLICKED)).groupBy(QUERY).agg(F.count_distinct(USER_ID).alias(_USERS))
    known = asked.where(F.col(_USERS) >= config.min_users).select(QUERY)
    return pairs.join(known, QUERY, how="left_semi").select(
        QUERY, ITEM_ID, weight.cast("float").alias(WEIGHT), EVENTS, LAST_TS
    )


def _rates(events: DataFrame) -> DataFrame:
    """position, rate: clicks by exposures of each position at which something was shown; -1 is an unknown one."""
    clicks = F.sum(F.when(F.col(_CLICKED), F.col(_WORTH)).otherwise(0))
    exposures = F.sum(F.when(F.col(_CLICKED), F.lit(0)).otherwise(F.col(_WORTH)))
    counted = events.groupBy(POSITION).agg(clicks.alias(_CLICKS), exposures.alias(_WORTH)).where(F.col(_WORTH) > 0)
    return counted.select(POSITION, (F.col(_CLICKS) / F.col(_WORTH)).alias(_RATE))
