"""A scheduled night as a company runs it: PostgreSQL, a real scheduler, every job by spark-submit, a reader of another team."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from tests import tiny
from tests.jobs.conftest import Deployment, deploy
from tests.slow.nights import SURFACES, published
from tests.slow.scheduler import Scheduler, bundles, postgres, standalone, wait_until

NIGHT = "candidates_daily"
# Its second task runs in the environment of the jobs: Airflow's has no reader of Delta tables.
READER = '''
"""Reads the version that was announced, and no other."""

import os

from airflow.sdk import DAG, Asset, get_current_context, task

from shortlist_airflow.assets import candidates_asset

with DAG(dag_id="reader", schedule=candidates_asset("homefeed"), catchup=False, is_paused_upon_creation=False):

    @task
    def told():
        events = get_current_context()["triggering_asset_events"]
        return [event.extra for asset, each in events.items() if isinstance(asset, Asset) for event in each]

    @task.external_python(python=os.environ["SHORTLIST_PYTHON"], expect_airflow=False)
    def read(table, told):
        import datetime

        import polars

        (one,) = told
        day = datetime.date.fromisoformat(one["run_date"])
        rows = polars.read_delta(table, version=one["table_version"]).filter(run_date=day)
        return {"day": one["run_date"], "rows": rows.height, "subjects": rows["subject_id"].n_unique()}

    read("{table}", told())
'''


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """What producers landed up to today: a scheduled run is of the day that ended last."""
    deployment = deploy(tmp_path_factory.mktemp("night"))
    today = datetime.now(UTC).date()
    tiny.write_landing(deployment.landing, tiny.days(today - timedelta(days=7), today))
    return deployment


@pytest.fixture(scope="module")
def scheduler(deployment: Deployment) -> Iterator[Scheduler]:
    (deployment.home / "dags").mkdir()
    reader = READER.replace("{table}", str(deployment.home / "warehouse" / "candidates_homefeed"))
    (deployment.home / "dags" / "reader.py").write_text(reader)
    with postgres() as database:
        variables = {
            "SHORTLIST_CONFIG": str(deployment.config),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": bundles(deployment.home / "dags"),
        }
        with standalone(deployment.home, variables) as started:
            wait_until(
                lambda: {NIGHT, "reader"} <= {dag["dag_id"] for dag in started.get("dags")["dags"]}, "the DAGs are read"
            )
            yield started


@pytest.fixture(scope="module")
def night(scheduler: Scheduler) -> date:
    """The day of the one run that begins by itself, once it has ended well."""
    scheduler.unpause(NIGHT)
    (run,) = wait_until(lambda: scheduler.runs(NIGHT), "the scheduled run")
    assert scheduler.ended(NIGHT, run["dag_run_id"]) == "success", scheduler.tasks(NIGHT, run["dag_run_id"])
    assert set(scheduler.tasks(NIGHT, run["dag_run_id"]).values()) == {("success", 1)}
    # A day is due two hours after its end: between 00:00 and 02:00 UTC the last one that is due is not yesterday.
    due = datetime.fromisoformat(run["queued_at"]).astimezone(UTC) - timedelta(hours=2)
    day = date.fromisoformat(run["logical_date"][:10])
    assert day == due.date() - timedelta(days=1)
    return day


def test_the_scheduled_night_publishes_every_surface(deployment: Deployment, night: date) -> None:
    assert set(published(deployment, night)) == set(SURFACES)
    for name in SURFACES:
        assert not deployment.table(f"candidates_{name}").filter(run_date=night).is_empty()


def test_a_reader_reads_the_version_that_was_announced(
    deployment: Deployment, scheduler: Scheduler, night: date
) -> None:
    (run,) = wait_until(lambda: scheduler.get("dags/reader/dagRuns")["dag_runs"], "the reader's run")
    assert scheduler.ended("reader", run["dag_run_id"]) == "success"
    path = f"dags/reader/dagRuns/{run['dag_run_id']}/taskInstances/read/xcomEntries/return_value"
    named = deployment.table("publications").filter(pl.col("surface") == "homefeed", pl.col("run_date") == night)
    (stated,) = named.select("rows", "subjects").to_dicts()
    assert scheduler.get(path)["value"] == {"day": night.isoformat(), **stated}
