"""`shortlist erase`: land a request to erase, then run the job that does it. The one command that starts Spark."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from rich.console import Console

from shortlist.cli.output import Facts, say
from shortlist.cli.spark_jobs import run_job
from shortlist.config import Settings
from shortlist.errors import SettingsError
from shortlist.store.manifests import read_manifest

_JOB: Final = "erase_subject"
JOB = f"jobs/{_JOB}.py"
_SHOWN: Final = 10

Kind = Literal["user", "item"]


def erase(
    settings: Settings, kind: Kind, ids: Sequence[str], day: date, arguments: Sequence[str]
) -> tuple[dict[str, Any], int]:
    """Land one request per id and submit the job for the day.

    Ids go into the landing only: none stands in the job's command line, nor in what is printed.

    Args:
        settings: settings in force.
        kind: what the ids name.
        ids: who or what is erased; letter by letter.
        day: run date of the erasure; requests of its folder are done, whenever they were landed.
        arguments: `--config` and `--set` for the job, as they were given here.

    Returns:
        kind, day, requests (how many), folder, exit_code (of the job), reports_removed (pages that quoted an id),
        landing_folders (those that still hold lines of theirs); and the exit code again.

    Raises:
        SettingsError: no id, or a landing that is no local folder.
    """
    landing = settings.paths.landing
    if "://" in landing:
        raise SettingsError.bad_argument(
            "paths.landing", landing, f"is no local folder; next: land the request there, then infra/submit {JOB}"
        )
    wanted = [name for name in ids if name.strip()]
    if not wanted:
        raise SettingsError.bad_argument("SUBJECT", "", "names nobody; next: pass an id, or - and one id a line")
    folder = Path(landing) / "erasures" / day.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        digest = hashlib.sha256(f"{kind}/{name}".encode()).hexdigest()[:16]
        unfinished = folder / f".{digest}.json"
        unfinished.write_text(json.dumps({"kind": kind, "id": name}) + "\n", encoding="utf-8")
        unfinished.replace(folder / f"{digest}.json")
    (folder / settings.extraction.marker).touch()
    code = run_job(_JOB, ["--run-date", day.isoformat(), *arguments])
    facts: dict[str, Any] = {
        "kind": kind,
        "day": day.isoformat(),
        "requests": len(wanted),
        "folder": str(folder),
        "exit_code": code,
        "reports_removed": [],
        "landing_folders": [],
    }
    if code == 0:
        done = read_manifest(settings.paths.manifests, day, _JOB)
        facts |= {"reports_removed": done.reports_removed, "landing_folders": done.landing_folders}
    return facts, code


def render(facts: Facts, to: Console) -> None:
    """For people."""
    say(to, f"{facts['requests']} request(s) to erase landed in {facts['folder']}")
    if facts["exit_code"]:
        say(
            to,
            f"the job left with {facts['exit_code']}: nobody may count as erased; next: mend what it says, run this again",
        )
        return
    say(to, "erased; proof is in the table erasures")
    removed, folders = facts["reports_removed"], facts["landing_folders"]
    if removed:
        say(to, f"{_named(removed)} quoted an erased id, or a number or word that is the same, and are removed")
        say(to, "next: for a day whose report is wanted again, infra/submit jobs/write_report.py --run-date DAY")
    say(to, f"next: remove the requests from {facts['folder']}")
    if folders:
        say(
            to,
            f"next: remove their lines from what producers landed: {_named(folders)}; until then extraction leaves them out "
            "whenever it reads these folders",
        )


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
