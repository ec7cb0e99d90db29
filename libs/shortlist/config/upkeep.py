"""Settings of upkeep: compaction, retention, vacuum, erasure; and of the synthetic landing."""

from typing import Self

from pydantic import Field, model_validator

from shortlist.config.base import Section


class MaintenanceConfig(Section):
    """How tables are kept small and readable. How long days and removed files are kept is each contract's to say."""

    target_file_mb: int = Field(default=128, ge=1, le=4096)
    """Files of a partition below this size are put together up to it, in MB."""
    lease_days: int = Field(default=30, ge=1)
    """A version that a publication of the last so many days names stays readable, as does the newest of each kept day."""
    keep_run_dates: int | None = Field(default=None, ge=1)
    """Run dates that intermediate tables keep; null means what their contracts say."""
    engagement_days: int | None = Field(default=None, ge=1)
    """Days of engagements that are kept, back from the newest; null means what their contract says. No look-back is longer."""
    max_dropped_share: float = Field(default=0.2, ge=0, le=1)
    """A run that would drop more than this share of a table's days (and more than a week of them) is held before it drops any."""


class ErasureConfig(Section):
    """How the DAG `erasure` goes about requests."""

    approval: bool = False
    """Whether somebody must approve an erasure on Airflow's pages before it begins. A run may ask for it, and cannot waive it."""


class SyntheticConfig(Section):
    """A landing made by chance, with popularity by a power law and a planted structure of groups."""

    events_per_day: int = Field(default=100_000, ge=1)
    """Events of each day."""
    users: int = Field(default=20_000, ge=1)
    """Users; user number n belongs to group n modulo `groups`."""
    items: int = Field(default=5_000, ge=1)
    """Items; item number n belongs to group n modulo `groups`. At least one a group."""
    groups: int = Field(default=8, ge=1)
    """Groups of users, each with a group of items of its own."""
    affinity: float = Field(default=0.8, ge=0, le=1)
    """Share of events in which a user takes an item of its own group; else any item."""
    user_skew: float = Field(default=2.0, ge=1)
    """P(user among the first share x) = x^(1/skew): 1 is uniform; at 2 the busiest 1 % of users make 10 % of events."""
    item_skew: float = Field(default=3.0, ge=1)
    """The same for items: at 3 the most popular 1 % take 22 % of events."""
    files_per_day: int = Field(default=8, ge=1)
    """Files of each folder; the events do not depend on it."""
    seed: int = Field(default=7, ge=0)
    """Seed of all choices."""

    @model_validator(mode="after")
    def _groups_are_not_empty(self) -> Self:
        for name, members in (("users", self.users), ("items", self.items)):
            if members < self.groups:
                raise ValueError(f"{name} {members} is below groups {self.groups}: a group would be empty")
        return self
