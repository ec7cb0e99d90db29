"""backtest_settings: a past day made again with some settings, beside what was served; nothing else changes, nothing is left."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from shortlist.errors import ErasedError, SettingsError
from shortlist.store.scratch import SCRATCH
from tests import published, tiny
from tests.jobs.conftest import Deployment, deploy, job_main

SERVED, DAY = date(2017, 11, 9), date(2017, 11, 16)
JOB = "backtest_settings"
OTHER_WEIGHTS = 'surfaces={"homefeed": {"weights": {"als": 0.0, "cooccurrence": 0.0, "popularity": 1.0}}}'


@pytest.fixture(scope="module")
def night(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """SERVED is published, and the week after it is extracted."""
    deployment = deploy(tmp_path_factory.mktemp("backtest"))
    tiny.write_landing(deployment.landing, tiny.days(last=SERVED))
    deployment.night(SERVED)
    tiny.write_landing(deployment.landing, tiny.days(first=SERVED + timedelta(days=1), last=DAY))
    deployment.run("extract_engagements", DAY)
    yield deployment
    _spark.catalog.clearCache()


def backtest(deployment: Deployment, name: str, *overrides: str, day: date = DAY) -> None:
    """The job; each override is one `--set`."""
    arguments = ["--config", str(deployment.config), "--run-date", day.isoformat(), "--name", name]
    job_main(JOB)([*arguments, *(part for override in overrides for part in ("--set", override))])


def rows(deployment: Deployment, name: str) -> pl.DataFrame:
    return deployment.table("backtests").filter(pl.col("backtest") == name)


def everything_else(deployment: Deployment) -> dict[str, Any]:
    """Versions of all tables and bytes of all manifests, but for those of backtests; and every other file by its name."""
    warehouse = deployment.home / "warehouse"
    versions: dict[str, Any] = {
        path.name: DeltaTable(str(path)).version()
        for path in warehouse.iterdir()
        if (path / "_delta_log").is_dir() and path.name != "backtests"
    }
    for file in sorted(path for path in deployment.home.rglob("*") if path.is_file()):
        if "backtests" not in str(file) and file.stem != JOB:
            versions[str(file)] = file.read_bytes() if file.suffix == ".json" else file.stat().st_size
    return versions


def scratch(deployment: Deployment) -> list[Path]:
    return list((deployment.home / "warehouse" / SCRATCH).glob("*"))


def test_the_settings_that_served_are_no_better_and_no_worse(
    night: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything_else(night)
    backtest(night, "same")
    assert everything_else(night) == before
    assert scratch(night) == []
    found = rows(night, "same")
    assert set(found["source"]) == {"blend", "served", "als", "cooccurrence", "popularity"}
    assert set(found["surface"]) == {"homefeed", "related"}
    assert found.select("candidates_date", "horizon_days", "run_date").unique().rows() == [(SERVED, 7, DAY)]
    assert found["settings_fingerprint"].n_unique() == 1
    what = ["surface", "segment", "metric", "k"]
    blend, served = (
        found.filter(source=source).select(*what, "value", "subjects", "without_list").sort(what)
        for source in ("blend", "served")
    )
    assert blend.equals(served)
    differences = found.filter(source="served").drop_nulls("blend_minus_source")
    assert set(differences["metric"]) >= {"recall", "ndcg", "hit_rate"}
    assert set(differences["blend_minus_source"]) == {0.0}
    said = capsys.readouterr().err
    for surface in ("homefeed", "related"):
        assert f"{surface}: the tried lists of {SERVED} are those that were served" in said
