"""Standard scores, tied ranks, cuts and what a list is worth: by hand and against obvious references."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.kernels.ranking import (
    best_first,
    cut_lists,
    list_worth,
    standard_scores,
    take_turns,
    tied_ranks,
    weighted_sum,
)

NAN = float("nan")


def test_standard_scores__by_hand() -> None:
    # Subject 0: 1, 3 and a missing one; subject 1: all equal; subject 2: nothing known.
    scores = [[1.0, 3.0, NAN, 0.1, 0.1, 0.1, NAN]]
    assert standard_scores([0, 3, 6, 7], scores).tolist() == [[-1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]]


def test_tied_ranks__equal_scores_share_the_best_rank() -> None:
    scores = [[0.0, 5.0, 0.0, 5.0, NAN, NAN, 7.0, -0.0]]
    assert tied_ranks([0, 6, 8], scores).tolist() == [[2, 0, 2, 0, 4, 4, 0, 1]]
    assert tied_ranks([0, 2], [[0.0, -0.0]]).tolist() == [[0, 0]]


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.integers(0, 10**6))
def test_ranks_and_standard_scores_do_not_depend_on_the_order_of_candidates(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.choice([NAN, 0.0, 1.0, 2.0, 3.5], (2, 9)).astype(np.float32)
    ranks, standard = tied_ranks([0, 9], scores), standard_scores([0, 9], scores)
    for source in range(2):
        known = np.nan_to_num(scores[source], nan=-np.inf)
        assert ranks[source].tolist() == [(known > value).sum() for value in known]
        some = scores[source][~np.isnan(scores[source])].astype(np.float64)
        if len(some) and some.std():
            expected = np.nan_to_num((scores[source] - some.mean()) / some.std(), nan=0.0)
            np.testing.assert_allclose(standard[source], expected, rtol=1e-5, atol=1e-6)
    order = random.permutation(9)
    assert tied_ranks([0, 9], scores[:, order]).tolist() == ranks[:, order].tolist()
    np.testing.assert_allclose(standard_scores([0, 9], scores[:, order]), standard[:, order], atol=1e-6)


def test_best_first__of_equal_scores_the_first() -> None:
    # Two scores that float32 cannot tell apart.
    assert best_first([0, 4, 4, 7], [1.0, 2.0, 2.0, 3.0, 1.0, 1.0 + 1e-9, 1.0]).tolist() == [3, 1, 2, 0, 5, 4, 6]


def test_weighted_sum__does_not_depend_on_blocks() -> None:
    random = np.random.default_rng(0)
    rows, weights = random.standard_normal((7, 100)).astype(np.float32), random.random(7)
    whole = weighted_sum(rows, weights)
    np.testing.assert_allclose(whole, weights @ rows, rtol=1e-4, atol=1e-6)
    parts = [weighted_sum(rows[:, first : first + 7], weights) for first in range(0, 100, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_cut_lists__best_first_and_of_equal_scores_the_first() -> None:
    cut = cut_lists([0, 4, 4, 5], [1.0, 2.0, 2.0, 0.5, -1.0], 3)
    assert cut.listed.tolist() == [[1, 2, 0], [-1, -1, -1], [4, -1, -1]]
    assert cut.removed.shape == (3, 0)


def test_cut_lists__a_cap_takes_the_next_best_of_another_group() -> None:
    # Categories a a a b -, at most one of each; then creators as well.
    scores = [5.0, 4.0, 3.0, 2.0, 1.0]
    categories, creators = [0, 0, 0, 1, -1], [7, 8, 8, 7, 7]
    cut = cut_lists([0, 5], scores, 5, [categories], [1])
    assert cut.listed.tolist() == [[0, 3, 4, -1, -1]]
    assert cut.removed.tolist() == [[2]]
    both = cut_lists([0, 5], scores, 5, [categories, creators], [2, 1])
    assert both.listed.tolist() == [[0, 1, -1, -1, -1]]
    # Candidate 2 is left out by its category, which comes first; 3 and 4 by their creator.
    assert both.removed.tolist() == [[1, 2]]


def test_cut_lists__what_lies_below_a_full_list_is_not_counted_as_removed() -> None:
    cut = cut_lists([0, 4], [4.0, 3.0, 2.0, 1.0], 2, [[0, 1, 0, 0]], [1])
    assert cut.listed.tolist() == [[0, 1]]
    assert cut.removed.tolist() == [[0]]


def test_take_turns__by_their_shares() -> None:
    # Of subject 0 row 0 comes at .71, 2.14, 3.57, ... and row 1 at 1.67, 5, ... Subject 1 has no candidates. Subject 2 has row 0
    # alone, and nothing is known of its last candidate.
    scores = np.array([[1, 6, 5, 2, 4, 3, 1, 2, 2, NAN], [9, 1, 8, 2, 3, 4, NAN, NAN, NAN, NAN]])
    turns = take_turns([0, 6, 6, 10], scores, [[0.7, 0.3], [0.5, 0.5], [1.0, 0.0]])
    assert turns.numbers.tolist() == [1, 0, 2, 5, 3, 4, 2, 0, 1, 3]
    assert turns.rows.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert take_turns([0], np.empty((2, 0)), np.empty((0, 2))).numbers.tolist() == []


def test_take_turns__of_equal_turns_the_first_candidate() -> None:
    turns = take_turns([0, 3], [[1.0, 2.0, 3.0], [3.0, 2.0, 3.0]], [[0.5, 0.5]])
    # Candidates 0 and 2 are the best of a row each; 1 is second of row 0 and third of row 1.
    assert (turns.numbers.tolist(), turns.rows.tolist()) == ([0, 2, 1], [1, 0, 0])


def test_list_worth__by_hand() -> None:
    worth = list_worth([0, 4, 4, 6], [0.1, 0.9, 0.5, 0.5, 1.0, 1.0], [9.0, 1.0, 0.0, 2.0, 0.0, 3.0], 3)
    assert worth.gain.tolist() == [3.0, 0.0, 3.0]
    np.testing.assert_allclose(worth.dcg, [1.0 + 2.0 / np.log2(4), 0.0, 3.0 / np.log2(3)])


@settings(deadline=None, derandomize=True, max_examples=80)
@given(st.integers(0, 10**6), st.integers(1, 8))
def test_list_worth__equals_a_sort(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    starts = np.concatenate(([0], np.cumsum(random.integers(0, 12, 4))))
    scores, gains = random.integers(0, 4, starts[-1]), random.integers(0, 3, starts[-1])
    worth = list_worth(starts, scores, gains, k)
    places = cut_lists(starts, scores, k).listed
    for subject in range(4):
        order = sorted(range(starts[subject], starts[subject + 1]), key=lambda c: (-scores[c], c))[:k]
        assert [place for place in places[subject] if place >= 0] == order
        assert worth.gain[subject] == sum(gains[c] for c in order)
        assert worth.dcg[subject] == pytest.approx(sum(gains[c] / np.log2(r + 2) for r, c in enumerate(order)))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: tied_ranks([0, 2], [[1.0]]), "starts [0 2] do not cut 1 candidates; next: pass those of the same"),
        (lambda: standard_scores([0, 1], [[np.inf]]), "scores: inf at [0, 0]; next: give finite scores"),
        (lambda: cut_lists([0, 1], [NAN], 1), "scores: nan at [0]"),
        (lambda: cut_lists([0, 1], [1.0], 1, [[0]], [0]), "a cap is 0, at least 1 is needed"),
        (lambda: cut_lists([0, 1], [1.0], 1, [[0]], []), "groups, one row per cap, has shape (1, 1), (0, 1) is needed"),
        (lambda: cut_lists([0, 1], [1.0], 0), "k is 0, at least 1 is needed"),
        (lambda: take_turns([0, 1], [[1.0]], [[-0.5]]), "shares: -0.5 at [0, 0]"),
        (lambda: take_turns([0, 1], [[1.0]], [0.5]), "shares, one row per subject, has shape (1,), (1, 1) is needed"),
        (lambda: list_worth([0, 1], [1.0], [-1.0], 1), "gains: -1.0 at [0]"),
        (lambda: best_first([0, 1], [NAN]), "scores: nan at [0]"),
        (lambda: weighted_sum([[1.0]], [NAN]), "weights: nan at [0]"),
    ],
)
def test_ranking_refuses(call: Any, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        call()
