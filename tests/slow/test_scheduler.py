"""The DAGs under a real scheduler with PostgreSQL: what starts by itself, back-fills, refusals, retries, clears, readers.

One deployment for all tests of this file, which run in order. Jobs are answered by tests.slow.answers.
"""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.slow.answers import Answers, answering, publications
from tests.slow.collector import Collector, collecting
from tests.slow.scheduler import Scheduler, bundles, postgres, standalone, wait_until

NIGHT = "candidates_daily"
BACKFILLED = ("2017-11-28", "2017-11-29", "2017-11-30")
HELD_DAY = "2017-11-29"
# A DAG of another team: runs whenever a day of homefeed is announced, and keeps what it was told.
READER = '''
"""Reads the version that was announced."""

from airflow.sdk import DAG, Asset, get_current_context, task

from shortlist_airflow.assets import candidates_asset

with DAG(dag_id="reader", schedule=candidates_asset("homefeed"), catchup=False, is_paused_upon_creation=False):

    @task
    def read():
        events = get_current_context()["triggering_asset_events"]
        return [event.extra for asset, each in events.items() if isinstance(asset, Asset) for event in each]

    read()
'''


@dataclass(frozen=True)
class Deployment:
    """A scheduler, what answers for Spark, and what Airflow's own metrics are sent to."""

    scheduler: Scheduler
    answers: Answers
    collector: Collector

    def day(self, dag: str, day: str) -> str:
        """The id of the one run of a day."""
        (run,) = [run["dag_run_id"] for run in self.scheduler.runs(dag) if (run["logical_date"] or "").startswith(day)]
        return str(run)

    def read(self) -> list[dict[str, Any]]:
        """What the reader was told, once all its runs have ended."""
        runs = [run["dag_run_id"] for run in self.scheduler.get("dags/reader/dagRuns?order_by=id")["dag_runs"]]
        assert {self.scheduler.ended("reader", run) for run in runs} <= {"success"}
        values = [
            self.scheduler.get(f"dags/reader/dagRuns/{run}/taskInstances/read/xcomEntries/return_value")["value"]
            for run in runs
        ]
        return [announced for value in values for announced in value]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Started once: that takes a minute or two."""
    home = tmp_path_factory.mktemp("scheduler")
    (home / "settings.yaml").write_text(f"{tiny.settings(home)}erasure: {{approval: true}}\n")
    (home / "readers").mkdir()
    (home / "readers" / "reader.py").write_text(READER)
    answers = Answers(str(home / "manifests"))
    with answering(answers) as spark, postgres() as database, collecting() as collector:
        variables = {
            "SHORTLIST_CONFIG": str(home / "settings.yaml"),
            "SHORTLIST_RESIDENT_SPARK": spark,
            "SHORTLIST_SPARK_SLOTS": "2",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            # As the README says.
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            # Sooner than after a minute.
            "OTEL_METRIC_EXPORT_INTERVAL": "5000",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": bundles(home / "readers"),
        }
        with standalone(home, variables) as scheduler:
            deployed = {NIGHT, "backtest", "erasure", "maintenance", "reader"}
            wait_until(
                lambda: {dag["dag_id"] for dag in scheduler.get("dags")["dags"]} == deployed, "the DAGs are read"
            )
            yield Deployment(scheduler, answers, collector)


@pytest.fixture(scope="module")
def killed(deployment: Deployment) -> str:
    """The scheduled run of erasure, whose task's process is killed as its job is at work; tried again while other tests go on."""
    scheduler, answers = deployment.scheduler, deployment.answers
    answers.kept.add("erase_subject")
    scheduler.unpause("erasure")
    (run,) = wait_until(lambda: scheduler.runs("erasure"), "the erasure's run")
    assert answers.of("erase_subject") == []
    scheduler.answer("erasure", run["dag_run_id"], "approve_erasure", "Approve")
    (job,) = wait_until(lambda: answers.of("erase_subject"), "erase_subject is submitted")
    os.kill(job.task_process, signal.SIGKILL)
    assert job.abandoned.wait(60), "spark-submit outlived its task"
    answers.kept.clear()
    return str(run["dag_run_id"])


def test_nothing_runs_before_somebody_asks(deployment: Deployment) -> None:
    paused = {dag["dag_id"]: dag["is_paused"] for dag in deployment.scheduler.get("dags")["dags"]}
    assert paused == {NIGHT: True, "backtest": True, "erasure": True, "maintenance": True, "reader": False}
    assert deployment.scheduler.runs(NIGHT) == []
    assert deployment.answers.submitted == []


@pytest.mark.usefixtures("killed")
def test_a_bad_override_is_refused_over_rest_and_makes_no_run(deployment: Deployment) -> None:
    for bad, named in (
        ({"settings": {"als": {"factors": "many"}}}, "many"),
        ({"settings": {"als": {"factors": 0}}}, "0"),
        ({"settings": {"als": {"factorz": 8}}}, "factorz"),
        ({"settings": ["als"]}, "als"),
    ):
        status, answer = deployment.scheduler.trigger(NIGHT, "2017-11-20", bad)
        assert (status, named in json.dumps(answer)) == (400, True), answer
    assert deployment.scheduler.runs(NIGHT) == []


def test_unpaused_it_runs_yesterday_once_and_every_task_ends_well(deployment: Deployment) -> None:
    scheduler = deployment.scheduler
    scheduler.unpause(NIGHT)
    (run,) = wait_until(lambda: scheduler.runs(NIGHT), "a scheduled run")
    day = run["logical_date"][:10]
    due = datetime.fromisoformat(run["run_after"]) - datetime.fromisoformat(run["logical_date"])
    assert (run["run_type"], due.total_seconds()) == ("scheduled", 24 * 3600)
    assert scheduler.ended(NIGHT, run["dag_run_id"]) == "success"
    tasks = scheduler.tasks(NIGHT, run["dag_run_id"])
    assert set(tasks.values()) == {("success", 1)}
    assert {job.day for job in deployment.answers.submitted if job.job != "erase_subject"} == {day}
    submitted = [job.job for job in deployment.answers.submitted if job.day == day and job.job != "erase_subject"]
    assert sorted(submitted) == sorted(tasks.keys() - {"check_settings", "announce_publications", "complete"})


@pytest.fixture(scope="module")
def backfill(deployment: Deployment) -> dict[str, str]:
    """Three days by REST, of which one has a surface that is held: the state of each."""
    deployment.answers.held[HELD_DAY] = "related"
    body = {
        "dag_id": NIGHT,
        "from_date": "2017-11-28T00:00:00Z",
        "to_date": "2017-11-30T23:00:00Z",
        "max_active_runs": 2,
    }
    status, answer = deployment.scheduler.request("POST", "backfills", {**body, "dag_run_conf": {}})
    assert status == 200, answer
    wait_until(lambda: len(deployment.scheduler.runs(NIGHT)) >= len(BACKFILLED) + 1, "the back-fill's runs")
    return {day: deployment.scheduler.ended(NIGHT, deployment.day(NIGHT, day)) for day in BACKFILLED}


def test_airflow_s_own_metrics_are_sent(deployment: Deployment) -> None:
    wait_until(lambda: deployment.collector.has("/v1/metrics", NIGHT), "metrics that name the DAG", 120)
    # With the night that has ended well above, and none that failed yet.
    wait_until(
        lambda: deployment.collector.has("/v1/metrics", "airflow.dagrun.duration.success", NIGHT), "its success", 120
    )
    assert not deployment.collector.has("/v1/metrics", "airflow.dagrun.duration.failed", NIGHT)


def test_a_held_day_of_a_backfill_fails_once_and_the_others_publish(
    deployment: Deployment, backfill: dict[str, str]
) -> None:
    assert backfill == {"2017-11-28": "success", HELD_DAY: "failed", "2017-11-30": "success"}
    tasks = deployment.scheduler.tasks(NIGHT, deployment.day(NIGHT, HELD_DAY))
    # A check that held is not tried again; the surface that is not held is announced, and the report is written.
    assert tasks.pop("publish_candidates") == ("failed", 1)
    assert tasks.pop("complete")[0] == "upstream_failed"
    assert set(tasks.values()) == {("success", 1)}
    fences = [deployment.answers.of("publish_candidates", day)[0].attempt for day in BACKFILLED]
    # Two days run side by side, so which is first is not said; each partition has its own fence.
    assert len(set(fences)) == len(BACKFILLED)


@pytest.mark.usefixtures("backfill")
def test_the_log_of_a_failed_task_ends_with_what_readers_see_now(deployment: Deployment) -> None:
    log = deployment.scheduler.log(NIGHT, deployment.day(NIGHT, HELD_DAY), "publish_candidates", 1)
    assert (
        f"FAILED publish_candidates {HELD_DAY}: a check held it (exit 3) error: surface related is held: 0 lists, at least 1 is "
        f"needed next: infra/shortlist status; a held surface keeps its last published day; publications says which and why "
        f"for {HELD_DAY}"
    ) in log


@pytest.mark.usefixtures("backfill")
def test_a_reader_is_told_each_day_and_version_once(deployment: Deployment) -> None:
    days = [run["logical_date"][:10] for run in deployment.scheduler.runs(NIGHT)]
    assert set(BACKFILLED) < set(days)
    wanted = {day: publications(day, None)[0].table_version for day in days}
    wait_until(lambda: len(deployment.read()) >= len(days), "the reader is told of every day")
    announced = [(each["run_date"], each["table_version"], each["surface"]) for each in deployment.read()]
    assert sorted(announced) == sorted((day, version, "homefeed") for day, version in wanted.items())


@pytest.mark.usefixtures("backfill")
def test_a_backfilled_day_misses_its_deadline_and_nobody_is_told(deployment: Deployment) -> None:
    folder = (
        deployment.scheduler.home / "airflow" / "logs" / "executor_callbacks" / NIGHT / deployment.day(NIGHT, HELD_DAY)
    )
    said = wait_until(lambda: _events(folder), "the deadline's callback")
    assert [line for line in said if "nobody waits for it" in line] == [
        f"{NIGHT} {HELD_DAY} was asked for after its deadline of 2017-11-30 08:00:00+00:00: nobody waits for it"
    ]
    assert [line for line in said if "LATE" in line] == []
    wait_until(
        lambda: deployment.collector.has("/v1/metrics", "airflow.deadline_alerts.deadline_missed", NIGHT),
        "its count",
        120,
    )


def _events(folder: Path) -> list[str]:
    """What callbacks logged, once one has ended."""
    lines = [json.loads(line)["event"] for log in folder.glob("*") for line in log.read_text().splitlines()]
    return lines if any("Callback executed" in line for line in lines) else []


@pytest.mark.usefixtures("backfill")
def test_what_no_schema_can_say_is_refused_by_the_first_task(deployment: Deployment) -> None:
    scheduler, day = deployment.scheduler, "2017-11-20"
    asked = [scheduler.trigger(NIGHT, day, {"kk": 1}), scheduler.trigger(NIGHT, None)]
    for (status, run), said in zip(
        asked,
        ("unknown setting 'conf.kk'; known here: settings", "logical_date None: is missing, so the run has no day"),
        strict=True,
    ):
        assert status == 200, run
        name = run["dag_run_id"]
        assert scheduler.ended(NIGHT, name) == "failed"
        tasks = scheduler.tasks(NIGHT, name)
        assert tasks.pop("check_settings") == ("failed", 1)
        assert {state for state, _ in tasks.values()} <= {"upstream_failed", "skipped"}
        assert said in scheduler.log(NIGHT, name, "check_settings", 1)
    assert [job for job in deployment.answers.submitted if job.day == day] == []


@pytest.mark.usefixtures("backfill")
def test_a_cleared_day_is_published_and_announced_again(deployment: Deployment) -> None:
    """The cause is mended, the publisher's task is cleared with what follows it."""
    scheduler, run = deployment.scheduler, deployment.day(NIGHT, HELD_DAY)
    before = len(deployment.read())
    deployment.answers.held.clear()
    body = {"dry_run": False, "dag_run_id": run, "task_ids": ["publish_candidates"], "include_downstream": True}
    body |= {"only_failed": False, "reset_dag_runs": True}
    status, answer = scheduler.request("POST", f"dags/{NIGHT}/clearTaskInstances", body)
    assert status == 200, answer
    assert scheduler.ended(NIGHT, run) == "success"
    tasks = scheduler.tasks(NIGHT, run)
    assert [tasks[task] for task in ("publish_candidates", "announce_publications", "write_report")] == [
        ("success", 2)
    ] * 3
    assert tasks["train_als"] == ("success", 1)
    first, second = deployment.answers.of("publish_candidates", HELD_DAY)
    assert second.attempt > first.attempt
    wait_until(lambda: len(deployment.read()) > before, "the reader is told again")
    assert deployment.read()[-1]["run_date"] == HELD_DAY


def test_nobody_is_erased_where_the_erasure_is_rejected(deployment: Deployment, killed: str) -> None:
    scheduler = deployment.scheduler
    assert scheduler.ended("erasure", killed) == "success"
    status, run = scheduler.trigger("erasure", "2017-11-20", {"settings": {"erasure": {"approval": False}}})
    assert status == 200, run
    scheduler.answer("erasure", run["dag_run_id"], "approve_erasure", "Reject")
    assert scheduler.ended("erasure", run["dag_run_id"]) == "success"
    assert scheduler.tasks("erasure", run["dag_run_id"])["erase_subject"][0] == "skipped"
    assert deployment.answers.of("erase_subject", "2017-11-20") == []


def test_a_killed_task_takes_its_job_with_it_and_is_tried_again(deployment: Deployment, killed: str) -> None:
    assert deployment.scheduler.ended("erasure", killed) == "success"
    assert deployment.scheduler.tasks("erasure", killed)["erase_subject"] == ("success", 2)
    first, second = deployment.answers.of("erase_subject")
    assert (second.day, second.attempt > first.attempt) == (first.day, True)
    assert first.abandoned.is_set()
