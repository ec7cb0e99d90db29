"""Settings of the traffic gate: what a delivery must look like beside the deliveries before it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from shortlist.config.base import EventType, Section

Severity = Literal["critical", "warning", "off"]
OptionalColumn = Literal["item_id", "surface", "session_id", "board_id", "query", "request_id", "position", "value"]


class VolumeConfig(Section):
    """Events of a type on a surface against the same weekday of earlier weeks."""

    severity: Severity = "warning"
    """critical holds the run, warning shows, off switches the rule off."""
    weeks: int = Field(default=4, ge=1, le=52)
    """The same weekday of so many weeks before makes the mean."""
    min_weeks: int = Field(default=2, ge=1, le=52)
    """With fewer of them delivered the rule is off, and says so."""
    max_drop: float = Field(default=0.5, gt=0, le=1)
    """Largest fall below the mean, as a share of it."""
    max_rise: float = Field(default=1.0, gt=0)
    """Largest rise above the mean, as a share of it."""

    @model_validator(mode="after")
    def _weeks_can_be_enough(self) -> Self:
        if self.min_weeks > self.weeks:
            raise ValueError(f"min_weeks {self.min_weeks} is above weeks {self.weeks}: the rule would always be off")
        return self


class UnknownItemsConfig(Section):
    """Events of a type whose item the newest catalog does not describe."""

    severity: Severity = "warning"
    """critical holds the run, warning shows, off switches the rule off."""
    max_share: float = Field(default=0.05, ge=0, le=1)
    """Largest share of the day's events that name an item."""


class EmptyColumnsConfig(Section):
    """Events of a type that leave a column empty."""

    severity: Severity = "warning"
    """critical holds the run, warning shows, off switches the rule off."""
    max_rise: float = Field(default=0.1, ge=0, le=1)
    """Largest rise of the share of empty values over that of the trailing days, for columns without a limit of their own."""
    max_share: dict[OptionalColumn, float] = Field(default={})
    """Largest share of empty values by column; such a column needs no history."""


class FreshnessConfig(Section):
    """The newest event of a type against the end of the day that its delivery is for."""

    severity: Severity = "warning"
    """critical holds the run, warning shows, off switches the rule off."""
    max_hours: float = Field(default=6.0, gt=0)
    """Longest time between the newest event and the end of the day."""


class TrafficConfig(Section):
    """What is expected of one event type's deliveries."""

    min_events: int = Field(default=100, ge=1)
    """With fewer events on a day (expected or seen) chance alone moves shares and volumes: the type is not judged."""
    volume: VolumeConfig = VolumeConfig()
    """Against the same weekday."""
    unknown_items: UnknownItemsConfig = UnknownItemsConfig()
    """Against the catalog."""
    empty_columns: EmptyColumnsConfig = EmptyColumnsConfig()
    """Column by column."""
    freshness: FreshnessConfig = FreshnessConfig()
    """Against the end of the day."""


class CloseupsConfig(Section):
    """Closeups of a surface and day are at most its impressions: what was opened had been shown."""

    severity: Severity = "critical"
    """critical holds the run, warning shows, off switches the rule off."""
    max_ratio: float = Field(default=1.0, gt=0)
    """Most closeups to one impression; above 1 where items are opened that no surface showed."""


class SaveRateConfig(Section):
    """Saves of a surface and day to what was shown or opened there, within the band of the trailing days."""

    severity: Severity = "warning"
    """critical holds the run, warning shows, off switches the rule off."""
    per: Literal["impression", "closeup"] = "impression"
    """What saves are divided by."""
    width: float = Field(default=4.0, gt=0)
    """The band is the trailing days' mean and so many standard deviations to either side (of the days, or of chance
    alone, whichever is larger)."""
    min_events: int = Field(default=100, ge=1)
    """Days with fewer impressions (or closeups) neither make a band nor are judged."""


class HeaviestConfig(Section):
    """Share of a day's events that one user did, or that one item got: robots, and ids of nobody."""

    severity: Severity = "warning"
    """critical holds the run, warning shows, off switches the rule off."""
    max_user_share: float = Field(default=0.1, gt=0, le=1)
    """Largest share of a day's events by one user."""
    max_item_share: float = Field(default=0.5, gt=0, le=1)
    """Largest share of a day's events that name an item that name one item."""
    min_events: int = Field(default=1000, ge=1)
    """Days with fewer events are not judged: a few users make few events each."""


class ChecksConfig(Section):
    """How long gates may take; and the traffic gate, which looks at deliveries as a whole where the contracts look at rows.

    A day is a landing folder's: what a later folder adds to it is that folder's traffic, so that a day compares with
    the days before it as they looked when they ended, whenever the run happens.
    """

    timeout_minutes: float = Field(default=60.0, gt=0)
    """A gate that Great Expectations has not judged by then is held, as if its rules had failed, and its Spark jobs end."""
    history_days: int = Field(default=28, ge=7, le=366)
    """Days before a judged one that it is compared with."""
    min_history_days: int = Field(default=7, ge=1, le=366)
    """With fewer of them delivered, rules that need a band or a trailing share are off, and say so."""
    judge_days: int = Field(default=7, ge=1, le=366)
    """A run that catches up judges the newest so many of its folders."""
    closeups: CloseupsConfig = CloseupsConfig()
    """Closeups against impressions."""
    save_rate: SaveRateConfig = SaveRateConfig()
    """Saves against impressions or closeups."""
    heaviest: HeaviestConfig = HeaviestConfig()
    """Events of the heaviest user and item."""
    every: TrafficConfig = TrafficConfig()
    """What is expected of event types that `event_types` does not name."""
    event_types: dict[EventType, TrafficConfig] = Field(default={})
    """What is expected of single event types; an entry replaces `every` whole."""

    @model_validator(mode="after")
    def _days_can_be_enough(self) -> Self:
        if self.min_history_days > self.history_days:
            raise ValueError(
                f"min_history_days {self.min_history_days} is above history_days {self.history_days}: "
                "rules that need a band would always be off"
            )
        named: list[tuple[str, TrafficConfig]] = [("every", self.every), *self.event_types.items()]
        for name, config in named:
            if 7 * config.volume.weeks > self.history_days:
                raise ValueError(
                    f"{name}: volume.weeks {config.volume.weeks} reaches back further than history_days {self.history_days}"
                )
        return self

    def of(self, event_type: str) -> TrafficConfig:
        """What is expected of an event type."""
        return {str(name): config for name, config in self.event_types.items()}.get(event_type, self.every)
