"""What is delivered: folders, files, rows and requests."""

import re
from collections.abc import Mapping, Sequence

from shortlist.errors.base import ShortlistError


class LandingError(ShortlistError):
    """The landing cannot be read as the run needs it."""

    exit_code = 2

    @classmethod
    def no_folder(cls, folder: str, newest: str | None, feed: str = "", others: Sequence[str] = ()) -> "LandingError":
        """Nothing was landed for the run date; others are names beside it that are no days by the settings."""
        seen = f"the newest landed day is {newest}" if newest else "nothing has been landed at all"
        next_step = "land that day or choose another run date"
        if others:
            named = ", ".join(map(repr, others[-3:]))
            seen += f", but there is {named}, which is no day by extraction.feeds.{feed}.day_folders"
            next_step = f"set it to how these folders are named{_day_folders(others[-1])}, or land that day"
        return cls(f"no landing folder {folder}: unknown run date; {seen}; next: {next_step}")

    @classmethod
    def no_delta(cls, folder: str, problem: str) -> "LandingError":
        """A folder of a Delta feed that cannot be read as its files stand."""
        return cls(
            f"landing folder {folder} is no Delta table of reader version 1: {problem}; next: land it as Parquet, or "
            "write the table without deletion vectors and column mapping"
        )

    @classmethod
    def bad_request(cls, file: str, line: int, problem: str) -> "LandingError":
        """An erasure request that cannot be meant; its text is not quoted, because it may hold the id."""
        return cls(
            f'{file} line {line}: {problem}; nothing was erased; next: write {{"kind": "user" or "item", "id": "..."}}, '
            "one request a line"
        )


class HeldError(ShortlistError):
    """A check failed: nothing was written, what was served yesterday stays served."""

    exit_code = 3

    @classmethod
    def over_budget(cls, job: str, found: Sequence[tuple[str, float, float]], counts: str, mends: str) -> "HeldError":
        """A job that would cost more than settings allow; as (resource, cost, limit)."""
        lines = "\n".join(f"  {cost:.3g} {name}, budget.{name} is {limit:.3g}" for name, cost, limit in found)
        raised = " and ".join(f"budget.{name} to at least {cost * 1.01:.2g}" for name, cost, _ in found)
        return cls(
            f"{job} is beyond its budget, by {counts}:\n{lines}\nnothing was begun or written; "
            f"next: {mends}, or raise {raised}"
        )

    @classmethod
    def incomplete_landing(cls, folder: str, marker: str) -> "HeldError":
        """A landing folder whose completion marker is missing."""
        return cls(
            f"landing folder {folder} has no {marker}: its delivery is not complete; nothing was read or written; "
            f"next: wait for the producer to write {marker}, then run this day again"
        )

    @classmethod
    def missing_landing_days(cls, folders: Sequence[str]) -> "HeldError":
        """Days between the first and the last landed day that have no folder."""
        named = ", ".join(folders[:10]) + (f" and {len(folders) - 10} more" if len(folders) > 10 else "")
        return cls(
            f"landing days are missing: {named}; a later delivery would change what this day knew; nothing was written; "
            "next: land them (an empty folder with its marker is not enough), or set extraction.missing_days=allow"
        )

    @classmethod
    def empty_landing(cls, folder: str) -> "HeldError":
        """A complete folder without a single line."""
        return cls(
            f"landing folder {folder} is complete but holds no events; nothing was written; "
            "next: ask its producer; where a day without events is possible, set extraction.empty_days=allow"
        )

    @classmethod
    def too_many_rejected(
        cls,
        folder: str,
        rejected: int,
        landed: int,
        limit: float,
        reasons: Sequence[tuple[str, int, str]],
        settings: Sequence[str] = (),
    ) -> "HeldError":
        """More lines of a delivery are unusable than settings accept.

        Args:
            folder: of the delivery.
            rejected: lines that cannot be used.
            landed: all of them.
            limit: share that settings accept.
            reasons: as (reason, lines, a sample line).
            settings: names of those that the reasons were judged by, each with what it does.
        """
        return cls(
            f"{folder}: {rejected} of {landed} lines cannot be used ({rejected / max(landed, 1):.2%}, allowed "
            f"{limit:.2%} by extraction.max_rejected_share); nothing was written:\n{_table(reasons)}\n"
            f"{_mend(settings)}"
        )

    @classmethod
    def too_many_of_a_kind(
        cls,
        folder: str,
        kind: str,
        rejected: int,
        landed: int,
        limit: float,
        reasons: Sequence[tuple[str, int, str]],
        settings: Sequence[str] = (),
    ) -> "HeldError":
        """One kind of reason speaks against more lines of a delivery than settings accept; otherwise as above."""
        return cls(
            f"{folder}: {kind} speaks against {rejected} of {landed} lines ({rejected / max(landed, 1):.2%}, allowed "
            f"{limit:.2%} by extraction.max_share_by_reason.{kind}); nothing was written:\n{_table(reasons)}\n"
            f"{_mend(settings)}"
        )

    @classmethod
    def unusable_description(cls, table: str, problems: Sequence[tuple[str, str, int, int, str | None]]) -> "HeldError":
        """Rows of a catalog or of promotions that cannot be used, as (file, reason, rows, first row, a sample line)."""
        lines = "\n".join(
            f"  {file}: {reason} in {rows} row(s), the first is row {first}"
            + (f", e.g. {sample[:160]!r}" if sample else "")
            for file, reason, rows, first, sample in problems
        )
        return cls(
            f"{table}: rows cannot be used; nothing was written:\n{lines}\nnext: mend the producer, or say how its fields are "
            f"named and written in extraction.{table}, then run this day again"
        )

    @classmethod
    def no_such_field(cls, folder: str, setting: str, field: str, near: Sequence[str]) -> "HeldError":
        """A mapping that names a field which no file of a delivery has."""
        return cls(
            f"{folder}: no file has the field {field!r} that {setting} names; there are {', '.join(map(repr, near))}; nothing "
            "was written; next: name the field as it is landed, or leave the column out of the mapping"
        )

    @classmethod
    def conflicting_duplicates(
        cls, folder: str, feed: str, count: int, landed: int, limit: float, pairs: Sequence[tuple[str, str, str]]
    ) -> "HeldError":
        """Lines that repeat an event_id and say something else; pairs as (event_id, what is kept, what repeats it)."""
        shown = "\n".join(
            f"  event_id {event_id!r}\n    is kept as  {kept[:300]}\n    and also is {other[:300]}"
            for event_id, kept, other in pairs
        )
        return cls(
            f"{folder}: {count} of {landed} lines repeat an event_id and say something else, so they are no duplicates "
            f"({count / max(landed, 1):.2%}, allowed {limit:.2%} by extraction.max_share_by_reason.conflicting_duplicate); "
            f"nothing was written:\n{shown}\n"
            "next: where the id does not name a single line (an order's number), name the fields that do in "
            f"extraction.feeds.{feed}.event_id_from; else mend the producer, then run this day again"
        )

    @classmethod
    def unreadable_landing(cls, problems: Sequence[tuple[str, str]]) -> "HeldError":
        """Landed files that were not read as they were listed, as (file, problem)."""
        lines = "\n".join(f"  {file}: {problem}" for file, problem in problems[:20])
        more = f"\n  and {len(problems) - 20} more" if len(problems) > 20 else ""
        return cls(
            f"{len(problems)} landed file(s) could not be read whole, or changed while they were read; nothing was "
            f"written:\n{lines}{more}\nnext: ask the producer to deliver them again, the marker last, then run this day again"
        )

    @classmethod
    def failed_checks(cls, table: str, partition: str, failures: Sequence[str]) -> "HeldError":
        """Critical expectations that failed or raised."""
        return cls(
            f"{table} ({partition}): {len(failures)} critical check(s) failed; nothing was written and what was "
            "published before stays served:\n"
            + "\n".join(f"  {line}" for line in failures)
            + "\nnext: look at the rows named by the check, mend the cause, run this day again"
        )

    @classmethod
    def surfaces(cls, day: str, held: Mapping[str, str], published: Sequence[str]) -> "HeldError":
        """Surfaces that were held, each with what its checks say, beside those that were published."""
        others = f"published: {', '.join(published)}" if published else "nothing was published"
        return cls(
            f"candidates (run_date={day}): {len(held)} of {len(held) + len(published)} surface(s) held; nothing was written "
            f"of these, and what was published of them before stays served; {others}:\n"
            + "\n".join(f"  {surface}: {why}" for surface, why in held.items())
            + "\nnext: look at the rows named by the check, mend the cause, run this day again"
        )


class AccountError(ShortlistError):
    """Landed rows of which nobody knows what became: a fault of ours."""

    @classmethod
    def does_not_balance(cls, files: Sequence[tuple[str, int]]) -> "AccountError":
        """Files with how many rows are missing from accepted, quarantined, duplicates and erased together."""
        named = "; ".join(f"{file}: {missing:+d}" for file, missing in files[:10])
        return cls(
            f"landed rows are not accepted + quarantined + duplicates + erased in {len(files)} file(s): {named}; nothing "
            "was written; next: report this with the file, it is a fault of the extraction"
        )


def _day_folders(name: str) -> str:
    """The setting that would read a folder's name, where one can be seen in it."""
    match = re.fullmatch(r"(?P<before>.*?)(?:\d{4}(?P<dash>[-_.]?)\d{2}(?P=dash)\d{2}|\d{4})(?P<after>\D*)", name)
    if match is None:
        return ""
    days = "%Y/%m/%d" if match["dash"] is None else match["dash"].join(("%Y", "%m", "%d"))
    return f", such as {match['before'] + days + match['after']!r}"


def _mend(settings: Sequence[str]) -> str:
    """The next step after unusable lines."""
    judged = "".join(f"\n  {setting}" for setting in settings)
    either = f" or, where they are right, the settings that they were judged by:{judged}\n" if settings else ", "
    return f"next: mend the producer{either}then run this day again"


def _table(reasons: Sequence[tuple[str, int, str]]) -> str:
    return "\n".join(f"  {count:>10}  {reason:<28} e.g. {sample[:160]!r}" for reason, count, sample in reasons)
