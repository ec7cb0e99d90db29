"""The rows of one landed file, in any format, with what was read of it. Runs on Spark's workers: no session here.

A row is its text as it was landed, where its format has lines, and the text of each mapped value, where its format knows
fields. JSON is taken apart by Spark, everything else here. So one parser, one set of reasons and one quarantine serve all.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa
from pyarrow import fs

from shortlist.columns import FAULT, FILE, FOLDER_VALUES, GIVEN, HEADER, INGEST_DATE, OFFSET, RAW, RECEIPT
from shortlist.config import CsvConfig, LandingFormat
from shortlist.landing.columns import columnar_rows
from shortlist.landing.csv_rows import CsvRow, CsvText, csv_fields
from shortlist.landing.files import HashedFile, LandedFile, LandedFileError, Receipt, folder_values
from shortlist.landing.json_rows import json_rows, keys_of, split_line
from shortlist.landing.text import TextCounts, text_lines
from shortlist.transforms.faults import NO_CSV, NO_JSON

_BLOCK: Final = 4 << 20
_ROWS: Final = 20_000
# Lines of JSON that are asked for their fields.
_LOOKED_AT: Final = 500
_VALUES: Final = pa.map_(pa.string(), pa.string())

Paths = Mapping[str, tuple[str, ...]]


class Reader:
    """Reads the files of one feed or description.

    Attributes:
        format: of its files.
        csv: how CSV is written.
        paths: name of each value that is read: where it lies in a row.
    """

    def __init__(self, format_name: LandingFormat, csv: CsvConfig, paths: Paths) -> None:
        self.format = format_name
        self.csv = csv
        self.paths = dict(paths)

    @property
    def schema(self) -> pa.Schema:
        """What `read` gives; `given` is there for formats that know fields."""
        given = [(GIVEN, pa.struct([(name, pa.string()) for name in self.paths]))] if self.format != "json" else []
        return pa.schema(
            [
                (RAW, pa.binary()),
                (HEADER, pa.string()),
                *given,
                (FAULT, pa.string()),
                (FOLDER_VALUES, _VALUES),
                (FILE, pa.string()),
                (OFFSET, pa.int64()),
                (INGEST_DATE, pa.date32()),
                (RECEIPT, pa.string()),
            ]
        )

    @property
    def ddl(self) -> str:
        """The same for Spark."""
        fields = ", ".join(f"`{name}`: string" for name in self.paths)
        given = "" if self.format == "json" else f"{GIVEN} struct<{fields}>, "
        return (
            f"{RAW} binary, {HEADER} string, {given}{FAULT} string, {FOLDER_VALUES} map<string, string>, "
            f"{FILE} string, {OFFSET} bigint, {INGEST_DATE} date, {RECEIPT} string"
        )

    def read(self, file: LandedFile, system: fs.FileSystem) -> Iterator[pa.RecordBatch]:
        """All rows of a file, then one row with only its receipt.

        A file that is gone, broken, cut off or longer than it was listed is not an exception here but a problem in its
        receipt: so the driver learns of every such file at once, by name.
        """
        reading = _Reading(self, file, system)
        yield from reading.batches()
        receipt = pa.array([reading.receipt().text()], pa.string())
        yield self._batch(file, {RECEIPT: receipt}, 1)

    def read_again(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of quarantine (raw, header, file, offset, ingest_date) as `read` gave them."""
        faults, given, values = [], [], []
        for raw, header, name in zip(
            *(batch.column(column).to_pylist() for column in (RAW, HEADER, FILE)), strict=True
        ):
            values.append(list(folder_values(name)) or None)
            if self.format == "json":
                faults.append(split_line(raw)[1])
                continue
            if self.format == "csv":
                fields = None if header is None else csv_fields(raw, header, self.csv)
                faults.append(NO_CSV if fields is None else None)
                given.append({part: (fields or {}).get(path[0]) for part, path in self.paths.items()})
            else:
                row, fault = _kept_row(raw)
                faults.append(fault)
                given.append({part: row.get(".".join(path)) for part, path in self.paths.items()})
        made = {FAULT: pa.array(faults, pa.string()), FOLDER_VALUES: pa.array(values, _VALUES)}
        if self.format != "json":
            texts = [_texts([row[name] for row in given]) for name in self.paths]
            made[GIVEN] = pa.StructArray.from_arrays(texts, fields=list(self.schema.field(GIVEN).type))
        kept = {name: batch.column(name) for name in (RAW, HEADER, FILE, OFFSET, INGEST_DATE)}
        return _in_order(self.schema, {**kept, **made}, batch.num_rows)

    def rows(
        self,
        file: LandedFile,
        first: int,
        count: int,
        raws: Sequence[bytes] | None = None,
        header: str | None = None,
        given: pa.StructArray | None = None,
        faults: Sequence[str | None] | None = None,
    ) -> pa.RecordBatch:
        """A batch of rows of a file, numbered from `first`."""
        columns = {OFFSET: pa.array(range(first, first + count), pa.int64())}
        if raws is not None:
            columns[RAW] = pa.array(raws, pa.binary())
        if header is not None:
            columns[HEADER] = pa.repeat(header, count)
        if given is not None:
            columns[GIVEN] = given
        if faults is not None and any(faults):
            columns[FAULT] = pa.array(faults, pa.string())
        if file.folder_values:
            columns[FOLDER_VALUES] = pa.array([list(file.folder_values)] * count, _VALUES)
        return self._batch(file, columns, count)

    def _batch(self, file: LandedFile, given: Mapping[str, pa.Array], count: int) -> pa.RecordBatch:
        constant = {FILE: pa.repeat(file.name, count), INGEST_DATE: pa.repeat(pa.scalar(file.day, pa.date32()), count)}
        return _in_order(self.schema, {**constant, **given}, count)


class _Reading:
    """One file while it is read."""

    def __init__(self, reader: Reader, file: LandedFile, system: fs.FileSystem) -> None:
        self._reader = reader
        self._file = file
        self._system = system
        self._source = HashedFile(None)
        self._counts = TextCounts()
        self._is_text = reader.format in ("json", "csv")
        self._rows = 0
        self._problem: str | None = None
        self._columns: tuple[str, ...] | None = None
        self._stated = file.stated_rows

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            with self._system.open_input_stream(self._file.path, compression=None) as source:
                self._source.source = source
                parts = {"json": self._json, "csv": self._csv}.get(self._reader.format, self._columnar)
                for batch in parts():
                    yield batch
                    self._rows += batch.num_rows
                while self._source.read(_BLOCK):  # what a reader leaves unread belongs to the file too
                    pass
        except LandedFileError as problem:
            self._problem = str(problem)
        except (OSError, ValueError, pa.ArrowException) as error:
            self._problem = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"

    def receipt(self) -> Receipt:
        counts, source = self._counts, self._source
        receipt = Receipt(
            rows=self._rows,
            size=source.size,
            sha256=source.sha256.hexdigest(),
            lines=counts.lines if self._is_text else None,
            header=counts.header,
            blank=counts.blank,
            spanned=counts.spanned,
            joined=counts.joined,
            stated_rows=self._stated,
            columns=self._columns,
        )
        problem = self._problem
        if problem is None and source.size != self._file.size:
            problem = f"{source.size} bytes were read, {self._file.size} were listed"
        elif problem is None and (receipt.unexplained or counts.lost):
            problem = (
                f"{receipt.unexplained} of its lines or rows and {counts.lost} bytes of its text are in no row that was read; "
                "report this with the file, it is a fault of the reader"
            )
        return Receipt(**{**vars(receipt), "problem": problem})

    def _lines(self) -> Iterator[list[bytes]]:
        return text_lines(self._file.name, self._reader.format, self._source, self._counts)

    def _json(self) -> Iterator[pa.RecordBatch]:
        for raws, faults in json_rows(self._lines(), self._counts):
            if self._columns is None:
                self._columns = (*keys_of(raws[:_LOOKED_AT]), *(name for name, _ in self._file.folder_values))
            yield self._reader.rows(self._file, self._rows, len(raws), raws, faults=faults)

    def _csv(self) -> Iterator[pa.RecordBatch]:
        text = CsvText(self._lines(), self._reader.csv, self._counts)
        part: list[CsvRow] = []
        for row in text.rows():
            part.append(row)
            if len(part) == _ROWS:
                yield self._csv_batch(part, text.names or [])
                part = []
        if text.names is not None:
            self._columns = (*text.names, *(name for name, _ in self._file.folder_values))
        if part:
            yield self._csv_batch(part, text.names or [])

    def _csv_batch(self, rows: Sequence[CsvRow], names: Sequence[str]) -> pa.RecordBatch:
        indices = {name: index for index, name in enumerate(names)}
        texts = []
        for path in self._reader.paths.values():
            index = indices.get(path[0])
            texts.append(_texts([None if index is None or row.fault else row.fields[index] for row in rows]))
        given = pa.StructArray.from_arrays(texts, fields=list(self._reader.schema.field(GIVEN).type))
        faults, raws = [row.fault for row in rows], [row.raw for row in rows]
        return self._reader.rows(self._file, self._rows, len(rows), raws, json.dumps(names), given, faults)

    def _columnar(self) -> Iterator[pa.RecordBatch]:
        reader, file = self._reader, self._file
        columns, stated, parts = columnar_rows(reader.format, file.path, self._system, self._source, reader.paths)
        self._columns = (*columns, *(name for name, _ in file.folder_values))
        self._stated = stated if self._stated is None else self._stated
        for given, faults in parts:
            yield reader.rows(file, self._rows, len(given), given=given, faults=faults)


def _kept_row(raw: bytes) -> tuple[dict[str, str], str | None]:
    """A row of a format without lines, as quarantine keeps it: mapped fields by their names, as text."""
    try:
        row = json.loads(raw)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        return {}, NO_JSON
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in row.items()}, None


def _texts(values: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # bytes that are no UTF-8: the row gets its reason by its raw text
        clean = [None if value is None else value.encode(errors="replace").decode() for value in values]
        return pa.array(clean, pa.string())


def _in_order(schema: pa.Schema, columns: Mapping[str, pa.Array], count: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [columns.get(field.name, pa.nulls(count, field.type)) for field in schema], schema=schema
    )
