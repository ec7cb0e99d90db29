"""The lines that on-call reads first."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from shortlist_airflow.callbacks import explain_lateness, failure_line, lateness_line

DEADLINE = datetime(2017, 12, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("task", "served"),
    [
        ("train_als", "nothing was published for 2017-11-30; every surface keeps its last published day"),
        (
            "publish_candidates",
            "a held surface keeps its last published day; publications says which and why for 2017-11-30",
        ),
        (
            "announce_publications",
            "what publications lists for 2017-11-30 is served; readers that wait for an asset event are not told",
        ),
        (
            "write_report",
            "surfaces of 2017-11-30 that publications lists as published are served; "
            "what write_report writes is missing",
        ),
    ],
)
def test_it_says_what_readers_see_now(task: str, served: str) -> None:
    line = failure_line(task, "2017-11-30", "a check held it (exit 3)\nerror: too few rows\n  next: look")
    assert line == f"FAILED {task} 2017-11-30: a check held it (exit 3) error: too few rows next: look; {served}"


def test_a_long_reason_is_cut_and_a_missing_one_said() -> None:
    long = failure_line("train_als", "2017-11-30", "word " * 1000)
    assert "\n" not in long
    assert len(long) < 600
    assert " ...; nothing was published" in long
    assert "no reason was given" in failure_line("train_als", "2017-11-30", None)


def test_upkeep_says_what_it_leaves_behind() -> None:
    assert failure_line("erase_subject", "2017-11-30", "x").endswith(
        "x; there is no proof in erasures yet; running it again begins the erasure anew"
    )
    assert "nothing was published" not in failure_line("maintain_tables", "2017-11-30", "x")


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
