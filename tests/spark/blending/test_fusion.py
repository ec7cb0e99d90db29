"""Fusion on Spark: subjects whole, whatever the partitions."""

from pyspark.sql import DataFrame, SparkSession

from shortlist.blending.fusion import Fusion, fuse


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


def test_a_source_that_the_surface_does_not_name_is_left_out(spark: SparkSession) -> None:
    rows = fuse(proposed(spark), Fusion(["als"], None, k=10, constant=60)).collect()
    assert {row.item_id for row in rows} == {"a", "b"}
    assert all(row.sources == ["als"] for row in rows)


def test_the_order_of_rows_does_not_change_a_bit(spark: SparkSession) -> None:
    frame = proposed(spark)
    fusion = Fusion(["als", "cooccurrence"], "popularity", 10, 60)
    assert sorted(fuse(frame, fusion).collect()) == sorted(fuse(frame.repartition(5, "rank"), fusion).collect())
