"""Clicks of queries, weighed by hand."""

from datetime import date, datetime

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.config import QueriesConfig
from shortlist.subjects import query_text
from shortlist.transforms.queries import clicked_items, query_column

DAY = date(2017, 11, 30)
SCHEMA = (
    "event_id string, event_type string, event_ts timestamp, event_date date, user_id string, session_id string, "
    "item_id string, query string, position int"
)
EVERYBODY = QueriesConfig(half_life_days=None, min_users=1)
Row = tuple[str, int, str | None, str | None, str | None, int | None]


def events(spark: SparkSession, *rows: Row) -> DataFrame:
    """Rows of (event_type, day of November, user, item, query, position); sessions are those of the row's number."""
    full = [
        (
            f"e{number}",
            kind,
            datetime(2017, 11, day, 12),
            date(2017, 11, day),
            user,
            f"s{number}",
            item,
            query,
            position,
        )
        for number, (kind, day, user, item, query, position) in enumerate(rows)
    ]
    return spark.createDataFrame(full, SCHEMA)


def weights(frame: DataFrame) -> dict[tuple[str, str], tuple[object, int]]:
    return {(row.query, row.item_id): (pytest.approx(row.weight), row.events) for row in frame.collect()}


def test_where_nothing_was_exposed_clicks_are_counted(spark: SparkSession) -> None:
    frame = events(
        spark,
        ("click", 30, "u", "shoe", "Red  Shoe", None),
        ("checkout", 30, "v", "shoe", " red shoe", None),
        ("click", 30, "u", "hat", "red shoe", None),
        ("click", 30, "u", None, "red shoe", None),
        ("click", 30, "u", "hat", None, None),
        ("click", 30, "u", "hat", "  ", None),
        ("hide", 30, "u", "hat", "red shoe", None),
    )
    assert weights(clicked_items(frame, DAY, EVERYBODY)) == {
        ("red shoe", "shoe"): (2.0, 2),
        ("red shoe", "hat"): (1.0, 1),
    }


def test_clicks_count_against_what_their_positions_let_expect(spark: SparkSession) -> None:
    shown = [("impression", 30, "u", item, "q", position) for item, position in (("a", 1), ("b", 2)) for _ in range(4)]
    # Position 1 is clicked 3 times in 4, position 2 once in 4.
    clicked = [("click", 30, "u", "a", "q", 1)] * 3 + [("click", 30, "u", "b", "q", 2)]
    never_shown = [("click", 30, "u", "c", "q", None)]
    found = clicked_items(events(spark, *shown, *clicked, *never_shown), DAY, EVERYBODY)
    assert weights(found) == {
        ("q", "a"): ((3 + 1) / (4 * 0.75 + 1), 3),
        ("q", "b"): ((1 + 1) / (4 * 0.25 + 1), 1),
        ("q", "c"): (2.0, 1),
    }


def test_an_item_below_others_needs_fewer_clicks(spark: SparkSession) -> None:
    shown: list[Row] = [*[("impression", 30, "u", "top", "q", 1)] * 10, *[("impression", 30, "u", "low", "q", 9)] * 10]
    others: list[Row] = [*[("impression", 30, "u", "x", "other", 9)] * 10]
    clicked: list[Row] = [*[("click", 30, "u", "top", "q", 1)] * 4, *[("click", 30, "u", "low", "q", 9)] * 2]
    found = {
        row.item_id: row.weight
        for row in clicked_items(events(spark, *shown, *others, *clicked), DAY, EVERYBODY).collect()
    }
    # 10 exposures at position 1 let expect 4 clicks, at position 9 only 1: 2 of 20 exposures there were clicked.
    assert found == {"top": pytest.approx(1.0), "low": pytest.approx((2 + 1) / (1 + 1))}


def test_clicks_and_exposures_count_less_by_age(spark: SparkSession) -> None:
    config = QueriesConfig(half_life_days=10, min_users=1)
    assert weights(clicked_items(events(spark, ("click", 20, "u", "a", "q", None)), DAY, config)) == {
        ("q", "a"): (0.5, 1)
    }


def test_what_one_person_searched_for_is_theirs(spark: SparkSession) -> None:
    frame = events(
        spark,
        *[("click", 30, "u", "a", "own", None)] * 5,
        ("click", 30, "u", "a", "shared", None),
        ("click", 30, "v", "a", "shared", None),
        # Without a user a session stands for one.
        ("click", 30, None, "a", "of sessions", None),
        ("click", 30, None, "a", "of sessions", None),
    )
    found = clicked_items(frame, DAY, QueriesConfig(min_users=2))
    assert {row.query for row in found.collect()} == {"shared", "of sessions"}


@pytest.mark.parametrize("text", ["Red Shoe", "  red\tshoe ", "RED\u00a0SHOE", "red \u3000 shoe", "red\nshoe"])
def test_a_query_has_one_name_in_spark_and_in_python(spark: SparkSession, text: str) -> None:
    frame = spark.createDataFrame([(text,)], "query string")
    ((found,),) = frame.select(query_column(F.col("query"))).collect()
    assert found == query_text(text) == "red shoe"
