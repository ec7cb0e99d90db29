"""Figures of the search benchmark by hand."""

import math

import numpy as np
import polars as pl
import pytest

from infra.benchmarks.search import fields_of, figures, scorers, standardised, tuned_share
from shortlist.sources.batch import SubjectBatch

ITEMS = [f"i{number:02d}" for number in range(30)]


def scores_of(*orders: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Scores that rank these items first, in this order."""
    scores = np.zeros((len(orders), len(ITEMS)))
    for row, order in enumerate(orders):
        scores[row, order] = np.arange(len(order), 0, -1)
    return scores


def test_gains_are_grades_and_recall_counts_exact_answers() -> None:
    judged = [{"i00": 100.0, "i01": 10.0, "i29": 100.0}, {"i05": 10.0}]
    found = figures(scores_of([1, 0], [7, 5]), judged, ITEMS)
    gained = 10 + 100 / math.log2(3)
    ideal = 100 + 100 / math.log2(3) + 10 / math.log2(4)
    assert found[0] == pytest.approx([gained / ideal, 1 / 2])
    assert found[1, 0] == pytest.approx(1 / math.log2(3))
    assert np.isnan(found[1, 1])


def test_the_share_is_the_best_of_those_tried() -> None:
    judged = [{"i03": 100.0}]
    wrong, right = standardised(scores_of([1])), standardised(scores_of([3]))
    assert tuned_share(wrong, right, judged, ITEMS) > 1
    assert tuned_share(right, wrong, judged, ITEMS) == 0


def test_both_sources_answer_from_the_columns_that_there_are() -> None:
    products = pl.DataFrame({"title": ["Red shoe", "Blue hat", None], "brand": ["Acme", None, "Zenith"]})
    assert [weight for _, weight in fields_of(products, {"title": 5.0, "brand": 5.0, "color": 3.0})] == [5.0, 5.0]
    batch = SubjectBatch.of_texts(["red shoes", "zenit"])
    by_word, by_part = (scorer.prepare(batch) for scorer in scorers(products).values())
    assert by_word[0].argmax() == 0
    assert by_word[1].max() == 0
    assert by_part[1].argmax() == 2
