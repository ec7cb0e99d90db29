"""`shortlist export`: a surface's lists as one file for a key-value store, or only what changed between two published days."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
from rich.console import Console

from shortlist.cli.output import Facts, say
from shortlist.cli.served import Served, served
from shortlist.columns import MODEL_VERSION, RANK, RUN_DATE, RUN_ID, SUBJECT_ID
from shortlist.config import Settings
from shortlist.contracts import candidates_name
from shortlist.errors import SettingsError

FORMATS: Final = (".parquet", ".jsonl")
OPERATION, CANDIDATES = "operation", "candidates"
UPSERT, DELETE = "upsert", "delete"
# The subject is the key of a row, and the others name the run: none of them is part of a candidate.
_NOT_OF_A_CANDIDATE = (SUBJECT_ID, MODEL_VERSION, RUN_ID, RUN_DATE)


@dataclass(frozen=True)
class Wanted:
    """What is exported.

    Attributes:
        into: the file; its ending says the format.
        columns: columns of a candidate; none: all.
        replace: whether a file of that name is replaced.
    """

    into: Path
    columns: Sequence[str] = ()
    replace: bool = False


def export(settings: Settings, surface: str, since: date | None, until: date | None, wanted: Wanted) -> dict[str, Any]:
    """Write the lists of a published day, or the difference between two days, to one file.

    A row of the file is one subject: subject_id, operation, run_date (of the later day), and candidates, the
    subject's whole list, best first (null for `delete`: the subject has no list any more). A subject is absent when its list
    is the same on both days in every exported column. Rows are in the order of subject ids. A store that had the first day
    has the second one when every row was applied, however often.

    Both days are held in memory.

    Args:
        settings: settings in force.
        surface: the surface.
        since: published day that the store has; None: it has nothing, so that every list is written.
        until: published day that it shall have; None: the one that is served.
        wanted: file and columns.

    Returns:
        surface, first (run_date or None), second, file, columns, and how many lists are upserts, deletes and unchanged.

    Raises:
        SettingsError: the file's ending names no format, the file exists, or a column is unknown.
        NotPublishedError: one of the days is not published.
    """
    into = _writable(wanted)
    now = served(settings, surface, until)
    columns = _columns(now, wanted.columns)
    after = _lists(now, columns)
    then = None if since is None else served(settings, surface, since)
    before = after.clear() if then is None else _lists(then, columns)
    rows = changes(before, after).with_columns(pl.lit(now.day).alias(RUN_DATE))
    _write(rows, into)
    counts: dict[str, int] = dict(rows.group_by(OPERATION).len().rows())
    upserts = counts.get(UPSERT, 0)
    return {
        "surface": surface,
        "first": then and then.day.isoformat(),
        "second": now.day.isoformat(),
        "file": str(into),
        "columns": columns,
        "upserts": upserts,
        "deletes": counts.get(DELETE, 0),
        "unchanged": after.height - upserts,
    }


def changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Operations that lead from one day's lists to another's: subject_id, operation, candidates; by subject id.

    Args:
        before: subject_id, candidates (whole lists), each subject once.
        after: the same of the later day.
    """
    both = before.join(after, on=SUBJECT_ID, how="full", coalesce=True, suffix="_after")
    later = pl.col(f"{CANDIDATES}_after")
    return (
        both.filter(later.ne_missing(pl.col(CANDIDATES)))
        .select(
            SUBJECT_ID,
            pl.when(later.is_null()).then(pl.lit(DELETE)).otherwise(pl.lit(UPSERT)).alias(OPERATION),
            later.alias(CANDIDATES),
        )
        .sort(SUBJECT_ID)
    )


def _writable(wanted: Wanted) -> Path:
    """The file, if its name says a format and nothing would be lost."""
    into = wanted.into
    if into.suffix not in FORMATS:
        raise SettingsError.bad_argument("--into", str(into), f"must end in {' or '.join(FORMATS)}")
    if not into.parent.is_dir():
        raise SettingsError.bad_argument("--into", str(into), "its folder does not exist; next: make it")
    if into.exists() and not wanted.replace:
        raise SettingsError.bad_argument("--into", str(into), "exists; next: name another file, or pass --replace")
    return into


def _columns(view: Served, chosen: Sequence[str]) -> list[str]:
    """Columns of a candidate that are exported."""
    known = [name for name in view.rows().collect_schema().names() if name not in _NOT_OF_A_CANDIDATE]
    for name in chosen:
        if name not in known:
            raise SettingsError.bad_argument("--column", name, f"is none of {', '.join(known)}")
    return list(chosen) or known


def _lists(view: Served, columns: Sequence[str]) -> pl.DataFrame:
    """subject_id and candidates, one row a subject."""
    rows = view.rows()
    gained = set(columns) - set(rows.collect_schema().names())  # empty on a day from before its table had the column
    whole = (
        rows.with_columns(pl.lit(None).alias(name) for name in sorted(gained))
        .sort(SUBJECT_ID, RANK)
        .group_by(SUBJECT_ID, maintain_order=True)
        .agg(pl.struct(columns).alias(CANDIDATES))
    )
    return view.lake.collect(candidates_name(view.surface), whole, view.decision.table_version)


def _write(rows: pl.DataFrame, into: Path) -> None:
    """Whole or not at all: whoever loads the file never meets half of it."""
    partial = into.with_name(f".{into.name}.{os.getpid()}")
    try:
        if into.suffix == ".parquet":
            rows.write_parquet(partial)
        else:
            rows.write_ndjson(partial)
        partial.replace(into)
    finally:
        partial.unlink(missing_ok=True)


def render(facts: Facts, to: Console) -> None:
    """For people."""
    of = f"{facts['first']} to {facts['second']}" if facts["first"] else facts["second"]
    say(to, f"{facts['surface']}, {of}: {facts['file']}", "bold")
    say(to, f"{facts['upserts']} lists to write, {facts['deletes']} to delete, {facts['unchanged']} unchanged")
    if facts["first"]:
        say(to, f"a list is unchanged when these are the same: {', '.join(facts['columns'])} (--column chooses)")
