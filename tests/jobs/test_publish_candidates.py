"""A held surface: nothing written, yesterday served, the reasons kept; a fenced attempt; a verified version."""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.errors import FencedError, HeldError, InputMissingError, PublicationError
from shortlist.store.digests import Digest
from shortlist.tables import candidates_table
from shortlist.warehouse.publishing import verify
from tests import tiny
from tests.jobs.conftest import NIGHTLY, Deployment, deploy

DAY = date(2017, 11, 5)
TODAY = DAY + timedelta(days=1)


@pytest.fixture(scope="module")
def ready(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """DAY is published; TODAY has its source candidates."""
    deployment = deploy(tmp_path_factory.mktemp("ready"))
    tiny.write_landing(deployment.landing, tiny.days(last=TODAY))
    for job in NIGHTLY[: NIGHTLY.index("publish_candidates") + 1]:
        deployment.run(job, DAY)
    for job in NIGHTLY[: NIGHTLY.index("publish_candidates")]:
        deployment.run(job, TODAY)
    yield deployment
    _spark.catalog.clearCache()


def served(deployment: Deployment, surface: str) -> pl.DataFrame:
    return deployment.table(f"candidates_{surface}").sort("run_date", "subject_id", "rank")


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("surfaces.homefeed.guardrails.max_top_item_share=0.01", "top_item_share"),
        ("surfaces.homefeed.guardrails.min_overlap=1", "overlap"),
    ],
)
def test_a_failed_check_holds_one_surface_and_the_old_day_stays(ready: Deployment, override: str, reason: str) -> None:
    before, others = served(ready, "homefeed"), len(ready.table("publications").filter(pl.col("surface") == "related"))
    with pytest.raises(HeldError) as error:
        ready.run("publish_candidates", TODAY, override)
    assert error.value.exit_code == 3
    assert "candidates_homefeed" in str(error.value)
    assert "1 of 2 surface(s) held; nothing was written of these" in str(error.value)
    assert "published: related" in str(error.value)
    assert reason in str(error.value)
    assert served(ready, "homefeed").equals(before)
    held = ready.table("publications").filter((pl.col("status") == "held") & pl.col("why").str.contains(reason))
    assert held.select("surface", "run_date", "table_version", "digest").rows() == [("homefeed", TODAY, None, None)]
    assert len(ready.table("publications").filter(pl.col("surface") == "related")) == others + 1


def test_an_older_attempt_cannot_publish_over_a_newer_one(ready: Deployment) -> None:
    ready.run("publish_candidates", TODAY, attempt=1_000)
    before = served(ready, "homefeed")
    with pytest.raises(FencedError) as error:
        ready.run("publish_candidates", TODAY, attempt=999)
    assert error.value.exit_code == 4
    assert served(ready, "homefeed").equals(before)


def test_the_reader_refuses_another_digest_or_count(ready: Deployment) -> None:
    row = (
        ready.table("publications")
        .filter((pl.col("run_date") == DAY) & (pl.col("surface") == "homefeed"))
        .row(0, named=True)
    )
    table = candidates_table("homefeed")
    path = str(ready.home / "warehouse" / table.name)
    right = Digest(row["rows"], int(row["digest"], 16))
    verify(path, table, row["table_version"], DAY, right, row["subjects"])
    for digest, subjects, message in (
        (Digest(row["rows"] + 1, right.total), row["subjects"], "rows"),
        (Digest(row["rows"], right.total ^ 1), row["subjects"], "digest"),
        (right, row["subjects"] - 1, "subjects"),
    ):
        with pytest.raises(PublicationError, match=message):
            verify(path, table, row["table_version"], DAY, digest, subjects)


def test_a_job_without_its_input_names_the_job_that_makes_it(deployment: Deployment) -> None:
    with pytest.raises(InputMissingError, match=r"run jobs/extract_engagements\.py for that day first"):
        deployment.run("build_interactions", DAY)
    with pytest.raises(InputMissingError, match=r"run jobs/build_interactions\.py for that day first"):
        deployment.run("generate_candidates", DAY)
