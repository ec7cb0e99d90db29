"""Landed lines to engagements, on lines one can read."""

import json
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from shortlist.columns import (
    FAULT,
    FILE,
    FOLDER_VALUES,
    GIVEN,
    HEADER,
    INGEST_DATE,
    OFFSET,
    RAW,
    RAW_BYTES,
    REASONS,
    RECEIPT,
)
from shortlist.config import ExtractionConfig, FeedConfig, IdsConfig
from shortlist.subjects import id_text
from shortlist.transforms.engagements import REASON_KINDS, parse_lines, rejected, usable
from shortlist.transforms.faults import NO_TEXT
from shortlist.transforms.values import id_column
from tests.local import INTERPRETED

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


def lines(
    spark: SparkSession, *raws: str | bytes, day: date = DAY, file: str = "engagements/2017-11-30/part-0"
) -> DataFrame:
    rows = [(raw.encode() if isinstance(raw, str) else raw, file, number, day) for number, raw in enumerate(raws)]
    frame = spark.createDataFrame(rows, f"{RAW} binary, {FILE} string, {OFFSET} long, {INGEST_DATE} date")
    nothing = {name: F.lit(None).cast("string") for name in (HEADER, FAULT, RECEIPT)}
    nothing[FOLDER_VALUES] = F.lit(None).cast("map<string,string>")
    return frame.withColumn(RAW, F.col(RAW).cast("string")).withColumns(nothing)


def parsed(frame: DataFrame, feed: FeedConfig | None = None, **config: Any) -> DataFrame:
    return parse_lines(frame, feed or FeedConfig(), ExtractionConfig(**config)).persist()


def reasons(spark: SparkSession, *raws: str | bytes, feed: FeedConfig | None = None, **config: Any) -> list[list[str]]:
    """The reasons against each line, in the order of the lines; each is known to settings."""
    rows = parsed(lines(spark, *raws), feed, **config).orderBy(OFFSET).collect()
    found = [list(row[REASONS]) for row in rows]
    assert {reason for given in found for reason in given} <= set(REASON_KINDS)
    return found


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
    ({"event_ts": "12:30"}, ["event_ts has the wrong type"]),
    ({"event_ts": "2017-02-30T00:00:00Z"}, ["event_ts is no possible time"]),
    ({"event_ts": "2017-11-30T25:00:00Z"}, ["event_ts is no possible time"]),
    ({"value": "NaN"}, []),
    ({"value": ""}, []),
    ({"position": " "}, []),
    ({"position": "1.0"}, []),
    ({"position": 1.0}, []),
    ({"user_id": "\\N"}, ["user_id is missing"]),
    ({"user_id": "null"}, ["user_id is missing"]),
    ({"user_id": "-"}, ["user_id is missing"]),
    ({"item_id": "undefined"}, ["item_id is missing"]),
    ({"event_ts": "NULL"}, ["event_ts is missing"]),
    ({"value": "-Infinity"}, ["value has the wrong type"]),
    ({"position": 1.5}, ["position has the wrong type"]),
    ({"user_id": {"id": "u1"}}, ["user_id has the wrong type"]),
    ({"item_id": ["i1"]}, ["item_id has the wrong type"]),
    ({"item_id": "[i1]"}, []),
    ({"user_id": 17}, []),
    ({"session_id": "s" * 257}, ["session_id is too long"]),
    ({"user_id": "u\ufffd"}, []),
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


def test_no_value_is_one_notion_for_every_column(spark: SparkSession) -> None:
    words = ["", " ", "NULL", "None", "N/A", "\\N", "undefined", "(null)", "NaN"]
    raws = [
        json.dumps({**GOOD, "session_id": word, "value": word, "position": word, "surface": word}) for word in words
    ]
    raws += [json.dumps({**GOOD, "session_id": "@", "value": "@"}).replace('"@"', "NaN")]
    raws += [json.dumps({**GOOD, "session_id": "-", "surface": "-"})]
    rows = parsed(lines(spark, *raws)).orderBy(OFFSET).collect()
    assert [list(row[REASONS]) for row in rows] == [[]] * len(raws)
    assert {row["session_id"] for row in rows} == {None}
    assert [row["surface"] for row in rows] == [None] * (len(words) + 1) + ["-"]
    assert [row["value"] for row in rows[:-1]] == [None] * (len(words) + 1)

    own = FeedConfig(no_value=("none",), no_value_ids=())
    words = ["NULL", "none", "-"]
    found = parsed(lines(spark, *(json.dumps({**GOOD, "session_id": word}) for word in words)), own).orderBy(OFFSET)
    assert [row["session_id"] for row in found.collect()] == ["NULL", None, "-"]


FORMS = [
    17,
    17.0,
    "17",
    "17.0",
    "17.00",
    " 17\t",
    "\u00a017.0 ",
    "1e3",
    "-3.0",
    "1.5",
    "v1.0",
    "1.0.0",
    "Ab",
    "e\u0301",
]


def test_an_id_has_one_text_whatever_wrote_it(spark: SparkSession) -> None:
    rows = parsed(lines(spark, *(json.dumps({**GOOD, "user_id": form}) for form in FORMS))).orderBy(OFFSET).collect()
    assert [row["user_id"] for row in rows] == ["17"] * 7 + ["1e3", "-3", "1.5", "v1.0", "1.0.0", "Ab", "e\u0301"]
    for given in ({}, {"trim": False, "case": "lower"}, {"case": "upper", "unicode": "NFC"}, {"unicode": "NFKC"}):
        ids = IdsConfig.model_validate(given)
        frame = spark.createDataFrame([(str(form),) for form in FORMS], "id string")
        found = [row[0] for row in frame.select(id_column(F.col("id"), ids)).collect()]
        assert found == [id_text(str(form), ids) for form in FORMS]
    assert id_text("e\u0301", IdsConfig(unicode="NFC")) == "\u00e9"
    assert id_text(" Ab", IdsConfig(trim=False, case="lower")) == " ab"


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
            RAW_BYTES: None,
            HEADER: None,
            FILE: "engagements/2017-11-30/part-0",
            OFFSET: 1,
            REASONS: ["no valid JSON object"],
            INGEST_DATE: DAY,
        }
    ]


def test_bytes_that_are_no_text_are_found_and_kept_exactly(spark: SparkSession) -> None:
    """Not the replacement character that a producer may have landed, but bytes that no text has."""
    line = json.dumps(GOOD).encode().replace(b'"u1"', b'"u\xff"')
    assert reasons(spark, line) == [["invalid UTF-8"]]
    kept = rejected(parsed(lines(spark, line))).collect()
    assert [(row[RAW], bytes(row[RAW_BYTES])) for row in kept] == [(line.decode(errors="replace"), line)]


NESTED = FeedConfig.model_validate(
    {
        "fields": {
            "event_id": "meta.id",
            "event_type": "verb",
            "event_ts": "meta.at",
            "user_id": "who",
            "item_id": "what.pin.id",
        },
        "constants": {"surface": "homefeed", "position": 3},
        "event_types": {"looked": "closeup", "kept": "save"},
        "timestamp": {"format": "epoch-millis"},
    }
)


def nested(**change: Any) -> str:
    return json.dumps(
        {"meta": {"id": "e1", "at": 1512036000000}, "verb": "kept", "who": 7, "what": {"pin": {"id": "i1"}}, **change}
    )


def test_a_mapping_renames_translates_and_adds_constants(spark: SparkSession) -> None:
    row = usable(parsed(lines(spark, nested(user_id="not mapped")), NESTED)).first()
    assert row is not None
    names = ("event_id", "event_type", "user_id", "item_id", "surface", "position", "session_id", "value")
    assert [row[name] for name in names] == ["e1", "save", "7", "i1", "homefeed", 3, None, None]
    assert row["event_ts"].isoformat() == "2017-11-30T10:00:00"


def test_a_field_with_dots_in_its_own_name_is_read_too(spark: SparkSession) -> None:
    """Flattened objects: `what.pin.id` is a field of that name, or a field inside objects; the object counts first."""
    flat = json.dumps({"meta.id": "e1", "meta.at": 1512036000000, "verb": "kept", "who": 7, "what.pin.id": "i1"})
    rows = parsed(lines(spark, flat, nested(**{"what.pin.id": "not this"})), NESTED).orderBy(OFFSET).collect()
    assert [(row["event_id"], row["item_id"], list(row[REASONS])) for row in rows] == [("e1", "i1", [])] * 2


def test_a_value_that_is_no_text_has_its_own_reason_and_no_other(spark: SparkSession) -> None:
    frame = given(spark, {"event_id": "e1", "user_id": None}).withColumn(FAULT, F.lit(NO_TEXT))
    row = parse_lines(frame, FeedConfig(format="parquet"), ExtractionConfig()).first()
    assert row is not None
    assert list(row[REASONS]) == [NO_TEXT]
    assert REASON_KINDS[NO_TEXT] == "invalid_utf8"


def test_a_mapping_gives_its_own_reasons(spark: SparkSession) -> None:
    lines_and_reasons = [
        (nested(verb="save"), ["unknown event_type"]),
        (nested(what={"pin": None}), ["item_id is missing"]),
        (nested(what="i1"), ["a nested field has the wrong type", "item_id is missing"]),
        ("{broken", ["no valid JSON object"]),
        ("[1]", ["no valid JSON object"]),
    ]
    found = reasons(spark, *(line for line, _ in lines_and_reasons), feed=NESTED)
    assert found == [expected for _, expected in lines_and_reasons]


def test_numbers_become_types_by_the_nearest_number_that_is_not_above(spark: SparkSession) -> None:
    feed = FeedConfig.model_validate({"event_types_by_number": {"4": "save", "0.5": "hide", "2.5": "closeup"}})
    words: list[Any] = [0.5, "2.49", 2.5, "3", 4, "4.0", 5, "1e3", 0, -1, "good", "NaN", None]
    rows = parsed(lines(spark, *(json.dumps({**GOOD, "event_type": word}) for word in words)), feed).orderBy(OFFSET)
    kinds = ["hide", "hide", "closeup", "closeup", "save", "save", "save", "save", None, None, None, None, None]
    assert [row["event_type"] for row in rows.collect()] == kinds
    unknown, missing = ["unknown event_type"], ["event_type is missing"]
    assert [list(row[REASONS]) for row in rows.collect()] == [[]] * 8 + [unknown] * 3 + [missing] * 2


TIMES: list[tuple[dict[str, str], list[tuple[Any, str]]]] = [
    (
        {"format": "iso", "zone": "America/New_York"},
        [
            ("2017-11-30 05:00:00", "2017-11-30T10:00:00"),
            ("2017-11-30T10:00:00Z", "2017-11-30T10:00:00"),
            ("2017-11-30T12:00:00.25+02:00", "2017-11-30T10:00:00.250000"),
            ("2017-11-30T12:00:00+0200", "2017-11-30T10:00:00"),
            ("2017-07-01", "2017-07-01T04:00:00"),
        ],
    ),
    (
        {"format": "epoch-seconds"},
        [
            (1512036000, "2017-11-30T10:00:00"),
            ("1512036000.5", "2017-11-30T10:00:00.500000"),
            ("soon", "event_ts has the wrong type"),
            (-1, "event_ts is no possible time"),
            (1e30, "event_ts is no possible time"),
        ],
    ),
    ({"format": "epoch-micros"}, [(1512036000000001, "2017-11-30T10:00:00.000001")]),
    (
        {"format": "dd/MM/yyyy HH:mm:ss", "zone": "Europe/Berlin"},
        [
            ("30/11/2017 11:00:00", "2017-11-30T10:00:00"),
            ("31/11/2017 11:00:00", "event_ts is no possible time"),
            ("never", "event_ts has the wrong type"),
        ],
    ),
    (
        {"format": "yyyy-MM-dd HH:mm 'Z'XXX", "zone": "Europe/Berlin"},
        [("2017-11-30 12:00 Z+02:00", "2017-11-30T10:00:00")],
    ),
]


def test_times_are_read_by_format_and_zone(spark: SparkSession) -> None:
    for given, cases in TIMES:
        feed = FeedConfig.model_validate({"timestamp": given})
        raws = [json.dumps({**GOOD, "event_ts": written}) for written, _ in cases]
        rows = parsed(lines(spark, *raws), feed, max_late_days=365).orderBy(OFFSET).collect()
        found = [row[REASONS][0] if row[REASONS] else row["event_ts"].isoformat() for row in rows]
        assert found == [expected for _, expected in cases], given


def given(spark: SparkSession, *rows: dict[str, Any], raw: str | None = None) -> DataFrame:
    """Rows of a format whose reader knows fields."""
    names = list(FeedConfig().paths)
    values = [[None if row.get(name) is None else str(row[name]) for name in names] for row in rows]
    fields = ", ".join(f"{name}: string" for name in names)
    frame = lines(spark, *["as,landed"] * len(rows)).withColumn(RAW, F.lit(raw).cast("string"))
    texts = spark.createDataFrame(
        [(number, row) for number, row in enumerate(values)], f"{OFFSET} long, {GIVEN} struct<{fields}>"
    )
    return frame.join(texts, OFFSET)


def test_rows_with_fields_are_typed_like_lines(spark: SparkSession) -> None:
    rows = given(spark, GOOD, {}, raw="as,landed")
    rows = rows.withColumn(FAULT, F.when(F.col(OFFSET) == 1, F.lit("no valid CSV row")))
    found = parsed(rows, FeedConfig(format="csv")).orderBy(OFFSET).collect()
    assert [list(row[REASONS]) for row in found] == [[], ["no valid CSV row"]]
    assert (found[0][RAW], found[0]["position"], found[0]["value"]) == ("as,landed", 2, 1.5)


def test_a_row_without_text_is_kept_as_what_was_read_of_it(spark: SparkSession) -> None:
    rows = parsed(given(spark, {**GOOD, "position": "first"}), FeedConfig(format="parquet"))
    kept = rejected(rows).collect()
    assert [json.loads(row[RAW]) for row in kept] == [
        {**{name: str(value) for name, value in GOOD.items()}, "position": "first"}
    ]


def test_what_folders_state_fills_what_a_row_leaves_out(spark: SparkSession) -> None:
    without = json.dumps({key: value for key, value in GOOD.items() if key != "event_type"})
    stated = F.create_map(F.lit("event_type"), F.lit("save"), F.lit("user_id"), F.lit("u9"))
    rows = lines(spark, without, json.dumps(GOOD)).withColumn(FOLDER_VALUES, stated)
    found = [(row["event_type"], row["user_id"]) for row in parsed(rows).orderBy(OFFSET).collect()]
    assert found == [("save", "u1"), ("checkout", "u1")]


def test_a_line_with_a_fault_says_only_that(spark: SparkSession) -> None:
    rows = lines(spark, json.dumps(GOOD) + " xx").withColumn(FAULT, F.lit("text after the JSON object"))
    assert [list(row[REASONS]) for row in parsed(rows).collect()] == [["text after the JSON object"]]


def test_a_receipt_is_no_row(spark: SparkSession) -> None:
    found = parsed(lines(spark, "broken").withColumn(RECEIPT, F.lit("read")))
    assert (usable(found).count(), rejected(found).count()) == (0, 0)
    assert [row[RECEIPT] for row in found.collect()] == ["read"]


def test_java_compiles_what_parses_a_row(spark: SparkSession) -> None:
    """Java interprets a method of more than 8,000 bytes for ever, at a fraction of the speed."""
    columns = f"{RAW} string, {HEADER} string, {FILE} string, {OFFSET} long, {INGEST_DATE} date, {FAULT} string, "
    columns += f"{RECEIPT} string, {FOLDER_VALUES} map<string,string>"
    landed = spark.createDataFrame(spark.sparkContext.emptyRDD(), columns)
    for setting in INTERPRETED:
        spark.conf.unset(setting)
    try:
        stages = parse_lines(landed, FeedConfig(), ExtractionConfig())._jdf.queryExecution().debug().codegenToSeq()
    finally:
        for setting, value in INTERPRETED.items():
            spark.conf.set(setting, value)
    sizes = [stages.apply(number)._3().maxMethodCodeSize() for number in range(stages.size())]
    assert sizes
    assert max(sizes) <= 8000
