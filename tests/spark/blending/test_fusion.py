"""Fusion on Spark: subjects whole, whatever the partitions."""

from pyspark.sql import DataFrame, SparkSession

from shortlist.blending.fusion import Fusion, fuse
from tests.unit.blending.test_fusion import PROPOSED


def proposed(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(
        PROPOSED, "subject_id string, source string, rank int, item_id string, because_item_id string"
    )


def test_a_source_that_the_surface_does_not_name_is_left_out(spark: SparkSession) -> None:
    rows = fuse(proposed(spark), Fusion(["als"], None, k=10, constant=60)).collect()
    assert {row.item_id for row in rows} == {"a", "b"}
    assert all(row.sources == ["als"] for row in rows)


def test_the_order_of_rows_does_not_change_a_bit(spark: SparkSession) -> None:
    frame = proposed(spark)
    fusion = Fusion(["als", "cooccurrence"], "popularity", 10, 60)
    assert sorted(fuse(frame, fusion).collect()) == sorted(fuse(frame.repartition(5, "rank"), fusion).collect())
