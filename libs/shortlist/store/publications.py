"""The table of publications without Spark: its rows read and added to."""

from collections.abc import Mapping, Sequence
from typing import Any

import deltalake
import polars as pl
import pyarrow as pa

from shortlist.columns import SURFACE, WHY
from shortlist.records.publications import Publication, SurfaceHistory
from shortlist.redaction import redact
from shortlist.store.conflicts import commit_again
from shortlist.store.fences import table_lock


def read_history(path: str, surface: str, version: int | None = None) -> SurfaceHistory:
    """Everything that was decided about a surface.

    Args:
        path: where the table of publications lives.
        surface: the surface.
        version: of that table; None means the newest.

    Raises:
        one of `UNREADABLE`: the table is gone or broken.
    """
    rows = pl.scan_delta(path, version=version).filter(pl.col(SURFACE) == surface).collect()
    return SurfaceHistory.of(Publication(**row) for row in rows.iter_rows(named=True))


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

    Raises:
        ConflictError: other writers changed the table meanwhile, `MAX_CONFLICTS` times.
    """
    path = f"{root.rstrip('/')}/{table}"

    def add() -> None:
        opened = deltalake.DeltaTable(path)
        schema = pa.schema(opened.schema().to_arrow())
        clean = [
            {name: redact(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows
        ]
        given = pl.DataFrame(pa.Table.from_pylist(clean, schema))
        new = given.join(pl.read_delta(opened), on=given.columns, how="anti", nulls_equal=True, maintain_order="left")
        if len(new):
            # Rows are looked for again where another writer came first: delta-rs would add them behind that writer's.
            once = deltalake.CommitProperties(max_commit_retries=0)
            deltalake.write_deltalake(opened, new.to_arrow().cast(schema), mode="append", commit_properties=once)

    with table_lock(root, table):
        commit_again(table, "append", add)
