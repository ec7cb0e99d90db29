"""The traffic gate: deliveries as a whole beside the deliveries before them, judged before anything is written."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from shortlist.checks.comparisons import SAID, WHERE, Comparison, Delivered, Heaviest, comparisons
from shortlist.checks.validation import raised, rows_batches, validate
from shortlist.columns import EVENT_DATE, EVENT_TYPE, EVENTS, ID, INGEST_DATE, ITEM_ID, SURFACE, USER_ID
from shortlist.config import Settings
from shortlist.records.checks import Audit, CheckResult
from shortlist.transforms.traffic import EMPTY, ITEMS, NEWEST, TOTAL, UNKNOWN_ITEMS, daily_traffic, heaviest

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

TRAFFIC = "traffic"
AT_LEAST = "expect_column_pair_values_a_to_be_greater_than_b"
SAMPLES = 5
NUMBER = "number"
_KIND = "_kind"
# Groups that one process compares in seconds: a year of days, ten event types, dozens of surfaces.
MAX_GROUPS = 100_000


def check_traffic(
    fresh: DataFrame,
    known: DataFrame | None,
    catalog: DataFrame | None,
    settings: Settings,
    run_date: date,
    partition: str,
) -> Audit:
    """What the traffic rules say about the folders that a run has read.

    Args:
        fresh: engagements of these folders that are new; persisted by the caller, or selected from what is.
        known: the engagements table before this run; None where there is none yet.
        catalog: the newest catalog that was known on the run date; None where there is none.
        settings: limits and severities (`checks`), and how late events may come.
        run_date: logical date D: nothing that was delivered later is looked at.
        partition: what the rows are, for messages.
    """
    started = time.perf_counter()
    config = settings.checks
    folders = sorted(row[0] for row in fresh.select(INGEST_DATE).distinct().collect())
    judged = [day for day in folders if day <= run_date][-config.judge_days :]
    if not judged:
        results = judge(comparisons([], judged, config, catalog is not None), config.timeout_minutes)
    else:
        oldest = judged[0] - timedelta(days=config.history_days)
        counted = daily_traffic(_delivered(fresh, oldest, run_date), catalog)
        if known is not None:
            # No event is older than its folder by more than this: earlier partitions need not be read.
            recent = known.where(F.col(EVENT_DATE) >= oldest - timedelta(days=settings.extraction.max_late_days))
            others = _delivered(recent, oldest, run_date).where(~F.col(INGEST_DATE).isin(folders))
            counted = counted.unionByName(daily_traffic(others, None))
        rows = counted.limit(MAX_GROUPS + 1).collect()
        if len(rows) > MAX_GROUPS:
            results = (_too_many(rows[-1][SURFACE]),)
        else:
            traffic = [_counts(row) for row in rows]
            most = _heaviest(fresh.where(F.col(INGEST_DATE).isin(judged))) if config.heaviest.severity != "off" else []
            compared = comparisons(traffic, judged, config, catalog is not None, most)
            results = judge(compared, config.timeout_minutes)
    return Audit(TRAFFIC, partition, results, round(time.perf_counter() - started, 2)).log_warnings()


def judge(compared: Sequence[Comparison], minutes: float | None = None) -> tuple[CheckResult, ...]:
    """One result for each comparison: Great Expectations' verdict on its rows, or why it has none."""
    import pandas as pd
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.registry import get_expectation_impl

    judged = [comparison for comparison in compared if comparison.off is None]
    frames = {comparison.rule: pd.DataFrame(comparison.rows) for comparison in judged}
    batches = rows_batches({rule: frame.assign(**{NUMBER: range(len(frame))}) for rule, frame in frames.items()})
    kind: Any = get_expectation_impl(AT_LEAST)  # its arguments are not in its base's signature
    complete = {"result_format": "COMPLETE", "unexpected_index_column_names": [NUMBER]}
    given: dict[str, ExpectationValidationResult] = {}
    for comparison in judged:
        expectation = kind(
            column_A=comparison.high,
            column_B=comparison.low,
            or_equal=True,
            # A number that is missing must not excuse its row, which is what Great Expectations would do.
            ignore_row_if="neither",
            severity=FailureSeverity(comparison.severity),
            description=comparison.description,
            meta={"rule": comparison.rule},
        )
        given |= validate(batches[comparison.rule], comparison.rule, [expectation], complete, minutes)
    return tuple(_result(comparison, given.get(comparison.rule)) for comparison in compared)


def _result(comparison: Comparison, given: "ExpectationValidationResult | None") -> CheckResult:
    success, failure, count = True, None, None
    samples: tuple[str, ...] = ()
    observed = comparison.off or ""
    if given is not None:
        failure, total = raised(given), len(comparison.rows)
        success = bool(given.success) and failure is None
        numbers = sorted(int(entry[NUMBER]) for entry in (given.result or {}).get("unexpected_index_list") or [])
        broken = [_said(comparison.rows[number]) for number in reversed(numbers)]  # the newest day first
        samples = tuple(broken[:SAMPLES])
        if failure is not None:
            observed = ""
        elif success:
            nearest = min(comparison.rows, key=lambda row: float(row[comparison.high]) - float(row[comparison.low]))
            count, observed = 0, f"{total} judged; nearest to its limit is {_said(nearest)}"
        else:
            count, observed = len(broken), f"{len(broken)} of {total} break it: {'; '.join(samples)}"
    return CheckResult(
        table=TRAFFIC,
        rule=comparison.rule,
        description=comparison.description,
        expectation=AT_LEAST,
        column=", ".join([comparison.high, comparison.low]),
        severity=comparison.severity,
        success=success,
        raised=failure,
        observed=observed,
        unexpected_count=count,
        unexpected_share=None,  # the count of all is in `observed`
        samples=samples,
        off=comparison.off,
    )


def _heaviest(events: DataFrame) -> list[Heaviest]:
    users, items = (heaviest(events, column).withColumn(_KIND, F.lit(column)) for column in (USER_ID, ITEM_ID))
    rows = users.unionByName(items).orderBy(F.desc(_KIND), INGEST_DATE).collect()
    kinds = {USER_ID: "user", ITEM_ID: "item"}
    return [Heaviest(row[INGEST_DATE], kinds[row[_KIND]], row[ID], row[EVENTS], row[TOTAL]) for row in rows]


def _counts(row: Row) -> Delivered:
    return Delivered(
        day=row[INGEST_DATE],
        surface=row[SURFACE],
        event_type=row[EVENT_TYPE],
        events=row[EVENTS],
        newest=row[NEWEST].astimezone(UTC),
        items=row[ITEMS],
        unknown_items=row[UNKNOWN_ITEMS],
        empty=row[EMPTY],
    )


def _too_many(surface: str) -> CheckResult:
    """A producer that writes ids into `surface` makes groups without end: that cannot be judged, so it holds."""
    why = f"more than {MAX_GROUPS:,} groups; the values of {SURFACE} look like ids, such as {surface[:60]!r}"
    return CheckResult(
        table=TRAFFIC,
        rule="surfaces_few",
        description="Days, surfaces and event types are few enough to compare.",
        expectation="count",
        column=SURFACE,
        severity="critical",
        success=False,
        raised=why,
        observed="",
        unexpected_count=None,
        unexpected_share=None,
    )


def _said(row: Mapping[str, float | str]) -> str:
    return f"{row[WHERE]}: {row[SAID]}"


def _delivered(events: DataFrame, first: date, last: date) -> DataFrame:
    return events.where(F.col(INGEST_DATE).between(F.lit(first), F.lit(last)))
