"""Landed lines to engagements, on lines one can read."""

import json
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from shortlist.columns import EVENT_ID, FILE, INGEST_DATE, OFFSET, RAW, REASONS
from shortlist.config import ExtractionConfig
from shortlist.transforms.engagements import as_delivered, first_deliveries, parse_lines, rejected, usable

DAY = date(2017, 11, 30)
GOOD = {
    "event_id": "e1",
    "event_type": "checkout",
    "event_ts": "2017-11-30T10:00:00Z",
    "user_id": "u1",
    "item_id": "i1",
    "position": 2,
    "value": 1.5,
}


def lines(spark: SparkSession, *raws: str, day: date = DAY, file: str = "engagements/2017-11-30/part-0") -> DataFrame:
    rows = [(raw, file, 100 + number, day) for number, raw in enumerate(raws)]
    return spark.createDataFrame(rows, f"{RAW} string, {FILE} string, {OFFSET} long, {INGEST_DATE} date")


def parsed(frame: DataFrame, **config: Any) -> DataFrame:
    return parse_lines(frame, ExtractionConfig(**config)).persist()


def reasons(spark: SparkSession, *raws: str, **config: Any) -> list[list[str]]:
    """The reasons against each line, in the order of the lines."""
    rows = parsed(lines(spark, *raws), **config).orderBy(OFFSET).collect()
    return [list(row[REASONS]) for row in rows]


def test_a_good_line_is_typed_and_kept(spark: SparkSession) -> None:
    row = usable(parsed(lines(spark, json.dumps(GOOD)))).first()
    assert row is not None
    found = row.asDict()
    assert (found["event_id"], found["position"], found["value"], found["event_date"]) == ("e1", 2, 1.5, DAY)
    assert found["event_ts"].isoformat() == "2017-11-30T10:00:00"
    assert found["surface"] is None


def test_a_time_with_another_offset_lands_on_its_utc_day(spark: SparkSession) -> None:
    line = json.dumps({**GOOD, "event_ts": "2017-11-30T23:30:00-02:00"})
    row = parsed(lines(spark, line, day=date(2017, 12, 1))).first()
    assert row is not None
    assert row["event_date"] == date(2017, 12, 1)


DEFECTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"event_id": None}, ["event_id is missing"]),
    ({"user_id": "  "}, ["user_id is missing"]),
    ({"item_id": None}, ["item_id is missing"]),
    ({"event_type": None}, ["event_type is missing"]),
    ({"event_ts": None}, ["event_ts is missing"]),
    ({"event_type": "stare"}, ["unknown event_type"]),
    ({"event_ts": "yesterday"}, ["event_ts has the wrong type"]),
    ({"position": "first"}, ["position has the wrong type"]),
    ({"value": "cheap"}, ["value has the wrong type"]),
    ({"user_id": "u" * 257}, ["user_id is too long"]),
    ({"item_id": "i\u0007"}, ["item_id has control characters"]),
    ({"event_ts": "2017-12-01T00:00:00Z"}, ["event is later than its delivery"]),
    ({"event_ts": "2017-10-30T23:59:59Z"}, ["event is too old for its delivery"]),
    ({"user_id": "u\ufffd"}, ["invalid UTF-8"]),
    (
        {"event_type": "stare", "position": "first", "user_id": ""},
        ["user_id is missing", "position has the wrong type", "unknown event_type"],
    ),
]


def test_every_defect_has_its_reason_and_all_of_them_are_given(spark: SparkSession) -> None:
    raws = [
        json.dumps({key: value for key, value in {**GOOD, **change}.items() if value is not None}, ensure_ascii=False)
        for change, _ in DEFECTS
    ]
    assert reasons(spark, *raws) == [expected for _, expected in DEFECTS]


def test_a_line_that_is_no_object_says_only_that(spark: SparkSession) -> None:
    raws = ["", "no json", '{"event_id": "e1"', "[1]", "null"]
    assert reasons(spark, *raws) == [["no valid JSON object"]] * len(raws)


def test_a_search_needs_no_item(spark: SparkSession) -> None:
    search = {key: value for key, value in GOOD.items() if key != "item_id"} | {"event_type": "search", "query": "milk"}
    assert reasons(spark, json.dumps(search)) == [[]]


def test_age_and_length_limits_are_settings(spark: SparkSession) -> None:
    old = json.dumps({**GOOD, "event_ts": "2017-10-30T12:00:00Z"})
    assert reasons(spark, old, max_late_days=31) == [[]]
    too_long = ["event_id is too long", "user_id is too long", "item_id is too long"]
    assert reasons(spark, json.dumps(GOOD), max_id_length=1) == [too_long]


def test_quarantine_keeps_the_line_and_counts_from_zero(spark: SparkSession) -> None:
    found = parsed(lines(spark, json.dumps(GOOD), "broken"))
    assert [row.asDict() for row in rejected(found).collect()] == [
        {
            RAW: "broken",
            FILE: "engagements/2017-11-30/part-0",
            OFFSET: 1,
            REASONS: ["no valid JSON object"],
            INGEST_DATE: DAY,
        }
    ]


def event(number: int, user: str) -> str:
    return json.dumps({**GOOD, "event_id": f"e{number}", "user_id": user})


def users_by_event(frame: DataFrame) -> dict[str, str]:
    return {row[EVENT_ID]: row["user_id"] for row in frame.collect()}


def test_the_earliest_folder_wins_whatever_the_order(spark: SparkSession) -> None:
    early = usable(parsed(lines(spark, event(1, "early"))))
    late = usable(parsed(lines(spark, event(1, "late"), event(2, "only"), day=date(2017, 12, 1))))
    expected = {"e1": "early", "e2": "only"}
    assert users_by_event(first_deliveries(early, late)) == expected
    assert users_by_event(first_deliveries(late.repartition(3), early)) == expected


def test_within_a_folder_the_first_line_of_the_first_file_wins(spark: SparkSession) -> None:
    second = usable(parsed(lines(spark, event(1, "second file"), file="b")))
    first = usable(parsed(lines(spark, event(1, "first line"), event(1, "second line"), file="a")))
    assert users_by_event(first_deliveries(second, first)) == {"e1": "first line"}


def test_rows_of_the_table_come_before_the_files_of_their_day(spark: SparkSession) -> None:
    stored = first_deliveries(usable(parsed(lines(spark, event(1, "stored"), file="z"))))
    again = usable(parsed(lines(spark, event(1, "again"), file="a")))
    assert users_by_event(first_deliveries(again, as_delivered(stored))) == {"e1": "stored"}
