"""What arguments of the command line must be, and the question before what cannot be taken back."""

from datetime import date

import typer

from shortlist.config import Settings
from shortlist.errors import SettingsError


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
