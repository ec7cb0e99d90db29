"""A list beside the recent history of its subject."""

from pathlib import Path

from tests.published import publish
from tests.unit.cli.conftest import D2, D3, Shortlist
from tests.unit.cli.night import write_night


def test_a_user(warehouse: Path, shortlist: Shortlist) -> None:
    version = write_night(warehouse)
    publish(warehouse, "homefeed", D2, {"u1": "hg"})
    facts = shortlist("show", "homefeed", "u1", "--json").facts
    assert (facts["run_date"], facts["table_version"], facts["k"], facts["title"]) == ("2017-11-30", version, 2, None)
    assert facts["candidates"] == [
        {
            "rank": 1,
            "item_id": "c",
            "title": "Item C",
            "score": 1.0,
            "source": "als",
            "sources": ["als", "cooccurrence"],
            "reason": "goes with c",
            "slot": None,
            "propensity": None,
            "condition": None,
            "relation": None,
        }
    ]
    # The hide of b does not count as engagement.
    assert facts["history"] == [{"day": "2017-11-29", "event_type": "checkout", "item_id": "a", "title": "Item A"}]
    text = shortlist("show", "homefeed", "u1").out
    assert "Item C" in text
    assert "als, cooccurrence" in text
    earlier = shortlist("show", "homefeed", "u1", "--json", "--day", "2017-11-23").facts
    assert [each["item_id"] for each in earlier["candidates"]] == ["h", "g"]
    assert earlier["history"] == []  # nothing had happened by then


def test_history_can_be_cut(warehouse: Path, shortlist: Shortlist) -> None:
    write_night(warehouse)
    facts = shortlist("show", "homefeed", "u3", "--json", "--history", "2").facts
    assert [each["item_id"] for each in facts["history"]] == ["c", "d"]


def test_an_item(warehouse: Path, shortlist: Shortlist) -> None:
    write_night(warehouse)
    publish(warehouse, "related", D3, {"a": "cg"})
    facts = shortlist("show", "related", "a", "--json").facts
    assert (facts["title"], facts["history"]) == ("Item A", [])
    assert [each["title"] for each in facts["candidates"]] == ["Item C", "Item G"]


def test_somebody_with_a_list_is_drawn(warehouse: Path, shortlist: Shortlist) -> None:
    write_night(warehouse)
    drawn = shortlist("show", "homefeed", "--json").facts
    assert drawn["subject"] in {"u1", "u2"}
    assert [drawn["drawn"], bool(drawn["candidates"])] == [True, True]
    assert shortlist("show", "homefeed", "--json").facts == drawn
    named = shortlist("show", "homefeed", drawn["subject"], "--json").facts
    assert {**drawn, "drawn": False} == named
    assert "drawn by lot; next: shortlist show homefeed ID" in shortlist("show", "homefeed").out
    assert "drawn by lot" not in shortlist("show", "homefeed", "u1").out


def test_no_list_points_to_why(warehouse: Path, shortlist: Shortlist) -> None:
    write_night(warehouse)
    answer = shortlist("show", "homefeed", "u9")
    assert answer.code == 0
    assert "no list; next: shortlist why homefeed u9" in answer.out
    assert "who has one: shortlist show homefeed" in answer.out


def test_ids_are_values_and_never_paths_or_predicates(warehouse: Path, shortlist: Shortlist) -> None:
    write_night(warehouse)
    for subject in ("u1' OR 'a'='a", "../../u1", "u1\x1b[31m", "x" * 10_000, "", "ü\u202e"):
        facts = shortlist("show", "homefeed", "--json", "--", subject)
        assert (facts.code, facts.facts["candidates"]) == (0, [])
        assert "\x1b" not in shortlist("show", "homefeed", "--", subject).out
