"""By when a day must be published, and what on-call is told when it is not."""

import logging
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

log = logging.getLogger(__name__)

SCHEDULED: Final = "scheduled"


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


# 30 hours from the logical date, which is 02:00 UTC of the day that the run is for.
PUBLISHED_BY_MORNING: Final = DeadlineAlert(
    name="published by 08:00 UTC",
    reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
    interval=timedelta(hours=30),
    callback=SyncCallback(explain_lateness),
)


def deadline_of_a_night() -> DeadlineAlert | None:
    """The deadline of a nightly run; none under `airflow dags test`, which nobody waits for.

    Airflow 3.3.2 fails at the end of such a run if its DAG has one (apache/airflow#73428):
    it looks for the alert by an id that a DAG has only once it was stored.
    """
    return None if sys.argv[1:3] == ["dags", "test"] else PUBLISHED_BY_MORNING
