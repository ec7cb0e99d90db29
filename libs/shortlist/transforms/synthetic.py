"""A landing made by chance: popularity by a power law, and groups of users that take what their group takes.

Every value is a hash of the seed, the day and the event's number, so the events are the same however Spark divides them, and
a day is made without the days before it. What is planted, so that a test can look for it: user n belongs to group n mod g, and
takes an item of the same group (item m with m mod g equal) in `affinity` of its events.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    EVENT_ID,
    EVENT_TS,
    EVENT_TYPE,
    ITEM_ID,
    POSITION,
    REQUEST_ID,
    SESSION_ID,
    SURFACE,
    USER_ID,
    VALUE,
)
from shortlist.config import EventType, SyntheticConfig

# Shares of event types; they add up to one.
SHARES: Final[Mapping[EventType, float]] = {
    "impression": 0.70,
    "closeup": 0.13,
    "click": 0.08,
    "save": 0.05,
    "add_to_cart": 0.02,
    "checkout": 0.02,
}
NUMBER: Final = "id"
_DAY_SECONDS, _SESSION_SECONDS = 86_400, 14_400
_RESOLUTION = 1 << 52


def synthetic_events(numbers: DataFrame, day: date, config: SyntheticConfig) -> DataFrame:
    """A day's events as a producer lands them.

    Args:
        numbers: column `id`: 0, 1, ... as `spark.range` gives them; one event each.
        day: when they happen.
        config: users, items, groups, skews, seed.

    Returns:
        event_id, event_type, event_ts (text), user_id, item_id, surface, session_id, request_id, position, value.
    """

    def chance(what: str) -> Column:
        """Uniform in [0, 1), one per event and `what`."""
        bits = F.xxhash64(F.col(NUMBER), F.lit(day.isoformat()), F.lit(what), F.lit(config.seed))
        return F.pmod(bits, F.lit(_RESOLUTION)) / F.lit(float(_RESOLUTION))

    user = _by_power_law(chance("user"), F.lit(config.users), config.user_skew)
    group = F.pmod(user, F.lit(config.groups))
    # Items of a group are as popular among themselves as all items are among all.
    in_group = F.floor((F.lit(config.items - 1) - group) / config.groups) + 1
    own = _by_power_law(chance("item"), in_group, config.item_skew) * config.groups + group
    any_item = _by_power_law(chance("item"), F.lit(config.items), config.item_skew)
    seconds = F.floor(chance("time") * _DAY_SECONDS)
    drawn = numbers.select(
        NUMBER,
        user.alias("user"),
        F.when(chance("affinity") < config.affinity, own).otherwise(any_item).alias("item"),
        _event_type(chance("type")).alias(EVENT_TYPE),
        seconds.alias("seconds"),
        F.floor(chance("place") * 50).cast("int").alias("position_in_request"),
    )
    session = F.format_string(f"s%d-{day.isoformat()}-%d", "user", F.floor(F.col("seconds") / _SESSION_SECONDS))
    midnight = F.lit(day.isoformat()).cast("timestamp")
    at = F.timestamp_seconds(F.unix_timestamp(midnight) + F.col("seconds"))
    shown = F.col(EVENT_TYPE) == "impression"
    bought = F.col(EVENT_TYPE) == "checkout"
    return drawn.select(
        F.format_string(f"{day.isoformat()}-%d", NUMBER).alias(EVENT_ID),
        EVENT_TYPE,
        F.date_format(at, "yyyy-MM-dd'T'HH:mm:ss'Z'").alias(EVENT_TS),
        F.format_string("u%08d", "user").alias(USER_ID),
        F.format_string("i%08d", "item").alias(ITEM_ID),
        F.lit("homefeed").alias(SURFACE),
        session.alias(SESSION_ID),
        F.when(shown, F.concat(session, F.lit("-r"))).alias(REQUEST_ID),
        F.when(shown, F.col("position_in_request") + 1).alias(POSITION),
        F.when(bought, (F.col("position_in_request") + 1) / 2).alias(VALUE),
    )


def _by_power_law(chance: Column, count: Column, skew: float) -> Column:
    """A whole number below `count`; P(number < x count) = x^(1/skew)."""
    return F.least(F.floor(F.pow(chance, F.lit(skew)) * count), count - 1).cast("long")


def _event_type(chance: Column) -> Column:
    """The type in whose share of [0, 1) the chance falls."""
    kind, upper = F.lit(None).cast("string"), 0.0
    for name, share in SHARES.items():
        upper += share
        kind = F.coalesce(kind, F.when(chance < upper, F.lit(name)))
    return F.coalesce(kind, F.lit(next(iter(SHARES))))
