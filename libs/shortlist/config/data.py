"""Settings of the data: landing to engagements, engagements to interactions and baskets."""

from typing import Literal

from pydantic import Field

from shortlist.config.base import EventType, Section


class ExtractionConfig(Section):
    """How landing files become engagements."""

    marker: str = "_SUCCESS"
    """File that a producer writes last; a folder without it is not read."""
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    """Share of a run's landed lines that may go to quarantine before the run is held."""
    missing_days: Literal["refuse", "allow"] = "refuse"
    """What to do about days without a folder between the first and the last landed day."""
    max_id_length: int = Field(default=256, ge=1, le=10_000)
    """Longest user, item, event or session id, in characters; longer ones go to quarantine."""
    max_late_days: int = Field(default=30, ge=0)
    """An event this many days older than its folder is still accepted."""


class InteractionsConfig(Section):
    """How engagements become one weight per user and item."""

    lookback_days: int = Field(default=365, ge=1)
    """Days of engagement up to the run date."""
    weights: dict[EventType, float] = Field(
        default={"closeup": 1.0, "click": 1.0, "outbound": 2.0, "save": 3.0, "add_to_cart": 3.0, "checkout": 4.0}
    )
    """Weight of one event by type; a type that is not named here does not count."""
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
    """A larger basket keeps exactly this many items, chosen by a seeded hash."""
