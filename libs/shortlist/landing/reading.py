"""The rows of one landed file, in any format, with what was read of it. Runs on Spark's workers: no session here.

Every format ends in text: JSON lines as they were landed, a CSV row with its JSON beside it, the rows of Parquet, Avro
and Delta as JSON. So one parser, one set of reasons and one quarantine serve them all.
"""

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from shortlist.columns import DOCUMENT, FILE, HEADER, INGEST_DATE, OFFSET, RAW, RECEIPT
from shortlist.config import CsvConfig, FeedConfig

_BLOCK: Final = 4 << 20
_ROWS: Final = 20_000
# A longer line is no event; without a limit one file without line breaks would fill a worker's memory.
_LONGEST_LINE: Final = 64 << 20
# A quote that is never closed would make one row of the rest of a file, and one row is never too many.
_MOST_BREAKS: Final = 100
# Parses as no object, so that the row is given its reason where all rows are.
_NO_ROW: Final = "no row"
_CODECS: Final = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2"}

SCHEMA: Final = pa.schema(
    [
        (RAW, pa.binary()),
        (HEADER, pa.string()),
        (DOCUMENT, pa.string()),
        (FILE, pa.string()),
        (OFFSET, pa.int64()),
        (INGEST_DATE, pa.date32()),
        (RECEIPT, pa.string()),
    ]
)


@dataclass(frozen=True)
class LandedFile:
    """One file of a delivery, as it was listed before reading.

    Attributes:
        feed: name of its feed.
        day: date of its folder.
        name: relative to the landing root; names the file in tables and errors.
        path: as its file system knows it.
        size: bytes.
        modified: nanoseconds since 1970.
        partition: values of a Delta folder's partition columns, which its files do not repeat.
    """

    feed: str
    day: date
    name: str
    path: str
    size: int
    modified: int
    partition: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Receipt:
    """What was read of a file.

    Attributes:
        rows: lines, or rows.
        size: bytes.
        sha256: of these bytes, in hex.
        problem: why the file could not be read whole; empty when it was.
    """

    rows: int
    size: int
    sha256: str
    problem: str | None = None

    def text(self) -> str:
        """As it travels in the receipt column."""
        return json.dumps(vars(self))

    @classmethod
    def of(cls, text: str) -> "Receipt":
        """The receipt of a text."""
        return cls(**json.loads(text))


class _Hashed(io.RawIOBase):
    """A file that counts and hashes what is read of it, once and in order."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.size = 0
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = bytes(self.source.read(None if size < 0 else size))
        self.size += len(data)
        self.sha256.update(data)
        return data


# The pieces of a file's rows: (raw, documents or None), and the header that was in force.
_Pieces = Iterator[tuple[list[bytes], list[str] | None, str | None]]


def read_file(file: LandedFile, feed: FeedConfig, system: fs.FileSystem) -> Iterator[pa.RecordBatch]:
    """All rows of a file, then one row that holds nothing but its receipt.

    A file that is gone, broken, cut off or longer than it was listed is not an exception here but a problem in its
    receipt: so the driver learns of every such file at once, by name.
    """
    rows, problem = 0, None
    hashed = _Hashed(io.BytesIO())
    try:
        with system.open_input_stream(file.path, compression=None) as source:
            hashed.source = source
            for raws, documents, header in _pieces(file, feed, system, hashed):
                yield _batch(file, raws, documents, header, rows)
                rows += len(raws)
            while hashed.read(_BLOCK):  # what a reader leaves unread belongs to the file too
                pass
    except (OSError, ValueError, csv.Error, pa.ArrowException, pl.exceptions.PolarsError) as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    except pl.exceptions.PanicException as error:  # no Exception: Polars gives up on a value that JSON has not
        problem = f"its rows cannot be written as JSON: {' '.join(str(error).split())[:300]}"
    if problem is None and hashed.size != file.size:
        problem = f"{hashed.size} bytes were read, {file.size} were listed"
    receipt = Receipt(rows, hashed.size, hashed.sha256.hexdigest(), problem)
    yield _rows(file, {RECEIPT: pa.array([receipt.text()], pa.string())}, 1)


def checksum(file: LandedFile, system: fs.FileSystem) -> str:
    """The SHA-256 of a file's bytes, in hex, for files that Spark reads by itself."""
    with system.open_input_stream(file.path, compression=None) as source:
        hashed = _Hashed(source)
        while hashed.read(_BLOCK):
            pass
    return hashed.sha256.hexdigest()


def csv_document(raw: bytes, header: str, config: CsvConfig) -> str:
    """The JSON of one CSV row that was kept with its header, as a replay finds it in quarantine."""
    lines = raw.decode("utf-8", errors="surrogateescape").split("\n")
    found = list(_csv_rows(lines, config))
    return _document(json.loads(header), found[0][1]) if len(found) == 1 else _NO_ROW


def _document(names: Sequence[str], fields: Sequence[str]) -> str:
    """A CSV row as JSON; a text that is none when it has more or fewer fields than there are names."""
    return json.dumps(dict(zip(names, fields, strict=True))) if len(fields) == len(names) else _NO_ROW


def _pieces(file: LandedFile, feed: FeedConfig, system: fs.FileSystem, source: _Hashed) -> _Pieces:
    if feed.format == "json":
        yield from ((lines, None, None) for lines in _lines(file, source))
    elif feed.format == "csv":
        yield from _csv_pieces(_lines(file, source), feed.csv)
    else:
        for frame in _frames(file, feed, system, source):
            yield json_rows(frame), None, None


def _lines(file: LandedFile, source: _Hashed) -> Iterator[list[bytes]]:
    """The lines of a text file in blocks, unpacked as its name says; \\n and \\r\\n end a line."""
    codec = next((codec for suffix, codec in _CODECS.items() if file.name.endswith(suffix)), None)
    stream = pa.PythonFile(source, "r")
    opened = stream if codec is None else pa.CompressedInputStream(stream, codec)
    rest = b""
    begun = False
    while block := opened.read(_BLOCK):
        if not begun:
            # A mark of the encoding before the first line is no part of it.
            block, begun = block.removeprefix(codecs.BOM_UTF8), True
        if len(rest) > _LONGEST_LINE:
            raise ValueError(f"a line is longer than {_LONGEST_LINE} bytes")
        whole, end, after = block.rpartition(b"\n")
        if not end:
            rest += block
            continue
        yield _without_returns((rest + whole).split(b"\n"))
        rest = after
    if rest:
        yield _without_returns([rest])


def _without_returns(lines: list[bytes]) -> list[bytes]:
    return [line.removesuffix(b"\r") for line in lines]


def _csv_pieces(blocks: Iterable[list[bytes]], config: CsvConfig) -> _Pieces:
    names = None if config.columns is None else list(config.columns)
    raws: list[bytes] = []
    documents: list[str] = []
    texts = (line.decode("utf-8", errors="surrogateescape") for lines in blocks for line in lines)
    for raw, fields in _csv_rows(texts, config):
        if names is None:
            names = [name.removeprefix("\ufeff") for name in fields]
            if len(set(names)) < len(names) or not all(names):
                raise ValueError(f"its first line {raw[:200]!r} does not name the fields, each once")
            continue
        raws.append(raw.encode("utf-8", errors="surrogateescape"))
        documents.append(_document(names, fields))
        if len(raws) == _ROWS:
            yield raws, documents, json.dumps(names)
            raws, documents = [], []
    if raws:
        yield raws, documents, json.dumps(names)


def _csv_rows(lines: Iterable[str], config: CsvConfig) -> Iterator[tuple[str, list[str]]]:
    """Each row as it was landed, and its fields; a quoted field may go over several lines."""
    taken: list[str] = []
    csv.field_size_limit(_LONGEST_LINE)

    def remember() -> Iterator[str]:
        for line in lines:
            if len(taken) > _MOST_BREAKS:
                raise ValueError(
                    f"the quote that is opened in {taken[0][:200]!r} is not closed in {_MOST_BREAKS} lines"
                )
            taken.append(line)
            yield f"{line}\n"

    reader = csv.reader(remember(), delimiter=config.delimiter, quotechar=config.quote, doublequote=True, strict=False)
    for fields in reader:
        yield "\n".join(taken), fields
        taken.clear()


def _frames(file: LandedFile, feed: FeedConfig, system: fs.FileSystem, source: _Hashed) -> Iterator[pl.DataFrame]:
    if feed.format == "avro":
        yield pl.read_avro(io.BytesIO(source.read()))
        return
    while source.read(_BLOCK):  # hashed as a stream; its reader jumps about in it
        pass
    with system.open_input_file(file.path) as opened:
        for batch in pq.ParquetFile(opened).iter_batches(batch_size=_ROWS):
            frame = cast(pl.DataFrame, pl.from_arrow(batch))
            yield frame.with_columns(pl.lit(value).alias(name) for name, value in file.partition)


def json_rows(frame: pl.DataFrame) -> list[bytes]:
    """Each row as a JSON object. Bytes become base64; NaN and infinity, which JSON lacks, become words."""
    special = [
        pl.col(name).cast(pl.String)
        for name, kind in frame.schema.items()
        if kind.is_float() and not frame[name].is_finite().all()
    ]
    packed = [pl.col(name).bin.encode("base64") for name, kind in frame.schema.items() if kind == pl.Binary]
    return frame.with_columns(*special, *packed).write_ndjson().encode().split(b"\n")[:-1]


def _batch(
    file: LandedFile, raws: list[bytes], documents: list[str] | None, header: str | None, first: int
) -> pa.RecordBatch:
    count = len(raws)
    given = {
        RAW: pa.array(raws, pa.binary()),
        OFFSET: pa.array(range(first, first + count), pa.int64()),
        **({} if documents is None else {DOCUMENT: pa.array(documents, pa.string())}),
        **({} if header is None else {HEADER: pa.repeat(header, count)}),
    }
    return _rows(file, given, count)


def _rows(file: LandedFile, given: dict[str, pa.Array], count: int) -> pa.RecordBatch:
    constant = {FILE: pa.repeat(file.name, count), INGEST_DATE: pa.repeat(pa.scalar(file.day, pa.date32()), count)}
    columns = {**constant, **given}
    return pa.RecordBatch.from_arrays(
        [columns.get(field.name, pa.nulls(count, field.type)) for field in SCHEMA], schema=SCHEMA
    )
