"""Exact lists of largest inner products: by hand, against all scores sorted, and at the edges of float32."""

import re
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shortlist.kernels.arrays import Floats
from shortlist.kernels.top_k import ITEMS_PER_TILE, QUERIES_PER_TILE, TopK, top_k

NOTHING = (np.zeros(2, np.int64), np.empty(0, np.int32))
INF = float("inf")


def all_sorted(
    queries: Floats, items: Floats, seen: list[list[int]], k: int, eligible: Iterable[int] | None = None
) -> list[list[int]]:
    """The same lists from every score in float64, for factors whose products are exact."""
    allowed = set(range(items.shape[1]) if eligible is None else eligible)
    lists = []
    for query, hidden in zip(queries.astype(np.float64), seen, strict=True):
        scores = query @ items.astype(np.float64)
        order = sorted(allowed - set(hidden), key=lambda item: (-scores[item], item))
        lists.append(order[:k])
    return lists


def packed(rows: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    indptr = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return indptr, np.array([index for row in rows for index in row], np.int32)


def lists_of(result: TopK) -> list[list[int]]:
    for items, scores, count in zip(*result, strict=True):
        assert (items[count:] == -1).all()
        assert (scores[count:] == -np.inf).all()
    return [items[:count].tolist() for items, count in zip(result.items, result.counts, strict=True)]


def test_top_k__by_hand() -> None:
    queries = np.array([[1, 2], [0, -1], [0, 0]], np.float32)
    items = np.array([[1, 0, 1, 3], [0, 1, 1, -1]], np.float32)
    # Scores: (1, 2, 3, 1), (0, -1, -1, 1), (0, 0, 0, 0).
    result = top_k(queries, items, [0, 1, 1, 2], [2, 0], 3)
    assert lists_of(result) == [[1, 0, 3], [3, 0, 1], [1, 2, 3]]
    assert result.scores.tolist() == [[2, 1, 1], [1, 0, -1], [0, 0, 0]]
    assert [array.dtype for array in result] == [np.int32, np.float32, np.int32]


def test_top_k__shorter_than_k() -> None:
    result = top_k([[1.0], [1.0]], [[3.0, 5.0]], [0, 1, 3], [1, 0, 1], 4)
    assert result.items.tolist() == [[0, -1, -1, -1], [-1] * 4]
    assert result.scores.tolist() == [[3, -INF, -INF, -INF], [-INF] * 4]
    assert result.counts.tolist() == [1, 0]


def test_top_k__negative_zero_ties_with_zero() -> None:
    # -1 x 0 is -0.0; item 0 must not lose to item 1 for it.
    result = top_k([[-1.0]], [[0.0, -0.0, 1.0]], *NOTHING, 2)
    assert result.items.tolist() == [[0, 1]]
    assert not np.signbit(result.scores).any()


@pytest.mark.parametrize("count", [0, 1])
def test_top_k__empty_sides(count: int) -> None:
    none = top_k(np.ones((count, 2), np.float32), np.empty((2, 0), np.float32), np.zeros(count + 1, np.int64), [], 3)
    assert none.items.shape == (count, 3)
    assert none.counts.tolist() == [0] * count
    assert top_k(np.empty((0, 2), np.float32), np.ones((2, 5), np.float32), [0], [], 3).scores.shape == (0, 3)


@settings(deadline=None, derandomize=True, max_examples=120)
@given(st.data())
def test_top_k__equals_all_scores_sorted(data: st.DataObject) -> None:
    queries, items, size, k = (data.draw(st.integers(1, most)) for most in (6, 90, 3, 100))
    # Few distinct small integers: products are exact and ties are everywhere.
    random = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    left = random.integers(-2, 3, (queries, size)).astype(np.float32)
    right = random.integers(-1, 2, (size, items)).astype(np.float32)
    seen = data.draw(
        st.lists(st.lists(st.integers(0, items - 1), max_size=items).map(sorted), min_size=queries, max_size=queries)
    )
    assert lists_of(top_k(left, right, *packed(seen), k)) == all_sorted(left, right, seen, k)


@pytest.mark.parametrize("k", [1, 7, 2000])
@pytest.mark.parametrize("items", [ITEMS_PER_TILE - 1, 2 * ITEMS_PER_TILE, 2 * ITEMS_PER_TILE + 65])
def test_top_k__across_tiles(items: int, k: int) -> None:
    random = np.random.default_rng(items + k)
    queries = QUERIES_PER_TILE + 3
    left = random.integers(-9, 10, (queries, 2)).astype(np.float32)
    right = random.integers(-9, 10, (2, items)).astype(np.float32)
    seen = [sorted(random.choice(items, 40, replace=False).tolist()) for _ in range(queries)]
    found = lists_of(top_k(left, right, *packed(seen), k))
    sample = [0, 5, QUERIES_PER_TILE - 1, QUERIES_PER_TILE, queries - 1]
    assert [found[q] for q in sample] == all_sorted(left[sample], right, [seen[q] for q in sample], k)


def test_top_k__only_eligible_items() -> None:
    queries = np.array([[1, 2], [0, -1], [0, 0]], np.float32)
    items = np.array([[1, 0, 1, 3], [0, 1, 1, -1]], np.float32)
    # As by hand above, without item 2; what is seen need not be eligible.
    result = top_k(queries, items, [0, 1, 3, 3], [1, 2, 3], 3, eligible=[0, 1, 3])
    assert lists_of(result) == [[0, 3], [0, 1], [0, 1, 3]]
    assert result.scores[:2].tolist() == [[1, 1, -INF], [0, -1, -INF]]
    assert top_k(queries, items, [0] * 4, [], 2, eligible=[]).counts.tolist() == [0, 0, 0]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.data())
def test_top_k__eligible_equals_all_scores_sorted(data: st.DataObject) -> None:
    items, k = data.draw(st.integers(1, 90)), data.draw(st.integers(1, 100))
    random = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    left = random.integers(-2, 3, (3, 2)).astype(np.float32)
    right = random.integers(-1, 2, (2, items)).astype(np.float32)
    some = st.lists(st.integers(0, items - 1), unique=True, max_size=items).map(sorted)
    eligible, seen = data.draw(some), data.draw(st.lists(some, min_size=3, max_size=3))
    found = lists_of(top_k(left, right, *packed(seen), k, eligible))
    assert found == all_sorted(left, right, seen, k, eligible)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999, 1.0])
def test_top_k__eligible_across_tiles(share: float) -> None:
    random = np.random.default_rng(11)
    items, queries = 4 * ITEMS_PER_TILE + 3, QUERIES_PER_TILE + 2
    left = random.integers(-9, 10, (queries, 2)).astype(np.float32)
    right = random.integers(-9, 10, (2, items)).astype(np.float32)
    eligible = np.flatnonzero(random.random(items) < share).tolist()
    # Tiles without gaps as well: with what lies between two of them seen.
    eligible = [item for item in eligible if not ITEMS_PER_TILE <= item < 2 * ITEMS_PER_TILE]
    seen = [sorted(random.choice(items, 60, replace=False).tolist()) for _ in range(queries)]
    found = lists_of(top_k(left, right, *packed(seen), 50, eligible))
    sample = [0, QUERIES_PER_TILE, queries - 1]
    assert [found[q] for q in sample] == all_sorted(left[sample], right, [seen[q] for q in sample], 50, eligible)


def test_top_k__vectors_that_are_not_eligible_do_not_matter() -> None:
    factors = np.array([[np.nan, 1.0, 3e38]], np.float32)
    assert top_k([[2.0]], factors, *NOTHING, 2, eligible=[1]).scores.tolist() == [[2, -INF]]


def test_top_k__rising_scores_empty_the_buffer_often() -> None:
    # Ascending scores beat the threshold every time: the worst case of the running selection.
    items = np.arange(20_000, dtype=np.float32)[None, :]
    result = top_k([[1.0], [-1.0]], items, np.zeros(3, np.int64), [], 5)
    assert result.items.tolist() == [[19999, 19998, 19997, 19996, 19995], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize("size", [1, 3, 64, 131])
def test_top_k__scores_are_rounded_once(size: int) -> None:
    random = np.random.default_rng(size)
    left, right = random.normal(size=(9, size)).astype(np.float32), random.normal(size=(size, 700)).astype(np.float32)
    once = (left.astype(np.float64) @ right.astype(np.float64)).astype(np.float32)
    order = np.argsort(-once, axis=1, kind="stable")[:, :50]
    result = top_k(left, right, np.zeros(10, np.int64), [], 50)
    assert (result.items == order).all()
    assert (result.scores == np.take_along_axis(once, order, axis=1)).all()


def test_top_k__many_items_within_rounding_of_each_other() -> None:
    # One vector, its last bits shaken: the matrix product cannot order these, and all of them are in reach of the k-th.
    random = np.random.default_rng(5)
    base = random.normal(size=(1, 64))
    right = (base * (1 + random.integers(-2, 3, (9_000, 64)) * 2.0**-24)).astype(np.float32).T
    left = random.normal(size=(3, 64)).astype(np.float32)
    once = (left.astype(np.float64) @ right.astype(np.float64)).astype(np.float32)
    result = top_k(left, right, np.zeros(4, np.int64), [], 20)
    assert (result.items == np.argsort(-once, axis=1, kind="stable")[:, :20]).all()


def test_top_k__does_not_depend_on_the_batch() -> None:
    random = np.random.default_rng(3)
    left = random.normal(size=(QUERIES_PER_TILE + 70, 37)).astype(np.float32)
    right = random.normal(size=(37, ITEMS_PER_TILE + 130)).astype(np.float32)
    right[:, -1] = right[:, 0]  # Equal vectors at both ends of the catalogue must tie to the last bit.
    whole = top_k(left, right, np.zeros(len(left) + 1, np.int64), [], right.shape[1])
    for q in (0, 1, 100, 255, 256, len(left) - 1):
        alone = top_k(left[q : q + 1], right, *NOTHING, right.shape[1])
        assert alone.items[0].tolist() == whole.items[q].tolist()
        assert alone.scores[0].tolist() == whole.scores[q].tolist()
        place = whole.items[q].tolist().index(0)
        assert whole.items[q, place + 1] == right.shape[1] - 1


def test_top_k__extreme_finite_scores_are_ranked() -> None:
    tiny, big = float(np.finfo(np.float32).smallest_subnormal), 3e38
    items = np.array([[0.0, tiny, -tiny, big, -big]], np.float32)
    assert top_k([[1.0]], items, *NOTHING, 5).items.tolist() == [[3, 1, 0, 2, 4]]


def test_top_k__leaves_the_arguments_alone() -> None:
    left, right = np.ones((1, 1), np.float32), np.ones((1, 3), np.float32)
    seen = np.array([0, 1], np.int64)
    top_k(left, right, seen, np.array([2], np.int32), 2)
    assert left.tolist() == [[1]]
    assert right.tolist() == [[1, 1, 1]]
    assert seen.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("eligible", "error"),
    [
        ([0, 2], "eligible: row 0 holds index 2, allowed is 0 to 1"),
        ([1, 0], "eligible: row 0 holds 0 after 1"),
        ([1, 1], "eligible: row 0 holds 1 after 1"),
        ([[0]], "eligible has shape (1, 1), (any) is needed"),
        ([0.5], "eligible has dtype float64, integers are needed"),
        ([0, 1], "item factors: item 1: nan at [0] (1 such values), finite is needed"),
    ],
)
def test_top_k__refuses_eligible(eligible: object, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        top_k([[1.0]], [[1.0, np.nan]], *NOTHING, 1, eligible)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("queries", "items", "seen", "k", "error"),
    [
        ([[np.nan]], [[1.0]], NOTHING, 1, "queries: nan at [0, 0] (1 such values), finite is needed; next:"),
        ([[1.0]], [[1.0, -np.inf]], NOTHING, 1, "item factors: -inf at [1, 0] (1 such values), finite is needed"),
        ([[1.0]], [[1.0], [1.0]], NOTHING, 1, "item factors, one row per item, has shape (1, 2), (any, 1) is"),
        ([1.0], [[1.0]], NOTHING, 1, "queries has shape (1,), (any, any) is needed"),
        ([[1.0]], [[1.0]], NOTHING, 0, "k is 0, at least 1 is needed"),
        ([[1.0]], [[1.0]], ([0], []), 1, "seen indptr has shape (1,), (2) is needed"),
        ([[1.0]], [[1.0, 2.0]], ([0, 1], [2]), 1, "seen: row 0 holds index 2, allowed is 0 to 1; next:"),
        ([[1.0]], [[1.0, 2.0]], ([0, 2], [1, 0]), 1, "seen: row 0 holds 0 after 1; next: sort the indices"),
        ([[1e20]], [[-1e19]], NOTHING, 1, "scores could reach 1e+39, beyond float32: the longest query is 1e+20"),
    ],
)
def test_top_k__refuses(queries: object, items: object, seen: tuple[object, object], k: int, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        top_k(queries, items, *seen, k)  # type: ignore[arg-type]
