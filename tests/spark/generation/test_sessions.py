"""Samples of sessions: in order, capped, without what was hidden, the same for any partitions."""

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.config import BasketConfig
from shortlist.config.sources import SessionsConfig
from shortlist.generation.sessions import draw_sessions, session_rows

SCHEMA = (
    "event_type string, event_ts timestamp, event_date date, user_id string, item_id string, "
    "session_id string, board_id string, request_id string"
)


def events(spark: SparkSession, *rows: tuple[str, str, str, int], kind: str = "click") -> DataFrame:
    """Rows of (user, session, item, minute on 2017-11-30)."""
    at = [datetime(2017, 11, 30, 9, minute) for _, _, _, minute in rows]
    return spark.createDataFrame(
        [
            (kind, stamp, stamp.date(), user, item, session, None, None)
            for stamp, (user, session, item, _) in zip(at, rows, strict=True)
        ],
        SCHEMA,
    )


def drawn(frame: DataFrame, basket: BasketConfig | None = None, **more: Any) -> dict[str, list[str]]:
    config = SessionsConfig.model_validate(more)
    sessions = draw_sessions(frame, config, basket or BasketConfig(event_types=("click",)))
    return {row.basket_id: list(row["items"]) for row in sessions.collect()}


def test_each_item_once_where_it_was_last_and_ties_by_id(spark: SparkSession) -> None:
    frame = events(spark, ("u", "s", "b", 1), ("u", "s", "a", 2), ("u", "s", "b", 3), ("u", "s", "d", 3))
    assert drawn(frame) == {"s": ["a", "b", "d"]}


def test_the_newest_items_of_a_long_session_stay(spark: SparkSession) -> None:
    frame = events(spark, *(("u", "s", f"i{minute}", minute) for minute in range(5)))
    assert drawn(frame, BasketConfig(event_types=("click",), max_items=3)) == {"s": ["i2", "i3", "i4"]}
    assert drawn(frame, BasketConfig(event_types=("click",), max_items=5))["s"] == [f"i{n}" for n in range(5)]


def test_hidden_items_other_types_and_blank_names_are_left_out(spark: SparkSession) -> None:
    frame = events(spark, *(("u", "s", item, minute) for minute, item in enumerate("abc")), ("u", " ", "a", 5))
    frame = frame.unionByName(events(spark, ("u", "s", "b", 9), kind="hide"))
    frame = frame.unionByName(events(spark, ("u", "s", "e", 9), kind="checkout"))
    assert drawn(frame) == {"s": ["a", "c"]}


def test_a_session_of_two_users_is_two_and_one_item_is_none(spark: SparkSession) -> None:
    frame = events(spark, ("u", "s", "a", 1), ("v", "s", "b", 2), ("v", "s", "c", 3))
    assert drawn(frame) == {"s": ["b", "c"]}


def test_all_of_a_user_may_be_one_session(spark: SparkSession) -> None:
    frame = events(spark, ("u", "s", "a", 1), ("u", "t", "b", 2))
    basket = BasketConfig(event_types=("click",), window="lookback")
    assert drawn(frame, basket, basket_kind="user-window") == {"u/all": ["a", "b"]}


def test_the_draw_follows_from_names_and_seed_alone(spark: SparkSession) -> None:
    rows = [("u", f"s{number}", item, minute) for number in range(40) for minute, item in enumerate("ab")]
    few = drawn(events(spark, *rows), sample_sessions=10)
    assert len(few) == 10
    assert drawn(events(spark, *reversed(rows)).repartition(5), sample_sessions=10) == few
    assert drawn(events(spark, *rows), sample_sessions=10, seed=8) != few
    assert drawn(events(spark, *rows), sample_sessions=20).items() > few.items()


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_rows_are_in_the_order_of_time_and_unknown_items_are_left_out(order: list[int]) -> None:
    whole = pa.table(
        {
            "user_id": ["u", "u"],
            "basket_id": ["late", "early"],
            "event_ts": [datetime(2017, 11, 30), datetime(2017, 11, 29)],
            "items": [["c", "a"], ["b", "x", "c"]],
        }
    ).take(order)
    found = session_rows(whole, pa.array(["a", "b", "c"]))
    assert found.indptr.tolist() == [0, 2, 4]
    assert found.indices.tolist() == [1, 2, 2, 0]
