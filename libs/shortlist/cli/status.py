"""`shortlist status`: what readers of each surface are served, how old it is, and what was held since."""

from datetime import date
from typing import Any

from rich.console import Console

from shortlist.cli.output import Facts, print_table, say
from shortlist.config import Settings
from shortlist.contracts import candidates_name, read_contract
from shortlist.reports.surfaces import Decision, read_decisions
from shortlist.store.pinned_tables import Lake

_SHOWN = 10


def status(settings: Settings, today: date) -> dict[str, Any]:
    """The state of every surface.

    Args:
        settings: settings in force.
        today: day on which somebody looks, UTC; ages count from it.

    Returns:
        as_of, promise_days, fresh (all surfaces are) and surfaces: name, table, state (fresh, late, nothing published),
        run_date, age_days, table_version, published_at, rows, subjects, run_id, refused (decisions about days after
        the served one, newest first: run_date, status, decided_at, why).
    """
    promise = read_contract("candidates").latency_days
    decisions = read_decisions(Lake(settings.paths.warehouse), today)
    surfaces = [_surface(name, decisions.get(name, []), today, promise) for name in settings.surfaces]
    return {
        "as_of": today.isoformat(),
        "promise_days": promise,
        "fresh": all(surface["state"] == "fresh" for surface in surfaces),
        "surfaces": surfaces,
    }


def _surface(name: str, decisions: list[Decision], today: date, promise: int | None) -> dict[str, Any]:
    served = max((d for d in decisions if d.stands), key=lambda d: (d.run_date, d.published_at), default=None)
    refused = [
        d for d in reversed(decisions) if d.status != "published" and (served is None or d.run_date > served.run_date)
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
                "run_date": d.run_date.isoformat(),
                "status": d.status,
                "decided_at": d.published_at.isoformat(),
                "why": d.why,
            }
            for d in refused[:_SHOWN]
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
    for surface in facts["surfaces"]:
        if surface["state"] != "fresh":
            say(to, f"{surface['name']} is not fresh ({surface['state']}); next: {_next(surface)}")


def _next(surface: Facts) -> str:
    if surface["refused"]:
        return "mend the cause named above and run that day again"
    return "look at the runs of candidates_daily in Airflow; shortlist doctor looks at this machine"
