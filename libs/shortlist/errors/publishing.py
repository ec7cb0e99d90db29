"""What readers are served."""

from collections.abc import Sequence
from datetime import date

from shortlist.errors.base import ShortlistError


class PublicationError(ShortlistError):
    """A commit could not be verified by the independent reader; `latest` still names the earlier version."""

    @classmethod
    def not_verified(cls, table: str, version: int, differences: Sequence[str]) -> "PublicationError":
        """What the reader found differs from what was committed."""
        return cls(
            f"{table} version {version} was committed but an independent reader finds: {'; '.join(differences)}; it was not "
            "announced in publications; next: run the job again with the same arguments, then look at the storage"
        )


class OvertakenError(ShortlistError):
    """Another writer of a table came first; nothing was changed."""

    exit_code = 4

    @classmethod
    def by_a_commit(cls, table: str, version: int) -> "OvertakenError":
        """The table has a newer version than the one that was looked at."""
        return cls(
            f"{table}: another writer committed after version {version}, which was looked at; nothing was changed; "
            "next: look at shortlist status, and run this again if it is still wanted"
        )


class NotPublishedError(ShortlistError):
    """Somebody asks about a day that readers are not served."""

    exit_code = 2

    @classmethod
    def day(
        cls, surface: str, day: date | None, decided: tuple[str, str] | None, published: Sequence[date]
    ) -> "NotPublishedError":
        """What was decided about the day instead, as (status, why), and the newest days that there are."""
        asked = f"{surface}: nothing is published" + (f" for {day.isoformat()}" if day else "")
        decision = f"; it was {decided[0].replace('_', ' ')}: {decided[1]}" if decided else ""
        days = ", ".join(each.isoformat() for each in reversed(published[-10:]))
        return cls(f"{asked}{decision}; next: " + (f"choose one of {days}" if days else "shortlist status"))

    @classmethod
    def table_is_gone(cls, surface: str, table: str, day: date) -> "NotPublishedError":
        """publications names a table that does not exist."""
        error = cls(
            f"{surface}: publications names {day.isoformat()} of table {table}, which does not exist; "
            f"next: shortlist verify {surface}"
        )
        error.exit_code = 3
        return error


class RollbackError(ShortlistError):
    """There is no earlier day that could be served again; nothing was changed."""

    exit_code = 2

    @classmethod
    def nothing_published(cls, surface: str) -> "RollbackError":
        """No day of the surface stands."""
        return cls(f"{surface}: nothing is published, so there is nothing to roll back; next: shortlist status")

    @classmethod
    def only_day(cls, surface: str, day: date) -> "RollbackError":
        """Without its one published day readers would have nothing."""
        return cls(
            f"{surface}: {day.isoformat()} is the only published day, readers would be left with nothing; nothing was "
            "changed; next: publish another day, or publish this one again"
        )

    @classmethod
    def not_an_earlier_day(cls, surface: str, to: date, served: date, earlier: Sequence[date]) -> "RollbackError":
        """The day asked for is not published, or not earlier than the one that is served."""
        days = ", ".join(day.isoformat() for day in reversed(earlier[-10:]))
        return cls(
            f"{surface}: --to {to.isoformat()} is no published day before {served.isoformat()}, which is served; nothing "
            f"was changed; next: choose one of {days}"
        )

    @classmethod
    def target_is_broken(cls, surface: str, day: date, version: int, differences: Sequence[str]) -> "RollbackError":
        """The earlier day is not what was published; serving it would make things worse."""
        error = cls(
            f"{surface}: {day.isoformat()} at version {version} is not what was published: {'; '.join(differences)}; it "
            f"was not announced; next: shortlist verify {surface}, or go back further with --to"
        )
        error.exit_code = 3
        return error
