"""Whole folders: what is counted, and what holds a run."""

from datetime import date

import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.checks.deliveries import Delivery, require_usable
from shortlist.errors import HeldError

DAY, NEXT = date(2017, 11, 30), date(2017, 12, 1)
FOLDERS = {DAY: "landing/engagements/2017-11-30", NEXT: "landing/engagements/2017-12-01"}


def parsed(spark: SparkSession, good: dict[date, int], bad: dict[date, list[list[str]]]) -> DataFrame:
    rows: list[tuple[date, str, list[str]]] = [(day, "{}", []) for day, count in good.items() for _ in range(count)]
    rows += [(day, f"line {n}", reasons) for day, lines in bad.items() for n, reasons in enumerate(lines)]
    return spark.createDataFrame(rows, "ingest_date date, raw string, reasons array<string>")


def test_folders_are_counted_each(spark: SparkSession) -> None:
    lines = parsed(spark, {DAY: 3, NEXT: 1}, {DAY: [["user_id is missing"]]})
    assert require_usable(lines, FOLDERS, max_rejected_share=0.25) == [Delivery(DAY, 4, 1), Delivery(NEXT, 1, 0)]


def test_a_share_above_the_limit_holds_with_reasons_counts_and_samples(spark: SparkSession) -> None:
    bad = [["user_id is missing", "unknown event_type"], ["user_id is missing"]]
    lines = parsed(spark, {DAY: 3, NEXT: 1}, {DAY: bad})
    with pytest.raises(HeldError) as held:
        require_usable(lines, FOLDERS, max_rejected_share=0.25)
    for part in (FOLDERS[DAY], "user_id is missing", "2", "unknown event_type", "line 0"):
        assert part in str(held.value)


def test_an_empty_folder_holds_also_beside_full_ones(spark: SparkSession) -> None:
    with pytest.raises(HeldError, match="2017-12-01"):
        require_usable(parsed(spark, {DAY: 3}, {}), FOLDERS, max_rejected_share=1.0)
