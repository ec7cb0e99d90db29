"""Settings of candidates: surfaces with their guardrails, the fusion of sources."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from shortlist.config.base import EventType, Section
from shortlist.config.blends import LearnedBlendConfig
from shortlist.config.slots import (
    ExplorationConfig,
    FirstTimeSlotsConfig,
    FreshSlotsConfig,
    InterestSlotsConfig,
    RelationsConfig,
)
from shortlist.config.sources import KnownSource

# Sources that ask what a query says, and those that a query may have beside them: what they go by is items, whoever took them.
ONLY_FOR_QUERIES: Final = frozenset({"query_clicks", "query_neighbours", "words", "word_parts"})
FOR_QUERIES: Final = ONLY_FOR_QUERIES | {
    "cooccurrence",
    "rp3beta",
    "log_lift",
    "content",
    "category_affinity",
    "popularity",
    "trending",
    "fresh",
}


class GuardrailsConfig(Section):
    """How far a surface may move from the last published day before the publication is held."""

    max_rows_change: float = Field(default=0.5, gt=0)
    """Largest relative change of the row count."""
    min_overlap: float = Field(default=0.1, ge=0, le=1)
    """Smallest mean share of a subject's list found in its last published list."""
    max_top_item_share: float = Field(default=0.5, gt=0, le=1)
    """Largest share of subjects that one item may reach at rank 1."""
    max_fallback_share: float = Field(default=0.5, ge=0, le=1)
    """Largest share of rows that come from the fallback source."""
    max_short_share: float = Field(default=0.05, ge=0, le=1)
    """Largest share of subjects with fewer than k candidates."""


class PauseConfig(Section):
    """How long what a user bought is not given to them again: a grocer's milk returns in days, a sofa in years."""

    share: float = Field(default=0.1, gt=0)
    """An item may return after this share of its category's interval: the mean time between two purchases of one item by one
    user, over the items of the category. Who buys something often buys it soon again: in the demo's grocery 0.3 loses a third
    of the repeats that are found without a pause, 0.02 one in seventy."""
    min_repeats: int = Field(default=20, ge=1)
    """A category with fewer repeated purchases has no interval: what a user bought of it does not return as long as
    `interactions.lookback_days` remembers it."""


class FatigueConfig(Section):
    """How often a user is shown an item that they do not engage with, before it rests."""

    shown: int = Field(default=5, ge=1)
    """An item that was shown to a user so many times (`impression`) since they last engaged with it is not given to them."""
    days: int = Field(default=7, ge=1)
    """Only impressions of so many days up to the run date count: when they are older, the item may return."""
    surfaces: tuple[str, ...] = ()
    """Only impressions with one of these as their `surface`, as the log writes it; empty: all."""


class SentConfig(Section):
    """What was sent is not sent again soon, by events of type `send`, which whoever sends the lists lands."""

    surface: str
    """The `surface` of these events, as the log writes it."""
    item_days: int | None = Field(default=90, ge=1)
    """An item that was sent to a user within so many days up to the run date is not given to them; null: it may be."""
    user_days: int | None = Field(default=7, ge=1)
    """A user to whom anything was sent within so many days up to the run date gets no list; null: they may get one."""


class LapsingConfig(Section):
    """Lists only for users who have been away for longer than is usual for them."""

    after: float = Field(default=2.0, gt=0)
    """A user is lapsing when this many of their own mean intervals between two active days have gone by since the last one.
    A day with an event that has a weight in `interactions.weights` is an active one."""
    until: float | None = Field(default=12.0, gt=0)
    """Beyond so many intervals a user is given up; null: never."""
    min_active_days: int = Field(default=4, ge=2)
    """A user with fewer active days has no rhythm, and no list."""
    holdback: float = Field(default=0.1, ge=0, lt=1)
    """Share of lapsing users who get no list, by a seeded hash, always the same users: what lists achieve is the difference."""
    budget: int | None = Field(default=None, ge=1)
    """Most lists; the users likeliest to return get one. null: all."""
    horizon_days: int = Field(default=7, ge=1)
    """Days within which a user is to return; the share of those who do is learned from the users who were lapsing as long ago."""

    @model_validator(mode="after")
    def _somebody_is_lapsing(self) -> Self:
        if self.until is not None and self.until <= self.after:
            raise ValueError(
                f"until {self.until:g} is not above after {self.after:g}: nobody is lapsing; next: raise until, or null"
            )
        return self


class PromotionsConfig(Section):
    """Lists of promoted items only, for users in the audiences of promotions that are live when the lists begin to be served."""

    max_campaigns: int | None = Field(default=None, ge=1)
    """Most campaigns in a list, those whose best items are best; null: any number."""
    max_per_campaign: int | None = Field(default=None, ge=1)
    """Most items of one campaign in a list; null: any number. Items without a campaign are not limited by either."""
    max_campaign_share: float | None = Field(default=None, gt=0, le=1)
    """Largest share of all slots (subjects times k) that one campaign may take over the whole table; its best rows stay, and
    what comes next in the lists of the others, up to `depth`, takes their slots. null: any share."""


class SurfaceConfig(Section):
    """One product surface: for whom, from which sources, how many."""

    subject: Literal["user", "item", "query"]
    """What a list is made for."""
    lapsing: LapsingConfig | None = None
    """Lists only for users who are lapsing; null: for every subject."""
    promotions: PromotionsConfig | None = None
    """Only promoted items, each for the users whom a live promotion addresses; null: promotions are not looked at."""
    truth_event_types: tuple[EventType, ...] | None = Field(default=None, min_length=1)
    """Event types that make an item relevant for this surface; then those subjects are judged that got a list. null:
    `evaluation.relevant_event_types`."""
    sources: tuple[KnownSource, ...] = Field(min_length=1)
    """Sources that are fused; names of entries of `sources`."""
    weights: dict[KnownSource, Annotated[float, Field(ge=0)]] = Field(default={})
    """What the standard score of each source counts in a sum; a source without weight proposes only. Empty: sources are fused by
    rank, without a look at their scores (`blend`)."""
    learn: LearnedBlendConfig | None = None
    """How the blend is learned from what followed earlier days; until there is enough of it, and where it is null, `weights`."""
    fallback: KnownSource | None = "popularity"
    """Source that fills short lists; it is not fused."""
    k: int = Field(default=50, ge=1, le=10_000)
    """Length of a list."""
    depth: int = Field(default=100, ge=1, le=100_000)
    """Candidates that each source proposes per subject, at least k: fusion can only lift what was proposed."""
    min_item_support: int = Field(default=5, ge=0)
    """An item needs so many users before it may be a candidate, and, on item surfaces, a subject. 0: whatever the catalog
    describes may be one, also what nobody took yet."""
    active_items_only: bool = True
    """Leave out items whose catalog status is not active (off, with a note, where there is no catalog)."""
    buyable_items_only: bool = False
    """Leave out items that cannot be bought (off, with a note, where there is no catalog)."""
    min_price: float | None = Field(default=None, ge=0)
    """Leave out items that cost less; null: no limit. With either limit also items without a price in the catalog (both off, with
    a note, where there is no catalog)."""
    max_price: float | None = Field(default=None, ge=0)
    """Leave out items that cost more; null: no limit."""
    min_item_age_days: float | None = Field(default=None, ge=0)
    """Leave out items whose `created_at` is less long before the end of the run date; null: no limit. With either limit also
    items without `created_at` (both off, with a note, where there is no catalog)."""
    max_item_age_days: float | None = Field(default=None, gt=0)
    """Leave out items whose `created_at` is longer ago; null: no limit."""
    blocked_items: tuple[str, ...] = ()
    """Ids of items that are never shown, as tables write them."""
    blocked_creators: tuple[str, ...] = ()
    """Creators, as the catalog names them, of whom nothing is shown."""
    mask_seen: bool = True
    """Never give a subject what it engaged with before; off for repeat purchases."""
    pause: PauseConfig | None = None
    """How long what a user bought is not given to them again; null: it may return at once, where `mask_seen` is off."""
    mask_hidden: bool = True
    """Never give a subject what it hid."""
    fatigue: FatigueConfig | None = None
    """How often a user is shown what they do not engage with; null: any number of times."""
    sent: SentConfig | None = None
    """How long what was sent is not sent again; null: it may be at once."""
    active_within_days: int | None = Field(default=None, ge=1)
    """Only users who engaged with or hid an item within so many days up to the run date get a list; null: whoever has a history,
    which is `interactions.lookback_days` long. Where nobody else is left out on purpose, users who come back without a list count
    as 0 in evaluations (`without_list`)."""
    blocked_audience: str | None = None
    """An audience of `audience_members` whose users get no list, such as those who do not want one; null: nobody is blocked."""
    max_per_category: int | None = Field(default=None, ge=1)
    """Most items of one category in a list; null: any number. Items without a category are not limited."""
    max_per_creator: int | None = Field(default=None, ge=1)
    """Most items of one creator in a list; null: any number. Items without a creator are not limited."""
    one_per_content_key: bool = False
    """Of items with one content_key, which are the same thing, a list holds the best; items without one are not limited."""
    fresh: FreshSlotsConfig | None = None
    """Slots that are kept for fresh items; null: none (and none where there is no catalog)."""
    first_time: FirstTimeSlotsConfig | None = None
    """Slots that are kept for items that the subject never engaged with; null: none."""
    relations: RelationsConfig | None = None
    """Which candidates are substitutes of the item that a list is for, and which are complements (column `relation`); null:
    nobody asks."""
    interests: InterestSlotsConfig | None = None
    """Slots that are kept for each of a user's interests; null: none."""
    exploration: ExplorationConfig | None = None
    """Slots for candidates drawn at random; null: none."""
    category_level: int = Field(default=2, ge=1)
    """How many levels of the catalog's path, from the widest, name a category for `max_per_category`, `pause` and
    `relations`."""
    guardrails: GuardrailsConfig = GuardrailsConfig()
    """Limits against the last published day."""

    @property
    def needs_categories(self) -> bool:
        """Whether a rule of the surface goes by the catalog's categories."""
        return any(rule is not None for rule in (self.max_per_category, self.pause, self.relations))

    @property
    def has_price_band(self) -> bool:
        """Whether the price of an item counts."""
        return self.min_price is not None or self.max_price is not None

    @property
    def has_age_window(self) -> bool:
        """Whether the age of an item counts."""
        return self.min_item_age_days is not None or self.max_item_age_days is not None

    @property
    def addresses_everybody(self) -> bool:
        """Whether nobody is left out on purpose; `active_within_days` is not looked at: whom it leaves out may come back."""
        passes_over = self.lapsing, self.promotions, self.blocked_audience, self.sent and self.sent.user_days
        return all(each is None for each in passes_over)

    @property
    def kept_slots(self) -> dict[str, int]:
        """How many slots of a list are kept for each group of candidates, by the word that column `slot` says; without 0."""
        kept = {
            "fresh": self.fresh and self.fresh.slots,
            "first_time": self.first_time and self.first_time.slots,
            "substitute": self.relations and self.relations.substitutes,
            "complement": self.relations and self.relations.complements,
        }
        return {name: slots for name, slots in kept.items() if slots}

    @property
    def longest_list(self) -> int:
        """Rows of a list before rows of all lists together are left out: k, or more where other rows may take their slots."""
        spare = self.promotions is not None and self.promotions.max_campaign_share is not None
        return self.depth if spare else self.k

    @model_validator(mode="after")
    def _lists_can_be_filled(self) -> Self:
        repeated = sorted({name for name in self.sources if self.sources.count(name) > 1})
        if repeated:
            raise ValueError(f"source {', '.join(map(repr, repeated))} is named twice; name it once")
        if self.fallback in self.sources:
            raise ValueError(f"fallback {self.fallback!r} is also among sources; a fallback fills up and is not fused")
        strange = sorted(set(self.weights) - {*self.sources, self.fallback})
        if strange:
            raise ValueError(
                f"weights names {', '.join(strange)}, which is not among sources ({', '.join(self.sources)}); "
                "next: add it there, or take its weight out"
            )
        if self.weights and not any(self.weights.values()):
            raise ValueError(
                "weights are all 0, so no candidate is better than another; next: give one a weight above 0"
            )
        if self.pause and (self.mask_seen or self.subject != "user"):
            raise ValueError(
                "pause says when an item returns to a user who bought it, and nothing returns here: "
                + ("mask_seen is on" if self.mask_seen else f"the subject is {self._subject}")
                + "; next: set mask_seen: false on a surface for users, or take pause out"
            )
        if self.lapsing and self.subject != "user":
            raise ValueError(f"lapsing is about users, the subject is {self._subject}; next: take lapsing out")
        if self.lapsing and self.active_within_days is not None:
            raise ValueError(
                "active_within_days would pass over those whom lapsing is for; next: take it out, and lower lapsing.until"
            )
        if self.promotions and self.subject != "user":
            raise ValueError(
                f"promotions are for users in an audience, the subject is {self._subject}; next: take promotions out"
            )
        only_users = ("fatigue", "sent", "blocked_audience", "active_within_days")
        of_users = [name for name in only_users if getattr(self, name) is not None]
        if of_users and self.subject != "user":
            raise ValueError(f"{', '.join(of_users)} is about users, the subject is {self._subject}; next: take it out")
        for least, most in (("min_price", "max_price"), ("min_item_age_days", "max_item_age_days")):
            low, high = getattr(self, least), getattr(self, most)
            if low is not None and high is not None and low > high:
                raise ValueError(
                    f"{least} {low:g} is above {most} {high:g}: no item is between; next: raise {most}, or null"
                )
        if self.interests and ("interests" not in self.sources or self.subject != "user"):
            raise ValueError(
                "interests keeps slots for what source interests proposes to users; next: name it among sources of a surface for "
                "users, or take interests out"
            )
        if self.relations and self.subject != "item":
            raise ValueError(f"relations are between items, the subject is {self._subject}; next: take relations out")
        if self.first_time and (self.mask_seen or self.subject == "item"):
            raise ValueError(
                "first_time keeps slots for what the subject never engaged with, and lists hold nothing else here: "
                + (f"the subject is {self._subject}" if self.subject == "item" else "mask_seen is on")
                + "; next: set mask_seen: false on a surface for users or queries, or take first_time out"
            )
        for name in ("fresh", "first_time", "interests", "exploration"):
            kept = getattr(self, name)
            if kept and kept.slots > self.k:
                raise ValueError(f"{name}.slots {kept.slots} is above k {self.k}; next: keep fewer slots")
            if kept and self.longest_list > self.k:
                raise ValueError(
                    f"{name} keeps slots of each list, and promotions.max_campaign_share moves rows between lists; next: take "
                    "one of them out"
                )
        self._can_keep_its_slots()
        self._suits_its_subject()
        if self.depth < self.k:
            raise ValueError(f"depth {self.depth} is below k {self.k}: one source alone could not fill a list")
        return self

    @property
    def _subject(self) -> str:
        return "an item" if self.subject == "item" else f"a {self.subject}"

    def _can_keep_its_slots(self) -> None:
        kept, groups = sum(self.kept_slots.values()), ", ".join(f"{name} {n}" for name, n in self.kept_slots.items())
        if kept > self.k:
            raise ValueError(f"{kept} slots are kept ({groups}), which is above k {self.k}; next: keep fewer slots")
        if kept and self.exploration:
            raise ValueError(
                f"slots are kept for some candidates ({groups}), and nothing but these is left to draw from; next: take one of "
                "both out"
            )
        if kept and self.interests and kept + self.interests.slots > self.k:
            raise ValueError(
                f"{kept} slots are kept ({groups}) and {self.interests.slots} for interests, together above k {self.k}; "
                "next: keep fewer slots"
            )

    def _suits_its_subject(self) -> None:
        named = {*self.sources, *([self.fallback] if self.fallback else [])}
        strange = named - FOR_QUERIES if self.subject == "query" else named & ONLY_FOR_QUERIES
        if strange:
            raise ValueError(
                f"source {', '.join(sorted(strange))} knows nothing of a subject that is {self._subject}; "
                "next: leave it out"
            )
        if self.subject == "query" and self.mask_seen:
            raise ValueError(
                "what was clicked for a query is its best answer, and mask_seen takes it out; next: set mask_seen: false"
            )


class BlendConfig(Section):
    """Reciprocal rank fusion (Cormack, Clarke, Buettcher 2009)."""

    constant: int = Field(default=60, ge=0)
    """The k of 1 / (k + rank)."""
