"""The traffic gate on Spark and Great Expectations: every rule is seen to stop, and to say when it has nothing to judge."""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from shortlist.checks.comparisons import Comparison
from shortlist.checks.traffic import check_traffic, judge
from shortlist.config import Settings
from shortlist.errors import HeldError
from shortlist.records.checks import Audit, CheckResult
from shortlist.tables import CATALOG, ENGAGEMENTS
from tests.spark.checks.rows import DAY, Row, frame_of

PARTITION = f"run_date={DAY}"
HISTORY = [DAY - timedelta(days=n) for n in range(1, 15)]
SURFACES: dict[str, Any] = {"homefeed": {"subject": "user", "sources": ["als"]}}
# Small days can be judged, and everything that can hold does.
STRICT: dict[str, Any] = {
    "closeups": {"severity": "critical"},
    "save_rate": {"severity": "critical", "min_events": 4},
    "heaviest": {"severity": "critical", "min_events": 4, "max_user_share": 0.6, "max_item_share": 0.6},
    "every": {
        "min_events": 2,
        **{rule: {"severity": "critical"} for rule in ("volume", "unknown_items", "empty_columns", "freshness")},
    },
}


def events(day: date, **changes: Any) -> list[Row]:
    """A quiet day of a surface: 8 impressions, 4 closeups, 2 saves, each with a session, the last at 23:00.

    Two users and two items share them evenly.
    """
    counts = {"impression": 8, "closeup": 4, "save": 2, **changes.pop("counts", {})}
    rows = []
    for kind, count in counts.items():
        for number in range(count):
            row: Row = dict.fromkeys(ENGAGEMENTS.columns)
            row |= {"event_id": f"{day}-{kind}-{number}", "event_type": kind}
            row |= {"user_id": "uv"[number % 2], "item_id": "ab"[number % 2]}
            row |= {"surface": "home", "session_id": "s", "ingest_date": day, "event_date": day}
            row |= {"event_ts": datetime(day.year, day.month, day.day, 23, tzinfo=UTC)}
            rows.append({**row, **changes})
    return rows


def history() -> list[Row]:
    return [row for day in HISTORY for row in events(day)]


def checked(
    spark: SparkSession, fresh: list[Row], known: list[Row] | None, catalog: bool = True, **checks: Any
) -> Audit:
    settings = Settings.model_validate({"surfaces": SURFACES, "checks": {**STRICT, **checks}})
    described = (
        frame_of(spark, CATALOG, [dict.fromkeys(CATALOG.columns) | {"item_id": item} for item in "ab"])
        if catalog
        else None
    )
    table = None if known is None else frame_of(spark, ENGAGEMENTS, known)
    return check_traffic(frame_of(spark, ENGAGEMENTS, fresh).persist(), table, described, settings, DAY, PARTITION)


def by_rule(audit: Audit) -> Mapping[str, CheckResult]:
    return {result.rule: result for result in audit.results}


def failed(audit: Audit) -> list[str]:
    return [result.rule for result in audit.results if not result.success]


def test_a_quiet_day_passes_every_rule_and_every_rule_judged(spark: SparkSession) -> None:
    audit = checked(spark, events(DAY), history())
    audit.raise_if_failed()
    assert (audit.table, audit.partition) == ("traffic", PARTITION)
    assert [str(result) for result in audit.results if not result.success or result.off or result.raised] == []
    assert len(audit.results) == 3 + 2 + 3 * 5


# What breaks each kind of rule, by its name without the event type.
BREAKS: Mapping[str, tuple[dict[str, Any], str]] = {
    "closeups_within_impressions": ({"counts": {"closeup": 9}}, "closeups_within_impressions"),
    "save_rate_at_least": ({"counts": {"save": 0}}, "save_rate_at_least"),
    "save_rate_at_most": ({"counts": {"save": 8}}, "save_rate_at_most"),
    "volume_at_least": ({"counts": {"closeup": 1}}, "closeup_volume_at_least"),
    "volume_at_most": ({"counts": {"closeup": 9}}, "closeup_volume_at_most"),
    "items_known": ({"item_id": "gone"}, "closeup_items_known"),
    "columns_filled": ({"session_id": None}, "closeup_columns_filled"),
    "heaviest_user": ({"user_id": "u"}, "heaviest_user"),
    "heaviest_item": ({"item_id": "a"}, "heaviest_item"),
    "fresh": ({"event_ts": datetime(2017, 11, 30, 17, tzinfo=UTC)}, "closeup_fresh"),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_every_rule_is_seen_to_stop(spark: SparkSession, kind: str) -> None:
    changes, rule = BREAKS[kind]
    audit = checked(spark, events(DAY, **changes), history(), save_rate={**STRICT["save_rate"], "width": 1.0})
    assert rule in failed(audit)
    with pytest.raises(HeldError, match=rule) as held:
        audit.raise_if_failed()
    assert held.value.exit_code == 3
    result = by_rule(audit)[rule]
    assert result.unexpected_count == 1
    assert result.samples[0].startswith("2017-11-30")
    assert result.samples[0] in result.observed
    # The same as a warning is told and stops nothing.
    mild = {"severity": "warning"}
    every = {"min_events": 2, "volume": mild, "unknown_items": mild, "empty_columns": mild, "freshness": mild}
    rates = {"severity": "warning", "min_events": 4, "width": 1.0}
    heaviest = {**STRICT["heaviest"], **mild}
    audit = checked(
        spark, events(DAY, **changes), history(), closeups=mild, save_rate=rates, every=every, heaviest=heaviest
    )
    audit.raise_if_failed()
    assert rule in [warning.rule for warning in audit.warnings]


def test_every_kind_of_rule_has_a_break(spark: SparkSession) -> None:
    rules = {result.rule.removeprefix("closeup_") for result in checked(spark, events(DAY), history()).results}
    assert {rule for rule in rules if not rule.startswith(("impression_", "save_")) or "rate" in rule} == set(BREAKS)


def test_a_type_that_vanished_stops(spark: SparkSession) -> None:
    audit = checked(spark, events(DAY, counts={"impression": 0}), history())
    assert {"impression_volume_at_least", "impression_fresh", "closeups_within_impressions"} <= set(failed(audit))


def test_a_first_day_is_told_what_is_off(spark: SparkSession) -> None:
    audit = checked(spark, events(DAY), None, catalog=False)
    audit.raise_if_failed()
    off = {rule: result.off for rule, result in by_rule(audit).items() if result.off}
    assert off["closeup_items_known"] == "no catalog was known on the run date"
    assert off["closeup_volume_at_least"] == "the same weekday was delivered 0 times before, 2 are needed"
    assert off["save_rate_at_least"] == "fewer than 7 earlier days on home to compare with"
    judged = {"closeups_within_impressions", "heaviest_user", "heaviest_item"}
    assert set(by_rule(audit)) - set(off) == judged | {f"{kind}_fresh" for kind in ("impression", "closeup", "save")}


def test_later_deliveries_are_not_seen(spark: SparkSession) -> None:
    """What a later folder brings for DAY, and what DAY's own folder brought before, change nothing."""
    quiet = checked(spark, events(DAY), history())
    late = [{**row, "ingest_date": DAY + timedelta(days=1)} for row in events(DAY, counts={"closeup": 500})]
    own = events(DAY, counts={"closeup": 500})
    again = checked(spark, events(DAY), [*history(), *late, *own])
    assert [result.observed for result in again.results] == [result.observed for result in quiet.results]
    assert failed(again) == []


def test_a_run_that_catches_up_judges_its_newest_folders(spark: SparkSession) -> None:
    bad = DAY - timedelta(days=1)
    rows = [row for day in HISTORY if day != bad for row in events(day)]
    rows += [*events(bad, counts={"closeup": 9}), *events(DAY)]
    both = by_rule(checked(spark, rows, None, judge_days=2))["closeups_within_impressions"]
    assert (both.success, both.samples) == (False, ("2017-11-29 home: 9 closeups, 8 impressions",))
    newest = by_rule(checked(spark, rows, None, judge_days=1))["closeups_within_impressions"]
    assert (newest.success, newest.observed) == (
        True,
        "1 judged; nearest to its limit is 2017-11-30 home: 4 closeups, 8 impressions",
    )


def test_nothing_fresh_is_nothing_to_judge(spark: SparkSession) -> None:
    audit = checked(spark, [], history())
    assert [result.rule for result in audit.results if result.off is None] == []


def test_surfaces_without_end_hold(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shortlist.checks.traffic.MAX_GROUPS", 4)
    rows = [{**row, "surface": f"id-{number}"} for number, row in enumerate(events(DAY))]
    (result,) = checked(spark, rows, None).critical_failures
    assert result.rule == "surfaces_few"
    assert "more than 4 groups; the values of surface look like ids, such as 'id-" in str(result)


def test_what_passes_is_told_by_its_nearest_miss() -> None:
    rows: list[dict[str, Any]] = [
        {"where": where, "said": f"{hours} hours", "hours": hours, "at_most": 6.0}
        for where, hours in (("first", 2.0), ("second", 5.5), ("third", 3.0))
    ]
    (result,) = judge([Comparison("rule", "What it says.", "warning", "at_most", "hours", tuple(rows), None)])
    assert result.observed == "3 judged; nearest to its limit is second: 5.5 hours"


def test_rows_of_one_name_are_told_apart() -> None:
    rows: list[dict[str, Any]] = [
        {"where": "here", "said": f"{hours} hours", "hours": hours, "at_most": 6.0} for hours in (2.0, 7.0)
    ]
    (result,) = judge([Comparison("rule", "What it says.", "warning", "at_most", "hours", tuple(rows), None)])
    assert (result.unexpected_count, result.observed) == (1, "1 of 2 break it: here: 7.0 hours")


@pytest.mark.parametrize(("value", "limit"), [(float("nan"), 6.0), (None, 6.0), (float("nan"), float("nan"))])
def test_a_number_that_is_missing_is_not_excused(value: float | None, limit: float) -> None:
    row: dict[str, Any] = {"where": "here", "said": "nothing", "hours": value, "at_most": limit}
    comparison = Comparison("rule", "What it says.", "warning", "at_most", "hours", (row,), None)
    (result,) = judge([comparison])
    assert not result.success


def test_a_rule_that_cannot_be_evaluated_holds() -> None:
    comparison = Comparison(
        "rule", "What it says.", "warning", "at_most", "gone", ({"where": "here", "said": "x", "at_most": 1.0},), None
    )
    (result,) = judge([comparison])
    assert (result.success, result.holds) == (False, True)
    assert '"gone"' in str(result.raised)


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the jobs' logger says; it does not propagate in jobs."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("shortlist")
    logger.addHandler(handler)
    yield said
    logger.removeHandler(handler)


def test_warnings_are_lines_of_the_log(spark: SparkSession, lines: list[str]) -> None:
    checked(spark, events(DAY, counts={"closeup": 9}), history(), closeups={"severity": "warning"})
    (line,) = [line for line in lines if "closeups_within_impressions" in line]
    assert line == (
        "warning: traffic (run_date=2017-11-30): closeups_within_impressions (impressions, closeups): At most 1 closeups "
        "to an impression on each surface and day (checks.closeups.max_ratio). Found: 1 of 1 break it: 2017-11-30 home: "
        "9 closeups, 8 impressions"
    )
