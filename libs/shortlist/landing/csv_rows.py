"""CSV as rows: each with its text as it was landed, its fields, and the fault of a row that cannot be taken apart."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shortlist.config import CsvConfig
from shortlist.landing.files import LandedFileError
from shortlist.landing.text import TextCounts
from shortlist.transforms.faults import NO_CSV, OPEN_QUOTE

_LONGEST_FIELD: Final = 64 << 20


@dataclass(frozen=True)
class CsvRow:
    """One row.

    Attributes:
        text: as it was landed; lines of a row that goes over several are parted by \\n.
        fields: empty where there is a fault.
        fault: why it is no row.
    """

    text: str
    fields: Sequence[str]
    fault: str | None

    @property
    def raw(self) -> bytes:
        """Its exact bytes."""
        return self.text.encode("utf-8", errors="surrogateescape")


class CsvText:
    """The rows of one CSV text, and the names of their fields.

    Attributes:
        names: of the fields; from settings, or from the first line once a row was read.
    """

    def __init__(self, blocks: Iterable[list[bytes]], config: CsvConfig, counts: TextCounts) -> None:
        self.names = None if config.columns is None else list(config.columns)
        self._config = config
        self._counts = counts
        self._lines = (line.decode("utf-8", errors="surrogateescape") for lines in blocks for line in lines)
        # Lines that were looked at and are to be looked at again.
        self._again: list[str] = []
        csv.field_size_limit(_LONGEST_FIELD)

    def rows(self) -> Iterator[CsvRow]:
        """Every row; lines of nothing at the end are counted, and no rows.

        Raises:
            LandedFileError: the first line does not name the fields, or a quote is open for more lines than settings allow.
        """
        blank = 0
        for row in self._split():
            if self.names is None:
                self.names = _names(row)
                self._counts.header += 1 + row.text.count("\n")
                self._counts.content += len(row.raw) - row.text.count("\n")
                continue
            if not row.text:
                blank += 1
                continue
            for _ in range(blank):
                yield CsvRow("", (), NO_CSV)
            blank = 0
            self._counts.spanned += row.text.count("\n")
            self._counts.content += len(row.raw) - row.text.count("\n")
            yield row
        self._counts.blank += blank

    def _split(self) -> Iterator[CsvRow]:
        """Each row of lines. A first line that cannot be a row's beginning is a fault alone, and the others begin anew."""
        while True:
            taken: list[str] = []
            reader = csv.reader(self._take(taken), strict=self._config.strict, **dialect(self._config))
            try:
                for fields in reader:
                    row = self._checked(taken, fields)
                    yield row
                    if row.fault == OPEN_QUOTE:
                        break
                    taken.clear()
                else:
                    return
            except csv.Error:
                yield CsvRow(taken[0], (), OPEN_QUOTE if len(taken) > 1 else NO_CSV)
            self._again = taken[1:] + self._again

    def _take(self, taken: list[str]) -> Iterator[str]:
        while True:
            if len(taken) == self._config.max_lines and self._config.max_lines > 1:
                raise LandedFileError(
                    f"the quote that is opened in {taken[0][:200]!r} is not closed in {self._config.max_lines} lines; "
                    "where quotes are text, set csv.quote: null"
                )
            if taken and self._config.max_lines == 1:
                raise csv.Error("a row goes over several lines")
            if self._again:
                line = self._again.pop(0)
            else:
                found = next(self._lines, None)
                if found is None:
                    return
                line = found
            taken.append(line)
            yield f"{line}\n"

    def _checked(self, taken: list[str], fields: list[str]) -> CsvRow:
        if len(taken) > 1 and self._swallows(taken):
            return CsvRow(taken[0], (), OPEN_QUOTE)
        wrong = self.names is not None and len(fields) != len(self.names)
        return CsvRow("\n".join(taken), () if wrong else fields, NO_CSV if wrong else None)

    def _swallows(self, taken: list[str]) -> bool:
        """Whether a quoted field that goes over several lines holds a line that is a whole row by itself."""
        if self.names is None or len(self.names) < 2:
            return False
        breaks = len(self.names) - 1
        inside = [line for line in taken[1:-1] if line.count(self._config.delimiter) == breaks]
        # Of the last line only what lies before the closing quote is text of the field.
        last = taken[-1]
        closing = last.find(self._config.quote or "")
        in_last = last.count(self._config.delimiter) == breaks and self._config.delimiter in last[: max(closing, 0)]
        return bool(inside) or in_last


def csv_fields(raw: bytes, header: str, config: CsvConfig) -> dict[str, str] | None:
    """Name and value of each field of one row that was kept with its header, as a replay finds it in quarantine."""
    text = CsvText([raw.split(b"\n")], config, TextCounts())
    text.names = json.loads(header)
    rows = list(text.rows())
    if len(rows) != 1 or rows[0].fault is not None or text.names is None:
        return None
    return dict(zip(text.names, rows[0].fields, strict=True))


def _names(row: CsvRow) -> list[str]:
    names = list(row.fields)
    if not names or len(set(names)) < len(names) or not all(names):
        raise LandedFileError(f"its first line {row.raw[:200]!r} does not name the fields, each once")
    return names


def dialect(config: CsvConfig) -> dict[str, Any]:
    """The settings of Python's csv module, but for `strict`."""
    if config.quote is None:
        return {"delimiter": config.delimiter, "quoting": csv.QUOTE_NONE, "escapechar": config.escape}
    return {
        "delimiter": config.delimiter,
        "quotechar": config.quote,
        "doublequote": True,
        "escapechar": config.escape,
    }
