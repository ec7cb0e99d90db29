"""Neighbours by seven measures: by hand, against dense float64 matrices, and the same however the rows are cut."""

import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shortlist.kernels.arrays import Rows
from shortlist.kernels.cooccurrence import MEASURES, Cooccurrence, cooccur, transposed, x_log_x

ALL = tuple(MEASURES)
Baskets = list[list[int]]
# Items 0 to 4 are in 3, 3, 2, 1 and 0 of five baskets; {0, 1} and {0, 2} share two, {1, 2} and {1, 3} one.
HAND: Baskets = [[0, 1], [0, 1, 2], [], [0, 2], [1, 3]]


def packed(baskets: Baskets) -> Rows:
    indptr = np.cumsum([0, *map(len, baskets)]).astype(np.int64)
    return Rows(indptr, np.array([item for basket in baskets for item in basket], np.int32))


def listed(result: Cooccurrence, measure: int, row: int) -> list[Any]:
    count = result.counts[measure, row]
    for padded, filler in ((result.items, -1), (result.scores, -np.inf), (result.supports, 0)):
        assert (padded[measure, row, count:] == filler).all()
    parts = (part[measure, row, :count].tolist() for part in (result.items, result.scores, result.supports))
    return list(zip(*parts, strict=True))


def g_squared(both: float, one: float, other: float, baskets: float) -> float:
    """2 sum O ln(O / E) over the four cells, as in the paper; one-sided."""
    if both * baskets <= one * other:
        return 0.0
    rows, columns = (one, baskets - one), (other, baskets - other)
    observed = ((both, one - both), (other - both, baskets - one - other + both))
    return 2 * sum(
        observed[r][c] * math.log(observed[r][c] * baskets / (rows[r] * columns[c]))
        for r in (0, 1)
        for c in (0, 1)
        if observed[r][c]
    )


def dense(baskets: Baskets, items: int, alpha: float, beta: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Supports (items, items) and scores (measures, items, items) straight from the formulas; NaN without support."""
    holds = np.zeros((len(baskets), items))
    for row, basket in enumerate(baskets):
        holds[row, basket] = 1
    shared = holds.T @ holds
    sizes, total = holds.sum(0), len(baskets)
    walk = (holds.T * np.maximum(holds.sum(1), 1) ** -alpha) @ holds
    scores = np.full((len(ALL), items, items), np.nan)
    for i, j in zip(*np.nonzero(shared), strict=True):
        both, one, other = shared[i, j], sizes[i], sizes[j]
        scores[:, i, j] = (
            both,
            both / math.sqrt(one * other),
            both / (one + other - both),
            both * total / (one * other),
            math.log(both * total / (one * other)) / -math.log(both / total) if both < total else 1,
            g_squared(both, one, other, total),
            walk[i, j] * one**-alpha * other**-beta,
        )
    return shared.astype(np.int64), scores


def test_cooccur__counts_and_cosine_by_hand() -> None:
    result = cooccur(packed(HAND), 5, ["count", "cosine"], 3)
    assert [listed(result, 0, item) for item in range(5)] == [
        [(1, 2, 2), (2, 2, 2)],
        [(0, 2, 2), (2, 1, 1), (3, 1, 1)],
        [(0, 2, 2), (1, 1, 1)],
        [(1, 1, 1)],
        [],
    ]
    # 2 / sqrt(3 x 2) beats 2 / sqrt(3 x 3).
    assert listed(result, 1, 0) == [(2, pytest.approx(0.8164966), 2), (1, pytest.approx(2 / 3), 2)]
    assert [array.dtype for array in result] == [np.int32, np.float32, np.int32, np.int32]


def test_cooccur__every_measure_of_one_pair_by_hand() -> None:
    # Items 0 and 2: together in 2 of 5 baskets, alone 3 and 2; the shared baskets hold 3 and 2 items.
    result = cooccur(packed(HAND), 5, ALL, 4, alpha=1, beta=0.5)
    found = {name: {item: score for item, score, _ in listed(result, m, 0)}[2] for m, name in enumerate(ALL)}
    assert found == pytest.approx(
        {
            "count": 2,
            "cosine": 2 / math.sqrt(6),
            "jaccard": 2 / 3,
            "lift": 5 / 3,
            "npmi": math.log(5 / 3) / math.log(5 / 2),
            # Cells 2, 1, 0, 2 where 6/5, 9/5, 4/5, 6/5 are expected.
            "llr": 2 * (2 * math.log(5 / 3) + math.log(5 / 9) + 2 * math.log(5 / 3)),
            "rp3beta": (1 / 3 + 1 / 2) / 3 / math.sqrt(2),
        },
        rel=1e-6,
    )


def test_cooccur__independence_is_a_tie_at_zero() -> None:
    # Items 0, 1 and 2 are pairwise independent in these four baskets: 1 of 4 together, each in 2.
    result = cooccur(packed([[0, 1, 2], [0], [1], [2]]), 3, ["npmi", "llr"], 2)
    assert listed(result, 0, 2) == [(0, 0, 1), (1, 0, 1)]
    assert listed(result, 1, 0) == [(1, 0, 1), (2, 0, 1)]


@pytest.mark.parametrize(("one", "other"), [(2, 3), (2, 5), (3, 8), (5, 6)])
def test_cooccur__independence_never_shows_rounding(one: int, other: int) -> None:
    # Once together in one x other baskets is exactly independent; ln 1 + ln(6) - ln(2) - ln(3) is not exactly 0.
    alone = [[0]] * (one - 1) + [[1]] * (other - 1)
    baskets: Baskets = [[0, 1], *alone, *[[]] * (one * other - one - other + 1)]
    assert listed(cooccur(packed(baskets), 2, ["npmi"], 1), 0, 0) == [(1, 0, 1)]


def test_cooccur__always_together() -> None:
    result = cooccur(packed([[0, 1]] * 3), 2, ["npmi", "llr", "jaccard"], 1)
    assert [listed(result, m, 0) for m in range(3)] == [[(1, 1, 3)], [(1, 0, 3)], [(1, 1, 3)]]


def test_cooccur__min_support_filters_pairs() -> None:
    result = cooccur(packed(HAND), 5, ["lift"], 3, 2)
    assert [[item for item, _, _ in listed(result, 0, row)] for row in range(5)] == [[2, 1], [0], [0], [], []]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.sets(st.integers(0, 8)).map(sorted), max_size=14),
    st.integers(1, 12),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    st.sampled_from([0.0, 0.6]),
)
@example(HAND, 12, 1, 1.0, 0.0)
def test_cooccur__equals_the_formulas(baskets: Baskets, k: int, support: int, alpha: float, beta: float) -> None:
    result = cooccur(packed(baskets), 9, ALL, k, support, alpha=alpha, beta=beta)
    shared, scores = dense(baskets, 9, alpha, beta)
    for m, name in enumerate(ALL):
        for i in range(9):
            found = listed(result, m, i)
            allowed = [j for j in range(9) if j != i and shared[i, j] >= support]
            assert len(found) == min(k, len(allowed))
            assert all(j in allowed and both == shared[i, j] for j, _, both in found)
            best = sorted(scores[m, i, allowed], reverse=True)[: len(found)]
            assert [score for _, score, _ in found] == pytest.approx(best, rel=1e-6, abs=1e-9), name
            for j, score, _ in found:
                assert score == pytest.approx(scores[m, i, j], rel=1e-6, abs=1e-9), name
            keys = [(-score, j) for j, score, _ in found]
            assert all(one < other for one, other in pairwise(keys)), f"{name}: order or tie broken in {found}"


def test_cooccur__cut_anywhere_or_transposed_by_the_caller() -> None:
    random = np.random.default_rng(11)
    baskets: Baskets = [sorted(random.choice(300, random.integers(0, 30), replace=False).tolist()) for _ in range(400)]
    rows = packed(baskets)
    whole = cooccur(rows, 300, ALL, 20, 2, beta=0.3)
    assert whole.counts.max() == 20
    both_ways = transposed(rows, 300)
    cuts = (0, 0, 1, 137, 300)
    parts = [
        cooccur(rows, 300, ALL, 20, 2, beta=0.3, first_item=first, last_item=last, item_baskets=both_ways)
        for first, last in pairwise(cuts)
    ]
    for name in Cooccurrence._fields:
        joined = np.concatenate([getattr(part, name) for part in parts], axis=1)
        assert np.array_equal(joined, getattr(whole, name)), name


def test_cooccur__long_lists_are_selected_as_if_sorted() -> None:
    # 2,000 neighbours for a list of 3: the buffer fills and is cut many times; scores rise, then fall.
    baskets: Baskets = [[0, item] for item in range(1, 2001) for _ in range(1 + min(item, 2001 - item) // 500)]
    # Backwards, the smaller of equal indices come last, when the threshold stands at their score.
    for ordered in (baskets, baskets[::-1]):
        result = cooccur(packed(ordered), 2001, ["count", "lift"], 3)
        assert listed(result, 0, 0) == [(1000, 3, 3), (1001, 3, 3), (500, 2, 2)]
        # Whoever is found with item 0 is found with nothing else: lift is the same for all, and the smallest index wins.
        assert [item for item, _, _ in listed(result, 1, 0)] == [1, 2, 3]


def test_transposed__by_hand() -> None:
    by_item = transposed(packed(HAND), 5)
    assert by_item.indptr.tolist() == [0, 3, 6, 8, 9, 9]
    assert by_item.indices.tolist() == [0, 1, 3, 0, 1, 4, 1, 3, 4]


def test_x_log_x__by_hand() -> None:
    assert x_log_x(np.arange(4)) == pytest.approx([0, 0, 1.3862943611, 3.2958368660])


def test_cooccur__nothing_to_count() -> None:
    assert cooccur(packed([]), 2, ALL, 3).counts.tolist() == [[0, 0]] * len(ALL)
    assert cooccur(packed([[], []]), 0, ALL, 3).items.shape == (len(ALL), 0, 3)
    assert cooccur(packed([[0], [0]]), 1, ALL, 3).counts.tolist() == [[0]] * len(ALL)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"measures": ["cosine", "pmi"]}, "measures ['pmi'] are not known; next: choose from count, cosine, jaccard"),
        ({"measures": []}, "measures [] are not known; next:"),
        ({"k": 0}, "k is 0, at least 1 is needed"),
        ({"min_support": 0}, "min_support is 0, at least 1 is needed"),
        ({"alpha": math.nan}, "alpha is nan, a finite exponent of at least 0 is needed"),
        ({"beta": -1.0}, "beta is -1.0, a finite exponent of at least 0 is needed"),
        ({"first_item": 3, "last_item": 2}, "rows 3 to 2 are asked for; next: stay within 0 to 5"),
        ({"last_item": 6}, "rows 0 to 6 are asked for; next: stay within 0 to 5"),
        ({"baskets": ([0, 2], [1, 1])}, "baskets: row 0 holds 1 after 1; next: sort the indices of each row and drop"),
        ({"baskets": ([0, 1], [5])}, "baskets: row 0 holds index 5, allowed is 0 to 4; next:"),
        ({"item_baskets": ([0, 1], [0])}, "item baskets indptr has shape (2,), (6) is needed; next:"),
        ({"item_baskets": ([0] * 5 + [1], [5])}, "item baskets: row 4 holds index 5, allowed is 0 to 4"),
        ({"item_baskets": ([0] * 6, [])}, "item baskets indices has shape (0,), (9) is needed"),
    ],
)
def test_cooccur__refuses(changes: dict[str, object], error: str) -> None:
    arguments: dict[str, object] = {"baskets": packed(HAND), "item_count": 5, "measures": ["count"], "k": 1} | changes
    with pytest.raises(ValueError, match=re.escape(error)):
        cooccur(**arguments)  # type: ignore[arg-type]
