"""Which rows name an erased subject, and what lists and texts are without it; answers by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from shortlist.config import IdsConfig
from shortlist.subjects import Subject, mention
from shortlist.tables import (
    BASKETS,
    CANDIDATES,
    ENGAGEMENTS,
    INTERACTIONS,
    RELATED_ITEMS,
    SOURCE_CANDIDATES,
    Table,
    candidates_table,
)
from shortlist.tables import USER_FACTORS as USERS
from shortlist.transforms.erasure import (
    baskets_of,
    digests_in,
    erased_rows,
    lists_without,
    names_erased,
    reworded,
    rows_by_subject,
    subject_digest,
    text_names_erased,
)

DAY = date(2017, 11, 9)
USER, ITEM = Subject("user", "7"), Subject("item", "7")


def test_spark_and_python_make_one_digest(spark: SparkSession) -> None:
    row = spark.createDataFrame([("ü'\"7",)], "id string").select(subject_digest("user", "id")).first()
    assert row is not None
    assert row[0] == Subject("user", "ü'\"7").digest
    assert USER.digest != ITEM.digest
    assert "7" not in repr(Subject("user", "7")).replace(USER.digest[:12], "")


@pytest.mark.parametrize(
    ("table", "subjects", "named"),
    [
        (ENGAGEMENTS, {}, {"user_id": "user", "item_id": "item"}),
        (INTERACTIONS, {}, {"user_id": "user", "item_id": "item"}),
        (BASKETS, {}, {"item_id": "item"}),
        (USERS, {}, {"id": "user"}),
        (RELATED_ITEMS, {}, {"item_id": "item", "related_item_id": "item"}),
        (
            candidates_table("home"),
            {"home": "user"},
            {"subject_id": "user", "item_id": "item", "condition": "item"},
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Table) else "",
)
def test_every_id_column_is_looked_at_as_its_kind(
    spark: SparkSession, table: Table, subjects: dict[str, str], named: dict[str, str]
) -> None:
    columns = sorted(name for name in table.columns if table.schema[name].dataType.simpleString() == "string")
    for column in columns:  # a row that has the id in this column only
        frame = spark.createDataFrame([["7" if name == column else "x" for name in columns]], columns)
        for subject in (USER, ITEM):
            row = frame.select(names_erased(digests_in(table, subjects), [subject.digest])).first()  # type: ignore[arg-type]
            assert row is not None
            assert row[0] == (named.get(column) == subject.kind), (column, subject.kind)


def test_a_new_table_of_users_keyed_by_id_needs_nobody_to_remember_it(spark: SparkSession) -> None:
    """Its contract says whom the column names; neither the table's nor the column's name does."""
    table = replace(USERS, name="tastes", contract="tastes")
    frame = spark.createDataFrame([("7",), ("x",)], "id string")
    for subject, found in ((USER, [True, False]), (ITEM, [False, False])):
        rows = frame.select(names_erased(digests_in(table, {}), [subject.digest])).collect()
        assert [row[0] for row in rows] == found, subject.kind


def test_a_list_is_for_what_its_surface_says(spark: SparkSession) -> None:
    rows = [("home", "7", "x"), ("related", "7", "x"), ("gone", "7", "x"), ("home", "x", "7"), ("home", "x", "x")]
    frame = spark.createDataFrame(rows, "surface string, subject_id string, item_id string")
    named = digests_in(SOURCE_CANDIDATES, {"home": "user", "related": "item"})
    found = [
        tuple(row)
        for row in frame.select(names_erased(named, [USER.digest]), names_erased(named, [ITEM.digest])).collect()
    ]
    # A surface that settings do not know any more may have been for either.
    assert found == [(True, False), (False, True), (True, True), (False, True), (False, False)]


def test_a_row_is_counted_once_for_each_subject_it_names(spark: SparkSession) -> None:
    rows = [("7", "7"), ("7", "x"), ("x", None)]
    frame = spark.createDataFrame(rows, "item_id string, related_item_id string")
    other = Subject("item", "x")
    counted = rows_by_subject(frame, digests_in(RELATED_ITEMS, {}), [ITEM.digest, other.digest, USER.digest])
    assert {row[0]: row[1] for row in counted.collect()} == {ITEM.digest: 2, other.digest: 2}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('{"user_id": "u-7/ä", "item_id": "x"}', True),
        ('{"user_id": "u-7/\\u00e4", "item_id": "x"}', True),  # JSON's other way to write it
        ('{"item_id": "x", "user_id": "u-7/ä", ', True),  # cut off
        ("2017-11-09,u-7/ä,x", True),
        ('{"user_id": "u-7/ä2"}', False),
        ("{broken", False),
        (None, False),
    ],
)
def test_a_broken_line_names_whom_it_quotes(spark: SparkSession, line: str | None, names: bool) -> None:
    frame = spark.createDataFrame([(line,)], "raw string")
    row = frame.select(text_names_erased("raw", [Subject("user", "u-7/ä").digest], IdsConfig())).first()
    assert row is not None
    assert row[0] is names


def test_a_word_within_a_longer_name_counts(spark: SparkSession) -> None:
    frame = spark.createDataFrame([('{"event_id": "u03-2017', ), ('{"event_id": "u031-2017', )], "raw string")  # fmt: skip
    found = frame.select(text_names_erased("raw", [Subject("user", "u03").digest], IdsConfig())).collect()
    assert [row[0] for row in found] == [True, False]


def test_an_id_is_found_in_every_form_that_extraction_reads_as_it(spark: SparkSession) -> None:
    raws = ['{"user_id": 17.0, "x', '{"user_id": " 17 "}', "a,17.00,b", '{"user_id": 170}', '{"user_id": "17.5"}']
    frame = spark.createDataFrame([(raw,) for raw in raws], "raw string")
    found = frame.select(text_names_erased("raw", [Subject("user", "17").digest], IdsConfig())).collect()
    # A word of a longer text that is the id is taken for it: the last line is lost too.
    assert [row[0] for row in found] == [True, True, True, False, True]
    lower = frame.select(text_names_erased("raw", [Subject("user", "ab").digest], IdsConfig(case="lower"))).collect()
    assert {row[0] for row in lower} == {False}
    named = spark.createDataFrame([('{"item_id": "AB", ',)], "raw string")
    assert named.select(text_names_erased("raw", [Subject("item", "ab").digest], IdsConfig(case="lower"))).first()[0]  # type: ignore[index]


def test_every_basket_of_a_user_is_found(spark: SparkSession) -> None:
    at = datetime(2017, 11, 9, tzinfo=UTC)
    rows = [("7", "s1", "b1", "r1", at, DAY), ("7", None, "b1", None, at, DAY), ("8", "s2", "b1", "r2", at, DAY)]
    schema = (
        "user_id string, session_id string, board_id string, request_id string, event_ts timestamp, event_date date"
    )
    found = baskets_of(spark.createDataFrame(rows, schema), [USER.digest])
    # 2017-11-09 is in the 2497th week after 1970-01-05.
    assert sorted(tuple(row) for row in found.collect()) == [
        (USER.digest, "board", "b1"),
        (USER.digest, "order", "r1"),
        (USER.digest, "session", "s1"),
        (USER.digest, "user-window", "7/2496"),
        (USER.digest, "user-window", "7/all"),
    ]


def test_lists_close_their_ranks_and_reasons_forget(spark: SparkSession) -> None:
    def candidate(subject: str, rank: int, item: str, reason: str) -> tuple[object, ...]:
        return (subject, rank, item, 1.0, "als", ["als"], reason, "m", "r", None, None, "ranked", 1.0, None, None, DAY)

    rows = [
        candidate("u1", 1, "a", "fits you"),
        candidate("u1", 2, "7", "fits you"),
        candidate("u1", 3, "b", "often with Red Wine"),
        candidate("u1", 4, "c", "often with item 7"),
        candidate("u1", 5, "d", "often with item 71 and Red Wines"),
        candidate("7", 1, "a", "fits you"),
    ]
    frame = spark.createDataFrame(rows, CANDIDATES.schema)
    named = digests_in(candidates_table("home"), {"home": "user"})
    left = lists_without(frame, named, [ITEM.digest], reworded(F.col("reason"), [ITEM], ["Red Wine"]))
    found = sorted((row.subject_id, row["rank"], row.item_id, row.reason) for row in left.collect())
    assert found == [
        ("7", 1, "a", "fits you"),  # a user of that name is somebody else
        ("u1", 1, "a", "fits you"),
        ("u1", 2, "b", "often with your items"),
        ("u1", 3, "c", "often with your items"),
        ("u1", 4, "d", "often with item 71 and Red Wines"),
    ]


def test_a_text_mentions_whole_words_only() -> None:
    pattern = mention([Subject("user", "a.b"), Subject("item", "q&\"é")])  # fmt: skip
    assert pattern.sub("-", "a.b xa.b a.bc acb (a.b) u_a.b") == "- xa.b a.bc acb (-) u_-"
    assert pattern.sub("-", r"q&\"é q&\"\u00e9 q&amp;&quot;é") == "- - -"


def test_a_parsed_line_is_about_whom_it_names(spark: SparkSession) -> None:
    """A usable line that only quotes an id elsewhere is somebody else's; of an unusable one that is not certain."""
    rows = [
        ("7", "x", "{}", []),
        ("x", "7", "{}", []),
        ("x", "x", '{"query": "7"}', []),
        (None, None, '{"query": "7"}', ["user_id is missing"]),
        (None, None, "{broken", ["no valid JSON object"]),
    ]
    frame = spark.createDataFrame(rows, "user_id string, item_id string, raw string, reasons array<string>")
    for digests, answers in (
        ([USER.digest], [True, False, False, True, False]),
        ([ITEM.digest], [False, True, False, True, False]),
        ([], [False] * 5),
    ):
        assert [row[0] for row in frame.select(erased_rows(digests, IdsConfig())).collect()] == answers
