"""From scores of candidates to a list: standard scores, ranks that ties share, turns, the cut with caps, what a list is worth."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.kernels import ranking_loops as loops
from shortlist.kernels.arrays import Doubles, Floats, Indices, Offsets, finite, finite_doubles, frozen, require_count
from shortlist.kernels.arrays import require_shape as shaped


class Cut(NamedTuple):
    """The lists of n subjects.

    Attributes:
        listed: (n, k) int64, which candidates are on the list, best first; -1 behind the last.
        removed: (n, rules) int32, better candidates that a cap left out.
    """

    listed: Offsets
    removed: Indices


class Turns(NamedTuple):
    """The order in which several rows of scores bring the candidates of n subjects.

    Attributes:
        numbers: (candidates,) int64, the place of each among its subject's, from 0.
        rows: (candidates,) int32, the row of scores that brings it; 0 where none has a score.
    """

    numbers: Offsets
    rows: Indices


class Worth(NamedTuple):
    """What the k best candidates of each subject are worth.

    Attributes:
        gain: (n,) float64, summed gains.
        dcg: (n,) float64, summed gains / log2(rank + 1).
    """

    gain: Doubles
    dcg: Doubles


def standard_scores(starts: ArrayLike, scores: ArrayLike) -> Floats:
    """(v - mean) / standard deviation of each subject's scores; 0 where one is missing or all are equal.

    Args:
        starts: (n + 1,) where the candidates of each subject begin.
        scores: (sources, candidates) float32, NaN where missing.
    """
    offsets, given = _scores(starts, scores)
    out = np.empty(given.shape, np.float32)
    loops.standard_scores(offsets, given, out)
    return out


def tied_ranks(starts: ArrayLike, scores: ArrayLike) -> Indices:
    """How many candidates of the subject score higher, (sources, candidates) int32; missing scores rank last, together.

    Candidates with equal scores share the best rank, so nothing depends on the order of candidates.
    """
    offsets, given = _scores(starts, scores)
    out = np.empty(given.shape, np.int32)
    loops.tied_ranks(offsets, given, out)
    return out


def best_first(starts: ArrayLike, scores: ArrayLike) -> Offsets:
    """The candidates of each subject by their score, the largest first; of equal scores the first.

    Args:
        starts: (n + 1,) where the candidates of each subject begin.
        scores: (candidates,) float64, finite; float32 would make ties that there are not.

    Returns:
        (candidates,) int64 indices of candidates, subject after subject.
    """
    values = finite_doubles(scores, "scores")
    out = np.empty(len(values), np.int64)
    loops.best_first(_offsets(starts, len(values)), values, out)
    return out


def weighted_sum(rows: ArrayLike, weights: ArrayLike) -> Floats:
    """sum of weights[r] rows[r], each column on its own: how columns are cut into blocks changes nothing."""
    matrix: Floats = frozen(rows, np.float32, "rows")
    shaped(matrix, (None, None), "rows")
    factors = finite_doubles(weights, "weights")
    shaped(factors, (len(matrix),), "weights")
    out = np.empty(matrix.shape[1], np.float32)
    loops.weighted_sum(matrix, factors, out)
    return out


def cut_lists(
    starts: ArrayLike, scores: ArrayLike, k: int, groups: ArrayLike | None = None, caps: ArrayLike = ()
) -> Cut:
    """The k best candidates of each subject; of equal scores the first.

    Args:
        starts: (n + 1,) where the candidates of each subject begin.
        scores: (candidates,) float32, finite.
        k: longest list.
        groups: (rules, candidates) int32, such as categories; -1 where a rule does not speak of a candidate.
        caps: (rules,) most of one group in a list.
    """
    values = finite(scores, "scores")
    offsets = _offsets(starts, len(values))
    most: Indices = frozen(np.asarray(caps, np.int32), np.int32, "caps")
    codes: Indices = frozen(np.empty((0, len(values)), np.int32) if groups is None else groups, np.int32, "groups")
    shaped(codes, (len(most), len(values)), "groups, one row per cap,")
    if len(most):
        require_count(int(most.min()), 1, "a cap")
    subjects = len(offsets) - 1
    result = Cut(np.full((subjects, require_count(k, 1, "k")), -1, np.int64), np.zeros((subjects, len(most)), np.int32))
    loops.cut_lists(offsets, values, codes, most, *result)
    return result


def take_turns(starts: ArrayLike, scores: ArrayLike, shares: ArrayLike) -> Turns:
    """Each row of scores ranks a subject's candidates; the rows take turns by their shares, as seats are given to parties.

    By Sainte-Laguë: the n-th of a row comes at (n - 1/2) / share, and a candidate at the first of its turns. Of equal scores and
    of equal turns the first candidate comes first, which the first such row brings. What no row scores comes last.

    Args:
        starts: (n + 1,) where the candidates of each subject begin.
        scores: (rows, candidates) float32, NaN where a row has no score.
        shares: (n, rows) float64, at least 0.
    """
    offsets, given = _scores(starts, scores)
    parts = finite_doubles(shares, "shares", least=0.0)
    shaped(parts, (len(offsets) - 1, len(given)), "shares, one row per subject,")
    result = Turns(np.empty(given.shape[1], np.int64), np.zeros(given.shape[1], np.int32))
    loops.take_turns(offsets, given, parts, *result)
    return result


def list_worth(starts: ArrayLike, scores: ArrayLike, gains: ArrayLike, k: int) -> Worth:
    """What the k best candidates are worth; of equal scores the first.

    Args:
        starts: (n + 1,) where the candidates of each subject begin.
        scores: (candidates,) float32, finite.
        gains: (candidates,) float32, 0 where a candidate is not relevant.
        k: length of a list.
    """
    values, worth = finite(scores, "scores"), finite(gains, "gains", least=0.0)
    shaped(worth, values.shape, "gains")
    offsets = _offsets(starts, len(values))
    result = Worth(np.empty(len(offsets) - 1), np.empty(len(offsets) - 1))
    loops.list_worth(offsets, values, worth, require_count(k, 1, "k"), *result)
    return result


def _scores(starts: ArrayLike, scores: ArrayLike) -> tuple[Offsets, Floats]:
    given: Floats = frozen(scores, np.float32, "scores")
    shaped(given, (None, None), "scores")
    if np.isinf(given).any():
        at: NDArray[np.int64] = np.argwhere(np.isinf(given))[0]
        raise ValueError(
            f"scores: {given[tuple(at)]} at {at.tolist()}; next: give finite scores, NaN for a missing one"
        )
    return _offsets(starts, given.shape[1]), given


def _offsets(starts: ArrayLike, count: int) -> Offsets:
    offsets: Offsets = frozen(starts, np.int64, "starts")
    if offsets.ndim != 1 or not len(offsets) or offsets[0] != 0 or offsets[-1] != count or (np.diff(offsets) < 0).any():
        raise ValueError(f"starts {offsets} do not cut {count} candidates; next: pass those of the same candidate set")
    return offsets
