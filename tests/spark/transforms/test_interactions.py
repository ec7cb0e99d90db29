"""Weights computed by hand."""

from datetime import date, datetime

import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.config import InteractionsConfig
from shortlist.transforms.interactions import build_interactions

DAY = date(2017, 11, 30)
SCHEMA = "event_id string, event_type string, event_ts timestamp, event_date date, user_id string, item_id string"


def events(spark: SparkSession, *rows: tuple[str, str, int, str, str | None]) -> DataFrame:
    """Rows of (event_id, event_type, day of November, user, item)."""
    full = [
        (e, kind, datetime(2017, 11, day, 12), date(2017, 11, day), user, item) for e, kind, day, user, item in rows
    ]
    return spark.createDataFrame(full, SCHEMA)


def weights(frame: DataFrame) -> dict[tuple[str, str], tuple[float, int, bool]]:
    return {(row.user_id, row.item_id): (row.weight, row.events, row.hidden) for row in frame.collect()}


def test_types_add_up_and_decay_by_half_life(spark: SparkSession) -> None:
    frame = events(
        spark,
        ("e1", "checkout", 30, "u", "i"),  # 4 x 1
        ("e2", "checkout", 20, "u", "i"),  # 4 x 1/2
        ("e3", "save", 10, "u", "i"),  # 3 x 1/4
        ("e4", "impression", 30, "u", "i"),  # no weight: not counted
        ("e5", "search", 30, "u", None),
    )
    config = InteractionsConfig(half_life_days=10)
    assert weights(build_interactions(frame, DAY, config)) == {("u", "i"): (6.75, 3, False)}


def test_without_half_life_age_does_not_count(spark: SparkSession) -> None:
    frame = events(spark, ("e1", "checkout", 1, "u", "i"))
    assert weights(build_interactions(frame, DAY, InteractionsConfig(half_life_days=None))) == {
        ("u", "i"): (4.0, 1, False)
    }


def test_only_the_newest_events_of_a_pair_count(spark: SparkSession) -> None:
    frame = events(
        spark, ("e1", "checkout", 10, "u", "i"), ("e2", "checkout", 20, "u", "i"), ("e3", "checkout", 30, "u", "i")
    )
    config = InteractionsConfig(half_life_days=10, max_events_per_pair=2)
    assert weights(build_interactions(frame, DAY, config)) == {("u", "i"): (6.0, 2, False)}


def test_a_hide_is_kept_without_weight_and_does_not_use_up_the_cap(spark: SparkSession) -> None:
    frame = events(spark, ("e1", "hide", 30, "u", "i"), ("e2", "checkout", 30, "u", "i"), ("e3", "hide", 30, "u", "j"))
    config = InteractionsConfig(max_events_per_pair=1)
    assert weights(build_interactions(frame, DAY, config)) == {("u", "i"): (4.0, 1, True), ("u", "j"): (0.0, 0, True)}


def test_purchases_are_counted_beyond_the_cap_and_by_their_types_alone(spark: SparkSession) -> None:
    frame = events(
        spark,
        ("e1", "checkout", 1, "u", "i"),
        ("e2", "checkout", 11, "u", "i"),
        ("e3", "checkout", 21, "u", "i"),
        ("e4", "save", 30, "u", "i"),
        ("e5", "save", 30, "u", "j"),
        ("e6", "hide", 30, "u", "k"),
    )
    columns = ["item_id", "purchases", "first_purchase_ts", "last_purchase_ts"]

    def purchases(**settings: object) -> list[tuple[object, ...]]:
        config = InteractionsConfig.model_validate({"max_events_per_pair": 2, **settings})
        return sorted(map(tuple, build_interactions(frame, DAY, config).select(*columns).collect()))

    first, newest, saved = datetime(2017, 11, 1, 12), datetime(2017, 11, 21, 12), datetime(2017, 11, 30, 12)
    assert purchases() == [("i", 3, first, newest), ("j", 0, None, None), ("k", 0, None, None)]
    both = {"purchase_types": ["checkout", "save"]}
    assert purchases(**both) == [("i", 4, first, saved), ("j", 1, saved, saved), ("k", 0, None, None)]
    # A purchase that interactions do not count is none.
    assert [row[1] for row in purchases(weights={"save": 1})] == [0, 0, 0]


@pytest.mark.parametrize("partitions", [1, 7])
def test_partitioning_does_not_change_a_bit(spark: SparkSession, partitions: int) -> None:
    rows = [(f"e{n}", "click", 1 + n % 30, "u", f"i{n % 3}") for n in range(60)]
    config = InteractionsConfig(weights={"click": 0.1}, half_life_days=7, max_events_per_pair=100)
    frame = events(spark, *rows)
    expected = weights(build_interactions(frame, DAY, config))
    assert weights(build_interactions(frame.repartition(partitions, "event_id"), DAY, config)) == expected
