"""What is promoted to whom: users with their audiences, and what the log says where a promotion reaches nobody."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from shortlist.generation.offers import with_audiences
from shortlist.generation.prepared import Promoting
from shortlist.rules.promotions import live_promotions
from shortlist.steps.promotions import promoting
from tests.published import write
from tests.spark.warehouse.test_publishing import run_of

DAY = date(2017, 11, 30)
ITEMS = pa.array(["a", "b", "c"])
BEGUN, OVER, ENDS = (datetime(2017, *day, tzinfo=UTC) for day in ((11, 1), (12, 1), (12, 9)))


def land(home: Path, *rows: tuple[str, str | None, datetime], members: tuple[tuple[str, str], ...] = ()) -> None:
    promotions = [
        {"promotion_id": f"p{item}", "item_id": item, "campaign": "x", "audience": audience, "starts_at": BEGUN,
         "ends_at": ends, "snapshot_date": DAY}
        for item, audience, ends in rows
    ]  # fmt: skip
    write(home / "warehouse", "promotions", "promotions", promotions)
    if members:
        named = [{"audience": audience, "user_id": user, "snapshot_date": DAY} for audience, user in members]
        write(home / "warehouse", "audience_members", "audience_members", named)


def known(spark: SparkSession, home: Path) -> Promoting | None:
    """By the demo's settings, of which one surface looks at promotions."""
    return promoting(run_of(spark, home, DAY), DAY)


def audiences(spark: SparkSession, found: Promoting | None) -> dict[str, list[str] | None]:
    assert found is not None
    users = spark.createDataFrame([("u1",), ("u2",), ("u3",)], "subject_id string")
    live = live_promotions(found.promotions, ITEMS, DAY)
    return {row["subject_id"]: row["audiences"] for row in with_audiences(users, found.members, live).collect()}


def test_users_in_an_audience_of_a_live_promotion_are_addressed(
    spark: SparkSession, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    members = (("club", "u2"), ("staff", "u2"), ("staff", "u1"), ("old", "u3"), ("club", "unknown"))
    land(home, ("a", "staff", ENDS), ("b", "club", ENDS), ("c", "old", OVER), ("z", "nobody", ENDS), members=members)
    assert audiences(spark, known(spark, home)) == {"u1": ["staff"], "u2": ["club", "staff"]}
    assert "nobody is in 1 audiences that promotions name, so nobody gets these: nobody" in caplog.text


def test_a_promotion_without_an_audience_is_for_everybody(spark: SparkSession, home: Path) -> None:
    land(home, ("a", "staff", ENDS), ("b", None, ENDS), members=(("staff", "u1"),))
    assert audiences(spark, known(spark, home)) == {"u1": ["staff"], "u2": None, "u3": None}


def test_without_members_only_promotions_without_an_audience_reach_anybody(
    spark: SparkSession, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    land(home, ("a", "staff", ENDS))
    assert audiences(spark, known(spark, home)) == {}
    assert "promotions name 1 audiences, and no audience_members are known up to 2017-11-30" in caplog.text
    shutil.rmtree(home / "warehouse" / "promotions")
    land(home, ("a", "staff", ENDS), ("b", None, ENDS))
    assert audiences(spark, known(spark, home)) == {"u1": None, "u2": None, "u3": None}


def test_without_promotions_nobody_is_addressed(
    spark: SparkSession, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert audiences(spark, known(spark, home)) == {}
    assert "no promotions are known up to 2017-11-30" in caplog.text
    land(home, ("c", "old", OVER))
    assert audiences(spark, known(spark, home)) == {}
    assert "no promotion is live when 2017-11-30 ends" in caplog.text


def test_nothing_is_read_where_no_surface_looks_at_promotions(spark: SparkSession, home: Path) -> None:
    land(home, ("a", "staff", ENDS))
    assert promoting(run_of(spark, home, DAY, "--set", "surfaces.ads.promotions=null"), DAY) is None
