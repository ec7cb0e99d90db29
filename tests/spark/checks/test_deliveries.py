"""Whole folders: what holds a run."""

from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.checks.deliveries import require_usable
from shortlist.config import ExtractionConfig
from shortlist.errors import HeldError
from shortlist.transforms.deliveries import Delivery

DAY, NEXT = date(2017, 11, 30), date(2017, 12, 1)


def delivery(day: date, landed: int, bad: int) -> Delivery:
    return Delivery("saves", day, f"landing/saves/{day}", landed, bad)


def rejected(spark: SparkSession, bad: dict[date, list[list[str]]]) -> DataFrame:
    rows = [
        (f"saves/{day}/part-0", day, f"line {n}", reasons)
        for day, lines in bad.items()
        for n, reasons in enumerate(lines)
    ]
    return spark.createDataFrame(rows, "file string, ingest_date date, raw string, reasons array<string>")


def held(deliveries: list[Delivery], bad: DataFrame, **config: Any) -> str:
    with pytest.raises(HeldError) as error:
        require_usable(deliveries, bad, ExtractionConfig(**config))
    return str(error.value)


BAD = [["user_id is missing", "unknown event_type"], ["user_id is missing", "event_ts is missing"]]


def test_a_share_at_the_limit_passes_and_above_it_holds_with_reasons_counts_and_samples(spark: SparkSession) -> None:
    bad = rejected(spark, {DAY: BAD, NEXT: [["invalid UTF-8"]]})
    deliveries = [delivery(NEXT, 4, 1), delivery(DAY, 5, 2)]
    require_usable(deliveries, bad, ExtractionConfig(max_rejected_share=0.4))
    message = held(deliveries, bad, max_rejected_share=0.39)
    for part in (f"landing/saves/{DAY}", "2 of 5 lines", "user_id is missing", "unknown event_type", "line 0"):
        assert part in message
    assert "invalid UTF-8" not in message
    assert "extraction.feeds.saves.fields" in message
    assert "extraction.feeds.saves.event_types" in message


def test_one_kind_of_reason_may_have_a_limit_of_its_own(spark: SparkSession) -> None:
    """Two rows miss something, one of them two things: two of ten rows, not three."""
    bad = rejected(spark, {DAY: BAD})
    lenient: dict[str, Any] = {"max_rejected_share": 0.5}
    require_usable([delivery(DAY, 10, 2)], bad, ExtractionConfig(**lenient, max_share_by_reason={"missing": 0.2}))
    message = held([delivery(DAY, 10, 2)], bad, **lenient, max_share_by_reason={"missing": 0.1})
    for part in (
        f"landing/saves/{DAY}",
        "missing speaks against 2 of 10 lines",
        "max_share_by_reason.missing",
        "line 0",
    ):
        assert part in message
    message = held([delivery(DAY, 10, 2)], bad, **lenient, max_share_by_reason={"unknown_event_type": 0})
    assert "unknown_event_type speaks against 1 of 10 lines" in message


def test_an_empty_folder_holds_also_beside_full_ones(spark: SparkSession) -> None:
    message = held([delivery(DAY, 3, 0), delivery(NEXT, 0, 0)], rejected(spark, {DAY: BAD}), max_rejected_share=1.0)
    assert "landing/saves/2017-12-01 is complete but holds no events" in message
