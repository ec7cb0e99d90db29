# mypy: disallow-untyped-defs=False
"""The compiled loop of `score_neighbours`."""

import numpy as np
from numba import njit

from shortlist.kernels.ranked import EXACT, key_index, key_score, largest_sorted, rank_key


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
        ranked = largest_sorted(keys, found, k)
        length = len(ranked)
        lengths[q] = length
        for position in range(length):
            key = ranked[length - 1 - position]
            j = key_index(key)
            items[q, position] = j
            scores[q, position] = key_score(key)
            best_seeds[q, position] = best_seed[j]
