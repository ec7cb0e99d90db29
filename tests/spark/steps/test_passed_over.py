"""Who gets no list: users of a blocked audience, users to whom something was sent, and users who have been away."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

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


def history(spark: SparkSession) -> DataFrame:
    """a and b did something two weeks before DAY, b again three days before it, c two, d on it, in its first second."""
    rows = [("a", 16, 12), ("b", 16, 12), ("b", 27, 23), ("c", 28, 0), ("d", 30, 0)]
    at = [(user, datetime(2017, 11, day, hour, tzinfo=UTC)) for user, day, hour in rows]
    return spark.createDataFrame(at, "user_id string, last_ts timestamp")


def test_whoever_is_blocked_is_so_first(spark: SparkSession, home: Path) -> None:
    members = [
        {"audience": name, "user_id": user, "snapshot_date": DAY} for name, user in (("out", "a"), ("club", "d"))
    ]
    write(home / "warehouse", "audience_members", "audience_members", members)
    run = run_of(spark, home, DAY)
    mail = {"surface": "mail", "user_days": 7}
    found = passed_over(run, "growth", surface(sent=mail, blocked_audience="out"), history(spark))
    assert found is not None
    assert dict(map(tuple, found.collect())) == {"a": "blocked", "b": "sent_lately"}
    users = spark.createDataFrame([("a",), ("b",), ("c",)], "subject_id string")
    assert [row[0] for row in without_passed_over(users, found).collect()] == ["c"]


def test_whoever_did_nothing_lately_is_inactive_unless_something_else_keeps_a_list_from_them(
    spark: SparkSession, home: Path
) -> None:
    run, mail = run_of(spark, home, DAY), {"surface": "mail", "user_days": 7}
    found = passed_over(run, "homefeed", surface(active_within_days=3), history(spark))
    assert found is not None
    assert dict(map(tuple, found.collect())) == {"a": "inactive", "b": "inactive"}
    both = passed_over(run, "homefeed", surface(active_within_days=2, sent=mail), history(spark))
    assert both is not None
    assert dict(map(tuple, both.collect())) == {"a": "sent_lately", "b": "sent_lately", "c": "inactive"}


def test_a_surface_without_such_a_rule_passes_nobody_over(spark: SparkSession, home: Path) -> None:
    nobody = surface(sent={"surface": "mail", "user_days": None})
    assert passed_over(run_of(spark, home, DAY), "growth", nobody, history(spark)) is None
    users = spark.createDataFrame([("a",)], "subject_id string")
    assert without_passed_over(users, None) is users


def test_an_audience_that_nobody_knows_blocks_the_run(spark: SparkSession, home: Path) -> None:
    with pytest.raises(
        InputMissingError, match=r"surfaces\.growth\.blocked_audience is 'out', and no audience_members are known"
    ):
        passed_over(run_of(spark, home, DAY), "growth", surface(blocked_audience="out"), history(spark))
