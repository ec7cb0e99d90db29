"""What every foreseen failure is: a text for people and an exit code; and wrong use."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Final

from shortlist.redaction import redact

# What somebody gave is quoted so that it is known again, not so that a screen is filled with it.
_LONGEST: Final = 300
# A terminal obeys them: a landed line, a path or an id could rewrite what stands on the screen.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def quoted(value: object) -> str:
    """A value as Python writes it, cut where it is long; its control characters are escaped by that."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


class ShortlistError(Exception):
    """The root of all foreseen failures; a job prints its text and leaves with `exit_code`."""

    exit_code = 5

    def __init__(self, text: str) -> None:
        super().__init__(_CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", redact(text)))


class SettingsError(ShortlistError):
    """Wrong use: a setting or an argument that cannot be meant. Nothing was started."""

    exit_code = 2

    @classmethod
    def invalid(cls, origin: str, problems: Sequence[tuple[str, object, str]]) -> "SettingsError":
        """All problems of one settings file at once, as (field, value, what is wrong)."""
        lines = [f"  {field} = {quoted(value)}: {problem}" for field, value, problem in problems]
        return cls(
            f"settings from {origin} are not valid:\n" + "\n".join(lines) + "\nnext: mend the fields named above"
        )

    @classmethod
    def unknown_field(cls, field: str, known: Iterable[str]) -> "SettingsError":
        """A key that no setting has, with the nearest known names."""
        known = sorted(known)
        near = get_close_matches(field.rsplit(".", 1)[-1][:_LONGEST], known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known here: {', '.join(known)}"
        return cls(f"unknown setting {quoted(field)}; {hint}")

    @classmethod
    def unreadable_file(cls, path: object, reason: str) -> "SettingsError":
        """The settings file is missing or is no YAML mapping."""
        return cls(
            f"settings file {str(path)[:_LONGEST]} cannot be read: {reason}; next: pass --config or set SHORTLIST_CONFIG"
        )

    @classmethod
    def not_named(cls, variable: str, what: str, otherwise: str) -> "SettingsError":
        """A place that a checkout has by itself, and an installed package has not."""
        return cls(
            f"{variable} is not set, and shortlist is installed without a checkout that would say {what}; "
            f"next: export {variable}=..., or {otherwise}"
        )

    @classmethod
    def malformed_override(cls, text: str) -> "SettingsError":
        """An override that is neither `a.b=value` nor a JSON object."""
        return cls(
            f"--set {quoted(text)} is neither name.of.field=value nor a JSON object; next: e.g. --set als.factors=32"
        )

    @classmethod
    def bad_argument(cls, name: str, value: object, problem: str) -> "SettingsError":
        """A command line argument out of its range."""
        return cls(f"{name} {quoted(value)}: {problem}")

    @classmethod
    def no_log_store(cls, root: str, problem: str) -> "SettingsError":
        """A warehouse on S3 without what keeps two writers apart there."""
        return cls(
            f"paths.warehouse is {root}, where Spark would lose commits of two writers at once: {problem}; nothing was "
            "started; next: infra/setup --object-store"
        )

    @classmethod
    def not_confirmed(cls) -> "SettingsError":
        """A command that changes something was not agreed to."""
        return cls("not confirmed, nothing was changed; next: answer y, or pass --yes where nobody can be asked")
