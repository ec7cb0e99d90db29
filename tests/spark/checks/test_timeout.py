"""Great Expectations that does not come back: the gate is held, its Spark jobs end, and nobody waits for ever."""

import threading
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from great_expectations.datasource.fluent.interfaces import Batch
from pyspark.sql import SparkSession

from shortlist.checks.audit import audit
from shortlist.tables import CANDIDATES
from tests.spark.checks.rows import DAY, candidates, frame_of

ENDS = datetime(2017, 12, 1, tzinfo=UTC)
PARAMETERS = {"k": 3, "sources": ["als"], "run_date": DAY, "min_subjects": 1, "served_from": ENDS}


def test_an_answer_in_time_is_the_same_with_a_limit(spark: SparkSession) -> None:
    frame = frame_of(spark, CANDIDATES, candidates())
    with_limit = audit(frame, CANDIDATES, "today", PARAMETERS, minutes=10)
    assert with_limit.critical_failures == ()
    assert with_limit.results == audit(frame, CANDIDATES, "today", PARAMETERS).results


def test_a_rule_that_raises_in_the_thread_raises_here(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: Any, **__: Any) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr(Batch, "validate", burst)
    with pytest.raises(RuntimeError, match="oops"):
        audit(frame_of(spark, CANDIDATES, candidates()), CANDIDATES, "today", PARAMETERS, minutes=10)


def test_no_answer_holds_and_leaves_no_job_behind(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def sleep(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        time.sleep(3600)
        yield from batches

    def hang(*_: Any, **__: Any) -> None:
        try:
            spark.range(1).mapInArrow(sleep, "id long").collect()
        finally:
            ended.set()

    monkeypatch.setattr(Batch, "validate", hang)
    held = audit(frame_of(spark, CANDIDATES, candidates()), CANDIDATES, "today", PARAMETERS, minutes=1 / 60)
    assert len(held.critical_failures) == len(held.results) == len(CANDIDATES.rules)
    assert "could not be evaluated: no answer within 0.0166667 minutes" in str(held.critical_failures[0])
    # Cancelled: the thread comes back, though its task would have slept for an hour.
    assert ended.wait(60)
