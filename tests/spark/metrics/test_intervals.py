"""Intervals: exact on paper cases, the width theory predicts, and the same bits however rows are spread."""

import numpy as np
import pandas as pd
import pytest
from pyspark.errors import PythonException, SparkRuntimeException
from pyspark.sql import DataFrame, SparkSession

from shortlist.metrics.intervals import draw, paired_difference, percentiles, resampled_totals, summarize

SCHEMA = "subject_id string, k int, metric string, value double"


def values_frame(spark: SparkSession, values: dict[tuple[int, str], list[float]]) -> DataFrame:
    rows = [(f"s{n}", k, metric, float(v)) for (k, metric), column in values.items() for n, v in enumerate(column)]
    return spark.createDataFrame(rows, SCHEMA)


def as_frame(summary: DataFrame) -> pd.DataFrame:
    return summary.toPandas().sort_values(["k", "metric"], ignore_index=True)


def slow_interval(values: list[float], seed: int, resamples: int) -> tuple[float, float]:
    """The bootstrap as textbooks draw it: subjects with replacement, one resample at a time."""
    rng = np.random.default_rng(seed)
    column = np.asarray(values)
    means = [column[rng.integers(0, len(column), len(column))].mean() for _ in range(resamples)]
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def test_summarize__by_hand(spark: SparkSession) -> None:
    values = {(10, "recall"): [0.0, 1.0, 0.5, 0.5] * 2, (10, "mrr"): [0.25] * 7, (20, "recall"): [1.0]}
    summary = as_frame(summarize(values_frame(spark, values), seed=1))
    assert list(summary.columns) == ["k", "metric", "value", "ci_low", "ci_high", "subjects"]
    assert list(zip(summary.k, summary.metric, summary.value, summary.subjects, strict=True)) == [
        (10, "mrr", 0.25, 7), (10, "recall", 0.5, 8), (20, "recall", 1.0, 1)
    ]  # fmt: skip
    constant, spread, alone = (summary.iloc[n] for n in range(3))
    assert (constant.ci_low, constant.ci_high) == (0.25, 0.25)
    assert (alone.ci_low, alone.ci_high) == (1.0, 1.0)
    assert 0 < spread.ci_low < 0.5 < spread.ci_high < 1


def test_summarize__does_not_depend_on_partitions_or_company(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)
    values = {(10, "ndcg"): list(rng.random(300)), (10, "recall"): list(rng.choice([0.0, 0.25, 1.0], 300))}
    frame = values_frame(spark, values)
    once = as_frame(summarize(frame.coalesce(1), seed=7))
    again = as_frame(summarize(frame.repartition(5, "subject_id").orderBy("value"), seed=7))
    pd.testing.assert_frame_equal(once, again, check_exact=True)
    other_company = as_frame(summarize(frame.where("metric = 'recall'"), seed=7))
    pd.testing.assert_frame_equal(other_company, once[once.metric == "recall"].reset_index(drop=True), check_exact=True)


def interval(column: list[float], seed: int, resamples: int = 2000, **sizes: int) -> tuple[float, float]:
    values = np.stack([np.asarray(column), np.ones(len(column))], axis=1)
    totals = resampled_totals([f"s{n}" for n in range(len(column))], values, seed, resamples, **sizes)
    assert totals[0] == pytest.approx([sum(column), len(column)])
    return percentiles(totals[1:, 0], totals[1:, 1])


def test_interval__depends_on_the_seed() -> None:
    column = [0.0] * 50 + [0.3] * 30 + [1.0] * 20
    first, again, other = (interval(column, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("seed", [0, 1])
def test_interval__agrees_with_drawing_subjects(seed: int) -> None:
    column = list(np.random.default_rng(seed).choice([0.0, 0.2, 0.4, 1.0], 400, p=[0.5, 0.2, 0.2, 0.1]))
    low, high = interval(column, seed, resamples=20_000)
    slow_low, slow_high = slow_interval(column, seed, 20_000)
    standard_error = np.std(column) / np.sqrt(len(column))
    assert low == pytest.approx(slow_low, abs=0.05 * standard_error)
    assert high == pytest.approx(slow_high, abs=0.05 * standard_error)
    assert high - low == pytest.approx(2 * 1.96 * standard_error, rel=0.05)


def test_interval__is_the_same_in_small_blocks() -> None:
    column = [0.0] * 5 + [0.5] * 3 + [1.0] * 2
    assert interval(column, 5, resamples=500, drawn_cells=700) == interval(column, 5, resamples=500)


def test_draw__is_poisson_of_the_seed_and_the_id_alone() -> None:
    ids = [f"u{n}" for n in range(2000)]
    drawn = draw(ids, 3, 101)
    assert drawn.shape == (2000, 101)
    counts = np.bincount(drawn.ravel(), minlength=4)[:4] / drawn.size
    assert counts == pytest.approx(np.exp(-1) / np.array([1, 1, 2, 6]), abs=0.005)
    assert drawn.mean() == pytest.approx(1, abs=0.01)
    assert drawn.var() == pytest.approx(1, abs=0.02)
    assert np.array_equal(draw(ids[7:9], 3, 101), drawn[7:9])
    # Neither subjects nor resamples go together, nor do seeds.
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.1
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.4
    assert abs(np.corrcoef(drawn[:, 0], draw(ids, 4, 101)[:, 0])[0, 1]) < 0.1


def test_paired_difference__is_narrower_than_two_intervals(spark: SparkSession) -> None:
    rng = np.random.default_rng(4)
    base = rng.random(500)
    left = values_frame(spark, {(10, "ndcg"): list(base + 0.01)})
    right = values_frame(spark, {(10, "ndcg"): list(base)})
    difference = as_frame(paired_difference(left, right, seed=2)).iloc[0]
    assert difference.value == pytest.approx(0.01)
    assert (difference.ci_low, difference.ci_high) == (pytest.approx(0.01), pytest.approx(0.01))
    assert difference.subjects == 500
    alone = as_frame(summarize(left, seed=2)).iloc[0]
    assert alone.ci_high - alone.ci_low > 0.02


def test_paired_difference__refuses_unpaired_subjects(spark: SparkSession) -> None:
    left = values_frame(spark, {(10, "ndcg"): [0.1, 0.2]})
    right = values_frame(spark, {(10, "ndcg"): [0.1]})
    with pytest.raises(SparkRuntimeException, match="subject s1 has no ndcg@10 in one of the two variants"):
        paired_difference(left, right, seed=1).collect()


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
def test_summarize__refuses_values_that_are_no_number(spark: SparkSession, bad: float | None) -> None:
    frame = spark.createDataFrame([("s", 10, "ndcg", 0.5), ("t", 10, "ndcg", bad)], SCHEMA)
    with pytest.raises(PythonException, match="ndcg@10: a subject's value is null, NaN or infinite"):
        summarize(frame, seed=1).collect()


def test_summarize__refuses_no_resamples(spark: SparkSession) -> None:
    with pytest.raises(ValueError, match="resamples 0: at least 1"):
        summarize(values_frame(spark, {(1, "mrr"): [1.0]}), seed=1, resamples=0)


def test_summarize__nothing_in_nothing_out(spark: SparkSession) -> None:
    assert summarize(values_frame(spark, {}), seed=1).collect() == []
