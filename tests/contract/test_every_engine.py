"""Promises that every ALS engine keeps: one answer per seed, the planted structure, hides, clear refusals."""

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from shortlist.config import AlsConfig
from shortlist.errors import ModelError
from shortlist.models.als.fit import ENGINES, Als, fit

SIZE = 12
SCHEMA = "user_id string, item_id string, weight float, hidden boolean"
Row = tuple[str, str, float, bool]


def checkerboard_rows() -> list[Row]:
    """User u took the items of its parity, but for item u itself."""
    pairs = [(u, i) for u in range(SIZE) for i in range(SIZE) if u % 2 == i % 2 and u != i]
    return [(f"u{u:02d}", f"i{i:02d}", 1.0, False) for u, i in pairs]


def checkerboard(spark: SparkSession, *more: Row) -> DataFrame:
    return spark.createDataFrame([*checkerboard_rows(), *more], SCHEMA).coalesce(1)


def vectors(frame: DataFrame) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]]:
    return {row["id"]: np.array(row["factors"], np.float32) for row in frame.collect()}


def both(model: Als) -> tuple[dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]], ...]:
    with model:
        return vectors(model.user_factors), vectors(model.item_factors)


def scores(model: Als) -> dict[tuple[str, str], float]:
    users, items = both(model)
    return {(u, i): float(x @ y) for u, x in users.items() for i, y in items.items()}


@pytest.mark.parametrize("engine", ENGINES)
class TestEveryEngine:
    def config(self, engine: str, **more: object) -> AlsConfig:
        # Two blocks a side on Spark: what is small enough for a test would fit into one.
        given = {"engine": engine, "factors": 2, "regularization": 0.1, "epochs": 8, "block_rows": 500, **more}
        return AlsConfig.model_validate(given)

    def test_the_withheld_item_is_the_best_of_those_not_taken(self, spark: SparkSession, engine: str) -> None:
        found = scores(fit(checkerboard(spark), self.config(engine)))
        for u in range(SIZE):
            others = [found[f"u{u:02d}", f"i{i:02d}"] for i in range(SIZE) if u % 2 != i % 2]
            assert found[f"u{u:02d}", f"i{u:02d}"] > max(others)

    def test_same_seed_same_answer_whatever_the_order_of_rows(self, spark: SparkSession, engine: str) -> None:
        frame = checkerboard(spark)
        first = both(fit(frame, self.config(engine, epochs=3)))
        second = both(fit(frame.repartition(5, "item_id"), self.config(engine, epochs=3)))
        for one, other in zip(first, second, strict=True):
            assert one.keys() == other.keys()
            if engine == "mllib":  # adds up in the order in which its own blocks arrive
                assert all(np.allclose(one[name], other[name], rtol=1e-4, atol=1e-5) for name in one)
            else:
                assert all(np.array_equal(one[name], other[name]) for name in one)

    def test_another_seed_is_another_start(self, spark: SparkSession, engine: str) -> None:
        frame = checkerboard(spark)
        _, one = both(fit(frame, self.config(engine, epochs=1)))
        _, other = both(fit(frame, self.config(engine, epochs=1, seed=8)))
        assert any(not np.array_equal(one[name], other[name]) for name in one)

    def test_every_id_that_took_something_has_a_finite_vector(self, spark: SparkSession, engine: str) -> None:
        # u12 only hid, and i12 was only hidden: nothing is known of what they like or who likes them.
        frame = checkerboard(spark, ("u12", "i00", 0.0, True), ("u00", "i12", 0.0, True), ("u13", "i13", 0.0, False))
        for found, prefix in zip(both(fit(frame, self.config(engine, factors=7, epochs=1))), "ui", strict=True):
            assert sorted(found) == [f"{prefix}{n:02d}" for n in range(SIZE)]
            assert all(len(vector) == 7 and np.isfinite(vector).all() for vector in found.values())

    def test_a_hidden_item_is_an_observed_zero(self, spark: SparkSession, engine: str) -> None:
        # User 0 hides item 2, which users of its kind take, and which it took itself.
        rows = [row for row in checkerboard_rows() if row[:2] != ("u00", "i02")]
        frame = spark.createDataFrame([*rows, ("u00", "i02", 1.0, True)], SCHEMA)
        hidden = scores(fit(frame, self.config(engine, epochs=4, hide_weight=5.0)))["u00", "i02"]
        silent = scores(fit(frame, self.config(engine, epochs=4, hide_weight=0.0)))["u00", "i02"]
        assert hidden < silent * 0.9

    @pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0])
    def test_weights_without_meaning_are_refused(self, spark: SparkSession, engine: str, weight: float) -> None:
        frame = checkerboard(spark, ("u00", "i00", weight, False))
        with pytest.raises(ModelError, match=r"1 weight\(s\) are NaN, infinite or negative"):
            fit(frame, self.config(engine))

    def test_a_pair_that_is_given_twice_is_refused(self, spark: SparkSession, engine: str) -> None:
        frame = checkerboard(spark, ("u00", "i02", 1.0, False), ("u04", "i02", 0.0, True))
        with pytest.raises(ModelError, match=r"2 row\(s\) repeat a pair"):
            fit(frame, self.config(engine))

    def test_rows_without_weight_teach_nothing(self, spark: SparkSession, engine: str) -> None:
        for rows in ([("u", "i", 0.0, False)], [("u", "i", 0.0, True)], []):
            with pytest.raises(ModelError, match="interactions has no rows with a weight above 0"):
                fit(spark.createDataFrame(rows, SCHEMA), self.config(engine))

    def test_hidden_is_optional(self, spark: SparkSession, engine: str) -> None:
        users, _ = both(fit(checkerboard(spark).drop("hidden"), self.config(engine, epochs=1)))
        assert len(users) == SIZE

    def test_a_fit_goes_on_from_earlier_items(self, spark: SparkSession, engine: str) -> None:
        if engine == "mllib":
            with pytest.raises(ValueError, match="engine mllib cannot start from given factors"):
                self.config(engine, warm_start=True)
            return
        frame = checkerboard(spark)
        fitted = fit(frame, self.config("local", epochs=30, cg_steps=None))
        _, best = both(fitted)
        known = fitted.item_factors.where("id <> 'i05'")  # a new item starts by chance
        # Differences would show even without a start: the vectors of another seed are not those of this one.
        _, warm = both(fit(frame, self.config(engine, epochs=1, seed=3), known))
        _, cold = both(fit(frame, self.config(engine, epochs=1, seed=3)))

        def miss(found: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]]) -> float:
            # Of the scores between items, which no rotation changes.
            names = sorted(best)
            stacked = [np.stack([side[name] for name in names]) for side in (found, best)]
            return float(np.abs(stacked[0] @ stacked[0].T - stacked[1] @ stacked[1].T).max())

        assert miss(warm) < miss(cold)


def test_auto_is_local_until_it_does_not_fit(spark: SparkSession, caplog: pytest.LogCaptureFixture) -> None:
    frame = checkerboard(spark)
    given = {"engine": "auto", "factors": 2, "regularization": 0.1, "epochs": 1}
    with caplog.at_level("INFO", logger="shortlist.als"):
        here = both(fit(frame, AlsConfig.model_validate(given)))
        there = both(fit(frame, AlsConfig.model_validate({**given, "local_gigabytes": 1e-6})))
    assert "engine local: 60 observations of about 12 users and 12 items need" in caplog.text
    assert "engine spark: 60 observations" in caplog.text
    for one, other in zip(here, there, strict=True):
        assert one.keys() == other.keys()
        assert all(np.allclose(one[name], other[name], rtol=1e-3, atol=1e-5) for name in one)
