"""Whom surfaces for lapsing users address: by each user's own rhythm, less those held back, the likeliest to return first."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.blending.calibration import Calibration, fit_calibration
from shortlist.columns import DECISION, EVENT_DATE, EVENT_TYPE, LATENESS, RETURN_PROBABILITY, SUBJECT_ID, USER_ID
from shortlist.config import LapsingConfig
from shortlist.steps.passed_over import BLOCKED, SENT_LATELY
from shortlist.transforms.rhythms import is_lapsing, lateness_of_users
from shortlist.warehouse.run import Run, log

LISTED, HELD_BACK, OVER_BUDGET = "listed", "held_back", "over_budget"
# Users that the chance of a return is learned from, at most and at least.
_MOST: Final = 50_000
_LEAST: Final = 30
_CAME, _DRAW, _PASSED = "came", "draw", "passed_over"


def lapsing_users(run: Run, surface: str, config: LapsingConfig, passed_over: DataFrame | None = None) -> DataFrame:
    """The lapsing users of a surface, and who of them gets a list.

    Args:
        run: the run.
        surface: its name.
        config: who is lapsing.
        passed_over: user_id, decision of users who get no list for another reason; they use up no budget.

    Returns:
        user_id, lateness, return_probability, decision (listed, held_back, over_budget, or why one is passed over; who is
        held back is so whatever else keeps a list from them, but for those who are blocked).
    """
    lapsing = is_lapsing(config.after, config.until)
    lookback, types = run.settings.interactions.lookback_days, tuple(run.settings.interactions.weights)
    known = run.engagements(lookback).select(USER_ID, EVENT_TYPE, EVENT_DATE)
    users = lateness_of_users(known, run.run_date, types, config.min_active_days).where(lapsing)
    chance = _chance_of_return(run, surface, config)
    by_chance = users.mapInArrow(
        _with_chance(chance), f"{USER_ID} string, {LATENESS} double, {RETURN_PROBABILITY} double"
    )
    drawn = by_chance.withColumn(_DRAW, F.xxhash64(USER_ID, F.lit(surface), F.lit(run.settings.seed)))
    if passed_over is None:
        drawn = drawn.withColumn(_PASSED, F.lit(None).cast("string"))
    else:
        drawn = drawn.join(passed_over.withColumnRenamed(DECISION, _PASSED), USER_ID, how="left")
    held = F.pmod(F.col(_DRAW), F.lit(1_000_000)) < F.lit(round(config.holdback * 1_000_000))
    if config.budget is None:
        return drawn.select(USER_ID, LATENESS, RETURN_PROBABILITY, _decision(held, F.lit(True)))
    drawn = drawn.persist()
    # The chance never rises with the lateness, so the least late are the likeliest.
    chosen = (
        drawn.where(~held & F.col(_PASSED).isNull())
        .orderBy(LATENESS, _DRAW, USER_ID)
        .limit(config.budget)
        .select(USER_ID, F.lit(True).alias(LISTED))
    )
    joined = drawn.join(chosen, USER_ID, how="left")
    return joined.select(USER_ID, LATENESS, RETURN_PROBABILITY, _decision(held, F.col(LISTED).isNotNull()))


def listed_subjects(subjects: DataFrame, audience: DataFrame) -> DataFrame:
    """The subjects that get a list."""
    listed = audience.where(F.col(DECISION) == LISTED).select(F.col(USER_ID).alias(SUBJECT_ID))
    return subjects.join(listed, SUBJECT_ID, how="left_semi")


def say_who(surface: str, audience: DataFrame) -> None:
    """One log line: how many users have which decision."""
    counts = {row[DECISION]: row["count"] for row in audience.groupBy(DECISION).count().collect()}
    log.info(
        "%s: %d lapsing users: %d get a list, %d are held back, %d are beyond the budget, %d are blocked, to %d something was "
        "sent lately",
        surface,
        sum(counts.values()),
        *(counts.get(decision, 0) for decision in (LISTED, HELD_BACK, OVER_BUDGET, BLOCKED, SENT_LATELY)),
    )


def _decision(held: Column, chosen: Column) -> Column:
    passed = F.col(_PASSED)
    kept = F.when(passed == BLOCKED, passed).when(held, HELD_BACK).when(passed.isNotNull(), passed)
    return kept.when(chosen, LISTED).otherwise(OVER_BUDGET).alias(DECISION)


def _chance_of_return(run: Run, surface: str, config: LapsingConfig) -> Calibration | None:
    """The chance by lateness, from the users who were lapsing a horizon ago; None where they were too few."""
    lookback, types = run.settings.interactions.lookback_days, tuple(run.settings.interactions.weights)
    cut = run.run_date - timedelta(days=config.horizon_days)
    then = run.engagements(lookback, cut).select(USER_ID, EVENT_TYPE, EVENT_DATE)
    users = lateness_of_users(then, cut, types, config.min_active_days).where(is_lapsing(config.after, config.until))
    later = run.engagements(config.horizon_days)
    came = later.where(F.col(EVENT_TYPE).isin(*types)).select(USER_ID, F.lit(True).alias(_CAME)).distinct()
    drawn = users.orderBy(F.xxhash64(USER_ID, F.lit(run.settings.seed)), USER_ID).limit(_MOST)
    found = drawn.join(came, USER_ID, how="left").select(USER_ID, LATENESS, F.col(_CAME).isNotNull().alias(_CAME))
    rows = found.toArrow().sort_by(USER_ID)
    if rows.num_rows < _LEAST:
        log.warning(
            "%s: only %d users were lapsing on %s: nothing is learned of who returns, the least late come first",
            surface, rows.num_rows, cut,
        )  # fmt: skip
        return None
    came_back = rows[_CAME].to_numpy()
    log.info(
        "%s: of %d users who were lapsing on %s %.0f %% came back within %d days",
        surface, len(came_back), cut, 100 * came_back.mean(), config.horizon_days,
    )  # fmt: skip
    return fit_calibration(-rows[LATENESS].to_numpy(), came_back)  # the later, the less likely


def _with_chance(chance: Calibration | None) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def add(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            lateness = batch[LATENESS].to_numpy(zero_copy_only=False)
            known = pa.nulls(len(lateness), pa.float64())
            if chance is not None:
                known = pa.array(chance.predict(-lateness).astype(np.float64))
            columns = {USER_ID: batch[USER_ID], LATENESS: batch[LATENESS], RETURN_PROBABILITY: known}
            yield pa.RecordBatch.from_pydict(columns)

    return add
