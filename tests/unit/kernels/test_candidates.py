"""Proposals, unions and scores of given candidates: by hand, and against dense float64 references written obviously."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shortlist.kernels.candidates import (
    best_of_entries,
    best_of_rows,
    first_allowed,
    gathered_products,
    gathered_values,
    largest_products,
    own_values,
    proposal_ranks,
    union_of,
)

NOTHING: tuple[list[int], list[int]] = ([0, 0], [])


def rows_of(pattern: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.concatenate(([0], np.cumsum(pattern.sum(1)))), np.nonzero(pattern)[1]


def test_best_of_rows__best_first_ties_to_the_smaller_index() -> None:
    scores = [[0.5, 2.0, 0.5, np.nan, 2.0, -1.0]]
    assert best_of_rows(scores, NOTHING, np.ones(6), 6).tolist() == [[1, 4, 0, 2, 5, -1]]
    assert best_of_rows(scores, NOTHING, np.ones(6), 3).tolist() == [[1, 4, 0]]
    assert best_of_rows(scores, NOTHING, np.ones(6), 6, floor=0.5).tolist() == [[1, 4, -1, -1, -1, -1]]


def test_best_of_rows__a_mask_is_of_one_subject_eligibility_of_all() -> None:
    scores = [[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]]
    assert best_of_rows(scores, ([0, 1, 1], [0]), [1, 0, 1], 2).tolist() == [[2, -1], [0, 2]]


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.integers(0, 10**6), st.sampled_from([1, 3, 40, 700]), st.sampled_from([1, 5, 100]))
def test_best_of_rows__equals_a_sort(seed: int, items: int, count: int) -> None:
    random = np.random.default_rng(seed)
    # Few different scores, so that there are ties at every rank; more items than the buffer has room for.
    scores = random.integers(-3, 50, (3, items)).astype(np.float32)
    masked, eligible = random.random((3, items)) < 0.2, random.random(items) < 0.8
    found = best_of_rows(scores, rows_of(masked), eligible, count, 0.0)
    for subject in range(3):
        allowed = np.flatnonzero(eligible & ~masked[subject] & (scores[subject] > 0))
        expected = sorted(allowed, key=lambda item: (-scores[subject, item], item))[:count]
        assert [item for item in found[subject] if item >= 0] == expected


def test_best_of_entries__own_values_above_0_only() -> None:
    entries = ([0, 4, 4], [0, 2, 3, 5])
    found = best_of_entries(entries, [1.0, 4.0, 0.0, 4.0], ([0, 1, 2], [0, 5]), np.ones(6), 3)
    assert found.tolist() == [[2, 5, -1], [-1, -1, -1]]
    assert best_of_entries(entries, [1, 4, 0, 4], ([0, 2, 2], [2, 2]), [1, 1, 1, 1, 1, 0], 1).tolist() == [[0], [-1]]


def test_first_allowed__one_order_for_all() -> None:
    found = first_allowed([4, 1, 0, 3], ([0, 1, 1], [1]), [1, 1, 1, 0, 1], 3)
    assert found.tolist() == [[4, 0, -1], [4, 1, 0]]


def test_union_of__distinct_and_ascending() -> None:
    union = union_of([[[5, 1, -1], [-1, -1, -1]], [[1, 7, 0], [2, -1, -1]]])
    assert union.indptr.tolist() == [0, 4, 5]
    assert union.indices.tolist() == [0, 1, 5, 7, 2]


def test_union_of__a_zero_is_an_item() -> None:
    assert union_of(np.zeros((1, 1, 1), np.int32)).indices.tolist() == [0]
    assert union_of(np.zeros((0, 2, 4), np.int32)).indptr.tolist() == [0, 0, 0]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10**6))
def test_union_of__equals_sets(seed: int) -> None:
    proposals = np.random.default_rng(seed).integers(-1, 9, (3, 4, 5))
    union = union_of(proposals)
    for subject in range(4):
        expected = sorted({int(item) for item in proposals[:, subject].ravel() if item >= 0})
        assert union.indices[union.indptr[subject] : union.indptr[subject + 1]].tolist() == expected


def test_proposal_ranks__where_in_each_list_a_candidate_was() -> None:
    proposals = [[[5, 1, -1], [-1, -1, -1]], [[1, 7, 0], [5, -1, -1]]]
    # Candidates 0, 1, 5, 7 of the first subject, 5 of the second.
    assert proposal_ranks(proposals, union_of(proposals)).tolist() == [[0, 2, 1, 0, 0], [3, 1, 0, 2, 1]]


def test_gathered__products_and_values() -> None:
    random = np.random.default_rng(0)
    queries, factors = (random.standard_normal((n, 7)).astype(np.float32) for n in (3, 20))
    wanted = random.random((3, 20)) < 0.5
    dense = queries.astype(np.float64) @ factors.astype(np.float64).T
    known = np.arange(20) != 4
    scores = gathered_products(queries, factors, known.astype(np.uint8), rows_of(wanted))
    expected = np.where(known, dense, np.nan)[wanted]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert np.isnan(scores).sum() == wanted[:, 4].sum() > 0
    np.testing.assert_array_equal(gathered_values(dense, rows_of(wanted)), dense[wanted].astype(np.float32))


def test_own_values__0_where_a_subject_has_none() -> None:
    entries, asked = ([0, 2, 3], [1, 4, 0]), ([0, 3, 5], [0, 1, 4, 0, 4])
    assert own_values(entries, [0.5, 2.0, 3.0], asked, 5).tolist() == [0.0, 0.5, 2.0, 3.0, 0.0]


def test_largest_products__names_who_counted_most() -> None:
    # Item 2 is beside 0, item 3 beside 1; a weight can turn it; nothing above 0 is nobody.
    vectors = np.array([[1, 0], [0, 1], [1, 0.1], [0, 2], [-1, -1]], np.float32)
    history, asked = ([0, 2], [0, 1]), ([0, 3], [2, 3, 4])
    assert largest_products(history, [1, 1], vectors, vectors, asked).tolist() == [0, 1, -1]
    assert largest_products(history, [1, 20], vectors, vectors, asked).tolist() == [1, 1, -1]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: best_of_rows([[1.0]], ([0, 1], [1]), [1], 1), "masked: row 0 holds index 1, allowed is 0 to 0"),
        (lambda: best_of_rows([[1.0]], NOTHING, [1, 1], 1), "eligible has shape (2,), (1) is needed"),
        (lambda: best_of_rows([[1.0]], NOTHING, [1], 0), "count is 0, at least 1 is needed"),
        (lambda: best_of_rows([[1.0]], ([0], []), [1], 1), "masked indptr has shape (1,), (2) is needed"),
        (lambda: best_of_entries(([0, 1], [0]), [], NOTHING, [1], 1), "values has shape (0,), (1) is needed"),
        (lambda: union_of([[1]]), "proposals has shape (1, 1)"),
        (lambda: proposal_ranks([[[1], [1]]], ([0, 1, 2], [1, 0])), "item 1 is proposed but not in the union"),
        (lambda: proposal_ranks([[[1]]], ([0, 1], [0])), "item 1 is proposed but not in the union"),
        (lambda: proposal_ranks([[[1]]], ([0, 1], [-1])), "union: row 0 holds index -1"),
        (lambda: own_values(NOTHING, [], ([0, 2], [1, 0]), 2), "candidates: row 0 holds 0 after 1"),
    ],
)
def test_candidates__refuses(call: Any, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        call()
