"""What gates say: one result a rule, one audit a gate."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from shortlist.errors import HeldError

if TYPE_CHECKING:
    # Airflow's side reads manifests too, and has no reader of contracts.
    from shortlist.contracts import Severity

# The jobs' own logger: its lines are the job's standard error, which Airflow shows.
log = logging.getLogger("shortlist")


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
        success: whether the rows satisfy the rule; True also where the rule is off, see `off`.
        raised: why the rule could not be evaluated; None when it could.
        observed: what was found, in words.
        unexpected_count: rows (guardrails: rows, lists or subjects) that break the rule, where that can be counted.
        unexpected_share: the same as a share of all, 0 to 1.
        samples: some of what breaks the rule, each in words.
        off: why the rule has nothing to judge here, such as a first day without history; None where it judged.
        partition: which part of the table; empty until it is recorded.
    """

    table: str
    rule: str
    description: str
    expectation: str
    column: str
    severity: "Severity"
    success: bool
    raised: str | None
    observed: str
    unexpected_count: int | None
    unexpected_share: float | None
    samples: tuple[str, ...] = ()
    off: str | None = None
    partition: str = ""

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> "CheckResult":
        """Out of a manifest; what it lacks is unknown, but a result without table, rule, severity and success is none.

        Raises:
            KeyError: it lacks one of these.
        """
        unknown: dict[str, Any] = dict.fromkeys(("description", "expectation", "column", "observed"), "")
        unknown |= dict.fromkeys(("raised", "unexpected_count", "unexpected_share"))
        known = {each.name: stated[each.name] for each in fields(cls) if each.name in stated}
        for name in ("table", "rule", "severity", "success"):
            known[name] = stated[name]
        return cls(**{**unknown, **known, "samples": tuple(map(str, stated.get("samples") or ()))})

    @property
    def outcome(self) -> str:
        """not evaluated, not applicable, satisfied or failed."""
        if self.raised is not None:
            return "not evaluated"
        if self.off is not None:
            return "not applicable"
        return "satisfied" if self.success else "failed"

    @property
    def found(self) -> str:
        """What was found, with the share of rows that break the rule where it is known."""
        share = f"({self.unexpected_share:.3%} of rows)" if self.unexpected_share else ""
        return f"{self.observed} {share}".strip()

    @property
    def holds(self) -> bool:
        """Whether this result alone stops the run: a critical failure, or any rule that could not be evaluated."""
        return self.raised is not None or (not self.success and self.severity == "critical")

    def __str__(self) -> str:
        columns = f" ({self.column})" if self.column else ""
        if self.raised is not None:
            return f"{self.rule}{columns}: {self.description} It could not be evaluated: {self.raised}"
        share = "" if self.unexpected_share is None else f" ({self.unexpected_share:.2%})"
        return f"{self.rule}{columns}: {self.description} Found: {self.observed}{share}"


@dataclass(frozen=True)
class Audit:
    """What all rules said about one partition of one table.

    Attributes:
        table: name of the table, or of the gate.
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

    @property
    def records(self) -> list[CheckResult]:
        """All results with their partition, for the run's manifest."""
        return [replace(result, partition=self.partition) for result in self.results]

    def log_warnings(self) -> "Audit":
        """One line of the job's log for each warning; returns itself."""
        for warning in self.warnings:
            log.warning("warning: %s (%s): %s", self.table, self.partition, " ".join(str(warning).split()))
        return self
