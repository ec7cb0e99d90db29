"""Landed rows to engagements: parse by the feed's mapping, and give every reason against a row."""

from collections.abc import Sequence
from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    EVENT_DATE,
    EVENT_ID,
    EVENT_TS,
    EVENT_TYPE,
    FAULT,
    FILE,
    FOLDER_VALUES,
    GIVEN,
    HEADER,
    INGEST_DATE,
    ITEM_ID,
    OFFSET,
    POSITION,
    RAW,
    RAW_BYTES,
    REASONS,
    RECEIPT,
    USER_ID,
    VALUE,
)
from shortlist.config import ID_COLUMNS, ExtractionConfig, FeedConfig, ReasonKind
from shortlist.tables import ENGAGEMENTS, QUARANTINE
from shortlist.transforms.faults import FAULTS, NO_JSON, NO_TEXT
from shortlist.transforms.mapping import Paths, event_type_of, given_columns, landed_values, text_schema
from shortlist.transforms.times import event_time, time_text
from shortlist.transforms.values import given_value, id_column, whole_number

_CORRUPT = "_corrupt"
_EVENT = "_event"
_LANDED = "_landed_"
_GIVEN = "_given_"
_WORD = "_event_type"
_WRITTEN = "_written"
_AMBIGUOUS = "_ambiguous"
_TIME_TEXT = "_time_text"
_CONTROL = "_control"
_UNREAD = "_unread"
_CONTROL_CHARACTER = r"[\x00-\x1f\x7f]"
_FIELDS = [field for field in ENGAGEMENTS.schema if field.name not in (INGEST_DATE, EVENT_DATE)]
_REQUIRED = [EVENT_ID, EVENT_TYPE, EVENT_TS, USER_ID]
_IDS: Final = ID_COLUMNS
_EVENT_TYPES = next(rule for rule in ENGAGEMENTS.rules if rule.name == "event_type_known").arguments["value_set"]

_WRONG_INSIDE: Final = "a nested field has the wrong type"
AMBIGUOUS_ZONE: Final = "event_ts names its zone by letters that several zones use, such as CST"
# Given to a row that nothing else speaks against, once events are compared.
CONFLICTING: Final = "conflicting duplicate"
# Every reason that a row can be given, with its kind.
REASON_KINDS: Final[dict[str, ReasonKind]] = {
    **dict.fromkeys(FAULTS, "malformed"),
    **dict.fromkeys((NO_TEXT, "invalid UTF-8"), "invalid_utf8"),
    _WRONG_INSIDE: "wrong_type",
    **dict.fromkeys([f"{name} is missing" for name in (*_REQUIRED, ITEM_ID)], "missing"),
    **dict.fromkeys([f"{name} has the wrong type" for name in (*_IDS, EVENT_TS, POSITION, VALUE)], "wrong_type"),
    **dict.fromkeys([f"{name} is too long" for name in _IDS], "too_long"),
    **dict.fromkeys([f"{name} has control characters" for name in _IDS], "control_characters"),
    "unknown event_type": "unknown_event_type",
    "event_ts is no possible time": "impossible_timestamp",
    AMBIGUOUS_ZONE: "impossible_timestamp",
    "event is later than its delivery": "future_event",
    "event is too old for its delivery": "too_late",
    CONFLICTING: "conflicting_duplicate",
}


def parse_lines(lines: DataFrame, feed: FeedConfig, config: ExtractionConfig, keep_text: bool = True) -> DataFrame:
    """Landed rows with their typed event and every reason against it.

    Args:
        lines: as a `Reader` gives them; rows with a receipt are passed on.
        feed: format and mapping of the rows.
        config: longest id, oldest acceptable event.
        keep_text: whether usable rows keep their text, too; it is most of what is persisted.

    Returns:
        raw, header, file, offset, receipt, the columns of engagements, and reasons (array<string>, empty for a usable
        row). Persist it before looking at reasons: Spark pushes a filter on them below their making, and parses each
        row once per check.
    """
    event, landed = taken_apart(lines, feed.paths)
    parts = [name for name in feed.paths if name not in feed.mapped]
    texts = given_columns(feed, landed) | {name: landed[name] for name in parts}
    ids = {name for name in texts if name in _IDS or name in parts}
    event = event.withColumns({f"{_GIVEN}{name}": _value(name, text, feed) for name, text in texts.items()})
    given = {name: F.col(f"{_GIVEN}{name}") for name in texts}
    event = event.withColumns({f"{_GIVEN}{name}": id_column(given[name], config.ids) for name in ids})
    if parts:
        event = event.withColumn(f"{_GIVEN}{EVENT_ID}", _derived_id([given.pop(name) for name in parts]))
        given[EVENT_ID] = F.col(f"{_GIVEN}{EVENT_ID}")
    if len(config.feeds) > 1 and config.event_ids == "per_feed":
        prefixed = F.concat(F.substring_index(FILE, "/", 1), F.lit("/"), given[EVENT_ID])
        event = event.withColumn(f"{_GIVEN}{EVENT_ID}", prefixed)
    event = event.withColumn(_TIME_TEXT, time_text(given[EVENT_TS], feed.timestamp))
    time = event_time(given[EVENT_TS], F.col(_TIME_TEXT), feed.timestamp)
    nothing = F.lit(None)
    typed_as = {
        field.name: given[field.name].try_cast(field.dataType) if field.name in given else nothing.cast(field.dataType)
        for field in _FIELDS
    }
    # Step by step: each cast is then computed once and looked at by name, not once per check that looks at it.
    typed = event.withColumns(
        {
            **typed_as,
            EVENT_TS: time.time,
            EVENT_TYPE: event_type_of(feed, given[EVENT_TYPE]),
            _WORD: given[EVENT_TYPE],
        }
    )
    malformed, unread = faults(lines, feed.paths)
    dated = typed.withColumns(
        {
            _UNREAD: unread,
            EVENT_DATE: F.to_date(_local(F.col(EVENT_TS), feed.day_zone)),
            _WRITTEN: F.col(EVENT_TS).isNotNull() | time.written,
            _AMBIGUOUS: F.col(EVENT_TS).isNull() & time.ambiguous,
            # Looked for in all ids at once, and then in each where there is one.
            _CONTROL: F.concat_ws("", *(given[name] for name in _IDS if name in given)).rlike(_CONTROL_CHARACTER),
        }
    )
    reasons = reasons_against(malformed, _checks(config, given))
    # A row of a format without lines is kept as what was read of it, by the producer's own names.
    kept = F.to_json(F.struct(*(value.alias(".".join(feed.paths[name])) for name, value in landed.items())))
    raw = F.coalesce(RAW, kept) if feed.format not in ("json", "csv") else F.col(RAW)
    judged = dated.withColumn(REASONS, reasons)
    if not keep_text:
        raw = F.when(F.size(REASONS) > 0, raw)
    return judged.select(raw.alias(RAW), HEADER, FILE, OFFSET, RECEIPT, *ENGAGEMENTS.columns, REASONS)


def taken_apart(lines: DataFrame, paths: Paths) -> tuple[DataFrame, dict[str, Column]]:
    """Landed rows with what was read of each, and the values at all paths, as columns of text.

    A line with a fault is not parsed: of several objects Spark would take the first and say nothing of the others.
    """
    nested = GIVEN not in lines.columns
    row = F.col(GIVEN) if not nested else F.from_json(
        F.when(F.col(FAULT).isNull(), F.col(RAW)),
        text_schema(paths, _CORRUPT),
        {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT},
    )  # fmt: skip
    values = landed_values(paths, F.col(_EVENT), F.col(FOLDER_VALUES), nested)
    # Columns of their own: each value is then found once, however many expressions look at it.
    taken = lines.withColumn(_EVENT, row).withColumns({f"{_LANDED}{name}": value for name, value in values.items()})
    return taken, {name: F.col(f"{_LANDED}{name}") for name in values}


def reasons_against(found: Sequence[Column], checks: Sequence[tuple[str, Column]]) -> Column:
    """The reasons against a row: array<string>, empty for a usable one.

    Args:
        found: reasons; NULL where one does not speak against the row.
        checks: more reasons, each with the condition under which it speaks against the row.
    """
    every = F.array(*found, *(F.when(wrong, F.lit(reason)) for reason, wrong in checks))
    # Not array_compact: it is a lambda inside, for which Spark interprets the checks below it row by row (6 times slower).
    return F.array_except(every, F.array(F.lit(None).cast("string")))


def faults(lines: DataFrame, paths: Paths) -> tuple[list[Column], Column]:
    """Reasons for which a row of `taken_apart` cannot be taken apart, NULL where it can; and whether there is one."""
    unread, inside = F.lit(False), F.lit(False)
    if GIVEN not in lines.columns:
        unread = F.col(f"{_EVENT}.{_CORRUPT}").isNotNull() | F.col(_EVENT).isNull()
        if any(len(path) > 1 for path in paths.values()):
            # Spark calls a row corrupt too when a field of it is no object where the mapping looks into one.
            an_object = F.ltrim(RAW).startswith("{") & F.try_parse_json(RAW).isNotNull()
            unread = unread & ~F.coalesce(an_object, F.lit(False))
            inside = ~unread & F.col(f"{_EVENT}.{_CORRUPT}").isNotNull() & F.col(FAULT).isNull()
    fault = F.coalesce(FAULT, F.when(unread, F.lit(NO_JSON)))
    return [fault, F.when(inside, F.lit(_WRONG_INSIDE))], unread | F.col(FAULT).isNotNull()


def _checks(config: ExtractionConfig, given: dict[str, Column]) -> list[tuple[str, Column]]:
    """Each reason against the values of a row with the condition under which it speaks against the row."""
    unread = F.col(_UNREAD)
    ids = [name for name in _IDS if name in given]
    age = F.datediff(INGEST_DATE, EVENT_DATE)
    word, kind, written, ambiguous = F.col(_WORD), F.col(EVENT_TYPE), F.col(_WRITTEN), F.col(_AMBIGUOUS)

    checks = [("invalid UTF-8", ~F.is_valid_utf8(RAW))]
    checks += [(f"{name} is missing", ~unread & given[name].isNull()) for name in _REQUIRED]
    checks += [("event_ts has the wrong type", given[EVENT_TS].isNotNull() & ~written & ~ambiguous)]
    checks += [
        (f"{name} has the wrong type", given[name].isNotNull() & F.col(name).isNull())
        for name in (POSITION, VALUE)
        if name in given
    ]
    # NaN and infinity are no amounts, though they can be cast to one.
    checks += [("value has the wrong type", F.isnan(VALUE) | (F.abs(VALUE) == float("inf")))]
    # An object or a list instead of an id arrives here as its JSON text.
    checks += [
        (
            f"{name} has the wrong type",
            (given[name].startswith("{") | given[name].startswith("[")) & F.try_parse_json(given[name]).isNotNull(),
        )
        for name in ids
    ]
    checks += [(f"{name} is too long", F.length(given[name]) > config.max_id_length) for name in ids]
    checks += [
        (f"{name} has control characters", F.col(_CONTROL) & given[name].rlike(_CONTROL_CHARACTER)) for name in ids
    ]
    needs_item = F.coalesce(kind, F.lit("")) != "search"
    missing_item = given[ITEM_ID].isNull() if ITEM_ID in given else F.lit(True)
    checks += [
        ("unknown event_type", word.isNotNull() & ~F.coalesce(kind.isin(*_EVENT_TYPES), F.lit(False))),
        ("item_id is missing", ~unread & missing_item & needs_item),
        ("event_ts is no possible time", written & F.col(EVENT_TS).isNull() & ~ambiguous),
        (AMBIGUOUS_ZONE, ambiguous),
        ("event is later than its delivery", age < 0),
        ("event is too old for its delivery", age > config.max_late_days),
    ]
    return checks


def _local(time: Column, zone: str) -> Column:
    return time if zone == "UTC" else F.from_utc_timestamp(time, zone)


def _derived_id(parts: Sequence[Column]) -> Column:
    """32 hex digits of the texts that name an event together; empty where none of them is there."""
    digest = F.sha2(F.to_json(F.array(*parts)), 256)
    return F.when(F.coalesce(*parts).isNotNull(), F.substring(digest, 1, 32))


def _value(name: str, text: Column, feed: FeedConfig) -> Column:
    """What a producer gave for a column; empty for no value."""
    if name in _IDS:
        return given_value(text, (*feed.no_value, *feed.no_value_ids))
    value = given_value(text, feed.no_value)
    return whole_number(value) if name == POSITION else value


def usable(parsed: DataFrame) -> DataFrame:
    """Events that nothing speaks against: engagements' columns, file and offset."""
    good = F.col(RECEIPT).isNull() & (F.size(REASONS) == 0)
    return parsed.where(good).select(*ENGAGEMENTS.columns, FILE, OFFSET)


def rejected(parsed: DataFrame) -> DataFrame:
    """Rows that cannot be used, as the quarantine table keeps them.

    Bytes that are no UTF-8 cannot stand in a text column that every reader opens; the exact bytes are kept beside it.
    """
    bad = parsed.where(F.col(RECEIPT).isNull() & (F.size(REASONS) > 0))
    exact = F.when(~F.is_valid_utf8(RAW), F.col(RAW).cast("binary"))
    return bad.withColumn(RAW_BYTES, exact).withColumn(RAW, F.make_valid_utf8(RAW)).select(*QUARANTINE.columns)
