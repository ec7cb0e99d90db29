"""The real DAG on a tiny landing: Airflow, spark-submit, Great Expectations and Delta as in production."""

import json
import os
import sqlite3
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests import tiny

CHECKOUT = Path(__file__).resolve().parents[2]
DAY = date(2017, 11, 15)


class Deployment:
    """A deployment of its own below a folder: landing, warehouse, settings, and Airflow's database."""

    def __init__(self, home: Path) -> None:
        self.home = home
        tiny.write_landing(home / "landing", tiny.days(last=DAY))
        (home / "settings.yaml").write_text(tiny.settings(home))

    def run(self, day: date, conf: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        """`infra/airflow dags test candidates_daily DAY`."""
        command = [str(CHECKOUT / "infra" / "airflow"), "dags", "test", "candidates_daily", day.isoformat()]
        return subprocess.run(
            [*command, *([] if conf is None else ["--conf", json.dumps(conf)])],
            env={
                **os.environ,
                "SHORTLIST_AIRFLOW_HOME": str(self.home / "airflow"),
                "SHORTLIST_CONFIG": str(self.home / "settings.yaml"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def database(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of Airflow's database."""
        with sqlite3.connect(self.home / "airflow" / "airflow.db") as connection:
            return connection.execute(query).fetchall()

    def states(self) -> dict[str, str]:
        """The last run's task states."""
        return dict(
            self.database(
                "select task_id, state from task_instance where run_id = "
                "(select run_id from dag_run order by id desc limit 1)"
            )
        )


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """One deployment for all tests of this file, which run in order."""
    return Deployment(tmp_path_factory.mktemp("deployment"))


@pytest.fixture(scope="module")
def nightly(deployment: Deployment) -> subprocess.CompletedProcess[str]:
    """The run of DAY."""
    return deployment.run(DAY)


def test_a_nightly_run_succeeds(deployment: Deployment, nightly: subprocess.CompletedProcess[str]) -> None:
    assert nightly.returncode == 0, nightly.stdout[-6000:]
    assert set(deployment.states().values()) == {"success"}


@pytest.mark.usefixtures("nightly")
def test_every_user_got_a_list_of_its_own_group(deployment: Deployment) -> None:
    # The jobs environment's Polars reads the table as any reader would, without Spark.
    program = (
        "import json, sys, polars as pl\n"
        "rows = pl.scan_delta(sys.argv[1]).filter(pl.col('run_date') == pl.date(2017, 11, 15)).collect()\n"
        "print(json.dumps(rows.select('subject_id', 'rank', 'item_id', 'source').rows()))\n"
    )
    read = subprocess.run(
        [os.environ["PYSPARK_PYTHON"], "-c", program, str(deployment.home / "warehouse" / "candidates_homefeed")],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(read.stdout)
    assert {subject for subject, *_ in rows} == set(tiny.USERS)
    assert len({(subject, rank) for subject, rank, *_ in rows}) == len(rows)
    # The planted structure: what the models propose is from the user's own half of the shop.
    modelled = [(subject, item) for subject, _, item, source in rows if source != "popularity"]
    assert modelled
    assert [pair for pair in modelled if not pair[1].startswith(tiny.group_of(pair[0]))] == []


@pytest.mark.usefixtures("nightly")
def test_each_surface_has_its_asset_event_with_the_version(deployment: Deployment) -> None:
    events = deployment.database("select a.uri, e.extra from asset_event e join asset a on a.id = e.asset_id")
    extras = {uri: json.loads(extra) for uri, extra in events}
    assert set(extras) == {"shortlist://candidates/homefeed", "shortlist://candidates/related"}
    manifest = json.loads((deployment.home / f"manifests/run_date={DAY}/publish_candidates.json").read_text())
    for publication in manifest["publications"]:
        extra = extras[f"shortlist://candidates/{publication['surface']}"]
        assert (extra["table_version"], extra["run_id"]) == (publication["table_version"], publication["run_id"])


@pytest.mark.usefixtures("nightly")
def test_the_report_of_the_day_is_written(deployment: Deployment) -> None:
    assert "<html" in (deployment.home / "reports" / f"{DAY}.html").read_text()


def test_an_unknown_setting_fails_before_any_job(deployment: Deployment) -> None:
    failed = deployment.run(DAY, {"setings": {"als": {"factors": 4}}})
    assert failed.returncode == 1
    assert "unknown setting 'conf.setings'; did you mean settings?" in failed.stdout
    assert "Spark-Submit cmd" not in failed.stdout
    assert deployment.states()["check_settings"] == "failed"


def test_a_held_day_fails_once_and_is_reported(deployment: Deployment) -> None:
    day = date(2017, 11, 16)
    tiny.write_folder(deployment.home / "landing", day, tiny.events_of(day), marker=False)
    failed = deployment.run(day)
    assert failed.returncode == 1
    states = deployment.states()
    # Failed for good at the first attempt: a check that held is not infrastructure.
    assert (states["extract_engagements"], states["publish_candidates"]) == ("failed", "upstream_failed")
    submitted = [line for line in failed.stdout.splitlines() if "Spark-Submit cmd" in line]
    assert sum("extract_engagements.py" in line for line in submitted) == 1
    assert "FAILED extract_engagements 2017-11-16: a check held it (exit 3) error: landing folder" in failed.stdout
    # The report says why; the run is failed all the same.
    assert (states["write_report"], states["complete"]) == ("success", "upstream_failed")
    assert states["announce_publications"] == "skipped"
    assert "_SUCCESS" in (deployment.home / "reports" / f"{day}.html").read_text()
