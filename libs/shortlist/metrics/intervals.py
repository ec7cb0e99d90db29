"""Means over subjects with 95 % intervals: a seeded percentile bootstrap (Efron and Tibshirani 1993, chapter 13).

A resample draws each subject a Poisson number of times, with mean 1, instead of drawing n subjects from n: the same
interval but for terms of 1 / n, and one that needs no two subjects in one place (Chamandy et al., "Estimating uncertainty
for massive data streams", 2012). The draws are a function of the seed and the subject's id. So every metric and every
variant resamples the same subjects, which makes the difference of two of them a paired one, and a subject is drawn alike
wherever its rows are.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from shortlist.columns import CI_HIGH, CI_LOW, METRIC, SUBJECT_ID, SUBJECTS, VALUE, K
from shortlist.kernels.starting import mixed

RESAMPLES = 2000
"""Bootstrap draws; the ends of a 95 % interval then rest on 50 draws each."""

DRAWN_CELLS = 1 << 22  # draws in memory at once: 32 MiB as the float64 that they are multiplied as
# Values are rounded to multiples of this: sums below 2^25 are then exact, the same bits in whatever order they are added.
_QUANTUM: Final = 2.0**-28
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_SUMMARY = f"{K} int, {METRIC} string, {VALUE} double, {CI_LOW} double, {CI_HIGH} double, {SUBJECTS} bigint"


def _poisson_table() -> NDArray[np.uint8]:
    """How often a subject is drawn, by 16 random bits."""
    chances = np.exp(-1.0) / np.concatenate(([1.0], np.cumprod(np.arange(1.0, 12.0))))
    return np.searchsorted(np.round(np.cumsum(chances) * 65536), np.arange(65536), side="right").astype(np.uint8)


_POISSON: Final = _poisson_table()


def draw(subjects: Sequence[str] | NDArray[np.object_], seed: int, resamples: int) -> NDArray[np.uint8]:
    """How often each resample draws each subject: (subjects, resamples), from the seed and the ids alone."""
    names = pd.util.hash_array(np.asarray(subjects, dtype=object), categorize=False)
    streams = mixed(mixed(names) + mixed(np.array([seed], np.uint64)))
    words = -(-resamples // 4)
    steps = np.arange(1, words + 1, dtype=np.uint64) * _STEP
    bits = mixed(streams[:, None] + steps[None, :]).astype("<u8").view("<u2")
    drawn: NDArray[np.uint8] = _POISSON[bits[:, :resamples]]
    return drawn


def resampled_totals(
    subjects: Sequence[str] | NDArray[np.object_],
    values: NDArray[np.float64],
    seed: int,
    resamples: int,
    drawn_cells: int = DRAWN_CELLS,
) -> NDArray[np.float64]:
    """The sums of some values of subjects, and the same of every resample.

    Totals of parts add up to those of the whole.

    Args:
        subjects: (n,) ids, each once.
        values: (n, columns) finite numbers.
        seed: of the draws.
        resamples: how many.
        drawn_cells: draws that are made at once; the totals do not depend on it.

    Returns:
        (1 + resamples, columns): first the sums themselves, then those of each resample.
    """
    rounded = np.rint(values / _QUANTUM) * _QUANTUM
    totals = np.zeros((1 + resamples, values.shape[1]))
    totals[0] = rounded.sum(axis=0)
    block = max(1, drawn_cells // resamples)
    for first in range(0, len(rounded), block):
        drawn = draw(subjects[first : first + block], seed, resamples)
        totals[1:] += drawn.T.astype(np.float64) @ rounded[first : first + block]
    return totals


def percentiles(totals: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[float, float]:
    """The 2.5 % and 97.5 % quantiles of resampled means.

    Args:
        totals: (resamples,) sums.
        counts: (resamples,) how many subjects, or rows of theirs, each was drawn from; a resample that drew none says nothing.
    """
    drew = counts > 0
    low, high = np.quantile(totals[drew] / counts[drew], [0.025, 0.975])
    return float(low), float(high)


def summarize(values: DataFrame, seed: int, resamples: int = RESAMPLES) -> DataFrame:
    """The mean over subjects of each (k, metric), with its 95 % interval.

    Args:
        values: [subject_id, k, metric, value], one row a subject, finite values.
        seed: Makes the draws.
        resamples: Bootstrap draws.

    Returns:
        [k, metric, value, ci_low, ci_high, subjects], one row per (k, metric) that has values.

    Raises:
        ValueError: When `resamples` is below 1; inside the Spark job when a value is null, NaN or infinite.
    """
    if resamples < 1:
        raise ValueError(f"resamples {resamples}: at least 1 is needed; next: leave it at {RESAMPLES}")

    def summarize_group(key: tuple[int, str], rows: pd.DataFrame) -> pd.DataFrame:
        k, metric = int(key[0]), str(key[1])
        column = rows[VALUE].to_numpy(dtype=np.float64)
        if not np.isfinite(column).all():
            raise ValueError(f"{metric}@{k}: a subject's value is null, NaN or infinite; next: mend what computed it")
        both = np.stack([column, np.ones(len(column))], axis=1)
        totals = resampled_totals(rows[SUBJECT_ID].to_numpy(), both, seed, resamples)
        mean = float(totals[0, 0] / totals[0, 1])
        low, high = percentiles(totals[1:, 0], totals[1:, 1])
        return pd.DataFrame(
            [[k, metric, mean, low, high, len(column)]], columns=[K, METRIC, VALUE, CI_LOW, CI_HIGH, SUBJECTS]
        )

    return values.select(SUBJECT_ID, K, METRIC, VALUE).groupBy(K, METRIC).applyInPandas(summarize_group, _SUMMARY)


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
