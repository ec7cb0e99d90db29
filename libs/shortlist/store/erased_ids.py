"""Erased ids outside of tables' rows: in reports, files that a repair moved aside, statistics of a table's log."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pyarrow import fs

from shortlist.store.filesystems import filesystem
from shortlist.store.repair import ASIDE
from shortlist.subjects import Subject, mention

_STATISTICS: Final = ("minValues", "maxValues")


def remove_pages_that_quote(root: str, subjects: Sequence[Subject]) -> list[str]:
    """Remove pages that quote an erased id; `write_report` makes a day's page again from what the tables now hold.

    Returns:
        Names of what was removed, relative to the root.
    """
    pattern, removed = mention(subjects), []
    for path in sorted(path for path in Path(root).rglob("*") if path.is_file()):
        if pattern.search(path.read_text(encoding="utf-8", errors="replace")):
            path.unlink()
            removed.append(str(path.relative_to(root)))
    return removed


def remove_files_moved_aside(root: str) -> list[str]:
    """Remove every file that `repair` moved aside: no table states what it holds any more, so it cannot be searched.

    Args:
        root: the warehouse; where it is a URL, nothing was ever moved aside.

    Returns:
        Names of what was removed, relative to the root.
    """
    if "://" in root:
        return []
    removed = sorted(path for path in (Path(root) / ASIDE).rglob("*") if path.is_file())
    for path in removed:
        path.unlink()
    return [str(path.relative_to(root)) for path in removed]


def commits_that_quote(tables: Sequence[tuple[str, str]], subjects: Sequence[Subject]) -> list[str]:
    """Commits whose statistics quote an erased id, as `<table>/_delta_log/<file>`.

    Smallest and largest values of a column outlive the files they were taken from. Our contracts let Delta keep none
    (`delta.dataSkippingNumIndexedCols`); a table of before, or of somebody else's making, may have them.

    Args:
        tables: name and path of each.
        subjects: who is erased.
    """
    pattern = mention(subjects)
    return [
        f"{name}/_delta_log/{file}"
        for name, path in tables
        for file, text in _commits(path)
        if any(pattern.search(value) for line in text.splitlines() for value in _statistics(line))
    ]


def _commits(path: str) -> list[tuple[str, str]]:
    system, root = filesystem(path)
    files = system.get_file_info(fs.FileSelector(f"{root}/_delta_log"))
    found = []
    for file in sorted((file for file in files if file.extension == "json"), key=lambda file: file.base_name):
        with system.open_input_stream(file.path) as stream:
            found.append((file.base_name, stream.read().decode("utf-8")))
    return found


def _statistics(line: str) -> list[str]:
    """Every text among the smallest and largest values of an added file."""
    if '"add"' not in line:
        return []
    stated = json.loads(line).get("add", {}).get("stats")
    statistics = json.loads(stated) if stated else {}
    return [value for bound in _STATISTICS for value in _texts(statistics.get(bound, {}))]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in inner for text in _texts(part)]
