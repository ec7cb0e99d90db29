# mypy: disallow-untyped-defs=False
"""The compiled loops between scores and a list: standard scores, tied ranks, sums, turns, the cut with caps, a list's worth.

Everything is per subject, in float64 and in one fixed order: a row depends on its subject only.
"""

import numpy as np
from numba import njit

from shortlist.kernels.ranked import EXACT, keep_largest, key_index, rank_key

_WORST = np.float32(-np.inf)


@njit(**EXACT)
def standard_scores(starts, scores, out):
    """(v - mean) / standard deviation within the subject; 0 for a missing score and where all are equal.

    Args:
        starts: (n + 1,) int64.
        scores: (sources, candidates) float32, NaN where missing.
        out: (sources, candidates) float32.
    """
    for source in range(len(scores)):
        row, standard = scores[source], out[source]
        for s in range(len(starts) - 1):
            low, high = starts[s], starts[s + 1]
            total, count = 0.0, 0
            for c in range(low, high):
                if not np.isnan(row[c]):
                    total += row[c]
                    count += 1
            mean = total / max(count, 1)
            square = 0.0
            for c in range(low, high):
                if not np.isnan(row[c]):
                    square += (row[c] - mean) ** 2
            deviation = np.sqrt(square / max(count, 1))
            # Equal scores differ from their mean by rounding only.
            told_apart = deviation > 1e-7 * abs(mean)
            for c in range(low, high):
                standard[c] = (row[c] - mean) / deviation if told_apart and not np.isnan(row[c]) else 0.0


@njit(**EXACT)
def tied_ranks(starts, scores, out):
    """How many candidates of the subject score higher: equal scores share the best rank, missing ones come last.

    Args:
        starts: (n + 1,) int64.
        scores: (sources, candidates) float32, NaN where missing.
        out: (sources, candidates) int32, from 0.
    """
    for source in range(len(scores)):
        row = scores[source]
        for s in range(len(starts) - 1):
            low, count = starts[s], starts[s + 1] - starts[s]
            keys = np.empty(count, np.uint64)
            for c in range(count):
                keys[c] = rank_key(_WORST if np.isnan(row[low + c]) else row[low + c], c)
            keys = np.sort(keys)[::-1]
            rank = 0
            for position in range(count):
                if position and keys[position] >> np.uint64(32) != keys[position - 1] >> np.uint64(32):
                    rank = position
                out[source, low + np.int64(np.uint64(0xFFFFFFFF) - (keys[position] & np.uint64(0xFFFFFFFF)))] = rank


@njit(**EXACT)
def best_first(starts, scores, out):
    """The candidates of each subject, the largest score first; of equal scores the first.

    Args:
        starts: (n + 1,) int64.
        scores: float64.
        out: int64, one per candidate.
    """
    for s in range(len(starts) - 1):
        first, last = starts[s], starts[s + 1]
        # Merge sort is stable.
        out[first:last] = first + np.argsort(-scores[first:last], kind="mergesort")


@njit(**EXACT)
def weighted_sum(rows, weights, out):
    """sum of weights[r] rows[r], in the order of the rows: (columns,) float32 from (rows, columns) float32."""
    totals = np.zeros(rows.shape[1], np.float64)
    for r in range(len(rows)):
        if weights[r] != 0:
            row = rows[r]
            for c in range(len(totals)):
                totals[c] += weights[r] * np.float64(row[c])
    for c in range(len(totals)):
        out[c] = totals[c]


@njit(**EXACT)
def cut_lists(starts, scores, groups, caps, listed, removed):
    """The best candidates of each subject by score, equal ones in their order, with no more of a group than its cap.

    Args:
        starts: (n + 1,) int64.
        scores: (candidates,) float32.
        groups: (rules, candidates) int32, -1 where a rule does not speak of a candidate.
        caps: (rules,) int32, most of one group in a list.
        listed: (n, k) int64 filled with -1: which candidates are on the list, best first.
        removed: (n, rules) int32 filled with 0: better candidates that a cap left out, counted for the first such rule.
    """
    size = listed.shape[1]
    rules = len(caps)
    for s in range(len(listed)):
        low, count = starts[s], starts[s + 1] - starts[s]
        keys = np.empty(count, np.uint64)
        for c in range(count):
            keys[c] = rank_key(scores[low + c], c)
        wanted = count if rules else min(count, size)
        if wanted < count:
            keep_largest(keys, count, wanted)
        ranked = np.sort(keys[:wanted])
        length = 0
        for z in range(wanted):
            if length == size:
                break
            c = low + np.int64(np.uint64(0xFFFFFFFF) - (ranked[wanted - 1 - z] & np.uint64(0xFFFFFFFF)))
            full = -1
            for rule in range(rules):
                group = groups[rule, c]
                if group >= 0 and full < 0:
                    alike = 0
                    for position in range(length):
                        alike += groups[rule, listed[s, position]] == group
                    if alike >= caps[rule]:
                        full = rule
            if full >= 0:
                removed[s, full] += 1
            else:
                listed[s, length] = c
                length += 1


@njit(**EXACT)
def take_turns(starts, scores, shares, numbers, rows):
    """The candidates of each subject in the order in which the rows of scores bring them, taking turns by their shares.

    Args:
        starts: (n + 1,) int64.
        scores: (rows, candidates) float32, NaN where a row has no score.
        shares: (n, rows) float64.
        numbers: (candidates,) int64, out: the place of each, from 0.
        rows: (candidates,) int32 filled with 0: the row that brings each.
    """
    for s in range(len(starts) - 1):
        low, count = starts[s], starts[s + 1] - starts[s]
        keys = np.empty(count, np.uint64)
        turns = np.full(count, np.inf)
        for row in range(len(scores)):
            known = 0
            for c in range(count):
                if not np.isnan(scores[row, low + c]):
                    keys[known] = rank_key(scores[row, low + c], c)
                    known += 1
            ranked = np.sort(keys[:known])
            for rank in range(known):
                candidate = key_index(ranked[known - 1 - rank])
                turn = (rank + 0.5) / shares[s, row]
                if turn < turns[candidate]:
                    turns[candidate] = turn
                    rows[low + candidate] = row
        # Merge sort is stable.
        order = np.argsort(turns, kind="mergesort")
        for place in range(count):
            numbers[low + order[place]] = place


@njit(**EXACT)
def list_worth(starts, scores, gains, k, recall, dcg):
    """Sum of gains, and of discounted gains, of each subject's k best candidates; ties in the order of the candidates.

    Args:
        starts: (n + 1,) int64.
        scores: (candidates,) float32.
        gains: (candidates,) float32, 0 where a candidate is not relevant.
        k: length of a list.
        recall: (n,) float64, out: sum of gains.
        dcg: (n,) float64, out: sum of gains / log2(rank + 1), ranks from 1.
    """
    best = np.empty(k, np.float32)
    worth = np.empty(k, np.float32)
    discounts = 1.0 / np.log2(np.arange(k) + 2.0)
    for s in range(len(starts) - 1):
        length = 0
        for c in range(starts[s], starts[s + 1]):
            score = scores[c]
            if length == k and not score > best[k - 1]:
                continue
            if length < k:
                length += 1
            position = length - 1
            while position > 0 and best[position - 1] < score:
                best[position], worth[position] = best[position - 1], worth[position - 1]
                position -= 1
            best[position], worth[position] = score, gains[c]
        recall[s], dcg[s] = 0.0, 0.0
        for position in range(length):
            recall[s] += worth[position]
            dcg[s] += worth[position] * discounts[position]


@njit(**EXACT)
def walk_trees(features, roots, depths, columns, thresholds, left, values, out):
    """Add up one leaf of each tree for every row.

    No branch on a comparison: the right child lies after the left one, and a leaf is its own left child with threshold
    infinity. Trees are the outer loop, so that one tree's nodes stay in the nearest cache; eight rows go down side by side, so
    that their loads overlap.

    Args:
        features: (rows, features) float32, finite.
        roots: (trees,) int32, node of each root.
        depths: (trees,) int32.
        columns: (nodes,) int32, which feature a node looks at.
        thresholds: (nodes,) float32: a row goes left if its feature is not above.
        left: (nodes,) int32.
        values: (nodes,) float64, of leaves.
        out: (rows,) float64, added to.
    """
    rows = len(features)
    together = rows // 8 * 8
    for t in range(len(roots)):
        root = np.int32(roots[t])
        for r in range(0, together, 8):
            a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = root
            for _ in range(depths[t]):
                a0 = left[a0] + np.int32(features[r, columns[a0]] > thresholds[a0])
                a1 = left[a1] + np.int32(features[r + 1, columns[a1]] > thresholds[a1])
                a2 = left[a2] + np.int32(features[r + 2, columns[a2]] > thresholds[a2])
                a3 = left[a3] + np.int32(features[r + 3, columns[a3]] > thresholds[a3])
                a4 = left[a4] + np.int32(features[r + 4, columns[a4]] > thresholds[a4])
                a5 = left[a5] + np.int32(features[r + 5, columns[a5]] > thresholds[a5])
                a6 = left[a6] + np.int32(features[r + 6, columns[a6]] > thresholds[a6])
                a7 = left[a7] + np.int32(features[r + 7, columns[a7]] > thresholds[a7])
            out[r] += values[a0]
            out[r + 1] += values[a1]
            out[r + 2] += values[a2]
            out[r + 3] += values[a3]
            out[r + 4] += values[a4]
            out[r + 5] += values[a5]
            out[r + 6] += values[a6]
            out[r + 7] += values[a7]
        for r in range(together, rows):
            node = root
            for _ in range(depths[t]):
                node = left[node] + np.int32(features[r, columns[node]] > thresholds[node])
            out[r] += values[node]
