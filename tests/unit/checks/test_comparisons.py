"""The traffic rules' arithmetic, by hand: what is compared with what, and when there is nothing to compare."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from shortlist.checks.comparisons import Comparison, Delivered, Heaviest, comparisons, save_band
from shortlist.config import ChecksConfig

DAY = date(2017, 11, 30)  # a Thursday


def delivered(day: date, event_type: str, events: int, surface: str = "store", **values: Any) -> Delivered:
    newest = datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC)
    return replace(
        Delivered(day, surface, event_type, events, newest, events, 0, {"session_id": 0, "value": events}), **values
    )


def weeks(event_type: str, *events: int, surface: str = "store") -> list[Delivered]:
    """So many events 1, 2, 3 ... weeks before DAY."""
    return [delivered(DAY - timedelta(weeks=n), event_type, count, surface) for n, count in enumerate(events, start=1)]


def found(traffic: Sequence[Delivered], catalog: bool = True, **settings: Any) -> Mapping[str, Comparison]:
    """The rules on DAY, by name."""
    config = ChecksConfig.model_validate(settings)
    return {entry.rule: entry for entry in comparisons(traffic, [DAY], config, catalog)}


def numbers(comparison: Comparison) -> list[tuple[object, object, object]]:
    return [(row["where"], row[comparison.high], row[comparison.low]) for row in comparison.rows]


def test_volume__the_mean_of_the_same_weekday_by_surface() -> None:
    """(300 + 100 + 200 + 400) / 4 = 250 on the store; the app had 200 a week and has nothing today."""
    traffic = [
        delivered(DAY, "checkout", 120),
        *weeks("checkout", 300, 100, 200, 400),
        delivered(DAY - timedelta(days=1), "checkout", 9_999),  # another weekday
        *weeks("checkout", 200, 200, surface="app"),
    ]
    rules = found(traffic, every={"volume": {"max_drop": 0.4, "max_rise": 0.2}})
    # The app's two weeks with events are two of four deliveries: a mean of 100.
    assert numbers(rules["checkout_volume_at_least"]) == [
        ("2017-11-30 app", 0, pytest.approx(60)),
        ("2017-11-30 store", 120, pytest.approx(150)),
    ]
    assert numbers(rules["checkout_volume_at_most"]) == [
        ("2017-11-30 app", pytest.approx(120), 0),
        ("2017-11-30 store", pytest.approx(300), 120),
    ]
    assert rules["checkout_volume_at_least"].rows[1]["said"] == "120 events, 150 to 300 expected"


@pytest.mark.parametrize(
    ("traffic", "why"),
    [
        ([delivered(DAY, "checkout", 500)], "the same weekday was delivered 0 times before, 2 are needed"),
        (
            [delivered(DAY, "checkout", 500), *weeks("checkout", 500)],
            "the same weekday was delivered 1 times before, 2 are needed",
        ),
        ([delivered(DAY, "checkout", 3), *weeks("checkout", 5, 5)], "fewer than 100 events a day on store"),
        (
            [delivered(DAY, "checkout", 500), *weeks("save", 500, 500)],
            "store had none on these weekdays before",
        ),
    ],
)
def test_volume__without_a_base_it_is_off_and_says_why(traffic: list[Delivered], why: str) -> None:
    rule = found(traffic)["checkout_volume_at_least"]
    assert (rule.rows, rule.off) == ((), why)


def test_volume__a_type_that_vanished_is_judged() -> None:
    rule = found([delivered(DAY, "save", 1), *weeks("checkout", 400, 400)])["checkout_volume_at_least"]
    assert numbers(rule) == [("2017-11-30 store", 0, 200)]


def test_closeups__against_impressions_of_the_same_surface() -> None:
    traffic = [
        delivered(DAY, "impression", 100, "home"),
        delivered(DAY, "closeup", 101, "home"),
        delivered(DAY, "closeup", 5, "search"),  # its impressions are not logged
        delivered(DAY - timedelta(days=3), "impression", 50, "related"),
        delivered(DAY, "closeup", 7, "related"),  # its impressions have stopped
    ]
    assert numbers(found(traffic)["closeups_within_impressions"]) == [
        ("2017-11-30 home", 100, 101),
        ("2017-11-30 related", 0, 7),
    ]
    lenient = found(traffic, closeups={"max_ratio": 1.5})["closeups_within_impressions"]
    assert numbers(lenient)[0] == ("2017-11-30 home", 150, 101)


def test_closeups__a_shop_that_logs_neither_is_told_so() -> None:
    assert found(weeks("checkout", 5))["closeups_within_impressions"].off == "no closeups were logged"
    only = found([delivered(DAY, "closeup", 5)])["closeups_within_impressions"]
    assert only.off == "no impressions are logged on store"


def test_save_band__mean_and_the_larger_deviation() -> None:
    # Rates .1 and .3: mean .2, deviation of the days .1; of chance sqrt(.2 * .8 / 400) = .02.
    assert save_band([0.1, 0.3], 400, 1.5) == pytest.approx((0.05, 0.35))
    # Rates that are alike: chance alone, 4 * .02.
    assert save_band([0.2, 0.2, 0.2], 400, 4.0) == pytest.approx((0.12, 0.28))
    # A band does not reach below nothing.
    assert save_band([0.1, 0.3], 400, 4.0)[0] == 0.0


def test_save_rate__by_surface_within_the_trailing_days() -> None:
    past = [DAY - timedelta(days=n) for n in range(1, 8)]
    traffic = [delivered(day, "impression", 1000) for day in past] + [delivered(day, "save", 100) for day in past]
    traffic += [delivered(DAY - timedelta(days=29), "impression", 1000)]  # out of the 28 days: it saved nothing
    traffic += [delivered(DAY, "impression", 400), delivered(DAY, "save", 20)]
    rules = found(traffic)
    # Seven days of .1; chance on 400 impressions is sqrt(.1 * .9 / 400) = .015, four of it .06.
    assert numbers(rules["save_rate_at_least"]) == [("2017-11-30 store", 0.05, pytest.approx(0.04))]
    assert numbers(rules["save_rate_at_most"]) == [("2017-11-30 store", pytest.approx(0.16), 0.05)]
    assert rules["save_rate_at_least"].rows[0]["said"] == "5.000% saves to 400 impressions, 4.000% to 16.000% expected"
    assert found(traffic, save_rate={"per": "closeup"})["save_rate_at_least"].off == "fewer than 100 closeups on store"
    few = found([entry for entry in traffic if entry.day != past[0]])["save_rate_at_least"]
    assert few.off == "fewer than 7 earlier days on store to compare with"
    assert found([delivered(DAY, "impression", 400)])["save_rate_at_least"].off == "no saves were logged"


def test_unknown_items__a_share_of_events_that_name_an_item() -> None:
    traffic = [
        delivered(DAY, "save", 150, items=120, unknown_items=6),
        delivered(DAY, "save", 50, "app", items=30, unknown_items=9),
    ]
    assert numbers(found(traffic)["save_items_known"]) == [("2017-11-30", 0.05, 0.1)]
    assert found(traffic, catalog=False)["save_items_known"].off == "no catalog was known on the run date"
    assert found([delivered(DAY, "save", 9)])["save_items_known"].off == "fewer than 100 events a day name an item"


def test_empty_columns__against_the_trailing_share_or_an_own_limit() -> None:
    past = [DAY - timedelta(days=n) for n in range(1, 8)]
    history = [delivered(day, "save", 100, empty={"board_id": 20, "query": 100}) for day in past]
    today = [delivered(DAY, "save", 200, empty={"board_id": 90, "query": 200})]
    rule = found([*history, *today])["save_columns_filled"]
    # .2 in the trailing days and .1 more is allowed; query was always empty and may stay so.
    assert numbers(rule) == [
        ("2017-11-30 board_id", pytest.approx(0.3), 0.45),
        ("2017-11-30 query", 1.0, 1.0),
    ]
    own: dict[str, Any] = {"event_types": {"save": {"empty_columns": {"max_share": {"board_id": 0.5}}}}}
    assert numbers(found([*history, *today], **own)["save_columns_filled"])[0] == ("2017-11-30 board_id", 0.5, 0.45)
    # An own limit needs no history; the other columns do.
    assert numbers(found(today, **own)["save_columns_filled"]) == [("2017-11-30 board_id", 0.5, 0.45)]
    assert found(today)["save_columns_filled"].off == "fewer than 7 earlier days to compare with"


def test_freshness__hours_before_the_day_ended() -> None:
    early = datetime(2017, 11, 30, 16, 45, tzinfo=UTC)
    traffic = [
        delivered(DAY, "save", 200, newest=early),
        delivered(DAY, "save", 3, "app", newest=early.replace(hour=2)),
    ]
    assert numbers(found(traffic)["save_fresh"]) == [("2017-11-30", 6.0, 7.25)]
    # Nothing today, though 150 a day are usual: the newest event is of three days ago, 23:30.
    silent = [delivered(DAY - timedelta(days=3), "save", 150), delivered(DAY, "click", 1)]
    assert numbers(found(silent)["save_fresh"]) == [("2017-11-30", 6.0, 72.5)]
    assert found([delivered(DAY, "save", 99)])["save_fresh"].off == "fewer than 100 events a day"


def test_settings__severity_limits_and_off_by_event_type() -> None:
    traffic = [delivered(DAY, "save", 10), delivered(DAY, "click", 10), *weeks("save", 9, 9), *weeks("click", 9, 9)]
    save = {"min_events": 1, "volume": {"severity": "critical"}, "freshness": {"severity": "off"}}
    rules = found(traffic, event_types={"save": save, "hide": {}})
    assert (rules["save_volume_at_least"].severity, rules["save_volume_at_least"].off) == ("critical", None)
    assert rules["save_fresh"].off == "switched off by checks.event_types.save.freshness.severity"
    assert rules["click_volume_at_least"].off == "fewer than 100 events a day on store"
    # A type that the settings name is told of although it was never seen; others are not.
    assert rules["hide_volume_at_least"].off == "there was nothing of the kind on these days"
    assert "checkout_volume_at_least" not in rules
    assert "(checks.event_types.save.volume.max_drop)" in rules["save_volume_at_least"].description
    assert "(checks.every.volume.max_drop)" in rules["click_volume_at_least"].description


def test_surfaces_are_fit_for_a_log() -> None:
    hostile = "\x1b[31mred\nline" + "x" * 100
    traffic = [delivered(DAY, "impression", 1, hostile), delivered(DAY, "closeup", 2, hostile)]
    (row,) = found(traffic)["closeups_within_impressions"].rows
    assert row["where"] == "2017-11-30 \ufffd[31mred\ufffdline" + "x" * 47
    assert found([delivered(DAY, "save", 3, hostile)])["save_rate_at_least"].off == (
        "fewer than 100 impressions on \ufffd[31mred\ufffdline" + "x" * 47
    )


def test_heaviest__one_user_of_most_events_breaks_the_rule_and_one_item_does_not() -> None:
    most = [Heaviest(DAY, "user", "bot", 300, 2000), Heaviest(DAY, "item", "i1", 300, 1500)]
    rules = {entry.rule: entry for entry in comparisons([], [DAY], ChecksConfig(), False, most)}
    assert numbers(rules["heaviest_user"]) == [("2017-11-30", 0.1, pytest.approx(0.15))]
    assert numbers(rules["heaviest_item"]) == [("2017-11-30", 0.5, pytest.approx(0.2))]
    assert rules["heaviest_user"].severity == "warning"
    assert rules["heaviest_user"].rows[0]["said"] == "user 'bot' has 300 of 2,000 events (15.0%)"
    few = comparisons([], [DAY], ChecksConfig(), False, [Heaviest(DAY, "user", "bot", 300, 999)])
    assert {entry.rule: entry.off for entry in few}["heaviest_user"] == "fewer than 1000 events a day name one"
