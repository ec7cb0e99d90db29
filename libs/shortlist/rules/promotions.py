"""Promotions that are live on a day, and which of them an item is given to a user for. No Spark."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shortlist.columns import AUDIENCE, CAMPAIGN, ENDS_AT, ITEM_ID, PROMOTION_ID, STARTS_AT
from shortlist.kernels.arrays import Indices, Offsets

NOT_OFFERED: Final = np.iinfo(np.int32).max
_MICROSECONDS: Final = pa.timestamp("us", "UTC")


def served_from(run_date: date) -> datetime:
    """When the lists of a run date begin to be served: the midnight that ends it, UTC."""
    return datetime.combine(run_date + timedelta(days=1), time(), tzinfo=UTC)


@dataclass(frozen=True)
class LivePromotions:
    """P live promotions of items, the preferred ones first: that which ends last, and of equals that with the smallest id.

    Attributes:
        items: (P,) int32 item indices.
        campaigns: (P,) int32, positions in `campaign_names`; -1 where a promotion belongs to no campaign.
        ends: (P,) int64, microseconds since 1970 at which each one no longer holds.
        audiences: (P,) int32, positions in `audience_names`; -1 for everybody.
        campaign_names: sorted.
        audience_names: sorted.
    """

    items: Indices
    campaigns: Indices
    ends: NDArray[np.int64]
    audiences: Indices
    campaign_names: pa.Array
    audience_names: pa.Array

    @property
    def for_everybody(self) -> bool:
        """Whether some promotion has no audience."""
        return bool((self.audiences < 0).any())

    @property
    def addressed(self) -> pa.Array:
        """Names of the audiences that some promotion is for."""
        return self.audience_names.take(pa.array(np.unique(self.audiences[self.audiences >= 0])))

    @property
    def promoted_items(self) -> Indices:
        """Indices of the items that have a promotion, ascending, each once."""
        return np.unique(self.items).astype(np.int32)

    def promoted(self, count: int) -> NDArray[np.bool_]:
        """Which of so many items have a promotion: (count,) bool."""
        found = np.zeros(count, np.bool_)
        found[self.items] = True
        return found

    def among(self, eligible: NDArray[np.uint8]) -> "LivePromotions":
        """Only those of items that may be shown: (items,) uint8."""
        kept = np.asarray(eligible)[self.items] > 0
        return LivePromotions(
            self.items[kept], self.campaigns[kept], self.ends[kept], self.audiences[kept],
            self.campaign_names, self.audience_names,
        )  # fmt: skip

    def campaigns_of(self, promotions: Indices) -> Indices:
        """The campaign of each promotion, -1 for none and for no promotion (-1): (n,) int32."""
        found = np.full(len(promotions), -1, np.int32)
        found[promotions >= 0] = self.campaigns[promotions[promotions >= 0]]
        return found

    def by_audience(self) -> tuple[Offsets, Indices]:
        """Promotions by whom they are for: row 0 those for everybody, row a + 1 those of audience a.

        Returns:
            (audiences + 2,) offsets and (P,) promotions.
        """
        rows = self.audiences.astype(np.int64) + 1
        order = np.argsort(rows, kind="stable").astype(np.int32)
        counts = np.bincount(rows, minlength=len(self.audience_names) + 1)
        return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), order


def live_promotions(promotions: pa.Table, item_ids: pa.Array, run_date: date) -> LivePromotions:
    """The promotions that are live when the lists of a run date begin to be served, of items that the run knows.

    Args:
        promotions: promotion_id, item_id, campaign, audience, starts_at, ends_at of the newest description.
        item_ids: sorted; an item's index is its position here.
        run_date: logical date D.
    """
    moment = pa.scalar(served_from(run_date), _MICROSECONDS)
    begun = pc.less_equal(promotions[STARTS_AT].cast(_MICROSECONDS), moment)
    known = promotions.filter(pc.and_(begun, pc.greater(promotions[ENDS_AT].cast(_MICROSECONDS), moment)))
    known = known.filter(pc.is_in(known[ITEM_ID].cast(pa.string()), value_set=item_ids))
    known = known.sort_by([(ENDS_AT, "descending"), (PROMOTION_ID, "ascending"), (ITEM_ID, "ascending")])
    campaigns, audiences = (_names(known[name]) for name in (CAMPAIGN, AUDIENCE))
    return LivePromotions(
        items=_positions(known[ITEM_ID], item_ids),
        campaigns=_positions(known[CAMPAIGN], campaigns),
        ends=known[ENDS_AT].cast(_MICROSECONDS).cast(pa.int64()).combine_chunks().to_numpy(zero_copy_only=False),
        audiences=_positions(known[AUDIENCE], audiences),
        campaign_names=campaigns,
        audience_names=audiences,
    )


def offering(promotions: LivePromotions) -> Callable[[Offsets, Indices], NDArray[np.int32]]:
    """What tells which promotion an item is given to a subject for.

    Returns:
        a function of n subjects' audiences, as offsets (n + 1,) and positions in `audience_names`, each once a subject. It
        returns (n, promoted items) int32: of the subject's promotions of the item the first; NOT_OFFERED where it has none.
    """
    promoted = promotions.promoted_items
    columns = np.searchsorted(promoted, promotions.items)
    starts, members = promotions.by_audience()

    def offer(offsets: Offsets, audiences: Indices) -> NDArray[np.int32]:
        count = len(offsets) - 1
        subjects = np.concatenate((np.arange(count), np.repeat(np.arange(count), np.diff(offsets))))
        rows = np.concatenate((np.zeros(count, np.int64), audiences.astype(np.int64) + 1))
        lengths = starts[rows + 1] - starts[rows]
        places = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        theirs = members[np.repeat(starts[rows], lengths) + places]
        offered = np.full((count, len(promoted)), NOT_OFFERED, np.int32)
        np.minimum.at(offered, (np.repeat(subjects, lengths), columns[theirs]), theirs)
        return offered

    return offer


def _names(column: pa.ChunkedArray) -> pa.Array:
    names = pc.unique(column.drop_null()).cast(pa.string())
    return names.take(pc.array_sort_indices(names))


def _positions(column: pa.ChunkedArray, names: pa.Array) -> Indices:
    found = pc.fill_null(pc.index_in(column.cast(pa.string()), value_set=names), -1)
    positions: Indices = found.combine_chunks().to_numpy(zero_copy_only=False).astype(np.int32)
    return positions
