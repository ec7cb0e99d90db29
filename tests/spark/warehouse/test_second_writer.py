"""Everything that commits, while another writer changes the same day again and again: as on an object store, without a lock."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Event, Thread

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from shortlist.errors import ConflictError
from shortlist.store.conflicts import MAX_CONFLICTS
from shortlist.tables import CATALOG
from shortlist.warehouse.delta import Warehouse
from shortlist.warehouse.predicates import equals
from tests.published import frame_of, write

DAY = date(2017, 11, 1)
SHARED = {"status": "active", "buyable": True, "snapshot_date": DAY}
ALL = {"ours": "0", "theirs": "0", "third": "0"}


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path) -> Warehouse:
    """Three items of one day, each in a file of its own; their titles are counted up."""
    for item, title in ALL.items():
        write(tmp_path, "catalog", "catalog", [{"item_id": item, "title": title, **SHARED}])
    return Warehouse(spark, str(tmp_path))


class Conflicts(logging.Handler):
    """What the log says of conflicts."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "another writer committed first" in record.getMessage():
            self.said.append(record.getMessage())


@contextmanager
def second_writer(path: str, conflicts: int) -> Iterator[list[str]]:
    """Another writer, which takes no lock and counts the title of `theirs` up until it was in the way so many times.

    Yields:
        what the log says of conflicts.
    """
    seen, done = Conflicts(), Event()

    def change() -> None:
        number = 0
        while not done.is_set() and len(seen.said) < conflicts:
            number += 1
            DeltaTable(path).update(updates={"title": f"'{number}'"}, predicate="item_id = 'theirs'")
            time.sleep(0.05)

    writer, log = Thread(target=change), logging.getLogger("shortlist")
    log.addHandler(seen)
    writer.start()
    try:
        yield seen.said
    finally:
        done.set()
        writer.join()
        log.removeHandler(seen)


def titles(warehouse: Warehouse) -> dict[str, str]:
    rows = pl.read_delta(warehouse.path(CATALOG))
    return dict(zip(rows["item_id"], rows["title"], strict=True))


def delete(warehouse: Warehouse) -> None:
    warehouse.delete(CATALOG, F.col("item_id") == "ours")


def delete_matching(warehouse: Warehouse) -> None:
    gone = warehouse.spark.createDataFrame([("ours",)], "item_id string")
    warehouse.delete_matching(CATALOG, gone, ["item_id"])


def update(warehouse: Warehouse) -> None:
    warehouse.update(CATALOG, F.col("item_id") == "ours", {"title": F.lit("changed")})


def overwrite(warehouse: Warehouse) -> None:
    def changed(rows: pa.Table) -> pa.Table:
        # Read, and not yet committed: nothing else here takes long enough for a second writer to come between.
        time.sleep(1)
        new = pc.if_else(pc.equal(rows["item_id"], "ours"), "changed", rows["title"])
        return rows.set_column(rows.column_names.index("title"), rows.schema.field("title"), new)

    warehouse.overwrite(CATALOG, changed)


def replace(warehouse: Warehouse) -> None:
    rows = [{"item_id": "new", "title": "0", **SHARED}]
    frame = warehouse.spark.createDataFrame(frame_of("catalog", rows).to_arrow(), CATALOG.schema)
    warehouse.replace(frame, CATALOG, "a day", equals(snapshot_date=DAY), 1, {})


def compact(warehouse: Warehouse) -> None:
    warehouse.compact(CATALOG, 1 << 20)


# Each operation with what becomes of the titles that the second writer leaves alone.
OPERATIONS = {
    "delete": (delete, {"third": "0"}),
    "delete_matching": (delete_matching, {"third": "0"}),
    "update": (update, {"ours": "changed", "third": "0"}),
    "overwrite": (overwrite, {"ours": "changed", "third": "0"}),
    "replace": (replace, {"new": "0"}),
    "compaction": (compact, {"ours": "0", "third": "0"}),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_gives_way_and_is_done_again_from_what_is_there_then(warehouse: Warehouse, operation: str) -> None:
    commit, others = OPERATIONS[operation]
    with second_writer(warehouse.path(CATALOG), conflicts=1) as said:
        commit(warehouse)
    assert said
    found = titles(warehouse)
    theirs = found.pop("theirs", None)
    assert found == others
    # A replacement takes the whole day, whoever wrote it; of all others the second writer's last word stands.
    assert (theirs is None) is (operation == "replace")
    assert theirs is None or int(theirs) >= len(said)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_that_always_comes_second_is_a_clear_error_and_changes_nothing(
    warehouse: Warehouse, operation: str
) -> None:
    commit: Callable[[Warehouse], None] = OPERATIONS[operation][0]
    named = operation.partition("_")[0]
    with (
        second_writer(warehouse.path(CATALOG), conflicts=MAX_CONFLICTS + 1) as said,
        pytest.raises(
            ConflictError, match=f"catalog: another writer .* 5 times that {named} was tried .*next:"
        ) as raised,
    ):
        commit(warehouse)
    assert raised.value.exit_code == 5
    assert len(said) == MAX_CONFLICTS - 1
    assert {**titles(warehouse), "theirs": "0"} == ALL


def test_rows_that_are_added_while_a_table_is_overwritten_stay(warehouse: Warehouse) -> None:
    def add_meanwhile(rows: pa.Table) -> pa.Table:
        write(Path(warehouse.root), "catalog", "catalog", [{"item_id": "added", "title": "0", **SHARED}])
        return rows

    warehouse.overwrite(CATALOG, add_meanwhile)
    assert titles(warehouse) == {**ALL, "added": "0"}
