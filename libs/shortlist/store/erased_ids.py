"""Erased ids outside of tables' rows: in manifests, reports, files that a repair moved aside, statistics of a table's log."""

import json
from collections.abc import Sequence
from pathlib import Path
from re import Pattern
from typing import Any, Final

from pyarrow import fs

from shortlist.store.filesystems import filesystem
from shortlist.store.repair import ASIDE
from shortlist.subjects import GONE, Subject, mention

# What a manifest says of the run itself; no subject is named there, and an id that is a common word must not mangle it.
_OF_THE_RUN: Final = frozenset({"job", "run_date", "run_id", "attempt", "settings", "inputs", "outputs", "seconds"})
_STATISTICS: Final = ("minValues", "maxValues")


def redact_manifests(root: str, subjects: Sequence[Subject]) -> int:
    """Put a mark where a manifest quotes an erased id (samples of checks, error texts).

    Returns:
        How many manifests were changed.
    """
    pattern, changed = mention(subjects), 0
    for path in sorted(Path(root).rglob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        redacted = {key: value if key in _OF_THE_RUN else _without(value, pattern) for key, value in content.items()}
        if redacted != content:
            unfinished = path.with_name(f".{path.name}.redacted")
            unfinished.write_text(json.dumps(redacted, indent=1, sort_keys=True), encoding="utf-8")
            unfinished.replace(path)
            changed += 1
    return changed


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


def _without(value: Any, pattern: "Pattern[str]") -> Any:
    if isinstance(value, str):
        return pattern.sub(GONE, value)
    if isinstance(value, list):
        return [_without(part, pattern) for part in value]
    if isinstance(value, dict):
        return {pattern.sub(GONE, key): _without(part, pattern) for key, part in value.items()}
    return value
