"""What on-call reads first when a task has failed."""

import logging
from textwrap import shorten

from airflow.sdk import Context

from shortlist.pipeline import left_behind

log = logging.getLogger(__name__)


def explain_failure(context: Context) -> None:
    """Log one line: task, day, why, and what readers see now."""
    # A job may be for another day than its run, which need not have any.
    day = getattr(context.get("task"), "run_date", None) or context.get("ds") or "without a day"
    log.error("%s", failure_line(context["ti"].task_id, day, context.get("exception")))


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
