"""What is served, how old it is, what was held, what runs."""

from dataclasses import replace
from pathlib import Path

import pytest

from shortlist.config import load_settings
from shortlist.store.begun import note_begin, note_end
from tests.published import decide, publish
from tests.unit.cli.conftest import D1, D2, D3, LISTS, Shortlist
from tests.unit.reports.world import manifest


def test_served_days_with_their_age(warehouse: Path, shortlist: Shortlist) -> None:
    publish(warehouse, "homefeed", D1, LISTS)
    publish(warehouse, "homefeed", D3, LISTS)
    publish(warehouse, "related", D2, LISTS)
    decide(warehouse, "related", D3, "held", why="guardrail: overlap fell to 2 %")
    answer = shortlist("status", "--json", "--as-of", "2017-12-02")
    assert answer.code == 3
    facts = answer.facts
    assert (facts["command"], facts["format"], facts["as_of"], facts["promise_days"]) == (
        "status",
        1,
        "2017-12-02",
        2,
    )
    homefeed, related = facts["surfaces"]
    shown = ("state", "run_date", "age_days", "table_version", "rows", "subjects")
    assert [homefeed[name] for name in shown] == ["fresh", "2017-11-30", 2, 2, 3, 2]
    assert [related[name] for name in shown] == ["late", "2017-11-23", 9, 1, 3, 2]
    assert homefeed["refused"] == []
    assert [(each["run_date"], each["status"], each["why"]) for each in related["refused"]] == [
        ("2017-11-30", "held", "guardrail: overlap fell to 2 %")
    ]
    text = shortlist("status", "--as-of", "2017-12-02").out
    assert "related 2017-11-30 held: guardrail: overlap fell to 2 %" in text
    assert "related is not fresh (late)" in text


@pytest.mark.parametrize(("as_of", "code", "state"), [("2017-12-02", 0, "fresh"), ("2017-12-03", 3, "late")])
def test_the_promise_is_the_contract_s(
    warehouse: Path, shortlist: Shortlist, as_of: str, code: int, state: str
) -> None:
    for surface in ("homefeed", "related"):
        publish(warehouse, surface, D3, LISTS)
    answer = shortlist("status", "--json", "--as-of", as_of)
    assert (answer.code, [surface["state"] for surface in answer.facts["surfaces"]]) == (code, [state, state])


def test_a_night_that_stopped_before_publishing_says_why(home: Path, warehouse: Path, shortlist: Shortlist) -> None:
    settings = load_settings(home / "shortlist.yaml")
    for surface in ("homefeed", "related"):
        publish(warehouse, surface, D2, LISTS)
    for day, error in ((D1, "OSError: mended since"), (D3, "HeldError: part-0: 8 of 130 lines cannot be used")):
        manifest(settings, "extract_engagements", day, error=error)
    facts = shortlist("status", "--json", "--as-of", "2017-12-02").facts
    why = "HeldError: part-0: 8 of 130 lines cannot be used"
    left = "nothing was published for 2017-11-30; every surface keeps its last published day"
    stopped = {
        "run_date": "2017-11-30",
        "job": "extract_engagements",
        "why": why,
        "left_behind": left,
        "publishing": True,
    }
    assert facts["stopped"] == [stopped]
    text = " ".join(shortlist("status", "--as-of", "2017-12-02").out.split())
    assert f"2017-11-30 extract_engagements stopped: {why}; {left}" in text
    assert "homefeed is not fresh (late); next: mend the cause named above" in text
    assert shortlist("status", "--json", "--as-of", "2017-11-29").facts["stopped"] == []


def test_a_job_that_publication_does_not_wait_for_is_not_why_a_surface_is_late(
    home: Path, warehouse: Path, shortlist: Shortlist
) -> None:
    for surface in ("homefeed", "related"):
        publish(warehouse, surface, D2, LISTS)
    settings = load_settings(home / "shortlist.yaml")
    for job in ("evaluate_candidates", "backtest_settings"):
        manifest(settings, job, D3, error="HeldError: no day was looked at")
    answer = shortlist("status", "--as-of", "2017-12-02")
    text = " ".join(answer.out.split())
    assert (
        "2017-11-30 backtest_settings stopped: HeldError: no day was looked at; nothing that is served was touched"
        in text
    )
    assert "homefeed is not fresh (late); next: look at the runs of candidates_daily" in text


def test_nothing_published(shortlist: Shortlist) -> None:
    answer = shortlist("status", "--json")
    assert (answer.code, {surface["state"] for surface in answer.facts["surfaces"]}) == (3, {"nothing published"})


def test_a_rolled_back_day_is_not_served(warehouse: Path, shortlist: Shortlist) -> None:
    publish(warehouse, "homefeed", D2, LISTS)
    publish(warehouse, "homefeed", D3, LISTS)
    assert shortlist("rollback", "homefeed", "--yes", "--why", "broken model").code == 0
    homefeed = shortlist("status", "--json", "--as-of", "2017-12-01").facts["surfaces"][0]
    assert homefeed["run_date"] == "2017-11-23"
    assert [(each["status"], each["why"]) for each in homefeed["refused"]] == [
        ("rolled_back", "rolled back to 2017-11-23: broken model")
    ]


def test_hostile_words_do_not_act(warehouse: Path, shortlist: Shortlist) -> None:
    decide(warehouse, "homefeed", D3, "held", why="[red]\x1b[31mfine[/red] \u202e")
    text = shortlist("status", "--as-of", "2017-12-01").out
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]" in text


def test_jobs_that_run_and_jobs_of_which_nothing_was_heard(
    home: Path, warehouse: Path, shortlist: Shortlist, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = load_settings(home / "shortlist.yaml").paths.manifests
    begun = note_begin(root, "train_als", D3)
    (run,) = shortlist("status", "--json").facts["unended"]
    assert run == {
        "run_date": "2017-11-30",
        "job": "train_als",
        "began_at": begun.at,
        "minutes": 0,
        "host": begun.host,
        "pid": begun.pid,
        "runs": True,
    }
    assert f"train_als of 2017-11-30 is running since {begun.at[:16].replace('T', ' ')} UTC" in shortlist("status").out
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "desk")  # from here nobody sees its process
        text = " ".join(shortlist("status").out.split())
        assert "is running" not in text
        assert f"0 h 0 min ago, and has not ended (process {begun.pid} on {begun.host})" in text
    note = Path(root) / "run_date=2017-11-30" / "train_als.begun"
    note.write_text(note.read_text().replace(begun.at, "2026-01-01T12:00:00+00:00"))
    assert [run["runs"] for run in shortlist("status", "--json").facts["unended"]] == [True]
    note.write_text(note.read_text().replace(f'"pid": {begun.pid}', '"pid": 0'))
    assert shortlist("status", "--json").facts["unended"] == []  # killed long ago
    note.write_text(note.read_text().replace('"pid": 0', f'"pid": {begun.pid}'))
    note_end(root, replace(begun, at="2026-01-01T12:00:00+00:00"))
    assert shortlist("status", "--json").facts["unended"] == []
