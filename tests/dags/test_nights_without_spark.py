"""Whole runs through Airflow, with a program of a few lines that answers for Spark: which tasks run, what is announced."""

import json
import os
import socketserver
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from shortlist.records.manifest import Manifest
from shortlist.records.publications import PUBLISHED, Publication
from shortlist.store.manifests import write_manifest
from tests.dags.answering import answered

CHECKOUT = Path(__file__).resolve().parents[2]
TASKS = {
    "check_settings", "extract_engagements", "build_interactions", "train_als", "train_cooccurrence", "learn_blend",
    "generate_candidates", "publish_candidates", "announce_publications", "evaluate_candidates", "write_report", "complete",
}  # fmt: skip


class Answer(socketserver.StreamRequestHandler):
    """In place of infra/spark/local/resident.py: every job succeeds at once; publishing leaves its manifest."""

    environments: ClassVar[dict[str, dict[str, str]]] = {}

    def handle(self) -> None:
        """One job."""
        request = json.loads(self.rfile.readline())
        program, *arguments = request["arguments"]
        self.environments[Path(program).stem] = request["environment"]
        if Path(program).stem == "publish_candidates":
            day = arguments[arguments.index("--run-date") + 1]
            home = Path(arguments[arguments.index("--config") + 1]).parent
            moment, run_date = datetime(2017, 12, 1, 2, tzinfo=UTC), date.fromisoformat(day)
            publications = [
                Publication(name, moment, run_date, 3, "r", 2, 1, "d", PUBLISHED, None)
                for name in ("homefeed", "related")
            ]
            write_manifest(
                f"{home}/manifests", Manifest("publish_candidates", run_date, "r", publications=publications)
            )
        self.wfile.write(b"\0exit 0\n")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A deployment whose Spark is the answer above."""
    with answered(tmp_path_factory.mktemp("home"), Answer) as home:
        yield home


def dags_test(home: Path, day: str) -> subprocess.CompletedProcess[str]:
    environment = {"SHORTLIST_AIRFLOW_HOME": f"{home}/airflow", "SHORTLIST_CONFIG": f"{home}/settings.yaml"}
    command = [str(CHECKOUT / "infra" / "airflow"), "dags", "test", "candidates_daily", day]
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home / "airflow" / "airflow.db") as connection:
        return connection.execute(query).fetchall()


def states(home: Path, day: str) -> dict[str, str]:
    """The states of a day's tasks."""
    query = "select task_id, t.state from task_instance t join dag_run r on r.run_id = t.run_id where r.logical_date like '{}%'"
    return dict(rows(home, query.format(day)))


def test_a_night_of_long_ago_has_every_task_and_announces_each_surface_by_its_own_asset(home: Path) -> None:
    done = dags_test(home, "1995-08-31")
    assert done.returncode == 0, done.stdout[-4000:]
    assert states(home, "1995-08-31") == dict.fromkeys(TASKS, "success")
    events = rows(home, "select a.name, e.extra from asset_event e join asset a on a.id = e.asset_id order by a.name")
    announced = [(name, json.loads(extra)) for name, extra in events]
    assert [(name, extra["run_date"], extra["table_version"]) for name, extra in announced] == [
        ("candidates_homefeed", "1995-08-31", 3),
        ("candidates_related", "1995-08-31", 3),
    ]
    # Ties of assets to the alias are what two runs at once cannot both make.
    assert rows(home, "select * from asset_alias_asset") == []
    assert rows(home, "select pool, slots from slot_pool where pool = 'spark'") == [("spark", 1)]
    assert set(rows(home, "select distinct is_paused from dag")) == {(1,)}
    # The parent of lineage events is made of these.
    assert {each["AIRFLOW_CTX_DAG_ID"] for each in Answer.environments.values()} == {"candidates_daily"}
    (run,) = {each["AIRFLOW_CTX_DAG_RUN_ID"] for each in Answer.environments.values()}
    assert rows(home, "select distinct run_id from dag_run where logical_date like '1995-08-31%'") == [(run,)]


def test_a_day_that_has_not_ended_is_refused_before_any_job(home: Path) -> None:
    today = datetime.now(UTC).date().isoformat()
    refused = dags_test(home, today)
    assert refused.returncode == 1
    assert f"logical_date '{today}': has not ended" in refused.stdout
    assert states(home, today)["check_settings"] == "failed"
    assert "success" not in states(home, today).values()
