"""Published lists described and compared: answers counted by hand."""

from datetime import date

import polars as pl
import pytest

from shortlist.reports.lists import (
    RankBand,
    ReasonFacts,
    SourceShare,
    compare_lists,
    describe_lists,
    describe_reasons,
    draw_subjects,
)


def lists_of(rows: list[tuple[str, int, str, float, str]]) -> pl.DataFrame:
    schema = {"subject_id": pl.String, "rank": pl.Int32, "item_id": pl.String, "score": pl.Float64, "source": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_describe_lists__by_hand() -> None:
    lists = lists_of(
        [("u", 1, "a", 0.9, "als"), ("u", 2, "b", 0.5, "cooc"), ("v", 1, "a", 0.7, "als"), ("w", 1, "c", 0.8, "cooc")]
    )
    facts = describe_lists(lists, k=2)
    assert facts is not None
    assert (facts.rows, facts.subjects, facts.short, facts.shortest, facts.distinct_items) == (4, 3, 2, 1, 3)
    assert (facts.top_item, facts.top_item_lists) == ("a", 2 / 3)
    assert facts.top_ten_lists == pytest.approx((2 + 1 + 1) / 3 / 3)
    assert facts.shares == (SourceShare("als", 2, 0.5), SourceShare("cooc", 2, 0.5))
    first, second = facts.bands
    assert (first.first, first.last, first.median) == (1, 1, 0.8)
    assert first.shares == {"als": 2 / 3, "cooc": 1 / 3}
    assert second == RankBand(2, 2, {"cooc": 1.0}, 0.5, 0.5, 0.5)


def test_describe_lists__ten_items_that_most_lists_hold() -> None:
    # Of twenty lists, item n stands in the first 20 - n: the ten most shown in 20, 19, ... 11 of them.
    rows = [(f"s{s}", n + 1, f"i{n:02}", -float(n), "als") for s in range(20) for n in range(20 - s)]
    facts = describe_lists(lists_of(rows), k=20)
    assert facts is not None
    assert (facts.top_item, facts.top_item_lists) == ("i00", 1.0)
    assert facts.top_ten_lists == pytest.approx(15.5 / 20)


def test_describe_lists__nothing() -> None:
    assert describe_lists(lists_of([]), k=5) is None


def test_describe_lists__long_lists_share_columns() -> None:
    facts = describe_lists(lists_of([("u", rank, f"i{rank}", -rank, "als") for rank in range(1, 122)]), k=121)
    assert facts is not None
    assert len(facts.bands) == 41
    assert (facts.bands[0].first, facts.bands[0].last, facts.bands[0].median) == (1, 3, -2)
    assert (facts.bands[-1].first, facts.bands[-1].last) == (121, 121)


def test_describe_reasons__by_hand() -> None:
    rows: list[tuple[str | None, int]] = [(None, 40), *((f"i{n}", 1) for n in range(20)), ("often", 20), ("more", 20)]
    counted = pl.DataFrame(rows, schema={"because_item_id": pl.String, "rows": pl.UInt32}, orient="row")
    # The two that are named most, and eight of those that are named once.
    assert describe_reasons(counted) == ReasonFacts(named=0.6, commonest=0.48)
    assert describe_reasons(counted.clear()) is None
    assert describe_reasons(counted.head(1)) == ReasonFacts(named=0.0, commonest=0.0)


def test_compare_lists__by_hand() -> None:
    now = lists_of([("u", 1, "a", 0, "s"), ("u", 2, "b", 0, "s"), ("v", 1, "a", 0, "s"), ("new", 1, "a", 0, "s")])
    then = lists_of([("u", 1, "b", 0, "s"), ("u", 2, "c", 0, "s"), ("u", 3, "d", 0, "s"), ("v", 1, "x", 0, "s")])
    change = compare_lists(now, then.vstack(lists_of([("gone", 1, "a", 0, "s")])), date(2017, 11, 23))
    assert change is not None
    # u kept b, one of the longer list's three; v kept nothing.
    assert (change.subjects, change.arrived, change.left) == (2, 1, 1)
    assert change.overlap == pytest.approx(1 / 6)
    assert change.tenths == (1, 0, 0, 1, 0, 0, 0, 0, 0, 0)


def test_compare_lists__the_same_lists_keep_everything() -> None:
    lists = lists_of([("u", 1, "a", 0, "s"), ("u", 2, "b", 0, "s")])
    change = compare_lists(lists, lists, date(2017, 11, 23))
    assert change is not None
    assert (change.overlap, change.tenths[9]) == (1.0, 1)


def test_compare_lists__no_common_subject() -> None:
    now, then = lists_of([("u", 1, "a", 0, "s")]), lists_of([("v", 1, "a", 0, "s")])
    assert compare_lists(now, then, date(2017, 11, 23)) is None


def test_draw_subjects__is_the_same_in_any_order_and_differs_by_day() -> None:
    subjects = [f"u{n}" for n in range(200)]
    drawn = draw_subjects(subjects, date(2017, 11, 30), 4)
    assert draw_subjects(subjects[::-1], date(2017, 11, 30), 4) == drawn
    assert draw_subjects(subjects, date(2017, 12, 1), 4) != drawn
    assert len(set(drawn)) == 4
    assert draw_subjects(["b", "a", "a"], date(2017, 11, 30), 4) == ["a", "b"]
