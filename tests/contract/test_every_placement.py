"""Promises that every placement of co-occurrence keeps: the same rows, bit for bit, whatever the partitions."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from shortlist.config import DIRECTED_MEASURES, WEIGHTED_MEASURES, CooccurrenceConfig
from shortlist.errors import ModelError
from shortlist.kernels.cooccurrence import MEASURES
from shortlist.models.cooccurrence import fit as cooccurrence
from shortlist.tables import RELATED_ITEMS

PLACEMENTS = ("local", "mapped", "shuffled")
SCHEMA = "basket_id string, item_id string, position int, weight float"
# basket, item, position; c follows a and b twice; every basket weighs as much as the others.
HAND = [("x", "a", 1), ("x", "b", 2), ("x", "c", 3), ("y", "b", 1), ("y", "a", 2), ("y", "c", 3), ("z", "d", 1)]
MODES: dict[str, dict[str, Any]] = {
    "plain": {"measures": tuple(MEASURES)},
    "weighted": {"measures": WEIGHTED_MEASURES},
    "directed": {"measures": DIRECTED_MEASURES, "directed": True},
    "directed and weighted": {"measures": DIRECTED_MEASURES, "directed": True, "distance_weight": "reciprocal"},
}


def config(placement: str, **more: Any) -> CooccurrenceConfig:
    # Some blocks of each kind: what is small enough for a test would fit into one.
    small = {"placement": placement, "min_support": 1, "neighbours": 6, "block_rows": 100, "item_blocks": 5}
    return CooccurrenceConfig.model_validate({**small, **more})


def planted(spark: SparkSession, mode: str) -> DataFrame:
    """Baskets of three to twelve of 50 items, some of which are in nearly every basket."""
    random = np.random.default_rng(3)
    chances = np.linspace(1, 8, 50) / np.linspace(1, 8, 50).sum()
    rows = []
    for basket in range(120):
        items = random.choice(50, random.integers(3, 13), replace=False, p=chances)
        weight = float(random.choice([0.9, 0.3, 0.01])) if "weighted" in mode else 1.0
        rows += [(f"b{basket:03d}", f"i{item:02d}", place + 1, weight) for place, item in enumerate(items.tolist())]
    return spark.createDataFrame(rows, SCHEMA)


def related(baskets: DataFrame, settings: CooccurrenceConfig) -> list[Row]:
    with cooccurrence.fit(baskets, settings) as found:
        assert [(field.name, field.dataType) for field in found.schema] == [
            (name, RELATED_ITEMS.schema[name].dataType) for name in found.columns
        ]
        assert {*found.columns, "run_date"} == set(RELATED_ITEMS.columns)
        return sorted(found.collect())


@pytest.fixture(scope="module")
def expected(_spark: SparkSession) -> dict[str, list[Row]]:
    """By one process, whose kernel is held against dense matrices elsewhere."""
    return {mode: related(planted(_spark, mode), config("local", **more)) for mode, more in MODES.items()}


@pytest.mark.parametrize("placement", PLACEMENTS)
class TestEveryPlacement:
    def test_by_hand(self, spark: SparkSession, placement: str) -> None:
        baskets = spark.createDataFrame([(*row, 1.0) for row in HAND], SCHEMA)
        found = related(baskets, config(placement, measures=("cosine", "count"), basket_kind="board", neighbours=2))
        both = [
            ("a", 1, "b", 2),
            ("a", 2, "c", 2),
            ("b", 1, "a", 2),
            ("b", 2, "c", 2),
            ("c", 1, "a", 2),
            ("c", 2, "b", 2),
        ]
        assert [tuple(row) for row in found] == [
            *[("board", "cosine", item, rank, other, 1.0, support) for item, rank, other, support in both],
            *[("board", "count", item, rank, other, 2.0, support) for item, rank, other, support in both],
        ]

    def test_direction_by_hand(self, spark: SparkSession, placement: str) -> None:
        baskets = spark.createDataFrame([(*row, 0.5) for row in HAND], SCHEMA)
        found = related(baskets, config(placement, measures=("count",), directed=True, distance_decay=0.5))
        assert [tuple(row)[2:] for row in found] == [
            ("a", 1, "c", 0.75, 2),
            ("a", 2, "b", 0.5, 1),
            ("b", 1, "c", 0.75, 2),
            ("b", 2, "a", 0.5, 1),
        ]

    @pytest.mark.parametrize("mode", MODES)
    def test_the_same_rows_bit_for_bit_whatever_the_partitions(
        self, spark: SparkSession, expected: dict[str, list[Row]], placement: str, mode: str
    ) -> None:
        baskets = planted(spark, mode).repartition(5, "item_id").sortWithinPartitions(F.desc("position"))
        found = related(baskets, config(placement, **MODES[mode]))
        assert len(found) > 800
        assert found == expected[mode]

    def test_the_number_of_item_blocks_changes_nothing(
        self, spark: SparkSession, expected: dict[str, list[Row]], placement: str
    ) -> None:
        for blocks in (1, 12):
            assert (
                related(planted(spark, "plain"), config(placement, **MODES["plain"], item_blocks=blocks))
                == expected["plain"]
            )

    def test_ranks_fall_by_score_then_item_and_support_is_enough(self, spark: SparkSession, placement: str) -> None:
        lists: dict[tuple[str, str], list[Row]] = {}
        for row in related(planted(spark, "plain"), config(placement, **MODES["plain"], min_support=4)):
            lists.setdefault((row.measure, row.item_id), []).append(row)
            assert row.support >= 4
            assert row.item_id != row.related_item_id
        assert {measure for measure, _ in lists} == set(MEASURES)
        for rows in lists.values():
            assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
            keys = [(-row.score, row.related_item_id) for row in rows]
            assert keys == sorted(keys)

    def test_weight_and_position_are_optional(
        self, spark: SparkSession, expected: dict[str, list[Row]], placement: str
    ) -> None:
        baskets = planted(spark, "plain").select("basket_id", "item_id")
        assert related(baskets, config(placement, **MODES["plain"])) == expected["plain"]

    def test_rows_that_break_what_a_basket_is_are_refused(self, spark: SparkSession, placement: str) -> None:
        rows = [(*row, 1.0) for row in HAND]
        for more, text in (
            ([("x", "a", 4, 1.0), ("y", "b", 4, 1.0)], "2 row(s) repeat an item of a basket"),
            ([("x", "e", 4, 0.5)], "have another weight than their basket"),
            ([("w", "e", 1, math.nan), ("w", "f", 2, 0.0)], "2 row(s) have a weight that is NaN, infinite"),
        ):
            with (
                pytest.raises(ModelError, match="baskets of kind session") as error,
                cooccurrence.fit(spark.createDataFrame([*rows, *more], SCHEMA), config(placement)),
            ):
                pass
            assert text in str(error.value)
        with (
            pytest.raises(ModelError, match="baskets of kind session has no rows"),
            cooccurrence.fit(spark.createDataFrame([], SCHEMA), config(placement)),
        ):
            pass

    def test_nobody_was_together_with_anybody(self, spark: SparkSession, placement: str) -> None:
        alone = spark.createDataFrame([("x", "a", 1, 1.0), ("y", "b", 1, 1.0)], SCHEMA)
        assert related(alone, config(placement)) == []

    def test_scratch_holds_nothing_afterwards(self, spark: SparkSession, placement: str, tmp_path: Path) -> None:
        scratch = tmp_path / "scratch"
        assert related(planted(spark, "plain"), config(placement, scratch=str(scratch)))
        assert list(scratch.glob("*")) == []


@pytest.fixture
def adaptive(spark: SparkSession) -> Iterator[SparkSession]:
    """A session whose plans adapt, as a cluster's do by default."""
    spark.conf.set("spark.sql.adaptive.enabled", "true")
    yield spark
    spark.conf.set("spark.sql.adaptive.enabled", "false")


@pytest.mark.parametrize("placement", ["mapped", "shuffled"])
def test_small_blocks_are_not_put_together_into_one_task(
    adaptive: SparkSession, expected: dict[str, list[Row]], placement: str
) -> None:
    with cooccurrence.fit(planted(adaptive, "plain"), config(placement, **MODES["plain"])) as found:
        tasks = {row.task for row in found.select(F.spark_partition_id().alias("task")).collect()}
        assert len(tasks) == 5
        assert sorted(found.collect()) == expected["plain"]


def test_auto_takes_the_first_that_fits_and_says_why(spark: SparkSession, caplog: pytest.LogCaptureFixture) -> None:
    baskets = planted(spark, "plain")
    with caplog.at_level("INFO", logger="shortlist.cooccurrence"):
        here = related(baskets, config("auto"))
        assert related(baskets, config("auto", local_gigabytes=1e-6)) == here
        # 120 baskets and 845 rows are 5.3 kB: too much for one file; the largest of 5 shares is 4.4 kB.
        assert related(baskets, config("auto", local_gigabytes=1e-6, shared_gigabytes=4.8e-6)) == here
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("placement")]
    assert [line.split(":")[0] for line in said] == ["placement local"] * 2 + ["placement mapped", "placement shuffled"]
    assert "GB in one process (cooccurrence.local_gigabytes 2)" in said[0]
    assert "a file of" in said[2]
    assert "are moved, a task holds" in said[3]


def test_what_fits_nowhere_is_refused_with_every_number(spark: SparkSession) -> None:
    with (
        pytest.raises(ModelError) as error,
        cooccurrence.fit(planted(spark, "plain"), config("auto", local_gigabytes=1e-6, shared_gigabytes=1e-7)),
    ):
        pass
    for part in ("local: one process would hold", "mapped: its file is", "shuffled: a task would hold", "is 1e-07"):
        assert part in str(error.value)
