"""How the times of a sample are written: by the formats that settings can name. Polars only."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

ISO: Final = "iso"
_EPOCHS: Final = {"epoch-seconds": 1, "epoch-millis": 1_000, "epoch-micros": 1_000_000}
_ISO_PATTERN: Final = (
    r"^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$"
)
_FIRST_YEAR, _LAST_YEAR = 1970, 2100
# Letters of Spark's patterns, the longer runs first. strptime reads one digit where two are usual.
_DIRECTIVES: Final = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S",
    "M": "%m", "d": "%d", "H": "%H",
}  # fmt: skip
# Largest share of a time column's values that no format reads.
_MOST_UNREAD: Final = 0.02
_MOST_FORMATS: Final = 3


@dataclass(frozen=True)
class TimeFormat:
    """One way in which times are written.

    Attributes:
        name: as `timestamp.format` of a feed takes it.
        rows: values that are written so.
        instead: another format that reads each of these values too, as another day; None where there is none.
    """

    name: str
    rows: int
    instead: str | None = None


def find_formats(values: pl.Series) -> list[TimeFormat]:
    """The formats of a column's values, the most frequent first; empty when the column holds no times.

    Args:
        values: texts in the order of the file; empty ones do not count.
    """
    left = _given(values)
    total, found = len(left), list[TimeFormat]()
    while len(left) and len(found) < _MOST_FORMATS:
        read = {name: parse(left, [name]) for name in _candidates(left)}
        counts = {name: times.count() for name, times in read.items()}
        most = max(counts.values(), default=0)
        if most == 0:
            break
        # Day or month first: where every value is both, a log that goes forward in time decides.
        best, *others = sorted(
            (name for name in counts if counts[name] == most), key=lambda name: _steps_back(read[name])
        )
        other = next((name for name in others if not read[name].equals(read[best])), None)
        found.append(TimeFormat(best, most, other))
        left = left.filter(read[best].is_null())
    return found if total and len(left) <= _MOST_UNREAD * total else []


def can_read(name: str) -> bool:
    """Whether `parse` knows a format: by its name, or as a pattern of year, month and day, with or without a time."""
    if name == ISO or name in _EPOCHS:
        return True
    letters = re.sub("|".join(_DIRECTIVES), lambda found: _DIRECTIVES[found[0]], name)
    known = set(re.findall(r"%(.)", letters))
    return (
        not re.search(r"(?<!%)[A-Za-z]", letters)
        and {"m", "d"} <= known
        and bool(known & {"Y", "y"})
        and ("H" in known) == ("M" in known)
    )


def parse(values: pl.Series, formats: Sequence[str], zone: str = "UTC") -> pl.Series:
    """Texts as times in UTC: each by the first of the formats that reads it, empty where none does.

    Args:
        values: texts.
        formats: names as `find_formats` gives them.
        zone: of times that are written without one.
    """
    text = pl.col("text").cast(pl.String).str.strip_chars()
    read = pl.coalesce(*(_time(text, name, zone) for name in formats))
    time = pl.when(read.dt.year().is_between(_FIRST_YEAR, _LAST_YEAR)).then(read)
    return values.alias("text").to_frame().select(time.alias(values.name)).to_series()


def _given(values: pl.Series) -> pl.Series:
    text = values.cast(pl.String).str.strip_chars()
    return text.filter(text.is_not_null() & (text != ""))


def _candidates(values: pl.Series) -> Iterator[str]:
    """Formats that the first value may be written in, by its length and separators."""
    first = values[0]
    if first.replace(".", "", 1).isdigit():
        whole = first.split(".")[0]
        yield from (
            name
            for name, digits in (("epoch-seconds", (9, 10)), ("epoch-millis", (12, 13)), ("epoch-micros", (15, 16)))
            if len(whole) in digits
        )
        yield from ("yyyyMMdd", "yyyyMMddHHmmss") if len(whole) in (8, 14) else ()
        return
    yield ISO
    for separator in "/.-":
        if separator in first:
            for order in ("d{0}M{0}yyyy", "M{0}d{0}yyyy", "yyyy{0}M{0}d", "d{0}M{0}yy", "M{0}d{0}yy"):
                for clock in ("", " H:mm", " H:mm:ss"):
                    yield order.format(separator) + clock


def _time(text: pl.Expr, name: str, zone: str) -> pl.Expr:
    if name in _EPOCHS:
        micros = text.cast(pl.Float64, strict=False) * (1_000_000 / _EPOCHS[name])
        return micros.round().cast(pl.Int64, strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if name == ISO:
        return _iso_time(text, zone)
    pattern = re.sub("|".join(_DIRECTIVES), lambda found: _DIRECTIVES[found[0]], name)
    # A pattern of two digits would take 2011 for the year 20 and leave 11.
    fits = text.str.contains(r"(^|\D)\d{4}(\D|$)") if "yyyy" in name and "yyyyMM" not in name else pl.lit(value=True)
    read = (
        text.str.to_datetime(pattern, time_unit="us", strict=False)
        if "H" in name
        else text.str.to_date(pattern, strict=False).cast(pl.Datetime("us"))
    )
    return _moved(pl.when(fits).then(read), zone)


def _iso_time(text: pl.Expr, zone: str) -> pl.Expr:
    day, clock, second, offset = (text.str.extract(_ISO_PATTERN, group) for group in (1, 2, 3, 4))
    stamp = pl.concat_str(day, pl.lit("T"), clock.fill_null("00:00"), second.fill_null(":00"))
    naive = stamp.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    sign = pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)
    hours = offset.str.extract(r"^[+-](\d{2})", 1).cast(pl.Int64)
    minutes = offset.str.extract(r"^[+-]\d{2}:?(\d{2})", 1).cast(pl.Int64).fill_null(0)
    moved = naive - pl.duration(minutes=sign * (hours.fill_null(0) * 60 + minutes))
    return pl.when(offset.is_null()).then(_moved(naive, zone)).otherwise(moved.dt.replace_time_zone("UTC"))


def _moved(naive: pl.Expr, zone: str) -> pl.Expr:
    """A time of the zone as UTC; of an hour that a clock shows twice the first, none for one that it skips."""
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")


def _steps_back(times: pl.Series) -> int:
    """How often a time is earlier than the one before it."""
    return int((times.drop_nulls().dt.timestamp("us").diff().fill_null(0) < 0).sum())
