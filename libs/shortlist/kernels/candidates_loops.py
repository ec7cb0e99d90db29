# mypy: disallow-untyped-defs=False
"""The compiled loops of `candidates`: what a source proposes, the union of proposals, and scores of given candidates."""

import numpy as np
from numba import njit

from shortlist.kernels.ranked import (
    EXACT,
    GROUP,
    indices_above,
    keep_largest,
    key_index,
    key_score,
    largest_sorted,
    rank_key,
    smallest,
)
from shortlist.kernels.top_k_loops import exact_score

_MISSING = np.float32(np.nan)


@njit(**EXACT)
def _write_best(keys, count, out):
    """The largest of keys[:count] as items, best first; entries beyond them are left as they are."""
    ranked = largest_sorted(keys, count, len(out))
    for rank in range(len(ranked)):
        out[rank] = key_index(ranked[len(ranked) - 1 - rank])


@njit(**EXACT)
def best_of_rows(scores, masked_starts, masked_items, eligible, floor, out):
    """The best eligible items of each row that are not masked and score above `floor`; NaN is never above.

    Mask and eligibility are looked at for scores above the threshold only, so they cost next to nothing.

    Args:
        scores: (n, items) float32.
        masked_starts: (n + 1,) int64.
        masked_items: int32, in any order.
        eligible: (items,) uint8.
        floor: float32.
        out: (n, k) int32, filled with -1.
    """
    size = out.shape[1]
    keys = np.empty(4 * size + GROUP, np.uint64)
    indices = np.empty(GROUP, np.uint64)
    barred = np.zeros(scores.shape[1], np.uint8)
    for s in range(len(out)):
        for e in range(masked_starts[s], masked_starts[s + 1]):
            barred[masked_items[e]] = 1
        row = scores[s]
        count = 0
        threshold = floor
        for start in range(0, len(row), GROUP):
            part = row[start : start + GROUP]
            for z in indices[: indices_above(part, threshold, indices)]:
                item = start + np.int64(z)
                if part[z] > threshold and eligible[item] and not barred[item]:
                    keys[count] = rank_key(part[z], item)
                    count += 1
                    if count == len(keys):
                        keep_largest(keys, count, size)
                        count = size
                        # Items ascend: one that comes later with an equal score loses, so it need not be kept.
                        threshold = key_score(smallest(keys, size))
        _write_best(keys, count, out[s])
        for e in range(masked_starts[s], masked_starts[s + 1]):
            barred[masked_items[e]] = 0


@njit(**EXACT)
def best_of_entries(starts, items, values, masked_starts, masked_items, eligible, out):
    """As `best_of_rows` with the floor 0, where a subject has a value for a few items only.

    Args:
        starts: (n + 1,) int64.
        items: int32, ascending within a subject.
        values: float32, one per item.
        masked_starts: (n + 1,) int64.
        masked_items: int32, ascending within a subject.
        eligible: (items,) uint8.
        out: (n, k) int32, filled with -1.
    """
    for s in range(len(out)):
        keys = np.empty(starts[s + 1] - starts[s], np.uint64)
        count = 0
        cursor, last = masked_starts[s], masked_starts[s + 1]
        for e in range(starts[s], starts[s + 1]):
            item = items[e]
            while cursor < last and masked_items[cursor] < item:
                cursor += 1
            masked = cursor < last and masked_items[cursor] == item
            if values[e] > 0 and eligible[item] and not masked:
                keys[count] = rank_key(values[e], item)
                count += 1
        _write_best(keys, count, out[s])


@njit(**EXACT)
def first_allowed(order, masked_starts, masked_items, eligible, out):
    """The first eligible items of one order for all, without those that are masked.

    Args:
        order: int32 item indices, best first.
        masked_starts: (n + 1,) int64.
        masked_items: int32, in any order.
        eligible: (items,) uint8.
        out: (n, k) int32, filled with -1.
    """
    barred = np.zeros(len(eligible), np.uint8)
    for s in range(len(out)):
        for e in range(masked_starts[s], masked_starts[s + 1]):
            barred[masked_items[e]] = 1
        count = 0
        for item in order:
            if eligible[item] and not barred[item]:
                out[s, count] = item
                count += 1
                if count == out.shape[1]:
                    break
        for e in range(masked_starts[s], masked_starts[s + 1]):
            barred[masked_items[e]] = 0


@njit(**EXACT)
def union_rows(proposals, starts, items):
    """The distinct items that sources propose to each subject, ascending; returns how many in all.

    Args:
        proposals: (sources, n, count) int32, -1 where there is none.
        starts: (n + 1,) int64, out.
        items: int32, out; as long as all proposals together.
    """
    sources, subjects, length = proposals.shape
    gathered = np.empty(sources * length, np.int32)
    total = 0
    starts[0] = 0
    for s in range(subjects):
        count = 0
        for source in range(sources):
            for z in range(length):
                if proposals[source, s, z] >= 0:
                    gathered[count] = proposals[source, s, z]
                    count += 1
        ascending = np.sort(gathered[:count])
        for z in range(count):
            if z == 0 or ascending[z] != ascending[z - 1]:
                items[total] = ascending[z]
                total += 1
        starts[s + 1] = total
    return total


@njit(**EXACT)
def proposal_ranks(proposals, starts, items, candidate_of, ranks):
    """The rank of each proposal, at its candidate; returns -1, or an item that is proposed but no candidate of its subject.

    Args:
        proposals: (sources, n, count) int32, -1 behind the last.
        starts: (n + 1,) int64.
        items: int32, the candidates of each subject.
        candidate_of: int64, work space: one per item, all -1.
        ranks: (sources, C) int32, out, all 0.
    """
    sources, subjects, length = proposals.shape
    for s in range(subjects):
        for c in range(starts[s], starts[s + 1]):
            candidate_of[items[c]] = c
        for source in range(sources):
            for z in range(length):
                item = proposals[source, s, z]
                if item < 0:
                    break
                c = candidate_of[item]
                # What an earlier subject left there is none of this one's.
                if c < starts[s]:
                    return item
                ranks[source, c] = z + 1
    return -1


@njit(**EXACT)
def gathered_products(queries, factors, known, starts, items, out):
    """Inner products of each query with the vectors of its items; NaN for an item that is not known.

    Args:
        queries: (n, d) float32.
        factors: (items, d) float32.
        known: (items,) uint8, 1 where an item has a vector.
        starts: (n + 1,) int64.
        items: int32.
        out: float32, one per item.
    """
    for s in range(len(queries)):
        query = queries[s]
        for c in range(starts[s], starts[s + 1]):
            out[c] = exact_score(query, factors[items[c]]) if known[items[c]] else _MISSING


@njit(**EXACT)
def gathered_values(rows, starts, items, out):
    """What the rows of each subject say of its items.

    Args:
        rows: (n, items) float32.
        starts: (n + 1,) int64.
        items: int32.
        out: float32, one per item.
    """
    for s in range(len(rows)):
        for c in range(starts[s], starts[s + 1]):
            out[c] = rows[s, items[c]]


@njit(**EXACT)
def own_values(own_starts, own_items, values, starts, items, out):
    """The value that a subject has for each of its candidates, 0 where it has none; both sides ascend.

    Args:
        own_starts: (n + 1,) int64.
        own_items: int32.
        values: float32, one per own item.
        starts: (n + 1,) int64.
        items: int32.
        out: float32, one per candidate.
    """
    for s in range(len(starts) - 1):
        cursor, last = own_starts[s], own_starts[s + 1]
        for c in range(starts[s], starts[s + 1]):
            while cursor < last and own_items[cursor] < items[c]:
                cursor += 1
            out[c] = values[cursor] if cursor < last and own_items[cursor] == items[c] else 0.0


@njit(**EXACT)
def largest_products(history_starts, history_items, weights, inward, outward, starts, items, out):
    """For each candidate the history item whose weighted inner product with it is largest; -1 if none is above 0.

    Args:
        history_starts: (n + 1,) int64.
        history_items: int32, ascending within a subject: of equal products the smaller item stays.
        weights: float32, one per history item.
        inward: (items, d) float32, vectors of history items.
        outward: (items, d) float32, vectors of candidates.
        starts: (n + 1,) int64.
        items: int32.
        out: int32, one per candidate.
    """
    for s in range(len(starts) - 1):
        for c in range(starts[s], starts[s + 1]):
            best = 0.0
            because = np.int32(-1)
            for e in range(history_starts[s], history_starts[s + 1]):
                if not weights[e] > 0:
                    continue
                part = np.float64(weights[e]) * np.float64(exact_score(inward[history_items[e]], outward[items[c]]))
                if part > best:
                    best = part
                    because = history_items[e]
            out[c] = because
