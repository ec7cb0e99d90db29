"""Fold-in: what a fit would solve for a row, with the other side as it is; fused with the ranking it is the same."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.config import AlsConfig
from shortlist.models.als.folding import fold_in, fold_in_top_items
from shortlist.models.ranking.item_factors import SharedItems
from shortlist.models.ranking.scoring import top_items

CONFIG = AlsConfig(factors=2, regularization=0.1, alpha=4.0, hide_weight=2.0)
ITEM_VECTORS = {"a": (1.0, 0.0), "b": (0.5, 0.5), "c": (0.0, 1.0), "d": (-0.5, 0.75)}
TAKEN = [
    ("new", "a", 1.0, False),
    ("new", "b", 3.0, False),
    ("new", "d", 1.0, True),
    ("new", "unknown", 5.0, False),
    ("other", "c", 2.0, False),
    ("hider", "c", 0.0, True),
    ("stranger", "unknown", 1.0, False),
]
SCHEMA = "user_id string, item_id string, weight float, hidden boolean"


def factors(spark: SparkSession, vectors: dict[str, tuple[float, float]]) -> DataFrame:
    return spark.createDataFrame(list(vectors.items()), "id string, factors array<float>").repartition(2)


def solved(fixed: dict[str, tuple[float, float]], seen: list[tuple[str, float, float]]) -> NDArray[np.float64]:
    """Normal equations of one row in float64; seen as (id, weight, target)."""
    side = np.array(list(fixed.values()))
    strength = 0.1 * (len(seen) + len(side) / 4.0)
    left, right = side.T @ side / 4.0 + strength * np.eye(2), np.zeros(2)
    for name, weight, target in seen:
        y = np.array(fixed[name])
        left += weight * np.outer(y, y)
        right += weight * target * y
    return np.linalg.solve(left, right)


def vectors(frame: DataFrame) -> dict[str, list[float]]:
    return {row["id"]: list(row["factors"]) for row in frame.collect()}


def test_fold_in__users_by_hand(spark: SparkSession) -> None:
    interactions = spark.createDataFrame(TAKEN, SCHEMA).repartition(3)
    found = vectors(fold_in(interactions, factors(spark, ITEM_VECTORS), CONFIG))
    # Who only hid, or took only what has no vector, has none either.
    assert found.keys() == {"new", "other"}
    assert found["new"] == pytest.approx(solved(ITEM_VECTORS, [("a", 1, 1), ("b", 3, 1), ("d", 2, 0)]), rel=1e-4)
    assert found["other"] == pytest.approx(solved(ITEM_VECTORS, [("c", 2, 1)]), rel=1e-4)


def test_fold_in__items_by_hand(spark: SparkSession) -> None:
    # The other way round: of the users, only the audience of the new item travels, but all count.
    interactions = spark.createDataFrame(
        [("a", "new", 1.0, False), ("c", "new", 2.0, False), ("b", "new", 0.0, True)], SCHEMA
    )
    found = vectors(fold_in(interactions, factors(spark, ITEM_VECTORS), CONFIG, row="item_id", column="user_id"))
    assert found["new"] == pytest.approx(solved(ITEM_VECTORS, [("a", 1, 1), ("c", 2, 1), ("b", 2, 0)]), rel=1e-4)


@pytest.mark.parametrize("by", ["files", "broadcast"])
def test_fold_in_top_items__is_fold_in_then_top_items(spark: SparkSession, tmp_path: Path, by: str) -> None:
    interactions = spark.createDataFrame(TAKEN, SCHEMA)
    fixed = factors(spark, ITEM_VECTORS)
    items = SharedItems(fixed, tmp_path if by == "files" else None)
    # "b" is not eligible on this surface, yet it says what its users like.
    eligible = items.item_indices(fixed.where("id <> 'b'").withColumnRenamed("id", "item_id"))
    subjects = interactions.groupBy(F.col("user_id").alias("subject_id")).agg(F.collect_set("item_id").alias("seen"))
    fused = fold_in_top_items(interactions, items, subjects, 2, CONFIG, eligible)
    folded = fold_in(interactions, fixed, CONFIG).withColumnRenamed("id", "subject_id")
    apart = top_items(folded.join(subjects, "subject_id"), items, 2, eligible)
    for one, other in zip(sorted(fused.collect()), sorted(apart.collect()), strict=True):
        assert one.score == pytest.approx(other.score, rel=1e-5)
        assert (one.subject_id, one.item_id, one["rank"]) == (other.subject_id, other.item_id, other["rank"])
    assert {(row.subject_id, row.rank, row.item_id) for row in fused.collect()} == {
        ("new", 1, "c"),
        ("other", 1, "d"),
        ("other", 2, "a"),
    }
