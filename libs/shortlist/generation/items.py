"""The items of a run: their ids in order, and what rules and sources know of each. Item-sized, in the driver."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    BUYABLE,
    CATEGORY,
    CREATED_AT,
    CREATOR,
    FIRST_PURCHASE_TS,
    ITEM_ID,
    LAST_PURCHASE_TS,
    LAST_TS,
    PRICE,
    PURCHASES,
    STATUS,
    SUPPORT,
    WEIGHT,
)
from shortlist.kernels.arrays import Floats, Indices
from shortlist.models.arrays.matrix import sorted_ids
from shortlist.rules.age_window import ages_of
from shortlist.rules.categories import category_numbers
from shortlist.rules.facts import ItemFacts
from shortlist.rules.groups import group_numbers

_RECENT: Final = "recent_users"
_BUYERS: Final = "buyers"
_REPEATS: Final = "repeats"
_REPEAT_SECONDS: Final = "repeat_seconds"


@dataclass(frozen=True)
class Items:
    """All items that a run may meet.

    Attributes:
        ids: sorted; an item's index is its position here.
        facts: what rules look at.
        recent_users: (items,) float32, users who took each within the window of source popularity.
        buyers: (items,) int64, users who bought each.
        repeats: (items,) int64, purchases of a user but the first, added up over users.
        repeat_seconds: (items,) int64, from a user's first purchase to the last, added up over users.
        catalog: the catalog's rows as they are; None where there is no catalog.
    """

    ids: pa.Array
    facts: ItemFacts
    recent_users: Floats
    buyers: NDArray[np.int64]
    repeats: NDArray[np.int64]
    repeat_seconds: NDArray[np.int64]
    catalog: pa.Table | None = None

    def catalog_column(self, name: str, kind: pa.DataType) -> pa.Array:
        """What the catalog says of each item, NULL where it says nothing."""
        return _column(self.ids, self.catalog, name, kind)

    def categories(self, level: int | None) -> Indices:
        """Categories by so many levels of the catalog's path: (items,) int32 numbers, -1 for none."""
        return category_numbers(self.catalog_column(CATEGORY, pa.list_(pa.string())), level)

    def groups(self, name: str) -> Indices:
        """Groups by a text of the catalog, such as creator: (items,) int32 numbers, -1 for none."""
        return group_numbers(self.catalog_column(name, pa.string()))

    @property
    def log_popularity(self) -> Floats:
        """(items,) float32, ln(1 + users that took an item)."""
        values: Floats = np.log1p(self.facts.support).astype(np.float32)
        return values

    def counts(self, counted: pa.Table, name: str) -> NDArray[np.float64]:
        """A count of each item, 0 where there is none; items that the run does not know are passed over.

        Args:
            counted: item_id and the count.
            name: column of the count.
        """
        found = pc.index_in(counted[ITEM_ID], value_set=self.ids)
        values = np.zeros(len(self.ids))
        values[found.drop_null().to_numpy()] = counted[name].filter(found.is_valid()).to_numpy()
        return values

    def supported(self, floor: int) -> pa.Array:
        """Ids of the items that at least so many users took."""
        return self.ids.filter(pa.array(self.facts.support >= floor))


def count_users(interactions: DataFrame, run_date: date, window_days: int) -> pa.Table:
    """item_id, support (users with a weight above 0), recent_users (those of them within the window), and what was bought.

    One row for every item; buyers, repeats and repeat_seconds as `Items` has them.
    """
    start = F.lit(run_date - timedelta(days=window_days - 1)).cast("timestamp")
    taken = F.col(WEIGHT) > 0
    seconds = F.unix_seconds(LAST_PURCHASE_TS) - F.unix_seconds(FIRST_PURCHASE_TS)
    counted = interactions.groupBy(ITEM_ID).agg(
        F.count_if(taken).alias(SUPPORT),
        F.count_if(taken & (F.col(LAST_TS) >= start)).alias(_RECENT),
        F.count_if(taken & (F.col(PURCHASES) > 0)).alias(_BUYERS),
        F.coalesce(F.sum(F.greatest(F.col(PURCHASES) - 1, F.lit(0))), F.lit(0)).alias(_REPEATS),
        F.coalesce(F.sum(seconds), F.lit(0)).alias(_REPEAT_SECONDS),
    )
    return counted.toArrow()


def collect_items(
    counts: pa.Table,
    run_date: date,
    catalog: DataFrame | None,
    others: list[pa.Array],
    columns: Collection[str] = (),
    whole_catalog: bool = False,
) -> Items:
    """The items of the interactions, and those that models know beside them.

    Args:
        counts: as `count_users` gives them.
        run_date: at whose end items have their age.
        catalog: item_id, status, buyable; None switches the rules off that need it.
        others: ids of further items.
        columns: of the catalog, that artefacts are made from or rules go by.
        whole_catalog: whether all that the catalog describes are items of the run, also what nobody took.
    """
    known = None if catalog is None else catalog.select(ITEM_ID, STATUS, BUYABLE, *sorted(columns)).toArrow()
    if known is not None and whole_catalog:
        others = [*others, *known[ITEM_ID].chunks]
    ids = sorted_ids(pa.chunked_array([*counts[ITEM_ID].chunks, *others], pa.string()))
    where = pc.index_in(counts[ITEM_ID], value_set=ids).to_numpy()
    counted = {name: np.zeros(len(ids), np.int64) for name in (SUPPORT, _RECENT, _BUYERS, _REPEATS, _REPEAT_SECONDS)}
    for name, values in counted.items():
        values[where] = counts[name].to_numpy()
    described = _described(ids, known)
    facts = ItemFacts(
        support=counted[SUPPORT],
        described=described[ITEM_ID],
        status=described[STATUS],
        buyable=described[BUYABLE],
        ids=ids,
        creators=_column(ids, known, CREATOR, pa.string()),
        prices=_column(ids, known, PRICE, pa.float64()).to_numpy(zero_copy_only=False),
        ages=ages_of(_column(ids, known, CREATED_AT, pa.timestamp("us", "UTC")), run_date),
    )
    recent = counted[_RECENT].astype(np.float32)
    return Items(ids, facts, recent, counted[_BUYERS], counted[_REPEATS], counted[_REPEAT_SECONDS], known)


def _column(ids: pa.Array, catalog: pa.Table | None, name: str, kind: pa.DataType) -> pa.Array:
    """What the catalog says of each item, NULL where it says nothing and where the column was not asked for."""
    if catalog is None or name not in catalog.column_names:
        return pa.nulls(len(ids), kind)
    rows = pc.index_in(ids, value_set=catalog[ITEM_ID].combine_chunks())
    return catalog[name].combine_chunks().take(rows).cast(kind)


def _described(ids: pa.Array, table: pa.Table | None) -> Mapping[str, Any]:
    """Whether the catalog describes each item, and its status and buyable: None where it does not say."""
    values: dict[str, NDArray[Any]] = {name: np.full(len(ids), None, object) for name in (STATUS, BUYABLE)}
    if table is None:
        return {ITEM_ID: None, **values}
    where = pc.index_in(table[ITEM_ID], value_set=ids)
    known = where.is_valid()
    indices = where.drop_null().to_numpy()
    described = np.zeros(len(ids), np.bool_)
    described[indices] = True
    for name, column in values.items():
        column[indices] = table[name].filter(known).to_numpy()
    return {ITEM_ID: described, **values}
