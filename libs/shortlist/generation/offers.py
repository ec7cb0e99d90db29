"""Users with their audiences, and which promotion each of them may be given an item for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import AUDIENCE, SUBJECT_ID, USER_ID
from shortlist.kernels.arrays import Indices, offsets_of
from shortlist.rules.promotions import NOT_OFFERED, LivePromotions, offering
from shortlist.sources.batch import Offers

AUDIENCES: Final = "audiences"
# Pairs of a subject and a promoted item that are looked at together: 4 bytes each, some times over.
_PAIRS: Final = 4_000_000


def with_audiences(users: DataFrame, members: DataFrame | None, promotions: LivePromotions) -> DataFrame:
    """The users whom some live promotion addresses.

    Args:
        users: subject_id and more.
        members: audience, user_id; None where no audience is known.
        promotions: that are live.

    Returns:
        Their columns and audiences: names of those of a user's audiences that a live promotion is for; NULL for none.
    """
    if members is None:
        nobody = users.withColumn(AUDIENCES, F.lit(None).cast("array<string>"))
        return nobody if promotions.for_everybody else nobody.where(F.lit(False))
    named = members.sparkSession.createDataFrame(pa.table({AUDIENCE: promotions.addressed}))
    theirs = members.join(F.broadcast(named), AUDIENCE, how="left_semi").groupBy(F.col(USER_ID).alias(SUBJECT_ID))
    gathered = theirs.agg(F.sort_array(F.collect_set(AUDIENCE)).alias(AUDIENCES))
    return users.join(gathered, SUBJECT_ID, how="left" if promotions.for_everybody else "inner")


@dataclass(frozen=True)
class PromotedPairs:
    """What promotions say of n subjects and the promoted items.

    Attributes:
        offers: what they may be given.
        rows: (M,) subjects of pairs that no promotion allows and that are not in the history, ascending.
        items: (M,) int32 their items, ascending within a subject.
    """

    offers: Offers
    rows: NDArray[np.int64]
    items: Indices


def promoted_pairs(
    batch: pa.RecordBatch, promotions: LivePromotions, rows: NDArray[np.int64], items: Indices
) -> PromotedPairs:
    """The pairs of a batch.

    Args:
        batch: with audiences.
        promotions: that are live, of eligible items.
        rows: subjects of the history entries.
        items: their items.
    """
    lists = batch[AUDIENCES]
    found = pc.index_in(lists.flatten().cast(pa.string()), value_set=promotions.audience_names)
    owners = pc.list_parent_indices(lists).filter(found.is_valid()).to_numpy()
    audiences = found.drop_null().to_numpy().astype(np.int32)
    offered = offering(promotions)(offsets_of(owners, batch.num_rows), audiences)
    promoted = promotions.promoted_items
    allowed = offered != NOT_OFFERED
    owners, columns = np.nonzero(allowed)
    offers = Offers(offsets_of(owners, batch.num_rows), promoted[columns], offered[owners, columns])
    others = ~allowed
    if len(promoted):
        places = np.minimum(np.searchsorted(promoted, items), len(promoted) - 1)
        known = promoted[places] == items
        others[rows[known], places[known]] = False
    owners, columns = np.nonzero(others)
    return PromotedPairs(offers, owners.astype(np.int64), promoted[columns])


def in_pieces(batch: pa.RecordBatch, promotions: LivePromotions | None) -> Iterator[pa.RecordBatch]:
    """A batch in parts whose pairs with promoted items fit into memory; whole where promotions are not looked at."""
    if promotions is None:
        yield from [batch] if batch.num_rows else []
        return
    size = max(1, _PAIRS // max(1, len(promotions.promoted_items)))
    for first in range(0, batch.num_rows, size):
        yield batch.slice(first, size)
