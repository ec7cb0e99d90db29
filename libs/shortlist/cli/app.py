"""Every command of `shortlist`: its help and exit codes. What a command does is in the module of its name."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from shortlist.cli import options
from shortlist.cli.arguments import confirm, day_of, known, pairs, required_day, settings_of
from shortlist.cli.spark_jobs import job_arguments
from shortlist.errors import SettingsError

EXIT_CODES = (
    "Exit codes: 0 done; 2 wrong use or settings; 3 something is wrong with what was looked at (a surface is late, a table "
    "damaged); 4 a newer attempt has written since; 5 disk, permissions or connections; 70 a "
    "fault of the program."
)
HELD = 3
_CENTURY = 24 * 365 * 100

app = typer.Typer(
    name="shortlist",
    help="Look at published candidates and mend what is wrong with them. Reads tables directly; only erase and doctor --cluster "
    "start Spark.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command("status")
def status_command(
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
    as_of: options.AsOf = None,
) -> None:
    """What is served of each surface, how old it is, what runs now.

    Also what was held or failed since the served day and why, and jobs that began and have not ended. Exit code 3 when a
    surface is older than its contract promises, or has nothing published.
    """
    from shortlist.cli.output import emit
    from shortlist.cli.status import render, status

    now = datetime.now(UTC)
    facts = status(settings_of(config, overrides), day_of("--as-of", as_of) or now.date(), now)
    emit("status", facts, as_json, render)
    raise typer.Exit(0 if facts["fresh"] else HELD)


@app.command("show")
def show_command(
    surface: options.Surface,
    subject: options.MaybeSubject = None,
    day: options.Day = None,
    history: options.History = 10,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """One subject's list, beside what it did lately.

    With titles, sources and reasons. A query that has no list is answered from the texts of the catalog.
    """
    from shortlist.cli.output import emit
    from shortlist.cli.show import render, show

    settings = settings_of(config, overrides)
    emit("show", show(settings, known(settings, surface), subject, day_of("--day", day), history), as_json, render)


@app.command("why")
def why_command(
    surface: options.Surface,
    subject: options.Subject,
    item: options.Item = None,
    day: options.Day = None,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Why an item is in a subject's list, or is not.

    It is published at some rank; or left out by a rule of items (too few users took it, not active, beyond a limit of
    price, ...) or of a user and an item (seen, hidden, shown too often, ...); or proposed by no source; or proposed, and left
    out by a rule of the list or below the best k. Without an item: why the list is short, or why there is none.
    """
    from shortlist.cli.output import emit
    from shortlist.cli.why import render, why

    settings = settings_of(config, overrides)
    emit("why", why(settings, known(settings, surface), subject, item, day_of("--day", day)), as_json, render)


@app.command("diff")
def diff_command(
    surface: options.Surface,
    first: options.FirstDay,
    second: options.SecondDay,
    subject: options.OnlySubject = None,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """How a surface's lists changed between two published days.

    Which subjects came and went, how many items the lists have in common, which items came and went, and how large the
    share of each source is.
    """
    from shortlist.cli.diff import diff, render
    from shortlist.cli.output import emit

    settings = settings_of(config, overrides)
    start, end = required_day("DAY", first), required_day("DAY", second)
    emit("diff", diff(settings, known(settings, surface), start, end, subject), as_json, render)


@app.command("backtest")
def backtest_command(
    name: options.Backtest,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """How good tried settings would have been on past days.

    Beside what was served then; also which surfaces would have been held. A difference is that of the tried lists and the
    served ones for the same subjects, with its 95 % interval. For people three metrics are shown, at the middle list length;
    --json has them all.
    """
    from shortlist.cli.backtest import backtest, render
    from shortlist.cli.output import emit

    emit("backtest", backtest(settings_of(config, overrides), name), as_json, render)


@app.command("export")
def export_command(
    surface: options.Surface,
    into: options.ExportInto,
    day: options.Day = None,
    changes: options.Changes = None,
    columns: options.Columns = None,
    replace: options.Replace = False,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Write a surface's lists to a file, for a key-value store.

    All of a day, or what changed since another. A row is one subject and has subject_id, operation (upsert or delete),
    run_date, and candidates: the subject's whole list, best first. With --changes, lists that are the same on both days in
    every exported column are left out: choose columns without scores to write only lists whose items changed. Loading a
    file twice changes nothing.
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
    surface: options.Surface,
    to: options.To = None,
    why: options.Reason = "no reason given",
    yes: options.Yes = False,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Serve an earlier published day again, and withdraw later ones.

    The earlier day is read and checked against its digest first. Withdrawn days leave the newest version of the table; older
    versions keep them. A run that began before now can no longer publish a withdrawn day (exit code 4); a run that begins
    later publishes it again.
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
    surface: options.MaybeSurface = None,
    every: options.Every = False,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Look for damage in tables, and say what mends it.

    Reads every published day and the newest models again and compares rows, subjects and digests with what was written.
    Finds commits that are empty, missing, copied or no JSON; broken checkpoints; data files that are missing, cut or
    unreadable; versions that the table publications names and that do not exist; another protocol than reader 1 / writer 2;
    columns that differ from the contract; days that were never announced; a newest model of two trainings, or with other
    rows than were trained. Exit code 3 when something is wrong.
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
    surface: options.MaybeSurface = None,
    older_than: options.OlderThan = 24,
    yes: options.Yes = False,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Mend what can be mended without losing anything.

    Moves broken checkpoints (where the commits are whole), a last commit that is empty or a copy, and leftovers of
    interrupted writers to .aside/ in the warehouse; deletes nothing. Never touches data files of a table or a version that
    the table publications names. On an object store, run it while no job runs.
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
    config: options.Config = None,
    overrides: options.Overrides = None,
    cluster: options.Cluster = False,
    as_json: options.Json = False,
) -> None:
    """Whether this machine can run the jobs, and what mends it if not.

    Looks at Python, Java, packages against their lock, Delta's jars against their checksums, settings, write permissions,
    free disk, landing, warehouse and clock, and shows a few events of each feed as they will be read. With --cluster it also
    runs jobs/check_cluster.py, which asks every executor for Python, packages, code, kernels, jars, thread limits and shared
    folders. Exit code 2 when the machine or the settings lack something, 5 when only disk, permissions or connections are
    wrong.
    """
    from shortlist.cli.doctor import doctor, render
    from shortlist.cli.output import emit

    asked = job_arguments(config, overrides) if cluster else None
    facts, code = doctor(lambda: settings_of(config, overrides), datetime.now(UTC), asked)
    emit("doctor", facts, as_json, render)
    raise typer.Exit(code)


@app.command("new")
def new_command(
    sample: options.Sample,
    into: options.NewInto = Path("my-shortlist"),
    look: options.Look = False,
    fields: options.Fields = None,
    feed: options.Feed = "events",
    event_type: options.EveryEventType = None,
    time_format: options.TimeFormat = None,
    zone: options.Zone = "UTC",
    delimiter: options.Delimiter = None,
    as_json: options.Json = False,
) -> None:
    """From a file of your own log to settings and a landing.

    Proposes a mapping and splits the file into one folder a day. Looks at names and values of the fields: which is the
    user, the item, the time and how it is written, what was done. Says what is missing and what it does about it. Writes
    commented settings, a folder for each day with its marker, and a catalog where fields describe items. Starts no Spark,
    changes nothing else.
    """
    from shortlist.cli.new import Wishes, new, render
    from shortlist.cli.output import emit

    wishes = Wishes(pairs("--field", fields or ()), feed, event_type, time_format, zone, delimiter)
    emit("new", new(sample, into, wishes, look), as_json, render)


@app.command("erase")
def erase_command(
    subject: options.Erased,
    kind: options.Kind = "user",
    day: options.EraseDay = None,
    yes: options.Yes = False,
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: options.Json = False,
) -> None:
    """Erase a user or an item from every table, for good.

    Old versions included. Lands the request below erasures/ of the landing and runs the Spark job jobs/erase_subject.py for
    the day; its exit code is this command's. What producers landed stays, and the answer says in which folders.
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
