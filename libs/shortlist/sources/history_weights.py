"""Which part of a history speaks, and how loudly."""

import numpy as np
from numpy.typing import NDArray

from shortlist.kernels.arrays import Rows
from shortlist.sources.batch import AGE_DAYS, POSITION, WEIGHT, SubjectBatch


def heaviest(taken: Rows, weights: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The weights with all but each subject's `count` largest set to 0; of equal weights the smaller item stays."""
    lengths = np.diff(taken.indptr)
    if lengths.max(initial=0) <= count:
        return weights
    subjects = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((taken.indices, -weights, subjects))
    ranks = np.arange(len(order)) - taken.indptr[subjects]
    kept = np.zeros_like(weights)
    chosen = order[ranks < count]
    kept[chosen] = weights[chosen]
    return kept


def by_position(batch: SubjectBatch, decay: float) -> NDArray[np.float32]:
    """decay^position for each entry, 0 for what was hidden."""
    weights: NDArray[np.float32] = np.where(
        batch.column(WEIGHT) > 0, np.float32(decay) ** batch.column(POSITION), 0
    ).astype(np.float32)
    return weights


def newest(batch: SubjectBatch, count: int, decay: float) -> NDArray[np.float32]:
    """decay^position for each subject's `count` newest entries, 0 for the others and for what was hidden."""
    weights: NDArray[np.float32] = np.where(batch.column(POSITION) < count, by_position(batch, decay), np.float32(0))
    return weights


def of_last_days(batch: SubjectBatch, weights: NDArray[np.float32], days: float) -> NDArray[np.float32]:
    """The weights with those set to 0 whose entry is more than so many days older than the newest that was not hidden: (E,)."""
    ages, lengths = batch.column(AGE_DAYS), np.diff(batch.history_starts)
    newest_ages = np.full(batch.size, np.inf, np.float32)
    subjects = np.repeat(np.arange(batch.size), lengths)
    np.minimum.at(newest_ages, subjects, np.where(batch.column(WEIGHT) > 0, ages, np.float32(np.inf)))
    kept: NDArray[np.float32] = np.where(ages - newest_ages[subjects] <= days, weights, np.float32(0))
    return kept
