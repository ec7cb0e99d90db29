# mypy: disallow-untyped-defs=False
"""What each history item adds to the scores of other items: neighbours, groups, terms.

Callers check what they pass, item-side arrays once when a scorer is made: nothing is checked here. Sums are float64 in one
fixed order, history items ascending, and rounded to float32 once, so a score depends on its subject only. Weights that are
not above 0 add nothing and are skipped.
"""

import numpy as np
from numba import njit

from shortlist.kernels.ranked import EXACT


@njit(**EXACT)
def add_neighbours(starts, items, weights, near_starts, near_items, similarities, multi_hit, rows):
    """Scores of all items from the neighbours of what each subject took: sum_s w_s s_sj, or (sum_s sqrt(w_s s_sj))^2.

    Args:
        starts: (n + 1,) int64.
        items: int32, ascending within a subject.
        weights: float32, one per item.
        near_starts: (items + 1,) int64.
        near_items: int32.
        similarities: float32, one per neighbour.
        multi_hit: whether square roots are summed and the sum squared.
        rows: (n, items) float32, out.
    """
    item_count = rows.shape[1]
    totals = np.zeros(item_count, np.float64)
    reached = np.zeros(item_count, np.uint8)
    touched = np.empty(item_count + 1, np.int32)
    for s in range(len(rows)):
        row = rows[s]
        row[:] = 0.0
        count = 0
        for e in range(starts[s], starts[s + 1]):
            weight = np.float64(weights[e])
            if not weight > 0:
                continue
            for z in range(near_starts[items[e]], near_starts[items[e] + 1]):
                j = near_items[z]
                part = weight * np.float64(similarities[z])
                # Without a branch, which would be guessed wrong: the next item overwrites one that was reached before.
                touched[count] = j
                count += reached[j] == 0
                reached[j] = 1
                totals[j] += np.sqrt(part) if multi_hit else part
        for z in range(count):
            j = touched[z]
            row[j] = totals[j] * totals[j] if multi_hit else totals[j]
            totals[j] = 0.0
            reached[j] = 0


@njit(**EXACT)
def best_seeds(starts, items, weights, near_starts, near_items, similarities, asked_starts, asked, out):
    """For each asked item the history item that adds most to it, of equal ones the smaller; -1 where none does."""
    # Where an item is among those asked for, -1 for the others: one look per neighbour, however many are asked for.
    candidate_of = np.full(len(near_starts) - 1, -1, np.int64)
    for s in range(len(asked_starts) - 1):
        low, high = asked_starts[s], asked_starts[s + 1]
        if low == high:
            continue
        best = np.zeros(high - low, np.float64)
        for c in range(low, high):
            out[c] = -1
            candidate_of[asked[c]] = c
        for e in range(starts[s], starts[s + 1]):
            weight = np.float64(weights[e])
            if not weight > 0:
                continue
            for z in range(near_starts[items[e]], near_starts[items[e] + 1]):
                c = candidate_of[near_items[z]]
                if c >= 0:
                    part = weight * np.float64(similarities[z])
                    if part > best[c - low]:
                        best[c - low] = part
                        out[c] = items[e]
        for c in range(low, high):
            candidate_of[asked[c]] = -1


@njit(**EXACT)
def add_groups(starts, items, weights, groups, shares, group_count, rows):
    """What a subject took of a group, times each item's share of its group; NaN for items of no group (-1)."""
    taken = np.zeros(group_count, np.float64)
    for s in range(len(rows)):
        taken[:] = 0.0
        for e in range(starts[s], starts[s + 1]):
            if weights[e] > 0 and groups[items[e]] >= 0:
                taken[groups[items[e]]] += np.float64(weights[e])
        row = rows[s]
        for j in range(len(row)):
            row[j] = taken[groups[j]] * np.float64(shares[j]) if groups[j] >= 0 else np.nan


@njit(**EXACT)
def heaviest_of_group(starts, items, weights, groups, asked_starts, asked, out):
    """For each asked item the heaviest history item of its group, of equal ones the smaller; -1 where there is none."""
    for s in range(len(asked_starts) - 1):
        for c in range(asked_starts[s], asked_starts[s + 1]):
            out[c] = -1
            best = np.float32(0.0)
            for e in range(starts[s], starts[s + 1]):
                same = groups[items[e]] == groups[asked[c]] and groups[asked[c]] >= 0
                if same and weights[e] > best:
                    best = weights[e]
                    out[c] = items[e]


@njit(**EXACT)
def add_terms(starts, items, weights, term_starts, terms, term_weights, holder_starts, holders, holder_weights, rows):
    """Inner products of each subject's weighted sum of term rows with the term rows of all items.

    Args:
        starts: (n + 1,) int64.
        items: int32, ascending within a subject.
        weights: float32, one per item.
        term_starts: (items + 1,) int64.
        terms: int32, terms of each item.
        term_weights: float32.
        holder_starts: (terms + 1,) int64.
        holders: int32, items with each term.
        holder_weights: float32.
        rows: (n, items) float32, out.
    """
    term_count = len(holder_starts) - 1
    profile = np.zeros(term_count, np.float64)
    in_profile = np.zeros(term_count, np.uint8)
    touched = np.empty(term_count + 1, np.int32)
    totals = np.zeros(rows.shape[1], np.float64)
    for s in range(len(rows)):
        count = 0
        for e in range(starts[s], starts[s + 1]):
            weight = np.float64(weights[e])
            if not weight > 0:
                continue
            for z in range(term_starts[items[e]], term_starts[items[e] + 1]):
                t = terms[z]
                touched[count] = t
                count += in_profile[t] == 0
                in_profile[t] = 1
                profile[t] += weight * np.float64(term_weights[z])
        for z in range(count):
            t = touched[z]
            for x in range(holder_starts[t], holder_starts[t + 1]):
                totals[holders[x]] += profile[t] * np.float64(holder_weights[x])
            profile[t] = 0.0
            in_profile[t] = 0
        row = rows[s]
        for j in range(len(row)):
            row[j] = totals[j]
            totals[j] = 0.0


@njit(**EXACT)
def closest_terms(starts, items, weights, term_starts, terms, term_weights, asked_starts, asked, out):
    """For each asked item the history item whose weighted term row has the largest product with its own; -1 for none.

    The terms of an item ascend.
    """
    for s in range(len(asked_starts) - 1):
        for c in range(asked_starts[s], asked_starts[s + 1]):
            best = 0.0
            out[c] = -1
            for e in range(starts[s], starts[s + 1]):
                part = 0.0
                x, end = term_starts[asked[c]], term_starts[asked[c] + 1]
                for z in range(term_starts[items[e]], term_starts[items[e] + 1]):
                    while x < end and terms[x] < terms[z]:
                        x += 1
                    if x < end and terms[x] == terms[z]:
                        part += np.float64(term_weights[x]) * np.float64(term_weights[z])
                part *= np.float64(weights[e])
                if part > best:
                    best = part
                    out[c] = items[e]
