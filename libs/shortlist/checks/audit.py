"""Check a frame against its contract before anything is written."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, FloatType

from shortlist.checks.suites import rule_columns, suite
from shortlist.checks.validation import raised, rule_name, spark_batch, validate
from shortlist.records.checks import Audit, CheckResult
from shortlist.tables import Rule, Table

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation

SAMPLES = 5
SUMMARY = {"result_format": "SUMMARY", "partial_unexpected_count": SAMPLES}
BOOLEAN = {"result_format": "BOOLEAN_ONLY"}
UNIQUE = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
PROPORTION = "expect_column_proportion_of_unique_values_to_be_between"


def audit(
    frame: DataFrame,
    table: Table,
    partition: str,
    parameters: Mapping[str, object],
    minutes: float | None = None,
    rows: int | None = None,
    persist: bool = True,
) -> Audit:
    """What the table's contract says about a frame that is to become a partition.

    The frame is computed once: it is persisted for the time of the audit unless the caller has persisted it. Where the caller
    has persisted a larger frame that it is selected from, `persist=False` saves a second copy. A frame
    that cannot be computed raises here as it would anywhere; a rule that cannot be evaluated becomes a failed result.

    Rules that judge row by row are first asked for yes or no, which takes Spark few passes (unique keys by their
    hashes); only those that say no are asked again for counts and samples, at the price of a pass for each.

    Args:
        frame: rows to check.
        table: whose contract.
        partition: what the rows are, for messages.
        parameters: values of `${name}` in the contract's rules.
        minutes: how long Great Expectations may take for each of its passes; None waits for ever.
        rows: how many rows the frame has, where the caller has counted them.
        persist: whether to persist the frame, where the caller has not.

    Raises:
        ContractError: the contract's rules or the parameters cannot be meant, see `suite`.
    """
    expectations = suite(table, parameters).expectations
    with _persisted(frame) if persist else nullcontext():
        rows = frame.count() if rows is None else rows
        started = time.perf_counter()
        batch = spark_batch(frame)
        row_rules = [expectation for expectation in expectations if _picks_rows(expectation)]
        others = [expectation for expectation in row_rules if not _is_key(expectation)]
        quick = validate(batch, table.name, others, BOOLEAN, minutes)
        quick |= _unique_keys(frame, table, row_rules, minutes)
        settled = {name for name, result in quick.items() if result.success or raised(result) is not None}
        open_rules = [expectation for expectation in expectations if rule_name(expectation) not in settled]
        found = {**quick, **validate(batch, table.name, open_rules, SUMMARY, minutes)}
        results = tuple(_result(frame, table, rule, found[rule.name], rows) for rule in table.rules)
        seconds = time.perf_counter() - started
    return Audit(table.name, partition, results, round(seconds, 2)).log_warnings()


@contextmanager
def _persisted(frame: DataFrame) -> Iterator[None]:
    """The frame's rows kept by Spark meanwhile; one that the caller keeps stays kept."""
    level = frame.storageLevel
    if level.useMemory or level.useDisk:
        yield
        return
    frame.persist()
    try:
        yield
    finally:
        frame.unpersist()


def _picks_rows(expectation: "Expectation") -> bool:
    """Whether a yes says all: the rule judges row by row, and lets not a single one break it."""
    from great_expectations.expectations.expectation import (
        ColumnMapExpectation,
        ColumnPairMapExpectation,
        MulticolumnMapExpectation,
    )

    if not isinstance(expectation, ColumnMapExpectation | ColumnPairMapExpectation | MulticolumnMapExpectation):
        return False
    return bool(expectation.mostly == 1)


def _is_key(expectation: "Expectation") -> bool:
    return expectation.expectation_type in UNIQUE


def _unique_keys(
    frame: DataFrame, table: Table, expectations: "Iterable[Expectation]", minutes: float | None
) -> "dict[str, ExpectationValidationResult]":
    """A yes for each key of which no two rows even have the same hash; any other answer says nothing.

    Different hashes are of different keys, so a yes is exact. It costs an aggregate of numbers, where Great Expectations'
    own rule sorts all rows by the key itself; that rule is left to the keys that get no yes here.
    """
    from great_expectations.expectations.registry import get_expectation_impl

    proportion: Any = get_expectation_impl(PROPORTION)  # its arguments are not in its base's signature
    columns = {rule.name: rule_columns(rule) for rule in table.rules}
    names = [rule_name(expectation) for expectation in expectations if _is_key(expectation)]
    keys = {name: columns[name] for name in names if set(columns[name]) <= set(frame.columns)}
    if not keys:
        return {}
    # A missing value has a hash too: where there are several, the answer is left to the rule itself.
    hashes = [F.xxhash64(*of).alias(name) for name, of in keys.items()]
    demands = [proportion(column=name, min_value=1.0, meta={"rule": name}) for name in keys]
    found = validate(spark_batch(frame.select(*hashes)), table.name, demands, BOOLEAN, minutes)
    return {name: result for name, result in found.items() if result.success}


def _result(frame: DataFrame, table: Table, rule: Rule, given: "ExpectationValidationResult", rows: int) -> CheckResult:
    failure = raised(given)
    success = bool(given.success) and failure is None
    facts: Mapping[str, Any] = given.result or {}
    count, share, observed, samples = None, None, "", _samples(facts)
    if "observed_value" in facts:
        observed = str(facts["observed_value"])
    elif failure is None:
        # Asked for yes or no only: yes means that not a single row breaks the rule.
        count = int(facts.get("unexpected_count", 0))
        share = count / rows if rows else 0.0
        such = f", such as {', '.join(samples)}" if samples else ""
        observed = f"{count} of {rows} rows{such}{_nans(frame, rule) if count else ''}"
    return CheckResult(
        table=table.name,
        rule=rule.name,
        description=rule.description,
        expectation=rule.expectation,
        column=", ".join(rule_columns(rule)),
        severity=rule.severity,
        success=success,
        raised=failure,
        observed=observed,
        unexpected_count=count,
        unexpected_share=share,
        samples=samples,
    )


def _samples(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Some of the values that break the rule, each once; NaN apart, of which Great Expectations loses some."""
    values = [value for value in facts.get("partial_unexpected_list") or [] if value is not None and value == value]
    return tuple(dict.fromkeys(repr(value)[:120] for value in values))


def _nans(frame: DataFrame, rule: Rule) -> str:
    """How many rows are NaN in the floating point columns that a failed rule looks at."""
    kinds = {field.name: field.dataType for field in frame.schema}
    floating = [name for name in rule_columns(rule) if isinstance(kinds.get(name), DoubleType | FloatType)]
    counts = [(name, frame.where(F.isnan(F.col(name))).count()) for name in floating]
    return "".join(f"; {name} is NaN in {count} rows" for name, count in counts if count)
