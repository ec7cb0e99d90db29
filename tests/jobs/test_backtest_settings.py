"""backtest_settings: a past day made again with some settings, beside what was served; nothing else changes, nothing is left."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from shortlist.errors import ErasedError, HeldError, SettingsError
from shortlist.pipeline import nightly_jobs
from shortlist.steps import backtest as backtesting
from shortlist.steps.build import build
from shortlist.store.manifests import read_manifest
from shortlist.store.scratch import SCRATCH
from shortlist.warehouse.run import Run
from tests import published, tiny
from tests.jobs.conftest import NIGHTLY, Deployment, deploy, job_main

SERVED, DAY = date(2017, 11, 9), date(2017, 11, 16)
JOB = "backtest_settings"
WHAT = ["surface", "segment", "metric", "k"]


@pytest.fixture(scope="module")
def night(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """SERVED is published, and the week after it is extracted."""
    deployment = deploy(tmp_path_factory.mktemp("backtest"))
    tiny.write_landing(deployment.landing, tiny.days(last=SERVED))
    for job in NIGHTLY[: NIGHTLY.index("publish_candidates") + 1]:
        deployment.run(job, SERVED)
    tiny.write_landing(deployment.landing, tiny.days(first=SERVED + timedelta(days=1), last=DAY))
    deployment.run("extract_engagements", DAY)
    yield deployment
    _spark.catalog.clearCache()


def backtest(deployment: Deployment, name: str, *overrides: str, day: date = DAY) -> None:
    """The job; each override is one `--set`."""
    arguments = ["--config", str(deployment.config), "--run-date", day.isoformat(), "--name", name]
    job_main("backtest_settings")([*arguments, *(part for override in overrides for part in ("--set", override))])


def rows(deployment: Deployment, name: str) -> pl.DataFrame:
    return deployment.table("backtests").filter(pl.col("backtest") == name)


def figures(found: pl.DataFrame, source: str) -> pl.DataFrame:
    """What was found of the lists of a source, in one order."""
    return found.filter(source=source).select(*WHAT, "value", "subjects", "without_list").sort(WHAT)


def everything_else(deployment: Deployment) -> dict[str, Any]:
    """Every file by its bytes, and the version of every table; but for the table and the manifest of backtests."""
    files = [path for path in deployment.home.rglob("*") if path.is_file()]
    others = [path for path in files if "backtests" not in str(path) and path.stem != JOB]
    tables = [path.parent for path in deployment.home.glob("warehouse/*/_delta_log") if path.parent.name != "backtests"]
    assert len(tables) > 10
    return {str(path): path.read_bytes() for path in others} | {
        table.name: DeltaTable(str(table)).version() for table in tables
    }


def left(deployment: Deployment) -> list[str]:
    """What lies where scratch warehouses are."""
    return [path.name for path in (deployment.home / "warehouse" / SCRATCH).glob("*")]


def costs(deployment: Deployment) -> Mapping[str, Any]:
    """What the manifest of the last backtest says that its steps cost, by day."""
    return read_manifest(f"{deployment.home}/manifests", DAY, JOB).cost


def test_the_settings_that_served_are_no_better_and_no_worse(
    night: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything_else(night)
    backtest(night, "same")
    assert everything_else(night) == before
    assert left(night) == []
    found = rows(night, "same")
    assert {day: set(steps) for day, steps in costs(night).items()} == {
        str(SERVED): {"train_als", "train_cooccurrence", "generate_candidates"}
    }
    assert set(found["source"]) == {"blend", "served", "als", "cooccurrence", "popularity"}
    assert set(found["surface"]) == {"homefeed", "related"}
    assert found.select("candidates_date", "horizon_days", "run_date").unique().rows() == [(SERVED, 7, DAY)]
    assert found["settings_fingerprint"].n_unique() == 1
    assert figures(found, "blend").equals(figures(found, "served"))
    compared = found.filter(source="served").drop_nulls("blend_minus_source")
    assert set(compared["metric"]) >= {"recall", "ndcg", "hit_rate"}
    assert set(compared["blend_minus_source"]) == {0.0}
    said = capsys.readouterr().err
    for surface in ("homefeed", "related"):
        assert f"{surface}: the tried lists of {SERVED} are those that were served" in said


def test_other_settings_have_other_figures_and_what_would_be_held_is_told(
    night: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """Home feed by co-occurrence alone; a check that holds `related`; a surface that learns and never was; no nights before."""
    killed = night.home / "warehouse" / SCRATCH / f"other-{SERVED}.dead" / "interactions"
    killed.mkdir(parents=True)
    # What it had found before, of which nothing stays.
    stale = {
        "surface": "gone", "candidates_date": SERVED, "horizon_days": 7, "source": "blend", "segment": "all", "metric": "recall",
        "k": 1, "value": 1.0, "subjects": 1, "without_list": 0, "settings_fingerprint": "x", "backtest": "other", "run_date": DAY,
    }  # fmt: skip
    others = [{**stale, "backtest": "kept"}, {**stale, "run_date": DAY - timedelta(days=1)}]
    published.write(night.home / "warehouse", "backtests", "backtests", [stale, *others])
    before = everything_else(night)
    backtest(
        night,
        "other",
        'surfaces.homefeed.weights={"cooccurrence": 1.0}',
        "surfaces.related.guardrails.max_top_item_share=0.001",
        'surfaces.never={"subject": "item", "sources": ["cooccurrence", "als"], "k": 2, "min_item_support": 2, '
        '"learn": {"horizon_days": 3}}',
        'training.days=["monday"]',
        "als.warm_start=true",
    )
    assert everything_else(night) == before
    assert left(night) == []
    found = rows(night, "other").filter(pl.col("run_date") == DAY)
    assert set(found["surface"]) == {"homefeed", "related", "never"}
    assert len(rows(night, "kept")) == len(rows(night, "other").filter(pl.col("run_date") < DAY)) == 1
    home = found.filter(surface="homefeed")
    assert set(home["source"]) == {"blend", "served", "als", "cooccurrence", "popularity"}
    assert not figures(home, "blend").equals(figures(home, "served"))
    assert any(home.filter(source="served").drop_nulls("blend_minus_source")["blend_minus_source"])
    (held,) = found.filter(surface="related").iter_rows(named=True)
    assert (held["metric"], held["value"], held["held_by"]) == ("held", 1.0, "top_item_share")
    assert set(found.filter(surface="never")["source"]) == {"blend", "als", "cooccurrence", "popularity"}
    said = capsys.readouterr().err
    assert f"related would have been held for {SERVED}, so its lists are not judged: top_item_share" in said
    assert f"never: nothing was published for {SERVED}, so the tried lists are judged without it" in said
    assert f"training.days: a backtest has no models of the days before {SERVED}, so it trains on that day" in said
    assert f"subjects with something relevant after {SERVED - timedelta(days=3)}" in said
    assert f"als.warm_start: a backtest has no factors of the day before {SERVED}" in said


def test_a_step_that_fails_leaves_nothing(night: Deployment) -> None:
    before = everything_else(night)
    with pytest.raises(HeldError, match="beyond its budget"):
        backtest(night, "dear", "budget.flops=1")
    assert costs(night)[str(SERVED)]["train_als"]["flops"] > 1
    assert left(night) == []
    assert everything_else(night) == before
    assert not night.exists("backtests") or rows(night, "dear").is_empty()


@pytest.mark.parametrize(
    ("day", "problem"),
    [
        (
            date(2017, 11, 7),
            r"days up to 2017-10-31, whose lists .* no engagement is known; engagements begin on 2017-11-01",
        ),
        (
            DAY + timedelta(days=7),
            r"nothing is known of the days after 2017-11-16, .* engagements end on 2017-11-16; next: ",
        ),
    ],
)
def test_a_day_that_engagements_do_not_reach_is_refused(night: Deployment, day: date, problem: str) -> None:
    with pytest.raises(SettingsError, match=rf"--run-date '{day}': .*{problem}") as refused:
        backtest(night, "early", day=day)
    assert refused.value.exit_code == 2
    assert left(night) == []


def test_nothing_is_written_after_an_erasure(night: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is erased while the first step runs."""

    def build_beside_an_erasure(run: Run) -> None:
        build(run)
        proof = {
            "subject_digest": "d", "subject_kind": "user", "table_name": "engagements", "rows": 1, "table_version": 1,
            "files_removed": 1, "erased_at": datetime(2017, 11, 17, tzinfo=UTC), "run_id": "r", "run_date": DAY,
        }  # fmt: skip
        published.write(night.home / "warehouse", "erasures", "erasures", [proof])

    monkeypatch.setattr(backtesting, "STEPS", {**backtesting.STEPS, "build_interactions": build_beside_an_erasure})
    with pytest.raises(ErasedError, match="backtest_settings: a subject was erased since this run began"):
        backtest(night, "erased")
    assert left(night) == []
    assert not night.exists("backtests") or rows(night, "erased").is_empty()


def test_its_steps_are_those_of_a_night() -> None:
    assert list(backtesting.STEPS) == [
        job for job in nightly_jobs() if job not in ("extract_engagements", "evaluate_candidates")
    ]
