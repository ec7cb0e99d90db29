"""Erased ids outside of tables' rows: in reports, files that a repair moved aside, statistics of a table's log."""

import json
from collections.abc import Sequence
from typing import Any, Final

from shortlist.store.filesystems import files_below, read_whole, remove_file
from shortlist.store.repair import ASIDE
from shortlist.subjects import Subject, mention

_STATISTICS: Final = ("minValues", "maxValues")


def remove_pages_that_quote(root: str, subjects: Sequence[Subject]) -> list[str]:
    """Remove pages that quote an erased id; `write_report` makes a day's page again from what the tables now hold.

    Returns:
        Names of what was removed, relative to the root.
    """
    pattern, removed = mention(subjects), []
    for name in files_below(root):
        path = f"{root.rstrip('/')}/{name}"
        if pattern.search(read_whole(path).decode("utf-8", errors="replace")):
            remove_file(path)
            removed.append(name)
    return removed


def remove_files_moved_aside(root: str) -> list[str]:
    """Remove every file that `repair` moved aside: no table states what it holds any more, so it cannot be searched.

    Args:
        root: the warehouse.

    Returns:
        Names of what was removed, relative to the root.
    """
    removed = [f"{ASIDE}/{name}" for name in files_below(f"{root.rstrip('/')}/{ASIDE}")]
    for name in removed:
        remove_file(f"{root.rstrip('/')}/{name}")
    return removed


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
    log = f"{path}/_delta_log"
    names = [name for name in files_below(log, recursive=False) if name.endswith(".json")]
    return [(name, read_whole(f"{log}/{name}").decode("utf-8")) for name in names]


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
