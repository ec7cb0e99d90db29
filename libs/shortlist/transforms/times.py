"""One reader of times: what a text means in UTC, whether it named its zone itself, and what is wrong with it.

A zone that a text names is applied once; only a text that names none is a time of the feed's zone.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from pyspark.sql import Column
from pyspark.sql import functions as F

from shortlist.config import TimestampConfig

_PER_SECOND: Final = {"epoch-seconds": 1, "epoch-millis": 1_000, "epoch-micros": 1_000_000}
# The first microsecond of the year 10000: Parquet and pandas hold no later day.
_END_OF_TIME: Final = 253_402_300_800_000_000

# ISO 8601: a date, or a date and a time, with dashes and colons. Spark also takes "12:30" for a time: of today.
_ZONE = r"(?:[Zz]|UTC|GMT|UT|[+-]\d{2}(?::?\d{2})?(?::?\d{2})?)"
_REGION = r"(?:\[[A-Za-z0-9_+:/-]+\]|[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+)"
_ISO = rf"^\s*\d{{4}}-\d{{2}}-\d{{2}}(?:(?:[Tt]|\s+)\d{{2}}(?::\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?)?\s*{_ZONE}?\s*{_REGION}?)?\s*$"
_USUAL = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z?\z"
# The same date and time without dashes and colons.
_BASIC = r"^\s*(\d{4})(\d{2})(\d{2})[Tt](\d{2})(\d{2})(\d{2})?([.,]\d+)?"
# A day of the year, and a day of a week of the year.
_ORDINAL, _WEEK = r"^\s*(\d{4})-?(\d{3})(?=[Tt]|\s*$)", r"^\s*(\d{4})-?W(\d{2})-?(\d)(?=[Tt]|\s*$)"
# What java.util.Date says of itself, and a shell's date.
_JAVA = (
    r"^\s*[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}:\d{2}:\d{2}) "
    r"(?:([A-Za-z]{1,5}|(?:GMT)?[+-]\d{2}:?\d{2}) )?(\d{4})\s*$"
)
_ABBREVIATION = r"[\d.,]\s*([A-Za-z]{2,5})\s*(?:\d{4}\s*)?$"
_UTC_NAMES: Final = ("UTC", "GMT", "UT")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class EventTime:
    """A time as columns.

    Attributes:
        time: UTC; NULL where the text has none.
        written: whether the text is at least written like a time: then it is an impossible one, else of another type.
        named_zone: whether the text named its zone.
        ambiguous: whether it named it by letters that several zones use, and none that the feed's zone has.
    """

    time: Column
    written: Column
    named_zone: Column
    ambiguous: Column


def time_text(text: Column, config: TimestampConfig) -> Column:
    """A time as `event_time` looks at it. Make it a column of its own: it is looked at several times.

    Plain ISO 8601 stays as it is; its other forms, and what Java writes, become plain. NULL for what is no form of a time.
    """
    if config.format != "iso":
        return text
    return F.when(_usual(text), text).otherwise(_canonical(text, abbreviations(config.zone)))


def event_time(text: Column, canonical: Column, config: TimestampConfig) -> EventTime:
    """The time that a text means.

    Args:
        text: as the producer gave it.
        canonical: the same by `time_text`.
        config: format, and the zone of times without one.
    """
    if config.format in _PER_SECOND:
        return _since_1970(text, _PER_SECOND[config.format])
    return _iso_time(text, canonical, config.zone) if config.format == "iso" else _pattern_time(text, config)


def abbreviations(zone: str) -> dict[str, str]:
    """Letters that a zone uses for itself, with the offset that they mean there, such as EST: -05:00.

    A zone that has used the same letters for two offsets does not say which one is meant: they are left out.
    """
    found: dict[str, set[str]] = {}
    for year in range(1990, 2041):
        for month in (1, 7):
            moment = datetime(year, month, 1, tzinfo=UTC).astimezone(ZoneInfo(zone))
            name, offset = moment.tzname() or "", moment.strftime("%z")
            if name.isalpha():
                found.setdefault(name, set()).add(f"{offset[:3]}:{offset[3:5]}")
    return {name: offsets.pop() for name, offsets in found.items() if len(offsets) == 1}


def _since_1970(text: Column, per_second: int) -> EventTime:
    number = text.try_cast("double")
    micros = F.round(number * F.lit(1_000_000.0 / per_second))
    possible = (micros >= 0) & (micros < _END_OF_TIME)
    time = F.when(possible, F.timestamp_micros(micros.try_cast("bigint")))
    return EventTime(time, number.isNotNull() & ~F.isnan(number), F.lit(True), F.lit(False))


def _usual(text: Column) -> Column:
    """Most times are written as Spark reads them, with a Z or without a zone; so are those of typed columns."""
    return text.rlike(_USUAL)


def _iso_time(text: Column, canonical: Column, zone: str) -> EventTime:
    zoned = canonical.rlike(r"(?:Z|[+-]\d{2}:\d{2}(?::\d{2})?|:\d{2}(?:\.\d+)? [A-Za-z_]+/\S+)$")
    named = F.when(_usual(text), text.endswith("Z")).otherwise(zoned)
    time = canonical.try_cast("timestamp")
    moved = time if zone == "UTC" else F.when(named, time).otherwise(F.to_utc_timestamp(time, zone))
    ambiguous = canonical.isNull() & F.coalesce(_unknown_letters(text, abbreviations(zone)), F.lit(False))
    return EventTime(moved, canonical.isNotNull(), F.coalesce(named, F.lit(False)), ambiguous)


def _canonical(text: Column, known: Mapping[str, str]) -> Column:
    """A text as Spark reads it: date, T or blank, time, dot, fraction, zone; NULL for what is no form of a time.

    Few rows need it. So each step is a lambda, which Spark interprets: compiled, its patterns would make the code of a
    parsed row too large for Java to optimise, and each step is computed once, however often the next one looks at it.
    """
    dated = F.transform(F.array(text), _dated)
    zoned = F.transform(dated, lambda one: _zoned(one, known))
    return F.transform(zoned, lambda one: F.when(one.rlike(_ISO), F.trim(one)))[0]


def _dated(text: Column) -> Column:
    """A text whose date is year, month and day with dashes; NULL for a date in no known form."""
    plain = (F.substring(text, 5, 1) == "-") & (F.substring(text, 8, 1) == "-")
    day = F.regexp_replace(text, _BASIC, "$1-$2-$3T$4:$5:$6$7")
    day = F.regexp_replace(day, r":(?=[.,]|[Zz+-]|\s*$)", "")  # a basic time without seconds leaves a colon
    return (
        F.when(plain, text)
        .when(text.rlike(_BASIC), day)
        .when(text.rlike(_WEEK), F.concat(_week_day(text).cast("string"), F.regexp_replace(text, _WEEK, "")))
        .when(text.rlike(_ORDINAL), F.concat(_year_day(text).cast("string"), F.regexp_replace(text, _ORDINAL, "")))
        .when(text.rlike(_JAVA), _java(text))
        .when(text.rlike(r"^\s*\d{8}\s*$"), F.regexp_replace(text, r"^\s*(\d{4})(\d{2})(\d{2})\s*$", "$1-$2-$3"))
    )


def _zoned(dated: Column, known: Mapping[str, str]) -> Column:
    """A text with its time whole and its zone as Z, an offset or a region's name."""
    zoned = dated
    for name, offset in known.items():
        zoned = F.regexp_replace(zoned, rf"(?<=[\d.])\s*{name}\s*$", offset)
    for pattern, replacement in (
        (r"(?<=\d),(?=\d)", "."),
        (r"(\.\d{9})\d+", "$1"),
        (rf"({_ZONE})\s*\[[^\]]*\]\s*$", "$1"),  # Java adds the region to an offset that says all
        (r"\[([^\]]*)\]\s*$", " $1"),
        (r"\s*(?:[Zz]|UTC|GMT|UT)\s*$", "Z"),
        (r"\s*(?:UTC|GMT)?([+-]\d{2}):?(\d{2})?(?::?\d{2})?\s*$(?<=[Tt ]\d{2}.{0,30})", "$1:$2"),
    ):
        zoned = F.regexp_replace(zoned, pattern, replacement)
    zoned = F.regexp_replace(zoned, r"([+-]\d{2}):$", "$1:00")
    zoned = F.regexp_replace(zoned, r"^(\s*\S{10}[Tt ]\d{2})(?=Z|[+-]|\s|$)", "$1:00")  # an hour alone
    zoned = F.regexp_replace(zoned, r"^(\s*\S{10}[Tt ]\d{2}:\d{2})(?=Z|[+-]|\s|$)", "$1:00")  # no seconds
    return F.regexp_replace(zoned, r"^(\s*\S{10})t", "$1T")


def _java(text: Column) -> Column:
    """`Thu Nov 30 10:00:00 UTC 2017` in ISO 8601, its letters for a zone kept at the end."""
    name = F.regexp_extract(text, _JAVA, 1)
    month = F.array_position(F.array(*map(F.lit, _MONTHS)), name)
    day = F.lpad(F.regexp_extract(text, _JAVA, 2), 2, "0")
    zone = F.regexp_extract(text, _JAVA, 4)
    date = F.concat(F.regexp_extract(text, _JAVA, 5), F.lit("-"), F.lpad(month.cast("string"), 2, "0"), F.lit("-"), day)
    return F.when(month > 0, F.concat(date, F.lit("T"), F.regexp_extract(text, _JAVA, 3), zone))


def _week_day(text: Column) -> Column:
    """The date of a day of an ISO week: week 1 is the one with the 4th of January, and begins on a Monday."""
    year, week, day = (F.regexp_extract(text, _WEEK, part).try_cast("int") for part in (1, 2, 3))
    first = F.trunc(F.make_date(year, F.lit(1), F.lit(4)), "week")
    found = F.date_add(first, (week - 1) * 7 + day - 1)
    return F.when(week.between(1, 53) & day.between(1, 7), found)


def _year_day(text: Column) -> Column:
    year, day = (F.regexp_extract(text, _ORDINAL, part).try_cast("int") for part in (1, 2))
    found = F.date_add(F.make_date(year, F.lit(1), F.lit(1)), day - 1)
    return F.when(F.year(found) == year, found)


def _unknown_letters(text: Column, known: Mapping[str, str]) -> Column:
    letters = F.regexp_extract(text, _ABBREVIATION, 1)
    clock = text.rlike(r"\d{2}:\d{2}")
    return clock & (letters != "") & ~F.upper(letters).isin(*_UTC_NAMES, "AM", "PM") & ~letters.isin(*known)


def _pattern_time(text: Column, config: TimestampConfig) -> EventTime:
    """By a pattern. A zone in [brackets] may be left out: then the text that the pattern without it reads names none."""
    time = F.try_to_timestamp(text, F.lit(config.format))
    written = text.rlike("[0-9]")
    quoted = "".join(config.format.split("'")[::2])
    if not any(letter in quoted for letter in "XxZVz"):
        return EventTime(F.to_utc_timestamp(time, config.zone), written, F.lit(False), F.lit(False))
    without = re.sub(r"\[[^\]]*[XxZVz][^\]]*\]", "", config.format)
    bare = F.try_to_timestamp(text, F.lit(without)) if without != config.format else F.lit(None).cast("timestamp")
    named = bare.isNull()
    found = F.when(named, time).otherwise(F.to_utc_timestamp(bare, config.zone))
    if "z" not in quoted:
        return EventTime(found, written, named, F.lit(False))
    # Letters that the feed's zone uses mean its offset; what else Spark would read them as is a guess.
    known = abbreviations(config.zone)
    letters = F.regexp_extract(text, r"(?<![A-Za-z])([A-Z]{2,5})(?![A-Za-z/])\s*(?:\d{4})?\s*$", 1)
    ambiguous = named & (letters != "") & ~letters.isin(*_UTC_NAMES, *known)
    return EventTime(F.when(~ambiguous, found), written, named, ambiguous)
