"""Settings of one landed log or description: its format, and what its fields mean."""

import re
from typing import Final, Literal, Self, get_args
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
# Those of them that are ids.
ID_COLUMNS: Final[tuple[EngagementColumn, ...]] = (
    "event_id",
    "user_id",
    "item_id",
    "session_id",
    "board_id",
    "request_id",
)
# What a producer gives for an item, a promotion or a member of an audience.
DescriptionColumn = Literal[
    "item_id",
    "title",
    "category",
    "created_at",
    "price",
    "buyable",
    "status",
    "creator",
    "content_key",
    "promotion_id",
    "campaign",
    "audience",
    "user_id",
    "starts_at",
    "ends_at",
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


NO_VALUE = ("NULL", "null", "(null)", "None", "NaN", "\\N", "N/A", "undefined")


class DescriptionConfig(Section):
    """How the catalog, promotions or members of audiences are landed: `<landing>/catalog/<day>/`, `<landing>/promotions/<day>/`,
    `<landing>/audience_members/<day>/`."""

    format: LandingFormat | None = None
    """Format of all files; null: as their names end (.csv, .tsv, .json, .jsonl, .avro), Parquet where they end otherwise."""
    fields: dict[DescriptionColumn, str] = Field(default={})
    """Contract column: the producer's field, with dots into nested objects; columns that are not named have their own names."""
    constants: dict[DescriptionColumn, str] = Field(default={})
    """Contract column: its value for every row, such as `status: active`."""
    csv: CsvConfig = CsvConfig()
    """For CSV only."""
    timestamp: TimestampConfig = TimestampConfig()
    """How times are written."""
    no_value: tuple[str, ...] = NO_VALUE
    """Words that mean no value, in every column; an empty or blank text always does."""
    list_separator: str | None = Field(default=None, min_length=1)
    """What parts the categories of a text, such as ` > `; null: a text that is no JSON list is one category."""


class FeedConfig(Section):
    """One log of one producer: `<landing>/<feed>/<day>/`."""

    format: LandingFormat = "json"
    """`json` (an object a line) and `csv` may be packed, as their names say: .gz, .zst, .bz2; `delta`: each folder is a table."""
    fields: dict[EngagementColumn, str] = Field(default={})
    """Contract column: the producer's field; a name with dots is a field of that name, or lies inside objects. Empty: landed by
    the contract's own names."""
    constants: dict[EngagementColumn, str | int | float] = Field(default={})
    """Contract column: its value for every event of this feed."""
    event_id_from: tuple[str, ...] = ()
    """The producer's fields that name an event together, for logs without an event id: event_id is a hash of their texts."""
    event_types: dict[str, EventType] = Field(default={})
    """Producer's word: event type; a word that is not named is unknown. Empty: the producer uses our words."""
    event_types_by_number: dict[float, EventType] = Field(default={})
    """Lowest number: event type, for producers who grade: `{0: hide, 2.5: closeup, 4: save}` makes 2.5 to below 4 a closeup, and
    4 and all above a save. A number below the lowest, and a text that is no number, is unknown."""
    timestamp: TimestampConfig = TimestampConfig()
    """How event_ts is written."""
    no_value: tuple[str, ...] = NO_VALUE
    """Words that mean no value, in every column; an empty or blank text always does."""
    no_value_ids: tuple[str, ...] = ("-",)
    """Further words that mean no value in columns of ids."""
    day_folders: str = "%Y-%m-%d"
    """How the folders of its days are named, as strftime writes it: `dt=%Y-%m-%d`, `%Y%m%d`, `%Y/%m/%d` (with hours below)."""
    day_zone: str = "UTC"
    """Zone of the days that the folders are named by; an event's date is counted in it too."""
    csv: CsvConfig = CsvConfig()
    """For `csv` only."""

    @property
    def mapped(self) -> dict[EngagementColumn, str]:
        """Contract column: the producer's field, also where the producer uses our names."""
        own = {column: column for column in get_args(EngagementColumn) if column not in self.constants}
        if self.event_id_from:
            own.pop("event_id", None)
        return dict(self.fields or own)

    @property
    def paths(self) -> dict[str, tuple[str, ...]]:
        """Where each value that is read of a landed row lies, by the name under which it is used."""
        parts = {f"event_id_part_{number}": self.path(field) for number, field in enumerate(self.event_id_from)}
        return {**{str(column): self.path(field) for column, field in self.mapped.items()}, **parts}

    def path(self, field: str) -> tuple[str, ...]:
        """Where a field lies in a landed row; CSV has no nested objects, so a dot is part of a name there."""
        return (field,) if self.format == "csv" else tuple(field.split("."))

    @field_validator("event_types", mode="before")
    @classmethod
    def _words_are_texts(cls, given: object) -> object:
        for word in given if isinstance(given, dict) else ():
            if not isinstance(word, str):
                raise ValueError(
                    f"YAML reads the word {word!r} as no text, and a producer's word is one; next: write it in quotes, as the "
                    "producer writes it, or name the lowest number of each type in event_types_by_number"
                )
        return given

    @field_validator("day_folders")
    @classmethod
    def _names_a_day(cls, given: str) -> str:
        absent = [letter for letter in ("%Y", "%m", "%d") if given.count(letter) != 1]
        if absent or set(re.findall(r"%.", given)) - {"%Y", "%m", "%d"}:
            raise ValueError("it names a day by %Y, %m and %d, each once, and nothing else with %")
        if given.startswith(("/", "_", ".")) or given.endswith("/") or ".." in given or "//" in given:
            raise ValueError("it is the name of a folder below the feed's; e.g. dt=%Y-%m-%d or %Y/%m/%d")
        return given

    @field_validator("day_zone")
    @classmethod
    def _is_a_zone(cls, given: str) -> str:
        return _known_zone(given)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        twice = sorted(set(self.fields) & set(self.constants))
        if twice:
            raise ValueError(f"{', '.join(twice)} is both in fields and in constants")
        if self.event_id_from and "event_id" in self.fields:
            raise ValueError("event_id is both in fields and made of event_id_from")
        missing = [column for column in _REQUIRED if column not in {**self.mapped, **self.constants}]
        if self.event_id_from:
            missing = [column for column in missing if column != "event_id"]
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
        if given is not None and (self.event_types or self.event_types_by_number):
            raise ValueError("event_type is a constant, so event_types has nothing to translate")
        if self.event_types and self.event_types_by_number:
            raise ValueError("event_types and event_types_by_number both say what event_type means; next: keep one")
        if not isinstance(self.constants.get("position", 1), int):
            raise ValueError(f"constants.position {self.constants['position']!r} is no whole number")
        if isinstance(self.constants.get("value", 1.0), str):
            raise ValueError(f"constants.value {self.constants['value']!r} is no number")
        return self

    @model_validator(mode="after")
    def _fields_can_be_found(self) -> Self:
        paths = {self.path(field): field for field in (*self.mapped.values(), *self.event_id_from)}
        for path, field in paths.items():
            if not all(path):
                raise ValueError(f"field {field!r} has an empty part; write it as a.b")
            inside = next((other for end in range(1, len(path)) if (other := path[:end]) in paths), None)
            if inside is not None:
                raise ValueError(f"field {paths[inside]!r} is read as text, and {field!r} as an object of that name")
        if self.format == "csv" and self.csv.columns is not None:
            unknown = sorted(field for field in self.mapped.values() if field not in self.csv.columns and self.fields)
            unknown += [field for field in self.event_id_from if field not in self.csv.columns]
            if unknown:
                raise ValueError(f"{', '.join(unknown)} is not among csv.columns ({', '.join(self.csv.columns)})")
        return self
