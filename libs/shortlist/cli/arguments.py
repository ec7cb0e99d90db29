"""Arguments that several commands have, what they must be, and the question before what cannot be taken back."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from shortlist.config import Settings, load_settings
from shortlist.errors import SettingsError, ShortlistError

Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file (default: $SHORTLIST_CONFIG, else infra/demo.yaml).")
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Override a setting; may be repeated.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]


def surface_names(context: typer.Context) -> list[str]:
    """Surfaces that the shell offers; none where settings are not valid, for completion cannot show an error."""
    try:
        return list(load_settings(context.params.get("config")).surfaces)
    except ShortlistError:
        return []


Surface = Annotated[
    str,
    typer.Argument(help="Name of a surface, as under surfaces: in the settings file.", autocompletion=surface_names),
]
MaybeSurface = Annotated[
    str | None,
    typer.Argument(help="Only this surface and publications (default: all tables).", autocompletion=surface_names),
]
Subject = Annotated[str, typer.Argument(help="A user, or on item surfaces an item; ids are compared letter by letter.")]
Day = Annotated[
    str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="A published day (default: the one that is served).")
]


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
