"""Who gets a list and what may be in it, for one subject and one item: the house's rules, asked of Polars frames."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shortlist.columns import (
    AUDIENCE,
    BUYABLE,
    CATEGORY,
    CREATED_AT,
    CREATOR,
    EVENT_DATE,
    EVENT_TS,
    EVENT_TYPE,
    EVENTS,
    FIRST_PURCHASE_TS,
    HIDDEN,
    ITEM_ID,
    LAST_PURCHASE_TS,
    LAST_TS,
    PRICE,
    PURCHASES,
    STATUS,
    SUPPORT,
    SURFACE,
    USER_ID,
    WEIGHT,
)
from shortlist.config import SurfaceConfig
from shortlist.rules import PAIR_RULES, eligible_items, forbidding_rules, ineligibility_reasons, left_out
from shortlist.rules.age_window import ages_of
from shortlist.rules.categories import category_numbers, repeat_intervals
from shortlist.rules.facts import ItemFacts, PairFacts
from shortlist.rules.promotions import NOT_OFFERED, LivePromotions, live_promotions, offering
from shortlist.subjects import SUBJECTS, SubjectType

_REPEATS, _REPEAT_SECONDS = "repeats", "repeat_seconds"
_ENGAGED = "engaged_ts"
# Interactions from before these columns do not say what was bought.
_OF_PURCHASES: Final[Mapping[str, pl.DataType]] = {
    PURCHASES: pl.Int32(),
    FIRST_PURCHASE_TS: pl.Datetime("us", "UTC"),
    LAST_PURCHASE_TS: pl.Datetime("us", "UTC"),
}
# What rules go by, and its types.
_OF_CATALOG: Final[Mapping[str, pl.DataType]] = {
    STATUS: pl.String(),
    BUYABLE: pl.Boolean(),
    CREATOR: pl.String(),
    PRICE: pl.Float64(),
    CREATED_AT: pl.Datetime("us", "UTC"),
    CATEGORY: pl.List(pl.String()),
}


@dataclass(frozen=True)
class Knowledge:
    """What a run knew.

    Attributes:
        interactions: user_id, item_id, weight, events, last_ts, hidden and the columns of purchases, of the run date.
        catalog: item_id, status, buyable, category of the newest snapshot that is not after it; None: rules that need it
            are off.
        surface: floors and filters.
        day: the run date.
        promotions: the newest description of them that is not after the run date; None where nobody looks, or there is none.
        members: audience, user_id of the newest description; None likewise.
        engagements: as known when the run date ended; None where nobody looks, or there are none.
        engaging: event types that are an engagement.
    """

    interactions: pl.LazyFrame
    catalog: pl.LazyFrame | None
    surface: SurfaceConfig
    day: date
    promotions: pl.LazyFrame | None = None
    members: pl.LazyFrame | None = None
    engagements: pl.LazyFrame | None = None
    engaging: tuple[str, ...] = ()

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
        """item_id, weight, events, hidden, last_purchase_ts of everything that the user engaged with or hid."""
        theirs = self._with_purchases().filter(pl.col(USER_ID) == user)
        return theirs.select(ITEM_ID, WEIGHT, EVENTS, HIDDEN, LAST_PURCHASE_TS).collect()

    def intervals(self, items: pl.Series) -> NDArray[np.float32]:
        """Days between two purchases in the category of each item; infinite where nobody knows or no rule asks."""
        if self.surface.pause is None:
            return np.full(len(items), np.inf, np.float32)
        seconds = (pl.col(LAST_PURCHASE_TS) - pl.col(FIRST_PURCHASE_TS)).dt.total_seconds()
        counted = self._with_purchases().group_by(ITEM_ID).agg(
            (pl.col(PURCHASES) - 1).clip(0).sum().cast(pl.Int64).alias(_REPEATS),
            seconds.sum().alias(_REPEAT_SECONDS),
        ).collect()  # fmt: skip
        days = repeat_intervals(
            self.categories(counted[ITEM_ID]),
            counted[_REPEAT_SECONDS].to_numpy(),
            counted[_REPEATS].to_numpy(),
            self.surface.pause.min_repeats,
        )
        known = counted.select(ITEM_ID, pl.Series("days", days))
        return items.to_frame(ITEM_ID).join(known, ITEM_ID, how="left", maintain_order="left")["days"].to_numpy()

    def categories(self, items: pl.Series) -> NDArray[np.int32]:
        """The category of each item as the surface's rules see it, -1 for none."""
        return category_numbers(self._of_catalog(items)[CATEGORY].to_arrow(), self.surface.category_level)

    @cached_property
    def promoted(self) -> tuple[pa.Array, LivePromotions] | None:
        """Items with a live promotion, sorted, and what promotes them; None where there are no promotions."""
        if self.promotions is None:
            return None
        described = self.promotions.collect()
        items = pa.array(sorted(set(described[ITEM_ID])), pa.string())
        return items, live_promotions(described.to_arrow(), items, self.day)

    def offers(self, user: str) -> dict[str, str | None]:
        """The items that a live promotion allows the user, each with its campaign."""
        if self.promoted is None:
            return {}
        items, live = self.promoted
        theirs = (
            [] if self.members is None else self.members.filter(pl.col(USER_ID) == user).collect()[AUDIENCE].to_list()
        )
        known = pc.index_in(pa.array(theirs, pa.string()), value_set=live.audience_names).drop_null()
        audiences = np.unique(known.to_numpy(zero_copy_only=False)).astype(np.int32)
        (offered,) = offering(live)(np.array([0, len(audiences)]), audiences)
        names, campaigns = items.to_pylist(), [*live.campaign_names.to_pylist(), None]
        pairs = zip(live.promoted_items.tolist(), offered.tolist(), strict=True)
        return {names[item]: campaigns[live.campaigns[number]] for item, number in pairs if number != NOT_OFFERED}

    def served(self, user: str) -> set[str]:
        """Items that were shown to the user often enough since they last engaged with them."""
        config = self.surface.fatigue
        if config is None:
            return set()
        events = self._events(user, config.days).filter(pl.col(ITEM_ID).is_not_null())
        engaged = (
            events.filter(pl.col(EVENT_TYPE).is_in(self.engaging))
            .group_by(ITEM_ID)
            .agg(pl.max(EVENT_TS).alias(_ENGAGED))
        )
        shown = events.filter(pl.col(EVENT_TYPE) == "impression")
        if config.surfaces:
            shown = shown.filter(pl.col(SURFACE).is_in(config.surfaces))
        since = shown.join(engaged, ITEM_ID, how="left").filter(
            pl.col(_ENGAGED).is_null() | (pl.col(EVENT_TS) > pl.col(_ENGAGED))
        )
        counted = since.group_by(ITEM_ID).agg(pl.len()).filter(pl.col("len") >= config.shown)
        return set(counted.collect()[ITEM_ID])

    def sent(self, user: str) -> set[str]:
        """Items that were sent to the user lately."""
        config = self.surface.sent
        if config is None or config.item_days is None:
            return set()
        return set(self._sent(user, config.item_days).collect()[ITEM_ID].drop_nulls())

    def passed_over(self, user: str) -> str | None:
        """Why the user gets no list, whatever they may be given: blocked, sent_lately or inactive; None where none holds."""
        if self.surface.blocked_audience is not None and self.members is not None:
            named = (pl.col(AUDIENCE) == self.surface.blocked_audience) & (pl.col(USER_ID) == user)
            if not self.members.filter(named).collect().is_empty():
                return "blocked"
        sent, active = self.surface.sent, self.surface.active_within_days
        if (
            sent is not None
            and sent.user_days is not None
            and not self._sent(user, sent.user_days).collect().is_empty()
        ):
            return "sent_lately"
        if active is None:
            return None
        theirs = self.interactions.filter(pl.col(USER_ID) == user).select(pl.col(LAST_TS).max().dt.date())
        last = theirs.collect().item()
        return "inactive" if last is not None and last < self.day - timedelta(days=active - 1) else None

    def is_addressed(self, subject: str) -> bool:
        """Whether promotions allow the subject something that may be shown; always where the surface does not look at them."""
        if self.surface.promotions is None:
            return True
        return bool(set(self.offers(subject)) & set(self.eligible()[ITEM_ID]))

    def mask(self, subject: str, item: str) -> str | None:
        """Name of the rule by which the subject must not be given the item; None when nothing forbids it."""
        items, pairs = self._pairs(subject)
        found = forbidding_rules(pairs, self.surface)[items == item]
        return list(PAIR_RULES)[found[0]] if len(found) and found[0] >= 0 else None

    def eligible(self) -> pl.DataFrame:
        """item_id, support of every item that may be recommended on the surface."""
        items, facts = self._all_facts
        return items.select(ITEM_ID, SUPPORT).filter(pl.Series(eligible_items(facts, self.surface)))

    def left_out(self) -> tuple[dict[str, int], int]:
        """How many items each rule of items leaves out, and how many items there are: what somebody took, on a surface without a
        floor also what the catalog describes."""
        items, facts = self._all_facts
        return left_out(facts, self.surface), items.height

    @cached_property
    def _all_facts(self) -> tuple[pl.DataFrame, ItemFacts]:
        counted = self.interactions.filter(pl.col(WEIGHT) > 0).group_by(ITEM_ID).agg(pl.len().alias(SUPPORT))
        if self.catalog is not None and not self.surface.min_item_support:
            counted = self.catalog.select(ITEM_ID).join(counted, on=ITEM_ID, how="full", coalesce=True)
            counted = counted.with_columns(pl.col(SUPPORT).fill_null(0))
        return self._facts(counted)

    def left_for(self, subject: str) -> int:
        """How many items may be recommended to the subject: eligible ones that it may be given."""
        items, pairs = self._pairs(subject)
        masked = items[forbidding_rules(pairs, self.surface) >= 0].tolist()
        return self.eligible().filter(~pl.col(ITEM_ID).is_in(masked)).height

    def _events(self, user: str, days: int) -> pl.LazyFrame:
        """The user's engagements of so many days up to the run date."""
        columns = [USER_ID, ITEM_ID, EVENT_TYPE, EVENT_TS, SURFACE]
        if self.engagements is None:
            return pl.LazyFrame(
                schema={name: pl.Datetime("us", "UTC") if name == EVENT_TS else pl.String for name in columns}
            )
        since = self.day - timedelta(days=days - 1)
        within = pl.col(EVENT_DATE).is_between(since, self.day) & (pl.col(USER_ID) == user)
        return self.engagements.filter(within).select(columns)

    def _sent(self, user: str, days: int) -> pl.LazyFrame:
        config = self.surface.sent
        named = None if config is None else config.surface
        return self._events(user, days).filter((pl.col(EVENT_TYPE) == "send") & (pl.col(SURFACE) == named))

    def _with_purchases(self) -> pl.LazyFrame:
        names = self.interactions.collect_schema().names()
        missing = [pl.lit(None, kind).alias(name) for name, kind in _OF_PURCHASES.items() if name not in names]
        return self.interactions.with_columns(missing)

    @cached_property
    def _described(self) -> pl.DataFrame | None:
        """What the catalog says that rules go by, read once; a column from after the catalog was made is empty."""
        if self.catalog is None:
            return None
        there = self.catalog.collect_schema().names()
        columns = (
            (pl.col(name) if name in there else pl.lit(None)).cast(kind).alias(name)
            for name, kind in _OF_CATALOG.items()
        )
        return self.catalog.select(ITEM_ID, *columns).collect()

    def _of_catalog(self, items: pl.Series) -> pl.DataFrame:
        """What the catalog says of each item; null where it says nothing."""
        described = self._described
        if described is None:
            described = pl.DataFrame(schema={ITEM_ID: pl.String(), **_OF_CATALOG})
        return items.to_frame(ITEM_ID).join(described, ITEM_ID, how="left", maintain_order="left")

    def _facts(self, supports: pl.LazyFrame) -> tuple[pl.DataFrame, ItemFacts]:
        """Some items with their support, and what rules look at."""
        items = supports.collect()
        names, said, described = items[ITEM_ID], self._of_catalog(items[ITEM_ID]), None
        if self._described is not None:
            described = names.is_in(self._described[ITEM_ID].to_list()).to_numpy()
        return items, ItemFacts(
            support=items[SUPPORT].cast(pl.Int64).to_numpy(),
            described=described,
            status=np.array(said[STATUS].to_list(), object),
            buyable=np.array(said[BUYABLE].to_list(), object),
            ids=names.to_arrow(),
            creators=said[CREATOR].to_arrow(),
            prices=said[PRICE].fill_null(np.nan).to_numpy(),
            ages=ages_of(said[CREATED_AT].to_arrow(), self.day),
            promoted=self._promoted(names),
        )

    def _promoted(self, items: pl.Series) -> NDArray[np.bool_] | None:
        """Whether a promotion of each item is live."""
        if self.promoted is None:
            return None
        ids, live = self.promoted
        return items.is_in(ids.take(pa.array(live.promoted_items)).to_pylist()).to_numpy()

    def _pairs(self, subject: str) -> tuple[NDArray[np.object_], PairFacts]:
        """Items that some rule may forbid the subject, and what the rules look at."""
        return _PAIRS[self.subject.history](self, subject)


def _with_history(knowledge: Knowledge, user: str) -> tuple[NDArray[np.object_], PairFacts]:
    rows, offers = knowledge.history(user), knowledge.offers(user)
    if knowledge.promoted is not None:  # what nobody may be given counts too: nothing else is known of it
        ids, live = knowledge.promoted
        promoted = pl.DataFrame({ITEM_ID: ids.take(pa.array(live.promoted_items)).to_pylist()}, {ITEM_ID: pl.String})
        others = promoted.join(rows, ITEM_ID, how="anti")
        rows = pl.concat([rows, others], how="diagonal")
    served, sent = knowledge.served(user), knowledge.sent(user)
    resting = pl.DataFrame({ITEM_ID: sorted(served | sent)}, {ITEM_ID: pl.String})
    rows = pl.concat([rows, resting.join(rows, ITEM_ID, how="anti")], how="diagonal")
    engaged, hidden = (rows[EVENTS] > 0).fill_null(False).to_numpy(), rows[HIDDEN].fill_null(False).to_numpy()
    return np.array(rows[ITEM_ID].to_list(), object), replace(
        PairFacts.unknown(rows.height),
        engaged=engaged,
        hidden=hidden,
        since_purchase=ages_of(rows[LAST_PURCHASE_TS].to_arrow(), knowledge.day).astype(np.float32),
        interval=knowledge.intervals(rows[ITEM_ID]),
        addressed=np.array(
            [knowledge.surface.promotions is None or item in offers for item in rows[ITEM_ID]], np.bool_
        ),
        served=np.array([item in served for item in rows[ITEM_ID]], np.bool_),
        sent=np.array([item in sent for item in rows[ITEM_ID]], np.bool_),
    )


def _with_itself(knowledge: Knowledge, item: str) -> tuple[NDArray[np.object_], PairFacts]:
    return np.array([item], object), replace(PairFacts.unknown(1), itself=np.ones(1, np.bool_))


def _with_nothing(knowledge: Knowledge, query: str) -> tuple[NDArray[np.object_], PairFacts]:
    """No rule forbids a query what was clicked for it."""
    return np.array([], object), PairFacts.unknown(0)


# By what a subject's history is.
_PAIRS: Final[Mapping[str, Callable[[Knowledge, str], tuple[NDArray[np.object_], PairFacts]]]] = {
    "interactions": _with_history,
    "itself": _with_itself,
    "clicks": _with_nothing,
}
