"""Baskets: named by their kind, each item once, capped exactly, without what was hidden, lighter by age."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from shortlist.config import BasketConfig, BasketKind
from shortlist.transforms.baskets import basket_names, build_baskets, hidden_items

DAY = date(2017, 11, 30)
SCHEMA = (
    "event_type string, event_ts timestamp, event_date date, user_id string, item_id string, "
    "session_id string, board_id string, request_id string"
)
FEW = settings(
    deadline=None, derandomize=True, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Sizes of up to six baskets, or numbers of baskets of up to six items.
SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=6)


def frame_of(spark: SparkSession, *rows: dict[str, Any]) -> DataFrame:
    """Events of 2017-11-30 by user u in session s, on board b, by request r, but for what is given."""
    usual = {
        "type": "checkout",
        "at": datetime(2017, 11, 30, 9),
        "user": "u",
        "session": "s",
        "board": "b",
        "request": "r",
    }
    full = [{**usual, **row} for row in rows]
    names = ("user", "item", "session", "board", "request")
    return spark.createDataFrame(
        [(r["type"], r["at"], r["at"].date(), *(r[name] for name in names)) for r in full], SCHEMA
    )


def events(spark: SparkSession, *rows: tuple[str, str, int, str | None, str | None]) -> DataFrame:
    """Rows of (event_type, item, hour on 2017-11-30, session, board)."""
    named = [
        {"type": kind, "item": item, "at": datetime(2017, 11, 30, hour), "session": session, "board": board}
        for kind, item, hour, session, board in rows
    ]
    return frame_of(spark, *named)


def build(frame: DataFrame, kind: BasketKind = "session", seed: int = 1, **more: Any) -> DataFrame:
    hidden = hidden_items(frame)
    return build_baskets(frame, kind, BasketConfig.model_validate(more), seed, DAY, hidden)


def content(frame: DataFrame) -> list[tuple[str, str, str, int, float]]:
    return sorted((r.basket_kind, r.basket_id, r.item_id, r.position, r.weight) for r in frame.collect())


def by_basket(frame: DataFrame) -> dict[str, list[str]]:
    """The items of each basket, by position; positions count from 1."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for row in frame.collect():
        found[row.basket_id][row.position] = row.item_id
    for basket in found.values():
        assert sorted(basket) == list(range(1, len(basket) + 1))
    return {name: [basket[place] for place in sorted(basket)] for name, basket in found.items()}


def test_a_session_is_a_basket_in_order_of_time(spark: SparkSession) -> None:
    frame = events(
        spark,
        ("checkout", "b", 9, "s1", None),
        ("checkout", "a", 10, "s1", None),
        ("checkout", "b", 11, "s1", None),  # again: once, at its first time
        ("closeup", "c", 12, "s1", None),  # not a type that fills baskets
        ("checkout", "d", 12, None, None),  # in no session
        ("checkout", "a", 12, "s2", None),
    )
    assert content(build(frame)) == [
        ("session", "s1", "a", 2, 1.0),
        ("session", "s1", "b", 1, 1.0),
        ("session", "s2", "a", 1, 1.0),
    ]


@pytest.mark.parametrize(("kind", "name"), [("board", "b1"), ("order", "r"), ("user-window", "u/2499")])
def test_other_kinds_have_other_names(spark: SparkSession, kind: BasketKind, name: str) -> None:
    frame = events(spark, ("checkout", "a", 9, "s1", "b1"))
    assert content(build(frame, kind)) == [(kind, name, "a", 1, 1.0)]
    named = frame.select(*(name.alias(f"n{n}") for n, name in enumerate(basket_names(kind)))).collect()
    assert name in set(named[0])


def test_a_users_whole_set_is_one_basket(spark: SparkSession) -> None:
    week = timedelta(days=7)
    rows = [
        {"item": item, "at": datetime(2017, 11, 1) + n * week, "user": user}
        for n, (user, item) in enumerate([("u", "a"), ("u", "b"), ("v", "c")])
    ]
    frame = frame_of(spark, *rows)
    assert by_basket(build(frame, "user-window", window="lookback")) == {"u/all": ["a", "b"], "v/all": ["c"]}
    assert len(by_basket(build(frame, "user-window"))) == 3
    # Whoever erases a user finds their baskets by either name.
    named = frame.where("user_id = 'v'").select(
        *(name.alias(f"n{n}") for n, name in enumerate(basket_names("user-window")))
    )
    assert "v/all" in set(named.collect()[0])


def test_a_basket_over_the_cap_keeps_exactly_the_cap_by_seed(spark: SparkSession) -> None:
    frame = events(spark, *[("checkout", f"i{n:02d}", 9, "s", None) for n in range(30)])

    def kept(seed: int) -> set[str]:
        rows = build(frame.repartition(3, "item_id"), seed=seed, max_items=10).collect()
        assert sorted(row.position for row in rows) == list(range(1, 11))
        return {row.item_id for row in rows}

    assert len(kept(1)) == 10
    assert kept(1) == kept(1)
    assert kept(1) != kept(2)


@FEW
@given(SIZES, st.integers(2, 8), st.sampled_from(["sample", "newest"]))
def test_every_user_above_the_cap_keeps_exactly_the_cap(
    spark: SparkSession, sizes: list[int], cap: int, keep: Literal["sample", "newest"]
) -> None:
    rows = [
        {"user": f"u{user}", "item": f"i{item:02d}", "at": datetime(2017, 11, 30) - timedelta(hours=item // 2)}
        for user, size in enumerate(sizes)
        for item in range(size)
    ]
    frame = frame_of(spark, *rows).repartition(3, "item_id")
    found = by_basket(build(frame, "user-window", window="lookback", max_items=cap, keep=keep))
    assert found.keys() == {f"u{user}/all" for user in range(len(sizes))}
    for user, size in enumerate(sizes):
        basket = found[f"u{user}/all"]
        assert len(basket) == min(size, cap)
        assert set(basket) <= {f"i{item:02d}" for item in range(size)}
        if keep == "newest":
            # Two items an hour, the first two last: of equals the smaller id stays.
            assert set(basket) == {f"i{item:02d}" for item in range(min(size, cap))}


@FEW
@given(SIZES, st.integers(1, 8))
def test_every_item_above_the_cap_keeps_exactly_the_cap(spark: SparkSession, sizes: list[int], cap: int) -> None:
    rows = [
        {"item": f"i{item}", "session": f"s{session:02d}", "at": datetime(2017, 11, 30, item)}
        for item, size in enumerate(sizes)
        for session in range(size)
    ]
    frame = frame_of(spark, *rows)
    found = by_basket(build(frame, max_baskets_per_item=cap))
    for item, size in enumerate(sizes):
        holding = [basket for basket, items in found.items() if f"i{item}" in items]
        assert len(holding) == min(size, cap)
        assert set(holding) <= {f"s{session:02d}" for session in range(size)}
    assert all(items == sorted(items) for items in found.values())
    assert found == by_basket(build(frame.repartition(4, "session_id"), max_baskets_per_item=cap))


def test_what_an_item_keeps_is_by_seed(spark: SparkSession) -> None:
    frame = frame_of(spark, *[{"item": "a", "session": f"s{n:02d}"} for n in range(30)])
    kept = [set(by_basket(build(frame, seed=seed, max_baskets_per_item=10))) for seed in (1, 1, 2)]
    assert [len(some) for some in kept] == [10] * 3
    assert kept[0] == kept[1] != kept[2]


def test_the_newest_are_by_last_time(spark: SparkSession) -> None:
    # b comes first and again last; a and c once, between.
    frame = events(
        spark,
        ("checkout", "b", 8, "s", None),
        ("checkout", "a", 9, "s", None),
        ("checkout", "c", 10, "s", None),
        ("checkout", "b", 11, "s", None),
    )
    assert by_basket(build(frame, keep="newest", max_items=2)) == {"s": ["b", "c"]}


def test_a_hidden_item_makes_no_pair_in_its_users_baskets(spark: SparkSession) -> None:
    early = datetime(2017, 11, 1)
    frame = frame_of(
        spark,
        {"user": "u", "item": "a", "session": "s1", "board": "shared"},
        {"user": "u", "item": "b", "session": "s1", "board": "shared"},
        {"user": "u", "item": "c", "session": "s2", "board": "own"},
        {"user": "u", "item": "b", "session": "s2", "board": "own"},
        {"user": "v", "item": "b", "session": "s3", "board": "shared"},
        {"user": "v", "item": "c", "session": "s3", "board": "shared"},
        # u hid b, before and elsewhere; nobody else did.
        {"user": "u", "item": "b", "session": "s0", "board": None, "type": "hide", "at": early},
        {"user": "w", "item": "c", "session": "s0", "board": None, "type": "hide", "at": early},
    )
    assert sorted(map(tuple, hidden_items(frame).collect())) == [("u", "b"), ("w", "c")]
    assert by_basket(build(frame)) == {"s1": ["a"], "s2": ["c"], "s3": ["b", "c"]}
    # b stays on the shared board, because v put it there; on u's own it does not.
    assert by_basket(build(frame, "board")) == {"shared": ["a", "b", "c"], "own": ["c"]}
    everything = build_baskets(frame, "session", BasketConfig(), 1, DAY)
    assert by_basket(everything) == {"s1": ["a", "b"], "s2": ["b", "c"], "s3": ["b", "c"]}


def test_a_basket_weighs_less_by_the_age_of_its_last_event(spark: SparkSession) -> None:
    frame = frame_of(
        spark,
        {"item": "a", "session": "old", "at": datetime(2017, 11, 1)},
        {"item": "b", "session": "old", "at": datetime(2017, 11, 20, 23)},
        {"item": "c", "session": "new"},
    )
    found = content(build(frame, half_life_days=10))
    assert [(row[1], row[2], row[4]) for row in found] == [("new", "c", 1.0), ("old", "a", 0.5), ("old", "b", 0.5)]
    assert {row[4] for row in content(build(frame))} == {1.0}


@pytest.mark.parametrize("nothing", [None, "", "  "])
@pytest.mark.parametrize("kind", ["session", "board", "order"])
def test_customers_without_a_name_for_their_basket_share_none(
    spark: SparkSession, kind: BasketKind, nothing: str | None
) -> None:
    column = {"session": "session", "board": "board", "order": "request"}[kind]
    rows = [{"user": f"u{number}", "item": f"i{number}", column: nothing} for number in range(6)]
    found = build_baskets(frame_of(spark, *rows), kind, BasketConfig(), 7, DAY)
    assert found.collect() == []
