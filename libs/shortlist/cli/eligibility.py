"""Who gets a list and what may be in it, for one subject and one item: the house's rules, asked of Polars frames."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shortlist.columns import BUYABLE, EVENTS, HIDDEN, ITEM_ID, STATUS, SUPPORT, USER_ID, WEIGHT
from shortlist.config import SurfaceConfig
from shortlist.rules import eligible_items, forbidden_pairs, forbidding_rule, ineligibility_reasons
from shortlist.rules.facts import ItemFacts, PairFacts
from shortlist.subjects import SUBJECTS, SubjectType

_DESCRIBED = "described"


@dataclass(frozen=True)
class Knowledge:
    """What a run knew.

    Attributes:
        interactions: user_id, item_id, weight, events, hidden of the run date.
        catalog: item_id, status, buyable of the newest snapshot that is not after it; None: rules that need it are off.
        surface: floors and filters.
    """

    interactions: pl.LazyFrame
    catalog: pl.LazyFrame | None
    surface: SurfaceConfig

    @property
    def subject(self) -> SubjectType:
        """Whom the surface's lists are for."""
        return SUBJECTS[self.surface.subject]

    def support(self, item: str) -> int:
        """Users who engaged with the item with a weight above 0."""
        theirs = self.interactions.filter((pl.col(ITEM_ID) == item) & (pl.col(WEIGHT) > 0))
        return int(theirs.select(pl.len()).collect().item())

    def ineligibility_reasons(self, item: str) -> list[str]:
        """Why the item may not be recommended on the surface, every reason; empty when it may."""
        one = pl.LazyFrame({ITEM_ID: [item], SUPPORT: [self.support(item)]})
        return ineligibility_reasons(self._facts(one)[1], self.surface, 0)

    def is_subject(self, subject: str) -> bool:
        """Whether the surface makes a list for the subject: one with history or, where it needs support, enough of it."""
        if self.subject.needs_support:
            return self.support(subject) >= self.surface.min_item_support
        return not self.history(subject).is_empty()

    def history(self, user: str) -> pl.DataFrame:
        """item_id, weight, events, hidden of everything that the user engaged with or hid."""
        theirs = self.interactions.filter(pl.col(USER_ID) == user)
        return theirs.select(ITEM_ID, WEIGHT, EVENTS, HIDDEN).collect()

    def mask(self, subject: str, item: str) -> str | None:
        """Name of the rule by which the subject must not be given the item; None when nothing forbids it."""
        items, pairs = self._pairs(subject)
        found = np.flatnonzero(items == item)
        return forbidding_rule(pairs, self.surface, int(found[0])) if len(found) else None

    def eligible(self) -> pl.DataFrame:
        """item_id, support of every item that may be recommended on the surface."""
        counted = self.interactions.filter(pl.col(WEIGHT) > 0).group_by(ITEM_ID).agg(pl.len().alias(SUPPORT))
        items, facts = self._facts(counted)
        return items.select(ITEM_ID, SUPPORT).filter(pl.Series(eligible_items(facts, self.surface)))

    def left_for(self, subject: str) -> int:
        """How many items may be recommended to the subject: eligible ones that it may be given."""
        items, pairs = self._pairs(subject)
        masked = items[forbidden_pairs(pairs, self.surface)].tolist()
        return self.eligible().filter(~pl.col(ITEM_ID).is_in(masked)).height

    def _facts(self, supports: pl.LazyFrame) -> tuple[pl.DataFrame, ItemFacts]:
        """Some items with their support, and what rules look at."""
        if self.catalog is None:
            items = supports.collect()
            nothing = np.full(items.height, None, object)
            return items, ItemFacts(items[SUPPORT].cast(pl.Int64).to_numpy(), None, nothing, nothing)
        described = self.catalog.select(ITEM_ID, STATUS, BUYABLE, pl.lit(True).alias(_DESCRIBED))
        items = supports.join(described, on=ITEM_ID, how="left").collect()
        status, buyable = (np.array(items[name].to_list(), object) for name in (STATUS, BUYABLE))
        known = items[_DESCRIBED].fill_null(False).to_numpy()
        return items, ItemFacts(items[SUPPORT].cast(pl.Int64).to_numpy(), known, status, buyable)

    def _pairs(self, subject: str) -> tuple[NDArray[np.object_], PairFacts]:
        """Items that some rule may forbid the subject, and what the rules look at."""
        return _PAIRS[self.subject.history](self, subject)


def _with_history(knowledge: Knowledge, user: str) -> tuple[NDArray[np.object_], PairFacts]:
    rows = knowledge.history(user)
    engaged, hidden = (rows[EVENTS] > 0).fill_null(False).to_numpy(), rows[HIDDEN].fill_null(False).to_numpy()
    return np.array(rows[ITEM_ID].to_list(), object), PairFacts(np.zeros(rows.height, np.bool_), engaged, hidden)


def _with_itself(knowledge: Knowledge, item: str) -> tuple[NDArray[np.object_], PairFacts]:
    yes, no = np.ones(1, np.bool_), np.zeros(1, np.bool_)
    return np.array([item], object), PairFacts(yes, no, no)


# By what a subject's history is.
_PAIRS: Final[Mapping[str, Callable[[Knowledge, str], tuple[NDArray[np.object_], PairFacts]]]] = {
    "interactions": _with_history,
    "itself": _with_itself,
}
