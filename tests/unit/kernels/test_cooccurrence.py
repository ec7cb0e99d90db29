"""Neighbours by eight measures: by hand, against dense float64 matrices, and the same however the rows are cut."""

import math
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shortlist.config import DIRECTED_MEASURES, WEIGHTED_MEASURES
from shortlist.kernels.arrays import Rows
from shortlist.kernels.cooccurrence import MEASURES, Cooccurrence, Totals, cooccur, item_rows, totals_of, x_log_x

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


Dense = tuple[NDArray[np.int64], NDArray[np.float64]]


def dense(
    baskets: Baskets,
    items: int,
    alpha: float,
    beta: float,
    weights: list[float] | None = None,
    distance_weights: list[float] | None = None,
    smoothing: float = 0.0,
) -> Dense:
    """Supports (items, items) and scores (measures, items, items) straight from the formulas; NaN without support."""
    weighing = np.ones(len(baskets)) if weights is None else np.array(weights)
    holds = np.zeros((len(baskets), items))
    # What a pair (i, j) counts in each basket, before its weight: 1, or less the further j comes after i.
    pairs = np.zeros((len(baskets), items, items))
    for row, basket in enumerate(baskets):
        holds[row, basket] = 1
        for one, i in enumerate(basket):
            for other, j in enumerate(basket):
                if distance_weights is None:
                    pairs[row, i, j] = 1
                elif other > one:
                    pairs[row, i, j] = distance_weights[other - one - 1]
    follows = np.zeros(pairs.shape, bool)
    for row, basket in enumerate(baskets):
        for one, i in enumerate(basket):
            follows[row, i, basket[one + 1 :] if distance_weights is not None else basket] = True
    supports = follows.sum(0)
    together = np.einsum("b,bij->ij", weighing, pairs)
    sizes, total = weighing @ holds, weighing.sum()
    walk = np.einsum("b,bij->ij", weighing * np.maximum(holds.sum(1), 1) ** -alpha, pairs)
    # What else lies in the baskets of an item, and what an item is of all that lies in baskets.
    company, share = (weighing * (holds.sum(1) - 1)) @ holds, sizes / max(sizes.sum(), 1e-9)
    scores = np.full((len(ALL), items, items), np.nan)
    for i, j in zip(*np.nonzero(supports), strict=True):
        both, one, other = together[i, j], sizes[i], sizes[j]
        scores[:, i, j] = (
            both,
            both / math.sqrt(one * other),
            both / (one + other - both) if distance_weights is None else np.nan,
            both * total / (one * other),
            (math.log(both * total / (one * other)) / -math.log(both / total) if both < total else 1)
            if distance_weights is None
            else np.nan,
            g_squared(both, one, other, total) if distance_weights is None and weights is None else np.nan,
            walk[i, j] * one**-alpha * other**-beta,
            math.log((both + smoothing) / (company[i] * share[j] + smoothing))
            if distance_weights is None and i != j
            else np.nan,
        )
    return supports.astype(np.int64), scores


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
    result = cooccur(packed(HAND), 5, ALL, 4, alpha=1, beta=0.5, smoothing=1)
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
            # Beside item 0 lie 1 + 2 + 1 items, of which 2 of 9 are item 2 by chance.
            "log_lift": math.log((2 + 1) / (4 * 2 / 9 + 1)),
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


def assert_equal_to_dense(
    result: Cooccurrence, measures: tuple[str, ...], reference: Dense, items: int, k: int, support: int
) -> None:
    supports, scores = reference
    for m, name in enumerate(measures):
        for i in range(items):
            found = listed(result, m, i)
            allowed = [j for j in range(items) if j != i and supports[i, j] >= support]
            assert len(found) == min(k, len(allowed))
            assert all(j in allowed and both == supports[i, j] for j, _, both in found)
            expected = scores[ALL.index(name), i]
            best = sorted(expected[allowed], reverse=True)[: len(found)]
            assert [score for _, score, _ in found] == pytest.approx(best, rel=1e-6, abs=1e-9), name
            for j, score, _ in found:
                assert score == pytest.approx(expected[j], rel=1e-6, abs=1e-9), name
            keys = [(-score, j) for j, score, _ in found]
            assert all(one < other for one, other in pairwise(keys)), f"{name}: order or tie broken in {found}"


SORTED = st.lists(st.sets(st.integers(0, 8)).map(sorted), max_size=14)
EXPONENTS = st.sampled_from([0.0, 0.5, 1.0, 2.0])


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    SORTED,
    st.integers(1, 12),
    st.integers(1, 3),
    EXPONENTS,
    st.sampled_from([0.0, 0.6]),
    st.sampled_from([0.0, 0.5, 10.0]),
)
@example(HAND, 12, 1, 1.0, 0.0, 0.0)
def test_cooccur__equals_the_formulas(
    baskets: Baskets, k: int, support: int, alpha: float, beta: float, smoothing: float
) -> None:
    result = cooccur(packed(baskets), 9, ALL, k, support, alpha=alpha, beta=beta, smoothing=smoothing)
    assert_equal_to_dense(result, ALL, dense(baskets, 9, alpha, beta, smoothing=smoothing), 9, k, support)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(SORTED, st.integers(1, 12), st.integers(1, 3), EXPONENTS, st.data())
def test_cooccur__weighted_equals_the_formulas(
    baskets: Baskets, k: int, support: int, alpha: float, data: st.DataObject
) -> None:
    eighths = st.integers(1, 16).map(lambda n: n / 8)
    weights = data.draw(st.lists(eighths, min_size=len(baskets), max_size=len(baskets)))
    result = cooccur(
        packed(baskets), 9, WEIGHTED_MEASURES, k, support, alpha=alpha, basket_weights=weights, smoothing=0.5
    )
    expected = dense(baskets, 9, alpha, 0.0, weights, smoothing=0.5)
    assert_equal_to_dense(result, WEIGHTED_MEASURES, expected, 9, k, support)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 8), unique=True), max_size=14),
    st.integers(1, 12),
    st.integers(1, 3),
    EXPONENTS,
    st.sampled_from([1.0, 0.5]),
    st.booleans(),
    st.data(),
)
def test_cooccur__directed_equals_the_formulas(
    baskets: Baskets, k: int, support: int, alpha: float, decay: float, weighted: bool, data: st.DataObject
) -> None:
    distance_weights = [decay**distance for distance in range(8)]
    weights = [data.draw(st.sampled_from([0.5, 1.0])) for _ in baskets] if weighted else None
    measures = DIRECTED_MEASURES
    result = cooccur(
        packed(baskets), 9, measures, k, support, alpha=alpha, distance_weights=distance_weights, basket_weights=weights
    )
    assert_equal_to_dense(result, measures, dense(baskets, 9, alpha, 0.0, weights, distance_weights), 9, k, support)


def test_cooccur__directed_by_hand() -> None:
    # 2 then 0 then 1; and 0 then 1: 1 follows 0 twice, at distance 1; 2 is followed by 0 at 1 and by 1 at distance 2.
    result = cooccur(packed([[2, 0, 1], [0, 1]]), 3, ["count", "cosine"], 3, distance_weights=[1.0, 0.25])
    assert [listed(result, 0, item) for item in range(3)] == [[(1, 2, 2)], [], [(0, 1, 1), (1, 0.25, 1)]]
    assert listed(result, 1, 0) == [(1, 1.0, 2)]
    assert listed(result, 1, 2) == [(0, pytest.approx(1 / math.sqrt(2)), 1), (1, pytest.approx(0.25 / math.sqrt(2)), 1)]


def test_cooccur__weights_by_hand() -> None:
    # Items 0 and 1 share a basket of weight 1 and one of 1/4; 0 is in another of 1/2; all baskets weigh 2.
    result = cooccur(
        packed([[0, 1], [0, 1], [0], []]), 2, WEIGHTED_MEASURES, 1, basket_weights=[1, 0.25, 0.5, 0.25], beta=1
    )
    found = {name: listed(result, m, 0) for m, name in enumerate(WEIGHTED_MEASURES)}
    assert found == {
        "count": [(1, 1.25, 2)],
        "cosine": [(1, pytest.approx(1.25 / math.sqrt(1.75 * 1.25)), 2)],
        "jaccard": [(1, pytest.approx(1.25 / 1.75), 2)],
        "lift": [(1, pytest.approx(1.25 * 2 / (1.75 * 1.25)), 2)],
        "npmi": [(1, pytest.approx(math.log(1.25 * 2 / (1.75 * 1.25)) / -math.log(1.25 / 2)), 2)],
        "rp3beta": [(1, pytest.approx((1 / 2 + 0.25 / 2) / 1.75 / 1.25), 2)],
        # Beside item 0 lies 1 + 1/4, and item 1 is 1.25 of all 3 that lie in baskets.
        "log_lift": [(1, pytest.approx(math.log(1.25 / (1.25 * 1.25 / 3))), 2)],
    }


def test_cooccur__what_is_in_large_baskets_does_not_go_together_for_that() -> None:
    # Items 0 and 1 are together in the large baskets alone, as any two items of these are; 2 and 3 choose each other.
    large = [[0, 1, *range(4, 14)], [0, 4, *range(14, 24)], [1, 5, *range(14, 24)], [0, 1, 6, *range(14, 24)]]
    small = [[2, 3]] * 2 + [[2], [3], [7], [8], [9], [10]]
    result = cooccur(packed([*large, *small]), 24, ["lift", "log_lift"], 24, 2)
    of_lift = {item: score for item, score, _ in listed(result, 0, 0)}
    of_log_lift = {item: score for item, score, _ in listed(result, 1, 0)}
    assert of_lift[1] == pytest.approx(2 * 12 / (3 * 3))
    assert of_log_lift[1] == pytest.approx(math.log(2 / (34 * 3 / 59)))
    assert listed(result, 1, 2) == [(3, pytest.approx(math.log(2 / (2 * 3 / 59))), 2)]


def test_cooccur__a_pair_that_was_hardly_seen_is_held_down_and_one_below_the_least_lift_is_none() -> None:
    # Beside item 0 in 26 baskets of two: item 1 twenty times, item 2 six times, which nobody else has; 1 is in 20 others.
    baskets: Baskets = [[0, 1]] * 20 + [[0, 2]] * 6 + [[1, 3]] * 20
    order = [
        [item for item, _, _ in listed(cooccur(packed(baskets), 4, ["log_lift"], 3, smoothing=smoothing), 0, 0)]
        for smoothing in (0, 100)
    ]
    assert order == [[2, 1], [1, 2]]
    lift = 20 / (26 * 40 / 92)
    for least, kept in ((lift - 1e-9, [2, 1]), (lift + 1e-9, [2])):
        result = cooccur(packed(baskets), 4, ["log_lift"], 3, least_lift=least)
        assert [item for item, _, _ in listed(result, 0, 0)] == kept


def assert_same(one: Cooccurrence, other: Cooccurrence) -> None:
    for name in Cooccurrence._fields:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_cooccur__weights_of_one_change_nothing() -> None:
    plain = cooccur(packed(HAND), 5, WEIGHTED_MEASURES, 4, beta=0.5)
    assert_same(cooccur(packed(HAND), 5, WEIGHTED_MEASURES, 4, beta=0.5, basket_weights=[1] * 5), plain)


@pytest.mark.parametrize("kind", ["plain", "weighted", "directed"])
def test_cooccur__cut_anywhere_and_from_the_baskets_that_hold_a_row(kind: str) -> None:
    random = np.random.default_rng(11)
    baskets: Baskets = [sorted(random.choice(300, random.integers(0, 30), replace=False).tolist()) for _ in range(400)]
    given: dict[str, Any] = {"beta": 0.3}
    weights = random.integers(1, 9, len(baskets)) / 8
    measures = ALL
    if kind == "weighted":
        given, measures = {**given, "basket_weights": weights}, WEIGHTED_MEASURES
    if kind == "directed":
        given, measures = {**given, "distance_weights": 0.8 ** np.arange(30)}, DIRECTED_MEASURES
    rows = packed(baskets)
    whole = cooccur(rows, 300, measures, 20, 2, **given)
    assert whole.counts.max() == 20
    totals = totals_of(rows, 300, weights if kind == "weighted" else None)
    parts = []
    for first, last in pairwise((0, 0, 1, 137, 300)):
        here = [b for b, basket in enumerate(baskets) if any(first <= item < last for item in basket)]
        some = {**given, "basket_weights": weights[here]} if kind == "weighted" else given
        kept = packed([baskets[b] for b in here])
        parts.append(cooccur(kept, 300, measures, 20, 2, **some, first_item=first, last_item=last, totals=totals))
    assert_same(
        Cooccurrence(
            *(np.concatenate([getattr(part, name) for part in parts], axis=1) for name in Cooccurrence._fields)
        ),
        whole,
    )


def test_cooccur__long_lists_are_selected_as_if_sorted() -> None:
    # 2,000 neighbours for a list of 3: the buffer fills and is cut many times; scores rise, then fall.
    baskets: Baskets = [[0, item] for item in range(1, 2001) for _ in range(1 + min(item, 2001 - item) // 500)]
    # Backwards, the smaller of equal indices come last, when the threshold stands at their score.
    for ordered in (baskets, baskets[::-1]):
        result = cooccur(packed(ordered), 2001, ["count", "lift"], 3)
        assert listed(result, 0, 0) == [(1000, 3, 3), (1001, 3, 3), (500, 2, 2)]
        # Whoever is found with item 0 is found with nothing else: lift is the same for all, and the smallest index wins.
        assert [item for item, _, _ in listed(result, 1, 0)] == [1, 2, 3]


def test_item_rows__by_hand() -> None:
    rows, places = item_rows(packed(HAND), 0, 5)
    assert rows.indptr.tolist() == [0, 3, 6, 8, 9, 9]
    assert rows.indices.tolist() == [0, 1, 3, 0, 1, 4, 1, 3, 4]
    assert places.tolist() == [0, 0, 0, 1, 1, 0, 2, 1, 1]
    rows, places = item_rows(packed(HAND), 2, 4)
    assert (rows.indptr.tolist(), rows.indices.tolist(), places.tolist()) == ([0, 2, 3], [1, 3, 4], [2, 1, 1])


def test_totals_of__by_hand() -> None:
    plain = totals_of(packed(HAND), 5)
    assert (plain.sizes.tolist(), plain.weight) == ([3, 3, 2, 1, 0], 5)
    weighted = totals_of(packed(HAND), 5, np.array([1, 0.5, 0.25, 1, 2]))
    assert (weighted.sizes.tolist(), weighted.weight) == ([2.5, 3.5, 1.5, 2, 0], 4.75)


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
        ({"alpha": math.nan}, "alpha is nan, a finite number of at least 0 is needed"),
        ({"beta": -1.0}, "beta is -1.0, a finite number of at least 0 is needed"),
        ({"first_item": 3, "last_item": 2}, "rows 3 to 2 are asked for; next: stay within 0 to 5"),
        ({"last_item": 6}, "rows 0 to 6 are asked for; next: stay within 0 to 5"),
        ({"baskets": ([0, 2], [1, 1])}, "baskets: row 0 holds 1 after 1; next: sort the indices of each row and drop"),
        ({"baskets": ([0, 1], [5])}, "baskets: row 0 holds index 5, allowed is 0 to 4; next:"),
        (
            {"baskets": ([0, 3], [2, 1, 2]), "distance_weights": [1, 1]},
            "baskets: row 0 holds 2 after 2; next: sort the indices",
        ),
        ({"distance_weights": [1]}, "length of distance_weights is 1, at least 2 is needed"),
        ({"distance_weights": [1, -1]}, "distance_weights: -1.0 at [1] (1 such values), finite >= 0 is needed"),
        (
            {"distance_weights": [1, 1], "measures": ["count", "lift", "llr"]},
            "measures ['lift', 'llr'] have no meaning with a direct",
        ),
        ({"basket_weights": [1.0] * 5, "measures": ["llr"]}, "measures ['llr'] have no meaning with weighted baskets;"),
        ({"basket_weights": [1, 1, 0, 1, 1]}, "basket weights: 0.0 at [2] (1 such values), finite > 0 is needed"),
        ({"basket_weights": [1, 1]}, "basket weights has shape (2,), (5) is needed"),
        ({"totals": Totals(np.ones(4), 5)}, "sizes has shape (4,), (5) is needed"),
        ({"totals": Totals(np.full(5, np.nan), 5)}, "sizes: nan at [0] (5 such values), finite >= 0 is needed"),
    ],
)
def test_cooccur__refuses(changes: dict[str, object], error: str) -> None:
    arguments: dict[str, object] = {"baskets": packed(HAND), "item_count": 5, "measures": ["count"], "k": 1} | changes
    with pytest.raises(ValueError, match=re.escape(error)):
        cooccur(**arguments)  # type: ignore[arg-type]
