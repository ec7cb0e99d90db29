"""Great Expectations itself: batches of rows, and what it says of them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from pyspark import InheritableThread
from pyspark.sql import DataFrame, SparkSession

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

FRAME, ALL = "frame", "all"
Answer = TypeVar("Answer")


def spark_batch(frame: DataFrame) -> "Batch":
    """The frame as Great Expectations' one batch, in a context of its own that leaves nothing behind."""
    # persist=False: Great Expectations would persist the frame once more and never let go of it.
    source = _context().data_sources.add_spark("spark", persist=False)
    return source.add_dataframe_asset(FRAME).add_batch_definition_whole_dataframe(ALL).get_batch({"dataframe": frame})


def rows_batches(frames: "Mapping[str, pd.DataFrame]") -> "dict[str, Batch]":
    """Small frames as batches, by name, in one context: what Spark has aggregated is judged without it."""
    source = _context().data_sources.add_pandas("rows")
    return {
        name: source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(ALL).get_batch({"dataframe": frame})
        for name, frame in frames.items()
    }


def validate(
    batch: "Batch",
    name: str,
    expectations: "Sequence[Expectation]",
    result_format: Mapping[str, Any],
    minutes: float | None = None,
) -> "dict[str, ExpectationValidationResult]":
    """Results by rule name.

    Args:
        batch: rows.
        name: what the suite is called.
        expectations: each with its rule in `meta["rule"]`.
        result_format: how much Great Expectations is to say.
        minutes: how long it may take; every rule then counts as one that could not be evaluated. None waits for ever.
    """
    import great_expectations as gx

    if not expectations:
        return {}
    part = gx.ExpectationSuite(name=name, expectations=list(expectations))

    def ask() -> "Sequence[ExpectationValidationResult]":
        return batch.validate(part, result_format=dict(result_format)).results

    results = ask() if minutes is None else _within(minutes, ask)
    if results is None:
        return {rule_name(expectation): _unanswered(expectation, minutes) for expectation in expectations}
    return {rule_name(result.expectation_config): result for result in results}


def _within(minutes: float, ask: Callable[[], Answer]) -> "Answer | None":
    """What a function returns, or None when it takes longer; its Spark jobs are cancelled then."""
    spark, tag = SparkSession.active(), f"gate-{uuid4()}"
    answers: list[Answer] = []
    raised_by: list[Exception] = []

    def run() -> None:
        spark.sparkContext.addJobTag(tag)
        try:
            answers.append(ask())
        except Exception as error:
            raised_by.append(error)

    # Nobody can end a thread: one that does not come back is left to itself, and must not keep the process alive.
    thread = InheritableThread(target=run, daemon=True, session=spark)
    thread.start()
    thread.join(minutes * 60)
    if thread.is_alive():
        spark.sparkContext.cancelJobsWithTag(tag)
        return None
    if raised_by:
        raise raised_by[0]
    return answers[0]


def _unanswered(expectation: "Expectation", minutes: float | None) -> "ExpectationValidationResult":
    from great_expectations.core import ExpectationValidationResult

    why = {
        "raised_exception": True,
        "exception_message": f"no answer within {minutes:g} minutes",
        "exception_traceback": "",
    }
    return ExpectationValidationResult(
        success=False, expectation_config=expectation.configuration, result={}, exception_info=why
    )


def rule_name(expectation: "Expectation | ExpectationConfiguration | None") -> str:
    """The rule's name, which `suite` left in the expectation's meta."""
    return str(((expectation and expectation.meta) or {})["rule"])


def raised(given: "ExpectationValidationResult") -> str | None:
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


def _context() -> "EphemeralDataContext":
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # A metric that fails is logged with its whole Java trace; the reason is in the result, where we take it from.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context
