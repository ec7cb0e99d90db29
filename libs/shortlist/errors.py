"""Every failure that Shortlist foresees, with its exit code; the wording lives here, in classmethods, and has tests.

Exit codes: 0 done, 2 wrong use or settings, 3 a check held the publication, 4 fenced, 5 infrastructure.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from difflib import get_close_matches

from shortlist.redaction import redact


class ShortlistError(Exception):
    """The root of all foreseen failures; a job prints its text and leaves with `exit_code`."""

    exit_code = 5

    def __init__(self, text: str) -> None:
        super().__init__(redact(text))


class SettingsError(ShortlistError):
    """Wrong use: a setting or an argument that cannot be meant. Nothing was started."""

    exit_code = 2

    @classmethod
    def invalid(cls, origin: str, problems: Sequence[tuple[str, object, str]]) -> "SettingsError":
        """All problems of one settings file at once, as (field, value, what is wrong)."""
        lines = [f"  {field} = {value!r}: {problem}" for field, value, problem in problems]
        return cls(
            f"settings from {origin} are not valid:\n" + "\n".join(lines) + "\nnext: mend the fields named above"
        )

    @classmethod
    def unknown_field(cls, field: str, known: Iterable[str]) -> "SettingsError":
        """A key that no setting has, with the nearest known names."""
        known = sorted(known)
        near = get_close_matches(field.rsplit(".", 1)[-1], known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known here: {', '.join(known)}"
        return cls(f"unknown setting {field!r}; {hint}")

    @classmethod
    def unreadable_file(cls, path: object, reason: str) -> "SettingsError":
        """The settings file is missing or is no YAML mapping."""
        return cls(f"settings file {path} cannot be read: {reason}; next: pass --config or set SHORTLIST_CONFIG")

    @classmethod
    def malformed_override(cls, text: str) -> "SettingsError":
        """An override that is neither `a.b=value` nor a JSON object."""
        return cls(f"--set {text!r} is neither name.of.field=value nor a JSON object; next: e.g. --set als.factors=32")

    @classmethod
    def bad_argument(cls, name: str, value: object, problem: str) -> "SettingsError":
        """A command line argument out of its range."""
        return cls(f"{name} {value!r}: {problem}")

    @classmethod
    def not_confirmed(cls) -> "SettingsError":
        """A command that changes something was not agreed to."""
        return cls("not confirmed, nothing was changed; next: answer y, or pass --yes where nobody can be asked")


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


class MaintenanceError(ShortlistError):
    """Upkeep found a table that is not what it was."""

    @classmethod
    def rows_changed(cls, table: str, before: int, after: int) -> "MaintenanceError":
        """A compaction that lost or doubled rows."""
        return cls(
            f"{table}: {after} rows after compaction, {before} before; nothing was vacuumed; "
            "next: look at the table's history, and restore the version before its OPTIMIZE"
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


class InputMissingError(ShortlistError):
    """A table lacks the partition that a job reads."""

    @classmethod
    def no_partition(cls, table: str, partition: str, producer: str) -> "InputMissingError":
        """The job that writes the partition has not run for that day."""
        return cls(f"table {table} has no rows for {partition}; next: run jobs/{producer}.py for that day first")


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
    def invalid(cls, path: str, problem: str) -> "ContractError":
        """A contract file that states something we cannot build."""
        return cls(f"contract {path}: {problem}")


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
    def still_named(cls, places: Sequence[str]) -> "ErasedError":
        """Files that still hold an erased id although every row is gone."""
        return cls(
            f"erasure: the subject's rows are gone, but its id is still in: {', '.join(places)}; no proof was written; next: a "
            "table that was created without delta.dataSkippingNumIndexedCols=0 keeps ids in its log: create it anew"
        )


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
        told = f"; it was {decided[0].replace('_', ' ')}: {decided[1]}" if decided else ""
        days = ", ".join(each.isoformat() for each in reversed(published[-10:]))
        return cls(f"{asked}{told}; next: " + (f"choose one of {days}" if days else "shortlist status"))

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


class ModelError(ShortlistError):
    """A model came out unusable."""

    @classmethod
    def not_finite(cls, what: str, count: int) -> "ModelError":
        """NaN or infinity among numbers that must be finite."""
        return cls(
            f"{what}: {count} value(s) are NaN or infinite; nothing was written; "
            "next: lower als.alpha or raise als.regularization, and look for extreme interaction weights"
        )

    @classmethod
    def nothing_to_learn(cls, what: str) -> "ModelError":
        """A training set without a single usable row."""
        return cls(f"{what} has no rows with a weight above 0; next: look at interactions.weights and the look-back")

    @classmethod
    def unusable_weights(cls, count: int) -> "ModelError":
        """Weights that no objective can use."""
        return cls(
            f"interactions: {count} weight(s) are NaN, infinite or negative; nothing was written; "
            "next: look at interactions.weights and at who wrote those rows"
        )

    @classmethod
    def repeated_pairs(cls, count: int) -> "ModelError":
        """A user and an item in more than one row."""
        return cls(
            f"interactions: {count} row(s) repeat a pair of user and item; nothing was written; "
            "next: add a pair's weights up before fitting, as jobs/build_interactions.py does"
        )

    @classmethod
    def no_placement(cls, tried: Sequence[tuple[str, str]]) -> "ModelError":
        """No way to spread a fit over the cluster fits; as (placement, why not)."""
        lines = "\n".join(f"  {name}: {why}" for name, why in tried)
        return cls(
            f"engine spark cannot place this model:\n{lines}\n"
            "next: raise als.shared_gigabytes where executors have the memory, lower als.factors or als.block_rows, "
            "or name a folder that every task sees as als.scratch"
        )


def _table(reasons: Sequence[tuple[str, int, str]]) -> str:
    return "\n".join(f"  {count:>10}  {reason:<28} e.g. {sample[:160]!r}" for reason, count, sample in reasons)
