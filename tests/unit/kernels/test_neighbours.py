"""Scores from the neighbours of what a user took: by hand and against dense matrices."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shortlist.kernels.neighbours import NeighbourScores, Scoring, score_neighbours

# Neighbours: 0 -> 2 (.5), 3 (.1); 1 -> 2 (.02), 3 (.4), 0 (.9); 2 -> nothing; 3 -> 0 (.25).
NEAR = (np.array([0, 2, 5, 5, 6]), np.array([2, 3, 2, 3, 0, 0]))
CLOSE = np.array([0.5, 0.1, 0.02, 0.4, 0.9, 0.25], np.float32)


def lists(result: NeighbourScores) -> list[list[Any]]:
    for items, scores, seeds, count in zip(*result, strict=True):
        assert (items[count:] == -1).all()
        assert (scores[count:] == -np.inf).all()
        assert (seeds[count:] == -1).all()
    parts = [result.items.tolist(), result.scores.tolist(), result.best_seeds.tolist()]
    return [list(zip(*(part[q][:count] for part in parts), strict=True)) for q, count in enumerate(result.counts)]


def test_score_neighbours__sum_by_hand() -> None:
    # Query 0 has seeds 0 (weight 1) and 1 (weight 2); query 1 none; query 2 a seed without neighbours; query 3 seed 3.
    result = score_neighbours(([0, 2, 2, 3, 4], [0, 1, 2, 3]), [1, 2, 9, 4], NEAR, CLOSE, 3, "sum")
    assert lists(result) == [
        [(3, pytest.approx(0.1 + 0.8), 1), (2, pytest.approx(0.5 + 0.04), 0)],
        [],
        [],
        [(0, 1.0, 3)],
    ]
    assert [array.dtype for array in result] == [np.int32, np.float32, np.int32, np.int32]


def test_score_neighbours__multi_hit_by_hand() -> None:
    # Item 2 by one strong seed, item 3 by two weak ones: the sum prefers 2, the booster 3.
    near = ([0, 2, 3, 3, 3], [2, 3, 3])
    close = [0.5, 0.2, 0.25]
    seeds = ([0, 2], [0, 1])
    assert lists(score_neighbours(seeds, [1, 1], near, close, 2, "sum")) == [[(2, 0.5, 0), (3, pytest.approx(0.45), 1)]]
    assert lists(score_neighbours(seeds, [1, 1], near, close, 2, "multi-hit")) == [
        [(3, pytest.approx((math.sqrt(0.2) + 0.5) ** 2), 1), (2, pytest.approx(0.5), 0)]
    ]


def test_score_neighbours__seen_is_masked_and_seeds_by_default() -> None:
    seeds = ([0, 1], [1])
    assert [item for item, _, _ in lists(score_neighbours(seeds, [1], NEAR, CLOSE, 4, "sum"))[0]] == [0, 3, 2]
    # With `seen` given, only that is masked: it holds the seeds too, where they must not come back.
    masked = score_neighbours(seeds, [1], NEAR, CLOSE, 4, "sum", ([0, 2], [0, 2]))
    assert lists(masked) == [[(3, pytest.approx(0.4), 1)]]
    everything = score_neighbours(seeds, [1], NEAR, CLOSE, 4, "sum", ([0, 4], [0, 1, 2, 3]))
    assert lists(everything) == [[]]


def test_score_neighbours__a_mask_ends_with_its_query() -> None:
    result = score_neighbours(([0, 1, 2], [1, 1]), [1, 1], NEAR, CLOSE, 1, "sum", ([0, 1, 1], [0]))
    assert [one[0][0] for one in lists(result)] == [3, 0]


def test_score_neighbours__ties_go_to_the_smaller_index() -> None:
    near = ([0, 3, 6, 6, 6, 6], [4, 2, 3, 3, 2, 4])
    result = score_neighbours(([0, 2], [0, 1]), [1, 1], near, np.full(6, 0.5), 2, "sum")
    assert lists(result) == [[(2, 1.0, 0), (3, 1.0, 0)]]


def test_score_neighbours__negative_similarities_count_in_a_sum() -> None:
    result = score_neighbours(([0, 2], [0, 1]), [1, 2], ([0, 1, 2, 2], [2, 2]), [0.5, -0.5], 1, "sum")
    assert lists(result) == [[(2, -0.5, 0)]]


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from(["sum", "multi-hit"]))
def test_score_neighbours__equals_dense(seed: int, k: int, scoring: Scoring) -> None:
    random = np.random.default_rng(seed)
    queries, items = random.integers(0, 5), random.integers(1, 10)
    taken, seen = (random.random((queries, items)) < share for share in (0.4, 0.3))
    similar = np.where(random.random((items, items)) < 0.5, random.integers(0, 5, (items, items)) / 4, -1)
    weights = (random.integers(1, 9, (queries, items)) / 2).astype(np.float32)
    result = score_neighbours(
        rows_of(taken), weights[taken], rows_of(similar >= 0), similar[similar >= 0], k, scoring, rows_of(seen)
    )
    for query, found in enumerate(lists(result)):
        parts = np.where(taken[query][:, None] & (similar >= 0), weights[query][:, None] * similar, -1.0)
        named = (parts >= 0).any(axis=0) & ~seen[query]
        present = np.maximum(parts, 0)
        scores = np.sqrt(present).sum(0) ** 2 if scoring == "multi-hit" else present.sum(0)
        best = sorted(scores[named], reverse=True)[:k]
        assert [score for _, score, _ in found] == pytest.approx(best, rel=1e-6)
        assert found == sorted(found, key=lambda entry: (-entry[1], entry[0]))
        for item, score, best_seed in found:
            assert named[item]
            assert score == pytest.approx(scores[item], rel=1e-6)
            assert best_seed == int(np.argmax(parts[:, item]))


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), max_size=6), min_size=6, max_size=6),
    st.lists(st.sets(st.integers(0, 5)).map(sorted), min_size=1, max_size=4),
    st.sampled_from(["sum", "multi-hit"]),
)
def test_score_neighbours__in_any_order_and_named_twice(
    near: list[list[tuple[int, int]]], seeds: list[list[int]], scoring: Scoring
) -> None:
    # (neighbour, similarity in quarters) as they come: out of order, twice, or not at all.
    indptr = np.cumsum([0, *map(len, near)])
    indices = [item for row in near for item, _ in row]
    close = [quarters / 4 for row in near for _, quarters in row]
    start = (np.cumsum([0, *map(len, seeds)]), [item for row in seeds for item in row])
    result = score_neighbours(start, np.ones(len(start[1])), (indptr, np.array(indices, int)), close, 9, scoring)
    for query, found in enumerate(lists(result)):
        totals: dict[int, float] = {}
        for seed in seeds[query]:
            for item, quarters in near[seed]:
                part = math.sqrt(quarters / 4) if scoring == "multi-hit" else quarters / 4
                totals[item] = totals.get(item, 0.0) + part
        scores = {item: total**2 if scoring == "multi-hit" else total for item, total in totals.items()}
        expected = {item: score for item, score in scores.items() if item not in seeds[query]}
        assert {item: score for item, score, _ in found} == pytest.approx(expected, rel=1e-6)
        assert [item for item, _, _ in found] == [
            item for _, item in sorted((-score, item) for item, score, _ in found)
        ]


def rows_of(pattern: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.concatenate(([0], np.cumsum(pattern.sum(1)))), np.nonzero(pattern)[1]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scoring": "max"}, "scoring 'max' is not known; next: choose from sum, multi-hit"),
        ({"k": 0}, "k is 0, at least 1 is needed"),
        ({"seed_weights": [0.0]}, "seed weights: 0.0 at [0] (1 such values), finite > 0 is needed; next:"),
        ({"seed_weights": [1, 2]}, "seed weights has shape (2,), (1) is needed"),
        ({"similarities": CLOSE[:2]}, "similarities has shape (2,), (6) is needed"),
        ({"similarities": -CLOSE}, "similarities: -0.5 at [0] (6 such values), finite >= 0 is needed"),
        ({"seeds": ([0, 1], [4])}, "seeds: row 0 holds index 4, allowed is 0 to 3"),
        ({"seen": ([0, 1, 1], [0])}, "seen indptr has shape (3,), (2) is needed"),
        ({"neighbours": ([0, 0, 6, 6, 6], [9] * 6)}, "neighbours: row 1 holds index 9, allowed is 0 to 3"),
        ({"seed_weights": [3e38], "similarities": CLOSE * 9}, "2 scores exceed float32; next: scale seed"),
    ],
)
def test_score_neighbours__refuses(changes: dict[str, object], error: str) -> None:
    arguments: dict[str, object] = {
        "seeds": ([0, 1], [1]), "seed_weights": [1.0], "neighbours": NEAR, "similarities": CLOSE, "k": 3,
        "scoring": "multi-hit",
    } | changes  # fmt: skip
    with pytest.raises(ValueError, match=re.escape(error)):
        score_neighbours(**arguments)  # type: ignore[arg-type]
