"""Check a frame against its contract before anything is written."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DoubleType, FloatType

from shortlist.checks.suites import rule_columns, suite
from shortlist.errors import HeldError
from shortlist.tables import Rule, Severity, Table

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

SAMPLES = 5
SUMMARY = {"result_format": "SUMMARY", "partial_unexpected_count": SAMPLES}
BOOLEAN = {"result_format": "BOOLEAN_ONLY"}


@dataclass(frozen=True)
class CheckResult:
    """What one rule said about one partition.

    Attributes:
        table: table that was checked; empty until an audit takes the result in.
        rule: name of the rule in the contract, or of the guardrail.
        description: what the rule demands, one sentence.
        expectation: Great Expectations' type, or "guardrail".
        column: columns it looks at, joined by ", "; empty for the whole table.
        severity: critical holds the run, warning shows.
        success: whether the rows satisfy the rule.
        raised: why the rule could not be evaluated; None when it could.
        observed: what was found, in words.
        unexpected_count: rows (guardrails: rows, lists or subjects) that break the rule, where that can be counted.
        unexpected_share: the same as a share of all, 0 to 1.
    """

    table: str
    rule: str
    description: str
    expectation: str
    column: str
    severity: Severity
    success: bool
    raised: str | None
    observed: str
    unexpected_count: int | None
    unexpected_share: float | None

    @property
    def holds(self) -> bool:
        """Whether this result alone stops the run: a critical failure, or any rule that could not be evaluated."""
        return self.raised is not None or (not self.success and self.severity == "critical")

    def __str__(self) -> str:
        place = f" ({self.column})" if self.column else ""
        if self.raised is not None:
            return f"{self.rule}{place}: {self.description} It could not be evaluated: {self.raised}"
        share = "" if self.unexpected_share is None else f" ({self.unexpected_share:.2%})"
        return f"{self.rule}{place}: {self.description} Found: {self.observed}{share}"


@dataclass(frozen=True)
class Audit:
    """What all rules said about one partition of one table.

    Attributes:
        table: name of the table.
        partition: which part of it, such as run_date=2017-11-30.
        results: one per rule, in the contract's order, then those that were added.
        seconds: wall time of the rules, without that of computing the frame.
    """

    table: str
    partition: str
    results: tuple[CheckResult, ...]
    seconds: float

    @property
    def critical_failures(self) -> tuple[CheckResult, ...]:
        """Critical rules that failed, and rules of whatever severity that could not be evaluated."""
        return tuple(result for result in self.results if result.holds)

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """Rules that failed and do not hold the run."""
        return tuple(result for result in self.results if not result.success and not result.holds)

    def with_results(self, results: Iterable[CheckResult]) -> "Audit":
        """This audit and further results on the same rows, such as the guardrails'."""
        return replace(self, results=(*self.results, *(replace(result, table=self.table) for result in results)))

    def raise_if_failed(self) -> None:
        """Let a good partition pass.

        Raises:
            HeldError: with one line for each result of `critical_failures`.
        """
        failures = self.critical_failures
        if failures:
            raise HeldError.failed_checks(self.table, self.partition, [str(failure) for failure in failures])

    def as_dicts(self) -> list[dict[str, Any]]:
        """All results as JSON values, for the run's manifest."""
        return [asdict(result) for result in self.results]


def audit(frame: DataFrame, table: Table, partition: str, parameters: Mapping[str, object]) -> Audit:
    """What the table's contract says about a frame that is to become a partition.

    The frame is computed once: it is persisted for the time of the audit unless the caller has persisted it. A frame
    that cannot be computed raises here as it would anywhere; a rule that cannot be evaluated becomes a failed result.

    Rules that judge row by row are first asked for yes or no, which takes Spark few passes; only those that say no are
    asked again for counts and samples, at the price of a pass for each.

    Args:
        frame: rows to check.
        table: whose contract.
        partition: what the rows are, for messages.
        parameters: values of `${name}` in the contract's rules.

    Raises:
        ContractError: the contract's rules or the parameters cannot be meant, see `suite`.
    """
    expectations = suite(table, parameters).expectations
    with _persisted(frame):
        rows = frame.count()
        started = time.perf_counter()
        batch = _batch(frame)
        row_rules = [expectation for expectation in expectations if _picks_rows(expectation)]
        quick = _validate(batch, table, row_rules, BOOLEAN)
        settled = {name for name, result in quick.items() if result.success or _raised(result) is not None}
        open_rules = [expectation for expectation in expectations if _name(expectation) not in settled]
        found = {**quick, **_validate(batch, table, open_rules, SUMMARY)}
        results = tuple(_result(frame, table, rule, found[rule.name], rows) for rule in table.rules)
        seconds = time.perf_counter() - started
    return Audit(table.name, partition, results, round(seconds, 2))


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


def _batch(frame: DataFrame) -> "Batch":
    """The frame as Great Expectations' one batch, in a context of its own that leaves nothing behind."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # A metric that fails is logged with its whole Java trace; the reason is in the result, where we take it from.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # persist=False: Great Expectations would persist the frame once more and never let go of it.
    source = context.data_sources.add_spark("spark", persist=False)
    return (
        source.add_dataframe_asset("frame").add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    )


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


def _validate(
    batch: "Batch", table: Table, expectations: "Sequence[Expectation]", result_format: Mapping[str, Any]
) -> dict[str, "ExpectationValidationResult"]:
    """Results by rule name."""
    import great_expectations as gx

    if not expectations:
        return {}
    part = gx.ExpectationSuite(name=table.name, expectations=list(expectations))
    results = batch.validate(part, result_format=dict(result_format)).results
    return {_name(result.expectation_config): result for result in results}


def _name(expectation: "Expectation | ExpectationConfiguration | None") -> str:
    """The rule's name, which `suite` left in the expectation's meta."""
    return str(((expectation and expectation.meta) or {})["rule"])


def _result(frame: DataFrame, table: Table, rule: Rule, given: "ExpectationValidationResult", rows: int) -> CheckResult:
    raised = _raised(given)
    success = bool(given.success) and raised is None
    facts: Mapping[str, Any] = given.result or {}
    count, share, observed = None, None, ""
    if "observed_value" in facts:
        observed = str(facts["observed_value"])
    elif raised is None:
        # Asked for yes or no only: yes means that not a single row breaks the rule.
        count = int(facts.get("unexpected_count", 0))
        share = count / rows if rows else 0.0
        observed = f"{count} of {rows} rows{_samples(facts)}{_nans(frame, rule) if count else ''}"
    return CheckResult(
        table=table.name,
        rule=rule.name,
        description=rule.description,
        expectation=rule.expectation,
        column=", ".join(rule_columns(rule)),
        severity=rule.severity,
        success=success,
        raised=raised,
        observed=observed,
        unexpected_count=count,
        unexpected_share=share,
    )


def _samples(facts: Mapping[str, Any]) -> str:
    """Some of the values that break the rule, each once; NaN apart, of which Great Expectations loses some."""
    values = [value for value in facts.get("partial_unexpected_list") or [] if value is not None and value == value]
    shown = list(dict.fromkeys(repr(value)[:120] for value in values))
    return f", such as {', '.join(shown)}" if shown else ""


def _nans(frame: DataFrame, rule: Rule) -> str:
    """How many rows are NaN in the floating point columns that a failed rule looks at."""
    kinds = {field.name: field.dataType for field in frame.schema}
    floating = [name for name in rule_columns(rule) if isinstance(kinds.get(name), DoubleType | FloatType)]
    counts = [(name, frame.where(F.isnan(F.col(name))).count()) for name in floating]
    return "".join(f"; {name} is NaN in {count} rows" for name, count in counts if count)


def _raised(given: "ExpectationValidationResult") -> str | None:
    """Why the rule could not be evaluated, first line of each reason; None when it could be.

    Great Expectations gives either one reason or a mapping of metrics to theirs.
    """
    info: Mapping[str, Any] = given.exception_info or {}
    reasons = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, Mapping)]
    texts = [
        str(entry.get("exception_message") or "no reason given") for entry in reasons if entry.get("raised_exception")
    ]
    lines = dict.fromkeys(text.strip().split("\n", 1)[0][:300] for text in texts)
    return "; ".join(lines) if texts else None
