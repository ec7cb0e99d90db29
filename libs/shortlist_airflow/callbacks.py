"""What on-call reads first when a task has failed, or when a day is late."""

import logging
from collections.abc import Mapping
from datetime import datetime
from textwrap import shorten
from typing import Any, Final

from airflow.sdk import Context

from shortlist.pipeline import left_behind

log = logging.getLogger(__name__)

SCHEDULED: Final = "scheduled"


def explain_failure(context: Context) -> None:
    """Log one line: task, day, why, and what readers see now."""
    log.error("%s", failure_line(context["ti"].task_id, str(context.get("ds")), context.get("exception")))


def failure_line(task: str, day: str, error: object) -> str:
    """The line; a reason of several lines is put into one and cut where it gets long.

    Args:
        task: the task's id.
        day: run date.
        error: the task's exception.
    """
    lines = [line.strip() for line in str(error or "no reason was given").splitlines()]
    why = shorten(" ".join(line for line in lines if line), width=400, placeholder=" ...")
    return f"FAILED {task} {day}: {why}; {left_behind(task, day)}"


def explain_lateness(context: Mapping[str, Any]) -> None:
    """Log one line when a run has not ended well by its deadline (the callback of a deadline alert).

    Args:
        context: what Airflow knows of the run and of its deadline. It is no task's context.
    """
    run, deadline = context["dag_run"], _moment(context["deadline"]["deadline_time"])
    day = str(run["logical_date"])[:10]
    if run["run_type"] != SCHEDULED and _moment(run["queued_at"]) > deadline:
        log.info("%s %s was asked for after its deadline of %s: nobody waits for it", run["dag_id"], day, deadline)
        return
    log.error("%s", lateness_line(run["dag_id"], day, deadline, run["state"]))


def lateness_line(dag: str, day: str, deadline: datetime, state: str) -> str:
    """The line.

    Args:
        dag: the DAG's id.
        day: run date.
        deadline: when it should have ended.
        state: what the run does now.
    """
    return (
        f"LATE {dag} {day}: it has not succeeded by {deadline:%Y-%m-%d %H:%M} UTC, its run is {state}; a surface that "
        f"publications does not list for {day} keeps its last published day; next: infra/shortlist status, then the "
        f"task that runs or the line FAILED of the one that failed"
    )


def _moment(stated: str | datetime) -> datetime:
    """A moment as Airflow hands it over: parsed, or as text."""
    return stated if isinstance(stated, datetime) else datetime.fromisoformat(stated)
