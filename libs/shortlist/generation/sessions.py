"""A bounded, seeded sample of sessions: what users did in one go, in its order."""

from typing import Final

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import BASKET_ID, EVENT_TS, EVENT_TYPE, ITEM_ID, USER_ID
from shortlist.config import BasketConfig
from shortlist.config.sources import SessionsConfig
from shortlist.kernels.arrays import Rows
from shortlist.models.arrays.matrix import id_rows
from shortlist.transforms.baskets import basket_name, hidden_items

ITEMS: Final = "items"
_DRAWN: Final = "drawn"
_LEAST_ITEMS: Final = 2


def draw_sessions(events: DataFrame, config: SessionsConfig, basket: BasketConfig) -> DataFrame:
    """The sessions with the smallest seeded hashes, whatever order events come in.

    Args:
        events: engagements as known when a day ended, within the look-back.
        config: kind of session, size and seed of the sample.
        basket: event types that count, window, most items.

    Returns:
        user_id, basket_id, event_ts (of the session's last event), items: item ids, each once where it was last, by time and
        then id; the newest `max_items`, at least two. What a user has hidden is left out of its sessions.
    """
    counted = events.where(F.col(EVENT_TYPE).isin(*basket.event_types) & F.col(ITEM_ID).isNotNull())
    named = counted.withColumn(BASKET_ID, basket_name(config.basket_kind, basket.window))
    visible = named.where(F.col(BASKET_ID).isNotNull()).join(hidden_items(events), [USER_ID, ITEM_ID], how="left_anti")
    last = visible.groupBy(USER_ID, BASKET_ID, ITEM_ID).agg(F.max(EVENT_TS).alias(EVENT_TS))
    ordered = F.sort_array(F.collect_list(F.struct(EVENT_TS, ITEM_ID))).alias(ITEMS)
    sessions = last.groupBy(USER_ID, BASKET_ID).agg(ordered, F.max(EVENT_TS).alias(EVENT_TS))
    drawn = (
        sessions.where(F.size(ITEMS) >= _LEAST_ITEMS)
        .withColumn(_DRAWN, F.xxhash64(USER_ID, BASKET_ID, F.lit(config.seed)))
        .orderBy(_DRAWN, USER_ID, BASKET_ID)
        .limit(config.sample_sessions)
    )
    return drawn.select(USER_ID, BASKET_ID, EVENT_TS, _newest(basket.max_items).alias(ITEMS))


def session_rows(sessions: pa.Table, item_ids: pa.Array) -> Rows:
    """Items of each session in their order, the oldest session first; items that the run does not know are left out.

    Args:
        sessions: as `draw_sessions` gives them.
        item_ids: sorted; an item's index is its position here.
    """
    lists = sessions.sort_by([(EVENT_TS, "ascending"), (USER_ID, "ascending"), (BASKET_ID, "ascending")])[ITEMS]
    return id_rows(lists.combine_chunks(), item_ids)


def _newest(count: int) -> Column:
    first = F.greatest(F.lit(1), F.size(ITEMS) - F.lit(count - 1))
    return F.transform(F.slice(ITEMS, first, F.lit(count)), lambda entry: entry[ITEM_ID])
