"""train_als: where a day takes from earlier days, it takes from the newest of them, and only from that."""

import json
from datetime import date

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.config.arguments import job_parser, parse_job
from shortlist.errors import HeldError
from shortlist.tables import INTERACTIONS, ITEM_FACTORS, USER_FACTORS
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.models import read_model
from shortlist.warehouse.predicates import equals
from shortlist.warehouse.run import open_run
from tests.jobs.conftest import Deployment

DAYS = (date(2017, 11, 8), date(2017, 11, 9), date(2017, 11, 10))
ENGINE = ("als.engine=local", "als.epochs=2")


@pytest.fixture
def trained(spark: SparkSession, deployment: Deployment) -> Deployment:
    """Interactions of three days, each day a few more."""
    warehouse = Warehouse(spark, str(deployment.home / "warehouse"))
    schema = (
        "user_id string, item_id string, weight float, events int, last_ts timestamp, hidden boolean, run_date date"
    )
    for number, day in enumerate(DAYS):
        rows = [
            (f"u{u}", f"i{i}", 1.0, 1, None, False, day)
            for u in range(6)
            for i in range(6 + number)
            if (u + i) % 2 == 0
        ]
        frame = spark.createDataFrame(rows, schema).selectExpr(
            "user_id",
            "item_id",
            "weight",
            "events",
            "timestamp '2017-11-08' as last_ts",
            "hidden",
            "cast(null as int) as purchases",
            "cast(null as timestamp) as first_purchase_ts",
            "cast(null as timestamp) as last_purchase_ts",
            "run_date",
        )
        warehouse.replace(frame, INTERACTIONS, f"run_date={day}", equals(run_date=day), 1, {})
    return deployment


def inputs(deployment: Deployment, day: date) -> set[str]:
    text = (deployment.home / "manifests" / f"run_date={day}" / "train_als.json").read_text()
    return set(json.loads(text)["inputs"])


def test_a_warm_day_depends_on_earlier_days_alone(trained: Deployment) -> None:
    warm = (*ENGINE, "als.warm_start=true")
    trained.run("train_als", DAYS[1], *ENGINE)
    cold = trained.rows("item_factors", DAYS[1])
    assert inputs(trained, DAYS[1]) == {"interactions"}
    trained.run("train_als", DAYS[0], *ENGINE)
    trained.run("train_als", DAYS[1], *warm)
    in_time = trained.rows("item_factors", DAYS[1])
    assert in_time != cold
    assert inputs(trained, DAYS[1]) == {"interactions", "item_factors"}
    trained.run("train_als", DAYS[2], *warm)
    trained.run("train_als", DAYS[1], *warm)
    assert trained.rows("item_factors", DAYS[1]) == in_time
    assert len(trained.rows("user_factors", DAYS[2])) == 6


def test_a_first_day_has_nothing_to_go_on_from(trained: Deployment) -> None:
    trained.run("train_als", DAYS[0], *ENGINE, "als.warm_start=true")
    assert len(trained.rows("item_factors", DAYS[0])) == 6
    assert inputs(trained, DAYS[0]) == {"interactions"}


def factors(deployment: Deployment, day: date) -> list[tuple[str, list[float]]]:
    rows = deployment.table("item_factors").filter(pl.col("run_date") == day)
    return sorted(rows.select("id", "factors").rows())


def test_days_between_two_trainings_have_the_factors_of_the_first(
    trained: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """The three days are a Wednesday, a Thursday and a Friday."""
    weekly = (*ENGINE, "training.days=[wednesday]")
    trained.run("train_als", DAYS[0], *weekly)
    assert len(factors(trained, DAYS[0])) == 6
    for day in DAYS[1:]:
        capsys.readouterr()
        trained.run("train_als", day, *weekly)
        assert "item factors are those that 2017-11-08 trained" in capsys.readouterr().err
        assert factors(trained, day) == factors(trained, DAYS[0])
        assert trained.rows("user_factors", day) == []
    # Whoever reads the model holds it against its digest.
    arguments = ["--config", str(trained.config), "--run-date", str(DAYS[2])]
    with open_run(parse_job(job_parser("generate_candidates", ""), arguments)) as run:
        _, items = read_model(run, USER_FACTORS, ITEM_FACTORS)
        assert items.count() == 6
    # The next day that trains knows the items of its own day.
    trained.run("train_als", DAYS[2], *ENGINE, "training.days=[wednesday, friday]")
    assert len(factors(trained, DAYS[2])) == 8
    assert len(trained.rows("user_factors", DAYS[2])) == 6


@pytest.mark.parametrize("changed", ["als.factors=4", "interactions.half_life_days=7"])
def test_factors_of_other_settings_are_not_kept(
    trained: Deployment, capsys: pytest.CaptureFixture[str], changed: str
) -> None:
    weekly = (*ENGINE, "training.days=[wednesday]")
    trained.run("train_als", DAYS[0], *weekly)
    trained.run("train_als", DAYS[1], *weekly, changed)
    assert "no item factors were trained since 2017-11-08 with the settings of today" in capsys.readouterr().err
    assert len(factors(trained, DAYS[1])) == 7


def test_a_deployment_that_begins_between_two_trainings_trains(
    trained: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    # Trained before the Thursday that trains: not what the Friday goes by.
    trained.run("train_als", DAYS[0], *ENGINE)
    weekly = (*ENGINE, "training.days=[thursday]")
    trained.run("train_als", DAYS[2], *weekly)
    assert "no item factors were trained since 2017-11-09" in capsys.readouterr().err
    assert len(factors(trained, DAYS[2])) == 8
    assert len(trained.rows("user_factors", DAYS[2])) == 6


def test_a_fit_beyond_the_budget_is_refused_before_it_begins(trained: Deployment) -> None:
    # 18 observations, 6 users, 6 items: 2 x (2 x 18 x 4 d (3 + 1) + 12 x 8 d^2) operations, d = 64 or 32.
    with pytest.raises(HeldError, match=r"8\.6e\+05 flops, budget\.flops is 5e\+05") as held:
        trained.run("train_als", DAYS[0], *ENGINE, "budget.flops=500000", "als.factors=64")
    assert held.value.exit_code == 3
    assert "18 observations, 6 users, 6 items" in str(held.value)
    assert "next: set als.factors=32, or raise budget.flops to at least 8.7e+05" in str(held.value)
    assert not trained.exists("item_factors")
    text = (trained.home / "manifests" / f"run_date={DAYS[0]}" / "train_als.json").read_text()
    assert json.loads(text)["cost"]["flops"] == 860_160
    trained.run("train_als", DAYS[0], *ENGINE, "budget.flops=500000", "als.factors=32")
    assert trained.exists("item_factors")
