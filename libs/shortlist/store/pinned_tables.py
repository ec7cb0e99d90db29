"""Delta tables read with Polars and delta-rs: no JVM, one version pinned per table."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from shortlist.columns import RUN_DATE, SNAPSHOT_DATE, SURFACE
from shortlist.errors import ShortlistError
from shortlist.records.publications import Publication, SurfaceHistory
from shortlist.store.reading_errors import UNREADABLE
from shortlist.store.snapshots import newest_snapshot

_PUBLICATIONS: Final = "publications"


class UnreadableTableError(ShortlistError):
    """A table is there but cannot be read."""

    @classmethod
    def at(cls, table: str, version: int | None, reason: object) -> "UnreadableTableError":
        """The table, the version that was wanted, and what the reader said."""
        wanted = "its newest version" if version is None else f"version {version}"
        return cls(f"table {table}: {wanted} cannot be read ({reason}); next: look at its _delta_log and its files")


@dataclass(frozen=True)
class Lake:
    """The tables below one warehouse root.

    Attributes:
        root: Local folder or URL; table `t` lives at `<root>/t`.
    """

    root: str

    def path(self, table: str) -> str:
        """Where a table lives."""
        return f"{self.root.rstrip('/')}/{table}"

    def version(self, table: str) -> int | None:
        """The table's newest version, None where there is no such table.

        Raises:
            UnreadableTableError: When its log is broken.
        """
        try:
            return int(DeltaTable(self.path(table)).version())
        except TableNotFoundError:
            return None
        except UNREADABLE as error:
            raise UnreadableTableError.at(table, None, error) from error

    def scan(self, table: str, version: int | None = None) -> pl.LazyFrame | None:
        """The table as a lazy frame, None where there is no such table.

        Raises:
            UnreadableTableError: When its log is broken or the version is gone.
        """
        if self.version(table) is None:
            return None
        try:
            return pl.scan_delta(self.path(table), version=version)
        except UNREADABLE as error:
            raise UnreadableTableError.at(table, version, error) from error

    def of_day(self, table: str, day: date, version: int | None = None) -> pl.LazyFrame | None:
        """The rows of one run date, None where there is no such table."""
        rows = self.scan(table, version)
        return None if rows is None else rows.filter(pl.col(RUN_DATE) == day)

    def snapshot(self, table: str, until: date, version: int | None = None) -> tuple[date, pl.LazyFrame] | None:
        """The newest description of a catalog-like table that is not after a day, and its day; None when there is none.

        Raises:
            UnreadableTableError: When its log is broken or the version is gone.
        """
        rows = self.scan(table, version)
        if rows is None:
            return None
        try:
            day = newest_snapshot(self.path(table), until, version)
        except UNREADABLE as error:
            raise UnreadableTableError.at(table, version, error) from error
        return None if day is None else (day, rows.filter(pl.col(SNAPSHOT_DATE) == day))

    def histories(self, until: date | None = None) -> dict[str, SurfaceHistory]:
        """What was decided about each surface, about days up to one; empty where nothing ever was.

        Raises:
            UnreadableTableError: When publications is broken.
        """
        rows = self.scan(_PUBLICATIONS)
        if rows is None:
            return {}
        known = rows if until is None else rows.filter(pl.col(RUN_DATE) <= until)
        by_surface: dict[str, list[Publication]] = {}
        for row in self.collect(_PUBLICATIONS, known).iter_rows(named=True):
            by_surface.setdefault(row[SURFACE], []).append(Publication(**row))
        return {surface: SurfaceHistory.of(decisions) for surface, decisions in by_surface.items()}

    def collect(self, table: str, frame: pl.LazyFrame, version: int | None = None) -> pl.DataFrame:
        """The rows of a frame made from the table, at the version that it was scanned at.

        Raises:
            UnreadableTableError: When one of its files is missing or broken.
        """
        try:
            return frame.collect()
        except UNREADABLE as error:
            raise UnreadableTableError.at(table, version, error) from error
