"""Avro files with every type that the format has, row by row; for files that the fast reader cannot read."""

import bz2
import json
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any, Final

import pyarrow as pa

from shortlist.landing.files import LandedFileError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Decode = Callable[[BytesIO], Any]


def avro_schema(data: bytes) -> dict[str, Any]:
    """The schema that an Avro file states, a record's.

    Raises:
        LandedFileError: it is no Avro file, or its rows are no records.
    """
    schema, _, _, _ = _header(BytesIO(data))
    return schema


def avro_rows(data: bytes) -> Iterator[dict[str, Any]]:
    """Every row as Python values: times as datetimes, bytes as bytes, enumerations as text.

    Raises:
        LandedFileError: it is cut off, broken, or packed by a codec that is not read.
    """
    stream = BytesIO(data)
    schema, codec, mark, named = _header(stream)
    decode = _decoder(schema, named)
    while stream.tell() < len(data):
        count, size = _long(stream), _long(stream)
        block = BytesIO(_unpacked(_take(stream, size), codec))
        for _ in range(count):
            yield decode(block)
        if _take(stream, 16) != mark:
            raise LandedFileError("its Avro is broken: a block does not end with the file's mark")


def _header(stream: BytesIO) -> tuple[dict[str, Any], str, bytes, dict[str, Any]]:
    if stream.read(4) != b"Obj\x01":
        raise LandedFileError("it is no Avro file")
    meta = _decoder({"type": "map", "values": "bytes"}, {})(stream)
    schema = json.loads(meta["avro.schema"])
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise LandedFileError("its Avro rows are no records")
    return schema, meta.get("avro.codec", b"null").decode(), _take(stream, 16), {}


def _unpacked(block: bytes, codec: str) -> bytes:
    if codec == "null":
        return block
    if codec == "deflate":
        return zlib.decompress(block, wbits=-15)
    if codec == "bzip2":
        return bz2.decompress(block)
    if codec == "xz":
        return lzma.decompress(block)
    if codec == "snappy":
        size, shift, at = 0, 0, 0
        while True:
            byte = block[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        plain: bytes = pa.decompress(block[:-4], size, codec="snappy", asbytes=True)
        return plain
    if codec == "zstandard":
        found: bytes = pa.CompressedInputStream(pa.BufferReader(block), "zstd").read()
        return found
    raise LandedFileError(f"its Avro is packed with {codec}, which is not read")


def _decoder(schema: Any, named: dict[str, Any], space: str = "") -> _Decode:
    """How to read a value of a schema. Names are looked up when a value is read: a record may hold itself."""
    if isinstance(schema, list):
        branches = [_decoder(branch, named, space) for branch in schema]
        return lambda stream: branches[_long(stream)](stream)
    if isinstance(schema, str):
        if schema in _PLAIN:
            return _PLAIN[schema]

        def by_name(stream: BytesIO) -> Any:
            return (named.get(f"{space}.{schema}") or named[schema])(stream)

        return by_name
    kind = schema["type"]
    if isinstance(kind, dict | list):
        return _decoder(kind, named, space)
    space = schema.get("namespace", space)
    made = _composed(kind, schema, named, space)
    if "name" in schema and kind in ("record", "enum", "fixed", "error"):
        named[schema["name"]] = named[f"{space}.{schema['name']}"] = made
    return _logical(schema, made)


def _composed(kind: str, schema: Mapping[str, Any], named: dict[str, Any], space: str) -> _Decode:
    if kind in ("record", "error"):
        fields: list[tuple[str, _Decode]] = []

        def record(stream: BytesIO) -> dict[str, Any]:
            return {name: decode(stream) for name, decode in fields}

        if "name" in schema:
            named[schema["name"]] = named[f"{space}.{schema['name']}"] = record
        fields += [(field["name"], _decoder(field["type"], named, space)) for field in schema["fields"]]
        return record
    if kind == "enum":
        symbols = schema["symbols"]
        return lambda stream: symbols[_long(stream)]
    if kind == "fixed":
        return lambda stream: _take(stream, schema["size"])
    if kind == "array":
        item = _decoder(schema["items"], named, space)
        return lambda stream: [item(stream) for count in _blocks(stream) for _ in range(count)]
    if kind == "map":
        value = _decoder(schema["values"], named, space)
        return lambda stream: {_text(stream): value(stream) for count in _blocks(stream) for _ in range(count)}
    return _decoder(kind, named, space)


def _logical(schema: Mapping[str, Any], made: _Decode) -> _Decode:
    kind = schema.get("logicalType", "")
    per_second = {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}.get(kind.rpartition("-")[2])
    if per_second and "timestamp" in kind:
        zone = None if kind.startswith("local") else UTC

        def time(stream: BytesIO) -> datetime:
            return (_EPOCH + timedelta(microseconds=made(stream) * 1_000_000 // per_second)).replace(tzinfo=zone)

        return time
    if kind == "date":
        return lambda stream: date(1970, 1, 1) + timedelta(days=made(stream))
    if kind == "decimal":
        scale = -schema.get("scale", 0)
        return lambda stream: Decimal(int.from_bytes(made(stream), "big", signed=True)).scaleb(scale)
    return made


def _blocks(stream: BytesIO) -> Iterator[int]:
    while count := _long(stream):
        if count < 0:
            _long(stream)
        yield abs(count)


def _long(stream: BytesIO) -> int:
    value, shift = 0, 0
    while True:
        byte = _take(stream, 1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7


def _take(stream: BytesIO, size: int) -> bytes:
    data = stream.read(size)
    if size < 0 or len(data) < size:
        raise LandedFileError("its Avro ends within a row: it is cut off or broken")
    return data


def _text(stream: BytesIO) -> str:
    return _take(stream, _long(stream)).decode()


_PLAIN: Final[dict[str, _Decode]] = {
    "null": lambda stream: None,
    "boolean": lambda stream: _take(stream, 1) != b"\x00",
    "int": _long,
    "long": _long,
    "float": lambda stream: struct.unpack("<f", _take(stream, 4))[0],
    "double": lambda stream: struct.unpack("<d", _take(stream, 8))[0],
    "bytes": lambda stream: _take(stream, _long(stream)),
    "string": _text,
}
