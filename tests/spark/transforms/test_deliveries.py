"""Each event once, erased subjects, and accounts that balance."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import (
    EVENT_DATE,
    EVENT_ID,
    FILE,
    INGEST_DATE,
    OFFSET,
    USER_ID,
)
from shortlist.tables import ENGAGEMENTS
from shortlist.transforms.deliveries import (
    FileAccount,
    as_delivered,
    displaced,
    first_deliveries,
    totals,
)

DAY = date(2017, 11, 30)
# (event id, days after DAY on which it was delivered, file, offset, days after DAY on which it happened)
Given = tuple[str, int, str, int, int]


def delivered(spark: SparkSession, *rows: Given) -> DataFrame:
    """Events with their delivery; user_id says which of the given rows it is."""
    data = [
        (event, f"row {number}", file, offset, DAY + timedelta(days=ingest), DAY + timedelta(days=happened))
        for number, (event, ingest, file, offset, happened) in enumerate(rows)
    ]
    known = [EVENT_ID, USER_ID, FILE, OFFSET, INGEST_DATE, EVENT_DATE]
    frame = spark.createDataFrame(
        data,
        f"{EVENT_ID} string, {USER_ID} string, {FILE} string, {OFFSET} bigint, {INGEST_DATE} date, {EVENT_DATE} date",
    )
    absent = {field.name: F.lit(None).cast(field.dataType) for field in ENGAGEMENTS.schema if field.name not in known}
    return frame.withColumns(absent)


def rows_of(frame: DataFrame) -> list[int]:
    return sorted(int(row[USER_ID].split()[1]) for row in frame.collect())


def split(spark: SparkSession, lookback_days: int, *rows: Given) -> tuple[list[int], list[int]]:
    kept, lost = first_deliveries(lookback_days, delivered(spark, *rows))
    return rows_of(kept), rows_of(lost)


def test_folder_then_file_then_row_decide(spark: SparkSession) -> None:
    rows: list[Given] = [
        ("e1", 1, "a", 0, 0),
        ("e1", 0, "b", 0, 0),
        ("e1", 0, "a", 9, 0),
        ("e1", 0, "a", 2, 0),
        ("e2", 5, "z", 0, 0),
    ]
    assert split(spark, 30, *rows) == ([3, 4], [0, 1, 2])
    assert split(spark, 30, *reversed(rows)) == ([0, 1], [2, 3, 4])


def test_one_id_with_two_dates_is_one_event_within_the_look_back(spark: SparkSession) -> None:
    assert split(spark, 2, ("e1", 3, "a", 0, 0), ("e1", 4, "a", 0, 2)) == ([0], [1])
    assert split(spark, 2, ("e1", 3, "a", 0, 0), ("e1", 4, "a", 0, 3)) == ([0, 1], [])


def test_only_what_was_kept_keeps_others_out(spark: SparkSession) -> None:
    """Dates 0, 2 and 4: the second is the first's duplicate, so the third is two days from nothing that was kept."""
    rows: list[Given] = [("e1", 1, "a", 0, 0), ("e1", 2, "a", 0, 2), ("e1", 5, "a", 0, 4)]
    assert split(spark, 3, *rows) == ([0, 2], [1])


def reference(rows: list[Given], lookback_days: int) -> tuple[list[int], list[int]]:
    """The rule, said again in plain Python."""
    kept: list[int] = []
    for number in sorted(range(len(rows)), key=lambda number: rows[number][1:]):
        near = [
            other
            for other in kept
            if rows[other][0] == rows[number][0] and abs(rows[other][4] - rows[number][4]) <= lookback_days
        ]
        if not near:
            kept.append(number)
    return sorted(kept), sorted(set(range(len(rows))) - set(kept))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chosen=st.lists(
        st.tuples(
            st.sampled_from("xy"), st.integers(0, 3), st.sampled_from("ab"), st.integers(0, 3), st.integers(-4, 0)
        ),
        min_size=1,
        max_size=12,
        unique_by=lambda row: row[1:4],
    ),
    lookback_days=st.integers(0, 3),
)
def test_any_deliveries_are_as_the_rule_says(spark: SparkSession, chosen: list[Given], lookback_days: int) -> None:
    assert split(spark, lookback_days, *chosen) == reference(chosen, lookback_days)


def test_rows_of_the_table_come_before_the_files_of_their_day(spark: SparkSession) -> None:
    stored, again = delivered(spark, ("e1", 0, "", 0, 0)), delivered(spark, ("e1", 0, "a", 0, 0))
    kept, lost = first_deliveries(30, again, as_delivered(stored))
    assert ([row[FILE] for row in kept.collect()], [row[FILE] for row in lost.collect()]) == ([""], ["a"])


def test_a_row_that_stands_under_another_date_is_displaced(spark: SparkSession) -> None:
    stored = delivered(spark, ("same", 1, "", 0, 0), ("moved", 1, "", 0, 0), ("gone", 1, "", 0, 0))
    merged = delivered(spark, ("same", 0, "a", 0, 0), ("moved", 0, "a", 0, -1))
    assert {row[EVENT_ID] for row in displaced(stored, merged).collect()} == {"moved", "gone"}


@pytest.mark.parametrize(
    ("change", "missing"), [({}, 0), ({"landed": 11}, 1), ({"duplicates": 4}, -1), ({"erased": 0}, 1)]
)
def test_an_account_says_what_is_missing(change: dict[str, Any], missing: int) -> None:
    counts = {"landed": 10, "accepted": 4, "quarantined": 2, "duplicates": 3, "erased": 1, **change}
    account = FileAccount("f", **counts)
    assert account.missing == missing
    assert totals([account, account]) == {name: 2 * count for name, count in counts.items()}
