"""`shortlist rollback`: an earlier published day is served again."""

from datetime import date
from typing import Any

from rich.console import Console

from shortlist.cli.output import Facts, say
from shortlist.config import Settings
from shortlist.store.rollback import roll_back


def rollback(settings: Settings, surface: str, to: date | None, fence: int, why: str) -> dict[str, Any]:
    """Roll back.

    Returns:
        surface, served (run_date, table_version, rows, subjects), withdrawn (days), version, resumed.

    Raises:
        RollbackError: nothing was changed.
    """
    done = roll_back(settings.paths.warehouse, surface, to, fence, why)
    return {
        "surface": surface,
        "served": {
            "run_date": done.served.run_date.isoformat(),
            "table_version": done.served.table_version,
            "rows": done.served.rows,
            "subjects": done.served.subjects,
        },
        "withdrawn": [day.isoformat() for day in done.withdrawn],
        "version": done.version,
        "resumed": done.resumed,
    }


def render(facts: Facts, to: Console) -> None:
    """For people."""
    served = facts["served"]
    if facts["resumed"]:
        say(to, "an interrupted rollback had made the commit; its rows were written now")
    say(to, f"{facts['surface']}: readers are served {served['run_date']} at version {served['table_version']} again")
    say(to, f"withdrawn: {', '.join(facts['withdrawn'])}; the table's newest version is {facts['version']}")
    say(to, "next: mend the cause, then run a withdrawn day again: that publishes it again")
