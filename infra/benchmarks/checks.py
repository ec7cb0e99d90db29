"""The engagements suite of Great Expectations against one hand-written Spark aggregate that computes the same facts.

Both judge the same persisted rows, made by Spark from their numbers. The aggregate is what somebody would write who had
no Great Expectations: one pass, every rule a count; and, harder to beat, the same with the distinct count of the key in
an aggregate of its own. Printed are the seconds of both, their ratio, and what each rule
costs when it is judged by itself; the suite ought to stay below three times the aggregate, and where it does not the rule
to blame is named. What is paid once a process (importing Great Expectations) is printed apart.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.checks.audit import audit
from shortlist.config import state_home
from shortlist.records.checks import Audit
from shortlist.tables import ENGAGEMENTS, Rule
from shortlist.warehouse.session import spark_session

DAY = date(2017, 11, 30)
PARTITION = f"run_date={DAY.isoformat()}"
PARAMETERS = {"run_date": DAY}
TARGET = 3.0
UNIQUE = "expect_column_values_to_be_unique"
# As spark-submit starts a job on this machine (infra/spark/local/bin/spark-submit).
MACHINE = Path(__file__).resolve().parents[1] / "spark" / "local" / "spark-defaults.conf"
TYPES = ("impression", "closeup", "save", "hide", "click", "outbound", "add_to_cart", "checkout")


def engagements(spark: SparkSession, rows: int) -> DataFrame:
    """A day that keeps every rule: unique event ids of 36 characters, 1 M users, 100 k items, in the contract's columns."""
    number = F.col("id")
    mixed = F.xxhash64(number)  # ids arrive in no order, as a producer's do
    second = F.pmod(mixed, F.lit(86_400))
    values: Mapping[str, Column] = {
        "event_id": F.concat(F.lpad(F.hex(mixed), 16, "0"), F.lit("-"), F.lpad(number.cast("string"), 19, "0")),
        "event_type": F.element_at(F.array(*map(F.lit, TYPES)), (F.pmod(mixed, F.lit(len(TYPES))) + 1).cast("int")),
        "event_ts": F.timestamp_seconds(F.unix_timestamp(F.lit(DAY).cast("timestamp")) + second),
        "user_id": F.concat(F.lit("u"), F.pmod(F.xxhash64(number, F.lit(1)), F.lit(1_000_000)).cast("string")),
        "item_id": F.concat(F.lit("i"), F.pmod(F.xxhash64(number, F.lit(2)), F.lit(100_000)).cast("string")),
        "surface": F.lit("homefeed"),
        "session_id": F.concat(F.lit("s"), F.pmod(mixed, F.lit(3_000_000)).cast("string")),
        "position": (F.pmod(mixed, F.lit(50)) + 1).cast("int"),
        "value": F.when(F.pmod(mixed, F.lit(8)) == 7, F.pmod(mixed, F.lit(10_000)) / 100),
        "ingest_date": F.lit(DAY),
        "event_date": F.lit(DAY),
    }
    columns = [values.get(f.name, F.lit(None)).cast(f.dataType).alias(f.name) for f in ENGAGEMENTS.schema]
    return spark.range(rows).select(*columns)


def broken(rule: Rule) -> Column:
    """How many rows break a rule, as one aggregate; nulls are the `_present` rules' business."""
    arguments = rule.arguments
    column = F.col(arguments.get("column", ENGAGEMENTS.columns[0]))
    low: Any = arguments.get("min_value")
    high: Any = arguments.get("max_value")
    match rule.expectation:
        case "expect_table_row_count_to_be_between":
            return F.when(F.count("*") < low, 1).otherwise(0)
        case "expect_column_values_to_be_in_set":
            return F.count_if(~column.isin(arguments["value_set"]))
        case "expect_column_value_lengths_to_be_between":
            return F.count_if(~F.length(column).between(low, high))
        case "expect_column_pair_values_a_to_be_greater_than_b":
            return F.count_if(F.col(arguments["column_A"]) < F.col(arguments["column_B"]))
        case "expect_column_values_to_be_between" if high is not None:
            return F.count_if(column > F.lit(DAY))
        case "expect_column_values_to_be_between":
            return F.count_if((column < low) | column.cast("double").isin(float("nan"), float("inf")))
        case "expect_column_values_to_not_be_null":
            return F.count_if(column.isNull())
        case unique if unique == UNIQUE:
            return F.count(column) - F.count_distinct(column)
    raise SystemExit(f"no hand-written count for {rule.expectation} ({rule.name}); next: add it to {__file__}")


def by_hand(frame: DataFrame) -> dict[str, int]:
    """Rows that break each rule, from one aggregate."""
    row = frame.agg(*(broken(rule).alias(rule.name) for rule in ENGAGEMENTS.rules)).first()
    assert row is not None, "an aggregate without groups has one row"
    return dict(row.asDict())


def by_hand_apart(frame: DataFrame) -> dict[str, int]:
    """The same, with the distinct count in an aggregate of its own, where it does not drag the other counts along."""
    rules = [rule for rule in ENGAGEMENTS.rules if rule.expectation != UNIQUE]
    row, keys = frame.agg(*(broken(rule).alias(rule.name) for rule in rules)).first(), frame.select(*ENGAGEMENTS.key)
    assert row is not None, "an aggregate without groups has one row"
    return {**row.asDict(), "key_unique": frame.count() - keys.distinct().count()}


def by_suite(frame: DataFrame, rules: Sequence[Rule]) -> Audit:
    """The gate of the nightly run, with some of its rules or all."""
    wanted = str([rule.arguments for rule in rules])
    parameters = PARAMETERS if "${run_date}" in wanted else {}
    return audit(frame, replace(ENGAGEMENTS, rules=tuple(rules)), PARTITION, parameters)


def seconds_of(action: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """The median time of an action and what it gave last."""
    times, given = [], None
    for _ in range(repeats):
        started = time.perf_counter()
        given = action()
        times.append(time.perf_counter() - started)
    return statistics.median(times), given


def measure(spark: SparkSession, rows: int, repeats: int) -> dict[str, Any]:
    """All figures for one size."""
    frame = engagements(spark, rows).persist()
    started = time.perf_counter()
    frame.count()
    made = time.perf_counter() - started
    by_hand(frame)  # both sides run once before they are timed: code generation, imports
    started = time.perf_counter()
    by_suite(frame, ENGAGEMENTS.rules[:1])
    first = time.perf_counter() - started
    hand, facts = seconds_of(lambda: by_hand(frame), repeats)
    apart, facts_apart = seconds_of(lambda: by_hand_apart(frame), repeats)
    suite, verdict = seconds_of(lambda: by_suite(frame, ENGAGEMENTS.rules), repeats)
    broken_by_hand = [{name for name, count in found.items() if count} for found in (facts, facts_apart)]
    by_gate = {result.rule for result in verdict.results if result.raised is not None or not result.success}
    differing = sorted(set.union(*(by_gate ^ names for names in broken_by_hand)))
    if differing:
        raise SystemExit(f"suite and aggregate disagree about {', '.join(differing)}: they did not do the same work")
    seconds_by_rule = {rule.name: round(by_suite(frame, [rule]).seconds, 2) for rule in ENGAGEMENTS.rules}
    frame.unpersist(blocking=True)
    return {
        "rows": rows,
        "generate_seconds": round(made, 2),
        "first_call_seconds": round(first, 2),
        "aggregate_seconds": round(hand, 2),
        "aggregate_apart_seconds": round(apart, 2),
        "suite_seconds": round(suite, 2),
        "ratio": round(suite / hand, 2),
        "ratio_apart": round(suite / apart, 2),
        "target": TARGET,
        "rule_seconds": dict(sorted(seconds_by_rule.items(), key=lambda entry: -entry[1])),
    }


def describe(found: Mapping[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"{found['rows']:,} rows, made and persisted in {found['generate_seconds']} s; the first Great Expectations call of "
        f"a process took {found['first_call_seconds']} s",
        f"  one Spark aggregate   {found['aggregate_seconds']:>8.2f} s",
        f"  its distinct apart    {found['aggregate_apart_seconds']:>8.2f} s",
        f"  the suite             {found['suite_seconds']:>8.2f} s   {found['ratio']} times the aggregate, "
        f"{found['ratio_apart']} times the one with its distinct apart (target {TARGET})",
        "  each rule by itself:",
        *(f"    {name:<30}{seconds:>8.2f} s" for name, seconds in found["rule_seconds"].items()),
    ]
    if max(found["ratio"], found["ratio_apart"]) > TARGET:
        name, seconds = next(iter(found["rule_seconds"].items()))
        lines.append(f"  over the target: {name} is the slowest, {seconds} s by itself")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """The benchmark."""
    parser = argparse.ArgumentParser(
        prog="infra/bench checks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000_000], help="events (default: 20000000)")
    parser.add_argument("--repeats", type=int, default=3, help="the median of so many is taken (default: 3)")
    parser.add_argument("--json", type=Path, help="default: $SHORTLIST_HOME/bench/checks.json")
    arguments = parser.parse_args(argv)
    path = arguments.json or state_home() / "bench" / "checks.json"
    os.environ["PYSPARK_SUBMIT_ARGS"] = f'--properties-file "{MACHINE}" pyspark-shell'
    with spark_session("bench checks") as spark:
        figures = []
        for rows in arguments.rows:
            figures.append(measure(spark, rows, arguments.repeats))
            print(describe(figures[-1]), flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"figures: {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
