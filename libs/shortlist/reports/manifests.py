"""The manifests of a run date, as the jobs left them: one JSON file per job, read into plain records."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from shortlist.pipeline import JOBS


@dataclass(frozen=True)
class Check:
    """What one rule of a contract said about one table.

    Attributes:
        table: The table that was checked, or the gate's name.
        partition: Which part of it, empty where the manifest does not say.
        rule: The rule's name in the contract, or the guardrail's.
        column: The column it looks at, empty for the whole table.
        severity: critical holds the run, warning is shown.
        passed: Whether the rows satisfy it; False where it is off.
        off: Why it had nothing to judge, empty when it judged.
        raised: Why it could not be evaluated, empty when it could.
        observed: What was found, in words.
        description: What it demands, in one sentence.
        expectation: Great Expectations' type, or guardrail.
        count: Rows that break it, None where they cannot be counted.
        samples: Some of what breaks it.
    """

    table: str
    partition: str
    rule: str
    column: str
    severity: str
    passed: bool
    off: str
    raised: str
    observed: str
    description: str
    expectation: str
    count: int | None
    samples: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether this result alone stops the run: a critical failure, or a rule that could not be evaluated."""
        return bool(self.raised) or (self.outcome == "failed" and self.severity == "critical")

    @property
    def outcome(self) -> str:
        """not evaluated, not applicable, satisfied or failed."""
        if self.raised:
            return "not evaluated"
        if self.off:
            return "not applicable"
        return "satisfied" if self.passed else "failed"


@dataclass(frozen=True)
class JobRecord:
    """One job of the run date.

    Attributes:
        job: Name as in jobs/<job>.py.
        run_id: The run's day and settings fingerprint.
        attempt: Fence number; None when the job chose it itself.
        seconds: Wall time, None when the manifest does not say.
        inputs: Versions that were read, by table.
        outputs: Versions that were written, by table and partition.
        settings: All settings in force, as plain values.
        checks: Results of its gates.
        error: Why it failed, empty when it did not.
        facts: The manifest as it is, for what only one job says.
    """

    job: str
    run_id: str
    attempt: int | None
    seconds: float | None
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    settings: Mapping[str, Any]
    checks: tuple[Check, ...]
    error: str
    facts: Mapping[str, Any] = field(repr=False, default_factory=dict)


def read_job_records(root: str, run_date: date) -> tuple[list[JobRecord], list[str]]:
    """The records of a day in the order of the nightly run, and a sentence for each file that could not be read.

    Args:
        root: Folder of the manifests.
        run_date: The day.
    """
    folder = Path(root) / f"run_date={run_date.isoformat()}"
    records, problems = [], []
    for path in sorted(folder.glob("[!.]*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise ValueError("it holds no JSON object")
            records.append(_record(path.stem, content))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            problems.append(f"the manifest {path.name} of {run_date.isoformat()} cannot be read: {error!r}")
    order = {job: place for place, job in enumerate(JOBS)}
    records.sort(key=lambda record: (order.get(record.job, len(order)), record.job))
    return records, problems


def _record(job: str, content: Mapping[str, Any]) -> JobRecord:
    seconds, attempt = content.get("seconds"), content.get("attempt")
    return JobRecord(
        job=str(content.get("job", job)),
        run_id=str(content.get("run_id", "")),
        attempt=None if attempt is None else int(attempt),
        seconds=None if seconds is None else float(seconds),
        inputs={str(table): int(version) for table, version in (content.get("inputs") or {}).items()},
        outputs={str(table): int(version) for table, version in (content.get("outputs") or {}).items()},
        settings=dict(content.get("settings") or {}),
        checks=tuple(_check(entry) for entry in content.get("checks") or []),
        error=str(content.get("error") or ""),
        facts=content,
    )


def _check(entry: Mapping[str, Any]) -> Check:
    share, count = entry.get("unexpected_share"), entry.get("unexpected_count")
    found = str(entry.get("observed") or "")
    if share:
        found = f"{found} ({share:.3%} of rows)".strip()
    return Check(
        table=str(entry["table"]),
        partition=str(entry.get("partition") or ""),
        rule=str(entry["rule"]),
        column=str(entry.get("column") or ""),
        severity=str(entry["severity"]),
        passed=bool(entry["success"]) and not entry.get("off"),
        off=str(entry.get("off") or ""),
        raised=str(entry.get("raised") or ""),
        observed=found,
        description=str(entry.get("description") or ""),
        expectation=str(entry.get("expectation") or ""),
        count=None if count is None else int(count),
        samples=tuple(str(sample) for sample in entry.get("samples") or []),
    )
