"""What is delivered: folders, files, rows and requests."""

from collections.abc import Sequence

from shortlist.errors.base import ShortlistError


class LandingError(ShortlistError):
    """The landing cannot be read as the run needs it."""

    exit_code = 2

    @classmethod
    def no_folder(cls, folder: str, newest: str | None) -> "LandingError":
        """Nothing was landed for the run date."""
        seen = f"the newest landed day is {newest}" if newest else "nothing has been landed at all"
        return cls(
            f"no landing folder {folder}: unknown run date; {seen}; next: land that day or choose another run date"
        )

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
            "next: ask its producer; a day without events has to be landed again"
        )

    @classmethod
    def too_many_rejected(
        cls, folder: str, rejected: int, landed: int, limit: float, reasons: Sequence[tuple[str, int, str]]
    ) -> "HeldError":
        """More lines of a delivery are unusable than settings accept; reasons as (reason, lines, a sample line)."""
        return cls(
            f"{folder}: {rejected} of {landed} lines cannot be used ({rejected / max(landed, 1):.2%}, allowed "
            f"{limit:.2%} by extraction.max_rejected_share); nothing was written:\n{_table(reasons)}\n"
            "next: mend the producer or the mapping, then run this day again"
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
    ) -> "HeldError":
        """One kind of reason speaks against more lines of a delivery than settings accept."""
        return cls(
            f"{folder}: {kind} speaks against {rejected} of {landed} lines ({rejected / max(landed, 1):.2%}, allowed "
            f"{limit:.2%} by extraction.max_share_by_reason.{kind}); nothing was written:\n{_table(reasons)}\n"
            "next: mend the producer or the mapping, then run this day again"
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


def _table(reasons: Sequence[tuple[str, int, str]]) -> str:
    return "\n".join(f"  {count:>10}  {reason:<28} e.g. {sample[:160]!r}" for reason, count, sample in reasons)
