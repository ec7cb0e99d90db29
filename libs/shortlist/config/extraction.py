"""Settings of extraction: which feeds are landed, and what a delivery must be to be used."""

import re
from typing import Literal

from pydantic import Field, field_validator

from shortlist.config.base import Section
from shortlist.config.feeds import DescriptionConfig, FeedConfig

# Kinds of reasons against a landed line; each kind may have a limit of its own.
ReasonKind = Literal[
    "malformed",
    "invalid_utf8",
    "missing",
    "wrong_type",
    "too_long",
    "control_characters",
    "unknown_event_type",
    "impossible_timestamp",
    "future_event",
    "too_late",
    "conflicting_duplicate",
]
# Folders of the landing that hold no events.
_OTHER_FOLDERS = ("catalog", "promotions", "audience_members", "erasures")

_CONFLICTING_SHARE = 0.001


class IdsConfig(Section):
    """How the text of an id is made, for every log, description and erasure request alike.

    Whole numbers lose a fraction of zeros (17.0 is 17), whatever wrote it; everything else of an id is kept as it is.
    """

    trim: bool = True
    """Whether blanks around an id are taken off."""
    case: Literal["keep", "lower", "upper"] = "keep"
    """`lower` or `upper` where producers write one id in several cases."""
    unicode: Literal["keep", "NFC", "NFKC"] = "keep"
    """Unicode form, where producers write one letter in several ways."""


class ExtractionConfig(Section):
    """How landing files become engagements."""

    feeds: dict[str, FeedConfig] = Field(default={"engagements": FeedConfig()}, min_length=1)
    """Logs by the name of their folder below the landing, each with its mapping."""
    catalog: DescriptionConfig = DescriptionConfig()
    """How the catalog is landed."""
    promotions: DescriptionConfig = DescriptionConfig()
    """How promotions are landed."""
    audience_members: DescriptionConfig = DescriptionConfig()
    """How the users of the audiences that promotions name are landed."""
    ids: IdsConfig = IdsConfig()
    """How ids are written; what is stored keeps the form of the day on which it was extracted."""
    marker: str = Field(default="_SUCCESS", pattern=r"^[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$")
    """File that a producer writes last; a folder without it is not read."""
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    """Share of a folder's landed lines that may go to quarantine before the run is held."""
    max_share_by_reason: dict[ReasonKind, float] = Field(default={})
    """Stricter limits for single kinds of reasons, such as `future_event: 0`; share of a folder's landed lines.
    `conflicting_duplicate` is 0.001 unless it is named."""
    event_ids: Literal["per_feed", "shared"] = "per_feed"
    """`per_feed`: an event_id names an event within its log; where there are several logs, the stored id begins with the log's
    name and a slash. `shared`: one id in two logs is one event."""
    missing_days: Literal["refuse", "allow"] = "refuse"
    """What to do about days without a folder between the first and the last landed day of a feed. `allow` also lets a run
    go on without the feeds that have nothing for its date."""
    empty_days: Literal["refuse", "allow"] | None = None
    """What to do about a complete folder without a single event; null: the same as about missing days."""
    max_id_length: int = Field(default=256, ge=1, le=10_000)
    """Longest user, item, event or session id, in characters; longer ones go to quarantine."""
    max_late_days: int = Field(default=30, ge=0)
    """An event this many days older than its folder is still accepted."""
    lookback_days: int = Field(default=30, ge=0)
    """One event_id with two event dates at most so many days apart is one event; further apart they are two."""

    @field_validator("feeds")
    @classmethod
    def _feeds_are_folders(cls, given: dict[str, FeedConfig]) -> dict[str, FeedConfig]:
        for name in given:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,99}", name) or name in _OTHER_FOLDERS:
                raise ValueError(
                    f"{name!r} cannot be a feed: its name is a folder's; use at most 100 of a-z, 0-9, - and _, and none of "
                    f"{', '.join(_OTHER_FOLDERS)}, which are no logs"
                )
        return given

    @property
    def max_conflicting_share(self) -> float:
        """Share of a folder's landed lines that may repeat an event_id and say something else."""
        return self.max_share_by_reason.get("conflicting_duplicate", _CONFLICTING_SHARE)

    @property
    def allows_empty_days(self) -> bool:
        """Whether a complete folder without events is a day without events."""
        return (self.empty_days or self.missing_days) == "allow"

    @field_validator("max_share_by_reason")
    @classmethod
    def _shares_are_shares(cls, given: dict[ReasonKind, float]) -> dict[ReasonKind, float]:
        for kind, share in given.items():
            if not 0 <= share <= 1:
                raise ValueError(f"{kind}: {share} is no share from 0 to 1")
        return given
