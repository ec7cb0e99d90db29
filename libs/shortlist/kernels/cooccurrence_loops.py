# mypy: disallow-untyped-defs=False
"""The compiled loops of `cooccur`: which baskets hold an item, what else they hold, and how that ranks."""

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
    reached_by,
    smallest,
)

COUNT, COSINE, JACCARD, LIFT, NPMI, LLR, RP3BETA, LOG_LIFT = range(8)

_ZERO = np.float32(0.0)
_NOTHING = np.float32(-np.inf)


@njit(**EXACT)
def count_baskets(indices, first_item, counts):
    """Add to counts[i - first_item] the baskets that hold item i, for as many items as there are counts."""
    width = len(counts)
    for z in range(len(indices)):
        item = indices[z] - first_item
        if 0 <= item < width:
            counts[item] += 1


@njit(**EXACT)
def list_baskets(indptr, indices, first_item, cursors, baskets, positions):
    """The baskets of each item and its position in each, baskets ascending.

    Args:
        indptr: (baskets + 1,) int64.
        indices: int32, items of each basket.
        first_item: item of the first row.
        cursors: (items,) int64, where each item's list begins; moved to its end.
        baskets: int32, out.
        positions: int32, out: 0 for the first item of its basket.
    """
    width = len(cursors)
    for basket in range(len(indptr) - 1):
        for z in range(indptr[basket], indptr[basket + 1]):
            item = indices[z] - first_item
            if 0 <= item < width:
                baskets[cursors[item]] = basket
                positions[cursors[item]] = z - indptr[basket]
                cursors[item] += 1


# In the three loops below, the first touch of an item is counted without a branch: `touched` is written before it is
# known whether that counts, and needs one slot more than there are items. Indices are unsigned: one that might be negative
# costs a comparison at each use.


@njit(**EXACT)
def _count(low, high, item_baskets, by_basket, touched, shared):
    """Shared baskets only; returns how many items were touched."""
    basket_indptr, basket_items = by_basket
    found = np.uint64(0)
    for basket in item_baskets[low:high]:
        for item in basket_items[basket_indptr[basket] : basket_indptr[basket + 1]]:
            j = np.uint32(item)
            touched[found] = j
            found += np.uint64(shared[j] == 0)
            shared[j] += 1
    return np.int64(found)


@njit(**EXACT)
def _count_and_walk(low, high, item_baskets, by_basket, known, touched, shared, walked):
    """Shared baskets, and the sum over them of their walks."""
    basket_indptr, basket_items = by_basket
    found = np.uint64(0)
    for basket in item_baskets[low:high]:
        walk = known.basket_walks[basket]
        for item in basket_items[basket_indptr[basket] : basket_indptr[basket + 1]]:
            j = np.uint32(item)
            touched[found] = j
            found += np.uint64(shared[j] == 0)
            shared[j] += 1
            walked[j] += walk
    return np.int64(found)


@njit(**EXACT)
def _weigh(low, high, item_baskets, positions, by_basket, known, touched, shared, weighed, walked):
    """Shared baskets, their weights and walks; with distance weights, only of the items that come later, multiplied by them."""
    basket_indptr, basket_items = by_basket
    weighted = len(known.basket_weights) > 0
    walking = len(known.basket_walks) > 0
    directed = len(known.distance_weights) > 0
    found = np.uint64(0)
    for e in range(low, high):
        basket = item_baskets[e]
        weight = known.basket_weights[basket] if weighted else 1.0
        walk = known.basket_walks[basket] if walking else 0.0
        start = basket_indptr[basket]
        if directed:
            start += positions[e] + 1
        for z in range(start, basket_indptr[basket + 1]):
            j = np.uint32(basket_items[z])
            touched[found] = j
            found += np.uint64(shared[j] == 0)
            shared[j] += 1
            share = known.distance_weights[z - start] if directed else 1.0
            weighed[j] += weight * share
            walked[j] += walk * share
    return np.int64(found)


@njit(**EXACT)
def _x_log_x(x, table):
    if x < len(table):
        return table[x]
    return x * np.log(np.float64(x))


@njit(**EXACT)
def _npmi(values, found, touched, shared, together, own, known):
    log_total = np.log(known.total)
    plain = len(known.basket_weights) == 0
    for z in range(found):
        j = touched[z]
        both = together[z]
        tabled = plain and shared[j] < len(known.log_counts)
        log_both = known.log_counts[shared[j]] if tabled else np.log(both)
        joint = log_both + log_total - known.logs[own] - known.logs[j]
        # At independence the logarithms cancel but for their rounding, which must not rank anything.
        if both * known.total == known.sizes[own] * known.sizes[j]:
            joint = 0.0
        # Two items of every basket: the limit is 1, the quotient 0 / 0.
        values[z] = joint / (log_total - log_both) if both < known.total else 1.0


@njit(**EXACT)
def _llr(values, found, touched, shared, own, known):
    total = np.int64(known.total)
    size = np.int64(known.sizes[own])
    table = known.x_log_x
    whole = _x_log_x(total, table) - known.entropies[own]
    for z in range(found):
        j = touched[z]
        both = np.int64(shared[j])
        other = np.int64(known.sizes[j])
        if np.float64(both) * known.total <= known.sizes[own] * known.sizes[j]:
            values[z] = _ZERO
        else:
            cells = (
                _x_log_x(both, table)
                + _x_log_x(size - both, table)
                + _x_log_x(other - both, table)
                + _x_log_x(total - size - other + both, table)
            )
            # Rounding may leave a hair below the 0 that the formula cannot pass.
            values[z] = max(0.0, 2.0 * (cells - known.entropies[j] + whole))


@njit(**EXACT)
def _log_lift(values, found, touched, together, own, known):
    chance, smoothing = known.chances[own], known.smoothing
    for z in range(found):
        expected = chance * known.sizes[touched[z]] + smoothing
        # An item that is always alone is touched by itself, and has no chance of anything.
        log_lift = np.log((together[z] + smoothing) / expected) if expected > 0 else -np.inf
        values[z] = log_lift if log_lift >= known.least else _NOTHING


@njit(**EXACT)
def _similarities(measure, values, found, touched, shared, together, walked, own, known):
    """Fill values[:found] with one measure of `own` and the touched items; a tight loop each, which vectorises."""
    size = known.sizes[own]
    if measure == COUNT:
        for z in range(found):
            values[z] = together[z]
    elif measure == COSINE:
        for z in range(found):
            values[z] = together[z] * known.roots[own] * known.roots[touched[z]]
    elif measure == JACCARD:
        for z in range(found):
            values[z] = together[z] / (size + known.sizes[touched[z]] - together[z])
    elif measure == LIFT:
        for z in range(found):
            values[z] = together[z] * known.total / (size * known.sizes[touched[z]])
    elif measure == NPMI:
        _npmi(values, found, touched, shared, together, own, known)
    elif measure == LLR:
        _llr(values, found, touched, shared, own, known)
    elif measure == LOG_LIFT:
        _log_lift(values, found, touched, together, own, known)
    else:
        for z in range(found):
            values[z] = walked[touched[z]] * known.walks[own] * known.discounts[touched[z]]


@njit(**EXACT)
def _collect(values, touched, shared, own, min_support, buffer, k):
    """Push the touched items that qualify into the buffer; returns how full it is. What does not qualify is overwritten."""
    capacity = len(buffer)
    indices, maxima = np.empty(GROUP, np.uint64), np.empty(2 * k, np.float32)
    for z in range(len(values)):
        j = touched[z]
        values[z] = _NOTHING if j == own or shared[j] < min_support else values[z]
    count = 0
    threshold = _NOTHING
    if len(values) >= 2 * len(maxima):
        # An equal score may still win by its index, here and below: items come in no order.
        threshold = np.nextafter(reached_by(values, k, maxima), _NOTHING)
    for start in range(0, len(values), GROUP):
        part, items = values[start : start + GROUP], touched[start : start + GROUP]
        for z in indices[: indices_above(part, threshold, indices)]:
            if part[z] > threshold:
                buffer[count] = rank_key(part[z], items[z])
                count += 1
                if count == capacity:
                    keep_largest(buffer, count, k)
                    count = k
                    threshold = np.nextafter(key_score(smallest(buffer, k)), _NOTHING)
    return count


@njit(**EXACT)
def cooccurrence_rows(first_item, by_item, positions, by_basket, known, measures, k, min_support, items, scores,
                      supports, lengths):  # fmt: skip
    """Rows of the item-by-item product, from first_item on, ranked by each measure.

    One pass of Gustavson's algorithm (ACM TOMS 4(3), 1978) per row serves all measures. The measures are defined in
    `cooccurrence.cooccur`.

    Args:
        first_item: item of the first row.
        by_item: the baskets of each of these items.
        positions: int32, the item's position in each of them.
        by_basket: the items of each basket.
        known: `cooccurrence.Statistics`.
        measures: (m,) int64, codes of this module.
        k: list length.
        min_support: fewest shared baskets.
        items: (m, rows, >= k) int32, out.
        scores: the same shape, float32, out.
        supports: the same shape, int32, out.
        lengths: (m, rows) int32, out.
    """
    item_count = len(known.sizes)
    item_indptr, item_baskets = by_item
    walking = len(known.basket_walks) > 0
    weighing = len(known.basket_weights) > 0 or len(known.distance_weights) > 0
    shared = np.zeros(item_count, np.int32)
    weighed = np.zeros(item_count if weighing else 0, np.float64)
    walked = np.zeros(item_count, np.float64)
    touched = np.empty(item_count + 1, np.uint32)
    together = np.empty(item_count, np.float64)
    values = np.empty(item_count, np.float32)
    buffer = np.empty(4 * k + 64, np.uint64)
    for row in range(len(item_indptr) - 1):
        own = first_item + row
        low, high = item_indptr[row], item_indptr[row + 1]
        if weighing:
            found = _weigh(low, high, item_baskets, positions, by_basket, known, touched, shared, weighed, walked)
            for z in range(found):
                together[z] = weighed[touched[z]]
        else:
            if walking:
                found = _count_and_walk(low, high, item_baskets, by_basket, known, touched, shared, walked)
            else:
                found = _count(low, high, item_baskets, by_basket, touched, shared)
            for z in range(found):
                together[z] = shared[touched[z]]
        for m in range(len(measures)):
            _similarities(measures[m], values, found, touched, shared, together, walked, own, known)
            count = _collect(values[:found], touched[:found], shared, own, min_support, buffer, k)
            ranked = largest_sorted(buffer, count, k)
            length = len(ranked)
            lengths[m, row] = length
            for position in range(length):
                key = ranked[length - 1 - position]
                j = key_index(key)
                items[m, row, position] = j
                scores[m, row, position] = key_score(key)
                supports[m, row, position] = shared[j]
        for z in range(found):
            shared[touched[z]] = 0
        if walking:
            for z in range(found):
                walked[touched[z]] = 0.0
        if weighing:
            for z in range(found):
                weighed[touched[z]] = 0.0
