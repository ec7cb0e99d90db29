"""What arguments of the command line must be, and the question before what cannot be taken back."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import typer

from shortlist.config import Settings, load_settings
from shortlist.errors import SettingsError


def settings_of(config: Path | None, overrides: list[str] | None) -> Settings:
    """Settings in force, checked before any table is opened."""
    return load_settings(config, overrides or ())


def known(settings: Settings, surface: str) -> str:
    """The surface, if settings name it.

    Raises:
        SettingsError: with the names that there are.
    """
    if surface not in settings.surfaces:
        raise SettingsError.bad_argument("SURFACE", surface, f"is none of {', '.join(settings.surfaces)}")
    return surface


def day_of(name: str, text: str | None) -> date | None:
    """A day in ISO form, None for none."""
    return None if text is None else required_day(name, text)


def required_day(name: str, text: str) -> date:
    """A day in ISO form.

    Raises:
        SettingsError: anything else.
    """
    try:
        day = date.fromisoformat(text)
        if day.isoformat() == text:
            return day
    except ValueError:
        pass
    raise SettingsError.bad_argument(name, text, "is no day; next: write it as 2017-11-30")


def pairs(name: str, texts: Sequence[str]) -> dict[str, str]:
    """What each text says before its equals sign: what it says behind it.

    Raises:
        SettingsError: a text without one.
    """
    found = {}
    for each in texts:
        key, equals, value = each.partition("=")
        if not equals:
            raise SettingsError.bad_argument(name, each, "is no pair; next: write it as user_id=customer")
        found[key] = value
    return found


def confirm(question: str) -> None:
    """Ask on the terminal.

    Raises:
        SettingsError: the answer is no, or nobody is there to ask.
    """
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise SettingsError.not_confirmed()
