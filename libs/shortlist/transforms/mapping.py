"""A producer's fields as the contract's columns: where each is found, and how a time is read."""

from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from shortlist.columns import EVENT_TYPE
from shortlist.config import FeedConfig, TimestampConfig

# A date, or a date and a time. Spark also takes "12:30" for a time: of the day on which the job happens to run.
_ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s*(Z|UTC|[+-]\d{2}(:?\d{2})?)?)?\s*$"
_WITH_ZONE = r"(Z|UTC|:\d{2}(\.\d+)?\s*[+-][\d:]+)\s*$"
_PER_SECOND = {"epoch-seconds": 1, "epoch-millis": 1_000, "epoch-micros": 1_000_000}
# The first microsecond of the year 10000: Parquet and pandas hold no later day.
_END_OF_TIME = 253_402_300_800_000_000


def text_schema(feed: FeedConfig, corrupt: str) -> StructType:
    """What to read from a line of JSON: every field of the mapping as text, and where to put a line that is none.

    Text first, because a typed JSON read turns a change of type into NULL without a word.
    """
    tree: dict[str, Any] = {}
    for path in feed.paths.values():
        inside = tree
        *parents, leaf = path
        for parent in parents:
            inside = inside.setdefault(parent, {})
        inside[leaf] = None
    return _struct(tree).add(StructField(corrupt, StringType()))


def given_columns(feed: FeedConfig, landed: Mapping[str, Column]) -> dict[str, Column]:
    """Contract column: what the producer gave for it, as text; a column that the mapping does not name is left out.

    Args:
        feed: the mapping.
        landed: name of each value that is read: the value, as text.
    """
    constants: dict[str, Column] = {name: F.lit(str(value)) for name, value in feed.constants.items()}
    return {**constants, **{str(name): landed[str(name)] for name in feed.mapped}}


def landed_values(feed: FeedConfig, row: Column, folder_values: Column) -> dict[str, Column]:
    """Each value that is read of a row, as text; where the row has none, what the names of its folders say.

    Args:
        feed: the mapping.
        row: a struct: for JSON as `text_schema` says, else with a field for each value.
        folder_values: map from column to value.
    """
    found = {}
    for name, path in feed.paths.items():
        value = row
        for part in path if feed.format == "json" else (name,):
            value = value.getField(part)
        found[name] = F.coalesce(value, folder_values[path[0]]) if len(path) == 1 else value
    return found


def event_type_of(feed: FeedConfig, word: Column) -> Column:
    """The event type that a producer's word stands for; empty for a word that the dictionary does not have."""
    if not feed.event_types or EVENT_TYPE in feed.constants:
        return word
    return F.create_map(*(F.lit(part) for pair in feed.event_types.items() for part in pair))[word]


def event_time(text: Column, config: TimestampConfig) -> tuple[Column, Column]:
    """The time that a text stands for, and whether a text that stands for none is at least written like one.

    Args:
        text: as the producer gave it.
        config: format, and the zone of times without one.

    Returns:
        A timestamp, empty where there is none; a boolean. A text that is written like a time and is none (the 30th of
        February, an hour 25) is an impossible time, any other text has the wrong type.
    """
    if config.format == "iso":
        # Two characters tell a date from what Spark takes for one too; the pattern is for the few that are no time.
        date_first = (F.substring(text, 5, 1) == "-") & (F.substring(text, 8, 1) == "-")
        time = F.when(date_first, text.try_cast("timestamp"))
        zoned = time if config.zone == "UTC" else _in_zone(time, text.rlike(_WITH_ZONE), config.zone)
        return zoned, text.rlike(_ISO)
    if config.format in _PER_SECOND:
        number = text.try_cast("double")
        micros = F.round(number * F.lit(1_000_000.0 / _PER_SECOND[config.format]))
        possible = (micros >= 0) & (micros < _END_OF_TIME)
        return F.when(possible, F.timestamp_micros(micros.try_cast("bigint"))), number.isNotNull() & ~F.isnan(number)
    time = F.try_to_timestamp(text, F.lit(config.format))
    unquoted = "".join(config.format.split("'")[::2])
    zoned = F.lit(any(letter in unquoted for letter in "XxZVz"))
    return _in_zone(time, zoned, config.zone), text.rlike("[0-9]")


def _in_zone(time: Column, has_zone: Column, zone: str) -> Column:
    """A time that was read as UTC, moved to UTC from the zone that its text left unsaid."""
    return F.when(has_zone, time).otherwise(F.to_utc_timestamp(time, zone))


def _struct(tree: Mapping[str, Any]) -> StructType:
    return StructType(
        [StructField(name, StringType() if inside is None else _struct(inside)) for name, inside in tree.items()]
    )
