"""Settings of the data: engagements to interactions, baskets and clicks of queries."""

from typing import Literal

from pydantic import Field

from shortlist.config.base import EventType, Section


class InteractionsConfig(Section):
    """How engagements become one weight per user and item."""

    lookback_days: int = Field(default=365, ge=1)
    """Days of engagement up to the run date."""
    weights: dict[EventType, float] = Field(
        default={"closeup": 1.0, "click": 1.0, "outbound": 2.0, "save": 3.0, "add_to_cart": 3.0, "checkout": 4.0}
    )
    """Weight of one event by type. A type that is not named here does not count: nothing is learned from it, and it makes no
    item *seen*, so the item may be offered again. `hide` needs no weight: what a user hid is never offered to them."""
    purchase_types: tuple[EventType, ...] = ("checkout",)
    """Event types that are purchases; those without a weight do not count. A surface's `pause` goes by them."""
    half_life_days: float | None = Field(default=90.0, gt=0)
    """Age at which an event counts half; null switches decay off."""
    max_events_per_pair: int = Field(default=20, ge=1)
    """Only the newest so many events of one user and item count."""
    late_events: Literal["as-of", "include"] = "as-of"
    """`as-of`: only what had been delivered by the run date; `include`: a back-fill that wants later deliveries too."""


class BasketConfig(Section):
    """One kind of basket: what was engaged with together."""

    event_types: tuple[EventType, ...] = ("checkout",)
    """Event types that put an item into a basket."""
    lookback_days: int = Field(default=365, ge=1)
    """Days of engagement up to the run date."""
    max_items: int = Field(default=200, ge=2)
    """A larger basket keeps exactly this many items. With `window: lookback` that is the cap of a user."""
    keep: Literal["sample", "newest"] = "sample"
    """Which items a basket above `max_items` keeps: chosen by a seeded hash, or those engaged with last."""
    max_baskets_per_item: int | None = Field(default=None, ge=1)
    """An item in more baskets stays in exactly this many of them, chosen by a seeded hash; null: in all."""
    window: Literal["week", "lookback"] = "week"
    """Kind `user-window` only. `week`: a user's calendar week is a basket; `lookback`: all that a user engaged with is one."""
    half_life_days: float | None = Field(default=None, gt=0)
    """Age of a basket's last event at which it counts half; null: every basket counts 1."""


class QueriesConfig(Section):
    """What was searched for, and what was clicked among the answers: the subjects of surfaces with `subject: query`.

    A query is known by its normalised text: lower case, one space between words.
    """

    lookback_days: int = Field(default=90, ge=1)
    """Days of engagement up to the run date."""
    click_types: tuple[EventType, ...] = ("click", "outbound", "save", "add_to_cart", "checkout")
    """Event types with a query that say that the item answers it."""
    exposure_types: tuple[EventType, ...] = ("impression",)
    """Event types with a query that say that the item was shown for it, at a position. Where none is logged, clicks are counted
    and not compared with what their positions let expect."""
    half_life_days: float | None = Field(default=30.0, gt=0)
    """Age at which a click or an exposure counts half; null switches decay off."""
    smoothing: float = Field(default=1.0, gt=0)
    """Clicks and expected clicks that are added on both sides of their ratio: one lucky click is little evidence."""
    max_position: int = Field(default=50, ge=1)
    """Positions beyond it are taken as one."""
    min_users: int = Field(default=2, ge=1)
    """A query that fewer users clicked for gets no list: what one person searches for is theirs."""
