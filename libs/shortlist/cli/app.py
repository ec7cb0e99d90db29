"""Every command of `shortlist`: its arguments, help and exit codes. What each command does is in the module of its name."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import typer

from shortlist.cli.arguments import (
    Config,
    Day,
    Json,
    MaybeSurface,
    Overrides,
    Subject,
    Surface,
    confirm,
    day_of,
    known,
    pairs,
    required_day,
    settings_of,
)
from shortlist.cli.spark_jobs import job_arguments
from shortlist.config import EventType
from shortlist.errors import SettingsError

EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong use or settings; 3 a check held or verification found something; 4 fenced by a newer "
    "attempt; 5 infrastructure."
)
HELD = 3
_CENTURY = 24 * 365 * 100

app = typer.Typer(
    name="shortlist",
    help="Look at published candidates and mend what is wrong with them. Reads tables directly, starts no Spark.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command("status")
def status_command(
    config: Config = None,
    overrides: Overrides = None,
    as_json: Json = False,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="YYYY-MM-DD", help="Day that ages count from (default: today, UTC)."),
    ] = None,
) -> None:
    """What readers of each surface are served, how old it is, what was held since and why, and which jobs run now.

    Exit code 3 when a surface is older than its contract promises, or has nothing published.
    """
    from shortlist.cli.output import emit
    from shortlist.cli.status import render, status

    now = datetime.now(UTC)
    facts = status(settings_of(config, overrides), day_of("--as-of", as_of) or now.date(), now)
    emit("status", facts, as_json, render)
    raise typer.Exit(0 if facts["fresh"] else HELD)


@app.command("show")
def show_command(
    surface: Surface,
    subject: Annotated[
        str | None,
        typer.Argument(help="A user, or on item surfaces an item (default: one with a list, drawn by lot)."),
    ] = None,
    day: Day = None,
    history: Annotated[int, typer.Option("--history", min=0, max=1000, help="Items of recent history to show.")] = 10,
    config: Config = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """One subject's list with titles, sources and reasons, beside what it did lately."""
    from shortlist.cli.output import emit
    from shortlist.cli.show import render, show

    settings = settings_of(config, overrides)
    emit("show", show(settings, known(settings, surface), subject, day_of("--day", day), history), as_json, render)


@app.command("why")
def why_command(
    surface: Surface,
    subject: Subject,
    item: Annotated[str | None, typer.Argument(help="An item (default: explain the list as a whole).")] = None,
    day: Day = None,
    config: Config = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Where an item was lost on its way to a subject's list; without an item, why the list is short or absent.

    An item may be published at some rank; not eligible (support floor, not active, not buyable); seen, hidden, or the
    subject itself; proposed by no source; or proposed, and below k once the sources are blended.
    """
    from shortlist.cli.output import emit
    from shortlist.cli.why import render, why

    settings = settings_of(config, overrides)
    emit("why", why(settings, known(settings, surface), subject, item, day_of("--day", day)), as_json, render)


@app.command("diff")
def diff_command(
    surface: Surface,
    first: Annotated[str, typer.Argument(metavar="DAY", help="Published day that changes count from (YYYY-MM-DD).")],
    second: Annotated[str, typer.Argument(metavar="DAY", help="Published day that they lead to.")],
    subject: Annotated[str | None, typer.Option("--subject", help="Compare this subject's lists only.")] = None,
    config: Config = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """How a surface's lists changed between two published days: subjects, overlap, items, shares of the sources."""
    from shortlist.cli.diff import diff, render
    from shortlist.cli.output import emit

    settings = settings_of(config, overrides)
    start, end = required_day("DAY", first), required_day("DAY", second)
    emit("diff", diff(settings, known(settings, surface), start, end, subject), as_json, render)


@app.command("export")
def export_command(
    surface: Surface,
    into: Annotated[Path, typer.Option("--into", metavar="FILE", help="File to write; ends in .parquet or .jsonl.")],
    day: Day = None,
    changes: Annotated[
        tuple[str, str] | None,
        typer.Option("--changes", metavar="DAY DAY", help="Only what differs between two published days."),
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--column", help="Column of a candidate; may be repeated (default: all).")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file of that name.")] = False,
    config: Config = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Write a surface's lists to one file, one row a subject, for a key-value store: a whole day or what changed since another.

    A row has subject_id, operation (upsert or delete), run_date, and candidates: the subject's whole list, best first. With
    --changes, lists that are the same on both days in every exported column are left out: choose columns without scores
    to write only lists whose items changed. Loading a file twice changes nothing.
    """
    from shortlist.cli.export import Wanted, export, render
    from shortlist.cli.output import emit

    settings = settings_of(config, overrides)
    known(settings, surface)
    if changes and day:
        raise SettingsError.bad_argument("--day", day, "names one day, and --changes two; next: leave one of them out")
    since, until = [required_day("--changes", each) for each in changes] if changes else (None, day_of("--day", day))
    facts = export(settings, surface, since, until, Wanted(into, columns or (), replace))
    emit("export", facts, as_json, render)


@app.command("rollback")
def rollback_command(
    surface: Surface,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="YYYY-MM-DD", help="Published day to go back to (default: the one before)."),
    ] = None,
    why: Annotated[str, typer.Option("--why", help="Reason, for the table of publications.")] = "no reason given",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: Config = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Serve an earlier published day again: one commit of the table, one of publications.

    The earlier day is read and checked against its digest first. Later days leave the newest version of the table; their
    versions stay in its history. A publisher of a withdrawn day that started before now is fenced off; run the day again
    to publish it again.
    """
    from shortlist.cli.output import emit
    from shortlist.cli.rollback import render, rollback

    settings = settings_of(config, overrides)
    known(settings, surface)
    day = day_of("--to", to)
    if not yes:
        target = "the published day before the one that is served" if day is None else day.isoformat()
        confirm(f"Serve {target} of {surface} again, and withdraw what is later?")
    # Attempts are numbered by the millisecond of their start: all that started until now are fenced off.
    started = int(datetime.now(UTC).timestamp() * 1000)
    emit("rollback", rollback(settings, surface, day, started, why), as_json, render)


@app.command("verify")
def verify_command(
    surface: MaybeSurface = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also days that were published again or withdrawn since, and older models.")
    ] = False,
    config: Config = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Read every published day again and compare rows, subjects and digest; look for damage in logs and files.

    Finds commits that are empty, missing, copied or no JSON; broken checkpoints; data files that are missing, cut or
    unreadable; versions that publications names and that do not exist; another protocol than reader 1 / writer 2; columns
    that differ from the contract; days that were never announced; a newest model of two trainings, or with other rows than
    were trained. Says what mends each. Exit code 3 when something is wrong.
    """
    from shortlist.cli.output import emit, progress
    from shortlist.cli.verify import render, verify

    settings = settings_of(config, overrides)
    with progress("looking at") as looking:
        facts = verify(settings, surface and known(settings, surface), every, looking)
    emit("verify", facts, as_json, render)
    raise typer.Exit(0 if facts["ok"] else HELD)


@app.command("repair")
def repair_command(
    surface: MaybeSurface = None,
    older_than: Annotated[
        float,
        typer.Option("--older-than", metavar="HOURS", min=0, help="Age from which a temporary file is a leftover."),
    ] = 24,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: Config = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Mend what can be mended without losing anything; files are moved aside, never deleted.

    Moves broken checkpoints (where the commits are whole), a last commit that is empty or a copy, and leftovers of
    interrupted writers to .aside/ in the warehouse. Never touches data files or a version that publications names.
    Exit code 3 when something is still wrong: shortlist verify says what mends it.
    """
    from shortlist.cli.output import console, emit, say
    from shortlist.cli.verify import do_repairs, render_repairs, repairs

    if not 0 <= older_than <= _CENTURY:  # neither is "nan"
        raise SettingsError.bad_argument("--older-than", older_than, f"is no number of hours from 0 to {_CENTURY}")
    settings = settings_of(config, overrides)
    chosen = surface and known(settings, surface)
    moment = datetime.now(UTC).timestamp() - older_than * 3600
    planned = repairs(settings, chosen, moment)
    if planned and not yes:
        for each in planned:
            say(console(err=True), f"{each.table}: {each.why} ({each.name})")
        confirm(f"Move {len(planned)} file(s) aside?")
    facts = do_repairs(settings, chosen, moment)
    emit("repair", facts, as_json, render_repairs)
    raise typer.Exit(0 if facts["ok"] else HELD)


@app.command("doctor")
def doctor_command(
    config: Config = None,
    overrides: Overrides = None,
    cluster: Annotated[bool, typer.Option("--cluster", help="Ask every executor too; starts a Spark job.")] = False,
    as_json: Json = False,
) -> None:
    """Whether this machine can run the jobs, each line with what mends it.

    Looks at Python, Java, packages against their lock, Delta's jars against their checksums, settings, write permissions,
    free disk, landing, warehouse and clock. Exit code 2 when the machine or the settings lack something, 5 when only disk,
    permissions or connections are wrong. With --cluster it also runs jobs/check_cluster.py, which asks every executor for
    Python, packages, code, kernels, jars, thread limits and shared folders.
    """
    from shortlist.cli.doctor import doctor, render
    from shortlist.cli.output import emit

    asked = job_arguments(config, overrides) if cluster else None
    facts, code = doctor(lambda: settings_of(config, overrides), datetime.now(UTC), asked)
    emit("doctor", facts, as_json, render)
    raise typer.Exit(code)


@app.command("new")
def new_command(
    sample: Annotated[Path, typer.Argument(help="A file of your log: CSV with a header, JSON lines or Parquet.")],
    into: Annotated[
        Path, typer.Option("--into", help="Folder for settings.yaml and landing/; must not exist yet.")
    ] = Path("my-shortlist"),
    look: Annotated[bool, typer.Option("--look", help="Only show what would be done.")] = False,
    fields: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="COLUMN=FIELD", help="Your field for a column; empty: none. May be repeated."),
    ] = None,
    feed: Annotated[str, typer.Option("--feed", help="Name of the log: its folder below landing/.")] = "events",
    event_type: Annotated[
        EventType | None, typer.Option("--event-type", help="What every event is, where no field says so.")
    ] = None,
    time_format: Annotated[
        str | None, typer.Option("--time-format", help="How times are written, such as 'd.M.yyyy H:mm'.")
    ] = None,
    zone: Annotated[str, typer.Option("--zone", help="Zone of times that are written without one.")] = "UTC",
    delimiter: Annotated[str | None, typer.Option("--delimiter", help="Character between the fields of CSV.")] = None,
    as_json: Json = False,
) -> None:
    """From a file of your own log to settings and a landing: proposes the mapping, splits the file into day folders.

    Looks at names and values of the fields: which is the user, the item, the time and how it is written, what was done. Says
    what is missing and what it does about it. Writes commented settings, a folder for each day with its marker, and a
    catalog where fields describe items. Starts no Spark, changes nothing else.
    """
    from shortlist.cli.new import Wishes, new, render
    from shortlist.cli.output import emit

    wishes = Wishes(pairs("--field", fields or ()), feed, event_type, time_format, zone, delimiter)
    emit("new", new(sample, into, wishes, look), as_json, render)


@app.command("erase")
def erase_command(
    subject: Annotated[
        str, typer.Argument(help="Id to erase; - reads one id a line, so that none is seen in a command line.")
    ],
    kind: Annotated[Literal["user", "item"], typer.Option("--kind", help="What the id names.")] = "user",
    day: Annotated[
        str | None,
        typer.Option("--day", metavar="YYYY-MM-DD", help="Run date of the erasure (default: yesterday, UTC)."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: Config = None,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Erase a user or an item from every table, old versions included. Starts a Spark job; cannot be undone.

    Lands the request below erasures/ of the landing and runs jobs/erase_subject.py for the day; its exit code is this
    command's.
    """
    from shortlist.cli.erase import erase, render
    from shortlist.cli.output import emit

    settings = settings_of(config, overrides)
    chosen = day_of("--day", day) or datetime.now(UTC).date() - timedelta(days=1)
    ids = sys.stdin.read().splitlines() if subject == "-" else [subject]
    if not yes:
        confirm(f"Erase {len(ids)} {kind}(s) from all tables for good?")
    facts, code = erase(settings, kind, ids, chosen, job_arguments(config, overrides))
    emit("erase", facts, as_json, render)
    raise typer.Exit(code)
