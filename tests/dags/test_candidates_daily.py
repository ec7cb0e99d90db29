"""The nightly DAG: its day, its order, and what it passes to its jobs."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction
from pendulum import instance

from shortlist.config import settings_file
from shortlist.pipeline import JOBS
from shortlist_airflow.deadlines import PUBLISHED_BY_MORNING
from shortlist_airflow.operators import SubmitJob

# Each job of the registry and what it waits for; a job that waits for no other waits for the settings.
JOBS_IN_ORDER = {
    name: set(job.after) or {"check_settings"} for name, job in JOBS.items() if job.dag == "candidates_daily"
}
# As a teardown the report waits for what it tears down; `complete` is the leaf that fails with any job.
ORDER = {
    **JOBS_IN_ORDER,
    "check_settings": set(),
    "write_report": JOBS_IN_ORDER["write_report"] | {"check_settings"},
    "announce_publications": {"publish_candidates"},
    "complete": {"publish_candidates", "announce_publications", "evaluate_candidates"},
}
STARTED = datetime(2017, 12, 1, 2, 0, 7, 250_000, tzinfo=UTC)


def test_the_logical_date_is_the_day_that_ended(candidates_daily: DAG) -> None:
    timetable = coerce_to_core_timetable(candidates_daily.timetable)
    restriction = TimeRestriction(
        earliest=instance(datetime(2017, 11, 30, 0, 0, tzinfo=UTC)), latest=None, catchup=True
    )
    run = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert run is not None
    assert run.logical_date is not None
    assert run.logical_date.to_date_string() == "2017-11-30"
    assert run.run_after == datetime(2017, 12, 1, 2, 0, tzinfo=UTC)


def test_one_run_at_a_time_and_no_flood_of_old_days(candidates_daily: DAG) -> None:
    assert (candidates_daily.catchup, candidates_daily.max_active_runs) == (False, 1)


def test_the_order(candidates_daily: DAG) -> None:
    assert {task.task_id: set(task.upstream_task_ids) for task in candidates_daily.tasks} == ORDER


def test_groups_are_drawn_and_no_part_of_a_name(candidates_daily: DAG) -> None:
    groups = {
        name: set(group.children)
        for name, group in candidates_daily.task_group.get_task_group_dict().items()
        if name is not None
    }
    assert groups == {
        "prepare": {"extract_engagements", "build_interactions"},
        "train": {"train_als", "train_cooccurrence", "learn_blend"},
        "publish": {"publish_candidates", "announce_publications"},
    }


def test_it_has_a_deadline(candidates_daily: DAG) -> None:
    deadlines: Any = candidates_daily.deadline
    assert deadlines == [PUBLISHED_BY_MORNING]


def test_a_held_surface_keeps_nothing_but_itself_from_running(candidates_daily: DAG) -> None:
    publish, evaluate = (candidates_daily.get_task(f"{job}_candidates") for job in ("publish", "evaluate"))
    assert "publish_candidates" not in candidates_daily.get_task("evaluate_candidates").get_flat_relative_ids(
        upstream=True
    )
    assert publish.priority_weight > evaluate.priority_weight  # it is given the one slot first
    assert publish.weight_rule == evaluate.weight_rule
    assert evaluate.downstream_task_ids < publish.downstream_task_ids
    # Runs once publishing has ended, well or not; is skipped where it did not begin.
    assert candidates_daily.get_task("announce_publications").trigger_rule == "one_done"


def test_the_report_is_written_whatever_happened_and_hides_nothing(candidates_daily: DAG) -> None:
    report, complete = candidates_daily.get_task("write_report"), candidates_daily.get_task("complete")
    assert (report.is_teardown, report.on_failure_fail_dagrun) == (True, True)
    assert report.trigger_rule == "all_done_setup_success"
    # The run's state is that of its leaves: this one fails with any job before it.
    assert (complete.trigger_rule, set(complete.downstream_task_ids)) == ("all_success", set())


def submitting(dag: DAG, job: str) -> SubmitJob:
    """The task that submits a job."""
    task = dag.get_task(job)
    assert isinstance(task, SubmitJob)
    return task


def rendered(task: SubmitJob, settings: dict[str, object]) -> list[str]:
    """The arguments of a job, as the task of 2017-11-30 would pass them."""
    context: Any = {"ds": "2017-11-30", "ti": SimpleNamespace(start_date=STARTED), "params": {"settings": settings}}
    return list(task.render_template(task.application_args, context))


def test_the_arguments_of_a_job(candidates_daily: DAG) -> None:
    settings: dict[str, object] = {"als": {"factors": 32}, "paths": {"landing": "/a 'b' <c>"}}
    assert rendered(submitting(candidates_daily, "train_als"), settings) == [
        *("--config", str(settings_file())),
        *("--run-date", "2017-11-30"),
        *("--attempt", "1512093607250"),
        *("--set", '{"als": {"factors": 32}, "paths": {"landing": "/a \\u0027b\\u0027 \\u003cc\\u003e"}}'),
    ]


@pytest.mark.parametrize("job", sorted(JOBS_IN_ORDER))
def test_every_job_takes_what_its_task_passes(candidates_daily: DAG, job: str) -> None:
    # --help at the end: argparse has accepted everything before it, and no Spark session starts.
    python = Path(os.environ["PYSPARK_PYTHON"])
    task = submitting(candidates_daily, job)
    command = [str(python), task.application, *rendered(task, {"als": {"factors": 8}}), "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert f"{job}.py" in run.stdout
