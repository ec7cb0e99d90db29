# mypy: disallow-untyped-defs=False
"""The compiled loops of `top_k`: tiles of approximate scores in, exact ranked lists out."""

import numpy as np
from numba import njit

from shortlist.kernels.ranked import (
    EXACT,
    GROUP,
    indices_above,
    keep_largest,
    key_index,
    key_score,
    rank_key,
    reached_by,
    smallest,
)

_NOTHING = np.float32(-np.inf)


@njit(**EXACT, fastmath={"reassoc"})
def exact_score(query, factors):
    """The inner product, summed in float64 and rounded once to float32.

    The order of the sum is the compiler's, the same for all vectors of a length: that is one vector loop instead of a chain of
    additions that wait for each other. Nothing else is relaxed.
    """
    score = 0.0
    for z in range(len(query)):
        score += np.float64(query[z]) * np.float64(factors[z])
    return np.float32(score)


@njit(**EXACT)
def _keep_in_reach(buffer, count, k, margin):
    """Drop what can no longer be among the k best; returns how much is left and the score to exceed from now on.

    Every score in the buffer is within `margin` of the exact one. Let t be the k-th largest: k items have exact scores
    of at least t - margin, so an item of the exact k best has a score in the buffer of at least t - 2 margin.
    """
    keep_largest(buffer, count, k)
    reach = np.float32(np.float64(key_score(smallest(buffer, k))) - 2.0 * margin)
    left = k
    for z in range(k, count):
        if key_score(buffer[z]) > reach:
            buffer[left] = buffer[z]
            left += 1
    return left, reach


@njit(**EXACT)
def _score_exactly(buffer, count, k, query, factors):
    """Put exact scores into the buffer's keys and keep the k largest; returns how many are left."""
    for z in range(count):
        item = key_index(buffer[z])
        buffer[z] = rank_key(exact_score(query, factors[item]), item)
    if count > k:
        keep_largest(buffer, count, k)
    return min(count, k)


@njit(**EXACT)
def scan_tile(scores, columns, factors, queries, first_query, margins, seen_indptr, seen, cursors, keys, counts,
              thresholds, k):  # fmt: skip
    """Offer one tile of approximate scores to the buffers of its queries.

    Args:
        scores: (at least the queries, at least the columns) float32; seen items are overwritten.
        columns: (columns,) int32, the items of the tile, ascending; at least one.
        factors: (items, d) float32, all of them.
        queries: (n, d) float32, all of them.
        first_query: row of the tile's first query.
        margins: (n,) float64, how far an approximate score may be from the exact one.
        seen_indptr: (n + 1,) int64.
        seen: int32, ascending in each row.
        cursors: (queries of the tile,) int64, where each has got to in `seen`; tiles come in ascending order.
        keys: (at least the queries, at least 4 k + 64) uint64 buffers.
        counts: (queries of the tile,) int64, how full each buffer is.
        thresholds: (queries of the tile,) float32, what an approximate score must exceed.
        k: length of a list.
    """
    capacity = keys.shape[1]
    width = len(columns)
    indices, maxima = np.empty(GROUP, np.uint64), np.empty(2 * k, np.float32)
    for q in range(len(cursors)):
        # From here on every index counts from 0 in a slice: one that might be negative keeps a loop from being vectorised.
        row = scores[q, :width]
        cursor = cursors[q]
        last = seen_indptr[first_query + q + 1]
        while cursor < last and seen[cursor] <= columns[width - 1]:
            position = np.searchsorted(columns, seen[cursor])
            if columns[position] == seen[cursor]:
                row[position] = _NOTHING
            cursor += 1
        cursors[q] = cursor
        threshold = thresholds[q]
        count = counts[q]
        buffer = keys[q]
        margin = margins[first_query + q]
        if count == 0 and width >= 2 * len(maxima):
            # Filling the buffer and cutting it back would come to the same and cost a few selections.
            reach = np.float32(np.float64(reached_by(row, k, maxima)) - 2.0 * margin)
            threshold = np.nextafter(reach, _NOTHING)
        for start in range(0, width, GROUP):
            part, items = row[start : start + GROUP], columns[start : start + GROUP]
            for z in indices[: indices_above(part, threshold, indices)]:
                if part[z] > threshold:
                    buffer[count] = rank_key(part[z], items[z])
                    count += 1
                    if count == capacity:
                        count, threshold = _keep_in_reach(buffer, count, k, margin)
                        if count > capacity // 4 * 3:
                            # Hundreds of scores as good as equal: only exact ones can tell them apart.
                            count = _score_exactly(buffer, count, k, queries[first_query + q], factors)
                            count, threshold = _keep_in_reach(buffer, count, k, margin)
        thresholds[q] = threshold
        counts[q] = count


@njit(**EXACT)
def write_ranked(keys, counts, k, factors, queries, first_query, margins, items, scores, lengths):
    """The buffers of `scan_tile` as lists by exact score; elements beyond a list's length are left as they are."""
    for q in range(len(counts)):
        buffer = keys[q]
        count = counts[q]
        if count > k:
            count, _ = _keep_in_reach(buffer, count, k, margins[first_query + q])
        length = _score_exactly(buffer, count, k, queries[first_query + q], factors)
        ranked = np.sort(buffer[:length])
        lengths[q] = length
        for position in range(length):
            key = ranked[length - 1 - position]
            items[q, position] = key_index(key)
            scores[q, position] = key_score(key)
