"""The nightly run on real Spark and Delta: what it makes, that it repeats itself, that it knows only its day."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import pytest
from pyspark.sql import SparkSession

from shortlist.cli.program import main as shortlist_main
from shortlist.config import load_settings
from shortlist.store.digests import DIGESTED, digest_rows
from tests import tiny
from tests.jobs.conftest import CHECKOUT, NIGHTLY, Deployment, deploy

DAY, LATER = date(2017, 11, 9), date(2017, 11, 16)
TABLES = (
    "interactions",
    "baskets",
    "user_factors",
    "item_factors",
    "related_items",
    "source_candidates",
    "unchecked_candidates",
    "candidates_homefeed",
    "candidates_related",
)
# Delivered after DAY, happened before it: DAY must not know of it, not even when it runs again later.
LATE = {
    "event_id": "late-1",
    "event_type": "checkout",
    "event_ts": f"{DAY}T07:00:00Z",
    "user_id": "u00",
    "item_id": "b00",
    "session_id": "late",
}


@dataclass(frozen=True)
class Nights:
    """Three runs in one warehouse: DAY in time, LATER, and DAY again."""

    deployment: Deployment
    in_time: dict[str, list[tuple[object, ...]]]
    again: dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def nights(_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    deployment = deploy(tmp_path_factory.mktemp("nights"))
    tiny.write_landing(deployment.landing, tiny.days(last=DAY))
    deployment.night(DAY)
    in_time = {name: deployment.rows(name, DAY) for name in TABLES}
    for day in tiny.days(first=DAY, last=LATER)[1:]:
        tiny.write_folder(
            deployment.landing, day, [*tiny.events_of(day), *([LATE] if day == date(2017, 11, 12) else [])]
        )
    deployment.night(LATER)
    deployment.night(DAY)
    yield Nights(deployment, in_time, {name: deployment.rows(name, DAY) for name in TABLES})
    _spark.catalog.clearCache()


@pytest.mark.parametrize("table", TABLES)
def test_a_day_run_again_after_later_days_has_the_same_rows(nights: Nights, table: str) -> None:
    assert nights.in_time[table]
    assert nights.again[table] == nights.in_time[table]


def test_a_day_run_again_has_the_same_digest(nights: Nights) -> None:
    published = nights.deployment.table("publications").filter(pl.col("run_date") == DAY)
    assert len(published) == 4  # two surfaces, twice
    assert published.group_by("surface").agg(pl.col("digest").n_unique())["digest"].to_list() == [1, 1]


def test_the_late_event_is_kept_with_its_delivery(nights: Nights) -> None:
    late = nights.deployment.table("engagements").filter(pl.col("event_id") == "late-1").row(0, named=True)
    assert (late["event_date"], late["ingest_date"]) == (DAY, date(2017, 11, 12))


def test_every_subject_has_k_candidates_ranked_without_holes(nights: Nights) -> None:
    for name, subjects, k in (
        ("homefeed", set(tiny.USERS), 4),
        ("related", {item for group in tiny.GROUPS.values() for item in group}, 3),
    ):
        rows = nights.deployment.table(f"candidates_{name}").filter(pl.col("run_date") == LATER)
        lists = rows.group_by("subject_id").agg(pl.col("rank").sort())
        assert set(lists["subject_id"]) == subjects
        assert {tuple(ranks) for ranks in lists["rank"]} == {tuple(range(1, k + 1))}


def test_the_planted_groups_are_found(nights: Nights) -> None:
    """Nine in ten rows, at least, come from the subject's own group: users buy from one group only."""
    users = nights.deployment.table("candidates_homefeed").filter(pl.col("run_date") == LATER)
    right = [row["item_id"][0] == tiny.group_of(row["subject_id"]) for row in users.iter_rows(named=True)]
    assert sum(right) >= 0.9 * len(right)
    items = nights.deployment.table("candidates_related").filter(pl.col("run_date") == LATER)
    right = [row["item_id"][0] == row["subject_id"][0] for row in items.iter_rows(named=True)]
    assert sum(right) >= 0.9 * len(right)


def test_nobody_is_given_what_they_have(nights: Nights) -> None:
    bought = nights.deployment.table("engagements").filter(pl.col("ingest_date") <= LATER).select("user_id", "item_id")
    given = nights.deployment.table("candidates_homefeed").filter(pl.col("run_date") == LATER)
    assert given.join(bought, left_on=["subject_id", "item_id"], right_on=["user_id", "item_id"]).is_empty()


def test_the_week_before_was_judged(nights: Nights) -> None:
    judged = nights.deployment.table("evaluations")
    assert set(judged["run_date"]) == {LATER}
    assert set(judged["candidates_date"]) == {DAY}
    assert set(judged["source"]) == {"blend", "als", "cooccurrence", "popularity"}
    assert judged.filter(pl.col("surface") == "homefeed")["segment"].unique().sort().to_list() == ["all", "new"]
    novelty = pl.col("metric") == "novelty"
    assert judged.filter(~novelty)["value"].is_between(0, 1).all()
    # Bits: an item that one of the sixteen users has engaged with, or none, has log2(16).
    assert judged.filter(novelty)["value"].is_between(0, 4).all()
    shown = {
        "rows_used",
        "lists_of_active",
        "catalogue_coverage",
        "exposure_gini",
        "top_item_lists",
        "top_ten_lists",
        "novelty",
    }
    assert shown <= set(judged.filter(segment="all", surface="related", source="als")["metric"])


def test_publications_name_a_version_whose_rows_have_the_digest(nights: Nights) -> None:
    for row in nights.deployment.table("publications").iter_rows(named=True):
        path = str(nights.deployment.home / "warehouse" / f"candidates_{row['surface']}")
        rows = pl.scan_delta(path, version=row["table_version"]).filter(pl.col("run_date") == row["run_date"]).collect()
        assert row["status"] == "published"
        assert str(digest_rows(rows.select(DIGESTED).to_arrow())) == row["digest"]
        assert (len(rows), rows["subject_id"].n_unique()) == (row["rows"], row["subjects"])


def test_manifests_say_what_was_read_and_written(nights: Nights) -> None:
    folder = nights.deployment.home / "manifests" / f"run_date={LATER}"
    manifests: dict[str, Any] = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert set(manifests) == set(NIGHTLY)
    extracted = manifests["extract_engagements"]
    lines = extracted["lines"]
    assert lines["landed"] == lines["accepted"] + lines["quarantined"] + lines["duplicates"] == 7 * 48 + 1
    assert manifests["train_als"]["inputs"].keys() == {"interactions"}
    assert manifests["publish_candidates"]["short_lists"] == {"homefeed": [], "related": []}
    assert all(manifest["error"] is None for manifest in manifests.values())


def test_the_report_is_written_and_names_both_surfaces(nights: Nights) -> None:
    (page,) = (nights.deployment.home / "reports").glob(f"*{LATER}*.html")
    text = page.read_text()
    assert "homefeed" in text
    assert "related" in text


def test_spark_and_duckdb_read_what_polars_reads(nights: Nights, _spark: SparkSession) -> None:
    path = nights.deployment.home / "warehouse" / "candidates_homefeed"
    polars = pl.read_delta(str(path)).select(pl.len(), pl.col("rank").sum()).row(0)
    spark = _spark.read.format("delta").load(str(path)).selectExpr("count(*)", "sum(rank)").first()
    assert spark is not None
    assert tuple(spark) == polars
    program = (
        "import sys; from pathlib import Path; import duckdb; connection = duckdb.connect(); "
        "extensions = next(Path(sys.prefix).glob('lib/python*/site-packages/duckdb_ext/extensions')); "
        "connection.execute('SET extension_directory = ?', [str(extensions)]); "
        "connection.execute('SET autoinstall_known_extensions = false'); connection.execute('LOAD delta'); "
        "print(*connection.execute('select count(*), sum(rank) from delta_scan(?)', [sys.argv[1]]).fetchone())"
    )
    python = os.environ["SHORTLIST_READERS_PYTHON"]  # set by infra/test: an environment of its own
    read = subprocess.run([python, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert (read.stdout.split(), read.stderr) == ([str(value) for value in polars], "")


def test_settings_of_a_run_are_in_its_commits(nights: Nights) -> None:
    settings = load_settings(nights.deployment.config)
    run_ids = set(nights.deployment.table("candidates_homefeed")["run_id"])
    assert run_ids == {f"{day}-{settings.fingerprint()}" for day in (DAY, LATER)}
    log = nights.deployment.home / "warehouse" / "candidates_homefeed" / "_delta_log"
    commits = [json.loads(line) for file in sorted(log.glob("*.json")) for line in file.read_text().splitlines()]
    facts = [
        json.loads(commit["commitInfo"]["userMetadata"])
        for commit in commits
        if "userMetadata" in commit.get("commitInfo", {})
    ]
    assert {fact["run_id"] for fact in facts} == run_ids
    assert all({"source_candidates", "interactions"} <= fact["inputs"].keys() for fact in facts)


def test_every_job_explains_itself_before_spark_starts() -> None:
    environment = {**os.environ, "JAVA_HOME": "/nowhere", "PATH": "/usr/bin:/bin"}
    for job in (*NIGHTLY, "land_complete_journey"):
        command = [sys.executable, str(CHECKOUT / "jobs" / f"{job}.py"), "--help"]
        answered = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert "--config" in answered.stdout
        assert "exit codes: 0 done, 2 wrong use" in answered.stdout


def test_people_s_command_line_agrees_with_the_night(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    """What `shortlist` says of these tables, against the tables."""
    config = ["--config", str(nights.deployment.config)]

    def asked(*argv: str) -> Any:
        assert shortlist_main([argv[0], *config, "--json", *argv[1:]]) == 0
        return json.loads(capsys.readouterr().out)

    verified = asked("verify")
    assert (verified["ok"], verified["findings"], verified["days"]) == (True, [], 4)
    assert asked("status", "--as-of", str(LATER))["fresh"]
    published = nights.deployment.table("candidates_homefeed").filter(run_date=LATER, subject_id="u00")
    engaged = nights.deployment.table("interactions").filter(run_date=LATER, user_id="u00")["item_id"].to_list()
    support = nights.deployment.table("interactions").filter(pl.col("weight") > 0, run_date=LATER)["item_id"].to_list()
    for item in [*tiny.GROUPS["a"][:12], "b00", "nobody's"]:
        answered = asked("why", "homefeed", "u00", item)
        place = published.filter(item_id=item)["rank"].to_list()
        if place:
            expected = {"published"}
            assert f"rank {place[0]} of 4" in answered["says"]
        elif support.count(item) < 2:
            expected = {"not_eligible"}
        elif item in engaged:
            expected = {"seen"}
        else:
            expected = {"below_k", "fallback_not_needed", "not_proposed"}
        assert answered["verdict"] in expected, (item, answered)
    assert asked("why", "homefeed", "u00")["verdict"] == "full"
    shown = asked("show", "homefeed", "u00")
    assert [each["item_id"] for each in shown["candidates"]] == published.sort("rank")["item_id"].to_list()
