"""By when a day must be published, and the line that is logged when it is not."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.definitions.deadline import DeadlineReference

from shortlist_airflow.deadlines import PUBLISHED_BY_MORNING, deadline_of_a_night, explain_lateness, lateness_line

DEADLINE = datetime(2017, 12, 1, 8, tzinfo=UTC)


def test_a_day_is_late_six_hours_after_its_run_was_due() -> None:
    assert PUBLISHED_BY_MORNING.reference == DeadlineReference.DAGRUN_LOGICAL_DATE
    assert isinstance(PUBLISHED_BY_MORNING.interval, timedelta)
    # The logical date of the run for 2017-11-30, which is due a day later.
    assert datetime(2017, 11, 30, 2, tzinfo=UTC) + PUBLISHED_BY_MORNING.interval == DEADLINE
    assert PUBLISHED_BY_MORNING.name == f"published by {DEADLINE:%H:%M} UTC"
    # Airflow finds it again by this name, in another process.
    assert PUBLISHED_BY_MORNING.callback.path == f"{explain_lateness.__module__}.{explain_lateness.__name__}"


def late(run_type: str, queued_at: str) -> dict[str, Any]:
    """What Airflow hands over when a run of 2017-11-30 misses its deadline."""
    run = {"dag_id": "candidates_daily", "logical_date": "2017-11-30T02:00:00Z", "state": "running"}
    return {"dag_run": {**run, "run_type": run_type, "queued_at": queued_at}, "deadline": {"deadline_time": DEADLINE}}


def test_a_late_day_says_what_readers_see_now() -> None:
    assert lateness_line("candidates_daily", "2017-11-30", DEADLINE, "failed").startswith(
        "LATE candidates_daily 2017-11-30: it has not succeeded by 2017-12-01 08:00 UTC, its run is failed; a surface that "
        "publications does not list for 2017-11-30 keeps its last published day; next: infra/shortlist status"
    )


@pytest.mark.parametrize(
    ("run_type", "queued_at", "level"),
    [
        ("scheduled", "2017-12-01T02:00:01Z", logging.ERROR),
        # The scheduler itself came up too late: the day is late all the same.
        ("scheduled", "2017-12-01T11:00:00Z", logging.ERROR),
        ("manual", "2017-12-01T07:00:00Z", logging.ERROR),
        ("manual", "2017-12-01T08:00:01Z", logging.INFO),
        ("backfill", "2018-01-10T09:00:00Z", logging.INFO),
    ],
)
def test_only_a_day_that_somebody_waits_for_is_late(
    caplog: pytest.LogCaptureFixture, run_type: str, queued_at: str, level: int
) -> None:
    with caplog.at_level(logging.INFO):
        explain_lateness(late(run_type, queued_at))
    (line,) = caplog.records
    assert line.levelno == level
    assert line.getMessage().startswith("LATE candidates_daily 2017-11-30") is (level == logging.ERROR)


@pytest.mark.parametrize(
    ("command", "deadline"),
    [
        (["airflow", "dags", "test", "candidates_daily", "2017-11-30"], None),
        (["airflow", "dag-processor"], PUBLISHED_BY_MORNING),
        (["airflow", "dags", "trigger", "candidates_daily"], PUBLISHED_BY_MORNING),
        (["airflow"], PUBLISHED_BY_MORNING),
    ],
)
def test_a_run_without_a_scheduler_has_no_deadline(
    monkeypatch: pytest.MonkeyPatch, command: list[str], deadline: object
) -> None:
    monkeypatch.setattr("sys.argv", command)
    assert deadline_of_a_night() is deadline
