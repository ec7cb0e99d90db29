"""The rows of Parquet, Avro and Delta files: of each mapped field its text, whatever its type; other fields are not read."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from shortlist.landing.avro import avro_rows, avro_schema
from shortlist.landing.files import HashedFile, LandedFileError
from shortlist.transforms.faults import NO_TEXT

_ROWS: Final = 20_000
_BLOCK: Final = 4 << 20
# Whole numbers up to here are exactly what a float says.
_EXACT: Final = float(1 << 53)

Paths = Mapping[str, tuple[str, ...]]
# The mapped values of some rows as text, and the fault of each row; None where none has a fault.
Texts = tuple[pa.StructArray, list[str | None] | None]


def columnar_rows(
    format_name: str, path: str, system: fs.FileSystem, source: HashedFile, paths: Paths
) -> tuple[tuple[str, ...], int | None, Iterator[Texts]]:
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
    asked = {name for found in paths.values() for name in (found[0], ".".join(found))}
    wanted = [name for name in here if name in asked]
    twice = sorted({name for name in here if here.count(name) > 1})
    if twice:
        raise LandedFileError(f"it has two fields named {twice[0]!r}")

    def rows() -> Iterator[Texts]:
        with opened:
            for batch in file.iter_batches(batch_size=_ROWS, columns=wanted):
                yield as_texts(batch, paths)

    names = tuple(name for field in file.schema_arrow for name in _names(field))
    return names, file.metadata.num_rows, rows()


def as_texts(batch: pa.RecordBatch, paths: Paths) -> Texts:
    """The mapped values of each row as text, a field each, and the fault of each row; what the file has not is empty."""
    if not paths:
        return pa.nulls(batch.num_rows, pa.struct([])), None
    values = [_value_at(batch, path) for path in paths.values()]
    texts = [as_text(value, ".".join(path)) for value, path in zip(values, paths.values(), strict=True)]
    fields = [pa.field(name, pa.string()) for name in paths]
    return pa.StructArray.from_arrays(texts, fields=fields), _faults(values, texts)


def _faults(values: Sequence[pa.Array], texts: Sequence[pa.Array]) -> list[str | None] | None:
    """The fault of each row that has a value without a text; None where no row has one."""
    lost = [pc.and_(pc.is_valid(value), pc.is_null(text)) for value, text in zip(values, texts, strict=True)]
    rows = [pc.any(each).as_py() for each in lost]
    if not any(rows):
        return None
    return [NO_TEXT if any(row) else None for row in zip(*(each.to_pylist() for each in lost), strict=True)]


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
        if pa.types.is_float16(kind):  # Arrow has no arithmetic on them
            return _number_text(array.cast(pa.float32()))
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
    except (pa.ArrowException, KeyError, TypeError, OverflowError) as error:  # KeyError: a zone that nobody knows
        problem = f"field {name!r} of type {kind} cannot be read as text: {error}; land it as text"
        raise LandedFileError(problem) from None


def _value_at(batch: pa.RecordBatch, path: tuple[str, ...]) -> pa.Array:
    """The values of a field: one of the whole name, with its dots, or one inside objects."""
    if ".".join(path) in batch.schema.names:
        return batch.column(".".join(path))
    if path[0] not in batch.schema.names:
        return pa.nulls(batch.num_rows, pa.string())
    found = batch.column(path[0])
    for part in path[1:]:
        if isinstance(found, pa.MapArray):
            values = [None if value is None else dict(value).get(part) for value in found.to_pylist()]
            found = pa.array(values, found.type.item_type)
        elif not pa.types.is_struct(found.type):
            return found
        elif part not in [field.name for field in found.type]:
            return pa.nulls(len(found), pa.string())
        else:
            found = pc.struct_field(found, part)
    return found


def _number_text(array: pa.Array) -> pa.Array:
    text = array.cast(pa.string())
    whole = pc.and_(pc.equal(pc.floor(array), array), pc.less_equal(pc.abs(array), _EXACT))
    if pc.any(whole).as_py():
        numbers = pc.if_else(whole, array, None).cast(pa.float64()).cast(pa.int64(), safe=False)
        text = pc.if_else(pc.fill_null(whole, False), numbers.cast(pa.string()), text)
    return pc.if_else(pc.fill_null(pc.is_nan(array), False), "NaN", text)


def _bytes_text(array: pa.Array) -> pa.Array:
    """Bytes as UTF-8. Those that are none have no text: with signs in place of them two ids could look alike."""
    try:
        text = array.cast(pa.binary()).cast(pa.string())
        text.validate(full=True)
        return text
    except pa.ArrowInvalid:
        return pa.array(map(_decoded, array.to_pylist()), pa.string())


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


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


def _read_avro(data: bytes, paths: Paths) -> tuple[tuple[str, ...], Iterator[Texts]]:
    """Polars where it can, which is fast; row by row where a type is beyond it (maps, unions of several types)."""
    schema = avro_schema(data)
    names = tuple(_avro_names(schema))
    wanted = {path[0] for path in paths.values()}
    try:
        frame = pl.read_avro(io.BytesIO(data), columns=[name for name in names if name in wanted])
        return names, (as_texts(batch, paths) for batch in frame.to_arrow().to_batches(max_chunksize=_ROWS))
    except (pl.exceptions.PanicException, pl.exceptions.PolarsError):
        return names, _each_avro_row(data, paths)


def _each_avro_row(data: bytes, paths: Paths) -> Iterator[Texts]:
    rows = avro_rows(data)
    fields = [pa.field(name, pa.string()) for name in paths]
    while part := list(islice(rows, _ROWS)):
        values = [[_inside(row, path) for row in part] for path in paths.values()]
        texts = [pa.array(map(_plain_text, each), pa.string()) for each in values]
        there = [pa.array([value is not None or None for value in each], pa.bool_()) for each in values]
        yield pa.StructArray.from_arrays(texts, fields=fields), _faults(there, texts)


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
