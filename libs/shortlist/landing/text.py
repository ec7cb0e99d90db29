"""The lines of a text file: unpacked as its name says, counted, and refused in plain words where it is no text of lines."""

import codecs
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pyarrow as pa

from shortlist.landing.files import LandedFileError

_BLOCK: Final = 4 << 20
# A longer line is no event; without a limit one file without line breaks would fill a worker's memory.
_LONGEST_LINE: Final = 64 << 20
_CODECS: Final = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2"}
# Where a tar archive says what it is.
_TAR: Final = 257
# What a file begins with that its name does not say.
_SIGNS: Final = (
    (b"\x1f\x8b", "it is packed with gzip, but its name does not end in .gz"),
    (b"\x28\xb5\x2f\xfd", "it is packed with zstd, but its name does not end in .zst"),
    (b"BZh", "it is packed with bzip2, but its name does not end in .bz2"),
    (b"\xfd7zXZ\x00", "it is packed with xz, which is not read"),
    (b"PK\x03\x04", "it is a zip archive, which is not read"),
    (b"\x04\x22\x4d\x18", "it is packed with lz4, which is not read"),
    (b"\xff\x06\x00\x00sNaPpY", "it is packed with snappy, which is not read"),
    (b"\x1f\x9d", "it is packed with compress (.Z), which is not read"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive, which is not read"),
    (b"PAR1", "it is Parquet; the feed's setting is format: {format}"),
    (b"Obj\x01", "it is Avro; the feed's setting is format: {format}"),
    (b"ORC", "it is ORC, which is not read"),
    (codecs.BOM_UTF32_LE, "its text is UTF-32; land it as UTF-8"),
    (codecs.BOM_UTF16_LE, "its text is UTF-16; land it as UTF-8"),
    (codecs.BOM_UTF16_BE, "its text is UTF-16; land it as UTF-8"),
)


class _Readable(Protocol):
    def read(self, size: int = -1) -> bytes: ...


@dataclass
class TextCounts:
    """What of a text was met, counted at two ends: where it is unpacked, and where its rows are made.

    Attributes:
        bytes: of the unpacked text.
        lines: physical lines of it.
        ends: bytes that ended lines, and marks of the encoding.
        content: bytes that went into rows, header and blank lines.
        header: lines that name the fields.
        blank: lines of nothing at the end.
        spanned: lines beyond the first one of rows that go over several.
        joined: rows beyond the first one of lines that hold several.
    """

    bytes: int = 0
    lines: int = 0
    ends: int = 0
    content: int = 0
    header: int = 0
    blank: int = 0
    spanned: int = 0
    joined: int = 0

    @property
    def lost(self) -> int:
        """Bytes of the text that went into no row."""
        return self.bytes - self.ends - self.content


class _Gzip:
    """Unpacked gzip: members one after another, and zeros that pad the file to a block's size."""

    def __init__(self, source: _Readable) -> None:
        self.source = source
        self.member: Any = None
        self.waiting = b""
        self.begun = False
        self.ended = False

    def read(self, size: int = _BLOCK) -> bytes:
        """Some unpacked bytes; nothing at the end."""
        while not self.ended:
            if not self.waiting:
                self.waiting = self.source.read(1 << 20)
            if not self.waiting:
                self.ended = True
                if self.member is not None:
                    raise OSError("Truncated compressed stream")
                return b""
            if self.member is None:
                # Padding after a member; the first bytes of a file are never that.
                self.waiting = self.waiting.lstrip(b"\x00") if self.begun else self.waiting
                if not self.waiting:
                    continue
                self.member, self.begun = zlib.decompressobj(wbits=31), True
            try:
                data: bytes = self.member.decompress(self.waiting, size)
            except zlib.error as error:
                raise OSError(f"gzip inflate failed: {error}") from None
            self.waiting = self.member.unconsumed_tail
            if self.member.eof:
                self.waiting, self.member = self.member.unused_data, None
            if data:
                return data
        return b""


def text_lines(name: str, format_name: str, source: Any, counts: TextCounts) -> Iterator[list[bytes]]:
    """The lines of a text file in blocks; \\n and \\r\\n end a line, marks of the encoding before one are no part of it.

    Raises:
        LandedFileError: it is no text of lines, and what it is.
        OSError: it is cut off or broken.
    """
    opened = _unpacked(name, source)
    rest = b""
    begun = False
    while block := opened.read(_BLOCK):
        if not begun:
            begun = True
            # A short first piece would hide what the file is.
            while len(block) < 4096 and (more := opened.read(_BLOCK)):
                block += more
            _require_lines(block, format_name)
        counts.bytes += len(block)
        counts.lines += block.count(b"\n")
        whole, end, after = block.rpartition(b"\n")
        if not end:
            rest += block
            if len(rest) > _LONGEST_LINE:
                raise LandedFileError(f"a line is longer than {_LONGEST_LINE} bytes")
            continue
        lines = (rest + whole).split(b"\n")
        counts.ends += len(lines)
        yield _bare(lines, counts)
        rest = after
    if rest:
        counts.lines += 1
        yield _bare([rest], counts)


def _unpacked(name: str, source: Any) -> _Readable:
    codec = next((codec for suffix, codec in _CODECS.items() if name.endswith(suffix)), None)
    if codec == "gzip":
        return _Gzip(source)
    stream = pa.PythonFile(source, "r")
    opened: _Readable = stream if codec is None else pa.CompressedInputStream(stream, codec)
    return opened


def _bare(lines: list[bytes], counts: TextCounts) -> list[bytes]:
    """The lines without returns at their ends and without marks of the encoding; what is taken off is counted."""
    bare = [line.removesuffix(b"\r").removeprefix(codecs.BOM_UTF8) for line in lines]
    counts.ends += sum(map(len, lines)) - sum(map(len, bare))
    return bare


def _require_lines(head: bytes, format_name: str) -> None:
    """Refuse, by its first bytes, what is no text of one row a line."""
    for sign, words in _SIGNS:
        if head.startswith(sign):
            raise LandedFileError(words.format(format=format_name))
    if head[_TAR : _TAR + 5] == b"ustar":
        raise LandedFileError("it is a tar archive, which is not read")
    if re.match(rb"\s*<(?:\?xml|!doctype|html)", head, re.IGNORECASE):
        raise LandedFileError("it is XML or HTML, such as a server's page about an error")
    if re.match(rb"(?:[\x20-\x7e\r\n\t]\x00){2}|(?:\x00[\x20-\x7e\r\n\t]){2}", head):
        raise LandedFileError("its text is UTF-16; land it as UTF-8")
    if format_name != "json":
        return
    lines = [line.strip() for line in head.removeprefix(codecs.BOM_UTF8).split(b"\n", 20) if line.strip()]
    if not lines:
        return
    first, second = lines[0], lines[1] if len(lines) > 1 else b""
    if first == b"[" or (re.match(rb"\[\s*\{", first) and not second.startswith(b"{")):
        raise LandedFileError("it is one JSON array; land one object a line, such as `jq -c '.[]'` writes")
    if first.startswith(b"{") and re.search(rb"[{\[,]$", first) and not second.startswith(b"{"):
        raise LandedFileError(
            "its JSON objects go over several lines; land one object a line, such as `jq -c .` writes"
        )
