"""The traffic gate in the job: it holds before anything is written, warns without stopping, and knows only its day."""

import json
import sys
from datetime import date
from typing import Any

import polars as pl
import pytest

from shortlist.config.arguments import run_main
from shortlist.jobs.write_report import main as write_report
from tests import tiny
from tests.jobs.conftest import Deployment, job_main

# Two earlier Wednesdays (the 1st and the 8th) make a mean of 48 checkouts.
BEFORE, DAY, AFTER = date(2017, 11, 14), date(2017, 11, 15), date(2017, 11, 16)
SMALL = "checks.every.min_events=10"
FRESH = "checks.every.freshness.max_hours=15"  # the tiny shop closes at ten


def checks_of(deployment: Deployment, day: date) -> dict[str, dict[str, Any]]:
    """The traffic results in the manifest of a day, by rule."""
    manifest = deployment.home / "manifests" / f"run_date={day}" / "extract_engagements.json"
    results = json.loads(manifest.read_text())["checks"]
    return {result["rule"]: result for result in results if result["table"] == "traffic"}


def land_catalog(deployment: Deployment, day: date, items: list[str]) -> None:
    folder = deployment.landing / "catalog" / day.isoformat()
    folder.mkdir(parents=True)
    pl.DataFrame({"item_id": items, "status": ["active"] * len(items)}).write_parquet(folder / "items.parquet")
    (folder / "_SUCCESS").touch()


def land_a_weak_day(deployment: Deployment) -> None:
    """Five whole purchases on DAY, as many items unknown to the catalog as known."""
    tiny.write_landing(deployment.landing, tiny.days(last=BEFORE))
    tiny.write_folder(deployment.landing, DAY, tiny.events_of(DAY)[:15])


def test_a_critical_rule_holds_the_day_with_exit_code_3(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    land_a_weak_day(deployment)
    critical = "checks.every.volume.severity=critical"
    arguments = ["--config", str(deployment.config), "--run-date", str(DAY), "--set", SMALL, "--set", critical]
    monkeypatch.setattr(sys, "argv", ["extract_engagements.py", *arguments])
    with pytest.raises(SystemExit) as left:
        run_main(job_main("extract_engagements"))  # type: ignore[arg-type]
    assert left.value.code == 3
    said = capsys.readouterr().err
    assert "error: traffic (run_date=2017-11-15): 1 critical check(s) failed; nothing was written" in said
    assert "2017-11-15 store: 15 events, 24 to 96 expected" in said
    assert not deployment.exists("engagements")
    assert not deployment.exists("quarantine")
    assert checks_of(deployment, DAY)["checkout_volume_at_least"]["success"] is False
    write_report(arguments[:4])
    page = (deployment.home / "reports" / "checks" / str(DAY) / "index.html").read_text()
    assert "Nothing of the delivery was written." in page


def test_a_warning_is_told_everywhere_and_stops_nothing(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    land_a_weak_day(deployment)
    land_catalog(deployment, DAY, tiny.GROUPS["a"])
    deployment.run("extract_engagements", DAY, SMALL, FRESH)
    said = [line for line in capsys.readouterr().err.splitlines() if "warning: traffic" in line]
    assert len(said) == 2  # one line each
    assert "shortlist: warning: traffic (run_date=2017-11-15): checkout_volume_at_least" in said[0]
    assert len(deployment.table("engagements")) == 14 * 48 + 15
    found = checks_of(deployment, DAY)
    warned = [rule for rule, result in found.items() if not result["success"]]
    assert warned == ["checkout_volume_at_least", "checkout_items_known"]
    # Every other session is of group b, which the catalog does not describe.
    assert (
        "2017-11-15: 6 of 15 name an item that the catalog lacks (40.00%)" in found["checkout_items_known"]["samples"]
    )
    off = {rule: result["off"] for rule, result in found.items() if result["off"]}
    assert off == {
        "closeups_within_impressions": "no closeups were logged",
        "save_rate_at_least": "no saves were logged",
        "save_rate_at_most": "no saves were logged",
        "heaviest_user": "fewer than 1000 events a day name one",
        "heaviest_item": "fewer than 1000 events a day name one",
    }
    write_report(["--config", str(deployment.config), "--run-date", str(DAY)])
    reports = deployment.home / "reports"
    report = (reports / f"{DAY}.html").read_text()
    assert f'href="checks/{DAY}/index.html"' in report
    assert "15 events, 24 to 96 expected" in report
    gate = next((reports / "checks" / str(DAY)).glob("*-traffic.html")).read_text()
    for sentence in (
        "Passed, with warnings",
        "15 events, 24 to 96 expected",
        "nothing to judge: no saves were logged",
    ):
        assert sentence in gate


def test_a_day_run_again_judges_what_it_knew(deployment: Deployment) -> None:
    """A later folder brings 288 events, half of them of DAY and half of the Wednesday before: DAY does not see them."""
    tiny.write_landing(deployment.landing, tiny.days(last=DAY))
    deployment.run("extract_engagements", DAY, SMALL, FRESH)
    in_time = checks_of(deployment, DAY)
    said = "1 judged; nearest to its limit is 2017-11-15 store: 48 events, 24 to 96 expected"
    # Of the seven folders that are judged only DAY's weekday came twice before.
    assert in_time["checkout_volume_at_least"]["observed"] == said
    late = [
        {**event, "event_id": f"late-{day}-{number}"}
        for day in (date(2017, 11, 8), DAY)
        for number, event in enumerate(tiny.events_of(day) * 3)
    ]
    tiny.write_folder(deployment.landing, AFTER, [*tiny.events_of(AFTER), *late])
    deployment.run("extract_engagements", AFTER, SMALL, FRESH)
    assert checks_of(deployment, AFTER)["checkout_volume_at_most"]["success"] is False
    deployment.run("extract_engagements", DAY, SMALL, FRESH)
    again = checks_of(deployment, DAY)
    assert again.keys() == in_time.keys()
    assert again["checkout_volume_at_least"]["observed"] == said
    assert [rule for rule, result in again.items() if not result["success"]] == []
