"""Candidates and their ranks as arrays: at which rank which source proposed one, and the best of each subject."""

import numpy as np
from numpy.typing import NDArray

from shortlist.kernels.arrays import Doubles, Indices, Offsets
from shortlist.sources.batch import CandidateSet


def proposal_ranks(proposals: Indices, candidates: CandidateSet) -> Indices:
    """The rank at which each source proposed each candidate: (sources, C) int32, from 1; 0 where it did not.

    Args:
        proposals: (sources, n, count) item indices, best first, -1 behind the last; each item once in a list.
        candidates: the union of what they propose to each subject.
    """
    sources, subjects, count = proposals.shape
    owners = np.repeat(np.arange(subjects, dtype=np.int64), np.diff(candidates.starts))
    keys = owners << 32 | candidates.items
    asked = np.arange(subjects, dtype=np.int64)[:, None] << 32 | np.maximum(proposals, 0)
    numbers = np.broadcast_to(np.arange(1, count + 1, dtype=np.int32), (subjects, count))
    ranks = np.zeros((sources, len(keys)), np.int32)
    for source in range(sources):
        made = proposals[source] >= 0
        ranks[source, np.searchsorted(keys, asked[source][made])] = numbers[made]
    return ranks


def best_first(starts: Offsets, scores: Doubles, count: int) -> tuple[NDArray[np.int64], Offsets]:
    """The `count` candidates of the largest score of each subject; of equal scores the first.

    Args:
        starts: (n + 1,), the candidates of each subject.
        scores: (C,) float64; float32 would make ties that there are not.
        count: longest list.

    Returns:
        (L,) indices of candidates, best first, subject after subject; and the offsets of each subject's list, (n + 1,).
    """
    lengths = np.diff(starts)
    subjects = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((-scores, subjects))  # stable
    kept = order[np.arange(len(order)) - starts[subjects] < count]
    return kept, np.concatenate(([0], np.cumsum(np.minimum(lengths, count)))).astype(np.int64)
