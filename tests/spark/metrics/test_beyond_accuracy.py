"""Exposure, novelty, shares and overlap: paper answers, then the slow references on random and degenerate lists."""

import numpy as np
import pytest
from pyspark.sql import SparkSession

from shortlist.metrics.beyond_accuracy import score_overlap, share_by_source
from tests.spark.metrics.references import rank_biased_overlap
from tests.spark.metrics.test_ranking import Lists, as_dict, list_frame


def test_share_by_source__by_hand(spark: SparkSession) -> None:
    lists = spark.createDataFrame(
        [("u", 1, "a", "als"), ("u", 2, "b", "als"), ("v", 1, "a", "popular"), ("v", 2, "c", "als")],
        "subject_id string, rank int, item_id string, source string",
    )
    rows = {(row.source, row.metric, row.rows, row.value) for row in share_by_source(lists).collect()}
    assert rows == {("als", "source_share", 3, 0.75), ("popular", "source_share", 1, 0.25)}
    assert share_by_source(lists.limit(0)).collect() == []


def test_score_overlap__by_hand(spark: SparkSession) -> None:
    lists = list_frame(
        spark, {"same": ["a", "b"], "swapped": ["a", "b"], "disjoint": ["a"], "shorter": ["a"], "gone": ["a"]}
    )
    others = list_frame(
        spark, {"same": ["a", "b"], "swapped": ["b", "a"], "disjoint": ["b"], "shorter": ["a", "c"], "new": ["a"]}
    )
    values = as_dict(score_overlap(lists, others, [2], persistence=0.5))
    assert {subject: values[subject, 2, "overlap"] for subject, _, _ in values} == {
        "same": 1.0, "swapped": 1.0, "disjoint": 0.0, "shorter": 0.5
    }  # fmt: skip
    # p = 1/2, so (1-p)/p = 1. swapped: X = 0, 1*... agreement 0 at depth 1 and 2/2 at depth 2: 1/4, plus 2/2 * 1/4.
    # shorter (s=1, l=2): 1/1 * 1/2 + (1 + 1*1/1)/2 * 1/4, plus (0/2 + 1/1) * 1/4.
    assert {subject: values[subject, 2, "rank_biased_overlap"] for subject, _, _ in values} == pytest.approx(
        {"same": 1.0, "swapped": 0.5, "disjoint": 0.0, "shorter": 1.0}
    )


def test_score_overlap__agrees_with_the_reference(spark: SparkSession) -> None:
    rng = np.random.default_rng(5)
    items = [f"i{n}" for n in range(15)]
    sides: list[Lists] = [
        {f"s{n}": [items[i] for i in rng.permutation(15)[: rng.integers(1, 16)]] for n in range(80)} for _ in range(2)
    ]
    left_frame, right_frame = (list_frame(spark, side) for side in sides)
    values = as_dict(score_overlap(left_frame, right_frame, [1, 5, 30], persistence=0.8))
    assert len(values) == 80 * 3 * 2
    for subject in sides[0]:
        for k in (1, 5, 30):
            left, right = sides[0][subject][:k], sides[1][subject][:k]
            overlap = len(set(left) & set(right)) / max(len(left), len(right))
            assert values[subject, k, "overlap"] == pytest.approx(overlap)
            expected = rank_biased_overlap(left, right, 0.8)
            assert values[subject, k, "rank_biased_overlap"] == pytest.approx(expected, abs=1e-12)
            assert 0 <= values[subject, k, "rank_biased_overlap"] <= 1


@pytest.mark.parametrize("persistence", [0.0, 1.0, -0.5])
def test_score_overlap__refuses_persistence(spark: SparkSession, persistence: float) -> None:
    lists = list_frame(spark, {"u": ["a"]})
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        score_overlap(lists, lists, [1], persistence=persistence)
