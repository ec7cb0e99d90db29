# mypy: disallow-untyped-defs=False
"""What the users and sessions of a sample that are most similar to a subject add to the scores of items.

As in `counting_loops`, nothing is checked here, sums are float64 in one fixed order and rounded to float32 once, and weights
that are not above 0 add nothing.
"""

import numpy as np
from numba import njit

from shortlist.kernels.ranked import EXACT, keep_largest, key_index, key_score, rank_key


@njit(**EXACT)
def _nearest(similar, touched, count, k, keys):
    """Keys of the k largest similarities above 0 of those that were touched, descending; `similar` is cleared."""
    found = 0
    for z in range(count):
        v = touched[z]
        if np.float32(similar[v]) > 0:
            keys[found] = rank_key(np.float32(similar[v]), v)
            found += 1
        similar[v] = 0.0
    if found > k:
        keep_largest(keys, found, k)
        found = k
    # Sorted, so that sums over neighbours have one order.
    return np.sort(keys[:found])[::-1]


@njit(**EXACT)
def _similar_users(first, last, items, weights, own_row, item_starts, item_rows, row_scales, similar, touched):
    """Add up similarities of one subject to users of the sample; returns how many were touched."""
    count = 0
    for e in range(first, last):
        weight = np.float64(weights[e])
        if not weight > 0:
            continue
        for z in range(item_starts[items[e]], item_starts[items[e] + 1]):
            v = item_rows[z]
            if v != own_row:
                touched[count] = v
                count += similar[v] == 0
                similar[v] += weight * np.float64(row_scales[v])
    return count


@njit(**EXACT)
def add_users(starts, items, weights, own_rows, item_starts, item_rows, row_scales, row_starts, row_items, row_weights,
              power, rows, near_rows, near_similarities):  # fmt: skip
    """Scores of all items from the nearest users of a sample.

    With similarity(u, v) = row_scale_v sum of the weights of what both have, the nearest users v add similarity^power times
    their row.

    Args:
        starts: (n + 1,) int64.
        items: int32, ascending within a subject.
        weights: float32, one per item, as they count for similarity.
        own_rows: (n,) int32, a subject's own row in the sample, -1 for none.
        item_starts: (items + 1,) int64.
        item_rows: int32, users of the sample with each item, ascending.
        row_scales: (users,) float32, above 0.
        row_starts: (users + 1,) int64.
        row_items: int32, what each user of the sample gives.
        row_weights: float32.
        power: float64, of their similarity.
        rows: (n, items) float32, out.
        near_rows: (n, nearest) int32, out: the users who add, the most similar first, -1 behind the last.
        near_similarities: (n, nearest) float32, out: their similarity.
    """
    users = len(row_scales)
    similar = np.zeros(users, np.float64)
    touched = np.empty(users + 1, np.int32)
    keys = np.empty(users, np.uint64)
    totals = np.zeros(rows.shape[1], np.float64)
    for s in range(len(rows)):
        count = _similar_users(starts[s], starts[s + 1], items, weights, own_rows[s], item_starts, item_rows, row_scales,
                               similar, touched)  # fmt: skip
        near_rows[s] = -1
        for z, key in enumerate(_nearest(similar, touched, count, near_rows.shape[1], keys)):
            near_rows[s, z], near_similarities[s, z] = key_index(key), key_score(key)
        for z in range(near_rows.shape[1]):
            v, similarity = near_rows[s, z], near_similarities[s, z]
            if v < 0:
                break
            share = np.float64(similarity) ** power
            for x in range(row_starts[v], row_starts[v + 1]):
                totals[row_items[x]] += share * np.float64(row_weights[x])
        row = rows[s]
        for j in range(len(row)):
            row[j] = totals[j]
            totals[j] = 0.0


@njit(**EXACT)
def best_shared(starts, items, weights, rarity, near_rows, near_similarities, row_scales, row_starts, row_items, row_weights,
                power, asked_starts, asked, item_count, out):  # fmt: skip
    """For each asked item the history item through which its neighbours add most, times its rarity; -1 where none does.

    A neighbour's share is dealt out to the history items that it has in common with the subject, by what each added to the
    similarity: history item i speaks for asked item j by the sum over the nearest users v who have both of weight_i rarity_i
    row_scale_v similarity^(power - 1) row_weight_vj.

    Args:
        starts: (n + 1,) int64.
        items: int32, ascending within a subject: of equal sums the smaller item stays.
        weights: float32, one per item, as they count for similarity.
        rarity: float32, one per item, above 0.
        near_rows: (n, nearest) int32, as `add_users` writes them.
        near_similarities: (n, nearest) float32.
        row_scales: (users,) float32, above 0.
        row_starts: (users + 1,) int64.
        row_items: int32, what each user of the sample gives, each item once.
        row_weights: float32.
        power: float64, of similarity.
        asked_starts: (n + 1,) int64.
        asked: int32, each item once in a subject.
        item_count: how many items there are.
        out: int32, one per asked item.
    """
    entry_of, number_of = np.full(item_count, -1, np.int32), np.full(item_count, -1, np.int32)
    # One byte an item stays in cache: most items of a neighbour are neither in the history nor asked for.
    concerned = np.zeros(item_count, np.uint8)
    for s in range(len(asked_starts) - 1):
        first, last, low, high = starts[s], starts[s + 1], asked_starts[s], asked_starts[s + 1]
        if low == high:
            continue
        for e in range(first, last):
            if weights[e] > 0:
                entry_of[items[e]] = e - first
                concerned[items[e]] = 1
        for c in range(low, high):
            number_of[asked[c]] = c - low
            concerned[asked[c]] = 1
        parts = np.zeros((last - first, high - low))
        common, hits, given = np.empty(last - first, np.int64), np.empty(high - low, np.int64), np.empty(high - low)
        for z in range(near_rows.shape[1]):
            v, similarity = near_rows[s, z], near_similarities[s, z]
            if v < 0:
                break
            shared = found = 0
            for x in range(row_starts[v], row_starts[v + 1]):
                if not concerned[row_items[x]]:
                    continue
                e, c = entry_of[row_items[x]], number_of[row_items[x]]
                if e >= 0:
                    common[shared] = e
                    shared += 1
                if c >= 0:
                    hits[found], given[found] = c, row_weights[x]
                    found += 1
            share = np.float64(row_scales[v]) * np.float64(similarity) ** (power - 1.0)
            for e in common[:shared]:
                part = np.float64(weights[first + e]) * np.float64(rarity[first + e]) * share
                for z in range(found):
                    parts[e, hits[z]] += part * given[z]
        for c in range(low, high):
            out[c] = -1
            best = 0.0
            for e in range(last - first):
                if parts[e, c - low] > best:
                    best = parts[e, c - low]
                    out[c] = items[first + e]
            number_of[asked[c]] = -1
            concerned[asked[c]] = 0
        for e in range(first, last):
            entry_of[items[e]] = -1
            concerned[items[e]] = 0


@njit(**EXACT)
def add_sessions(starts, items, weights, newest_first, own_rows, item_starts, item_rows, item_positions, row_scales,
                 row_starts, row_items, item_weights, nearest, distance_decay, before, same, rows):  # fmt: skip
    """Scores of all items from the nearest sessions of a sample.

    With similarity(u, v) = row_scale_v sum of the weights of what both have, the nearest sessions v add it to each of their
    items j, times item_weight_j, distance_decay^(positions between j and the newest common item), and `before` or `same` where
    j does not come after that.

    Args:
        starts: (n + 1,) int64.
        items: int32, ascending within a subject.
        weights: float32, one per item, as they count for similarity.
        newest_first: int32, the entries of each subject, the newest first, counted from its first entry.
        own_rows: (n,) int32, a subject's own row in the sample, -1 for none.
        item_starts: (items + 1,) int64.
        item_rows: int32, sessions of the sample with each item.
        item_positions: int32, where the item was seen last in that session, from 0.
        row_scales: (sessions,) float32, above 0.
        row_starts: (sessions + 1,) int64.
        row_items: int32, items of each session in their order.
        item_weights: (items,) float32.
        nearest: how many sessions add.
        distance_decay: float64, what one more position of distance leaves.
        before: float64, what counts an item before the last one in common.
        same: float64, what counts the last item in common itself.
        rows: (n, items) float32, out.
    """
    sessions = len(row_scales)
    similar = np.zeros(sessions, np.float64)
    last_common = np.empty(sessions, np.int32)
    touched = np.empty(sessions + 1, np.int32)
    keys = np.empty(sessions, np.uint64)
    totals = np.zeros(rows.shape[1], np.float64)
    longest = np.int64(1)
    for v in range(sessions):
        longest = max(longest, row_starts[v + 1] - row_starts[v])
    decays = distance_decay ** np.arange(longest)
    for s in range(len(rows)):
        count = 0
        for z in range(starts[s], starts[s + 1]):
            e = starts[s] + newest_first[z]
            weight = np.float64(weights[e])
            if not weight > 0:
                continue
            for x in range(item_starts[items[e]], item_starts[items[e] + 1]):
                v = item_rows[x]
                if v == own_rows[s]:
                    continue
                if similar[v] == 0:
                    touched[count] = v
                    count += 1
                    last_common[v] = item_positions[x]
                similar[v] += weight * np.float64(row_scales[v])
        for key in _nearest(similar, touched, count, nearest, keys):
            v = key_index(key)
            share = np.float64(key_score(key))
            for x in range(row_starts[v], row_starts[v + 1]):
                distance = x - row_starts[v] - last_common[v]
                side = 1.0 if distance > 0 else before if distance < 0 else same
                j = row_items[x]
                totals[j] += share * side * decays[abs(distance)] * np.float64(item_weights[j])
        row = rows[s]
        for j in range(len(row)):
            row[j] = totals[j]
            totals[j] = 0.0
