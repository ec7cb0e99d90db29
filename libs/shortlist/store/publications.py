"""The table of publications without Spark: its rows read and added to."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

import deltalake
import polars as pl
import pyarrow as pa
from deltalake.exceptions import DeltaError
from polars.exceptions import PanicException, PolarsError

from shortlist.columns import PUBLISHED_AT, RUN_DATE, STATUS, SURFACE, WHY
from shortlist.redaction import redact
from shortlist.store.fences import table_lock
from shortlist.store.latest import PUBLISHED, is_current

# What a reader may meet in a table with broken files. Polars panics over a truncated one, and a panic is no Exception:
# unnamed it would leave a job as an unforeseen crash.
UNREADABLE: Final = (DeltaError, PolarsError, PanicException, OSError)


@dataclass(frozen=True)
class Publication:
    """One row of the publications table."""

    surface: str
    published_at: datetime
    run_date: date
    table_version: int | None
    run_id: str
    rows: int
    subjects: int
    digest: str | None
    status: str
    why: str | None

    def as_dict(self) -> dict[str, Any]:
        """For the manifest and the table."""
        return asdict(self)


def current_publications(path: str, surface: str, version: int | None = None) -> list[Publication]:
    """The days of a surface that readers are served, oldest first, each by its newest row.

    Args:
        path: where the table of publications lives.
        surface: the surface.
        version: of that table; None means the newest.
    """
    rows = pl.scan_delta(path, version=version).filter((pl.col(SURFACE) == surface) & is_current())
    newest = rows.sort(RUN_DATE, PUBLISHED_AT).unique(RUN_DATE, keep="last", maintain_order=True).collect()
    return [Publication(**row) for row in newest.iter_rows(named=True)]


def superseded_publications(path: str, surface: str) -> list[Publication]:
    """Every row that once published a day of a surface and does not stand any more, oldest first."""
    rows = pl.scan_delta(path).filter((pl.col(SURFACE) == surface) & (pl.col(STATUS) == PUBLISHED) & ~is_current())
    return [Publication(**row) for row in rows.sort(PUBLISHED_AT, RUN_DATE).collect().iter_rows(named=True)]


def announced_surfaces(path: str) -> list[str]:
    """Every surface that publications has a row of, also those that settings know no more; none where it does not exist."""
    if not deltalake.DeltaTable.is_deltatable(path):
        return []
    return sorted(pl.read_delta(path)[SURFACE].unique())


def reasons(path: str) -> list[str]:
    """Everything that publications says in `why`."""
    return pl.read_delta(path)[WHY].drop_nulls().to_list()


def append_rows(root: str, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add a few rows, each with all columns and without secrets, to a table that exists and only grows; one commit.

    A row that is there already, the same in every column, is not added: a writer that died before it had its answer comes
    again with the same row. Where all are there, nothing is committed.
    """
    path = f"{root.rstrip('/')}/{table}"
    with table_lock(root, table):
        schema = pa.schema(deltalake.DeltaTable(path).schema().to_arrow())
        clean = [
            {name: redact(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows
        ]
        given = pl.DataFrame(pa.Table.from_pylist(clean, schema))
        new = given.join(pl.read_delta(path), on=given.columns, how="anti", nulls_equal=True, maintain_order="left")
        if len(new):
            deltalake.write_deltalake(path, new.to_arrow().cast(schema), mode="append")
