"""One landed file in every format: its rows, their numbers, and the receipt; broken files are told, not raised."""

import bz2
import gzip
import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs

from shortlist.columns import FAULT, FILE, GIVEN, HEADER, INGEST_DATE, OFFSET, RAW, RECEIPT
from shortlist.config import FeedConfig
from shortlist.landing import text as text_module
from shortlist.landing.files import LandedFile, Receipt
from shortlist.landing.reading import Reader

DAY = date(2017, 11, 30)
LINES = b'{"n": 1}\n\n{"n": "\xff"}\n'
NAMES = {"event_id": "n", "event_type": "e", "event_ts": "t", "user_id": "user", "item_id": "words"}
JSON = FeedConfig()
CSV = FeedConfig.model_validate({"format": "csv", "fields": NAMES})


def read(path: Path, feed: FeedConfig = JSON, size: int | None = None) -> tuple[list[dict[str, Any]], Receipt]:
    """The rows of a file and its receipt."""
    listed = path.stat().st_size if size is None and path.exists() else size or 0
    file = LandedFile("log", DAY, f"log/{DAY}/{path.name}", str(path), listed, 0)
    reader = reader_of(feed)
    rows = pa.Table.from_batches(reader.read(file, fs.LocalFileSystem()), reader.schema).to_pylist()
    assert [row[RECEIPT] for row in rows[:-1]] == [None] * (len(rows) - 1)
    assert {row[FILE] for row in rows} == {file.name}
    assert {row[INGEST_DATE] for row in rows} == {DAY}
    assert rows[-1][RAW] is None
    return rows[:-1], Receipt.of(rows[-1][RECEIPT])


def reader_of(feed: FeedConfig) -> Reader:
    return Reader(feed.format, feed.csv, feed.paths)


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
    assert receipt == Receipt(
        3, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest(), lines=3, columns=("n",)
    )


def test_packed_pieces_that_were_joined_are_one_file(tmp_path: Path) -> None:
    rows, receipt = read(write(tmp_path / "a.json.gz", gzip.compress(b"1\n2\n", mtime=0) + gzip.compress(b"3\n")))
    assert [row[RAW] for row in rows] == [b"1", b"2", b"3"]
    assert receipt.problem is None


def test_lines_go_over_the_ends_of_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "_BLOCK", 3)
    rows, _ = read(write(tmp_path / "a.json", b"1234567\r\n8\n\nabcdef"))
    assert [(row[OFFSET], row[RAW]) for row in rows] == [(0, b"1234567"), (1, b"8"), (2, b""), (3, b"abcdef")]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.json", b""))[1] == Receipt(0, 0, hashlib.sha256(b"").hexdigest(), lines=0)


def test_what_cannot_be_read_whole_is_a_problem_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"line\n" * 1000, mtime=0)
    assert "Truncated" in str(read(write(tmp_path / "cut.json.gz", packed[:-9]))[1].problem)
    assert "Truncated" in str(
        read(write(tmp_path / "cut.json.zst", pa.compress(LINES, "zstd", asbytes=True)[:-3]))[1].problem
    )
    assert "inflate failed" in str(read(write(tmp_path / "tail.json.gz", packed + b"tail"))[1].problem)
    assert "No such file" in str(read(tmp_path / "gone.json")[1].problem)
    assert read(write(tmp_path / "grown.json", b"1\n2\n"), size=2)[1].problem == "4 bytes were read, 2 were listed"
    assert "Parquet" in str(read(write(tmp_path / "a.parquet", b"none"), FeedConfig(format="parquet"))[1].problem)
    monkeypatch.setattr(text_module, "_LONGEST_LINE", 4)
    monkeypatch.setattr(text_module, "_BLOCK", 4)
    assert "longer than 4 bytes" in str(read(write(tmp_path / "long.json", b"123456789"))[1].problem)


def test_zeros_after_a_gzip_member_are_no_fault_and_other_bytes_are(tmp_path: Path) -> None:
    packed = gzip.compress(b"1\n", mtime=0) + b"\0" * 700_000 + gzip.compress(b"2\n") + b"\0" * 512
    rows, receipt = read(write(tmp_path / "padded.json.gz", packed))
    assert [row[RAW] for row in rows] == [b"1", b"2"]
    assert (receipt.problem, receipt.size) == (None, len(packed))
    assert "inflate failed" in str(read(write(tmp_path / "tail.json.gz", packed + b"tail"))[1].problem)
    assert "inflate failed" in str(read(write(tmp_path / "zeros.json.gz", b"\0" * 512))[1].problem)


def test_lines_of_nothing_at_the_end_are_counted_and_no_rows(tmp_path: Path) -> None:
    rows, receipt = read(write(tmp_path / "a.json", b'{"n": 1}\n\n{"n": 2}\n  \n\n'))
    assert [row[RAW] for row in rows] == [b'{"n": 1}', b"", b'{"n": 2}']
    assert (receipt.rows, receipt.lines, receipt.blank, receipt.problem) == (3, 5, 2, None)
    rows, receipt = read(write(tmp_path / "a.csv", b"user,words\nu1,a\n\nu2,b\n\n"), CSV)
    assert [(row[RAW], row[FAULT]) for row in rows] == [(b"u1,a", None), (b"", "no valid CSV row"), (b"u2,b", None)]
    assert (receipt.lines, receipt.header, receipt.blank, receipt.problem) == (5, 1, 1, None)


def test_a_mark_of_the_encoding_before_any_line_is_no_part_of_it(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    rows, receipt = read(write(tmp_path / "a.json", mark + b'{"n": 1}\n' + mark + b'{"n": 2}\r\n'))
    assert [row[RAW] for row in rows] == [b'{"n": 1}', b'{"n": 2}']
    assert receipt.problem is None


OBJECTS: list[tuple[bytes, list[bytes], str | None]] = [
    (b'{"n": 1}{"n": 2}', [b'{"n": 1}', b'{"n": 2}'], None),
    (b'{"n": {"a": 1}} {"n": "}{"}\t{"n": [{}, {}]}', [b'{"n": {"a": 1}}', b'{"n": "}{"}', b'{"n": [{}, {}]}'], None),
    (b"{'n': '}{'}{'n': 2}", [b"{'n': '}{'}", b"{'n': 2}"], None),
    ('{"n": "é"}{"n": 2}'.encode(), ['{"n": "é"}'.encode(), b'{"n": 2}'], None),
    (b'{"n": 1},{"n": 2}', [b'{"n": 1},{"n": 2}'], "text after the JSON object"),
    (b'{"n": 1} xx', [b'{"n": 1} xx'], "text after the JSON object"),
    (b'{"n": 1}}', [b'{"n": 1}}'], "text after the JSON object"),
    (b'{"n": 1}{"n": 2', [b'{"n": 1}{"n": 2'], "text after the JSON object"),
    (b'{"n": "}{"}', [b'{"n": "}{"}'], None),
    (b'{"n": [{"a": 1}, {"a": 2}]} ', [b'{"n": [{"a": 1}, {"a": 2}]} '], None),
    (b"[1] [2]", [b"[1] [2]"], "text after the JSON object"),
    (b'{"n": 1', [b'{"n": 1'], None),
    (b'"text"', [b'"text"'], None),
]


@pytest.mark.parametrize(("line", "expected", "fault"), OBJECTS)
def test_every_object_of_a_line_is_a_row_and_nothing_after_one_is_dropped(
    tmp_path: Path, line: bytes, expected: list[bytes], fault: str | None
) -> None:
    rows, receipt = read(write(tmp_path / "a.json", b'{"n": 0}\n' + line + b'\n{"n": 9}'))
    assert [row[RAW] for row in rows] == [b'{"n": 0}', *expected, b'{"n": 9}']
    assert [row[OFFSET] for row in rows] == list(range(len(rows)))
    assert [row[FAULT] for row in rows] == [None, *[fault] * len(expected), None]
    assert (receipt.lines, receipt.joined, receipt.problem) == (3, len(expected) - 1, None)


SHAPES: list[tuple[str, bytes, FeedConfig, str]] = [
    ("a.json", gzip.compress(b'{"n": 1}', mtime=0), JSON, "packed with gzip, but its name does not end in .gz"),
    ("a.json", pa.compress(b'{"n": 1}', "zstd", asbytes=True), JSON, "packed with zstd"),
    ("a.json", '{"n": 1}\n'.encode("utf-16"), JSON, "UTF-16"),
    ("a.csv", "user,words\n".encode("utf-16-be"), CSV, "UTF-16"),
    ("a.json", b'[{"n": 1}, {"n": 2}]', JSON, "one JSON array"),
    ("a.json", b'[\n{"n": 1},\n{"n": 2}\n]', JSON, "one JSON array"),
    ("a.json", b'{\n "n": 1\n}\n', JSON, "several lines"),
    ("a.json.gz", gzip.compress(b'{"n": {\n "a": 1}\n}\n', mtime=0), JSON, "several lines"),
    ("a.json", b"PAR1....", JSON, "it is Parquet; the feed's setting is format: json"),
    ("a.json", pa.compress(b"{}", "lz4", asbytes=True), JSON, "it is packed with lz4, which is not read"),
    ("a.json", b"\xff\x06\x00\x00sNaPpY...", JSON, "it is packed with snappy, which is not read"),
    ("a.json", b"7z\xbc\xaf\x27\x1c...", JSON, "it is a 7z archive, which is not read"),
    ("a.csv", b"\x1f\x9d...", CSV, "it is packed with compress (.Z), which is not read"),
    (
        "a.csv",
        b"part-0.csv".ljust(257, b"\0") + b"ustar\x0000",
        CSV,
        "it is a tar archive, which is not read",
    ),
    ("a.json", b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', JSON, "it is XML or HTML"),
    ("a.csv", b"\n<!DOCTYPE html><html>", CSV, "it is XML or HTML"),
]


@pytest.mark.parametrize(("name", "data", "feed", "words"), SHAPES)
def test_what_is_no_text_of_lines_is_called_by_its_name(
    tmp_path: Path, name: str, data: bytes, feed: FeedConfig, words: str
) -> None:
    rows, receipt = read(write(tmp_path / name, data), feed)
    assert rows == []
    assert words in str(receipt.problem)


def test_csv_rows_keep_their_text_beside_their_fields(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbfuser,words\r\nu1,"a, ""b"""\r\nu2,"over\ntwo lines"\nu3\nu4,\xff\n'
    rows, receipt = read(write(tmp_path / "a.csv", text), CSV)
    assert [row[RAW] for row in rows] == [b'u1,"a, ""b"""', b'u2,"over\ntwo lines"', b"u3", b"u4,\xff"]
    assert [row[OFFSET] for row in rows] == [0, 1, 2, 3]
    assert {row[HEADER] for row in rows} == {'["user", "words"]'}
    found = [(row[GIVEN]["user_id"], row[GIVEN]["item_id"], row[FAULT]) for row in rows]
    assert found == [
        ("u1", 'a, "b"', None),
        ("u2", "over\ntwo lines", None),
        (None, None, "no valid CSV row"),
        ("u4", "?", None),
    ]
    assert rows[0][GIVEN]["event_id"] is None
    assert (receipt.rows, receipt.lines, receipt.header, receipt.spanned, receipt.problem) == (4, 6, 1, 1, None)
    assert receipt.columns == ("user", "words")


IN_COLUMNS = {"event_id": "n", "event_ts": "n", "user_id": "user", "item_id": "words"}
TAB: dict[str, Any] = {
    "format": "csv",
    "fields": IN_COLUMNS,
    "constants": {"event_type": "click"},
    "csv": {"delimiter": "\t", "columns": ["n", "user", "words"]},
}
# A text, further settings, its rows with the words of each, or None for a row that is kept whole with a fault.
QUOTES: list[tuple[str, dict[str, Any], list[tuple[str, str | None]]]] = [
    (
        '1\tu1\t"12 inch\n2\tu2\tlamp\n3\tu3\t6" nail\n',
        {},
        [('1\tu1\t"12 inch', None), ("2\tu2\tlamp", "lamp"), ('3\tu3\t6" nail', '6" nail')],
    ),
    (
        '1\tu1\t"12 inch\n2\tu2\tlamp\n3\tu3\t24"\n4\tu4\tdesk\n',
        {},
        [('1\tu1\t"12 inch', None), ("2\tu2\tlamp", "lamp"), ('3\tu3\t24"', '24"'), ("4\tu4\tdesk", "desk")],
    ),
    (
        '1\tu1\tsofa\n2\tu2\t"round\n3\tu3\tlamp',
        {},
        [("1\tu1\tsofa", "sofa"), ('2\tu2\t"round', None), ("3\tu3\tlamp", "lamp")],
    ),
    ('1\tu1\t"tv 55\\""\n2\tu2\tlamp\n', {}, [('1\tu1\t"tv 55\\""', None), ("2\tu2\tlamp", "lamp")]),
    ('1\tu1\t"tv 55\\""\n2\tu2\tlamp\n', {"escape": "\\"}, [('1\tu1\t"tv 55\\""', 'tv 55"'), ("2\tu2\tlamp", "lamp")]),
    ('1\tu1\t"12 inch\n2\tu2\tlamp\n', {"quote": None}, [('1\tu1\t"12 inch', '"12 inch'), ("2\tu2\tlamp", "lamp")]),
    ('1\tu1\t"12" inch\n', {"strict": False}, [('1\tu1\t"12" inch', "12 inch")]),
    ('1\tu1\t"12" inch\n', {}, [('1\tu1\t"12" inch', None)]),
    ('1\tu1\t"two\nlines"\n', {}, [('1\tu1\t"two\nlines"', "two\nlines")]),
    ('1\tu1\t"two\nlines"\n', {"max_lines": 1}, [('1\tu1\t"two', None), ('lines"', None)]),
]


@pytest.mark.parametrize(("text", "dialect", "expected"), QUOTES)
def test_no_line_is_swallowed_by_another_lines_quote(
    tmp_path: Path, text: str, dialect: dict[str, Any], expected: list[tuple[str, str | None]]
) -> None:
    feed = FeedConfig.model_validate({**TAB, "csv": {**TAB["csv"], **dialect}})
    rows, receipt = read(write(tmp_path / "a.tsv", text.encode()), feed)
    found = [(row[RAW].decode(), None if row[FAULT] else row[GIVEN]["item_id"]) for row in rows]
    assert found == expected
    assert receipt.problem is None


def test_a_row_of_quarantine_is_read_as_it_was_before(tmp_path: Path) -> None:
    feed = FeedConfig.model_validate({"format": "csv", "fields": NAMES, "csv": {"delimiter": ";"}})
    rows, _ = read(write(tmp_path / "a.csv", b'user;words\nu2;"over\ntwo"\nu3\n"u4\nu5;b'), feed)
    kept = [{name: row[name] for name in (RAW, HEADER, FILE, OFFSET, INGEST_DATE)} for row in rows]
    reader = reader_of(feed)
    schema = pa.schema([reader.schema.field(name) for name in (RAW, HEADER, FILE, OFFSET, INGEST_DATE)])
    again = reader.read_again(pa.RecordBatch.from_pylist(kept, schema)).to_pylist()
    without = [{**row, GIVEN: None} if row[FAULT] else row for row in rows]
    assert [row[RAW] for row in rows] == [b'u2;"over\ntwo"', b"u3", b'"u4', b"u5;b"]
    assert [{**row, GIVEN: None, FAULT: "no row"} if row[FAULT] else row for row in again] == [
        {**row, FAULT: "no row"} if row[FAULT] else row for row in without
    ]


def test_csv_without_a_header_is_named_by_settings(tmp_path: Path) -> None:
    feed = FeedConfig.model_validate({**TAB, "csv": {"columns": ["n", "user", "words"]}})
    rows, _ = read(write(tmp_path / "a.csv", b"1,u1,w\n"), feed)
    assert [(row[GIVEN]["user_id"], row[GIVEN]["item_id"]) for row in rows] == [("u1", "w")]


def test_a_csv_that_hides_its_rows_is_refused(tmp_path: Path) -> None:
    open_quote = b'user\n"u1\n' + b"u2\n" * 200
    assert "is not closed in 100 lines" in str(read(write(tmp_path / "a.csv", open_quote), CSV)[1].problem)
    assert "does not name the fields" in str(read(write(tmp_path / "b.csv", b"user,user\n1,2\n"), CSV)[1].problem)


def test_rows_that_no_row_accounts_for_are_a_problem() -> None:
    assert Receipt(3, 1, "", lines=6, header=1, blank=1, spanned=1).unexplained == 0
    assert Receipt(3, 1, "", lines=2, joined=1).unexplained == 0
    assert Receipt(3, 1, "", lines=4).unexplained == 1
    assert Receipt(3, 1, "", stated_rows=5).unexplained == 2
    assert Receipt(3, 1, "").unexplained == 0
    counted = Receipt(3, 9, "ab", "broken", lines=3, columns=("a", "b"))
    assert Receipt.of(counted.text()) == counted


def test_fields_of_json_are_named_by_its_first_lines(tmp_path: Path) -> None:
    data = b'{"n": 1, "who": {"id": 2}}\n{"at": [{"x": 1}]}\nbroken\n[1]\n'
    assert read(write(tmp_path / "a.json", data))[1].columns == ("n", "who", "who.id", "at")
