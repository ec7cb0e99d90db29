"""Folders as a producer delivers them: at once and whole, a marker inside; the same events give the same bytes."""

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from shortlist import columns as c

# The fastest level: the demo's landing is read once, and 3 s of compression are better spent elsewhere.
GZIP_LEVEL = 1


def lines_by_day(days: Sequence[date], *kinds: pl.DataFrame) -> dict[date, list[str]]:
    """JSON lines of each day, in the order of (event_ts, event_id); fields that a kind of event lacks are left out."""
    day = pl.col(c.EVENT_TS).dt.date()
    iso = pl.col(c.EVENT_TS).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    encoded = []
    for kind in kinds:
        fields = [iso if name == c.EVENT_TS else pl.col(name) for name in kind.columns]
        line = pl.struct(fields).struct.json_encode().add("\n").alias("line")
        encoded.append(kind.filter(day.is_in(days)).select(c.EVENT_TS, c.EVENT_ID, line))
    ordered = pl.concat(encoded).sort(c.EVENT_TS, c.EVENT_ID).select(day.alias("day"), "line")
    return {key[0]: frame["line"].to_list() for key, frame in ordered.partition_by("day", as_dict=True).items()}


def deliver(folder: Path, name: str, content: bytes, marker: str) -> int:
    """Make a folder appear at once and whole, replacing one left half-written; returns the bytes written."""
    partial = folder.with_name(f".{folder.name}.partial")
    for stale in (partial, folder):
        if stale.exists():
            shutil.rmtree(stale)
    partial.mkdir(parents=True)
    (partial / name).write_bytes(content)
    (partial / marker).touch()
    partial.rename(folder)
    return len(content)
