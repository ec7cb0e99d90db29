"""Fold-in: what a fit would solve for a user, with the items as they are, and the best items for it."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.config import AlsConfig
from shortlist.models.als.folding import fold_in_top_items
from shortlist.models.ranking.item_factors import SharedItems

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


@pytest.mark.parametrize("by", ["files", "broadcast"])
def test_fold_in_top_items__by_hand(spark: SparkSession, tmp_path: Path, by: str) -> None:
    interactions = spark.createDataFrame(TAKEN, SCHEMA)
    fixed = factors(spark, ITEM_VECTORS)
    items = SharedItems(fixed, tmp_path if by == "files" else None)
    # "b" is not eligible on this surface, yet it says what its users like.
    eligible = items.item_indices(fixed.where("id <> 'b'").withColumnRenamed("id", "item_id"))
    subjects = interactions.groupBy(F.col("user_id").alias("subject_id")).agg(F.collect_set("item_id").alias("seen"))
    fused = fold_in_top_items(interactions, items, subjects, 2, CONFIG, eligible)
    queries = {
        "new": solved(ITEM_VECTORS, [("a", 1, 1), ("b", 3, 1), ("d", 2, 0)]),
        "other": solved(ITEM_VECTORS, [("c", 2, 1)]),
    }
    for row in fused.collect():
        assert row.score == pytest.approx(queries[row.subject_id] @ ITEM_VECTORS[row.item_id], rel=1e-4)
    assert {(row.subject_id, row.rank, row.item_id) for row in fused.collect()} == {
        ("new", 1, "c"),
        ("other", 1, "d"),
        ("other", 2, "a"),
    }
