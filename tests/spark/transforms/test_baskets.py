"""Baskets: named by their kind, each item once, capped exactly."""

from datetime import date, datetime

import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.config import BasketConfig, BasketKind
from shortlist.transforms.baskets import build_baskets

SCHEMA = (
    "event_type string, event_ts timestamp, event_date date, user_id string, item_id string, "
    "session_id string, board_id string, request_id string"
)


def events(spark: SparkSession, *rows: tuple[str, str, int, str | None, str | None]) -> DataFrame:
    """Rows of (event_type, item, hour on 2017-11-30, session, board)."""
    day = date(2017, 11, 30)
    full = [
        (kind, datetime(2017, 11, 30, hour), day, "u", item, session, board, "r")
        for kind, item, hour, session, board in rows
    ]
    return spark.createDataFrame(full, SCHEMA)


def content(frame: DataFrame) -> list[tuple[str, str, str, int, float]]:
    return sorted((r.basket_kind, r.basket_id, r.item_id, r.position, r.weight) for r in frame.collect())


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
    assert content(build_baskets(frame, "session", BasketConfig(), seed=1)) == [
        ("session", "s1", "a", 2, 1.0),
        ("session", "s1", "b", 1, 1.0),
        ("session", "s2", "a", 1, 1.0),
    ]


@pytest.mark.parametrize(("kind", "name"), [("board", "b1"), ("order", "r"), ("user-window", "u/2499")])
def test_other_kinds_have_other_names(spark: SparkSession, kind: BasketKind, name: str) -> None:
    frame = events(spark, ("checkout", "a", 9, "s1", "b1"))
    assert content(build_baskets(frame, kind, BasketConfig(), seed=1)) == [(kind, name, "a", 1, 1.0)]


def test_a_basket_over_the_cap_keeps_exactly_the_cap_by_seed(spark: SparkSession) -> None:
    frame = events(spark, *[("checkout", f"i{n:02d}", 9, "s", None) for n in range(30)])

    def kept(seed: int) -> set[str]:
        rows = build_baskets(frame.repartition(3, "item_id"), "session", BasketConfig(max_items=10), seed).collect()
        assert sorted(row.position for row in rows) == list(range(1, 11))
        return {row.item_id for row in rows}

    assert len(kept(1)) == 10
    assert kept(1) == kept(1)
    assert kept(1) != kept(2)
