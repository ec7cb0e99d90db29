"""Means over subjects with 95 % intervals: a seeded percentile bootstrap (Efron and Tibshirani 1993, chapter 13).

Drawing n subjects with replacement and averaging depends only on how often each *value* is drawn, and those counts
follow a multinomial distribution over the distinct values. So Spark counts the values and a Python task draws from the
counts: the same distribution as resampling subjects, at the cost of the distinct values, and the same bits however rows
are partitioned.
"""

from collections.abc import Iterator
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import CI_HIGH, CI_LOW, METRIC, SUBJECT_ID, SUBJECTS, VALUE, K

RESAMPLES = 2000
"""Bootstrap draws; the ends of a 95 % interval then rest on 50 draws each."""

DRAWN_CELLS = 1 << 22  # counts held at once while drawing: 32 MiB
_SUMMARY = f"{K} int, {METRIC} string, {VALUE} double, {CI_LOW} double, {CI_HIGH} double, {SUBJECTS} bigint"


def summarize(values: DataFrame, seed: int, resamples: int = RESAMPLES) -> DataFrame:
    """The mean over subjects of each (k, metric), with its 95 % interval.

    Args:
        values: [subject_id, k, metric, value], one row a subject, finite values.
        seed: Makes the draws; each (k, metric) has a stream of its own, so that adding a metric changes no other.
        resamples: Bootstrap draws.

    Returns:
        [k, metric, value, ci_low, ci_high, subjects], one row per (k, metric) that has values.

    Raises:
        ValueError: When `resamples` is below 1; inside the Spark job when a value is null, NaN or infinite.
    """
    if resamples < 1:
        raise ValueError(f"resamples {resamples}: at least 1 is needed; next: leave it at {RESAMPLES}")

    def summarize_group(key: tuple[int, str], counted: pd.DataFrame) -> pd.DataFrame:
        k, metric = int(key[0]), str(key[1])
        distinct = counted[VALUE].to_numpy(dtype=np.float64)
        if not np.isfinite(distinct).all():
            raise ValueError(f"{metric}@{k}: a subject's value is null, NaN or infinite; next: mend what computed it")
        order = np.argsort(distinct)
        distinct, counts = distinct[order], counted[SUBJECTS].to_numpy(dtype=np.int64)[order]
        low, high = interval(distinct, counts, np.random.SeedSequence([seed, k, crc32(metric.encode())]), resamples)
        mean = float(distinct @ counts / counts.sum())
        return pd.DataFrame(
            [[k, metric, mean, low, high, counts.sum()]], columns=[K, METRIC, VALUE, CI_LOW, CI_HIGH, SUBJECTS]
        )

    counted = values.groupBy(K, METRIC, VALUE).agg(F.count(F.lit(1)).alias(SUBJECTS))
    return counted.groupBy(K, METRIC).applyInPandas(summarize_group, schema=_SUMMARY)


def paired_difference(left: DataFrame, right: DataFrame, seed: int, resamples: int = RESAMPLES) -> DataFrame:
    """How much better `left` is than `right`, as the mean of the differences of the same subjects.

    Args:
        left: [subject_id, k, metric, value] of one variant.
        right: The same subjects, cut-offs and metrics of the other.
        seed: As in `summarize`.
        resamples: As in `summarize`.

    Returns:
        [k, metric, value, ci_low, ci_high, subjects]: value is mean(left - right); an interval without 0 is a
        difference that resampling the subjects does not explain.

    Raises:
        ValueError: When `resamples` is below 1; the Spark job fails when a subject has a value in one variant only.
    """
    keys = [SUBJECT_ID, K, METRIC]
    joined = left.select(*keys, F.col(VALUE).alias("left_value")).join(
        right.select(*keys, F.col(VALUE).alias("right_value")), keys, how="full"
    )
    unpaired = F.col("left_value").isNull() | F.col("right_value").isNull()
    complaint = F.concat(
        F.lit("cannot compare in pairs: subject "), F.col(SUBJECT_ID), F.lit(" has no "), F.col(METRIC), F.lit("@"),
        F.col(K).cast("string"), F.lit(" in one of the two variants; next: score both on the same relevant items"),
    )  # fmt: skip
    difference = F.when(unpaired, F.raise_error(complaint)).otherwise(F.col("left_value") - F.col("right_value"))
    return summarize(joined.select(*keys, difference.cast("double").alias(VALUE)), seed, resamples)


def interval(
    distinct: NDArray[np.float64],
    counts: NDArray[np.int64],
    seeds: np.random.SeedSequence,
    resamples: int = RESAMPLES,
    drawn_cells: int = DRAWN_CELLS,
) -> tuple[float, float]:
    """The 2.5 % and 97.5 % quantiles of the resampled mean.

    Args:
        distinct: f64[u], the values that occur, ascending.
        counts: i64[u], how many subjects have each; at least one in all.
        seeds: Where the draws come from.
        resamples: How many means are drawn.
        drawn_cells: Counts that are drawn at once; the interval does not depend on it.
    """
    subjects = int(counts.sum())
    blocks = _drawn_counts(counts, seeds, resamples, drawn_cells)
    drawn = np.concatenate([block @ distinct for block in blocks]) / subjects
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def _drawn_counts(
    counts: NDArray[np.int64], seeds: np.random.SeedSequence, resamples: int, cells: int
) -> Iterator[NDArray[np.int64]]:
    """Blocks i64[draws, u] of multinomial counts, `resamples` rows in all, few enough at once to fit in memory."""
    generator = np.random.Generator(np.random.PCG64(seeds))
    subjects = int(counts.sum())
    block = max(1, cells // len(counts))
    for first in range(0, resamples, block):
        yield generator.multinomial(subjects, counts / subjects, size=min(block, resamples - first))
