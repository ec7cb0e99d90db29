"""What a feed's newest folder holds, as its settings map it: a few events, read without Spark, for a person to look at."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from pyarrow import fs

from shortlist.columns import EVENT_TS, EVENT_TYPE
from shortlist.config import ID_COLUMNS, ExtractionConfig, FeedConfig, IdsConfig
from shortlist.landing.csv_rows import dialect
from shortlist.landing.folders import Landing
from shortlist.landing.sample_times import can_read, parse
from shortlist.subjects import ID_BLANKS, id_text

_CODECS: Final = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2"}
# What a file that is no such file, or a torn one, makes its readers raise. Polars panics on some.
UNREADABLE: Final = (
    *(OSError, ValueError, csv.Error, DeltaError, pa.ArrowException),
    *(pl.exceptions.PolarsError, pl.exceptions.PanicException),
)
# Enough for some lines; the rest of a file is not read.
_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class FirstEvents:
    """The first events of a file.

    Attributes:
        file: where they are from.
        events: contract column: value, of each event.
        problem: what is wrong with the mapping; empty when every column that an event needs has values.
    """

    file: str
    events: list[dict[str, str]]
    problem: str = ""


def first_events(landing: Landing, name: str, day: date, config: ExtractionConfig, count: int = 5) -> FirstEvents:
    """The first events of a day of a feed, mapped: ids and missing values as extraction reads them.

    Raises:
        UNREADABLE: the file cannot be read.
    """
    folder, feed, ids = landing.name(name, day), config.feeds[name], config.ids
    if feed.format == "delta":
        table = deltalake.DeltaTable(landing.folder(name, day))
        return _mapped(folder, pl.scan_delta(table).head(count).collect().to_dicts(), feed, ids)
    files = landing.listing(name, [day], feed.format).files
    if not files:
        return FirstEvents(folder, [], "it holds no file of events")
    system, _ = landing.system()
    return _mapped(files[0].name, _rows(system, files[0].path, feed, count), feed, ids)


def _mapped(file: str, rows: Sequence[Mapping[str, Any]], feed: FeedConfig, ids: IdsConfig) -> FirstEvents:
    events = [_event(row, feed, ids) for row in rows]
    found = {column for event in events for column in event}
    asked = _asked(feed) - found
    empty = {str(column): field for column, field in feed.mapped.items() if column in asked}
    parts = [field for field in feed.event_id_from if all(_inside(row, feed.path(field)) is None for row in rows)]
    empty |= {f"event_id_from[{feed.event_id_from.index(field)}]": field for field in parts}
    if not rows:
        return FirstEvents(file, [], "it holds no event")
    if not empty:
        return FirstEvents(file, events, _unknown_words(events))
    fields = list(dict.fromkeys(field for row in rows for field in _names(row, feed)))
    said = []
    for column, field in empty.items():
        near = get_close_matches(field, fields, 3, 0.5)
        said.append(f"{column} is to be field {field!r}" + (f" (near it: {', '.join(near)})" if near else ""))
    return FirstEvents(file, events, f"no event has {'; '.join(said)}; its fields are {', '.join(fields[:30])}")


def _asked(feed: FeedConfig) -> set[str]:
    """Columns that must have values: all that the settings name, else those that every event needs."""
    return set(feed.fields) or {"event_id", "event_type", "event_ts", "user_id"}


def _event(row: Mapping[str, Any], feed: FeedConfig, ids: IdsConfig) -> dict[str, str]:
    found = {column: _inside(row, feed.path(field)) for column, field in feed.mapped.items()}
    given = {str(column): _text(value) for column, value in found.items() if value is not None}
    event = {str(column): str(value) for column, value in feed.constants.items()}
    for column, text in given.items():
        nothing = ("", *feed.no_value, *(feed.no_value_ids if column in ID_COLUMNS else ()))
        if text.strip(ID_BLANKS) not in nothing:
            event[column] = id_text(text, ids) if column in ID_COLUMNS else text
    if EVENT_TS in event and can_read(feed.timestamp.format):
        [time] = parse(pl.Series([event[EVENT_TS]]), [feed.timestamp.format], feed.timestamp.zone)
        event[EVENT_TS] = (
            f"{time:%Y-%m-%dT%H:%M:%SZ}" if time else f"{event[EVENT_TS]} (no time as {feed.timestamp.format})"
        )
    if EVENT_TYPE in event and EVENT_TYPE not in feed.constants:
        event[EVENT_TYPE] = _event_type(event[EVENT_TYPE], feed)
    return event


def _event_type(word: str, feed: FeedConfig) -> str:
    if feed.event_types_by_number:
        try:
            below = [lowest for lowest in feed.event_types_by_number if lowest <= float(word)]
        except ValueError:
            return f"{word} (no number, as event_types_by_number wants)"
        return feed.event_types_by_number[max(below)] if below else f"{word} (below all of event_types_by_number)"
    return feed.event_types.get(word, f"{word} (no word of event_types)") if feed.event_types else word


def _unknown_words(events: Sequence[Mapping[str, str]]) -> str:
    """What is wrong when no event at all has a known word, or a time."""
    for column in (EVENT_TYPE, EVENT_TS):
        values = [event.get(column, "") for event in events]
        if values and all(value.endswith(")") for value in values):
            return f"no event has a {column} that the settings can read: {values[0]}"
    return ""


def _rows(system: fs.FileSystem, path: str, feed: FeedConfig, count: int) -> list[dict[str, Any]]:
    if feed.format == "parquet":
        with system.open_input_file(path) as opened:
            batch = next(pq.ParquetFile(opened).iter_batches(batch_size=count), None)
            return [] if batch is None else batch.to_pylist()[:count]
    if feed.format == "avro":
        with system.open_input_stream(path, compression=None) as opened:
            return pl.read_avro(io.BytesIO(opened.read())).head(count).to_dicts()
    lines = _first_lines(system, path)
    if feed.format == "json":
        given = islice((line for line in lines if line.strip()), count)
        return [row for line in given if isinstance(row := json.loads(line), dict)]
    return _csv_rows(lines, feed, count)


def _csv_rows(lines: Sequence[str], feed: FeedConfig, count: int) -> list[dict[str, Any]]:
    reader = csv.reader(lines, **dialect(feed.csv))
    names = feed.csv.columns or next(reader, [])
    rows = (dict(zip(names, fields, strict=False)) for fields in reader if fields)
    return list(islice(rows, count))


def _first_lines(system: fs.FileSystem, path: str) -> list[str]:
    codec = next((codec for suffix, codec in _CODECS.items() if path.endswith(suffix)), None)
    with system.open_input_stream(path, compression=None) as opened:
        stream = opened if codec is None else pa.CompressedInputStream(opened, codec)
        block = stream.read(_BYTES)
    *whole, last = block.decode("utf-8-sig", errors="replace").split("\n")
    # A line that was cut off is no line; a file's last line may have no end.
    return [*whole, last] if len(block) < _BYTES else whole


def _inside(row: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = row
    if ".".join(path) in row:
        return row[".".join(path)]
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _names(row: Mapping[str, Any], feed: FeedConfig, before: str = "") -> list[str]:
    """Fields of a row, as a mapping names them."""
    names: list[str] = []
    for name, value in row.items():
        names += _names(value, feed, f"{before}{name}.") if isinstance(value, Mapping) else [f"{before}{name}"]
    return names


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
