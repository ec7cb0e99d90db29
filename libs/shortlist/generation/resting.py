"""Users with the items that rest for each of them: what was served to them without effect, or sent to them."""

from collections.abc import Collection
from functools import reduce
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import ITEM_ID, SUBJECT_ID, USER_ID
from shortlist.config import SurfaceConfig
from shortlist.generation.loading import History
from shortlist.transforms.exposures import sent_pairs, served_pairs

SERVED: Final = "served"
SENT: Final = "sent"


def with_resting(users: DataFrame, surface: SurfaceConfig, history: History, engaging: Collection[str]) -> DataFrame:
    """The users with what rests for them, as far as the surface asks.

    Args:
        users: subject_id and more.
        surface: the surface.
        history: what was known on the run date, or an earlier cut.
        engaging: event types that are an engagement.

    Returns:
        Their columns and, where the surface has such a rule, served and sent: ids of items; NULL for none.
    """
    found: dict[str, DataFrame] = {}
    if surface.fatigue is not None:
        found[SERVED] = served_pairs(history.events(surface.fatigue.days), engaging, surface.fatigue)
    if surface.sent is not None and surface.sent.item_days is not None:
        found[SENT] = sent_pairs(history.events(surface.sent.item_days), surface.sent)
    gathered = [
        pairs.groupBy(F.col(USER_ID).alias(SUBJECT_ID)).agg(F.collect_set(ITEM_ID).alias(name))
        for name, pairs in found.items()
    ]
    return reduce(lambda frame, items: frame.join(items, SUBJECT_ID, how="left"), gathered, users)


def resting_pairs(batch: pa.RecordBatch, name: str, item_ids: pa.Array) -> NDArray[np.int64]:
    """Pairs of a subject of the batch (its row << 32) and an item of the run that rests for it, ascending.

    Args:
        batch: of subjects.
        name: SERVED or SENT; where the batch has no such column there are none.
        item_ids: sorted; an item's index is its position here.
    """
    if name not in batch.schema.names:
        return np.zeros(0, np.int64)
    found = pc.index_in(batch[name].flatten().cast(pa.string()), value_set=item_ids)
    rows = pc.list_parent_indices(batch[name]).filter(found.is_valid()).to_numpy().astype(np.int64)
    return np.unique(rows << 32 | found.drop_null().to_numpy().astype(np.int64))
