"""Clocks that stand at 1970 or 2100 when a day is announced: versions decide what is served, and nobody is refused."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

from shortlist.store.publications import read_history
from tests.published import announce, commit, decide
from tests.unit.cli.conftest import D1, D2, D3, LISTS, Shortlist

EPOCH, FAR = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def at(root: Path, day: object, moment: datetime) -> None:
    """The row that was added last, announced at another moment."""
    path = str(root / "publications")
    rows = pl.read_delta(path)
    moved = pl.when((pl.col("run_date") == day) & pl.col("published_at").dt.year().is_between(1971, 2099)).then(moment)
    write_deltalake(
        path, rows.with_columns(moved.otherwise("published_at").alias("published_at")).to_arrow(), mode="overwrite"
    )


def test_latest_goes_by_versions_whatever_the_clocks_said(warehouse: Path, shortlist: Shortlist) -> None:
    other = {"u1": "ba", "u2": "b"}
    for day, lists, attempt, moment in (
        (D1, LISTS, 1, EPOCH),
        (D2, LISTS, 1, FAR),
        (D2, other, 2, EPOCH),
        (D3, LISTS, 1, EPOCH),
    ):
        announce(warehouse, "homefeed", day, lists, commit(warehouse, "homefeed", day, lists, attempt))
        at(warehouse, day, moment)
    decide(warehouse, "homefeed", D3, "held", published_at=FAR, why="a check")

    days = read_history(str(warehouse / "publications"), "homefeed").current
    assert [(day.run_date, day.table_version, day.published_at) for day in days] == [
        (D1, 1, EPOCH),
        (D2, 3, EPOCH),
        (D3, 4, EPOCH),
    ]
    status = shortlist("status", "--json", "--as-of", "2017-12-01")
    (homefeed, _) = status.facts["surfaces"]
    assert (homefeed["state"], homefeed["run_date"], homefeed["table_version"]) == ("fresh", "2017-11-30", 4)
    assert shortlist("verify", "--json", "homefeed").code == 0
    shown = shortlist("show", "--json", "homefeed", "u1", "--day", str(D2)).facts["candidates"]
    assert [row["item_id"] for row in shown] == ["b", "a"]

    assert shortlist("rollback", "homefeed", "--yes", "--why", "clocks").code == 0
    assert read_history(str(warehouse / "publications"), "homefeed").current[-1].run_date == D2
    publish_again = commit(warehouse, "homefeed", D3, other, 2**60)
    announce(warehouse, "homefeed", D3, other, publish_again)
    at(warehouse, D3, EPOCH)
    assert read_history(str(warehouse / "publications"), "homefeed").current[-1].table_version == publish_again
