"""What on-call reads first when a task has failed."""

import logging
from textwrap import shorten
from typing import Final

from airflow.sdk import Context

log = logging.getLogger(__name__)

# Tasks that come after the commit: their failure leaves the day published.
AFTER_PUBLICATION: Final = frozenset({"evaluate_candidates", "write_report"})

# Tasks beside the nightly run: what their failure leaves behind.
BESIDE: Final = {
    "erase_subject": "there is no proof in erasures yet; running it again begins the erasure anew",
    "maintain_tables": "tables and publications are whole; some are not yet compacted or vacuumed",
}


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
    if task in BESIDE:
        served = BESIDE[task]
    elif task in AFTER_PUBLICATION:
        served = f"surfaces of {day} that publications lists as published are served; what {task} writes is missing"
    elif task == "publish_candidates":
        served = f"a held surface keeps its last published day; publications says which and why for {day}"
    else:
        served = f"nothing was published for {day}; every surface keeps its last published day"
    return f"FAILED {task} {day}: {why}; {served}"
