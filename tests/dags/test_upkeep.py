"""The DAGs of upkeep: when they run, what they submit, and that no subject is named in what Airflow keeps."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction
from pendulum import instance

from shortlist import pipeline
from shortlist_airflow.approval import ApproveErasure
from shortlist_airflow.operators import SubmitJob
from tests import tiny
from tests.dags.submitted import jobs_of

JOBS = {"erasure": ("erase_subject", 1), "maintenance": ("maintain_tables", 12)}
BEFORE = {"erasure": ["check_settings", "approve_erasure"], "maintenance": ["check_settings"]}


def test_every_job_of_the_registry_is_in_the_dag_that_it_names(bag: DagBag) -> None:
    submitted = {(task.task_id, dag_id) for dag_id, dag in bag.dags.items() for task in jobs_of(dag)}
    assert submitted == {(name, job.dag) for name, job in pipeline.JOBS.items() if job.dag is not None}


@pytest.mark.parametrize("dag_id", sorted(JOBS))
def test_it_submits_its_job_for_the_day_that_ended(bag: DagBag, dag_id: str) -> None:
    dag, (job, hour) = bag.dags[dag_id], JOBS[dag_id]
    chain = [*BEFORE[dag_id], job]
    assert {task.task_id: set(task.upstream_task_ids) for task in dag.tasks} == {
        task: {before} - {""} for before, task in zip(["", *chain], chain, strict=False)
    }
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    restriction = TimeRestriction(instance(datetime(2017, 11, 30, tzinfo=UTC)), latest=None, catchup=True)
    run = coerce_to_core_timetable(dag.timetable).next_dagrun_info(
        last_automated_data_interval=None, restriction=restriction
    )
    assert run is not None
    assert run.run_after == datetime(2017, 12, 1, hour, tzinfo=UTC)
    task = dag.get_task(job)
    assert isinstance(task, SubmitJob)
    context: Any = {
        "ds": "2017-11-30",
        "ti": SimpleNamespace(start_date=datetime(2017, 12, 1, hour, tzinfo=UTC)),
        "params": {"settings": {}},
    }
    arguments = list(task.render_template(task.application_args, context))
    # --help at the end: argparse has accepted everything before it, and no Spark session starts.
    command = [os.environ["PYSPARK_PYTHON"], task.application, *arguments, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("by_file", [False, True])
@pytest.mark.parametrize("by_run", [False, True])
def test_somebody_is_asked_where_the_file_or_the_run_wants_it(
    bag: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_file: bool, by_run: bool
) -> None:
    """How it then goes on, tests/slow/test_scheduler.py has: only a server can be answered."""
    settings = tmp_path / "settings.yaml"
    settings.write_text(f"{tiny.settings(tmp_path)}erasure: {{approval: {str(by_file).lower()}}}\n")
    monkeypatch.setenv("SHORTLIST_CONFIG", str(settings))
    asked: list[Context] = []
    monkeypatch.setattr(ApprovalOperator, "execute", lambda _, context: asked.append(context))
    context: Any = {"params": {"settings": {"erasure": {"approval": by_run}}}}
    task = bag.dags["erasure"].get_task("approve_erasure")
    assert isinstance(task, ApproveErasure)
    task.execute(context)
    assert len(asked) == (by_file or by_run)
    assert task.execution_timeout is None


def test_nobody_can_be_named_in_a_parameter(bag: DagBag) -> None:
    assert list(bag.dags["erasure"].params) == ["settings"]
