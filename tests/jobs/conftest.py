"""A deployment of its own on the tiny landing, and the jobs as functions."""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import SparkSession

from tests import tiny

NIGHTLY = (
    "extract_engagements",
    "build_interactions",
    "train_als",
    "train_cooccurrence",
    "learn_blend",
    "generate_candidates",
    "publish_candidates",
    "evaluate_candidates",
    "write_report",
)
CHECKOUT = Path(__file__).parents[2]


def job_main(name: str) -> Callable[[Sequence[str]], None]:
    """The `main` of jobs/<name>.py, loaded as spark-submit would: by its path."""
    spec = importlib.util.spec_from_file_location(f"jobs_{name}", CHECKOUT / "jobs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Callable[[Sequence[str]], None] = module.main
    return main


@dataclass(frozen=True)
class Deployment:
    """Settings, landing and warehouse below one folder."""

    home: Path

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def config(self) -> Path:
        return self.home / "settings.yaml"

    def run(self, job: str, day: date, *overrides: str, attempt: int | None = None) -> None:
        """One job, in this process and its Spark session."""
        arguments = ["--config", str(self.config), "--run-date", day.isoformat()]
        arguments += [part for override in overrides for part in ("--set", override)]
        job_main(job)([*arguments, *(["--attempt", str(attempt)] if attempt is not None else [])])

    def night(self, day: date) -> None:
        """All jobs of a night, in the order of the DAG."""
        for job in NIGHTLY:
            self.run(job, day)

    def table(self, name: str) -> pl.DataFrame:
        """A table's newest version, as Polars reads it."""
        return pl.read_delta(str(self.home / "warehouse" / name))

    def exists(self, name: str) -> bool:
        return (self.home / "warehouse" / name / "_delta_log").exists()

    def rows(self, name: str, day: date) -> list[tuple[object, ...]]:
        """All rows of a run date, sorted, every column."""
        rows = self.table(name).filter(pl.col("run_date") == day)
        return sorted(rows.rows(), key=repr)


def deploy(home: Path) -> Deployment:
    """Settings that fit the tiny landing; nothing landed yet."""
    deployment = Deployment(home)
    deployment.config.write_text(tiny.settings(home))
    return deployment


@pytest.fixture
def deployment(spark: SparkSession, tmp_path: Path) -> Deployment:
    """A fresh deployment without a landing."""
    return deploy(tmp_path)
