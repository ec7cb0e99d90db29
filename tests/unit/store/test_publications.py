"""Rows of tables that only grow are there once, whoever comes twice."""

from collections import UserDict
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from shortlist.errors import ConflictError
from shortlist.records.publications import Publication
from shortlist.store.conflicts import MAX_CONFLICTS
from shortlist.store.publications import append_rows
from tests.published import create

ROW = Publication(
    "homefeed", datetime(2017, 12, 1, 2, tzinfo=UTC), date(2017, 11, 30), 3, "r", 2, 1, "0a", "published", None
).as_dict()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create(str(tmp_path / "publications"), "publications")
    return tmp_path


def rows(root: Path) -> pl.DataFrame:
    return pl.read_delta(str(root / "publications")).sort("table_version", "run_date")


def test_a_row_that_comes_again_is_not_added(root: Path) -> None:
    append_rows(str(root), "publications", [ROW])
    append_rows(str(root), "publications", [ROW])
    assert rows(root).rows(named=True) == [ROW]
    assert DeltaTable(str(root / "publications")).version() == 1


def test_a_row_that_differs_in_one_column_is_another(root: Path) -> None:
    others = [{**ROW, "table_version": 4}, {**ROW, "why": "again"}, {**ROW, "digest": None}]
    append_rows(str(root), "publications", [ROW])
    append_rows(str(root), "publications", [ROW, *others])
    assert len(rows(root)) == 4
    append_rows(str(root), "publications", others)
    assert len(rows(root)) == 4


class Meanwhile(UserDict[str, Any]):
    """A row; while it is read another writer, that takes no lock, commits to the table, so many times."""

    times = 0
    path = ""
    commit: Callable[[DeltaTable], object]

    def items(self) -> Any:
        if self.times:
            self.times -= 1
            self.commit(DeltaTable(self.path))
        return super().items()


def describe(table: DeltaTable) -> None:
    """Change what the table says of itself."""
    table.alter.set_table_description(f"after {table.version()}")


def announce(table: DeltaTable) -> None:
    """Add the row."""
    write_deltalake(table, pa.Table.from_pylist([ROW], pa.schema(table.schema().to_arrow())), mode="append")


def row_meanwhile(root: Path, times: int, commit: Callable[[DeltaTable], object] = describe) -> Meanwhile:
    row = Meanwhile(ROW)
    row.times, row.path, row.commit = times, str(root / "publications"), commit
    return row


def test_a_row_that_another_writer_adds_meanwhile_is_not_added(root: Path) -> None:
    append_rows(str(root), "publications", [row_meanwhile(root, 1, announce)])
    assert rows(root).rows(named=True) == [ROW]


def test_rows_are_added_again_where_another_writer_came_first(root: Path) -> None:
    append_rows(str(root), "publications", [row_meanwhile(root, MAX_CONFLICTS - 1)])
    assert rows(root).rows(named=True) == [ROW]


def test_rows_that_always_come_second_are_a_clear_error(root: Path) -> None:
    with pytest.raises(ConflictError, match=r"publications: another writer .* 5 times that append was tried .*next:"):
        append_rows(str(root), "publications", [row_meanwhile(root, MAX_CONFLICTS)])
    assert len(rows(root)) == 0
