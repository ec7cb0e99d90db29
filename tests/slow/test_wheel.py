"""The wheel, installed by pip with each of its extras as infra/operations.md says, and a first command of each side."""

import json
import os
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from shortlist.config import state_home
from tests import tiny
from tests.wheel import CHECKOUT, DAGS_OF_A_FOLDER, dags_found

DAY: Final = date(2017, 11, 5)
# Where the page installs.
PLACE: Final = "/opt/shortlist"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the lines of the page were run; some minutes, most of them pip's."""
    lines = lines_of_the_page()
    folder = tmp_path_factory.mktemp("installed")
    (folder / "settings.yaml").write_text(
        f"{tiny.settings(folder)}synthetic: {{users: 50, items: 40, events_per_day: 300}}\n"
    )
    assert PLACE in lines
    # What infra/package builds with.
    (folder / "state").mkdir()
    (folder / "state" / "envs").symlink_to(state_home() / "envs")
    ran = shell(folder, f"set -euo pipefail\ncd {CHECKOUT}\n{lines.replace(PLACE, str(folder))}")
    assert ran.returncode == 0, ran.stderr[-4000:]
    return folder


def lines_of_the_page() -> str:
    page = (CHECKOUT / "infra" / "operations.md").read_text()
    (lines,) = re.findall(r"### The wheel\n.*?```bash\n(.*?)```", page, re.DOTALL)
    return str(lines)


def shell(folder: Path, commands: str) -> "subprocess.CompletedProcess[str]":
    """Commands of bash, with what a new login has and the places of state and settings: none of this process's environments."""
    kept = {name: os.environ[name] for name in ("HOME", "JAVA_HOME") if name in os.environ}
    places = {"SHORTLIST_HOME": str(folder / "state"), "SHORTLIST_CONFIG": str(folder / "settings.yaml")}
    environment = {**kept, "PATH": "/usr/local/bin:/usr/bin:/bin", **places}
    ran = ["/bin/bash", "-c", commands]
    return subprocess.run(ran, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def within(folder: Path, commands: str) -> "subprocess.CompletedProcess[str]":
    """Commands under the variables of the installation."""
    return shell(folder, f"set -euo pipefail\n. {folder}/environment\n{commands}")


@pytest.fixture(scope="module")
def extracted(installed: Path) -> Path:
    """Five days of synthetic engagement, landed and extracted by jobs of the wheel."""
    for job in (f"load_synthetic.py --since 2017-11-01 --until {DAY}", f"extract_engagements.py --run-date {DAY}"):
        ran = within(installed, f'spark-submit "$SHORTLIST_JOBS"/{job}')
        assert ran.returncode == 0, ran.stderr[-4000:]
    return installed


def test_the_command_line_is_installed(installed: Path) -> None:
    helped = within(installed, "shortlist --help; command -v shortlist")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "doctor" in helped.stdout
    assert helped.stdout.splitlines()[-1] == str(installed / "jobs" / "bin" / "shortlist")


def test_jobs_of_the_wheel_run_and_the_doctor_finds_nothing_wrong(extracted: Path) -> None:
    events = pl.read_delta(str(extracted / "warehouse" / "engagements"))
    assert dict(events.group_by("event_date").len().iter_rows()) == dict.fromkeys(tiny.days(last=DAY), 300)
    looked = within(extracted, "shortlist doctor --json")
    assert looked.returncode == 0, looked.stdout
    said = {line["name"]: line["says"] for line in json.loads(looked.stdout)["lines"]}
    assert said["jars"] == "all there"
    assert said["packages"].endswith(" within bounds")


def test_the_dags_of_the_wheel_are_read(installed: Path) -> None:
    parsed = within(installed, f"airflow/bin/python -c '{DAGS_OF_A_FOLDER}' \"$AIRFLOW__CORE__DAGS_FOLDER\"")
    assert parsed.returncode == 0, parsed.stderr[-4000:]
    errors, programs = dags_found(parsed.stdout)
    assert (errors, set(programs)) == ("{}", {"backtest", "candidates_daily", "erasure", "maintenance"})


def test_a_task_of_airflow_submits_its_job_to_the_other_environment(extracted: Path) -> None:
    ran = within(extracted, f"airflow dags test maintenance {DAY}")
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-4000:]
    manifest = json.loads((extracted / "manifests" / f"run_date={DAY}" / "maintain_tables.json").read_text())
    assert (manifest["job"], manifest["error"]) == ("maintain_tables", None)


def test_the_lines_once_more_replace_code_of_the_same_version(installed: Path) -> None:
    """As an upgrade does. The lines of the environments only: what follows them fetches and compiles."""
    (loop,) = re.findall(r"^for side in .*?^done$", lines_of_the_page(), re.DOTALL | re.MULTILINE)
    for side in ("jobs", "airflow"):
        (code,) = (installed / side).glob("lib/python3.11/site-packages/shortlist/__init__.py")
        code.write_text(code.read_text() + "OLD = True\n")
    again = shell(installed, f"set -euo pipefail\n{loop.replace(PLACE, str(installed))}")
    assert again.returncode == 0, again.stderr[-4000:]
    for side in ("jobs", "airflow"):
        (code,) = (installed / side).glob("lib/python3.11/site-packages/shortlist/__init__.py")
        assert "OLD" not in code.read_text(), side
