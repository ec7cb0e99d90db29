"""The DAG of backtests: what it asks for, what it submits for each day, and that a day that fails, fails alone."""

import json
import os
import socketserver
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError

from shortlist.config import settings_file
from shortlist.errors import SettingsError
from shortlist_airflow import backtests
from shortlist_airflow.backtests import days_param, name_param, refuse_days
from tests.dags.answering import answered
from tests.dags.submitted import jobs_of, unmapped

CHECKOUT = Path(__file__).resolve().parents[2]
GOOD, BAD, LAST = "2017-11-16", "2017-11-20", "2017-11-23"
JOB = "backtest_settings"


@pytest.fixture(scope="module")
def dag(bag: DagBag) -> DAG:
    return bag.dags["backtest"]


def test_it_runs_when_somebody_asks_and_one_at_a_time(dag: DAG) -> None:
    schedule: object = dag.schedule
    assert (schedule, dag.catchup, dag.max_active_runs) == (None, False, 1)
    assert {task.task_id: set(task.upstream_task_ids) for task in dag.tasks} == {
        "check_backtest": set(),
        JOB: {"check_backtest"},
    }
    assert list(dag.params) == ["name", "days", "settings"]


def test_what_is_submitted_for_a_day_is_what_the_job_takes(dag: DAG) -> None:
    (mapped,) = jobs_of(dag)
    task = unmapped(mapped, GOOD)
    # No `ds`: a run without a logical date has none.
    context: Any = {
        "ti": SimpleNamespace(start_date=datetime(2017, 12, 1, 2, 0, 7, 250_000, tzinfo=UTC)),
        "params": {"settings": {"als": {"factors": 8}}, "name": "less"},
    }
    arguments = list(task.render_template(task.application_args, context))
    assert arguments == [
        *("--config", str(settings_file())),
        *("--run-date", GOOD),
        *("--attempt", "1512093607250"),
        *("--set", '{"als": {"factors": 8}}'),
        *("--name", "less"),
    ]
    # --help at the end: argparse has accepted everything before it, and no Spark session starts.
    command = [os.environ["PYSPARK_PYTHON"], task.application, *arguments, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("days", [[], [GOOD, GOOD], ["yesterday"], [GOOD, "2017-02-30"], GOOD, [20171116], None])
def test_the_form_refuses_what_are_no_days(days: object) -> None:
    assert days_param().resolve([GOOD, LAST]) == [GOOD, LAST]
    with pytest.raises(ParamValidationError):
        days_param().resolve(days)


@pytest.mark.parametrize("name", ["", "A", "a b", "../a", "-a", "a" * 33, 7, None])
def test_the_form_refuses_what_is_no_name(name: object) -> None:
    assert name_param().resolve("less_als-2") == "less_als-2"
    with pytest.raises(ParamValidationError):
        name_param().resolve(name)


@pytest.mark.parametrize(
    ("days", "problem"),
    [
        (
            [GOOD, "2017-11-30"],
            r"conf\.days '2017-11-30': has not ended \(it is 2017-11-30 UTC\); next: name days before",
        ),
        (["2017-12-01"], "conf.days '2017-12-01': has not ended"),
        (["20171116"], r"conf\.days '20171116': is ambiguous; next: write it as 2017-11-16"),
    ],
)
def test_days_that_have_not_ended_are_refused(days: list[str], problem: str) -> None:
    refuse_days([GOOD, "2017-11-29"], date(2017, 11, 30))
    with pytest.raises(SettingsError, match=problem):
        refuse_days(days, date(2017, 11, 30))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"days": [datetime.now(UTC).date().isoformat()]}, "has not ended"),
        ({"name": "less\n"}, "conf.name 'less"),
        ({"settings": {"surfaces": {"homefeed": {"k": 0}}}}, "k"),
        ({"dayz": []}, r"unknown setting 'conf.dayz'; did you mean days\?"),
    ],
)
def test_the_first_task_refuses_what_a_schema_cannot_say(
    dag: DAG, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], problem: str
) -> None:
    given = {"name": "less", "days": [GOOD], "settings": {}, **changed}
    context: Any = {"dag_run": SimpleNamespace(conf=given), "params": given}
    monkeypatch.setattr(backtests, "get_current_context", lambda: context)
    python_callable: Any = getattr(dag.get_task("check_backtest"), "python_callable")  # noqa: B009
    with pytest.raises(AirflowFailException, match=problem):
        python_callable()


class Answer(socketserver.StreamRequestHandler):
    """In place of infra/spark/local/resident.py: every day succeeds at once but one, of which engagements know nothing."""

    asked: ClassVar[list[list[str]]] = []

    def handle(self) -> None:
        """One job."""
        _, *arguments = json.loads(self.rfile.readline())["arguments"]
        self.asked.append(arguments)
        if BAD in arguments:
            self.wfile.write(f"error: --run-date '{BAD}': nothing is known\n".encode() + b"\0exit 2\n")
        else:
            self.wfile.write(b"\0exit 0\n")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A deployment whose Spark is the answer above."""
    with answered(tmp_path_factory.mktemp("home"), Answer) as home:
        yield home


def test_each_day_is_a_task_and_one_that_fails_fails_alone(home: Path) -> None:
    conf = {"name": "less", "days": [GOOD, BAD, LAST], "settings": {"als": {"factors": 4}}}
    done = subprocess.run(
        [str(CHECKOUT / "infra" / "airflow"), "dags", "test", "backtest", "--conf", json.dumps(conf)],
        env={
            **os.environ,
            "SHORTLIST_AIRFLOW_HOME": f"{home}/airflow",
            "SHORTLIST_CONFIG": f"{home}/settings.yaml",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout[-4000:]
    with sqlite3.connect(home / "airflow" / "airflow.db") as connection:
        query = (
            "select task_id, map_index, state, pool, rendered_map_index from task_instance order by task_id, map_index"
        )
        rows = connection.execute(query).fetchall()
    assert [row[:4] for row in rows] == [
        (JOB, 0, "success", "spark"),
        (JOB, 1, "failed", "spark"),
        (JOB, 2, "success", "spark"),
        ("check_backtest", -1, "success", "default_pool"),
    ], done.stdout[-4000:]
    assert [row[4] for row in rows[:3]] == [GOOD, BAD, LAST]
    assert sorted(arguments[3] for arguments in Answer.asked) == [GOOD, BAD, LAST]
    assert {tuple(arguments[-2:]) for arguments in Answer.asked} == {("--name", "less")}
    assert f"FAILED {JOB} {BAD}: wrong use or settings (exit 2) error: --run-date" in done.stdout
    assert "nothing that is served was touched" in done.stdout
