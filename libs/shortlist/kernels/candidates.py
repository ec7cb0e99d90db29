"""Proposals, their union and scores of given candidates: what every source does with its scores.

Rows of subjects are `Rows`: indptr and indices. What is compiled is given checked arrays only; the checks are linear in what
is passed, and item-side arrays are checked once, where they are made (`arrays.frozen`, `arrays.finite`).
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.kernels import candidates_loops as loops
from shortlist.kernels.arrays import (
    Floats,
    Indices,
    Rows,
    bounded_rows,
    checked_rows,
    frozen,
    require_count,
    require_shape,
)

Flags = NDArray[np.uint8]
EVERYTHING: Final = -np.inf


def flags(values: ArrayLike, count: int, name: str) -> Flags:
    """One uint8 for each item, 1 where something is so.

    Raises:
        ValueError: another shape.
    """
    array: Flags = frozen(np.asarray(values, np.uint8), np.uint8, name)
    require_shape(array, (count,), name)
    return array


def best_of_rows(
    scores: ArrayLike, masked: tuple[ArrayLike, ArrayLike], eligible: ArrayLike, count: int, floor: float = EVERYTHING
) -> Indices:
    """The best `count` eligible items of each row that are not masked; equal scores by ascending index.

    Args:
        scores: (n, items) float32; NaN is never proposed.
        masked: rows of what a subject must not be given.
        eligible: (items,), 1 where an item may be proposed.
        count: longest list.
        floor: only scores above it are proposed.

    Returns:
        (n, count) int32, -1 behind the last.

    Raises:
        ValueError: shapes that do not fit, a masked index out of range.
    """
    dense: Floats = frozen(scores, np.float32, "scores")
    require_shape(dense, (None, None), "scores")
    subjects, items = dense.shape
    barred = _rows_of(masked, subjects, items, "masked")
    out = _no_lists(subjects, count)
    loops.best_of_rows(dense, *barred, flags(eligible, items, "eligible"), np.float32(floor), out)
    return out


def best_of_entries(
    entries: tuple[ArrayLike, ArrayLike],
    values: ArrayLike,
    masked: tuple[ArrayLike, ArrayLike],
    eligible: ArrayLike,
    count: int,
) -> Indices:
    """As `best_of_rows` above 0, for subjects that have a value for few items: `entries` names them, ascending."""
    items = len(np.asarray(eligible))
    own = checked_rows(entries, items, "entries")
    subjects = len(own.indptr) - 1
    barred = checked_rows(masked, items, "masked", repeats=True)
    require_shape(barred.indptr, own.indptr.shape, "masked indptr")
    worth = _one_each(values, own, "values")
    out = _no_lists(subjects, count)
    loops.best_of_entries(*own, worth, *barred, flags(eligible, items, "eligible"), out)
    return out


def first_allowed(order: ArrayLike, masked: tuple[ArrayLike, ArrayLike], eligible: ArrayLike, count: int) -> Indices:
    """The first `count` eligible items of `order`, which is the same for all, that are not masked; (n, count)."""
    items = len(np.asarray(eligible))
    best = bounded_rows(([0, len(np.asarray(order))], order), items, "order").indices
    barred = bounded_rows(masked, items, "masked")
    out = _no_lists(len(barred.indptr) - 1, count)
    loops.first_allowed(best, *barred, flags(eligible, items, "eligible"), out)
    return out


def union_of(proposals: ArrayLike) -> Rows:
    """What any source proposes to a subject: distinct items, ascending.

    Args:
        proposals: (sources, n, count) int32, negative where there is none.
    """
    lists: Indices = frozen(proposals, np.int32, "proposals")
    require_shape(lists, (None, None, None), "proposals")
    starts, items = np.zeros(lists.shape[1] + 1, np.int64), np.empty(lists.size, np.int32)
    total = loops.union_rows(lists, starts, items)
    # A copy, so that the rest of the buffer is given back.
    return Rows(frozen(starts, np.int64, "starts"), frozen(items[:total].copy(), np.int32, "items"))


def proposal_ranks(proposals: ArrayLike, union: tuple[ArrayLike, ArrayLike]) -> Indices:
    """The rank at which each source proposed each candidate: (sources, C) int32, from 1; 0 where it did not.

    Args:
        proposals: (sources, n, count) int32, best first, negative behind the last; each item once in a list.
        union: what they propose to each subject, as `union_of` gives it.

    Raises:
        ValueError: a proposal that is not in the union.
    """
    lists: Indices = frozen(proposals, np.int32, "proposals")
    require_shape(lists, (None, None, None), "proposals")
    largest = max(int(lists.max(initial=-1)), int(np.max(union[1], initial=-1)))
    made = _rows_of(union, lists.shape[1], largest + 1, "union")
    ranks = np.zeros((len(lists), len(made.indices)), np.int32)
    missing = loops.proposal_ranks(lists, *made, np.full(largest + 1, -1, np.int64), ranks)
    if missing >= 0:
        raise ValueError(f"item {missing} is proposed but not in the union; next: pass the union of these proposals")
    return ranks


def gathered_products(
    queries: ArrayLike, factors: Floats, known: Flags, candidates: tuple[ArrayLike, ArrayLike]
) -> Floats:
    """The score of each candidate as `top_k` states it: summed in float64, rounded once; NaN for items without vector.

    Args:
        queries: (n, d) float32.
        factors: (items, d) float32.
        known: (items,), 1 where an item has a vector.
        candidates: rows of n subjects.
    """
    vectors: Floats = frozen(queries, np.float32, "queries")
    items: Floats = frozen(factors, np.float32, "factors")
    require_shape(vectors, (None, items.shape[1]), "queries")
    asked = _rows_of(candidates, len(vectors), len(items), "candidates")
    out = np.empty(len(asked.indices), np.float32)
    loops.gathered_products(vectors, items, flags(known, len(items), "known"), *asked, out)
    return out


def gathered_values(rows: ArrayLike, candidates: tuple[ArrayLike, ArrayLike]) -> Floats:
    """What (n, items) scores say of each candidate."""
    dense: Floats = frozen(rows, np.float32, "scores")
    require_shape(dense, (None, None), "scores")
    asked = _rows_of(candidates, len(dense), dense.shape[1], "candidates")
    out = np.empty(len(asked.indices), np.float32)
    loops.gathered_values(dense, *asked, out)
    return out


def own_values(
    entries: tuple[ArrayLike, ArrayLike], values: ArrayLike, candidates: tuple[ArrayLike, ArrayLike], items: int
) -> Floats:
    """The value that a subject itself has for each candidate, 0 where it has none."""
    own = checked_rows(entries, items, "entries")
    asked = checked_rows(candidates, items, "candidates")
    require_shape(asked.indptr, own.indptr.shape, "candidates indptr")
    out = np.empty(len(asked.indices), np.float32)
    loops.own_values(*own, _one_each(values, own, "values"), *asked, out)
    return out


def largest_products(
    history: tuple[ArrayLike, ArrayLike],
    weights: ArrayLike,
    inward: Floats,
    outward: Floats,
    candidates: tuple[ArrayLike, ArrayLike],
) -> Indices:
    """The history item whose weighted inner product with a candidate is largest, -1 where none is above 0.

    Args:
        history: rows of n subjects, ascending.
        weights: one per history item.
        inward: (items, d) float32, vectors of what was taken.
        outward: (items, d) float32, vectors of what is scored.
        candidates: rows of n subjects.
    """
    taken = checked_rows(history, len(inward), "history")
    asked = _rows_of(candidates, len(taken.indptr) - 1, len(outward), "candidates")
    out = np.empty(len(asked.indices), np.int32)
    vectors = (frozen(inward, np.float32, "inward"), frozen(outward, np.float32, "outward"))
    loops.largest_products(*taken, _one_each(weights, taken, "weights"), *vectors, *asked, out)
    return out


def _rows_of(rows: tuple[ArrayLike, ArrayLike], subjects: int, items: int, name: str) -> Rows:
    checked = bounded_rows(rows, items, name)
    require_shape(checked.indptr, (subjects + 1,), f"{name} indptr")
    return checked


def _one_each(values: ArrayLike, rows: Rows, name: str) -> Floats:
    array: Floats = frozen(values, np.float32, name)
    require_shape(array, rows.indices.shape, name)
    return array


def _no_lists(subjects: int, count: int) -> Indices:
    return np.full((subjects, require_count(count, 1, "count")), -1, np.int32)
