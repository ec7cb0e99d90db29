"""Every job that trains or generates says what it will cost, and is refused beyond the budget with the setting that mends it."""

import ast
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from shortlist.config import Settings
from shortlist.errors import HeldError
from shortlist.pipeline import JOBS
from tests import tiny
from tests.jobs.conftest import CHECKOUT, Deployment, deploy, job_main

DAY = date(2017, 11, 10)
LEARNING = "sources: [als, cooccurrence, spectral], learn: {horizon_days: 3, cuts: 2, kinds: [single, z_sum], k: 4}"


def imported_by(module: str) -> set[str]:
    """Modules that a module of the package names in its imports."""
    tree = ast.parse((CHECKOUT / "libs" / Path(*module.split("."))).with_suffix(".py").read_text())
    return {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def reached_by(job: str) -> set[str]:
    """Modules that a job imports, and that the steps import which it takes."""
    reached: set[str] = set()
    waiting = [f"shortlist.jobs.{job}"]
    while waiting:
        new = imported_by(waiting.pop()) - reached
        reached |= new
        waiting += [module for module in new if module.startswith("shortlist.steps.")]
    return reached


def trains_or_generates(job: str) -> bool:
    return any(re.fullmatch(r"shortlist\.(models\..*\.fit|generation\.prepared)", module) for module in reached_by(job))


COSTLY = [job for job in JOBS if trains_or_generates(job)]


@pytest.fixture(scope="module")
def trained(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """All that generate_candidates reads, of a deployment whose home feed learns its blend and has a basis of its own."""
    deployment = deploy(tmp_path_factory.mktemp("budget"))
    text = deployment.config.read_text()
    deployment.config.write_text(text.replace("sources: [als, cooccurrence]", LEARNING, 1))
    tiny.write_landing(deployment.landing, tiny.days(last=DAY))
    for job in ("extract_engagements", "build_interactions", "train_als", "train_cooccurrence"):
        deployment.run(job, DAY)
    yield deployment
    _spark.catalog.clearCache()


def versions(deployment: Deployment) -> dict[str, int]:
    logs = (deployment.home / "warehouse").glob("*/_delta_log")
    return {log.parent.name: DeltaTable(str(log.parent)).version() for log in logs}


def cost_of(deployment: Deployment, job: str) -> dict[str, Any]:
    """What the manifest of the job says."""
    text = (deployment.home / "manifests" / f"run_date={DAY}" / f"{job}.json").read_text()
    cost: dict[str, Any] = json.loads(text)["cost"]
    return cost


def refuse(deployment: Deployment, job: str, *overrides: str) -> str:
    """What the job says to be done next, once it was refused and has written nothing."""
    before = versions(deployment)
    arguments = ["--config", str(deployment.config), "--run-date", str(DAY)]
    arguments += ["--name", "dear"] if job == "backtest_settings" else []
    with pytest.raises(HeldError, match="beyond its budget") as held:
        job_main(job)([*arguments, *(part for override in overrides for part in ("--set", override))])
    assert held.value.exit_code == 3
    assert versions(deployment) == before
    return str(held.value).partition("\nnothing was begun or written; next: ")[2]


def test_jobs_that_cost_are_found_by_what_they_import() -> None:
    assert set(COSTLY) >= {"train_als", "train_cooccurrence", "learn_blend", "generate_candidates", "backtest_settings"}
    assert "publish_candidates" not in COSTLY


@pytest.mark.parametrize("job", COSTLY)
@pytest.mark.usefixtures("spark")
def test_a_job_that_trains_or_generates_is_refused_beyond_its_budget(trained: Deployment, job: str) -> None:
    advice = refuse(trained, job, "budget.flops=1")
    mending, _, raising = advice.partition(", or raise ")
    assert raising.startswith("budget.flops to at least")
    settings = [named for named in re.findall(r"\b([a-z_]+)\.[a-z_.]+", mending) if named in Settings.model_fields]
    assert settings, advice


@pytest.mark.parametrize(
    ("job", "share", "named"),
    [
        ("learn_blend", 0.6, "surfaces.homefeed.learn.cuts=1"),
        ("generate_candidates", 0.85, "sources.spectral.iterations=3"),
    ],
)
@pytest.mark.usefixtures("spark")
def test_what_a_refusal_names_mends_it(
    trained: Deployment, capsys: pytest.CaptureFixture[str], job: str, share: float, named: str
) -> None:
    refuse(trained, job, "budget.flops=1")
    cost = cost_of(trained, job)
    assert all(cost[resource] > 0 for resource in ("pairs", "flops", "shuffle_gigabytes", "memory_gigabytes"))
    assert (cost["counts"]["users"], cost["counts"]["items"]) == (16, pytest.approx(80, rel=0.1))
    budget = f"budget.flops={share * cost['flops']}"
    assert refuse(trained, job, budget).startswith(f"set {named}, or raise budget.flops")
    trained.run(job, DAY, budget, named)
    assert f"{job} will cost about" in capsys.readouterr().err
    assert cost_of(trained, job)["flops"] <= share * cost["flops"]
