"""Ranking metrics: answers worked out on paper, then the slow reference on random and degenerate lists."""

import math

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.metrics.definitions import DEFINITIONS, RANKING_METRICS
from shortlist.metrics.ranking import score_lists, subjects_without_list
from tests.spark.metrics.references import ranking_values

Lists = dict[str, list[str]]


def list_frame(spark: SparkSession, lists: Lists) -> DataFrame:
    rows = [(subject, rank + 1, item) for subject, items in lists.items() for rank, item in enumerate(items)]
    return spark.createDataFrame(rows, "subject_id string, rank int, item_id string")


def relevant_frame(spark: SparkSession, relevant: dict[str, set[str]]) -> DataFrame:
    rows = [(subject, item) for subject, items in relevant.items() for item in sorted(items)]
    return spark.createDataFrame(rows, "subject_id string, item_id string")


def as_dict(scored: DataFrame) -> dict[tuple[str, int, str], float]:
    rows = scored.collect()
    values = {(row.subject_id, row.k, row.metric): row.value for row in rows}
    assert len(values) == len(rows), "a (subject, k, metric) came twice"
    return values


def test_score_lists__by_hand(spark: SparkSession) -> None:
    # One frame for several subjects: a Spark job each would cost seconds and show no more.
    lists = list_frame(
        spark, {"u": ["a", "b", "c", "d", "e"], "one": ["a"], "nothing relevant": ["a"], "twice": ["a", "a", "b"]}
    )
    wanted = {"u": {"b", "d", "z"}, "one": {"a"}, "no list": {"a", "b"}, "twice": {"a", "b"}}
    relevant = relevant_frame(spark, wanted)
    values = as_dict(score_lists(lists, relevant.unionAll(relevant), [1, 2, 5]))

    # u: relevant items found at ranks 2 and 4 of five; three are relevant in all.
    at_2 = {metric: values["u", 2, metric] for metric in RANKING_METRICS}
    at_5 = {metric: values["u", 5, metric] for metric in RANKING_METRICS}
    log3 = math.log2(3)
    assert at_2 == pytest.approx(
        {"recall": 1 / 3, "recall_capped": 1 / 2, "recall_stratified": 1 / 3, "precision": 1 / 2,
         "ndcg": (1 / log3) / (1 + 1 / log3), "hit_rate": 1, "mrr": 1 / 2, "map": (1 / 2) / 2}
    )  # fmt: skip
    ideal = 1 + 1 / log3 + 1 / 2
    assert at_5 == pytest.approx(
        {"recall": 2 / 3, "recall_capped": 2 / 3, "recall_stratified": 2 / 3, "precision": 2 / 5,
         "ndcg": (1 / log3 + 1 / math.log2(5)) / ideal, "hit_rate": 1, "mrr": 1 / 2, "map": (1 / 2 + 2 / 4) / 3}
    )  # fmt: skip
    assert {values["u", 1, metric] for metric in RANKING_METRICS} == {0.0}

    # Who is scored: subjects with relevant items, those without a list as 0, missing places find nothing.
    assert {subject for subject, _, _ in values} == set(wanted)
    assert len(values) == len(wanted) * 3 * len(RANKING_METRICS)
    assert {value for (subject, _, _), value in values.items() if subject == "no list"} == {0.0}
    assert (values["one", 5, "recall"], values["one", 5, "precision"]) == (1.0, 1 / 5)

    # An item that stands in a list twice counts once, at its better rank; so does a pair that is relevant twice.
    assert values["twice", 5, "recall"] == 1.0
    assert values["twice", 5, "ndcg"] == pytest.approx((1 + 1 / 2) / (1 + 1 / log3))


def test_subjects_without_list(spark: SparkSession) -> None:
    lists, relevant = list_frame(spark, {"u": ["a"]}), relevant_frame(spark, {"u": {"b"}, "no list": {"a", "b"}})
    assert [row.subject_id for row in subjects_without_list(lists, relevant).collect()] == ["no list"]


def test_score_lists__agrees_with_the_reference(spark: SparkSession) -> None:
    rng = np.random.default_rng(20)
    items = [f"i{n}" for n in range(12)]
    lists: Lists = {}
    relevant: dict[str, set[str]] = {}
    for n in range(150):
        length = int(rng.integers(0, 13))
        # Every fifth list repeats items, which no published list may, but no metric may exceed 1 for it either.
        lists[f"s{n}"] = [items[i] for i in rng.choice(12, size=length, replace=n % 5 == 0)]
        relevant[f"s{n}"] = {items[i] for i in rng.choice(12, size=int(rng.integers(1, 13)), replace=False)}
    lists["everything"], relevant["everything"] = list(items), set(items)
    ks = [1, 3, 7, 12, 50]
    popularity = {item: int(rng.integers(1, 500)) for item in items}
    expected = {
        (subject, k, metric): value
        for subject in relevant
        for k in ks
        for metric, value in ranking_values(lists[subject], relevant[subject], k, popularity).items()
    }
    known = spark.createDataFrame(list(popularity.items()), "item_id string, popularity long")
    frame = relevant_frame(spark, relevant).join(known, "item_id")
    scored = as_dict(score_lists(list_frame(spark, lists).repartition(3), frame, ks))
    assert scored.keys() == expected.keys()
    assert scored == pytest.approx(expected, abs=1e-12)
    assert max(scored.values()) == 1.0


def test_score_lists__nothing_relevant_is_no_row(spark: SparkSession) -> None:
    scored = score_lists(list_frame(spark, {"u": ["a"]}), relevant_frame(spark, {}), [5])
    assert scored.columns == ["subject_id", "k", "metric", "value"]
    assert scored.count() == 0


@pytest.mark.parametrize("ks", [[], [0], [5, 5], [3, -1]])
def test_score_lists__refuses_cutoffs(spark: SparkSession, ks: list[int]) -> None:
    frame = list_frame(spark, {"u": ["a"]})
    with pytest.raises(ValueError, match=r"ks .*different cut-offs of at least 1"):
        score_lists(frame, frame, ks)


def test_every_metric_has_a_definition() -> None:
    assert set(RANKING_METRICS) <= DEFINITIONS.keys()
