"""Who gets a list, of what, and why one may be short."""

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.config import SurfaceConfig
from shortlist.transforms.ranking import top_ranked
from shortlist.transforms.reasons import with_reasons
from shortlist.transforms.scope import Scope, surface_scope
from shortlist.transforms.shortfall import NOTHING_LEFT, TOO_FEW_PROPOSED, short_lists


def interactions(spark: SparkSession) -> DataFrame:
    rows = [("u1", "a", 1.0), ("u2", "a", 1.0), ("u1", "b", 1.0), ("u2", "b", 1.0), ("u1", "c", 1.0), ("u3", "a", 0.0)]
    return spark.createDataFrame(rows, "user_id string, item_id string, weight float")


def catalog(spark: SparkSession) -> DataFrame:
    rows = [("a", "active", True), ("b", "active", False), ("c", "retired", True)]
    return spark.createDataFrame(rows, "item_id string, status string, buyable boolean")


def names(frame: DataFrame, *columns: str) -> set[tuple[object, ...]]:
    return {tuple(row) for row in frame.select(*columns).collect()}


def seen(scope: Scope) -> set[tuple[object, ...]]:
    return names(scope.subjects.select("subject_id", F.explode("seen").alias("item_id")), "subject_id", "item_id")


def test_every_user_with_history_is_a_subject_and_their_items_are_masked(spark: SparkSession) -> None:
    scope = surface_scope(
        interactions(spark), None, SurfaceConfig(subject="user", sources=("als",), min_item_support=2)
    )
    assert names(scope.subjects, "subject_id") == {("u1",), ("u2",), ("u3",)}
    assert names(scope.items, "item_id", "support") == {("a", 2), ("b", 2)}
    assert seen(scope) >= {("u3", "a"), ("u1", "c")}


def test_every_item_above_the_floor_is_a_subject_and_masks_itself(spark: SparkSession) -> None:
    scope = surface_scope(
        interactions(spark), None, SurfaceConfig(subject="item", sources=("als",), min_item_support=2)
    )
    assert names(scope.subjects, "subject_id") == {("a",), ("b",)}
    assert seen(scope) == {("a", "a"), ("b", "b")}


@pytest.mark.parametrize(
    ("active", "buyable", "left"),
    [(True, False, {"a", "b"}), (False, True, {"a", "c"}), (True, True, {"a"}), (False, False, {"a", "b", "c"})],
)
def test_the_catalog_filters_where_asked(spark: SparkSession, active: bool, buyable: bool, left: set[str]) -> None:
    surface = SurfaceConfig(
        subject="user", sources=("als",), min_item_support=1, active_items_only=active, buyable_items_only=buyable
    )
    scope = surface_scope(interactions(spark), catalog(spark), surface)
    assert {item for (item,) in names(scope.items, "item_id")} == left


def test_ranks_fall_by_score_then_item(spark: SparkSession) -> None:
    rows = [("s", "c", 1.0), ("s", "b", 2.0), ("s", "a", 1.0), ("t", "a", -1.0)]
    ranked = top_ranked(spark.createDataFrame(rows, "subject_id string, item_id string, score float"), 2)
    assert names(ranked, "subject_id", "item_id", "rank") == {("s", "b", 1), ("s", "a", 2), ("t", "a", 1)}


def test_short_lists_say_why(spark: SparkSession) -> None:
    scope = Scope(
        subjects=spark.createDataFrame(
            [("full", []), ("ate all", ["i0", "i1", "i2", "gone"]), ("forgotten", [])],
            "subject_id string, seen array<string>",
        ),
        items=spark.createDataFrame([(f"i{n}", 5) for n in range(4)], "item_id string, support int"),
    )
    candidates = spark.createDataFrame([("full",), ("full",), ("ate all",)], "subject_id string")
    found = {row["why"]: (row["subjects"], row["rows"]) for row in short_lists(candidates, scope, k=2).collect()}
    assert found == {NOTHING_LEFT: (1, 1), TOO_FEW_PROPOSED: (1, 0)}


def test_reasons_name_the_item_that_spoke_for_the_candidate(spark: SparkSession) -> None:
    rows = [("x", "near", "a"), ("y", "near", "zz"), ("z", "near", None), ("w", "far", None)]
    candidates = spark.createDataFrame(rows, "item_id string, source string, because_item_id string")
    titles = spark.createDataFrame([("a", "Milk"), ("x", "Bread")], "item_id string, title string")
    wording = {"near": "bought with {because}", "far": "popular"}
    found = names(with_reasons(candidates, titles, wording), "item_id", "reason")
    assert found == {
        ("x", "bought with Milk"),
        ("y", "bought with item zz"),
        ("z", "bought with your items"),
        ("w", "popular"),
    }
    untitled = names(with_reasons(candidates, None, wording), "item_id", "reason")
    assert ("x", "bought with item a") in untitled
