"""Rows of evaluations: means, paired differences and intervals of planted lists, whatever the partitions."""

from dataclasses import replace

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.metrics.evaluation import Judgement, Question, add_up, judge
from shortlist.metrics.exposure import count_exposure
from tests.spark.metrics.test_exposure import item_frame, of_source
from tests.spark.metrics.test_ranking import Lists, relevant_frame

QUESTION = Question(sources=("blend", "als"), segments=("all", "new"), ks=(1, 2), seed=7, resamples=200)


def evaluate(
    spark: SparkSession,
    lists: DataFrame,
    truth: DataFrame,
    question: Question = QUESTION,
    wanted: DataFrame | None = None,
) -> list[Judgement]:
    """What is judged; without `wanted` everybody is in the truth."""
    wanted = truth.where(F.col("segment") == "all") if wanted is None else wanted
    popularity = spark.createDataFrame([("a", 3), ("b", 2)], "item_id string, popularity bigint")
    parts = [row.totals for row in add_up(lists, truth, wanted, popularity, question).collect()]
    exposure = count_exposure(lists, item_frame(spark, list("abcd")), question.sources, question.ks).collect()
    return judge(parts, exposure, 4, question)


def by_name(rows: list[Judgement]) -> dict[tuple[str, str, str, int], Judgement]:
    found = {(row.source, row.segment, row.metric, row.k): row for row in rows}
    assert len(found) == len(rows)
    return found


def wanted(spark: SparkSession, pairs: dict[str, set[str]], segment: str = "all") -> DataFrame:
    return relevant_frame(spark, pairs).withColumn("segment", F.lit(segment))


def test_every_source_and_segment_by_hand(spark: SparkSession) -> None:
    lists = of_source(spark, {"u": ["a", "b"], "v": ["a", "x"]}).unionByName(of_source(spark, {"u": ["c"]}, "als"))
    truth = wanted(spark, {"u": {"b"}, "w": {"a"}}).unionByName(wanted(spark, {"u": {"b", "c"}}, "new"))
    rows = by_name(evaluate(spark, lists, truth))
    ranking = ("recall", "recall_capped", "recall_stratified", "precision", "ndcg", "hit_rate", "mrr", "map")
    shown = (
        "rows_used",
        "lists_of_active",
        "catalogue_coverage",
        "exposure_gini",
        "top_item_lists",
        "top_ten_lists",
        "novelty",
    )
    assert set(rows) == {
        (source, segment, metric, k)
        for source in ("blend", "als")
        for segment, metrics in (("all", (*ranking, *shown)), ("new", ranking))
        for metric in metrics
        for k in (1, 2)
    }
    blend, als = rows["blend", "all", "recall", 2], rows["als", "all", "recall", 2]
    # u wanted b, which is second; w has no list.
    assert (blend.value, blend.subjects, blend.without_list) == (0.5, 2, 1)
    assert rows["blend", "all", "recall", 1].value == 0.0
    assert (als.value, als.subjects, als.without_list) == (0.0, 2, 1)
    assert rows["als", "new", "mrr", 1].value == 1.0
    assert (als.blend_minus_source, blend.blend_minus_source) == (0.5, None)
    assert rows["als", "new", "mrr", 1].blend_minus_source == -1.0
    # Of b, which two people took, and c, which nobody took (as one), each list has one.
    assert rows["als", "new", "recall_stratified", 1].value == pytest.approx(1 / (1 + 2**-0.5))
    assert rows["blend", "new", "recall_stratified", 2].value == pytest.approx(2**-0.5 / (1 + 2**-0.5))
    # a: 3 of 4 people, b: 2 of 4, x and c: nobody counts as one.
    a, b, unknown = -np.log2(3 / 4), -np.log2(2 / 4), -np.log2(1 / 4)
    novelty = rows["blend", "all", "novelty", 2]
    assert novelty.value == pytest.approx(((a + b) / 2 + (a + unknown) / 2) / 2)
    assert (novelty.subjects, novelty.without_list, novelty.blend_minus_source) == (2, 0, None)
    assert rows["als", "all", "novelty", 2].value == pytest.approx(unknown)
    # Of the blend's four rows u used one, b; v never came. The one list of als is of u, who used nothing of it.
    assert [rows["blend", "all", "rows_used", k].value for k in (1, 2)] == [0.0, 1 / 4]
    assert [rows["blend", "all", "lists_of_active", k].value for k in (1, 2)] == [1 / 2, 1 / 2]
    assert [rows["als", "all", name, 2].value for name in ("rows_used", "lists_of_active")] == [0.0, 1.0]
    used = rows["blend", "all", "rows_used", 2]
    assert (used.subjects, used.without_list, used.blend_minus_source, used.ci_low) == (2, 0, None, None)
    coverage = rows["als", "all", "catalogue_coverage", 2]
    assert (coverage.value, coverage.subjects, coverage.ci_low) == (1 / 4, 1, None)


def test_a_segment_is_judged_without_repeats(spark: SparkSession) -> None:
    """Of three slots of u the blend fills two with a and b, which u had; als has c at rank 3 behind them, and x."""
    blend = of_source(spark, {"u": ["a", "b", "x"], "v": ["d"]})
    als = of_source(spark, {"u": ["a", "b", "c", "x"], "v": ["a", "d"]}, "als")
    served = of_source(spark, {"u": ["b", "y", "c"], "v": ["d"]}, "served")
    parts = {"all": {"u": {"a", "x"}, "v": {"d"}}, "new": {"u": {"x"}, "v": {"d"}}, "engaged_before": {"u": {"a", "b"}}}
    each = [wanted(spark, pairs, segment) for segment, pairs in parts.items()]
    truth = each[0].unionByName(each[1]).unionByName(each[2])
    lists = blend.unionByName(als).unionByName(served)
    plain = replace(QUESTION, sources=("blend", "als", "served"))
    without_repeats = replace(plain, without_repeats=("new",), cut=("als",), k=3)
    found = by_name(evaluate(spark, lists, truth, without_repeats))
    # Without a and b the blend has x first for u. als has c there, and x where the blend has no slot; v's d is second, and the
    # blend, which leaves two slots of v empty, could have had it and more.
    assert found["blend", "new", "recall", 1].value == 1.0
    assert [found["als", "new", "recall", k].value for k in (1, 2)] == [0.0, 0.5]
    # Other lists are not cut: served has y and c for u, d for v.
    assert [found["served", "new", "recall", k].value for k in (1, 2)] == [0.5, 0.5]
    assert found["als", "new", "recall", 2].blend_minus_source == 0.5
    before = by_name(evaluate(spark, lists, truth, plain))
    assert [before["blend", "new", "recall", k].value for k in (1, 2)] == [0.5, 0.5]
    # What is said of all items is the same either way.
    assert {key: row for key, row in found.items() if key[1] == "all"} == {
        key: row for key, row in before.items() if key[1] == "all"
    }


def test_a_list_of_repeats_loses_the_slots_that_are_kept_and_is_not_compared_where_none_are(
    spark: SparkSession,
) -> None:
    """Both slots of u hold what it had, and als has x; by kept slots the second should hold such."""
    blend, als = of_source(spark, {"u": ["a", "b"]}), of_source(spark, {"u": ["a", "x"]}, "als")
    parts = {"all": {"u": {"x"}}, "new": {"u": {"x"}}, "engaged_before": {"u": {"a", "b"}}}
    all_, new, before = (wanted(spark, pairs, segment) for segment, pairs in parts.items())
    question = replace(QUESTION, without_repeats=("new",), cut=("als",), k=2)
    leads = []
    for kept in (0, 1):
        lists, truth = blend.unionByName(als), all_.unionByName(new).unionByName(before)
        rows = by_name(evaluate(spark, lists, truth, replace(question, kept=kept)))
        assert rows["blend", "new", "recall", 1].value == 0.0
        leads.append(rows["als", "new", "recall", 1].blend_minus_source)
    assert leads == [None, -1.0]


@pytest.fixture
def many(spark: SparkSession) -> tuple[DataFrame, DataFrame]:
    """Forty subjects who want a: the blend has it first for thirty of them, als for twenty of these."""
    subjects = [f"s{n:02d}" for n in range(40)]
    blend: Lists = {subject: ["a" if n < 30 else "x"] for n, subject in enumerate(subjects)}
    als: Lists = {subject: ["a" if n < 20 else "x"] for n, subject in enumerate(subjects)}
    lists = of_source(spark, blend).unionByName(of_source(spark, als, "als"))
    return lists, wanted(spark, {subject: {"a"} for subject in subjects})


def test_a_difference_is_of_the_same_subjects(spark: SparkSession, many: tuple[DataFrame, DataFrame]) -> None:
    rows = by_name(evaluate(spark, *many, replace(QUESTION, resamples=2000)))
    als = rows["als", "all", "recall", 1]
    low, high = als.blend_minus_source_low, als.blend_minus_source_high
    assert als.blend_minus_source == pytest.approx(10 / 40)
    assert low is not None
    assert high is not None
    # A share of 1/4 of 40 subjects: standard error sqrt(.25 * .75 / 40) = .068.
    assert (high - low) / (2 * 1.96) == pytest.approx(0.068, rel=0.1)
    blend = rows["blend", "all", "recall", 1]
    assert blend.ci_low is not None
    assert als.ci_high is not None
    assert low > 0
    assert blend.ci_low < als.ci_high  # separate intervals overlap, and cannot say it


def test_no_interval_of_a_handful_of_subjects(spark: SparkSession, many: tuple[DataFrame, DataFrame]) -> None:
    lists, truth = many
    for few, has_interval in ((30, True), (29, False)):
        asked = truth.where(F.col("subject_id") < f"s{few:02d}")
        rows = by_name(evaluate(spark, lists, asked))
        als, novelty = rows["als", "all", "ndcg", 1], rows["als", "all", "novelty", 1]
        assert als.subjects == few
        ends = (als.ci_low, als.ci_high, als.blend_minus_source_low, als.blend_minus_source_high)
        assert [end is not None for end in ends] == [has_interval] * 4
        assert als.blend_minus_source is not None
        assert novelty.ci_low is not None  # forty have lists


def test_what_was_used_is_of_all_lists(spark: SparkSession, many: tuple[DataFrame, DataFrame]) -> None:
    lists, truth = many
    # Of forty lists of one row, thirty of which are a, the first ten subjects come, and all of these find a.
    rows = by_name(evaluate(spark, lists, truth.where(F.col("subject_id") < "s10"), replace(QUESTION, resamples=2000)))
    for name in ("rows_used", "lists_of_active"):
        found = rows["blend", "all", name, 1]
        assert (found.value, found.subjects) == (10 / 40, 40)
        assert found.ci_low is not None
        assert found.ci_high is not None
        assert (found.ci_high - found.ci_low) / (2 * 1.96) == pytest.approx(0.068, rel=0.1)
    # Where nobody came nothing is said of it.
    nobody = by_name(evaluate(spark, lists, truth.where(F.lit(False))))
    assert "novelty" in {row.metric for row in nobody.values()}
    assert not {row.metric for row in nobody.values()} & {"rows_used", "lists_of_active"}


def test_what_was_used_counts_subjects_by_whom_nothing_is_ranked(
    spark: SparkSession, many: tuple[DataFrame, DataFrame]
) -> None:
    lists, wanted = many
    some = lists.where((F.col("source") == "als") | (F.col("subject_id") < "s20"))
    rows = by_name(evaluate(spark, some, wanted.where(F.col("subject_id") < "s20"), wanted=wanted))
    # All forty came. The blend has lists for twenty, all a; als for forty, of which twenty are a.
    assert (rows["blend", "all", "rows_used", 1].value, rows["als", "all", "rows_used", 1].value) == (1.0, 0.5)
    assert {rows[source, "all", "lists_of_active", 1].value for source in ("blend", "als")} == {1.0}
    assert rows["als", "all", "recall", 1].subjects == 20


def test_the_same_bits_however_rows_are_spread(spark: SparkSession, many: tuple[DataFrame, DataFrame]) -> None:
    lists, truth = many
    once = evaluate(spark, lists.coalesce(1), truth)
    assert evaluate(spark, lists.repartition(5, "item_id"), truth.orderBy(F.desc("subject_id"))) == once
    assert evaluate(spark, lists, truth, replace(QUESTION, seed=8)) != once


def test_refuses_what_it_cannot_judge(spark: SparkSession, many: tuple[DataFrame, DataFrame]) -> None:
    with pytest.raises(ValueError, match=r"ks .*different cut-offs of at least 1"):
        evaluate(spark, *many, replace(QUESTION, ks=(5, 5)))
    with pytest.raises(ValueError, match="people 0: novelty is relative to"):
        judge([], [], 0, QUESTION)
