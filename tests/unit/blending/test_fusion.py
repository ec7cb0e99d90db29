"""Fusion by hand: 1 / (constant + rank), the fallback below everything."""

import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.blending.fusion import fuse


def proposed(spark: SparkSession) -> DataFrame:
    rows = [
        ("s", "als", 1, "a", None),
        ("s", "als", 2, "b", None),
        ("s", "cooccurrence", 1, "b", "seed"),
        ("s", "cooccurrence", 2, "c", "other"),
        ("s", "popularity", 1, "p", None),
        ("s", "popularity", 2, "a", None),
        ("t", "popularity", 1, "p", None),
    ]
    return spark.createDataFrame(
        rows, "subject_id string, source string, rank int, item_id string, because_item_id string"
    )


def test_ranks_add_up_and_the_fallback_only_fills(spark: SparkSession) -> None:
    rows = (
        fuse(proposed(spark), ["als", "cooccurrence"], "popularity", k=10, constant=1)
        .orderBy("subject_id", "rank")
        .collect()
    )
    assert [(r.subject_id, r.rank, r.item_id, r.source, r.sources, r.because_item_id) for r in rows] == [
        ("s", 1, "b", "cooccurrence", ["als", "cooccurrence"], "seed"),
        ("s", 2, "a", "als", ["als", "popularity"], None),
        ("s", 3, "c", "cooccurrence", ["cooccurrence"], "other"),
        ("s", 4, "p", "popularity", ["popularity"], None),
        ("t", 1, "p", "popularity", ["popularity"], None),
    ]
    assert [r.score for r in rows] == pytest.approx([1 / 3 + 1 / 2, 1 / 2, 1 / 3, -1.0, -1.0], abs=1e-12)


def test_k_cuts_and_ties_go_by_item(spark: SparkSession) -> None:
    rows = [("s", "als", 1, "z", None), ("s", "cooccurrence", 1, "y", None)]
    frame = spark.createDataFrame(
        rows, "subject_id string, source string, rank int, item_id string, because_item_id string"
    )
    (only,) = fuse(frame, ["als", "cooccurrence"], None, k=1, constant=60).collect()
    assert only.item_id == "y"


def test_a_source_that_the_surface_does_not_name_is_left_out(spark: SparkSession) -> None:
    rows = fuse(proposed(spark), ["als"], None, k=10, constant=60).collect()
    assert {row.item_id for row in rows} == {"a", "b"}
    assert all(row.sources == ["als"] for row in rows)


def test_the_order_of_rows_does_not_change_a_bit(spark: SparkSession) -> None:
    frame = proposed(spark)
    arguments = (["als", "cooccurrence"], "popularity", 10, 60)
    assert sorted(fuse(frame, *arguments).collect()) == sorted(fuse(frame.repartition(5, "rank"), *arguments).collect())
