"""generate_candidates: users whose vectors are not stored are folded in where they are served, and all of them are."""

from datetime import date

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.errors import HeldError, InputMissingError
from tests import tiny
from tests.jobs.conftest import Deployment

DAY = date(2017, 11, 5)
LANDED = tiny.days(last=DAY)


@pytest.fixture
def built(spark: SparkSession, deployment: Deployment) -> Deployment:
    """Everything that generate_candidates reads but the ALS model."""
    tiny.write_landing(deployment.landing, LANDED)
    for job in ("extract_engagements", "build_interactions", "train_cooccurrence"):
        deployment.run(job, DAY)
    return deployment


def test_popularity_alone_needs_no_trained_model(spark: SparkSession, deployment: Deployment) -> None:
    tiny.write_landing(deployment.landing, LANDED)
    for job in ("extract_engagements", "build_interactions"):
        deployment.run(job, DAY)
    with pytest.raises(InputMissingError, match=r"run jobs/train_als\.py for that day first"):
        deployment.run("generate_candidates", DAY)
    popular = "{subject: user, sources: [popularity], fallback: null, k: 4, depth: 4, min_item_support: 2}"
    text = deployment.config.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("  related:")]
    lines = [f"  homefeed: {popular}" if line.startswith("  homefeed:") else line for line in lines]
    deployment.config.write_text("\n".join(lines) + "\n")
    deployment.run("generate_candidates", DAY)
    # The most popular item begins most lists.
    deployment.run("publish_candidates", DAY, "surfaces.homefeed.guardrails.max_top_item_share=1.0")
    published = deployment.table("candidates_homefeed")
    assert set(published["source"]) == {"popularity"}
    assert len(published) == 4 * len(tiny.USERS)
    assert not any(deployment.exists(name) for name in ("user_factors", "item_factors", "related_items"))


def test_lists_beyond_the_budget_are_refused_before_they_are_made(
    built: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    built.run("train_als", DAY)
    with pytest.raises(HeldError, match=r"budget\.pairs is 1\n.*take sources out of surfaces\.[a-z]+\.sources") as held:
        built.run("generate_candidates", DAY, "budget.pairs=1")
    assert f"{len(tiny.USERS)} users" in str(held.value)
    assert not built.exists("unchecked_candidates")
    assert "generate_candidates will cost about" in capsys.readouterr().err


def als_candidates(deployment: Deployment) -> pl.DataFrame:
    rows = deployment.table("source_candidates").filter(pl.col("surface") == "homefeed").drop("score")
    each = rows.explode("sources", "ranks", "scores", "contributions")
    found = each.rename({"sources": "source", "ranks": "rank", "scores": "score"})
    return found.filter(pl.col("source") == "als", pl.col("rank").is_not_null()).sort("subject_id", "rank")


def test_without_user_factors_every_user_is_folded_in(built: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    built.run("train_als", DAY)
    built.run("generate_candidates", DAY)
    stored = als_candidates(built)
    assert len(built.rows("user_factors", DAY)) == len(tiny.USERS)
    assert "nobody is folded in" in capsys.readouterr().err

    without = "als.store_user_factors=false"
    built.run("train_als", DAY, without)
    # Nothing of the fit before is left beside the new item factors.
    assert built.rows("user_factors", DAY) == []
    built.run("generate_candidates", DAY, without)
    folded = als_candidates(built)
    assert "no user vectors are stored (als.store_user_factors), every user is folded in" in capsys.readouterr().err
    assert set(folded["subject_id"]) == set(stored["subject_id"]) == set(tiny.USERS)
    # A fit solves users by steps and before the last items, the fold-in exactly and after them: close, not equal.
    both = stored.join(folded, on=["subject_id", "item_id"])
    assert len(stored) == len(folded) == 20 * len(tiny.USERS)
    assert len(both) > 0.9 * len(stored)
    assert both["score"].to_list() == pytest.approx(both["score_right"].to_list(), abs=0.1)


def test_between_two_trainings_users_are_folded_in_from_the_history_of_the_day(
    built: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Sunday trains; the Monday has its items, and a user whom the model has never seen."""
    monday = date(2017, 11, 6)
    weekly = "training.days=[sunday]"
    built.run("train_als", DAY, weekly)
    known = {row["id"] for row in built.table("item_factors").iter_rows(named=True)}
    events = tiny.events_of(monday)
    items = sorted(known & set(tiny.GROUPS["a"]))[:3]
    new = [
        {**events[0], "event_id": f"new-{item}", "user_id": "new", "session_id": f"new-{monday}", "item_id": item}
        for item in items
    ]
    tiny.write_folder(built.landing, monday, [*events, *new])
    for job in ("extract_engagements", "build_interactions", "train_als", "train_cooccurrence", "generate_candidates"):
        built.run(job, monday, weekly)
    assert f"als: {len(tiny.USERS) + 1} users without a stored vector are folded in" in capsys.readouterr().err
    found = als_candidates(built).filter(pl.col("run_date") == monday)
    assert set(found["subject_id"]) == {*tiny.USERS, "new"}
    assert set(found["item_id"]) <= known
    best = found.filter(pl.col("subject_id") == "new").head(3)["item_id"].to_list()
    assert all(item in tiny.GROUPS["a"] for item in best)


@pytest.mark.parametrize("source", ["session_neighbours", "session_next", "spectral"])
def test_a_source_of_events_or_interactions_finds_the_users_own_group(
    spark: SparkSession, deployment: Deployment, source: str
) -> None:
    tiny.write_landing(deployment.landing, LANDED)
    for job in ("extract_engagements", "build_interactions"):
        deployment.run(job, DAY)
    text = deployment.config.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("  related:")]
    deployment.config.write_text("\n".join(lines) + "\n")
    deployment.run(
        "generate_candidates",
        DAY,
        f"surfaces.homefeed.sources=[{source}]",
        "surfaces.homefeed.fallback=null",
        "sources.spectral.factors=2",
    )
    listed = deployment.table("unchecked_candidates")
    assert set(listed["subject_id"]) == set(tiny.USERS)
    assert set(listed["source"]) == {source}
    own = [row["item_id"] in tiny.GROUPS[tiny.group_of(row["subject_id"])] for row in listed.iter_rows(named=True)]
    assert all(own)
    assert not any(deployment.exists(name) for name in ("user_factors", "item_factors", "related_items"))
