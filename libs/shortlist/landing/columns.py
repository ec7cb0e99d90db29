"""The rows of Parquet, Avro and Delta files: of each mapped field its text, whatever its type; other fields are not read."""

import io
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from shortlist.landing.avro import avro_rows, avro_schema
from shortlist.landing.files import HashedFile, LandedFileError

_ROWS: Final = 20_000
_BLOCK: Final = 4 << 20
# Whole numbers up to here are exactly what a float says.
_EXACT: Final = float(1 << 53)

Paths = Mapping[str, tuple[str, ...]]


def columnar_rows(
    format_name: str, path: str, system: fs.FileSystem, source: HashedFile, paths: Paths
) -> tuple[tuple[str, ...], int | None, Iterator[pa.StructArray]]:
    """Names of a file's fields, how many rows its footer states, and its rows with the mapped values as text.

    Args:
        format_name: `avro`, else Parquet.
        path: of the file, for readers that jump about in it.
        system: its file system.
        source: the same file as a stream; read to its end.
        paths: name in the struct: where it lies in a row.
    """
    if format_name == "avro":
        names, texts = _read_avro(source.read(), paths)
        return names, None, texts
    while source.read(_BLOCK):  # hashed as a stream; its reader jumps about in it
        pass
    opened = system.open_input_file(path)
    file = pq.ParquetFile(opened)
    here = file.schema_arrow.names
    wanted = [name for name in here if name in {found[0] for found in paths.values()}]
    twice = sorted({name for name in here if here.count(name) > 1})
    if twice:
        raise LandedFileError(f"it has two fields named {twice[0]!r}")

    def rows() -> Iterator[pa.StructArray]:
        with opened:
            for batch in file.iter_batches(batch_size=_ROWS, columns=wanted):
                yield as_texts(batch, paths)

    names = tuple(name for field in file.schema_arrow for name in _names(field))
    return names, file.metadata.num_rows, rows()


def as_texts(batch: pa.RecordBatch, paths: Paths) -> pa.StructArray:
    """The mapped values of each row as text, a field each; what the file has not is empty."""
    texts = [_text_at(batch, path) for path in paths.values()]
    fields = [pa.field(name, pa.string()) for name in paths]
    if not fields:
        return pa.nulls(batch.num_rows, pa.struct([]))
    return pa.StructArray.from_arrays(texts, fields=fields)


def as_text(array: pa.Array, name: str) -> pa.Array:
    """Values of any type as text: whole numbers without a fraction, bytes as UTF-8, times in ISO 8601, the rest as JSON.

    Raises:
        LandedFileError: naming a field whose type has no text.
    """
    kind = array.type
    try:
        if pa.types.is_dictionary(kind):
            return as_text(array.dictionary_decode(), name)
        if isinstance(array, pa.ExtensionArray):
            if str(kind) == "extension<arrow.uuid>":
                return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
            return as_text(array.storage, name)
        if pa.types.is_floating(kind):
            return _number_text(array)
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
            return _bytes_text(array)
        if pa.types.is_timestamp(kind):
            return _time_text(array)
        if pa.types.is_nested(kind):
            values = [None if value is None else json.dumps(value, default=_plain) for value in array.to_pylist()]
            return pa.array(values, pa.string())
        return array.cast(pa.string())
    except (pa.ArrowNotImplementedError, TypeError, OverflowError) as error:
        raise LandedFileError(f"field {name!r} of type {kind} cannot be read as text: {error}") from None


def _text_at(batch: pa.RecordBatch, path: tuple[str, ...]) -> pa.Array:
    if path[0] not in batch.schema.names:
        return pa.nulls(batch.num_rows, pa.string())
    found = batch.column(path[0])
    for part in path[1:]:
        if isinstance(found, pa.MapArray):
            values = [None if value is None else dict(value).get(part) for value in found.to_pylist()]
            found = pa.array(values, found.type.item_type)
        elif not pa.types.is_struct(found.type):
            return as_text(found, path[0])
        elif part not in [field.name for field in found.type]:
            return pa.nulls(len(found), pa.string())
        else:
            found = pc.struct_field(found, part)
    return as_text(found, ".".join(path))


def _number_text(array: pa.Array) -> pa.Array:
    text = array.cast(pa.string())
    whole = pc.and_(pc.equal(pc.floor(array), array), pc.less_equal(pc.abs(array), _EXACT))
    if pc.any(whole).as_py():
        numbers = pc.if_else(whole, array, None).cast(pa.float64()).cast(pa.int64(), safe=False)
        text = pc.if_else(pc.fill_null(whole, False), numbers.cast(pa.string()), text)
    return pc.if_else(pc.fill_null(pc.is_nan(array), False), "NaN", text)


def _bytes_text(array: pa.Array) -> pa.Array:
    try:
        text = array.cast(pa.binary()).cast(pa.string())
        text.validate(full=True)
        return text
    except pa.ArrowInvalid:
        values = [None if value is None else value.decode(errors="replace") for value in array.to_pylist()]
        return pa.array(values, pa.string())


def _time_text(array: pa.Array) -> pa.Array:
    """ISO 8601; a time that knows its zone is written in UTC, with a Z."""
    zoned = array.type.tz is not None
    micros = array.cast(pa.timestamp("us", array.type.tz), safe=False)
    text = (micros.cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us")) if zoned else micros).cast(pa.string())
    return pc.binary_join_element_wise(text, "Z", "") if zoned else text


def _names(field: pa.Field) -> list[str]:
    """A field and the fields inside it, with dots."""
    inside = [f"{field.name}.{name}" for part in field.type for name in _names(part)] if _is_object(field) else []
    return [field.name, *inside]


def _is_object(field: pa.Field) -> bool:
    return bool(pa.types.is_struct(field.type))


def _plain(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _read_avro(data: bytes, paths: Paths) -> tuple[tuple[str, ...], Iterator[pa.StructArray]]:
    """Polars where it can, which is fast; row by row where a type is beyond it (maps, unions of several types)."""
    schema = avro_schema(data)
    names = tuple(_avro_names(schema))
    wanted = {path[0] for path in paths.values()}
    try:
        frame = pl.read_avro(io.BytesIO(data), columns=[name for name in names if name in wanted])
        return names, (as_texts(batch, paths) for batch in frame.to_arrow().to_batches(max_chunksize=_ROWS))
    except (pl.exceptions.PanicException, pl.exceptions.PolarsError):
        return names, _each_avro_row(data, paths)


def _each_avro_row(data: bytes, paths: Paths) -> Iterator[pa.StructArray]:
    rows = avro_rows(data)
    fields = [pa.field(name, pa.string()) for name in paths]
    while part := list(islice(rows, _ROWS)):
        texts = [pa.array([_plain_text(_inside(row, path)) for row in part], pa.string()) for path in paths.values()]
        yield pa.StructArray.from_arrays(texts, fields=fields)


def _inside(row: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        row = row.get(part) if isinstance(row, dict) else None
    return row


def _plain_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    kinds = {bool: pa.bool_(), float: pa.float64(), bytes: pa.binary()}
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain)
    found: str | None = as_text(pa.array([value], kinds.get(type(value))), "").to_pylist()[0]
    return found


def _avro_names(schema: dict[str, Any]) -> Iterator[str]:
    for field in schema["fields"]:
        yield field["name"]
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        for kind in kinds:
            if isinstance(kind, dict) and kind.get("type") == "record":
                yield from (f"{field['name']}.{name}" for name in _avro_names(kind))
