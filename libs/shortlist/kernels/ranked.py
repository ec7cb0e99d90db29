# mypy: disallow-untyped-defs=False
"""The compiled loops that end in a ranked list; their public faces are top_k, cooccurrence and neighbours.

All of them stay in this one file: numba's cache looks at the age of the file that holds the compiled function, not at
the functions that it inlines from other files, so a key function next door could be changed and the old one run.

A ranked list is sorted by one unsigned 64-bit key per entry: the float's bits in an order-preserving form above, the
complement of the index below. Sorted downwards: the larger score first, of equal scores the smaller index, exactly.

No fastmath in this file: infinities bound the scans and -0.0 must equal 0.0. Constants are uint64 by hand, because
numba turns int64 with uint64 into float64, which cannot hold a key.
"""

from typing import Any, Final

import numpy as np
from numba import njit

EXACT: Final[dict[str, Any]] = {"nogil": True, "cache": True, "error_model": "numpy"}

COUNT, COSINE, JACCARD, LIFT, NPMI, LLR, RP3BETA = range(7)

_SIGN = np.uint64(0x80000000)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO = np.float32(0.0)
_NOTHING = np.float32(-np.inf)
# Scores are compared so many at a time: most groups hold nothing above the threshold and cost one vector loop.
_GROUP = 64


@njit(**EXACT)
def rank_key(score, index):
    """The key of a float32 score and an index below 2**32."""
    # Adding +0.0 turns -0.0 into +0.0 and changes nothing else.
    bits = np.uint64(np.float32(score + _ZERO).view(np.uint32))
    ordered = _LOW - bits if bits & _SIGN else bits | _SIGN
    return (ordered << _HALF) | (_LOW - np.uint64(index))


@njit(**EXACT)
def key_score(key):
    """The score in a key."""
    ordered = key >> _HALF
    bits = ordered ^ _SIGN if ordered & _SIGN else _LOW - ordered
    return np.uint32(bits).view(np.float32)


@njit(**EXACT)
def key_index(key):
    """The index in a key."""
    return np.int32(_LOW - (key & _LOW))


@njit(**EXACT)
def keep_largest(keys, count, k):
    """Bring the k largest of keys[:count] to the front, in any order (Hoare's quickselect; keys are distinct)."""
    low, high = 0, count - 1
    while low < high:
        pivot = keys[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while keys[i] > pivot:
                i += 1
            while keys[j] < pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            return


@njit(**EXACT)
def _smallest(keys, count):
    least = keys[0]
    for z in range(1, count):
        least = min(least, keys[z])
    return least


@njit(**EXACT)
def _ranked(keys, count, k):
    """The k largest of keys[:count], ascending."""
    if count > k:
        keep_largest(keys, count, k)
        count = k
    return np.sort(keys[:count])


@njit(**EXACT)
def exact_score(query, factors):
    """The inner product, summed in float64 in one fixed order and rounded once to float32."""
    size = len(query)
    whole = size // 4 * 4
    a = b = c = d = 0.0
    # Four chains, because one would wait for each addition; a compiler without fastmath leaves their order alone.
    for z in range(0, whole, 4):
        a += np.float64(query[z]) * np.float64(factors[z])
        b += np.float64(query[z + 1]) * np.float64(factors[z + 1])
        c += np.float64(query[z + 2]) * np.float64(factors[z + 2])
        d += np.float64(query[z + 3]) * np.float64(factors[z + 3])
    for z in range(whole, size):
        a += np.float64(query[z]) * np.float64(factors[z])
    return np.float32((a + b) + (c + d))


@njit(**EXACT)
def _keep_in_reach(buffer, count, k, margin):
    """Drop what can no longer be among the k best; returns how much is left and the score to exceed from now on.

    Every score in the buffer is within `margin` of the exact one. Let t be the k-th largest: k items have exact scores
    of at least t - margin, so an item of the exact k best has a score in the buffer of at least t - 2 margin.
    """
    keep_largest(buffer, count, k)
    reach = np.float32(np.float64(key_score(_smallest(buffer, k))) - 2.0 * margin)
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
    for q in range(len(cursors)):
        row = scores[q]
        cursor = cursors[q]
        last = seen_indptr[first_query + q + 1]
        while cursor < last and seen[cursor] <= columns[width - 1]:
            place = np.searchsorted(columns, seen[cursor])
            if columns[place] == seen[cursor]:
                row[place] = _NOTHING
            cursor += 1
        cursors[q] = cursor
        threshold = thresholds[q]
        count = counts[q]
        buffer = keys[q]
        start = 0
        while start < width:
            stop = min(start + _GROUP, width)
            hits = 0
            for z in range(start, stop):
                hits += row[z] > threshold
            if hits:
                for z in range(start, stop):
                    score = row[z]
                    if score > threshold:
                        buffer[count] = rank_key(score, columns[z])
                        count += 1
                        if count == capacity:
                            margin = margins[first_query + q]
                            count, threshold = _keep_in_reach(buffer, count, k, margin)
                            if count > capacity // 4 * 3:
                                # Hundreds of scores as good as equal: only exact ones can tell them apart.
                                count = _score_exactly(buffer, count, k, queries[first_query + q], factors)
                                count, threshold = _keep_in_reach(buffer, count, k, margin)
            start = stop
        thresholds[q] = threshold
        counts[q] = count


@njit(**EXACT)
def write_ranked(keys, counts, k, factors, queries, first_query, margins, items, scores, lengths):
    """The buffers of `scan_tile` as lists by exact score; places beyond a list's length are left as they are."""
    for q in range(len(counts)):
        buffer = keys[q]
        count = counts[q]
        if count > k:
            count, _ = _keep_in_reach(buffer, count, k, margins[first_query + q])
        length = _score_exactly(buffer, count, k, queries[first_query + q], factors)
        ranked = np.sort(buffer[:length])
        lengths[q] = length
        for place in range(length):
            key = ranked[length - 1 - place]
            items[q, place] = key_index(key)
            scores[q, place] = key_score(key)


@njit(**EXACT)
def _x_log_x(x, table):
    if x < len(table):
        return table[x]
    return x * np.log(np.float64(x))


@njit(**EXACT)
def _npmi(values, found, touched, shared, own, known):
    log_baskets = np.log(np.float64(known.baskets))
    for z in range(found):
        j = touched[z]
        both = shared[j]
        log_both = known.log_counts[both] if both < len(known.log_counts) else np.log(np.float64(both))
        joint = log_both + log_baskets - known.logs[own] - known.logs[j]
        # At independence the logarithms cancel but for their rounding, which must not rank anything.
        if np.float64(both) * known.baskets == np.float64(known.sizes[own]) * known.sizes[j]:
            joint = 0.0
        # Two items of every basket: the limit is 1, the quotient 0 / 0.
        values[z] = joint / (log_baskets - log_both) if both < known.baskets else 1.0


@njit(**EXACT)
def _llr(values, found, touched, shared, own, known):
    size = known.sizes[own]
    table = known.x_log_x
    whole = _x_log_x(known.baskets, table) - known.entropies[own]
    for z in range(found):
        j = touched[z]
        both = np.int64(shared[j])
        other = known.sizes[j]
        if np.float64(both) * known.baskets <= np.float64(size) * other:
            values[z] = _ZERO
        else:
            cells = (
                _x_log_x(both, table)
                + _x_log_x(size - both, table)
                + _x_log_x(other - both, table)
                + _x_log_x(known.baskets - size - other + both, table)
            )
            # Rounding may leave a hair below the 0 that the formula cannot pass.
            values[z] = max(0.0, 2.0 * (cells - known.entropies[j] + whole))


@njit(**EXACT)
def _similarities(measure, values, found, touched, shared, walked, own, known):
    """Fill values[:found] with one measure of `own` and the touched items; a tight loop each, which vectorises."""
    size = known.sizes[own]
    if measure == COUNT:
        for z in range(found):
            values[z] = shared[touched[z]]
    elif measure == COSINE:
        for z in range(found):
            values[z] = shared[touched[z]] * known.roots[own] * known.roots[touched[z]]
    elif measure == JACCARD:
        for z in range(found):
            both = shared[touched[z]]
            values[z] = both / np.float64(size + known.sizes[touched[z]] - both)
    elif measure == LIFT:
        for z in range(found):
            expected = np.float64(size) * known.sizes[touched[z]]
            values[z] = shared[touched[z]] * np.float64(known.baskets) / expected
    elif measure == NPMI:
        _npmi(values, found, touched, shared, own, known)
    elif measure == LLR:
        _llr(values, found, touched, shared, own, known)
    else:
        for z in range(found):
            values[z] = walked[touched[z]] * known.walks[own] * known.discounts[touched[z]]


@njit(**EXACT)
def _collect(values, found, touched, shared, own, min_support, buffer, k):
    """Push the touched items that qualify into the buffer; returns how full it is."""
    capacity = len(buffer)
    count = 0
    threshold = _NOTHING
    for z in range(found):
        # Not >: items come in no order here, so an equal score may still win by its index.
        if values[z] >= threshold:
            j = touched[z]
            if j == own or shared[j] < min_support:
                continue
            buffer[count] = rank_key(values[z], j)
            count += 1
            if count == capacity:
                keep_largest(buffer, count, k)
                count = k
                threshold = key_score(_smallest(buffer, k))
    return count


@njit(**EXACT)
def cooccurrence_rows(first_item, last_item, by_item, by_basket, known, measures, k, min_support, items, scores,
                      supports, lengths):  # fmt: skip
    """Rows first_item to last_item of the item-by-item product, ranked by each measure.

    One pass of Gustavson's algorithm (ACM TOMS 4(3), 1978) per row serves all measures. The measures are defined in
    `cooccurrence.cooccur`.

    Args:
        first_item: first row.
        last_item: end of the rows.
        by_item: the baskets of each item.
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
    basket_indptr, basket_items = by_basket
    walks = False
    for m in range(len(measures)):
        walks = walks or measures[m] == RP3BETA
    shared = np.zeros(item_count, np.int32)
    walked = np.zeros(item_count, np.float64)
    # One slot beyond: the branch-free first-touch test below writes before it knows.
    touched = np.empty(item_count + 1, np.int32)
    values = np.empty(item_count + 1, np.float32)
    buffer = np.empty(4 * k + 64, np.uint64)
    for i in range(first_item, last_item):
        found = 0
        for e in range(item_indptr[i], item_indptr[i + 1]):
            basket = item_baskets[e]
            if walks:
                weight = known.basket_walks[basket]
                for z in range(basket_indptr[basket], basket_indptr[basket + 1]):
                    j = basket_items[z]
                    touched[found] = j
                    found += shared[j] == 0
                    shared[j] += 1
                    walked[j] += weight
            else:
                for z in range(basket_indptr[basket], basket_indptr[basket + 1]):
                    j = basket_items[z]
                    touched[found] = j
                    found += shared[j] == 0
                    shared[j] += 1
        for m in range(len(measures)):
            _similarities(measures[m], values, found, touched, shared, walked, i, known)
            ranked = _ranked(buffer, _collect(values, found, touched, shared, i, min_support, buffer, k), k)
            length = len(ranked)
            lengths[m, i - first_item] = length
            for place in range(length):
                key = ranked[length - 1 - place]
                j = key_index(key)
                items[m, i - first_item, place] = j
                scores[m, i - first_item, place] = key_score(key)
                supports[m, i - first_item, place] = shared[j]
        for z in range(found):
            shared[touched[z]] = 0
            walked[touched[z]] = 0.0


@njit(**EXACT)
def neighbour_rows(seeds, seed_weights, near, similarities, seen, k, multi_hit, items, scores, best_seeds, lengths):
    """Score the neighbours of each query's seeds and rank them; the formulas are in `neighbours.score_neighbours`.

    Args:
        seeds: the seeds of each query.
        seed_weights: (seeds,) float32.
        near: the neighbours of each item.
        similarities: (neighbours,) float32.
        seen: what each query must not be given.
        k: list length.
        multi_hit: whether square roots are summed and the sum squared.
        items: (queries, >= k) int32, out.
        scores: float32, out.
        best_seeds: int32, out.
        lengths: (queries,) int32, out.
    """
    seed_indptr, seed_items = seeds
    near_indptr, near_items = near
    seen_indptr, seen_items = seen
    item_count = len(near_indptr) - 1
    totals = np.zeros(item_count, np.float64)
    best = np.empty(item_count, np.float64)
    best_seed = np.empty(item_count, np.int32)
    fresh, open_, barred = np.int8(0), np.int8(1), np.int8(2)
    state = np.zeros(item_count, np.int8)
    touched = np.empty(item_count, np.int32)
    keys = np.empty(item_count, np.uint64)
    for q in range(len(seed_indptr) - 1):
        for e in range(seen_indptr[q], seen_indptr[q + 1]):
            state[seen_items[e]] = barred
        found = 0
        for e in range(seed_indptr[q], seed_indptr[q + 1]):
            seed = seed_items[e]
            weight = np.float64(seed_weights[e])
            for z in range(near_indptr[seed], near_indptr[seed + 1]):
                j = near_items[z]
                if state[j] == barred:
                    continue
                part = weight * np.float64(similarities[z])
                if multi_hit:
                    part = np.sqrt(part)
                if state[j] == fresh:
                    state[j] = open_
                    touched[found] = j
                    found += 1
                    totals[j] = part
                    best[j] = part
                    best_seed[j] = seed
                else:
                    totals[j] += part
                    # Seeds ascend, so of equal contributions the smaller seed stays.
                    if part > best[j]:
                        best[j] = part
                        best_seed[j] = seed
        for z in range(found):
            j = touched[z]
            total = totals[j] * totals[j] if multi_hit else totals[j]
            keys[z] = rank_key(np.float32(total), j)
            state[j] = fresh
        for e in range(seen_indptr[q], seen_indptr[q + 1]):
            state[seen_items[e]] = fresh
        ranked = _ranked(keys, found, k)
        length = len(ranked)
        lengths[q] = length
        for place in range(length):
            key = ranked[length - 1 - place]
            j = key_index(key)
            items[q, place] = j
            scores[q, place] = key_score(key)
            best_seeds[q, place] = best_seed[j]
