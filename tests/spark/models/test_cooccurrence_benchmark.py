"""The peer of `infra/bench cooccurrence` computes what is compared with it, or the comparison would be worth nothing."""

import math
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from infra.benchmarks.cooccurrence import self_join, write_fit, write_join
from shortlist.config import CooccurrenceConfig


@pytest.fixture
def baskets(spark: SparkSession) -> DataFrame:
    """{a, b, c}, {a, b}, {c}."""
    rows = [("x", "a"), ("x", "b"), ("x", "c"), ("y", "a"), ("y", "b"), ("z", "c")]
    return spark.createDataFrame(rows, "basket_id string, item_id string")


def test_self_join__by_hand(baskets: DataFrame) -> None:
    half = float(np.float32(1 / math.sqrt(2) / math.sqrt(2)))
    found = sorted(tuple(row) for row in self_join(baskets).collect())
    expected = [("a", 1, "b", 1.0, 2), ("a", 2, "c", half, 1), ("b", 1, "a", 1.0, 2), ("b", 2, "c", half, 1),
                ("c", 1, "a", half, 1), ("c", 2, "b", half, 1)]  # fmt: skip
    assert [row[:3] + row[4:] for row in found] == [row[:3] + row[4:] for row in expected]
    assert [row[3] for row in found] == pytest.approx([row[3] for row in expected])


def test_write_join__is_stopped_at_its_budget_and_only_then(spark: SparkSession, tmp_path: Path) -> None:
    # 3,000 items in each of 40 baskets: 360 million pairs, which no self-join finishes in a moment.
    rows = spark.range(120_000).selectExpr(
        "cast(id div 3000 as string) as basket_id", "cast(id % 3000 as string) as item_id"
    )
    write_join(spark, rows, str(tmp_path / "stopped"), 0.01)
    assert not (tmp_path / "stopped" / "_SUCCESS").exists()
    write_join(spark, rows.where("item_id < '101'"), str(tmp_path / "whole"), 600.0)
    assert (tmp_path / "whole" / "_SUCCESS").exists()


def test_placements_and_the_self_join_write_the_same_rows(
    spark: SparkSession, baskets: DataFrame, tmp_path: Path
) -> None:
    config = CooccurrenceConfig(placement="mapped", measures=("cosine",), min_support=1)
    write_fit(baskets, config, str(tmp_path / "fit"))
    write_join(spark, baskets, str(tmp_path / "join"), 600.0)
    joined = spark.read.parquet(str(tmp_path / "join"))
    found = spark.read.parquet(str(tmp_path / "fit")).select(*joined.columns)
    assert sorted(map(tuple, found.collect())) == sorted(map(tuple, joined.collect()))
    assert joined.count() == 6
