"""Manifests read back as the jobs and the checks write them."""

from dataclasses import asdict
from pathlib import Path

from shortlist.pipeline import nightly_jobs
from shortlist.records.checks import CheckResult
from shortlist.reports.manifests import read_job_records
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


def test_read_job_records__in_the_order_of_the_run(home: Path) -> None:
    settings = write_settings(home)
    for job in ("train_als", "extract_engagements", "publish_candidates"):
        manifest(settings, job)
    manifest(settings, "build_interactions", day=BEFORE)
    records, problems = read_job_records(settings.paths.manifests, D)
    assert [record.job for record in records] == ["extract_engagements", "train_als", "publish_candidates"]
    assert [job for job in nightly_jobs() if job in {record.job for record in records}] == [r.job for r in records]
    assert (records[0].seconds, records[0].inputs, records[0].error, problems) == (12.5, {"engagements": 4}, "", [])


def test_read_job_records__checks_as_audits_write_them(home: Path) -> None:
    settings = write_settings(home)
    checks = [
        result("critical_failure", "critical", False),
        result("warning", "warning", False),
        result("raised", "warning", False, raised="no such column"),
        result("passed", "critical", True),
    ]
    manifest(settings, "extract_engagements", checks=checks)
    (record,), _ = read_job_records(settings.paths.manifests, D)
    assert [(check.rule, check.holds) for check in record.checks] == [
        ("critical_failure", True), ("warning", False), ("raised", True), ("passed", False)
    ]  # fmt: skip
    assert record.checks[0].observed == "3 rows (1.500% of rows)"
    assert record.checks[2].raised == "no such column"
    assert [check.outcome for check in record.checks] == ["failed", "failed", "not evaluated", "satisfied"]


def test_read_job_records__a_rule_that_is_off_is_not_satisfied(home: Path) -> None:
    settings = write_settings(home)
    off = {**result("off", "critical", True), "off": "no catalog was known"}
    told = {**result("told", "warning", False), "samples": ["2017-11-30 store: 3 events"]}
    manifest(settings, "extract_engagements", checks=[off, told])
    (record,), _ = read_job_records(settings.paths.manifests, D)
    assert [(check.outcome, check.passed, check.holds) for check in record.checks] == [
        ("not applicable", False, False), ("failed", False, False)
    ]  # fmt: skip
    assert (record.checks[0].off, record.checks[1].samples) == ("no catalog was known", ("2017-11-30 store: 3 events",))
    assert record.checks[1].count == 3


def test_read_job_records__a_broken_file_is_told(home: Path) -> None:
    settings = write_settings(home)
    manifest(settings, "train_als")
    manifest(settings, "train_cooccurrence", checks=[{"rule": "without a table"}])
    broken = Path(settings.paths.manifests) / f"run_date={D}" / "build_interactions.json"
    broken.write_text('{"job": "build_inter', encoding="utf-8")
    records, problems = read_job_records(settings.paths.manifests, D)
    assert [record.job for record in records] == ["train_als"]
    assert len(problems) == 2
    assert "build_interactions.json of 2017-11-30 cannot be read" in problems[0]
    assert "train_cooccurrence.json" in problems[1]


def test_read_job_records__no_folder(home: Path) -> None:
    assert read_job_records(write_settings(home).paths.manifests, D) == ([], [])
