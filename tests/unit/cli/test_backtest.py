"""What a backtest found, by hand: tried lists beside served ones, days together, surfaces that would have been held."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import published
from tests.unit.cli.conftest import D2, D3, Shortlist

WEEK = timedelta(days=7)


def rows(name: str, day: date, lead: float, half: float | None, subjects: int = 40) -> list[dict[str, Any]]:
    """Tried and served lists of a week before a day: recall is .5 and, of what was served, so much less."""
    common = {
        "surface": "homefeed", "candidates_date": day - WEEK, "horizon_days": 7, "segment": "all", "metric": "recall_capped",
        "k": 2, "subjects": subjects, "without_list": 0, "settings_fingerprint": "abc", "backtest": name, "run_date": day,
    }  # fmt: skip
    difference = {
        "blend_minus_source": lead,
        "blend_minus_source_low": None if half is None else lead - half,
        "blend_minus_source_high": None if half is None else lead + half,
    }
    return [
        {**common, "source": "blend", "value": 0.5},
        {**common, "source": "als", "value": 0.1, "blend_minus_source": 0.4},
        {**common, "source": "served", "value": 0.5 - lead, **difference},
        {**common, "source": "blend", "value": 0.25, "metric": "rows_used"},
        {**common, "source": "served", "value": 0.5, "metric": "rows_used"},
    ]


@pytest.fixture
def tried(warehouse: Path) -> Path:
    """`less`: better on one day, on the other it may be chance; `held`: nothing but what would have been held."""
    held = {**rows("held", D3, 0, None)[0], "surface": "related", "metric": "held", "value": 1.0}
    known = [
        *rows("less", D2, 0.2, 0.1),
        *rows("less", D3, -0.1, 0.3, 120),
        {**held, "held_by": "overlap, fallback_share"},
    ]
    published.write(warehouse, "backtests", "backtests", known)
    return warehouse


def test_tried_lists_beside_served_ones(tried: Path, shortlist: Shortlist) -> None:
    facts = shortlist("backtest", "less", "--json").facts
    assert (facts["days"], facts["settings"], facts["held"]) == (["2017-11-23", "2017-11-30"], ["abc"], [])
    first, coverage, second, _ = facts["judged"]
    assert first == {
        "surface": "homefeed",
        "segment": "all",
        "candidates_date": "2017-11-16",
        "run_date": "2017-11-23",
        "metric": "recall_capped",
        "k": 2,
        "subjects": 40,
        "tried": {"value": 0.5, "low": None, "high": None},
        "served": {"value": 0.3, "low": None, "high": None},
        "difference": {"value": 0.2, "low": 0.1, "high": pytest.approx(0.3)},
        "says": "better",
    }
    assert (coverage["metric"], coverage["tried"]["value"], coverage["served"]["value"]) == (
        "rows_used",
        0.25,
        0.5,
    )
    assert (coverage["difference"], coverage["says"]) == (None, "")
    assert second["says"] == "may be chance"
    # 40 subjects of one day and 120 of the other.
    (together,) = facts["together"]
    assert (together["days"], together["better"], together["worse"], together["subjects"]) == (2, 1, 0, 160)
    assert together["difference"] == pytest.approx((40 * 0.2 - 120 * 0.1) / 160)
    assert together["served"] == pytest.approx((40 * 0.3 + 120 * 0.6) / 160)
    assert together["tried"] == 0.5


@pytest.mark.parametrize(
    ("lead", "half", "says"),
    [(-0.2, 0.1, "worse"), (0.2, None, "few subjects"), (0.2, 0.2, "may be chance")],
)
def test_what_a_difference_says(
    warehouse: Path, shortlist: Shortlist, lead: float, half: float | None, says: str
) -> None:
    published.write(warehouse, "backtests", "backtests", rows("one", D3, lead, half))
    assert shortlist("backtest", "one", "--json").facts["judged"][0]["says"] == says
    assert says in shortlist("backtest", "one").out


def test_without_served_lists_the_tried_ones_are_shown(warehouse: Path, shortlist: Shortlist) -> None:
    published.write(warehouse, "backtests", "backtests", [rows("one", D3, 0, 0.1)[0]])
    facts = shortlist("backtest", "one", "--json").facts
    assert [(row["served"], row["difference"], row["says"]) for row in facts["judged"]] == [
        (None, None, "nothing served")
    ]
    assert facts["together"] == []


def test_people_read_two_tables_and_what_would_have_been_held(tried: Path, shortlist: Shortlist) -> None:
    printed = shortlist("backtest", "less").out
    assert "rows_used@2" in printed
    assert "less: 2 day(s) up to 2017-11-30, settings abc" in printed
    assert "+0.2000 [+0.1000, +0.3000]" in " ".join(printed.split())
    assert "all days together" in printed
    held = shortlist("backtest", "held").out
    assert (
        "related 2017-11-23 would have been held, so it is not judged: overlap, fallback_share; next: the job's log"
        in (" ".join(held.split()))
    )


def test_days_with_different_settings_are_told(tried: Path, shortlist: Shortlist) -> None:
    published.write(
        tried, "backtests", "backtests", [{**rows("less", D3 + WEEK, 0, 0.1)[0], "settings_fingerprint": "other"}]
    )
    assert "its days were judged with different settings" in shortlist("backtest", "less").out


def test_an_unknown_name_is_refused_with_the_known_ones(tried: Path, shortlist: Shortlist) -> None:
    answer = shortlist("backtest", "more")
    assert (answer.code, answer.out) == (2, "")
    assert "NAME 'more': is no backtest; known: held, less; next: infra/submit jobs/backtest_settings.py" in answer.err


def test_before_the_first_backtest_there_is_none(shortlist: Shortlist) -> None:
    answer = shortlist("backtest", "less")
    assert answer.code == 2
    assert "NAME 'less': is no backtest, none was ever run; next: infra/submit" in answer.err
