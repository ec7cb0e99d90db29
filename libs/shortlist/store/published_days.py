"""What a published day really holds, by delta-rs and Polars, which share no code with the writer."""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from pyarrow import fs, parquet

from shortlist.columns import RUN_DATE, SUBJECT_ID
from shortlist.records.publications import Publication
from shortlist.store.digests import DIGESTED, GAINED, Digest, digest_rows
from shortlist.store.filesystems import filesystem
from shortlist.store.reading_errors import UNREADABLE

FileKind = Literal["missing_file", "truncated_file", "unreadable_file", "other_rows"]


@dataclass(frozen=True)
class BrokenFile:
    """A data file that cannot be read as it was committed: its path in the table, a word for it, and what is wrong."""

    path: str
    kind: FileKind
    says: str


@dataclass(frozen=True)
class DayContent:
    """Rows and digest of a day, and how many subjects have a list."""

    digest: Digest
    subjects: int

    def differences(self, rows: int, subjects: int, digest: str) -> list[str]:
        """What differs from what was announced, in words; empty when nothing does."""
        pairs = [
            ("rows", rows, self.digest.rows),
            ("subjects", subjects, self.subjects),
            ("digest", digest, str(self.digest)),
        ]
        return [f"{what} {seen} instead of {wanted}" for what, wanted, seen in pairs if wanted != seen]


def read_day(path: str, version: int | None, run_date: date) -> DayContent:
    """Every row of a day at a version of a candidates table; None reads the newest version.

    Raises:
        one of `UNREADABLE`: the version or one of its files is gone or broken.
    """
    table = pl.scan_delta(path, version=version)
    there = set(table.collect_schema().names())
    columns = [name for name in DIGESTED if name in there or name not in GAINED]
    rows = table.filter(pl.col(RUN_DATE) == run_date).select(columns).collect()
    return DayContent(digest_rows(rows.to_arrow()), rows[SUBJECT_ID].n_unique())


def findings(path: str, publication: Publication, version: int | None) -> list[str]:
    """Why a day is not what publications says of it, at a version of its table; empty when it is."""
    try:
        # Polars panics over a file that was cut; sizes are looked at first.
        broken = broken_files(path, DeltaTable(path, version=version), publication.run_date)
        if broken:
            return [f"{each.path} {each.says}" for each in broken]
        content = read_day(path, version, publication.run_date)
    except UNREADABLE as error:
        return [f"it cannot be read ({str(error)[:300]})"]
    return content.differences(publication.rows, publication.subjects, publication.digest or "")


def broken_files(path: str, table: DeltaTable, run_date: date | None = None) -> list[BrokenFile]:
    """Files that are missing, cut or unreadable, by their sizes and footers.

    Args:
        path: where the table lives.
        table: opened at the version whose files are looked at.
        run_date: look only at this day's.
    """
    system, root = filesystem(path)
    found = []
    for row in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        if run_date is None or str(row.get(f"partition.{RUN_DATE}")) == run_date.isoformat():
            file = system.get_file_info(f"{root}/{unquote(row['path'])}")
            problem = _problem(system, file, row["size_bytes"], row.get("num_records"))
            found += [BrokenFile(row["path"], *problem)] if problem else []
    return found


def _problem(system: fs.FileSystem, file: fs.FileInfo, size: int, rows: int | None) -> tuple[FileKind, str] | None:
    if not file.is_file:
        return "missing_file", "does not exist"
    if file.size != size:
        return "truncated_file", f"has {file.size} bytes instead of {size}"
    try:
        with system.open_input_file(file.path) as stream:
            read = parquet.read_metadata(stream).num_rows
    except (OSError, pa.ArrowInvalid) as error:
        return "unreadable_file", f"cannot be read ({str(error)[:200]})"
    if rows is not None and read != rows:
        return "other_rows", f"has {read} rows instead of {rows}"
    return None
