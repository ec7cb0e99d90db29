"""Why a list may be short, and reasons in words."""

from pyspark.sql import DataFrame, SparkSession

from shortlist.transforms.reasons import with_reasons
from shortlist.transforms.shortfall import NOTHING_LEFT, RULES_OF_THE_LIST, TOO_FEW_PROPOSED, summarise


def names(frame: DataFrame, *columns: str) -> set[tuple[object, ...]]:
    return {tuple(row) for row in frame.select(*columns).collect()}


def test_short_lists_say_why(spark: SparkSession) -> None:
    rows = [
        ("ate all", 1, 1, "{}"),
        ("also", 0, 0, None),
        ("forgotten", 0, 4, '{"seen": 9}'),
        ("long enough for a k of 2", 2, 2, "{}"),
        ("all in one category", 1, 4, '{"seen": 9, "max_per_category": 1}'),
        ("too few, and one by a rule", 0, 4, '{"max_per_category": 1}'),
    ]
    short = spark.createDataFrame(rows, "subject_id string, length int, eligible_left int, removed string")
    found = summarise(short, 2, ["hidden", "seen"], ["max_per_category"]).collect()
    assert {row["why"]: (row["subjects"], row["rows"], row["without_list"], row["removed"]) for row in found} == {
        NOTHING_LEFT: (2, 1, 1, {}),
        TOO_FEW_PROPOSED: (2, 0, 2, {"seen": 9, "max_per_category": 1}),
        RULES_OF_THE_LIST: (1, 1, 0, {"seen": 9, "max_per_category": 1}),
    }


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
