"""Settings of how often models are trained anew."""

from datetime import date, timedelta
from typing import Final, Literal, get_args

from pydantic import Field

from shortlist.config.base import Section

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
# In the order of `date.weekday`.
WEEKDAYS: Final[tuple[Weekday, ...]] = get_args(Weekday)


class TrainingConfig(Section):
    """On which days factors are trained and blends are learned; co-occurrence is counted every day."""

    days: tuple[Weekday, ...] = Field(default=WEEKDAYS, min_length=1)
    """Weekdays of run dates that train. A run date between two of them has the item factors of the one before and the newest
    learned blends, and folds every user in from the history up to that date; items that came later have no factors."""

    @property
    def every_day(self) -> bool:
        """Whether each run date trains."""
        return set(self.days) == set(WEEKDAYS)

    def trains(self, run_date: date) -> bool:
        """Whether a run date trains."""
        return WEEKDAYS[run_date.weekday()] in self.days

    def newest(self, run_date: date) -> date:
        """The newest day that trains and is not after a run date."""
        days = (run_date - timedelta(days=back) for back in range(len(WEEKDAYS)))
        return next(day for day in days if self.trains(day))
