"""Lines of JSON as rows: one object is a row, several objects in a line are several, anything after an object is a fault."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from shortlist.landing.text import TextCounts
from shortlist.transforms.faults import AFTER_OBJECT

# Objects within objects that a mapping may look into.
_DEEPEST: Final = 8
_BLANKS: Final = b" \t\r\n\x0b\x0c"
_DECODER: Final = json.JSONDecoder(strict=False)
# Texts in either quotes (Spark takes both), and what opens and closes.
_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[{}\[\]]', re.DOTALL)


def json_rows(blocks: Iterable[list[bytes]], counts: TextCounts) -> Iterator[tuple[list[bytes], list[str | None]]]:
    """Rows and the fault of each, in blocks. Lines of nothing at the end of the file are counted, and no rows.

    Args:
        blocks: the lines of a file.
        counts: counts every byte.
    """
    blank: list[bytes] = []
    for lines in blocks:
        rows: list[bytes] = []
        faults: list[str | None] = []
        for line in lines:
            if not line or line.isspace():
                blank.append(line)
                continue
            if blank:
                rows += blank
                faults += [None] * len(blank)
                counts.content += sum(map(len, blank))
                blank = []
            objects, fault = split_line(line)
            counts.joined += len(objects) - 1
            faults += [fault] * len(objects)
            rows += objects
            counts.content += len(line)
        if rows:
            yield rows, faults
    counts.blank += len(blank)
    counts.content += sum(map(len, blank))


def split_line(line: bytes) -> tuple[list[bytes], str | None]:
    """The objects of a line with nothing else; otherwise the line itself, and what its parser would pass over."""
    if line[:1] == b"{" and line[-1:] == b"}" and line.count(b"}") == 1:
        return [line], None
    ends = _ends(line)
    if not ends:
        return [line], None
    after = line[ends[-1] :].strip(_BLANKS)
    starts = [0, *ends[:-1]]
    objects = [line[start:end].strip(_BLANKS) for start, end in zip(starts, ends, strict=True)]
    if len(ends) == 1:
        return [line], AFTER_OBJECT if after else None
    if after or not all(part.startswith(b"{") for part in objects):
        return [line], AFTER_OBJECT
    return objects, None


def keys_of(lines: Sequence[bytes]) -> tuple[str, ...]:
    """Names of all fields of some lines, with dots for those inside others; lines that are no objects have none."""
    found: dict[str, None] = {}
    for line in lines:
        try:
            row = _DECODER.decode(line.decode())
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            found |= dict.fromkeys(_keys(row, ""))
    return tuple(found)


def _keys(row: dict[str, Any], before: str) -> Iterator[str]:
    for name, value in row.items():
        yield f"{before}{name}"
        if isinstance(value, dict) and before.count(".") < _DEEPEST:
            yield from _keys(value, f"{before}{name}.")


def _ends(line: bytes) -> list[int]:
    """Where each top-level object or list of a line ends; empty for a line of which the first one never does."""
    try:
        text = line.decode()
        _, end = _DECODER.raw_decode(text, len(text) - len(text.lstrip()))
        if not text[end:].strip():
            return [len(line)]
    except (ValueError, RecursionError):
        pass  # no UTF-8, too deep, or what only Spark takes for JSON
    ends, depth = [], 0
    for token in _TOKENS.finditer(line):
        sign = token.group()
        if sign in (b"{", b"["):
            depth += 1
        elif sign in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                ends.append(token.end())
            elif depth < 0:
                break
    return ends
