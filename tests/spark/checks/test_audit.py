import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from shortlist.checks.audit import audit
from shortlist.errors import HeldError
from shortlist.records.checks import Audit, CheckResult
from shortlist.records.manifest import Manifest
from shortlist.store.manifests import read_manifests, write_manifest
from shortlist.tables import AUDIENCE_MEMBERS, CANDIDATES, CATALOG, ENGAGEMENTS, PROMOTIONS, Rule, Table
from tests.spark.checks.rows import (
    DAY,
    LATER,
    Change,
    Row,
    audience_members,
    candidates,
    catalog,
    engagements,
    first,
    frame_of,
    promotions,
)

PARTITION = "run_date=2017-11-30"
# When the day ends, and its lists begin to be served.
ENDS = datetime(2017, 12, 1, tzinfo=UTC)
PARAMETERS: Mapping[str, Mapping[str, object]] = {
    "candidates": {"k": 3, "sources": ["als", "popularity"], "run_date": DAY, "min_subjects": 2, "served_from": ENDS},
    "engagements": {"run_date": DAY},
    "catalog": {},
    "promotions": {},
    "audience_members": {},
}
# The tables whose rows a gate judges.
JUDGED = (CANDIDATES, ENGAGEMENTS, CATALOG, PROMOTIONS, AUDIENCE_MEMBERS)
GOOD = {
    "candidates": candidates,
    "engagements": engagements,
    "catalog": catalog,
    "promotions": promotions,
    "audience_members": audience_members,
}

# What breaks each rule of their contracts. A rule without an entry fails its test: a gate is what was seen to stop.
BREAKS: Mapping[str, Mapping[str, Change]] = {
    "candidates": {
        "not_empty": lambda rows: [],
        "rank_within_k": first(rank=4),
        "score_is_a_number": first(score=math.nan),
        "item_once_per_list": first(item_id="b"),
        "source_known": first(source="dice"),
        "one_run_date": first(run_date=LATER),
        "expires_after_the_run_date": first(expires_at=ENDS),
        "slot_known": first(slot="best"),
        "relation_known": first(relation="neighbour"),
        "propensity_is_a_probability": first(propensity=0.0),
        "subject_id_length": first(subject_id=""),
        "item_id_length": first(item_id="x" * 257),
        "subjects_enough": lambda rows: rows[:3],
        "reason_given": first(reason="ok"),
        "key_unique": first(rank=2),
        **{
            f"{name}_present": first(**{name: None})
            for name in (
                "subject_id",
                "rank",
                "item_id",
                "score",
                "source",
                "sources",
                "reason",
                "model_version",
                "run_id",
                "run_date",
            )
        },
    },
    "engagements": {
        "not_empty": lambda rows: [],
        "event_type_known": first(event_type="teleport"),
        "event_id_length": first(event_id=""),
        "user_id_length": first(user_id="x" * 257),
        "item_id_length": first(item_id=""),
        "delivered_after_it_happened": first(event_date=LATER),
        "not_after_the_run_date": first(ingest_date=LATER),
        "position_counts_from_one": first(position=0),
        "value_not_negative": first(value=-0.01),
        "key_unique": first(event_id="e2"),
        **{
            f"{name}_present": first(**{name: None})
            for name in ("event_id", "event_type", "event_ts", "user_id", "ingest_date", "event_date")
        },
    },
    "catalog": {
        "not_empty": lambda rows: [],
        "status_known": first(status="lost"),
        "key_unique": first(item_id="b"),
        **{f"{name}_present": first(**{name: None}) for name in ("item_id", "status", "snapshot_date")},
    },
    "promotions": {
        "not_empty": lambda rows: [],
        "ends_after_it_starts": first(ends_at=datetime(2017, 11, 26, tzinfo=UTC)),
        "key_unique": first(item_id="b"),
        **{
            f"{name}_present": first(**{name: None})
            for name in ("promotion_id", "item_id", "starts_at", "ends_at", "snapshot_date")
        },
    },
    "audience_members": {
        "not_empty": lambda rows: [],
        "key_unique": first(user_id="u2"),
        **{f"{name}_present": first(**{name: None}) for name in ("audience", "user_id", "snapshot_date")},
    },
}


def audited(spark: SparkSession, table: Table, rows: list[Row], *rules: str) -> Audit:
    """An audit by the named rules only, or by all of them."""
    part = replace(table, rules=tuple(rule for rule in table.rules if not rules or rule.name in rules))
    stated = str([rule.arguments for rule in part.rules])
    parameters = {name: value for name, value in PARAMETERS[table.contract].items() if f"${{{name}}}" in stated}
    return audit(frame_of(spark, table, rows), part, PARTITION, parameters)


def names(results: tuple[CheckResult, ...]) -> list[str]:
    return [result.rule for result in results]


@pytest.mark.parametrize("table", JUDGED, ids=lambda table: table.name)
def test_a_good_day_passes_every_rule(spark: SparkSession, table: Table) -> None:
    done = audited(spark, table, GOOD[table.contract]())
    done.raise_if_failed()
    assert names(done.results) == [rule.name for rule in table.rules]
    assert [str(result) for result in done.results if not result.success or result.raised is not None] == []
    assert done.warnings == ()
    assert done.seconds > 0


@pytest.mark.parametrize(
    ("table", "rule"),
    [(table, rule) for table in JUDGED for rule in table.rules],
    ids=lambda value: value.name,
)
def test_every_rule_is_seen_to_stop(spark: SparkSession, table: Table, rule: Rule) -> None:
    assert rule.name in BREAKS[table.contract], f"say in BREAKS what breaks {rule.name} of {table.contract}"
    done = audited(spark, table, BREAKS[table.contract][rule.name](GOOD[table.contract]()), rule.name)
    (result,) = done.results
    assert (result.success, result.raised) == (False, None)
    if rule.severity == "warning":
        done.raise_if_failed()
        assert (names(done.warnings), names(done.critical_failures)) == ([rule.name], [])
        return
    with pytest.raises(HeldError) as held:
        done.raise_if_failed()
    assert held.value.exit_code == 3
    assert f"{table.name} ({PARTITION}): 1 critical check(s) failed" in str(held.value)
    assert f"  {rule.name}" in str(held.value)


def test_breaks_name_no_rule_that_is_gone() -> None:
    for table in JUDGED:
        assert set(BREAKS[table.contract]) == {rule.name for rule in table.rules}


@pytest.mark.parametrize(
    ("score", "shown"),
    [(math.nan, "; score is NaN in 1 rows"), (math.inf, ", such as inf"), (-math.inf, ", such as -inf")],
)
def test_scores_that_are_no_numbers_hold(spark: SparkSession, score: float, shown: str) -> None:
    done = audited(spark, CANDIDATES, first(score=score)(candidates()), "score_is_a_number", "score_present")
    assert names(done.critical_failures) == ["score_is_a_number"]
    assert done.critical_failures[0].observed == f"1 of 6 rows{shown}"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_lower_bound_alone_does_not_let_nan_and_infinity_pass(spark: SparkSession, value: float) -> None:
    done = audited(spark, ENGAGEMENTS, first(value=value)(engagements()), "value_not_negative")
    assert names(done.warnings) == ["value_not_negative"]


def test_an_empty_frame_holds(spark: SparkSession) -> None:
    done = audited(spark, CANDIDATES, [])
    assert names(done.critical_failures) == ["not_empty", "subjects_enough"]
    done = audited(spark, ENGAGEMENTS, [])
    assert names(done.critical_failures) == ["not_empty"]


def test_unique_values_are_counted_where_some_are_missing(spark: SparkSession) -> None:
    """Asked as a proportion of distinct values first: empty ids are not equal to each other, and excuse nobody."""
    rows = [{**row, "event_id": None} for row in engagements()] + engagements()
    done = audited(spark, ENGAGEMENTS, rows, "key_unique", "event_id_present")
    assert names(done.critical_failures) == ["event_id_present"]
    done = audited(spark, ENGAGEMENTS, [*rows, engagements()[1]], "key_unique")
    (result,) = done.critical_failures
    assert (result.unexpected_count, result.samples) == (2, ("'e2'",))
    assert result.expectation == "expect_column_values_to_be_unique"


def test_a_failure_says_column_sample_and_share(spark: SparkSession) -> None:
    rows = [{**row, "source": "dice"} if row["subject_id"] == "u1" else row for row in candidates()]
    rows[5]["score"] = math.inf
    done = audited(spark, CANDIDATES, first(score=math.nan)(rows), "score_is_a_number", "source_known", "not_empty")
    with pytest.raises(HeldError) as held:
        done.raise_if_failed()
    assert str(held.value) == (
        "candidates (run_date=2017-11-30): 2 critical check(s) failed; nothing was written and what was published "
        "before stays served:\n"
        "  score_is_a_number (score): Scores are finite; NaN and infinity fail too. "
        "Found: 2 of 6 rows, such as inf; score is NaN in 1 rows (33.33%)\n"
        "  source_known (source): Only sources that the surface names. Found: 3 of 6 rows, such as 'dice' (50.00%)\n"
        "next: look at the rows named by the check, mend the cause, run this day again"
    )
    assert [(result.rule, result.observed, result.unexpected_count) for result in done.results] == [
        ("not_empty", "6", None),
        ("score_is_a_number", "2 of 6 rows, such as inf; score is NaN in 1 rows", 2),
        ("source_known", "3 of 6 rows, such as 'dice'", 3),
    ]


def test_rules_without_their_column_hold_and_the_others_are_still_judged(spark: SparkSession) -> None:
    rows = first(rank=4)(candidates())
    frame = frame_of(spark, CANDIDATES, rows).drop("reason")
    done = audit(frame, CANDIDATES, PARTITION, PARAMETERS["candidates"])
    # reason_given is a mere warning: that it could not be evaluated holds all the same.
    assert names(done.critical_failures) == ["rank_within_k", "reason_given", "reason_present"]
    assert [result.rule for result in done.results if result.raised is not None] == ["reason_given", "reason_present"]
    with pytest.raises(
        HeldError, match=r'reason_given \(reason\): A reason is a sentence\. It could not be evaluated: .*"reason"'
    ):
        done.raise_if_failed()


def test_rules_that_allow_some_rows_are_counted(spark: SparkSession) -> None:
    arguments = {"column": "source", "value_set": ["als"], "mostly": 0.8}
    rule = Rule("mostly_als", "Mostly ALS.", "expect_column_values_to_be_in_set", arguments, "critical")
    rows = first(source="dice")(candidates())
    done = audit(frame_of(spark, CANDIDATES, rows), replace(CANDIDATES, rules=(rule,)), PARTITION, {})
    (result,) = done.results
    assert (result.success, result.unexpected_count, result.observed) == (True, 1, "1 of 6 rows, such as 'dice'")


def test_the_frame_is_kept_for_the_audit_only(spark: SparkSession) -> None:
    frame = frame_of(spark, CANDIDATES, candidates())
    rules = replace(CANDIDATES, rules=CANDIDATES.rules[:1])
    audit(frame, rules, PARTITION, {})
    assert not frame.storageLevel.useMemory
    frame.persist()
    audit(frame, rules, PARTITION, {})
    assert frame.storageLevel.useMemory


def test_a_frame_that_cannot_be_computed_is_no_failed_check(spark: SparkSession) -> None:
    frame = frame_of(spark, CANDIDATES, candidates()).withColumn("item_id", F.raise_error(F.lit("the disk is gone")))
    with pytest.raises(PySparkException, match="the disk is gone"):
        audit(frame, replace(CANDIDATES, rules=CANDIDATES.rules[:1]), PARTITION, {})
    assert not frame.storageLevel.useMemory


def result(**values: Any) -> CheckResult:
    good: dict[str, Any] = {
        "table": "candidates_homefeed",
        "rule": "rule",
        "description": "What it says.",
        "expectation": "guardrail",
        "column": "rank",
        "severity": "critical",
        "success": True,
        "raised": None,
        "observed": "6",
        "unexpected_count": 0,
        "unexpected_share": 0.0,
    }
    return CheckResult(**{**good, **values})


def test_further_results_join_the_audit_under_its_table() -> None:
    given = Audit("candidates_homefeed", PARTITION, (result(rule="first"),), 1.0)
    joined = given.with_results([result(table="", rule="second", success=False)])
    assert [(entry.table, entry.rule) for entry in joined.results] == [
        ("candidates_homefeed", "first"),
        ("candidates_homefeed", "second"),
    ]
    assert names(joined.critical_failures) == ["second"]
    assert names(given.results) == ["first"]


def test_the_manifest_and_the_report_read_the_results(tmp_path: Path) -> None:
    results = (
        result(rule="good"),
        result(rule="bad", success=False, observed="3 of 6 rows"),
        result(rule="warned", success=False, severity="warning"),
        result(rule="raised", success=False, severity="warning", raised="no such column"),
    )
    done = Audit("candidates_homefeed", PARTITION, results, 1.0)
    written = Manifest("publish_candidates", DAY, checks=done.records)
    write_manifest(str(tmp_path), written)
    (read,), problems = read_manifests(str(tmp_path), DAY)
    assert problems == []
    assert read == written
    assert {check.partition for check in read.checks} == {PARTITION}
    assert [(check.rule, check.outcome, check.holds, check.raised) for check in read.checks] == [
        ("good", "satisfied", False, None),
        ("bad", "failed", True, None),
        ("warned", "failed", False, None),
        ("raised", "not evaluated", True, "no such column"),
    ]


def test_importing_the_checks_does_not_load_great_expectations() -> None:
    modules = "shortlist.checks, shortlist.checks.audit, shortlist.checks.guardrails, shortlist.checks.suites"
    code = f"import {modules}, sys; print('great_expectations' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
