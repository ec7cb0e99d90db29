"""Lateness worked out by hand."""

from datetime import date, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.transforms.rhythms import is_lapsing, lateness_of_users

DAY = date(2017, 11, 30)


def events(spark: SparkSession, **days: list[int]) -> DataFrame:
    """Days before DAY on which each user was active; below 0: after it."""
    rows = [(user, "checkout", DAY - timedelta(days=ago)) for user, each in days.items() for ago in each]
    rows += [("seldom", "impression", DAY)]
    return spark.createDataFrame(rows, "user_id string, event_type string, event_date date")


def test_days_since_the_last_one_in_own_intervals(spark: SparkSession) -> None:
    frame = events(
        spark,
        weekly=[28, 21, 14, 14, 14],  # every 7 days, the last 14 ago; a day counts once
        daily=[3, 2, 1],
        uneven=[20, 10, 8],  # 12 days in 2 steps, 8 ago
        today=[4, 0],
        back=[21, 14, -1],  # what comes later is not looked at
        once=[9, 9],
        seldom=[100, 40],  # an impression makes no active day
    )
    found = {row[0]: row[1] for row in lateness_of_users(frame, DAY, ["checkout"], 2).collect()}
    assert found == pytest.approx({"weekly": 2, "daily": 1, "uneven": 8 / 6, "today": 0, "back": 2, "seldom": 2 / 3})
    assert {row[0] for row in lateness_of_users(frame, DAY, ["checkout"], 3).collect()} == {"weekly", "daily", "uneven"}
    assert {row[0] for row in lateness_of_users(frame, DAY, ["checkout"], 1).collect()} == set(found)


def test_lapsing_lies_between_two_bounds(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1.9,), (2.0,), (5.0,), (5.1,)], "lateness double")
    assert [row[0] for row in frame.where(is_lapsing(2.0, 5.0)).collect()] == [2.0, 5.0]
    assert [row[0] for row in frame.where(is_lapsing(2.0, None)).collect()] == [2.0, 5.0, 5.1]
