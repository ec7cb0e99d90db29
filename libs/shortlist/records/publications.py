"""Decisions about the days of a surface: rows of the table of publications, and what they mean together."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

PUBLISHED: Final = "published"
HELD: Final = "held"
ROLLED_BACK: Final = "rolled_back"


@dataclass(frozen=True)
class Publication:
    """One row of the table of publications: a day was published, held, or rolled back.

    Attributes:
        surface: the surface.
        published_at: commit time of the version; of the decision, where the day was held.
        run_date: day of the candidates.
        table_version: version of the candidates table; None where the day was held.
        run_id: the run that published.
        rows: candidates of the day.
        subjects: lists of the day.
        digest: of the rows, as an independent reader found it; None where the day was held.
        status: published, held or rolled_back.
        why: reasons, where the day was held, rolled back or announced anew.
    """

    surface: str
    published_at: datetime
    run_date: date
    table_version: int | None
    run_id: str
    rows: int
    subjects: int
    digest: str | None
    status: str
    why: str | None

    def as_dict(self) -> dict[str, Any]:
        """For the table."""
        return asdict(self)

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> "Publication":
        """Out of JSON, where days and moments are texts."""
        moments = {
            "published_at": datetime.fromisoformat(stated["published_at"]),
            "run_date": date.fromisoformat(stated["run_date"]),
        }
        return cls(**{**stated, **moments})


@dataclass(frozen=True)
class SurfaceHistory:
    """Every decision about a surface, oldest first."""

    decisions: tuple[Publication, ...] = ()

    @classmethod
    def of(cls, decisions: Iterable[Publication]) -> "SurfaceHistory":
        """The history that decisions about one surface make, whatever their order."""
        return cls(tuple(sorted(decisions, key=lambda each: (each.published_at, each.run_date))))

    @property
    def current(self) -> tuple[Publication, ...]:
        """The days that readers are served, oldest first, each by its newest row. The last one is the latest.

        Of all rows that name a version of the table, published and rolled back, the one with the highest version decides a
        day: versions grow with every commit, whatever the clocks of the machines that wrote the rows said. A held row names
        none and takes nothing away that was published before.
        """
        decisive = self._decisive_versions()
        by_day = {each.run_date: each for each in self.decisions if _is_current(each, decisive)}
        return tuple(by_day[day] for day in sorted(by_day))

    @property
    def superseded(self) -> tuple[Publication, ...]:
        """Every row that once published a day and is not what readers are served any more, oldest first."""
        decisive = self._decisive_versions()
        return tuple(each for each in self.decisions if each.status == PUBLISHED and not _is_current(each, decisive))

    @property
    def latest(self) -> Publication | None:
        """The newest day that readers are served; None when nothing is published."""
        current = self.current
        return current[-1] if current else None

    def current_of(self, day: date) -> Publication | None:
        """How readers are served a day; None when it was never published, or was rolled back."""
        return next((each for each in self.current if each.run_date == day), None)

    def before(self, day: date) -> Publication | None:
        """The newest day before another that readers are served; None when there is none."""
        return next((each for each in reversed(self.current) if each.run_date < day), None)

    def newest_decision(self, day: date) -> Publication | None:
        """The last thing decided about a day; None when nothing was."""
        return next((each for each in reversed(self.decisions) if each.run_date == day), None)

    def until(self, day: date) -> "SurfaceHistory":
        """Decisions about days up to this one."""
        return SurfaceHistory(tuple(each for each in self.decisions if each.run_date <= day))

    def _decisive_versions(self) -> dict[date, int]:
        """The highest version that a row of each day names."""
        highest: dict[date, int] = {}
        for each in self.decisions:
            if each.table_version is not None:
                highest[each.run_date] = max(each.table_version, highest.get(each.run_date, each.table_version))
        return highest


def _is_current(row: Publication, decisive: Mapping[date, int]) -> bool:
    named = row.table_version is not None and row.table_version == decisive.get(row.run_date)
    return named and row.status == PUBLISHED
