"""The line that on-call reads first."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk import Context

from shortlist_airflow.callbacks import explain_failure, failure_line


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


@pytest.mark.parametrize(
    ("context", "day"),
    [
        ({"ds": "2017-11-30"}, "2017-11-30"),
        ({"ds": "2017-11-30", "task": SimpleNamespace(run_date="2017-11-16")}, "2017-11-16"),
        ({"task": SimpleNamespace(run_date="2017-11-16")}, "2017-11-16"),
        ({"task": SimpleNamespace()}, "without a day"),
    ],
)
def test_the_day_is_that_of_the_job(caplog: pytest.LogCaptureFixture, context: dict[str, Any], day: str) -> None:
    explain_failure(cast(Context, {"ti": SimpleNamespace(task_id="backtest_settings"), **context}))
    (line,) = caplog.messages
    assert line.startswith(f"FAILED backtest_settings {day}: no reason was given; nothing that is served was touched")
