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


def best_first(starts: Offsets, scores: Doubles) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The candidates of each subject by their score, the largest first; of equal scores the first.

    Args:
        starts: (n + 1,), the candidates of each subject.
        scores: (C,) float64; float32 would make ties that there are not.

    Returns:
        (C,) indices of candidates, subject after subject, and (C,) whose they are.
    """
    lengths = np.diff(starts)
    subjects = np.repeat(np.arange(len(lengths)), lengths)
    return np.lexsort((-scores, subjects)), subjects  # stable
