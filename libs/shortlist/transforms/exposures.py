"""What was shown or sent to users lately: pairs that a surface gives a rest."""

from collections.abc import Collection

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import EVENT_TS, EVENT_TYPE, ITEM_ID, SURFACE, USER_ID
from shortlist.config import FatigueConfig, SentConfig

IMPRESSION, SEND = "impression", "send"
_ENGAGED_TS = "engaged_ts"


def served_pairs(events: DataFrame, engaging: Collection[str], config: FatigueConfig) -> DataFrame:
    """user_id, item_id of what was shown often enough since the user last engaged with it.

    Args:
        events: engagements as known when the run date ended, of `config.days` days.
        engaging: event types that are an engagement.
        config: how often is enough, and where.
    """
    pair = [USER_ID, ITEM_ID]
    shown = events.where((F.col(EVENT_TYPE) == IMPRESSION) & F.col(ITEM_ID).isNotNull())
    if config.surfaces:
        shown = shown.where(F.col(SURFACE).isin(*config.surfaces))
    engaged = events.where(F.col(EVENT_TYPE).isin(*engaging)).groupBy(*pair).agg(F.max(EVENT_TS).alias(_ENGAGED_TS))
    since = shown.join(engaged, pair, how="left").where(
        F.col(_ENGAGED_TS).isNull() | (F.col(EVENT_TS) > F.col(_ENGAGED_TS))
    )
    return (
        since.groupBy(*pair).agg(F.count("*").alias(IMPRESSION)).where(F.col(IMPRESSION) >= config.shown).select(*pair)
    )


def sent_pairs(events: DataFrame, config: SentConfig) -> DataFrame:
    """user_id, item_id of what was sent.

    Args:
        events: engagements as known when the run date ended, of `config.item_days` days.
        config: where.
    """
    return events.where(_is_sent(config) & F.col(ITEM_ID).isNotNull()).select(USER_ID, ITEM_ID).distinct()


def sent_users(events: DataFrame, config: SentConfig) -> DataFrame:
    """user_id of those to whom something was sent.

    Args:
        events: engagements as known when the run date ended, of `config.user_days` days.
        config: where.
    """
    return events.where(_is_sent(config)).select(USER_ID).distinct()


def _is_sent(config: SentConfig) -> Column:
    return (F.col(EVENT_TYPE) == SEND) & (F.col(SURFACE) == config.surface)
