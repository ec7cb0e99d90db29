"""Lists for sessions of nobody, by hand: from neighbours, directed ones too, and by fold-in."""

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.config import AlsConfig
from shortlist.models.arrays.shared_arrays import share_arrays
from shortlist.models.ranking.item_factors import SharedItems
from shortlist.models.ranking.neighbours import collect_neighbours
from shortlist.models.ranking.sessions import session_items_by_fold_in, session_items_from_neighbours, session_seeds

# s1 looks at a, then b; s2 at c; s3 at d; s4 comes back to a; s5 knows nothing that a model knows.
STEPS = [
    ("s1", "a", 1),
    ("s1", "b", 2),
    ("s2", "c", 1),
    ("s3", "d", 1),
    ("s4", "a", 1),
    ("s4", "b", 2),
    ("s4", "a", 3),
    ("s5", "unknown", 1),
]
# What follows what: c follows a, and a follows c more often; nothing follows d.
RELATED = [("a", "c", 0.8), ("a", "d", 0.4), ("b", "d", 0.6), ("c", "a", 0.9)]
VECTORS = {"a": (1.0, 0.0), "b": (0.5, 0.5), "c": (0.0, 1.0), "d": (0.75, 0.25)}


@pytest.fixture
def steps(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(STEPS, "session_id string, item_id string, position int").repartition(3)


def test_session_seeds__the_newest_counts_most_and_each_item_once(steps: DataFrame) -> None:
    found = {(row.subject_id, row.item_id): row.weight for row in session_seeds(steps, half_life=1.0).collect()}
    assert found == {
        ("s1", "b"): 1.0,
        ("s1", "a"): 0.5,
        ("s2", "c"): 1.0,
        ("s3", "d"): 1.0,
        ("s4", "a"): 1.0,
        ("s4", "b"): 0.5,
        ("s5", "unknown"): 1.0,
    }


def test_session_items_from_neighbours__follow_the_direction(spark: SparkSession, steps: DataFrame) -> None:
    related = spark.createDataFrame(RELATED, "item_id string, related_item_id string, score float")
    neighbours = share_arrays(spark, None, collect_neighbours(related))
    found = session_items_from_neighbours(steps, neighbours, 5, "sum", most_seeds=10, half_life=1.0).collect()
    lists = {(row.subject_id, row["rank"]): (row.item_id, row.because_item_id) for row in found}
    # s1: d = .5 x .4 + 1 x .6 = .8, c = .5 x .8 = .4. s4: c = 1 x .8, d = 1 x .4 + .5 x .6 = .7.
    assert lists == {
        ("s1", 1): ("d", "b"),
        ("s1", 2): ("c", "a"),
        ("s2", 1): ("a", "c"),
        ("s4", 1): ("c", "a"),
        ("s4", 2): ("d", "a"),
    }
    scores = {(row.subject_id, row.item_id): row.score for row in found}
    assert [scores["s1", "d"], scores["s1", "c"], scores["s4", "d"]] == pytest.approx([0.8, 0.4, 0.7])
    newest = session_items_from_neighbours(steps, neighbours, 5, "sum", most_seeds=1, half_life=1.0).collect()
    assert {(row.subject_id, row.item_id) for row in newest if row.subject_id == "s1"} == {("s1", "d")}


def test_session_items_by_fold_in__equal_the_normal_equations(spark: SparkSession, steps: DataFrame) -> None:
    config = AlsConfig(factors=2, regularization=0.1, alpha=4.0)
    factors = spark.createDataFrame(list(VECTORS.items()), "id string, factors array<float>")
    found = session_items_by_fold_in(steps, SharedItems(factors, None), 5, config, half_life=1.0).collect()
    side = np.array(list(VECTORS.values()))
    # s1 took b with weight 1 and a with weight 1/2: (Y'Y / alpha + Y'WY + reg (n + |I| / alpha)) x = Y'W1.
    rows, weights = side[[1, 0]], np.array([1.0, 0.5])
    left = side.T @ side / 4.0 + rows.T @ (weights[:, None] * rows) + 0.1 * (2 + 4 / 4.0) * np.eye(2)
    vector = np.linalg.solve(left, rows.T @ weights)
    scores = {row.item_id: row.score for row in found if row.subject_id == "s1"}
    assert scores == {"c": pytest.approx(side[2] @ vector, rel=1e-4), "d": pytest.approx(side[3] @ vector, rel=1e-4)}
    assert {row.subject_id for row in found} == {"s1", "s2", "s3", "s4"}
