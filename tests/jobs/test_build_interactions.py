"""build_interactions: weights and baskets of four users, worked out by hand; what is later or too old is not read."""

import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from shortlist.store.manifests import read_manifest
from tests import published
from tests.jobs.conftest import Deployment

DAY, EARLIER, LATER = date(2017, 11, 10), date(2017, 11, 9), date(2017, 11, 11)
WEIGHTS = 'interactions={"half_life_days": 1, "weights": {"checkout": 2, "save": 1}}'


def event(day: date, user: str, item: str, kind: str = "checkout", session: str | None = None) -> dict[str, Any]:
    return {
        "event_id": f"{day}-{user}-{item}-{kind}",
        "event_type": kind,
        "event_ts": datetime(day.year, day.month, day.day, 10, tzinfo=UTC),
        "user_id": user,
        "item_id": item,
        "session_id": session,
        "ingest_date": day,
        "event_date": day,
    }


@pytest.fixture
def extracted(spark: SparkSession, deployment: Deployment) -> Deployment:
    """Two days up to DAY, one after it, and one of EARLIER that was delivered after DAY."""
    events = [
        event(EARLIER, "u1", "i1", session="s1"),
        event(EARLIER, "u1", "i2", session="s1"),
        event(EARLIER, "u2", "i1"),
        event(DAY, "u1", "i1", session="s2"),
        event(DAY, "u3", "i2", "hide"),
        event(DAY, "u3", "i3", "save"),
        event(DAY, "u4", "i4", session="s3"),
        event(LATER, "u1", "i9", session="s9"),
        {**event(EARLIER, "u2", "i8", session="s1"), "ingest_date": LATER},
    ]
    published.write(deployment.home / "warehouse", "engagements", "engagements", events)
    return deployment


def interactions(deployment: Deployment) -> dict[tuple[str, str], tuple[float, int, bool]]:
    rows = deployment.table("interactions").filter(pl.col("run_date") == DAY)
    named = rows.select("user_id", "item_id", "weight", "events", "hidden").iter_rows()
    return {(user, item): (weight, events, hidden) for user, item, weight, events, hidden in named}


def test_one_weight_for_each_user_and_item_by_type_and_age(extracted: Deployment) -> None:
    # A half-life of one day: yesterday's checkout weighs half of today's.
    extracted.run("build_interactions", DAY, WEIGHTS)
    assert interactions(extracted) == {
        ("u1", "i1"): (3.0, 2, False),
        ("u1", "i2"): (1.0, 1, False),
        ("u2", "i1"): (1.0, 1, False),
        ("u3", "i2"): (0.0, 0, True),
        ("u3", "i3"): (1.0, 1, False),
        ("u4", "i4"): (2.0, 1, False),
    }
    baskets = extracted.table("baskets").filter(run_date=DAY, basket_kind="session")
    found = dict(baskets.group_by("basket_id").agg(pl.col("item_id").sort()).iter_rows())
    # A save is no checkout, and u2's checkout names no session.
    assert found == {"s1": ["i1", "i2"], "s2": ["i1"], "s3": ["i4"]}


def test_json_lines_of_the_job_name_the_run_and_each_table_that_it_wrote(
    extracted: Deployment, capfd: pytest.CaptureFixture[str]
) -> None:
    extracted.run("build_interactions", DAY, WEIGHTS, "telemetry.json_logs=true", attempt=3)
    logged = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith('{"time"')]
    manifest = read_manifest(str(extracted.home / "manifests"), DAY, "build_interactions")
    of_the_run = {"job": "build_interactions", "run_id": manifest.run_id, "run_date": DAY.isoformat(), "attempt": 3}
    assert all(line.items() >= of_the_run.items() for line in logged)
    tables = {line["table"]: (line["partition"], line["table_version"]) for line in logged if "table" in line}
    newest = {
        name: DeltaTable(str(extracted.home / "warehouse" / name)).version() for name in ("interactions", "baskets")
    }
    assert tables == {
        "interactions": (f"run_date={DAY}", newest["interactions"]),
        "baskets": (f"run_date={DAY}/basket_kind=session", newest["baskets"]),
    }
    assert logged[-1]["message"].startswith("build_interactions ended well after ")


def test_a_look_back_leaves_out_what_is_older_and_says_how_much(
    extracted: Deployment, capfd: pytest.CaptureFixture[str]
) -> None:
    extracted.run("build_interactions", DAY, "interactions.lookback_days=1", "baskets.session.lookback_days=1")
    assert set(interactions(extracted)) == {("u1", "i1"), ("u3", "i2"), ("u3", "i3"), ("u4", "i4")}
    assert set(extracted.table("baskets")["basket_id"]) == {"s2", "s3"}
    # Of the nine one is of LATER, and one of EARLIER was delivered then; four of the others are of DAY.
    logged = capfd.readouterr().err
    assert (
        "interactions.lookback_days 1 leaves 4 of 7 stored engagements (57.1 %), those of 2017-11-10 and later"
        in logged
    )
    manifest = json.loads((extracted.home / f"manifests/run_date={DAY}/build_interactions.json").read_text())
    assert manifest["look_back"] == {"days": 1, "stored": 7, "kept": 4}
