"""Values of subjects from arrays, on paper; random lists are held against a slow reference in tests/spark/metrics."""

import numpy as np
import pytest

from shortlist.metrics.definitions import RANKING_METRICS, cutoffs_of
from shortlist.metrics.subject_values import Listed, Wanted, novelty_values, ranking_values


def listed(*lists: str) -> Listed:
    """One list for each subject, a letter an item."""
    rows = [(s, rank, ord(item)) for s, items in enumerate(lists) for rank, item in enumerate(items, start=1)]
    return Listed(*np.array(rows, np.int64).reshape(-1, 3).T)


def wanted(*sets: str) -> Wanted:
    rows = [(s, ord(item)) for s, items in enumerate(sets) for item in items]
    return Wanted(*np.array(rows, np.int64).reshape(-1, 2).T)


def test_ranking_values__by_hand() -> None:
    # Found at ranks 2 and 4; nothing found; no list; nothing wanted; one item twice.
    asked, values = ranking_values(listed("abcd", "a", "", "a", "aab"), wanted("bdzz", "z", "ab", "", "ab"), 5, [2, 5])
    assert asked.tolist() == [3, 1, 2, 0, 2]
    ideal = 1 + 1 / np.log2(3)
    at_2 = dict(zip(RANKING_METRICS, values[0, :, 0], strict=True))
    assert at_2 == pytest.approx(
        {"recall": 1 / 3, "recall_capped": 1 / 2, "precision": 1 / 2, "ndcg": (1 / np.log2(3)) / ideal, "hit_rate": 1.0,
         "mrr": 1 / 2, "map": 1 / 4}
    )  # fmt: skip
    at_5 = dict(zip(RANKING_METRICS, values[0, :, 1], strict=True))
    assert (at_5["recall"], at_5["precision"]) == (pytest.approx(2 / 3), pytest.approx(2 / 5))
    assert at_5["map"] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert np.all(values[1:3] == 0)
    assert np.isnan(values[3]).all()
    assert values[4, RANKING_METRICS.index("recall"), 1] == 1.0
    assert values[4, RANKING_METRICS.index("map"), 1] == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_ranking_values__without_any_rows() -> None:
    asked, values = ranking_values(listed(), wanted(), 2, [3])
    assert asked.tolist() == [0, 0]
    assert values.shape == (2, len(RANKING_METRICS), 1)
    assert np.isnan(values).all()


def test_novelty_values__by_hand() -> None:
    # Eight people: all have engaged with the first item, two with the second, nobody (counts as one) with the third.
    values = novelty_values(listed("abc", "b", ""), np.array([8, 2, 0, 2]), 3, [1, 3]) + np.log2(8)
    assert values[:2] == pytest.approx(np.array([[0.0, 5 / 3], [2.0, 2.0]]))
    assert np.isnan(values[2]).all()


def test_lists_are_judged_up_to_their_k() -> None:
    assert cutoffs_of([5, 10, 20], 3) == (3,)
    assert cutoffs_of([5, 10, 20], 10) == (5, 10)
    assert cutoffs_of([20, 5], 12) == (5, 12)
    assert cutoffs_of([5, 10, 20], 50) == (5, 10, 20)
