"""Settings of one landed log or description: its format, and what its fields mean."""

import re
from typing import Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from shortlist.config.base import EventType, Section

# What a producer gives for an event; ingest_date and event_date are ours. A house test holds it to the contract.
EngagementColumn = Literal[
    "event_id",
    "event_type",
    "event_ts",
    "user_id",
    "item_id",
    "surface",
    "session_id",
    "board_id",
    "query",
    "request_id",
    "position",
    "value",
]
LandingFormat = Literal["json", "csv", "parquet", "avro", "delta"]

_REQUIRED: tuple[EngagementColumn, ...] = ("event_id", "event_type", "event_ts", "user_id", "item_id")
_NAMED_FORMATS = ("iso", "epoch-seconds", "epoch-millis", "epoch-micros")
# Letters of Spark's date patterns that can be read, with the longest run of each; the rest only format.
_LETTERS = {
    "y": 4,
    "M": 4,
    "d": 2,
    "H": 2,
    "h": 2,
    "a": 1,
    "m": 2,
    "s": 2,
    "S": 9,
    "X": 3,
    "x": 3,
    "Z": 5,
    "V": 2,
    "z": 4,
}


def _known_zone(given: str) -> str:
    try:
        ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; e.g. UTC or America/New_York") from None
    return given


class TimestampConfig(Section):
    """How a feed writes the time of an event."""

    format: str = "iso"
    """`iso`, `epoch-seconds`, `epoch-millis`, `epoch-micros`, or a pattern such as `dd/MM/yyyy HH:mm:ss` (Spark's letters)."""
    zone: str = "UTC"
    """Zone of times that are written without one, such as America/New_York."""

    @field_validator("format")
    @classmethod
    def _can_be_read(cls, given: str) -> str:
        if given in _NAMED_FORMATS:
            return given
        bare = re.sub(r"'[^']*'", "", given)
        if "'" in bare:
            raise ValueError("a quote in the pattern is not closed")
        runs = [(run[0], len(run)) for run, _ in re.findall(r"(([A-Za-z])\2*)", bare)]
        wrong = sorted({letter * length for letter, length in runs if length > _LETTERS.get(letter, 0)})
        if wrong:
            raise ValueError(
                f"{', '.join(wrong)} cannot be read; a format is one of {', '.join(_NAMED_FORMATS)}, or a pattern of "
                f"{''.join(_LETTERS)} with words in 'quotes'"
            )
        absent = [letter for letter in "yMd" if letter not in dict(runs)]
        if absent:
            raise ValueError(f"a pattern needs year, month and day (y, M, d); it has no {', '.join(absent)}")
        return given

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, given: str) -> str:
        return _known_zone(given)


class CsvConfig(Section):
    """How a CSV feed is written. A line that its quotes would swallow is never taken for a part of another line's field."""

    # Hive's fields end with U+0001.
    any_character = frozenset({"delimiter", "quote", "escape"})

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """Character between fields."""
    quote: str | None = Field(default='"', min_length=1, max_length=1)
    """Character around fields that hold the delimiter or line breaks; doubled it is text. null: quotes are always text."""
    escape: str | None = Field(default=None, min_length=1, max_length=1)
    """Character that takes the meaning from the next one, such as the backslash that Spark writes; null: none."""
    strict: bool = True
    """Whether text after a closing quote makes a line unusable; false joins it to the field, as Python's csv does."""
    max_lines: int = Field(default=100, ge=1, le=10_000)
    """Most lines that one row may go over; 1: a field never holds a line break."""
    columns: tuple[str, ...] | None = None
    """Names of the fields, for files without a header; null: the first line of each file names them."""

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        if self.columns is not None and (not self.columns or len(set(self.columns)) < len(self.columns)):
            raise ValueError(f"columns {list(self.columns)} must be names that differ")
        if self.delimiter == self.quote:
            raise ValueError(f"delimiter and quote are both {self.quote!r}")
        if self.escape is not None and self.escape in (self.delimiter, self.quote):
            raise ValueError(f"escape {self.escape!r} is the delimiter or the quote too")
        return self


class FeedConfig(Section):
    """One log of one producer: `<landing>/<feed>/<day>/`."""

    format: LandingFormat = "json"
    """`json` (an object a line) and `csv` may be packed, as their names say: .gz, .zst, .bz2; `delta`: each folder is a table."""
    fields: dict[EngagementColumn, str] = Field(default={})
    """Contract column: the producer's field, with dots into nested objects. Empty: landed by the contract's own names."""
    constants: dict[EngagementColumn, str | int | float] = Field(default={})
    """Contract column: its value for every event of this feed."""
    event_types: dict[str, EventType] = Field(default={})
    """Producer's word: event type; a word that is not named is unknown. Empty: the producer uses our words."""
    timestamp: TimestampConfig = TimestampConfig()
    """How event_ts is written."""
    csv: CsvConfig = CsvConfig()
    """For `csv` only."""

    @property
    def mapped(self) -> dict[EngagementColumn, str]:
        """Contract column: the producer's field, also where the producer uses our names."""
        own = {column: column for column in get_args(EngagementColumn) if column not in self.constants}
        return dict(self.fields or own)

    @property
    def paths(self) -> dict[str, tuple[str, ...]]:
        """Where each value that is read of a landed row lies, by the name under which it is used."""
        return {str(column): self.path(field) for column, field in self.mapped.items()}

    def path(self, field: str) -> tuple[str, ...]:
        """Where a field lies in a landed row; CSV has no nested objects, so a dot is part of a name there."""
        return (field,) if self.format == "csv" else tuple(field.split("."))

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        twice = sorted(set(self.fields) & set(self.constants))
        if twice:
            raise ValueError(f"{', '.join(twice)} is both in fields and in constants")
        missing = [column for column in _REQUIRED if column not in {**self.mapped, **self.constants}]
        if self.constants.get("event_type") == "search":
            missing = [column for column in missing if column != "item_id"]
        if missing:
            raise ValueError(f"the mapping gives no {', '.join(missing)}; name its field in fields, or a constant")
        return self

    @model_validator(mode="after")
    def _constants_fit(self) -> Self:
        for column in ("event_id", "event_ts"):
            if column in self.constants:
                raise ValueError(f"{column} cannot be a constant: it differs from event to event")
        given = self.constants.get("event_type")
        if given is not None and given not in get_args(EventType):
            raise ValueError(f"constants.event_type {given!r} is none of {', '.join(get_args(EventType))}")
        if given is not None and self.event_types:
            raise ValueError("event_type is a constant, so event_types has nothing to translate")
        if not isinstance(self.constants.get("position", 1), int):
            raise ValueError(f"constants.position {self.constants['position']!r} is no whole number")
        if isinstance(self.constants.get("value", 1.0), str):
            raise ValueError(f"constants.value {self.constants['value']!r} is no number")
        return self

    @model_validator(mode="after")
    def _fields_can_be_found(self) -> Self:
        paths = {self.path(field): field for field in self.mapped.values()}
        for path, field in paths.items():
            if not all(path):
                raise ValueError(f"field {field!r} has an empty part; write it as a.b")
            inside = next((other for end in range(1, len(path)) if (other := path[:end]) in paths), None)
            if inside is not None:
                raise ValueError(f"field {paths[inside]!r} is read as text, and {field!r} as an object of that name")
        if self.format == "csv" and self.csv.columns is not None:
            unknown = sorted(field for field in self.mapped.values() if field not in self.csv.columns and self.fields)
            if unknown:
                raise ValueError(f"{', '.join(unknown)} is not among csv.columns ({', '.join(self.csv.columns)})")
        return self
