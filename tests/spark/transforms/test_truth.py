"""What counts as relevant after a day."""

from datetime import date

from pyspark.sql import DataFrame, SparkSession

from shortlist.config import QueriesConfig
from shortlist.transforms.truth import Around, engaged_pairs, item_truth, query_truth, user_truth

DAY = date(2017, 11, 23)
COUNTED = ("closeup", "checkout")


def events(spark: SparkSession) -> DataFrame:
    rows = [
        ("checkout", date(2017, 11, 23), "u", "old", "s0"),
        ("checkout", date(2017, 11, 24), "u", "old", "s1"),
        ("impression", date(2017, 11, 23), "u", "fresh", "s0"),
        ("send", date(2017, 11, 22), "u", "only sent", None),
        ("closeup", date(2017, 11, 22), "v", "looked at", "s3"),
        ("checkout", date(2017, 11, 24), "u", "fresh", "s1"),
        ("closeup", date(2017, 11, 24), "u", "seen only", "s1"),
        ("checkout", date(2017, 11, 24), "u", None, "s1"),
        ("checkout", date(2017, 11, 25), "v", "alone", "s2"),
    ]
    return spark.createDataFrame(
        rows, "event_type string, event_date date, user_id string, item_id string, session_id string"
    )


def around(spark: SparkSession) -> Around:
    known = events(spark)
    return Around(known, engaged_pairs(known, DAY, ["checkout"], COUNTED), DAY, ["checkout"], QueriesConfig())


def rows(frame: DataFrame) -> set[tuple[str, str, str]]:
    return {(row.segment, row.subject_id, row.item_id) for row in frame.collect()}


def test_users_later_items_and_those_new_to_them(spark: SparkSession) -> None:
    assert rows(user_truth(around(spark))) == {
        ("all", "u", "old"),
        ("all", "u", "fresh"),
        ("all", "v", "alone"),
        ("new", "u", "fresh"),
        ("new", "v", "alone"),
        ("engaged_before", "u", "old"),
        ("engaged_before", "v", "looked at"),
    }


def test_items_later_beside_one_another(spark: SparkSession) -> None:
    assert rows(item_truth(around(spark))) == {("all", "old", "fresh"), ("all", "fresh", "old")}


def test_queries_later_clicks_and_those_new_to_them(spark: SparkSession) -> None:
    rows_of = [
        ("click", date(2017, 11, 23), "Red shoe", "old"),
        ("click", date(2017, 11, 24), "red  shoe", "old"),
        ("outbound", date(2017, 11, 25), "red shoe", "fresh"),
        ("impression", date(2017, 11, 25), "red shoe", "only shown"),
        ("click", date(2017, 11, 25), None, "without a query"),
        ("click", date(2017, 11, 23), "blue hat", "not later"),
    ]
    known = spark.createDataFrame(rows_of, "event_type string, event_date date, query string, item_id string")
    found = query_truth(Around(known, known, DAY, ["checkout"], QueriesConfig()))
    assert rows(found) == {
        ("all", "red shoe", "old"),
        ("all", "red shoe", "fresh"),
        ("new", "red shoe", "fresh"),
        ("engaged_before", "red shoe", "old"),
        ("engaged_before", "blue hat", "not later"),
    }


def test_pairs_before_and_after(spark: SparkSession) -> None:
    found = engaged_pairs(events(spark), DAY, ["checkout"], COUNTED).collect()
    assert {(row.user_id, row.item_id, row.before, row.after) for row in found} == {
        ("u", "old", True, True),
        ("u", "fresh", False, True),
        ("v", "alone", False, True),
        ("v", "looked at", True, False),
    }
