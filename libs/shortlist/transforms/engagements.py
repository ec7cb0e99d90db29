"""Landed lines to engagements: parse, give every reason against a line, keep the first delivery of an event."""

from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from shortlist.columns import (
    EVENT_DATE,
    EVENT_ID,
    EVENT_TS,
    EVENT_TYPE,
    FILE,
    INGEST_DATE,
    ITEM_ID,
    OFFSET,
    POSITION,
    RAW,
    REASONS,
    SESSION_ID,
    USER_ID,
    VALUE,
)
from shortlist.config import ExtractionConfig
from shortlist.tables import ENGAGEMENTS, QUARANTINE

_CORRUPT = "_corrupt"
_EVENT = "_event"
# Ids that every executor can hold: 100 MB at 100 bytes each.
_FEW = 1_000_000
_DELIVERED = [INGEST_DATE, EVENT_DATE]
_FIELDS = [field for field in ENGAGEMENTS.schema if field.name not in _DELIVERED]
# Everything is read as text first: a typed JSON read turns a change of type into NULL without a word.
_AS_TEXT = StructType(
    [*(StructField(field.name, StringType()) for field in _FIELDS), StructField(_CORRUPT, StringType())]
)
_REQUIRED = [EVENT_ID, EVENT_TYPE, EVENT_TS, USER_ID]
_EVENT_TYPES = next(rule for rule in ENGAGEMENTS.rules if rule.name == "event_type_known").arguments["value_set"]


def parse_lines(lines: DataFrame, config: ExtractionConfig) -> DataFrame:
    """Lines with their typed event and every reason against it.

    Args:
        lines: raw, file, offset, ingest_date.
        config: longest id, oldest acceptable event.

    Returns:
        raw, file, offset, the columns of engagements, and reasons (array<string>, empty for a usable line). Persist it
        before looking at reasons: Spark pushes a filter on them below their making, and parses each line once per check.
    """
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT}
    event = lines.withColumn(_EVENT, F.from_json(F.col(RAW), _AS_TEXT, options))
    given = {field.name: F.col(f"{_EVENT}.{field.name}") for field in _FIELDS}
    # Step by step: each cast is then computed once and looked at by name, not once per check that looks at it.
    typed = event.withColumns({field.name: given[field.name].try_cast(field.dataType) for field in _FIELDS})
    dated = typed.withColumn(EVENT_DATE, F.to_date(EVENT_TS))
    age = F.datediff(INGEST_DATE, EVENT_DATE)
    no_json = F.col(f"{_EVENT}.{_CORRUPT}").isNotNull() | F.col(_EVENT).isNull()

    checks: list[tuple[str, Column]] = [
        ("no valid JSON object", no_json),
        ("invalid UTF-8", F.col(RAW).contains("\ufffd")),
    ]
    checks += [(f"{name} is missing", ~no_json & _is_empty(given[name])) for name in _REQUIRED]
    checks += [
        (f"{name} has the wrong type", given[name].isNotNull() & F.col(name).isNull())
        for name in (EVENT_TS, POSITION, VALUE)
    ]
    checks += [
        (f"{name} is too long", F.length(given[name]) > config.max_id_length)
        for name in (EVENT_ID, USER_ID, ITEM_ID, SESSION_ID)
    ]
    checks += [
        (f"{name} has control characters", given[name].rlike(r"[\x00-\x1f\x7f]"))
        for name in (EVENT_ID, USER_ID, ITEM_ID)
    ]
    checks += [
        ("unknown event_type", ~_is_empty(given[EVENT_TYPE]) & ~given[EVENT_TYPE].isin(*_EVENT_TYPES)),
        (
            "item_id is missing",
            ~no_json & _is_empty(given[ITEM_ID]) & (F.coalesce(given[EVENT_TYPE], F.lit("")) != "search"),
        ),
        ("event is later than its delivery", age < 0),
        ("event is too old for its delivery", age > config.max_late_days),
    ]
    found = F.array(*(F.when(wrong, F.lit(reason)) for reason, wrong in checks))
    # Not array_compact: it is a lambda inside, for which Spark interprets the checks below it row by row (6 times slower).
    reasons = F.array_except(found, F.array(F.lit(None).cast("string")))
    return dated.select(RAW, FILE, OFFSET, *ENGAGEMENTS.columns, reasons.alias(REASONS))


def usable(parsed: DataFrame) -> DataFrame:
    """Events that nothing speaks against: engagements' columns, file and offset."""
    return parsed.where(F.size(REASONS) == 0).select(*ENGAGEMENTS.columns, FILE, OFFSET)


def rejected(parsed: DataFrame) -> DataFrame:
    """Lines that cannot be used, as the quarantine table keeps them; offset counts from 0 in each file.

    Lines of one file were read in order by one task (compressed text cannot be split), so their numbers are consecutive.
    """
    first_of_file = parsed.groupBy(FILE).agg(F.min(OFFSET).alias("first"))
    bad = parsed.where(F.size(REASONS) > 0).join(F.broadcast(first_of_file), FILE, how="inner")
    return bad.withColumn(OFFSET, F.col(OFFSET) - F.col("first")).select(*QUARANTINE.columns)


def first_deliveries(*deliveries: DataFrame) -> DataFrame:
    """Each event once: the earliest landing folder wins, then the file and the line, whatever the order of reading.

    Args:
        deliveries: frames with engagements' columns, file and offset; read twice, so persisted by the caller.

    Returns:
        engagements' columns, one row per event_id.
    """
    together = reduce(DataFrame.unionByName, deliveries)
    # Nearly every event comes once: only those that do not are worth moving and sorting.
    repeated = together.groupBy(EVENT_ID).agg(F.count("*").alias("times")).where(F.col("times") > 1).select(EVENT_ID)
    repeated = repeated.persist()
    if repeated.count() <= _FEW:
        repeated = F.broadcast(repeated)
    once = together.join(repeated, EVENT_ID, how="left_anti")
    order = Window.partitionBy(EVENT_ID).orderBy(INGEST_DATE, FILE, OFFSET)
    numbered = together.join(repeated, EVENT_ID, how="left_semi").withColumn("delivery", F.row_number().over(order))
    first = numbered.where(F.col("delivery") == 1)
    return once.select(*ENGAGEMENTS.columns).unionByName(first.select(*ENGAGEMENTS.columns))


def as_delivered(engagements: DataFrame) -> DataFrame:
    """Rows of the engagements table beside freshly read ones: they won their day already, so they come before its files."""
    return engagements.select(*ENGAGEMENTS.columns, F.lit("").alias(FILE), F.lit(-1).cast("long").alias(OFFSET))


def _is_empty(text: Column) -> Column:
    return text.isNull() | (F.trim(text) == "")
