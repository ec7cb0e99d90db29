"""Manifests: read back as the jobs write them, in any folder or URL, whole or not at all."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shortlist.config import load_settings
from shortlist.config.arguments import job_parser, parse_job
from shortlist.errors import SettingsError
from shortlist.pipeline import nightly_jobs
from shortlist.records.checks import CheckResult
from shortlist.records.manifest import FileSizes, ItemRules, Manifest, ShortLists, Upkeep
from shortlist.records.publications import Publication
from shortlist.store.manifests import (
    manifest_path,
    read_manifest,
    read_manifests,
    recorded,
    redact_manifests,
    write_manifest,
)
from shortlist.subjects import Subject
from tests.unit.reports.world import BEFORE, D, manifest, write_settings


def result(rule: str, severity: str, success: bool, raised: str | None = None) -> dict[str, object]:
    given = CheckResult(
        table="engagements",
        rule=rule,
        description="No line without a user.",
        expectation="expect_column_values_to_not_be_null",
        column="user_id",
        severity="critical" if severity == "critical" else "warning",
        success=success,
        raised=raised,
        observed="3 rows",
        unexpected_count=3,
        unexpected_share=0.015,
    )
    return asdict(given)


def test_read_manifests__in_the_order_of_the_run(home: Path) -> None:
    settings = write_settings(home)
    for job in ("train_als", "extract_engagements", "publish_candidates"):
        manifest(settings, job)
    manifest(settings, "build_interactions", day=BEFORE)
    records, problems = read_manifests(settings.paths.manifests, D)
    assert [record.job for record in records] == ["extract_engagements", "train_als", "publish_candidates"]
    assert [job for job in nightly_jobs() if job in {record.job for record in records}] == [r.job for r in records]
    assert (records[0].seconds, records[0].inputs, records[0].error, problems) == (12.5, {"engagements": 4}, None, [])


def test_read_manifests__checks_as_audits_write_them(home: Path) -> None:
    settings = write_settings(home)
    checks = [
        result("critical_failure", "critical", False),
        result("warning", "warning", False),
        result("raised", "warning", False, raised="no such column"),
        result("passed", "critical", True),
    ]
    manifest(settings, "extract_engagements", checks=checks)
    (record,), _ = read_manifests(settings.paths.manifests, D)
    assert [(check.rule, check.holds) for check in record.checks] == [
        ("critical_failure", True), ("warning", False), ("raised", True), ("passed", False)
    ]  # fmt: skip
    assert record.checks[0].found == "3 rows (1.500% of rows)"
    assert record.checks[2].raised == "no such column"
    assert [check.outcome for check in record.checks] == ["failed", "failed", "not evaluated", "satisfied"]


def test_read_manifests__a_rule_that_is_off_is_not_satisfied(home: Path) -> None:
    settings = write_settings(home)
    off = {**result("off", "critical", True), "off": "no catalog was known"}
    warned = {**result("told", "warning", False), "samples": ["2017-11-30 store: 3 events"]}
    manifest(settings, "extract_engagements", checks=[off, warned])
    (record,), _ = read_manifests(settings.paths.manifests, D)
    assert [(check.outcome, check.holds) for check in record.checks] == [
        ("not applicable", False), ("failed", False)
    ]  # fmt: skip
    assert (record.checks[0].off, record.checks[1].samples) == ("no catalog was known", ("2017-11-30 store: 3 events",))
    assert record.checks[1].unexpected_count == 3


def test_read_manifests__a_broken_file_is_told(home: Path) -> None:
    settings = write_settings(home)
    manifest(settings, "train_als")
    manifest(settings, "train_cooccurrence", checks=[{"rule": "without a table"}])
    broken = Path(settings.paths.manifests) / f"run_date={D}" / "build_interactions.json"
    broken.write_text('{"job": "build_inter', encoding="utf-8")
    records, problems = read_manifests(settings.paths.manifests, D)
    assert [record.job for record in records] == ["train_als"]
    assert len(problems) == 2
    assert "build_interactions.json of 2017-11-30 cannot be read" in problems[0]
    assert "train_cooccurrence.json" in problems[1]


def test_read_manifests__no_folder(home: Path) -> None:
    assert read_manifests(write_settings(home).paths.manifests, D) == ([], [])


WHO = [Subject("user", "7"), Subject("item", 'q"ü')]


def test_a_manifest_keeps_its_numbers_and_loses_the_names(tmp_path: Path) -> None:
    path = tmp_path / "run_date=2017-11-09" / "job.json"
    path.parent.mkdir()
    content = {
        "run_id": "7",
        "settings": {"seed": "7"},
        "outputs": {"t/7": 7},
        "error": '1 line, e.g. \'{"user_id": "7"}\' or u7, 77',
        "checks": [{"observed": 'item q"ü begins 7 lists', "count": 7}],
        "by_subject": {"7": {"lists": 1}},
    }
    path.write_text(json.dumps(content))
    (path.parent / "other.json").write_text('{"error": "u7"}')
    assert redact_manifests(str(tmp_path), WHO) == 1
    assert json.loads(path.read_text()) == {
        "run_id": "7",
        "settings": {"seed": "7"},
        "outputs": {"t/7": 7},
        "error": '1 line, e.g. \'{"user_id": "(erased)"}\' or u7, 77',
        "checks": [{"observed": "item (erased) begins (erased) lists", "count": 7}],
        "by_subject": {"(erased)": {"lists": 1}},
    }
    assert redact_manifests(str(tmp_path), WHO) == 0
    assert redact_manifests(str(tmp_path / "none"), WHO) == 0


WRITTEN = Manifest(
    job="publish_candidates",
    run_date=D,
    run_id="r",
    attempt=3,
    settings={"seed": 7},
    inputs={"interactions": 2},
    outputs={"candidates_homefeed/run_date=2017-11-30": 4},
    written={"candidates_homefeed/run_date=2017-11-30": FileSizes(1, 9, 9, 9, 9)},
    lines={"landed": 2},
    files=[{"file": "a/b", "landed": 2}],
    checks=[CheckResult("t", "r", "d", "e", "c", "critical", True, None, "o", 0, 0.0, ("1",), "off", "run_date=x")],
    item_rules={"homefeed": ItemRules(9, 7, {"active": 2, "buyable": 0})},
    short_lists={"homefeed": [ShortLists("too few", 2, 9, {"seen": 3})], "related": []},
    publications=[
        Publication("homefeed", datetime(2017, 12, 1, 2, tzinfo=UTC), D, 4, "r", 9, 2, "0a", "published", None)
    ],
    tables={"catalog": Upkeep([date(2016, 1, 1)], FileSizes.of([1, 5]), FileSizes.of([]), 2, [3], 4)},
    problems=["p"],
    seconds=1.5,
    error="OSError: no",
)


@pytest.mark.parametrize("scheme", ["", "file://"], ids=["folder", "URL"])
def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path, scheme: str) -> None:
    root = f"{scheme}{tmp_path}/warehouse/_manifests/"
    path = write_manifest(root, WRITTEN)
    assert path == f"{scheme}{tmp_path}/warehouse/_manifests/run_date=2017-11-30/publish_candidates.json"
    assert read_manifest(root, D, "publish_candidates") == WRITTEN
    assert read_manifests(root, D) == ([WRITTEN], [])
    # Nothing unfinished is left, and no folder is named like a scheme.
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["publish_candidates.json"]
    assert [folder.name for folder in tmp_path.iterdir()] == ["warehouse"]


def test_manifests_are_below_the_warehouse_unless_settings_say_otherwise(home: Path) -> None:
    assert write_settings(home).paths.manifests == f"{home}/warehouse/_manifests"
    overrides = ["paths.warehouse=s3://bucket/tables"]
    assert load_settings(home / "shortlist.yaml", overrides).paths.manifests == "s3://bucket/tables/_manifests"
    overrides.append("paths.manifests=gs://other/m")
    overrides.append("paths.reports=s3://bucket/reports")
    loaded = load_settings(home / "shortlist.yaml", overrides).paths
    assert (loaded.manifests, loaded.reports) == ("gs://other/m", "s3://bucket/reports")


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("paths.manifests=http://there/m", "manifests cannot be written to http://; next: name a folder, or a URL of"),
        ("paths.reports=http://there/r", "reports cannot be written to http://; next: name a folder, or a URL of"),
    ],
)
def test_a_url_that_cannot_be_written_to_is_refused(home: Path, setting: str, problem: str) -> None:
    write_settings(home)
    with pytest.raises(SettingsError, match=problem):
        load_settings(home / "shortlist.yaml", [setting])


def test_a_run_that_fails_leaves_a_manifest_that_says_why(home: Path) -> None:
    settings = write_settings(home)
    arguments = parse_job(
        job_parser("train_als", None), ["--config", str(home / "shortlist.yaml"), "--run-date", str(D)]
    )

    def fail() -> None:
        with recorded(arguments) as manifest:
            manifest.inputs["interactions"] = 3
            raise ValueError("no space")

    with pytest.raises(ValueError, match="no space"):
        fail()
    read = read_manifest(settings.paths.manifests, D, "train_als")
    assert (read.error, read.inputs, read.run_id) == ("ValueError: no space", {"interactions": 3}, arguments.run_id)
    assert read.seconds is not None
    assert read.settings["als"]["factors"] == 32


def test_fields_that_a_manifest_lacks_or_has_too_many_do_no_harm(tmp_path: Path) -> None:
    path = Path(manifest_path(str(tmp_path), D, "train_als"))
    path.parent.mkdir()
    path.write_text(json.dumps({"job": "train_als", "run_date": str(D), "of_tomorrow": 1}))
    assert read_manifest(str(tmp_path), D, "train_als") == Manifest("train_als", D)
