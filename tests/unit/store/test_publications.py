"""Rows of tables that only grow are there once, whoever comes twice."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from shortlist.records.publications import Publication
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
