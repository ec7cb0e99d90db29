"""Values of subjects from arrays, on paper; random lists are held against a slow reference in tests/spark/metrics."""

import numpy as np
import pytest

from shortlist.metrics.definitions import RANKING_METRICS, cutoffs_of
from shortlist.metrics.subject_values import (
    Listed,
    Wanted,
    cut_to,
    free_slots,
    novelty_values,
    ranking_values,
    use_values,
    without,
)


def listed(*lists: str) -> Listed:
    """One list for each subject, a letter an item."""
    rows = [(s, rank, ord(item)) for s, items in enumerate(lists) for rank, item in enumerate(items, start=1)]
    return Listed(*np.array(rows, np.int64).reshape(-1, 3).T)


def wanted(*sets: str, popularity: dict[str, int] | None = None) -> Wanted:
    known = popularity or {}
    rows = [(s, ord(item), known.get(item, 1)) for s, items in enumerate(sets) for item in items]
    return Wanted(*np.array(rows, np.int64).reshape(-1, 3).T)


def test_ranking_values__by_hand() -> None:
    # Found at ranks 2 and 4; nothing found; no list; nothing wanted; one item twice.
    asked, values = ranking_values(listed("abcd", "a", "", "a", "aab"), wanted("bdzz", "z", "ab", "", "ab"), 5, [2, 5])
    assert asked.tolist() == [3, 1, 2, 0, 2]
    ideal = 1 + 1 / np.log2(3)
    at_2 = dict(zip(RANKING_METRICS, values[0, :, 0], strict=True))
    assert at_2 == pytest.approx(
        {"recall": 1 / 3, "recall_capped": 1 / 2, "recall_stratified": 1 / 3, "precision": 1 / 2,
         "ndcg": (1 / np.log2(3)) / ideal, "hit_rate": 1.0, "mrr": 1 / 2, "map": 1 / 4}
    )  # fmt: skip
    at_5 = dict(zip(RANKING_METRICS, values[0, :, 1], strict=True))
    assert (at_5["recall"], at_5["precision"]) == (pytest.approx(2 / 3), pytest.approx(2 / 5))
    assert at_5["map"] == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert np.all(values[1:3] == 0)
    assert np.isnan(values[3]).all()
    assert values[4, RANKING_METRICS.index("recall"), 1] == 1.0
    assert values[4, RANKING_METRICS.index("map"), 1] == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_stratified_recall_counts_an_item_by_how_few_people_take_it() -> None:
    # Of items of 100, 4 and no people, which count 1/10, 1/2 and 1, the list of two has the first and, later, the second.
    found, wants = listed("axb", "c", "a"), wanted("abcc", "abc", "", popularity={"a": 100, "b": 4, "c": 0})
    _, values = ranking_values(found, wants, 3, [2, 3])
    stratified = values[:, RANKING_METRICS.index("recall_stratified")]
    assert stratified[:2] == pytest.approx(np.array([[0.1, 0.6], [1.0, 1.0]]) / 1.6)
    assert np.isnan(stratified[2]).all()


def test_stratified_recall_is_the_same_bits_whatever_numbers_items_have() -> None:
    rng = np.random.default_rng(4)
    items, popularity = np.arange(9), rng.integers(1, 1000, 9)
    values = set()
    for _ in range(20):
        number = rng.permutation(9)
        wants = Wanted(np.zeros(9, np.int64), number[items], popularity)
        _, found = ranking_values(Listed(np.zeros(3, np.int64), np.arange(1, 4), number[:3]), wants, 1, [3, 9])
        values.add(float(found[0, RANKING_METRICS.index("recall_stratified"), 0]))
    assert len(values) == 1


def test_ranking_values__without_any_rows() -> None:
    asked, values = ranking_values(listed(), wanted(), 2, [3])
    assert asked.tolist() == [0, 0]
    assert values.shape == (2, len(RANKING_METRICS), 1)
    assert np.isnan(values).all()


def test_use_values__by_hand() -> None:
    # Found at ranks 2 and 4 of five; nothing found; no list; nothing wanted.
    values = use_values(listed("abcde", "a", "", "ab"), wanted("bdzz", "z", "ab", ""), 4, [2, 5])
    assert values[:, 0].tolist() == [[2, 5], [1, 1], [0, 0], [2, 2]]
    assert values[:, 1].tolist() == [[1, 2], [0, 0], [0, 0], [0, 0]]
    assert use_values(listed(), wanted(), 2, [3]).tolist() == [[[0], [0]], [[0], [0]]]


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


def rows_of(found: Listed) -> list[tuple[int, int, int]]:
    return sorted(zip(found.subject.tolist(), found.rank.tolist(), found.item.tolist(), strict=True))


def test_without__what_is_left_moves_up() -> None:
    lists = Listed(np.array([1, 0, 0, 0, 1]), np.array([2, 3, 1, 2, 1]), np.array([7, 5, 4, 6, 4]))
    repeats = Wanted(np.array([0, 1, 2]), np.array([4, 7, 5]), np.zeros(3, np.int64))
    assert rows_of(without(lists, repeats)) == [(0, 1, 6), (0, 2, 5), (1, 1, 4)]
    nothing = Wanted(repeats.subject[:0], repeats.item[:0], repeats.popularity[:0])
    assert rows_of(without(lists, nothing)) == rows_of(lists)
    assert rows_of(without(Listed(repeats.subject[:0], repeats.subject[:0], repeats.item[:0]), repeats)) == []


def test_free_slots__what_holds_no_repeat_or_nothing() -> None:
    """Of four slots: two hold repeats; one does, and two are empty; all do; there is no list; none does."""
    lists, repeats = listed("abxy", "ax", "abcd", "", "wxyz"), wanted("abc", "a", "abcd", "a", "")
    assert free_slots(lists, repeats, 5, k=4, kept=0).tolist() == [2, 3, 0, 4, 4]
    # Where three are kept for others, a list of repeats had no right to more than one.
    assert free_slots(lists, repeats, 5, k=4, kept=3).tolist() == [3, 3, 3, 4, 4]


def test_cut_to__each_subject_has_its_own_length() -> None:
    lists = Listed(np.array([0, 0, 0, 1, 2]), np.array([1, 2, 3, 1, 1]), np.array([4, 5, 6, 4, 4]))
    assert rows_of(cut_to(lists, np.array([2, 0, 2]))) == [(0, 1, 4), (0, 2, 5), (2, 1, 4)]
