"""One landed file in every format: its rows, their numbers, and the receipt; broken files are told, not raised."""

import bz2
import gzip
import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import fs

from shortlist.columns import DOCUMENT, FILE, HEADER, INGEST_DATE, OFFSET, RAW, RECEIPT
from shortlist.config import CsvConfig, FeedConfig
from shortlist.landing import reading
from shortlist.landing.reading import LandedFile, Receipt, csv_document, json_rows, read_file

DAY = date(2017, 11, 30)
LINES = b'{"n": 1}\n\n{"n": "\xff"}\n'
JSON = FeedConfig()
CSV = FeedConfig(format="csv")


def read(path: Path, feed: FeedConfig = JSON, size: int | None = None) -> tuple[list[dict[str, Any]], Receipt]:
    """The rows of a file and its receipt."""
    listed = path.stat().st_size if size is None and path.exists() else size or 0
    file = LandedFile("log", DAY, f"log/{DAY}/{path.name}", str(path), listed, 0)
    rows = pa.Table.from_batches(read_file(file, feed, fs.LocalFileSystem()), reading.SCHEMA).to_pylist()
    assert [row[RECEIPT] for row in rows[:-1]] == [None] * (len(rows) - 1)
    assert {row[FILE] for row in rows} == {file.name}
    assert {row[INGEST_DATE] for row in rows} == {DAY}
    assert rows[-1][RAW] is None
    return rows[:-1], Receipt.of(rows[-1][RECEIPT])


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.json", bytes),
        ("a.json.gz", gzip.compress),
        ("a.json.zst", lambda data: pa.compress(data, "zstd", asbytes=True)),
        ("a.json.bz2", bz2.compress),
    ],
)
def test_lines_are_read_as_they_were_landed_however_packed(tmp_path: Path, name: str, pack: Any) -> None:
    path = write(tmp_path / name, pack(LINES))
    rows, receipt = read(path)
    assert [row[RAW] for row in rows] == [b'{"n": 1}', b"", b'{"n": "\xff"}']
    assert [row[OFFSET] for row in rows] == [0, 1, 2]
    assert receipt == Receipt(3, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


def test_packed_pieces_that_were_joined_are_one_file(tmp_path: Path) -> None:
    rows, receipt = read(write(tmp_path / "a.json.gz", gzip.compress(b"1\n2\n") + gzip.compress(b"3\n")))
    assert [row[RAW] for row in rows] == [b"1", b"2", b"3"]
    assert receipt.problem is None


def test_lines_go_over_the_ends_of_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_BLOCK", 3)
    rows, _ = read(write(tmp_path / "a.json", b"1234567\r\n8\n\nabcdef"))
    assert [(row[OFFSET], row[RAW]) for row in rows] == [(0, b"1234567"), (1, b"8"), (2, b""), (3, b"abcdef")]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.json", b""))[1] == Receipt(0, 0, hashlib.sha256(b"").hexdigest())


def test_what_cannot_be_read_whole_is_a_problem_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"line\n" * 1000)
    assert "Truncated" in str(read(write(tmp_path / "cut.json.gz", packed[:-9]))[1].problem)
    assert "Truncated" in str(
        read(write(tmp_path / "cut.json.zst", pa.compress(LINES, "zstd", asbytes=True)[:-3]))[1].problem
    )
    assert "inflate failed" in str(read(write(tmp_path / "tail.json.gz", packed + b"tail"))[1].problem)
    assert "No such file" in str(read(tmp_path / "gone.json")[1].problem)
    assert read(write(tmp_path / "grown.json", b"1\n2\n"), size=2)[1].problem == "4 bytes were read, 2 were listed"
    assert "Parquet" in str(read(write(tmp_path / "a.parquet", b"none"), FeedConfig(format="parquet"))[1].problem)
    monkeypatch.setattr(reading, "_LONGEST_LINE", 4)
    monkeypatch.setattr(reading, "_BLOCK", 4)
    assert "longer than 4 bytes" in str(read(write(tmp_path / "long.json", b"123456789"))[1].problem)


def test_csv_rows_keep_their_text_beside_their_json(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbfuser,words\r\nu1,"a, ""b"""\r\nu2,"over\ntwo lines"\nu3\nu4,\xff\n'
    rows, receipt = read(write(tmp_path / "a.csv", text), CSV)
    assert [row[RAW] for row in rows] == [b'u1,"a, ""b"""', b'u2,"over\ntwo lines"', b"u3", b"u4,\xff"]
    assert [row[OFFSET] for row in rows] == [0, 1, 2, 3]
    assert {row[HEADER] for row in rows} == {'["user", "words"]'}
    assert json.loads(rows[0][DOCUMENT]) == {"user": "u1", "words": 'a, "b"'}
    assert json.loads(rows[1][DOCUMENT]) == {"user": "u2", "words": "over\ntwo lines"}
    assert rows[2][DOCUMENT] == "no row"
    assert (receipt.rows, receipt.problem) == (4, None)


def test_a_csv_row_of_quarantine_is_read_with_its_header(tmp_path: Path) -> None:
    rows, _ = read(
        write(tmp_path / "a.csv", b'user;words\nu2;"over\ntwo"\nu3\n'),
        FeedConfig(format="csv", csv=CsvConfig(delimiter=";")),
    )
    again = [csv_document(row[RAW], row[HEADER], CsvConfig(delimiter=";")) for row in rows]
    assert again == [row[DOCUMENT] for row in rows] == ['{"user": "u2", "words": "over\\ntwo"}', "no row"]


def test_csv_without_a_header_is_named_by_settings(tmp_path: Path) -> None:
    feed = FeedConfig(format="csv", csv=CsvConfig(columns=("user", "words")))
    rows, _ = read(write(tmp_path / "a.csv", b"u1,w\n"), feed)
    assert [json.loads(row[DOCUMENT]) for row in rows] == [{"user": "u1", "words": "w"}]


def test_a_csv_that_hides_its_rows_is_refused(tmp_path: Path) -> None:
    open_quote = b'user\n"u1\n' + b"u2\n" * 200
    assert "is not closed in 100 lines" in str(read(write(tmp_path / "a.csv", open_quote), CSV)[1].problem)
    assert "does not name the fields" in str(read(write(tmp_path / "b.csv", b"user,user\n1,2\n"), CSV)[1].problem)


@pytest.mark.parametrize("kind", ["parquet", "avro"])
def test_rows_without_lines_become_json(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame({"id": ["a", "é"], "at": [datetime(2017, 11, 30, 10), None], "n": [1, 2]})
    path = tmp_path / f"a.{kind}"
    frame.write_parquet(path) if kind == "parquet" else frame.write_avro(path)
    rows, receipt = read(path, FeedConfig.model_validate({"format": kind}))
    assert [json.loads(row[RAW]) for row in rows] == [
        {"id": "a", "at": "2017-11-30 10:00:00", "n": 1},
        {"id": "é", "at": None, "n": 2},
    ]
    assert receipt == Receipt(2, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


def test_values_that_json_lacks_are_not_lost() -> None:
    frame = pl.DataFrame(
        {"x": [1.5, float("nan"), None], "b": [b"\xff", None, b""], "t": [datetime(2017, 11, 30, tzinfo=UTC)] * 3}
    )
    assert [json.loads(row) for row in json_rows(frame)] == [
        {"x": "1.5", "b": "/w==", "t": "2017-11-30T00:00:00+00:00"},
        {"x": "NaN", "b": None, "t": "2017-11-30T00:00:00+00:00"},
        {"x": None, "b": "", "t": "2017-11-30T00:00:00+00:00"},
    ]


def test_values_of_partition_columns_are_added(tmp_path: Path) -> None:
    pl.DataFrame({"id": ["a"]}).write_parquet(tmp_path / "a.parquet")
    path = tmp_path / "a.parquet"
    file = LandedFile("log", DAY, "log/a", str(path), path.stat().st_size, 0, (("country", "DE"),))
    rows = pa.Table.from_batches(read_file(file, FeedConfig(format="delta"), fs.LocalFileSystem())).to_pylist()
    assert json.loads(rows[0][RAW]) == {"id": "a", "country": "DE"}
