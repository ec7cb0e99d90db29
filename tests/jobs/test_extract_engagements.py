"""Extraction refuses what it cannot trust, by name, and then leaves nothing half-written."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from shortlist.errors import AccountError, HeldError, LandingError, SettingsError, ShortlistError
from shortlist.landing.folders import Landing, Listing
from shortlist.steps import descriptions
from shortlist.steps import extract as extraction
from shortlist.steps.descriptions import read_snapshot
from shortlist.transforms.engagements import usable
from tests import tiny
from tests.jobs.conftest import CHECKOUT, Deployment, job_main

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
    message = held(deployment, FIRST)
    for part in (
        str(folder),
        "2 of 2 lines cannot be used",
        "no valid JSON object",
        "neither is this",
        "max_rejected_share",
    ):
        assert part in message


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
    message = held(deployment, FIRST, "extraction.max_id_length=500")
    assert "engagements (run_date=2017-11-01): 1 critical check(s) failed" in message
    assert "event_id_length" in message


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


def test_broken_and_changing_files_hold_the_run_by_name(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny.write_folder(deployment.landing, FIRST, tiny.events_of(FIRST))
    file = folder / "part-00000.json.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[:-40])
    message = held(deployment, FIRST)
    assert f"engagements/{FIRST}/part-00000.json.gz: OSError: Truncated compressed stream" in message
    assert "1 landed file(s) could not be read whole" in message

    file.write_bytes(whole)
    listed, times = Landing.listing, []

    def meanwhile(happens: Callable[[], object]) -> str:
        """Extraction during which something happens to the folder, after it was read and before it is listed again."""

        def listing(landing: Landing, *arguments: Any) -> Listing:
            times.append(1)
            if len(times) % 2 == 0:
                happens()
            return listed(landing, *arguments)

        monkeypatch.setattr(Landing, "listing", listing)
        message = held(deployment, FIRST)
        monkeypatch.setattr(Landing, "listing", listed)
        return message

    other = folder / "late.json"
    assert "late.json: it came while its folder was read" in meanwhile(lambda: other.write_text("{}"))
    assert "part-00000.json.gz: it changed while it was read, from" in meanwhile(
        lambda: file.write_bytes(whole + whole)
    )
    assert "late.json: it was gone after reading" in meanwhile(other.unlink)
    assert "part-00000.json.gz: it changed while it was read" in meanwhile(lambda: os.utime(file, ns=(1, 1)))


def test_the_manifest_accounts_for_every_row_of_every_file(deployment: Deployment) -> None:
    """Two files with the same bytes, a duplicate from the day before, a broken row: each row has one fate."""
    day = SECOND
    tiny.write_landing(deployment.landing, [FIRST])
    events: list[tiny.Event | str] = [*tiny.events_of(day), tiny.events_of(FIRST)[0], "{broken"]
    tiny.write_folder(deployment.landing, day, events)
    folder = tiny.write_folder(deployment.landing, day, events, name="renamed")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "more.json").write_text(json.dumps({**tiny.events_of(day)[0], "event_id": "more"}))
    (folder / "_note").write_text("not data")
    deployment.run("extract_engagements", day, "extraction.max_rejected_share=0.1")
    manifest = json.loads((deployment.home / "manifests" / f"run_date={day}" / "extract_engagements.json").read_text())
    counts = ("landed", "accepted", "quarantined", "duplicates", "erased")
    assert {file["file"]: tuple(file[name] for name in counts) for file in manifest["files"]} == {
        f"engagements/{FIRST}/part-00000.json.gz": (48, 48, 0, 0, 0),
        f"engagements/{day}/deeper/more.json": (1, 1, 0, 0, 0),
        f"engagements/{day}/part-00000.json.gz": (50, 48, 1, 1, 0),
        f"engagements/{day}/renamed.json.gz": (50, 0, 0, 50, 0),
    }
    assert manifest["lines"] == dict(zip(counts, (149, 97, 1, 51, 0), strict=True))
    assert manifest["deliveries"][1]["rejected"] == 1
    for file in manifest["files"]:
        data = (deployment.landing / file["file"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert (file["size"], file["modified_ns"]) == (
            len(data),
            (deployment.landing / file["file"]).stat().st_mtime_ns,
        )
    assert len(deployment.table("quarantine")) == 1


def test_a_description_is_in_the_manifest_and_must_not_change(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_landing(deployment.landing, [FIRST])
    place = deployment.landing / "catalog" / FIRST.isoformat()
    place.mkdir(parents=True)
    file = place / "part-0.parquet"
    pl.DataFrame({"item_id": ["a00"], "status": ["active"], "buyable": [True]}).write_parquet(file)
    (place / "_SUCCESS").touch()
    data = file.read_bytes()

    def read_and_change(*arguments: Any) -> Any:
        rows = read_snapshot(*arguments).persist()
        rows.count()
        os.utime(file, ns=(1, 1))
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(descriptions, "read_snapshot", read_and_change)
        with pytest.raises(HeldError, match=rf"catalog/{FIRST}/part-0.parquet: it changed while it was read"):
            deployment.run("extract_engagements", FIRST)
    assert not deployment.exists("catalog")
    deployment.run("extract_engagements", FIRST)
    manifest = json.loads(
        (deployment.home / "manifests" / f"run_date={FIRST}" / "extract_engagements.json").read_text()
    )
    assert manifest["snapshots"] == [
        {
            "file": f"catalog/{FIRST}/part-0.parquet",
            "size": len(data),
            "modified_ns": 1,
            "sha256": hashlib.sha256(data).hexdigest(),
            "stated_rows": 1,
        }
    ]
    assert len(deployment.table("catalog")) == 1


def test_unaccounted_rows_stop_the_run(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.write_landing(deployment.landing, [FIRST])
    monkeypatch.setattr(extraction, "usable", lambda rows: usable(rows).where("user_id <> 'u03'"))
    with pytest.raises(AccountError, match=rf"in 1 file\(s\): engagements/{FIRST}/part-00000.json.gz: \+3; nothing"):
        deployment.run("extract_engagements", FIRST)
    assert not deployment.exists("engagements")
    assert not deployment.exists("quarantine")


def test_a_new_feed_reads_its_older_folders_since_a_day(deployment: Deployment) -> None:
    tiny.write_landing(deployment.landing, [FIRST, SECOND])
    deployment.run("extract_engagements", SECOND)
    for day in (FIRST, SECOND):
        place = deployment.landing / "more" / day.isoformat()
        place.mkdir(parents=True)
        (place / "part-0.json").write_text(json.dumps({**tiny.events_of(day)[0], "event_id": f"more-{day}"}))
        (place / "_SUCCESS").touch()
    both = '{"extraction": {"feeds": {"engagements": {}, "more": {}}, "event_ids": "shared"}}'
    deployment.run("extract_engagements", SECOND, both)
    assert len(deployment.table("engagements")) == 97
    job_main("extract_engagements")(
        ["--config", str(deployment.config), "--run-date", str(SECOND), "--set", both, "--since", str(FIRST)]
    )
    assert len(deployment.table("engagements")) == 98


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
