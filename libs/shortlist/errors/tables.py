"""Tables and their writers: contracts, missing inputs, fences, upkeep."""

from collections.abc import Mapping, Sequence
from datetime import date

from shortlist.errors.base import ShortlistError
from shortlist.errors.landing import HeldError


class InputMissingError(ShortlistError):
    """A table lacks the partition that a job reads."""

    @classmethod
    def no_partition(cls, table: str, partition: str, producer: str) -> "InputMissingError":
        """The job that writes the partition has not run for that day."""
        return cls(f"table {table} has no rows for {partition}; next: run jobs/{producer}.py for that day first")

    @classmethod
    def no_audience(cls, surface: str, audience: str, day: date) -> "InputMissingError":
        """The users of an audience must get no list, and nobody knows who they are."""
        return cls(
            f"surfaces.{surface}.blocked_audience is {audience!r}, and no audience_members are known up to {day}; next: land "
            "<landing>/audience_members/<day>/ (audience, user_id), or take blocked_audience out"
        )


class ContractError(ShortlistError):
    """A frame or a table does not have the columns that its contract states."""

    @classmethod
    def differs(
        cls, table: str, missing: Sequence[str], unexpected: Sequence[str], changed: Sequence[str]
    ) -> "ContractError":
        """All differences between a frame and its contract."""
        parts = [("missing", missing), ("unexpected", unexpected), ("of another type", changed)]
        lines = [f"  {what}: {', '.join(columns)}" for what, columns in parts if columns]
        return cls(
            f"rows for {table} differ from schemas/{table}.odcs.yaml:\n"
            + "\n".join(lines)
            + "\nnext: change the contract or the transform that ends in these columns"
        )

    @classmethod
    def table_drifted(cls, table: str, contract: str, differences: Sequence[str]) -> "ContractError":
        """A table that is there has other columns than its contract."""
        return cls(
            f"{table} differs from schemas/{contract}: {'; '.join(differences)}; nothing was written; next: shortlist verify "
            "names the table, bring it back to its contract or change the contract"
        )

    @classmethod
    def invalid(cls, path: str, problem: str) -> "ContractError":
        """A contract file that states something we cannot build."""
        return cls(f"contract {path}: {problem}")


class FencedError(ShortlistError):
    """A newer attempt owns this partition; this one must not write."""

    exit_code = 4

    @classmethod
    def newer_attempt(cls, table: str, partition: str, attempt: int, newest: int) -> "FencedError":
        """Our fence number is not above the newest committed one."""
        return cls(
            f"{table} ({partition}): attempt {attempt} is fenced off by attempt {newest}, which has already committed; "
            "nothing was written; next: nothing, unless this attempt was meant to win: then run it anew with a higher --attempt"
        )


class StorageError(ShortlistError):
    """Storage did not take what was written; no commit of it is there."""

    @classmethod
    def not_written(cls, table: str, root: str, reason: str) -> "StorageError":
        """The operating system's words for it."""
        return cls(
            f"{table} could not be written below {root}: {reason}; what was published before stays served; next: shortlist "
            "doctor looks at disk and permissions; then run the same again, with the same arguments. Files that were left "
            "belong to no version, and maintain_tables removes them"
        )


class ConflictError(ShortlistError):
    """Other writers of a table came first; nothing was written."""

    @classmethod
    def with_other_writers(cls, table: str, operation: str, times: int, reason: str) -> "ConflictError":
        """What was tried, how often, and Delta's word for the conflict."""
        return cls(
            f"{table}: another writer committed first, each of {times} times that {operation} was tried ({reason}); nothing of "
            "it was written; next: run the same again, with the same arguments, when the other writer is done"
        )


class ErasedError(ShortlistError):
    """A subject is being erased, or was erased while something else was going on."""

    @classmethod
    def meanwhile(cls, job: str, before: int | None, now: int | None) -> "ErasedError":
        """A job began before an erasure and would write after it."""
        return cls(
            f"{job}: a subject was erased since this run began (erasures is at version {now}, was at {before}); what it read "
            "may name the subject; nothing was written; next: run it again with the same arguments"
        )

    @classmethod
    def never_quiet(cls, tables: Sequence[str], times: int) -> "ErasedError":
        """Other writers kept committing to tables that had been cleaned."""
        return cls(
            f"erasure: {', '.join(tables)} changed again after each of {times} passes; no proof was written; "
            "next: wait until the nightly run is over, then run the erasure again"
        )

    @classmethod
    def still_named(cls, files: Sequence[str]) -> "ErasedError":
        """Files that still hold an erased id although every row is gone."""
        return cls(
            f"erasure: the subject's rows are gone, but its id is still in: {', '.join(files)}; no proof was written; next: a "
            "table that was created without delta.dataSkippingNumIndexedCols=0 keeps ids in its log: create it anew"
        )


class MaintenanceError(ShortlistError):
    """Upkeep found a table that is not what it was."""

    @classmethod
    def rows_changed(cls, table: str, before: int, after: int) -> "MaintenanceError":
        """A compaction that lost or doubled rows."""
        return cls(
            f"{table}: {after} rows after compaction, {before} before; nothing was vacuumed; "
            "next: look at the table's history, and restore the version before its OPTIMIZE"
        )


class UpkeepHeldError(HeldError):
    """Upkeep would drop so much of a table that somebody has to agree; no table was changed."""

    @classmethod
    def large_drop(cls, drops: Mapping[str, tuple[Sequence[date], int]], share: float) -> "UpkeepHeldError":
        """Tables of which more than a share of the days is beyond the retention: their days to drop, and days in all."""
        said = "; ".join(
            f"{table}: {len(days)} of {known} days, {days[0]} to {days[-1]}" for table, (days, known) in drops.items()
        )
        return cls(
            f"upkeep would drop {said}: more than maintenance.max_dropped_share {share:g} at once; no table was changed; next: "
            "keep them (maintenance.engagement_days for engagements, retention in schemas/ for others), or run "
            "jobs/maintain_tables.py once with --set maintenance.max_dropped_share=1"
        )
