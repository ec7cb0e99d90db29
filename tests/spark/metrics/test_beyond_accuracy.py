"""Exposure, novelty, shares and overlap: paper answers, then the slow references on random and degenerate lists."""

from collections import Counter

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.metrics.beyond_accuracy import score_exposure, score_novelty, score_overlap, share_by_source
from shortlist.metrics.evaluation import beyond_accuracy_rows
from tests.spark.metrics.references import gini, rank_biased_overlap
from tests.spark.metrics.test_ranking import Lists, as_dict, list_frame


def item_frame(spark: SparkSession, items: list[str]) -> DataFrame:
    return spark.createDataFrame([(item,) for item in items], "item_id string")


def per_k(scored: DataFrame) -> dict[tuple[int, str], float | None]:
    return {(row.k, row.metric): row.value for row in scored.collect()}


def test_score_exposure__by_hand(spark: SparkSession) -> None:
    # Shown at k=2: a 3, b 1; at k=1: a 2. The catalogue has a, b, c, d; x is shown but not in it.
    lists = list_frame(spark, {"u": ["a", "b"], "v": ["a", "x"], "w": ["x", "a"]})
    values = per_k(score_exposure(lists, item_frame(spark, ["a", "b", "c", "d", "d"]), [1, 2]))
    assert values == pytest.approx(
        {
            (1, "catalogue_coverage"): 1 / 4, (1, "exposure_gini"): 3 / 4, (1, "top_item_share"): 2 / 3,
            # Ascending 0, 0, 1, 3: (2*4-5)*3 + (2*3-5)*1 = 10, over n * sum = 16.
            (2, "catalogue_coverage"): 2 / 4, (2, "exposure_gini"): 10 / 16, (2, "top_item_share"): 3 / 6,
        }
    )  # fmt: skip


def test_score_exposure__degenerate(spark: SparkSession) -> None:
    nothing, lists = list_frame(spark, {}), list_frame(spark, {"u": ["a"], "v": ["b"]})
    neither = per_k(score_exposure(nothing, item_frame(spark, []), [5]))
    assert neither == {(5, "catalogue_coverage"): None, (5, "exposure_gini"): None, (5, "top_item_share"): 0.0}
    empty_lists = per_k(score_exposure(nothing, item_frame(spark, ["a", "b"]), [5]))
    assert empty_lists == {(5, "catalogue_coverage"): 0.0, (5, "exposure_gini"): 0.0, (5, "top_item_share"): 0.0}
    empty_catalogue = per_k(score_exposure(lists, item_frame(spark, []), [5]))
    assert empty_catalogue == {(5, "catalogue_coverage"): None, (5, "exposure_gini"): None, (5, "top_item_share"): 0.5}


def test_score_exposure__agrees_with_the_reference(spark: SparkSession) -> None:
    rng = np.random.default_rng(11)
    catalogue = [f"i{n:02d}" for n in range(40)]
    weights = 1 / np.arange(1, 41)
    lists: Lists = {
        f"s{n}": [
            catalogue[i] for i in rng.choice(40, size=int(rng.integers(0, 9)), replace=False, p=weights / weights.sum())
        ]
        for n in range(60)
    }
    values = per_k(score_exposure(list_frame(spark, lists), item_frame(spark, catalogue), [1, 4, 20]))
    for k in (1, 4, 20):
        places = Counter(item for items in lists.values() for item in items[:k])
        assert values[k, "catalogue_coverage"] == pytest.approx(len(places) / 40)
        assert values[k, "exposure_gini"] == pytest.approx(gini([places[item] for item in catalogue]))
        assert values[k, "top_item_share"] == pytest.approx(max(places.values()) / places.total())


def test_share_by_source__by_hand(spark: SparkSession) -> None:
    lists = spark.createDataFrame(
        [("u", 1, "a", "als"), ("u", 2, "b", "als"), ("v", 1, "a", "popular"), ("v", 2, "c", "als")],
        "subject_id string, rank int, item_id string, source string",
    )
    rows = {(row.source, row.metric, row.rows, row.value) for row in share_by_source(lists).collect()}
    assert rows == {("als", "source_share", 3, 0.75), ("popular", "source_share", 1, 0.25)}
    assert share_by_source(lists.limit(0)).collect() == []


def test_score_novelty__by_hand(spark: SparkSession) -> None:
    lists = list_frame(spark, {"u": ["everybody", "quarter", "nobody"], "v": ["quarter"]})
    popularity = spark.createDataFrame(
        [("everybody", 8), ("quarter", 2), ("unlisted", 1)], "item_id string, subjects bigint"
    )
    values = as_dict(score_novelty(lists, popularity, people=8, ks=[1, 3]))
    # 0, 2 and (nobody counts as one person in eight) 3 bits.
    assert values == pytest.approx(
        {("u", 1, "novelty"): 0.0, ("u", 3, "novelty"): 5 / 3, ("v", 1, "novelty"): 2.0, ("v", 3, "novelty"): 2.0}
    )
    with pytest.raises(ValueError, match="people 0: novelty is relative to"):
        score_novelty(lists, popularity, people=0, ks=[1])


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


def test_beyond_accuracy_rows__a_row_for_each_source_metric_and_k(spark: SparkSession) -> None:
    lists = list_frame(spark, {"u": ["a", "b"], "v": ["a", "x"]}).withColumn("source", F.lit("blend"))
    lists = lists.unionByName(list_frame(spark, {"u": ["c"]}).withColumn("source", F.lit("als")))
    pairs = [("u", "a"), ("v", "a"), ("w", "b"), ("z", "b"), ("z", "a")]
    engaged = spark.createDataFrame(pairs, "user_id string, item_id string")
    found = beyond_accuracy_rows(lists, item_frame(spark, list("abcd")), engaged, 4, ["blend", "als"], [2], 7, 50)
    rows = {(row.source, row.metric): row for row in found.collect()}
    names = {"catalogue_coverage", "exposure_gini", "top_item_share", "novelty"}
    assert set(rows) == {(source, name) for source in ("blend", "als") for name in names}
    assert rows["blend", "catalogue_coverage"].value == 2 / 4
    assert rows["als", "catalogue_coverage"].value == 1 / 4
    # a: 3 of 4 people, b: 2 of 4, x and c: nobody counts as one.
    a, b, unknown = -np.log2(3 / 4), -np.log2(2 / 4), -np.log2(1 / 4)
    assert rows["blend", "novelty"].value == pytest.approx(((a + b) / 2 + (a + unknown) / 2) / 2)
    assert rows["als", "novelty"].value == pytest.approx(unknown)
    assert {(row.segment, row.k, row.without_list) for row in rows.values()} == {("all", 2, 0)}
    assert {source: rows[source, "exposure_gini"].subjects for source in ("blend", "als")} == {"blend": 2, "als": 1}
    assert rows["blend", "novelty"].ci_low is not None
    assert rows["blend", "exposure_gini"].ci_low is None
