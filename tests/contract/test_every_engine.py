"""Promises that every ALS engine keeps: one answer per seed, the planted structure, clear refusals."""

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.models.als import ENGINES, Als, fit

SIZE = 12


def checkerboard(spark: SparkSession) -> DataFrame:
    """User u took the items of its parity, but for item u itself."""
    rows = [(f"u{u:02d}", f"i{i:02d}", 1.0) for u in range(SIZE) for i in range(SIZE) if u % 2 == i % 2 and u != i]
    return spark.createDataFrame(rows, "user_id string, item_id string, weight float")


def vectors(frame: DataFrame) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]]:
    return {row["id"]: np.array(row["factors"], np.float32) for row in frame.collect()}


def scores(model: Als) -> dict[tuple[str, str], float]:
    items = vectors(model.item_factors)
    return {(u, i): float(x @ y) for u, x in vectors(model.user_factors).items() for i, y in items.items()}


@pytest.mark.parametrize("engine", ENGINES)
class TestEveryEngine:
    def config(self, engine: str, **more: object) -> AlsConfig:
        return AlsConfig.model_validate({"engine": engine, "factors": 2, "regularization": 0.1, "epochs": 15, **more})

    def test_the_withheld_item_is_the_best_of_those_not_taken(self, spark: SparkSession, engine: str) -> None:
        found = scores(fit(checkerboard(spark), self.config(engine)))
        for u in range(SIZE):
            others = [found[f"u{u:02d}", f"i{i:02d}"] for i in range(SIZE) if u % 2 != i % 2]
            assert found[f"u{u:02d}", f"i{u:02d}"] > max(others)

    def test_same_seed_same_bytes_whatever_the_order_of_rows(self, spark: SparkSession, engine: str) -> None:
        frame = checkerboard(spark)
        first = fit(frame, self.config(engine))
        second = fit(frame.repartition(5, "item_id"), self.config(engine))
        for left, right in ((first.user_factors, second.user_factors), (first.item_factors, second.item_factors)):
            one, other = vectors(left), vectors(right)
            assert one.keys() == other.keys()
            assert all(np.array_equal(one[name], other[name]) for name in one)

    def test_another_seed_is_another_start(self, spark: SparkSession, engine: str) -> None:
        frame = checkerboard(spark)
        one = vectors(fit(frame, self.config(engine, epochs=1)).item_factors)
        other = vectors(fit(frame, self.config(engine, epochs=1, seed=8)).item_factors)
        assert any(not np.array_equal(one[name], other[name]) for name in one)

    def test_every_id_has_a_finite_vector_of_the_right_length(self, spark: SparkSession, engine: str) -> None:
        model = fit(checkerboard(spark), self.config(engine, factors=7))
        for frame, prefix in ((model.user_factors, "u"), (model.item_factors, "i")):
            found = vectors(frame)
            assert sorted(found) == [f"{prefix}{n:02d}" for n in range(SIZE)]
            assert all(len(vector) == 7 and np.isfinite(vector).all() for vector in found.values())

    def test_rows_without_weight_teach_nothing(self, spark: SparkSession, engine: str) -> None:
        nothing = spark.createDataFrame([("u", "i", 0.0)], "user_id string, item_id string, weight float")
        with pytest.raises(ModelError, match="interactions has no rows with a weight above 0"):
            fit(nothing, self.config(engine))
