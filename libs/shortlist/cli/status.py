"""`shortlist status`: what readers of each surface are served, how old it is, what was held since, and what runs now."""

from datetime import date, datetime, timedelta
from typing import Any

from rich.console import Console

from shortlist.cli.output import Facts, print_table, say
from shortlist.config import Settings
from shortlist.contracts import candidates_name, read_contract
from shortlist.pipeline import PUBLISHES, left_behind, waits_for
from shortlist.records.publications import HELD, PUBLISHED, SurfaceHistory
from shortlist.store.begun import unended
from shortlist.store.manifests import read_manifests, recorded_days
from shortlist.store.pinned_tables import Lake

_SHOWN = 10
# What was killed longer ago than this, and not run again, is no news.
_RECENT = timedelta(days=7)


def status(settings: Settings, today: date, now: datetime) -> dict[str, Any]:
    """The state of every surface.

    Args:
        settings: settings in force.
        today: day on which somebody looks, UTC; ages of surfaces count from it.
        now: the moment, which runs under way count from.

    Returns:
        as_of, promise_days, fresh (all surfaces are) and surfaces: name, table, state (fresh, late, nothing published),
        run_date, age_days, table_version, published_at, rows, subjects, run_id, refused (decisions about days after
        the served one, newest first: run_date, status, decided_at, why); and stopped: jobs of days after the oldest
        served one that failed, such as an extraction that a check held, newest first: run_date, job, why, left_behind
        (what that means for readers), publishing (whether it publishes, or publication waits for it); and unended:
        runs that began and have not ended, newest first: run_date, job, began_at, minutes (since then), host, pid, runs
        (whether its process was seen alive; false where it cannot be seen from this machine).
    """
    promise = read_contract("candidates").latency_days
    histories = Lake(settings.paths.warehouse).histories(today)
    surfaces = [_surface(name, histories.get(name, SurfaceHistory()), today, promise) for name in settings.surfaces]
    return {
        "as_of": today.isoformat(),
        "promise_days": promise,
        "fresh": all(surface["state"] == "fresh" for surface in surfaces),
        "surfaces": surfaces,
        "stopped": _stopped(settings, min((surface["run_date"] or "" for surface in surfaces), default=""), today),
        "unended": _unended(settings.paths.manifests, now),
    }


def _unended(root: str, now: datetime) -> list[dict[str, Any]]:
    found = []
    for each in unended(root):
        runs, age = each.runs, now - datetime.fromisoformat(each.at)
        if runs or age < _RECENT:
            known = {"run_date": each.run_date, "job": each.job, "began_at": each.at}
            found.append(
                {**known, "minutes": int(age.total_seconds() // 60), "host": each.host, "pid": each.pid, "runs": runs}
            )
    return found


def _stopped(settings: Settings, served: str, today: date) -> list[dict[str, Any]]:
    """Jobs of the newest days after a day that left an error; what publications tells of is told there."""
    root = settings.paths.manifests
    days = [day for day in recorded_days(root) if served < day.isoformat() and day <= today]
    records = [record for day in reversed(days[-_SHOWN:]) for record in read_manifests(root, day)[0]]
    publishing = {PUBLISHES, *waits_for(PUBLISHES)}
    return [
        {
            "run_date": record.run_date.isoformat(),
            "job": record.job,
            "why": record.error,
            "left_behind": left_behind(record.job, record.run_date.isoformat()),
            "publishing": record.job in publishing,
        }
        for record in records
        if record.error and not any(each.status == HELD for each in record.publications)
    ]


def _surface(name: str, history: SurfaceHistory, today: date, promise: int | None) -> dict[str, Any]:
    served = history.latest
    refused = [
        each
        for each in reversed(history.decisions)
        if each.status != PUBLISHED and (served is None or each.run_date > served.run_date)
    ]
    age = None if served is None else (today - served.run_date).days
    late = age is None or (promise is not None and age > promise)
    return {
        "name": name,
        "table": candidates_name(name),
        "state": "nothing published" if served is None else "late" if late else "fresh",
        "run_date": served and served.run_date.isoformat(),
        "age_days": age,
        "table_version": served and served.table_version,
        "published_at": served and served.published_at.isoformat(),
        "rows": served and served.rows,
        "subjects": served and served.subjects,
        "run_id": served and served.run_id,
        "refused": [
            {
                "run_date": each.run_date.isoformat(),
                "status": each.status,
                "decided_at": each.published_at.isoformat(),
                "why": each.why or "",
            }
            for each in refused[:_SHOWN]
        ],
    }


def render(facts: Facts, to: Console) -> None:
    """For people."""
    columns = ["surface", "served day", "age", "state", "rows", "subjects", "version", "published (UTC)"]
    rows = [
        (
            surface["name"],
            surface["run_date"],
            None if surface["age_days"] is None else f"{surface['age_days']} days",
            surface["state"],
            surface["rows"],
            surface["subjects"],
            surface["table_version"],
            (surface["published_at"] or "")[:16].replace("T", " "),
        )
        for surface in facts["surfaces"]
    ]
    print_table(to, columns, rows)
    if facts["promise_days"] is not None:
        say(to, f"promised: the served day is at most {facts['promise_days']} days old (today: {facts['as_of']} UTC)")
    for surface in facts["surfaces"]:
        for refused in surface["refused"]:
            say(to, f"{surface['name']} {refused['run_date']} {refused['status'].replace('_', ' ')}: {refused['why']}")
    for each in facts["stopped"]:
        say(to, f"{each['run_date']} {each['job']} stopped: {each['why']}; {each['left_behind']}")
    for each in facts["unended"]:
        say(to, _under_way(each))
    stopped = any(each["publishing"] for each in facts["stopped"])
    for surface in facts["surfaces"]:
        if surface["state"] != "fresh":
            say(to, f"{surface['name']} is not fresh ({surface['state']}); next: {_next(surface, stopped)}")


def _under_way(each: Facts) -> str:
    """What may be said of a run that has not ended: that it runs only where its process was seen."""
    at, job = each["began_at"][:16].replace("T", " "), f"{each['job']} of {each['run_date']}"
    if each["runs"]:
        return f"{job} is running since {at} UTC"
    hours, minutes = divmod(max(each["minutes"], 0), 60)
    return f"{job} began {at} UTC, {hours} h {minutes} min ago, and has not ended (process {each['pid']} on {each['host']})"


def _next(surface: Facts, stopped: bool) -> str:
    if surface["refused"] or stopped:
        return "mend the cause named above and run that day again"
    return "look at the runs of candidates_daily in Airflow; shortlist doctor looks at this machine"
