"""Arguments and options of the commands: their names, and what `--help` says of them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from shortlist.config import EventType, load_settings
from shortlist.errors import ShortlistError

_DAY = "YYYY-MM-DD"
_WHOSE_LIST = "A user, an item or a query, whichever the surface makes lists for"


def surface_names(context: typer.Context) -> list[str]:
    """Surfaces that the shell offers; none where settings are not valid, for completion cannot show an error."""
    try:
        return list(load_settings(context.params.get("config")).surfaces)
    except ShortlistError:
        return []


# Of several commands.
Config = Annotated[
    Path | None, typer.Option("--config", help="Settings file (default: $SHORTLIST_CONFIG, else infra/demo.yaml).")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Override a setting: als.factors=32. May be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Surface = Annotated[
    str,
    typer.Argument(help="Name of a surface, as under surfaces: in the settings file.", autocompletion=surface_names),
]
MaybeSurface = Annotated[
    str | None,
    typer.Argument(
        help="Only the tables of this surface and publications (default: all tables).", autocompletion=surface_names
    ),
]
Subject = Annotated[str, typer.Argument(help=f"{_WHOSE_LIST}; ids are compared letter by letter.")]
Day = Annotated[
    str | None, typer.Option("--day", metavar=_DAY, help="A published day (default: the one that is served).")
]

# status
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar=_DAY, help="Day that ages of surfaces count from (default: today, UTC)."),
]

# show, why, diff
MaybeSubject = Annotated[
    str | None, typer.Argument(help=f"{_WHOSE_LIST} (default: one that has a list, drawn by lot).")
]
History = Annotated[
    int,
    typer.Option("--history", metavar="ITEMS", min=0, max=1000, help="How many items of the recent history to show."),
]
Item = Annotated[str | None, typer.Argument(help="An item (default: the list as a whole).")]
FirstDay = Annotated[str, typer.Argument(metavar="DAY", help=f"Published day that changes count from ({_DAY}).")]
SecondDay = Annotated[str, typer.Argument(metavar="DAY", help="Published day that changes lead to.")]
OnlySubject = Annotated[str | None, typer.Option("--subject", metavar="ID", help="Compare this subject's lists only.")]

# export
ExportInto = Annotated[Path, typer.Option("--into", metavar="FILE", help="File to write; ends in .parquet or .jsonl.")]
Changes = Annotated[
    tuple[str, str] | None,
    typer.Option("--changes", metavar="DAY DAY", help="Only lists that differ between two published days."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="COLUMN", help="Column of a candidate; may be repeated (default: all)."),
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace a file of that name.")]

# rollback, verify, repair, doctor
To = Annotated[
    str | None, typer.Option("--to", metavar=_DAY, help="Published day to go back to (default: the one before).")
]
Reason = Annotated[str, typer.Option("--why", metavar="TEXT", help="Reason, kept in the table publications.")]
Every = Annotated[
    bool, typer.Option("--all", help="Also days that were published again or withdrawn since, and older models.")
]
OlderThan = Annotated[
    float, typer.Option("--older-than", metavar="HOURS", min=0, help="Age from which a temporary file is a leftover.")
]
Cluster = Annotated[bool, typer.Option("--cluster", help="Ask every executor too; starts a Spark job.")]

# new
Sample = Annotated[Path, typer.Argument(help="A file of your log: CSV with a header, JSON lines or Parquet.")]
NewInto = Annotated[
    Path, typer.Option("--into", metavar="FOLDER", help="Folder for settings.yaml and landing/; must not exist yet.")
]
Look = Annotated[bool, typer.Option("--look", help="Show what would be done, and write nothing.")]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="COLUMN=FIELD",
        help="Your field for a column: user_id=customer; user_id= for none. May be repeated.",
    ),
]
Feed = Annotated[str, typer.Option("--feed", metavar="NAME", help="Name of the log: its folder below landing/.")]
EveryEventType = Annotated[
    EventType | None, typer.Option("--event-type", help="What every event is, where no field says so.")
]
TimeFormat = Annotated[
    str | None,
    typer.Option("--time-format", metavar="FORMAT", help="How times are written, such as 'd.M.yyyy H:mm'."),
]
Zone = Annotated[str, typer.Option("--zone", metavar="ZONE", help="Time zone of times that are written without one.")]
Delimiter = Annotated[
    str | None, typer.Option("--delimiter", metavar="CHARACTER", help="Character between the fields of CSV.")
]

# backtest
Backtest = Annotated[str, typer.Argument(metavar="NAME", help="Name of a backtest, as it was given when it was run.")]

# erase
Erased = Annotated[
    str,
    typer.Argument(
        help="Id to erase; - reads ids from standard input, one a line, so that no command line shows them."
    ),
]
Kind = Annotated[Literal["user", "item"], typer.Option("--kind", help="What the id names.")]
EraseDay = Annotated[
    str | None, typer.Option("--day", metavar=_DAY, help="Run date of the erasure (default: yesterday, UTC).")
]
