"""What rules look at, and what a rule is. No Spark: generation asks of all items at once, `shortlist why` of one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
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
        promoted: (n,) bool, whether a promotion of it is live; None: there are no promotions.
    """

    support: NDArray[np.int64]
    described: NDArray[np.bool_] | None
    status: NDArray[Any]
    buyable: NDArray[Any]
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
    """

    itself: NDArray[np.bool_]
    engaged: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    since_purchase: NDArray[np.float32]
    interval: NDArray[np.float32]
    addressed: NDArray[np.bool_]


@dataclass(frozen=True)
class ListFacts:
    """What is known of n candidates, the best of each subject first.

    Attributes:
        subjects: (n,) int64, whose candidate it is; ascending.
        categories: (n,) int32, the category of the item; -1 where it has none.
        campaigns: (n,) int32, the campaign that the item is listed for; -1 where it is none.
    """

    subjects: NDArray[np.int64]
    categories: NDArray[np.int32]
    campaigns: NDArray[np.int32]

    def select(self, chosen: NDArray[np.int64]) -> "ListFacts":
        """Only some candidates, by position."""
        return ListFacts(self.subjects[chosen], self.categories[chosen], self.campaigns[chosen])


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
