"""What rules look at, and what a rule is. No Spark: generation asks of all items at once, `shortlist why` of one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shortlist.config import SurfaceConfig


@dataclass(frozen=True)
class ItemFacts:
    """What is known of n items.

    Attributes:
        support: (n,) int64, users who took the item.
        described: (n,) bool, whether the catalog describes it; None: there is no catalog.
        status: (n,) objects, its catalog status; None where it has none.
        buyable: (n,) objects: True, False, or None where the catalog does not say.
        ids: n texts.
        creators: n texts, NULL where the catalog names none, and where no rule asks.
        prices: (n,) float64, NaN where the catalog does not say, and where no rule asks.
        ages: (n,) float64, days from created_at to the end of the run date; NaN likewise.
        promoted: (n,) bool, whether a promotion of it is live; None: there are no promotions.
    """

    support: NDArray[np.int64]
    described: NDArray[np.bool_] | None
    status: NDArray[Any]
    buyable: NDArray[Any]
    ids: pa.Array
    creators: pa.Array
    prices: NDArray[np.float64]
    ages: NDArray[np.float64]
    promoted: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class PairFacts:
    """What is known of n pairs of a subject and an item.

    Attributes:
        itself: (n,) bool, whether the item is the subject.
        engaged: (n,) bool, whether the subject engaged with it.
        hidden: (n,) bool, whether the subject hid it.
        since_purchase: (n,) float32, days since the subject bought it last; NaN where it never did.
        interval: (n,) float32, days between two purchases in its category; infinite where nobody knows.
        addressed: (n,) bool, whether a live promotion of the item is for the subject; True where nobody asks.
        served: (n,) bool, whether it was shown to the subject often enough without effect; False where no rule asks.
        sent: (n,) bool, whether it was sent to the subject lately; False likewise.
    """

    itself: NDArray[np.bool_]
    engaged: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    since_purchase: NDArray[np.float32]
    interval: NDArray[np.float32]
    addressed: NDArray[np.bool_]
    served: NDArray[np.bool_]
    sent: NDArray[np.bool_]

    @classmethod
    def unknown(cls, count: int) -> "PairFacts":
        """So many pairs of which nothing is known; no rule forbids them."""
        no = np.zeros(count, np.bool_)
        never, unknown = np.full(count, np.nan, np.float32), np.full(count, np.inf, np.float32)
        return cls(no, no, no, never, unknown, ~no, no, no)


@dataclass(frozen=True)
class ItemTraits:
    """What list rules look at of n items, as far as a surface asks.

    Attributes:
        categories: (n,) int32, numbers from 0; -1 for none, and where no rule asks.
        creators: (n,) int32, likewise.
        content_keys: (n,) int32, likewise; items with the same one are the same thing.
        fresh: (n,) bool, whether slots are kept for it; False where no rule asks.
    """

    categories: NDArray[np.int32]
    creators: NDArray[np.int32]
    content_keys: NDArray[np.int32]
    fresh: NDArray[np.bool_]

    def select(self, chosen: NDArray[np.integer]) -> "ItemTraits":
        """Only some items, by position; one may be chosen more than once."""
        every = self.categories, self.creators, self.content_keys, self.fresh
        return ItemTraits(*(np.asarray(each)[chosen] for each in every))

    @classmethod
    def none(cls, count: int) -> "ItemTraits":
        """So many items of which nothing is known."""
        none = np.full(count, -1, np.int32)
        return cls(none, none, none, np.zeros(count, np.bool_))


@dataclass(frozen=True)
class ListFacts:
    """What is known of n candidates, the best of each subject first.

    Attributes:
        subjects: (n,) int64, whose candidate it is; ascending.
        traits: of their items.
        campaigns: (n,) int32, the campaign that the item is listed for; -1 where it is none.
        first_time: (n,) bool, whether the subject never engaged with it; False where no rule asks.
        relations: (n,) int8, what it is to the subject, see `relations_of`; None where no rule asks, and without a catalog.
    """

    subjects: NDArray[np.int64]
    traits: ItemTraits
    campaigns: NDArray[np.int32]
    first_time: NDArray[np.bool_]
    relations: NDArray[np.int8] | None = None

    def select(self, chosen: NDArray[np.int64]) -> "ListFacts":
        """Only some candidates, by position."""
        return ListFacts(
            self.subjects[chosen],
            self.traits.select(chosen),
            self.campaigns[chosen],
            self.first_time[chosen],
            None if self.relations is None else self.relations[chosen],
        )

    @classmethod
    def of(cls, subjects: NDArray[np.int64], traits: ItemTraits) -> "ListFacts":
        """Candidates of whom nothing else is known."""
        count = len(subjects)
        return cls(subjects, traits, np.full(count, -1, np.int32), np.zeros(count, np.bool_))


@dataclass(frozen=True)
class ItemRule:
    """Which items a surface may show to anybody.

    Attributes:
        is_on: whether a surface asks for it.
        allows: (n,) bool, whether each item passes.
        reason: why the item at an index does not.
    """

    is_on: Callable[[ItemFacts, SurfaceConfig], bool]
    allows: Callable[[ItemFacts, SurfaceConfig], NDArray[np.bool_]]
    reason: Callable[[ItemFacts, SurfaceConfig, int], str]


@dataclass(frozen=True)
class PairRule:
    """Which items a subject must not be given, although others may be.

    Attributes:
        is_on: whether a surface asks for it.
        forbids: (n,) bool, whether it forbids each pair.
        reason: why, in a sentence.
    """

    is_on: Callable[[SurfaceConfig], bool]
    forbids: Callable[[PairFacts, SurfaceConfig], NDArray[np.bool_]]
    reason: str


@dataclass(frozen=True)
class ListRule:
    """Which candidates a list is left without, because of the better ones that are in it.

    Attributes:
        is_on: whether a surface asks for it.
        keeps: (n,) bool, whether each candidate stays.
        reason: why one does not, in a sentence.
    """

    is_on: Callable[[SurfaceConfig], bool]
    keeps: Callable[[ListFacts, SurfaceConfig], NDArray[np.bool_]]
    reason: str


@dataclass(frozen=True)
class TableRule:
    """Which rows all lists of a surface are left without, because of the better ones that other lists hold.

    Attributes:
        most_rows: most rows of one campaign over the lists of so many subjects; None where a surface does not ask for it.
        reason: why a row is left out, in a sentence.
    """

    most_rows: Callable[[SurfaceConfig, int], int | None]
    reason: str
