"""Landed rows to engagements: parse by the feed's mapping, and give every reason against a row."""

from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from shortlist.columns import (
    BOARD_ID,
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
    REQUEST_ID,
    SESSION_ID,
    USER_ID,
    VALUE,
)
from shortlist.config import ExtractionConfig, FeedConfig, ReasonKind
from shortlist.tables import ENGAGEMENTS, QUARANTINE
from shortlist.transforms.faults import FAULTS, NO_JSON
from shortlist.transforms.mapping import event_time, event_type_of, given_columns, landed_values, text_schema

_CORRUPT = "_corrupt"
_EVENT = "_event"
_WORD = "_event_type"
_WRITTEN = "_written"
_CONTROL = "_control"
_CONTROL_CHARACTER = r"[\x00-\x1f\x7f]"
_FIELDS = [field for field in ENGAGEMENTS.schema if field.name not in (INGEST_DATE, EVENT_DATE)]
_REQUIRED = [EVENT_ID, EVENT_TYPE, EVENT_TS, USER_ID]
_IDS = [EVENT_ID, USER_ID, ITEM_ID, SESSION_ID, BOARD_ID, REQUEST_ID]
_EVENT_TYPES = next(rule for rule in ENGAGEMENTS.rules if rule.name == "event_type_known").arguments["value_set"]

# Every reason that a row can be given, with its kind.
REASON_KINDS: Final[dict[str, ReasonKind]] = {
    **dict.fromkeys(FAULTS, "malformed"),
    "invalid UTF-8": "invalid_utf8",
    "a nested field has the wrong type": "wrong_type",
    **dict.fromkeys([f"{name} is missing" for name in (*_REQUIRED, ITEM_ID)], "missing"),
    **dict.fromkeys([f"{name} has the wrong type" for name in (*_IDS, EVENT_TS, POSITION, VALUE)], "wrong_type"),
    **dict.fromkeys([f"{name} is too long" for name in _IDS], "too_long"),
    **dict.fromkeys([f"{name} has control characters" for name in _IDS], "control_characters"),
    "unknown event_type": "unknown_event_type",
    "event_ts is no possible time": "impossible_timestamp",
    "event is later than its delivery": "future_event",
    "event is too old for its delivery": "too_late",
}


def parse_lines(lines: DataFrame, feed: FeedConfig, config: ExtractionConfig) -> DataFrame:
    """Landed rows with their typed event and every reason against it.

    Args:
        lines: as a `Reader` gives them; rows with a receipt are passed on.
        feed: format and mapping of the rows.
        config: longest id, oldest acceptable event.

    Returns:
        raw, header, file, offset, receipt, the columns of engagements, and reasons (array<string>, empty for a usable
        row). Persist it before looking at reasons: Spark pushes a filter on them below their making, and parses each
        row once per check.
    """
    if GIVEN in lines.columns:
        event = lines.withColumn(_EVENT, F.col(GIVEN))
    else:
        options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT}
        # A line with a fault is not parsed: of several objects Spark would take the first and say nothing of the others.
        sound = F.when(F.col(FAULT).isNull(), F.col(RAW))
        event = lines.withColumn(_EVENT, F.from_json(sound, text_schema(feed, _CORRUPT), options))
    landed = landed_values(feed, F.col(_EVENT), F.col(FOLDER_VALUES))
    given = given_columns(feed, landed)
    time, written = event_time(given[EVENT_TS], feed.timestamp)
    nothing = F.lit(None)
    typed_as = {
        field.name: given[field.name].try_cast(field.dataType) if field.name in given else nothing.cast(field.dataType)
        for field in _FIELDS
    }
    # Step by step: each cast is then computed once and looked at by name, not once per check that looks at it.
    typed = event.withColumns(
        {
            **typed_as,
            EVENT_TS: time,
            EVENT_TYPE: event_type_of(feed, given[EVENT_TYPE]),
            _WORD: given[EVENT_TYPE],
        }
    )
    dated = typed.withColumns(
        {
            EVENT_DATE: F.to_date(EVENT_TS),
            _WRITTEN: F.col(EVENT_TS).isNotNull() | written,
            # Looked for in all ids at once, and then in each where there is one.
            _CONTROL: F.concat_ws("", *(given[name] for name in _IDS if name in given)).rlike(_CONTROL_CHARACTER),
        }
    )
    checks = _checks(feed, config, GIVEN in lines.columns, given)
    found = F.array(*(F.when(wrong, F.lit(reason)) for reason, wrong in checks))
    # Not array_compact: it is a lambda inside, for which Spark interprets the checks below it row by row (6 times slower).
    reasons = F.array_except(found, F.array(nothing.cast("string")))
    # A row of a format without lines is kept as what was read of it, by the producer's own names.
    kept = F.to_json(F.struct(*(value.alias(".".join(feed.paths[name])) for name, value in landed.items())))
    raw = F.coalesce(RAW, kept) if feed.format not in ("json", "csv") else F.col(RAW)
    return dated.select(raw.alias(RAW), HEADER, FILE, OFFSET, RECEIPT, *ENGAGEMENTS.columns, reasons.alias(REASONS))


def _checks(
    feed: FeedConfig, config: ExtractionConfig, taken_apart: bool, given: dict[str, Column]
) -> list[tuple[str, Column]]:
    """Each reason with the condition under which it speaks against a row."""
    unread, inside = F.lit(False), F.lit(False)
    if not taken_apart:
        unread = F.col(f"{_EVENT}.{_CORRUPT}").isNotNull() | F.col(_EVENT).isNull()
    if not taken_apart and any(len(path) > 1 for path in feed.paths.values()):
        # Spark calls a row corrupt too when a field of it is no object where the mapping looks into one.
        an_object = F.ltrim(RAW).startswith("{") & F.try_parse_json(RAW).isNotNull()
        unread = unread & ~F.coalesce(an_object, F.lit(False))
        inside = ~unread & F.col(f"{_EVENT}.{_CORRUPT}").isNotNull() & F.col(FAULT).isNull()
    malformed = [(fault, F.coalesce(F.col(FAULT) == fault, F.lit(False))) for fault in FAULTS]
    malformed[FAULTS.index(NO_JSON)] = (NO_JSON, malformed[FAULTS.index(NO_JSON)][1] | (F.col(FAULT).isNull() & unread))
    unread = unread | F.col(FAULT).isNotNull()
    ids = [name for name in _IDS if name in given]
    age = F.datediff(INGEST_DATE, EVENT_DATE)
    word, kind, written = F.col(_WORD), F.col(EVENT_TYPE), F.col(_WRITTEN)

    checks = [
        *malformed,
        ("a nested field has the wrong type", inside),
        ("invalid UTF-8", ~F.is_valid_utf8(RAW)),
    ]
    checks += [(f"{name} is missing", ~unread & _is_empty(given[name])) for name in _REQUIRED]
    checks += [("event_ts has the wrong type", ~_is_empty(given[EVENT_TS]) & ~written)]
    checks += [
        (f"{name} has the wrong type", given[name].isNotNull() & F.col(name).isNull())
        for name in (POSITION, VALUE)
        if name in given
    ]
    # NaN and infinity are no amounts, though they can be cast to one.
    checks += [("value has the wrong type", F.isnan(VALUE) | (F.abs(VALUE) == float("inf")))]
    # An object or a list in place of an id arrives here as its JSON text.
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
    missing_item = _is_empty(given[ITEM_ID]) if ITEM_ID in given else F.lit(True)
    checks += [
        ("unknown event_type", ~_is_empty(word) & ~F.coalesce(kind.isin(*_EVENT_TYPES), F.lit(False))),
        ("item_id is missing", ~unread & missing_item & needs_item),
        ("event_ts is no possible time", written & F.col(EVENT_TS).isNull()),
        ("event is later than its delivery", age < 0),
        ("event is too old for its delivery", age > config.max_late_days),
    ]
    return checks


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


def _is_empty(text: Column) -> Column:
    return text.isNull() | (F.trim(text) == "")
