"""Extraction refuses what it cannot trust, by name, and then leaves nothing half-written."""

import gzip
import os
import subprocess
import sys
from datetime import date

import polars as pl
import pytest

from shortlist.errors import LandingError, SettingsError, ShortlistError
from tests import tiny
from tests.jobs.conftest import CHECKOUT, Deployment

FIRST, SECOND, THIRD = tiny.days()[:3]


def held(deployment: Deployment, day: date, *overrides: str) -> str:
    """The text of the error that stops extraction; the warehouse must not have changed."""
    before = deployment.table("engagements") if deployment.exists("engagements") else None
    with pytest.raises(ShortlistError) as error:
        deployment.run("extract_engagements", day, *overrides)
    assert error.value.exit_code == (2 if isinstance(error.value, (LandingError, SettingsError)) else 3)
    if before is None:
        assert not deployment.exists("engagements")
        assert not deployment.exists("quarantine")
    else:
        assert deployment.table("engagements").equals(before)
    return str(error.value)


def test_bad_input_is_refused_by_name(deployment: Deployment) -> None:
    assert "nothing has been landed at all" in held(deployment, FIRST)
    assert "unknown setting 'extraction.markr'; did you mean marker?" in held(deployment, FIRST, "extraction.markr=x")
    folder = tiny.write_folder(deployment.landing, FIRST, tiny.events_of(FIRST), marker=False)
    assert f"landing folder {folder} has no _SUCCESS" in held(deployment, FIRST)
    tiny.write_folder(deployment.landing, FIRST, [])
    assert f"landing folder {folder} is complete but holds no events" in held(deployment, FIRST)
    tiny.write_folder(deployment.landing, FIRST, ["{broken", "neither is this"])
    told = held(deployment, FIRST)
    for part in (
        str(folder),
        "2 of 2 lines cannot be used",
        "no valid JSON object",
        "neither is this",
        "max_rejected_share",
    ):
        assert part in told


def test_what_was_extracted_stays_when_a_later_day_is_bad(deployment: Deployment) -> None:
    tiny.write_landing(deployment.landing, [FIRST])
    deployment.run("extract_engagements", FIRST)
    assert f"unknown run date; the newest landed day is {FIRST}" in held(deployment, SECOND)
    tiny.write_landing(deployment.landing, [THIRD])
    assert f"landing days are missing: {deployment.landing}/engagements/{SECOND}" in held(deployment, THIRD)
    tiny.write_folder(deployment.landing, SECOND, ["{broken"])
    assert f"engagements/{SECOND}: 1 of 1 lines" in held(deployment, THIRD)


def test_a_contract_rule_holds_the_day(deployment: Deployment) -> None:
    """A longer id than the contract allows passes a lenient setting, and is stopped by the gate."""
    odd = {**tiny.events_of(FIRST)[0], "event_id": "e" * 300}
    tiny.write_folder(deployment.landing, FIRST, [*tiny.events_of(FIRST), odd])
    told = held(deployment, FIRST, "extraction.max_id_length=500")
    assert "engagements (run_date=2017-11-01): 1 critical check(s) failed" in told
    assert "event_id_length" in told


def test_a_few_bad_lines_go_to_quarantine_and_the_rest_is_kept(deployment: Deployment) -> None:
    tiny.write_folder(deployment.landing, FIRST, ["{broken", *tiny.events_of(FIRST), '{"event_id": "x"}'])
    deployment.run("extract_engagements", FIRST, "extraction.max_rejected_share=0.1")
    assert len(deployment.table("engagements")) == 48
    kept = deployment.table("quarantine").sort("offset")
    assert kept["offset"].to_list() == [0, 49]
    assert kept["raw"].to_list() == ["{broken", '{"event_id": "x"}']
    assert kept["file"].to_list() == [f"engagements/{FIRST}/part-00000.json.gz"] * 2
    assert kept["reasons"].to_list()[0] == ["no valid JSON object"]
    assert {"event_type is missing", "event_ts is missing", "user_id is missing"} <= set(kept["reasons"].to_list()[1])


def test_order_repetition_and_catching_up_give_one_table(deployment: Deployment) -> None:
    """A duplicate keeps its earliest delivery, whichever day was extracted first, and however often."""
    twice = {**tiny.events_of(FIRST)[0]}
    tiny.write_landing(deployment.landing, [FIRST])
    tiny.write_folder(deployment.landing, SECOND, [*tiny.events_of(SECOND), twice])
    deployment.run("extract_engagements", SECOND)  # catches up with FIRST
    once = deployment.table("engagements").sort("event_id")
    assert len(once) == 96
    assert set(once.filter(pl.col("event_id") == twice["event_id"])["ingest_date"]) == {FIRST}
    for day in (FIRST, SECOND, FIRST):
        deployment.run("extract_engagements", day)
    assert deployment.table("engagements").sort("event_id").equals(once)


def test_a_truncated_file_fails_and_is_not_half_read(deployment: Deployment) -> None:
    folder = tiny.write_folder(deployment.landing, FIRST, tiny.events_of(FIRST))
    file = folder / "part-00000.json.gz"
    file.write_bytes(file.read_bytes()[:-40])
    assert len(gzip.compress(b"")) < len(file.read_bytes())
    with pytest.raises(Exception, match=r"EOFException|Unexpected end of input stream"):
        deployment.run("extract_engagements", FIRST)
    assert not deployment.exists("engagements")


def test_exit_codes_reach_the_shell(deployment: Deployment) -> None:
    """Through the program itself: 3 for a held day, 2 for a wrong argument, with one clear line each."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    program = [sys.executable, str(CHECKOUT / "jobs" / "extract_engagements.py"), "--config", str(deployment.config)]
    wrong = subprocess.run(
        [*program, "--run-date", "30.11.2017"], capture_output=True, text=True, check=False, env=environment
    )
    assert wrong.returncode == 2
    assert "error: --run-date '30.11.2017': is no day; next: write it as 2017-11-30" in wrong.stderr
    assert "Traceback" not in wrong.stderr
