"""A landed file as it was listed, and what was read of it."""

import hashlib
import io
import json
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import unquote


class LandedFileError(ValueError):
    """Why a landed file cannot be read, in words for its producer."""


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
        folder_values: values that its folders state (`event_type=click/`) or a Delta log, which the file does not repeat.
        stated_rows: how many rows a Delta log says that it has; None where nothing outside the file says so.
    """

    feed: str
    day: date
    name: str
    path: str
    size: int
    modified: int
    folder_values: tuple[tuple[str, str | None], ...] = ()
    stated_rows: int | None = None


@dataclass(frozen=True)
class Receipt:
    """What was read of a file, counted twice: as it was landed, and as its rows were made.

    Attributes:
        rows: rows that were made of it.
        size: bytes.
        sha256: of these bytes, in hex.
        problem: why the file could not be read whole; empty when it was.
        lines: physical lines of a text file, counted where it is unpacked.
        header: lines that name the fields.
        blank: lines of nothing at its end.
        spanned: lines beyond the first one of rows that go over several.
        joined: rows beyond the first one of lines that hold several.
        stated_rows: rows by the file's own footer or its table's log.
        columns: names of its fields, where it states them.
    """

    rows: int
    size: int
    sha256: str
    problem: str | None = None
    lines: int | None = None
    header: int = 0
    blank: int = 0
    spanned: int = 0
    joined: int = 0
    stated_rows: int | None = None
    columns: tuple[str, ...] | None = None

    @property
    def unexplained(self) -> int:
        """Lines or rows that were landed and that no row accounts for; negative when rows were made up."""
        if self.lines is not None:
            return self.lines - self.header - self.blank - self.spanned + self.joined - self.rows
        return 0 if self.stated_rows is None else self.stated_rows - self.rows

    def text(self) -> str:
        """As it travels in the receipt column."""
        return json.dumps(vars(self))

    @classmethod
    def of(cls, text: str) -> "Receipt":
        """The receipt of a text."""
        given = json.loads(text)
        columns = given["columns"]
        return cls(**{**given, "columns": None if columns is None else tuple(columns)})

    def as_dict(self) -> dict[str, Any]:
        """The counts that the manifest shows beside the account of the rows."""
        if self.lines is not None:
            names = ("lines", "header", "blank", "spanned", "joined")
            return {name: getattr(self, name) for name in names}
        return {} if self.stated_rows is None else {"stated_rows": self.stated_rows}


class HashedFile(io.RawIOBase):
    """A file that counts and hashes what is read of it, once and in order."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.size = 0
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = bytes(self.source.read(None if size < 0 else size))
        self.size += len(data)
        self.sha256.update(data)
        return data


def folder_values(inside: str) -> tuple[tuple[str, str | None], ...]:
    """Column and value of every folder named `column=value` above a file, as Hive and Spark write partitions."""
    found = []
    for part in inside.split("/")[:-1]:
        name, sign, value = part.partition("=")
        if sign and name:
            found.append((unquote(name), None if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value)))
    return tuple(found)
