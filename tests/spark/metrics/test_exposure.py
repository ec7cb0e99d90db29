"""Exposure: paper answers, then the slow reference on random lists, of several sources in one pass."""

from collections import Counter

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.metrics.exposure import count_exposure, score_exposure
from tests.spark.metrics.references import gini
from tests.spark.metrics.test_ranking import Lists, list_frame

COVERAGE, GINI, TOP, TEN = "catalogue_coverage", "exposure_gini", "top_item_lists", "top_ten_lists"


def item_frame(spark: SparkSession, items: list[str]) -> DataFrame:
    return spark.createDataFrame([(item,) for item in items], "item_id string")


def of_source(spark: SparkSession, lists: Lists, source: str = "blend") -> DataFrame:
    return list_frame(spark, lists).withColumn("source", F.lit(source))


def exposure(
    lists: DataFrame, catalogue: DataFrame, sources: list[str], ks: list[int]
) -> dict[tuple[str, int], dict[str, float | None]]:
    rows = lists.groupBy("source").agg(F.count_distinct("subject_id")).collect()
    counted = dict.fromkeys(sources, 0) | dict(map(tuple, rows))
    return score_exposure(count_exposure(lists, catalogue, sources, ks).collect(), sources, ks, counted)


def test_score_exposure__by_hand(spark: SparkSession) -> None:
    # Shown at k=2: a 3, b 1; at k=1: a 2. The catalogue has a, b, c, d; x is shown but not in it. als shows c alone.
    lists = of_source(spark, {"u": ["a", "b"], "v": ["a", "x"], "w": ["x", "a"]})
    lists = lists.unionByName(of_source(spark, {"u": ["c"]}, "als")).unionByName(
        of_source(spark, {"u": ["d"]}, "other")
    )
    found = exposure(lists, item_frame(spark, ["a", "b", "c", "d", "d"]), ["blend", "als", "none"], [1, 2])
    assert found["blend", 1] == pytest.approx({COVERAGE: 1 / 4, GINI: 3 / 4, TOP: 2 / 3, TEN: (2 + 1) / 2 / 3})
    # Ascending 0, 0, 1, 3: (2*4-5)*3 + (2*3-5)*1 = 10, over n * sum = 16.
    assert found["blend", 2] == pytest.approx({COVERAGE: 2 / 4, GINI: 10 / 16, TOP: 3 / 3, TEN: (3 + 2 + 1) / 3 / 3})
    assert found["als", 2] == pytest.approx({COVERAGE: 1 / 4, GINI: 3 / 4, TOP: 1.0, TEN: 1.0})
    assert found["none", 2] == {COVERAGE: 0.0, GINI: 0.0, TOP: 0.0, TEN: 0.0}
    assert len(found) == 6


def test_score_exposure__ten_items_that_most_lists_hold(spark: SparkSession) -> None:
    # Of twenty lists, item n stands in the first 20 - n: at k=20 the ten most shown in 20, 19, ... 11 of them, at k=1 one alone.
    lists = of_source(spark, {f"s{s}": [f"i{n:02}" for n in range(20 - s)] for s in range(20)})
    found = exposure(lists, item_frame(spark, [f"i{n:02}" for n in range(40)]), ["blend"], [1, 20])
    assert found["blend", 20] == pytest.approx({**found["blend", 20], TOP: 1.0, TEN: 15.5 / 20})
    assert found["blend", 1] == {**found["blend", 1], TOP: 1.0, TEN: 1.0}


def test_score_exposure__degenerate(spark: SparkSession) -> None:
    nothing, lists = of_source(spark, {}), of_source(spark, {"u": ["a"], "v": ["b"]})
    neither = exposure(nothing, item_frame(spark, []), ["blend"], [5])
    assert neither == {("blend", 5): {COVERAGE: None, GINI: None, TOP: 0.0, TEN: 0.0}}
    empty_lists = exposure(nothing, item_frame(spark, ["a", "b"]), ["blend"], [5])
    assert empty_lists == {("blend", 5): {COVERAGE: 0.0, GINI: 0.0, TOP: 0.0, TEN: 0.0}}
    empty_catalogue = exposure(lists, item_frame(spark, []), ["blend"], [5])
    assert empty_catalogue == {("blend", 5): {COVERAGE: None, GINI: None, TOP: 0.5, TEN: 0.5}}


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
    found = exposure(of_source(spark, lists).repartition(3), item_frame(spark, catalogue), ["blend"], [1, 4, 20])
    for k in (1, 4, 20):
        places = Counter(item for items in lists.values() for item in items[:k])
        assert found["blend", k][COVERAGE] == pytest.approx(len(places) / 40)
        assert found["blend", k][GINI] == pytest.approx(gini([places[item] for item in catalogue]))
        of_ten = [rows / sum(map(bool, lists.values())) for _, rows in places.most_common(10)]
        assert found["blend", k][TOP] == pytest.approx(of_ten[0])
        assert found["blend", k][TEN] == pytest.approx(sum(of_ten) / 10)
