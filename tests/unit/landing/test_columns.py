"""Landed files without lines: mapped values as text, whatever their types; what has no text is a fault."""

import hashlib
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from shortlist.columns import FAULT, FOLDER_VALUES, GIVEN, RAW, RECEIPT
from shortlist.config import FeedConfig
from shortlist.landing.files import LandedFile, Receipt
from shortlist.transforms.faults import NO_TEXT
from tests.unit.landing.test_reading import DAY, NAMES, read, reader_of, write


def test_a_footer_that_states_other_rows_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"user": ["u1", "u2"]}).write_parquet(path)
    file = LandedFile("log", DAY, "log/a", str(path), path.stat().st_size, 0, stated_rows=3)
    reader = reader_of(FeedConfig(format="delta"))
    rows = pa.Table.from_batches(reader.read(file, fs.LocalFileSystem()), reader.schema).to_pylist()
    assert "1 of its lines or rows and 0 bytes" in str(Receipt.of(rows[-1][RECEIPT]).problem)


TYPED = {**NAMES, "user_id": "who.id", "event_ts": "at"}


@pytest.mark.parametrize("kind", ["parquet", "avro"])
def test_of_rows_without_lines_the_mapped_fields_are_read_as_text(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame(
        {
            "n": ["a", "é"],
            "at": [datetime(2017, 11, 30, 10), None],
            "who": [{"id": 17.0}, {"id": None}],
            "words": [b"i1", None],
            "beside": [[1], []],
        }
    )
    path = tmp_path / f"a.{kind}"
    frame.write_parquet(path) if kind == "parquet" else frame.write_avro(path)
    rows, receipt = read(path, FeedConfig.model_validate({"format": kind, "fields": TYPED}))
    names = ("event_id", "event_ts", "user_id", "item_id", "event_type")
    assert [tuple(row[GIVEN][name] for name in names) for row in rows] == [
        ("a", "2017-11-30 10:00:00.000000", "17", "i1", None),
        ("é", None, None, None, None),
    ]
    assert {row[RAW] for row in rows} == {None}
    stated = 2 if kind == "parquet" else None
    expected = Receipt(2, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest(), stated_rows=stated)
    assert receipt == Receipt(**{**vars(expected), "columns": ("n", "at", "who", "who.id", "words", "beside")})


def test_values_of_folders_travel_with_the_rows(tmp_path: Path) -> None:
    pl.DataFrame({"n": ["a"]}).write_parquet(tmp_path / "a.parquet")
    path = tmp_path / "a.parquet"
    file = LandedFile("log", DAY, "log/a", str(path), path.stat().st_size, 0, (("country", "DE"), ("city", None)))
    reader = reader_of(FeedConfig(format="delta"))
    rows = pa.Table.from_batches(reader.read(file, fs.LocalFileSystem())).to_pylist()
    assert rows[0][FOLDER_VALUES] == [("country", "DE"), ("city", None)]


def test_types_that_nobody_maps_stop_no_file(tmp_path: Path) -> None:
    strange = {
        "headers": pa.array([[{"key": "k", "value": b"v"}]]),
        "wide": pa.array([Decimal("2.50")], pa.decimal256(50, 2)),
        "n": ["e1"],
        "words": pa.array([Decimal("17.00")], pa.decimal256(50, 2)),
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(strange), path)
    rows, receipt = read(path, FeedConfig.model_validate({"format": "parquet", "fields": NAMES}))
    assert (rows[0][GIVEN]["event_id"], rows[0][GIVEN]["item_id"], receipt.problem) == ("e1", "17.00", None)


def test_half_floats_are_numbers_as_any_other(tmp_path: Path) -> None:
    halves = pa.array(np.array([17.0, 1.5, np.nan], np.float16))
    pq.write_table(pa.table({"n": ["e1", "e2", "e3"], "words": halves}), tmp_path / "a.parquet")
    rows, _ = read(tmp_path / "a.parquet", FeedConfig.model_validate({"format": "parquet", "fields": NAMES}))
    assert [row[GIVEN]["item_id"] for row in rows] == ["17", "1.5", "NaN"]


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (pa.array([[datetime(2017, 11, 30)]], pa.list_(pa.timestamp("us", "Mars/Olympus"))), "'Mars/Olympus'"),
        (pa.array([[1 << 62]]).cast(pa.list_(pa.timestamp("us"))), "date value out of range"),
    ],
    ids=["a zone that nobody knows", "a year that nobody will see"],
)
def test_values_that_have_no_text_name_their_field(tmp_path: Path, times: pa.Array, why: str) -> None:
    pq.write_table(pa.table({"n": ["e1"], "words": times}), tmp_path / "a.parquet")
    _, receipt = read(tmp_path / "a.parquet", FeedConfig.model_validate({"format": "parquet", "fields": NAMES}))
    kind = str(times.type).replace("item", "element")  # as Parquet calls it
    assert receipt.problem == f"field 'words' of type {kind} cannot be read as text: {why}; land it as text"


def test_a_field_may_have_dots_in_its_own_name(tmp_path: Path) -> None:
    """Flattened objects: `who.id` is a field of that name, or the field `id` of the object `who`."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": ["e1"], "who.id": ["u7"], "who": [{"id": "not this"}]}), path)
    rows, _ = read(path, FeedConfig.model_validate({"format": "parquet", "fields": TYPED}))
    assert (rows[0][GIVEN]["event_id"], rows[0][GIVEN]["user_id"]) == ("e1", "u7")


@pytest.mark.parametrize("kind", ["parquet", "avro"])
def test_bytes_that_are_no_text_are_a_fault_and_never_two_ids_that_look_alike(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"n": ["a", "b", "c", "d"], "user": [b"\xff\x01", b"\xfe\x01", b"u1", None]})
    path = tmp_path / f"a.{kind}"
    frame.write_parquet(path) if kind == "parquet" else frame.write_avro(path)
    rows, receipt = read(path, FeedConfig.model_validate({"format": kind, "fields": NAMES}))
    assert [(row[GIVEN]["event_id"], row[GIVEN]["user_id"], row[FAULT]) for row in rows] == [
        ("a", None, NO_TEXT),
        ("b", None, NO_TEXT),
        ("c", "u1", None),
        ("d", None, None),
    ]
    assert receipt.problem is None


def avro_file(schema: dict[str, Any], rows: list[bytes]) -> bytes:
    """An Avro file of rows that are encoded already."""
    text, mark = json.dumps(schema).encode(), b"m" * 16
    block = b"".join(rows)
    meta = zigzag(1) + zigzag(11) + b"avro.schema" + zigzag(len(text)) + text + zigzag(0)
    return b"Obj\x01" + meta + mark + zigzag(len(rows)) + zigzag(len(block)) + block + mark


def zigzag(number: int) -> bytes:
    """A whole number as Avro writes it."""
    left, out = (number << 1) ^ (number >> 63), b""
    while left > 0x7F:
        out, left = out + bytes([left & 0x7F | 0x80]), left >> 7
    return out + bytes([left])


def test_avro_is_read_with_every_type(tmp_path: Path) -> None:
    """A map, an enumeration that may be empty and a union of three types: beyond Polars, so they are read row by row."""
    device = {"type": "enum", "name": "D", "symbols": ["phone", "web"]}
    fields = [
        {"name": "n", "type": "string"},
        {"name": "device", "type": ["null", device]},
        {"name": "beside", "type": {"type": "map", "values": "string"}},
        {"name": "user", "type": ["null", "string", "long"]},
        {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ]
    row = zigzag(2) + b"e1" + zigzag(1) + zigzag(1) + zigzag(1) + zigzag(1) + b"a" + zigzag(1) + b"b" + zigzag(0)
    row += zigzag(2) + zigzag(17) + zigzag(1512036000000)
    path = write(tmp_path / "a.avro", avro_file({"type": "record", "name": "r", "fields": fields}, [row, row]))
    feed = FeedConfig.model_validate({"format": "avro", "fields": {**NAMES, "item_id": "device"}})
    rows, receipt = read(path, feed)
    assert receipt.problem is None
    names = ("event_id", "item_id", "user_id", "event_ts")
    assert [tuple(row[GIVEN][name] for name in names) for row in rows] == [
        ("e1", "web", "17", "2017-11-30 10:00:00.000000Z")
    ] * 2
    assert receipt.columns == ("n", "device", "beside", "user", "t")
    cut = write(tmp_path / "cut.avro", path.read_bytes()[:-9])
    assert "cut off or broken" in str(read(cut, feed)[1].problem)
