"""Who gets no list on purpose: users of a blocked audience, and users to whom something was sent."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from shortlist.config import SurfaceConfig
from shortlist.errors import InputMissingError
from shortlist.steps.passed_over import passed_over, without_passed_over
from tests.published import write
from tests.spark.warehouse.test_publishing import run_of

DAY = date(2017, 11, 30)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """a was mailed on DAY, b seven and c eight days before its end; d got a push message; that e was mailed is known later."""
    monkeypatch.setenv("SHORTLIST_HOME", str(tmp_path))
    sends = [
        ("a", 30, "mail", 30),
        ("b", 24, "mail", 24),
        ("c", 23, "mail", 23),
        ("d", 30, "push", 30),
        ("e", 29, "mail", 31),
    ]
    rows = [
        {
            "event_id": user,
            "event_type": "send",
            "event_ts": datetime(2017, 11, day, 12, tzinfo=UTC),
            "event_date": DAY.replace(day=day),
            "ingest_date": date(2017, 12, 1) if known > 30 else DAY.replace(day=known),
            "user_id": user,
            "item_id": None if user == "b" else "i",
            "surface": surface,
        }
        for user, day, surface, known in sends
    ]
    write(tmp_path / "warehouse", "engagements", "engagements", rows)
    return tmp_path


def surface(**settings: Any) -> SurfaceConfig:
    return SurfaceConfig.model_validate({"subject": "user", "sources": ["als"], **settings})


def test_whoever_is_blocked_is_so_first(spark: SparkSession, home: Path) -> None:
    members = [
        {"audience": name, "user_id": user, "snapshot_date": DAY} for name, user in (("out", "a"), ("club", "d"))
    ]
    write(home / "warehouse", "audience_members", "audience_members", members)
    run = run_of(spark, home, DAY)
    mail = {"surface": "mail", "user_days": 7}
    found = passed_over(run, "growth", surface(sent=mail, blocked_audience="out"))
    assert found is not None
    assert dict(map(tuple, found.collect())) == {"a": "blocked", "b": "sent_lately"}
    users = spark.createDataFrame([("a",), ("b",), ("c",)], "subject_id string")
    assert [row[0] for row in without_passed_over(users, found).collect()] == ["c"]


def test_a_surface_without_such_a_rule_passes_nobody_over(spark: SparkSession, home: Path) -> None:
    assert passed_over(run_of(spark, home, DAY), "growth", surface(sent={"surface": "mail", "user_days": None})) is None
    users = spark.createDataFrame([("a",)], "subject_id string")
    assert without_passed_over(users, None) is users


def test_an_audience_that_nobody_knows_blocks_the_run(spark: SparkSession, home: Path) -> None:
    with pytest.raises(
        InputMissingError, match=r"surfaces\.growth\.blocked_audience is 'out', and no audience_members are known"
    ):
        passed_over(run_of(spark, home, DAY), "growth", surface(blocked_audience="out"))
