"""An earlier day is served again: by publications, and in the newest version of the table."""

from datetime import UTC, date
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from shortlist.errors import OvertakenError, RollbackError
from shortlist.store import rollback
from shortlist.store.publications import read_history
from shortlist.store.rollback import roll_back
from tests.published import announce, commit, decide, publish

D1, D2, D3 = date(2017, 11, 16), date(2017, 11, 23), date(2017, 11, 30)
GOOD, BAD = {"u1": "ab", "u2": "b"}, {"u1": "zz"[:1], "u9": "z"}
FENCE = 1_000


def served(root: Path) -> date:
    """What a reader of publications gets."""
    return read_history(str(root / "publications"), "homefeed").current[-1].run_date


def newest(root: Path) -> dict[date, int]:
    """Rows by day of the newest version: what DuckDB reads."""
    return dict(pl.read_delta(str(root / "candidates_homefeed")).group_by("run_date").len().rows())


def rows(root: Path) -> list[tuple[object, ...]]:
    columns = ["run_date", "status", "table_version"]
    return pl.read_delta(str(root / "publications")).sort("table_version", "run_date").select(columns).rows()


@pytest.fixture
def three_days(tmp_path: Path) -> Path:
    """D1 and D2 are good, D3 is bad."""
    for day, of in ((D1, GOOD), (D2, GOOD), (D3, BAD)):
        publish(tmp_path, "homefeed", day, of)
    return tmp_path


def test_the_day_before_is_served_by_publications_and_by_the_newest_version(three_days: Path) -> None:
    done = roll_back(str(three_days), "homefeed", None, FENCE, "broken model")
    assert (done.served.run_date, done.withdrawn, done.version, done.resumed) == (D2, (D3,), 4, False)
    assert served(three_days) == D2
    assert newest(three_days) == {D1: 3, D2: 3}
    row = pl.read_delta(str(three_days / "publications")).filter(status="rolled_back").row(0, named=True)
    assert (row["run_date"], row["rows"], row["why"]) == (D3, 2, "rolled back to 2017-11-23: broken model")
    assert row["published_at"].astimezone(UTC).year >= 2026  # the commit's own time


def test_one_commit_and_one_row(three_days: Path) -> None:
    before = DeltaTable(str(three_days / "candidates_homefeed")).version()
    said = DeltaTable(str(three_days / "publications")).version()
    roll_back(str(three_days), "homefeed", None, FENCE, "w")
    assert DeltaTable(str(three_days / "candidates_homefeed")).version() == before + 1
    assert DeltaTable(str(three_days / "publications")).version() == said + 1
    assert len(rows(three_days)) == 4


def test_the_withdrawn_version_can_still_be_read(three_days: Path) -> None:
    """Whoever had opened the bad day before the rollback finishes reading a whole day."""
    roll_back(str(three_days), "homefeed", None, FENCE, "w")
    assert len(pl.scan_delta(str(three_days / "candidates_homefeed"), version=3).filter(run_date=D3).collect()) == 2


def test_a_second_rollback_goes_one_day_further_and_the_only_day_is_kept(three_days: Path) -> None:
    roll_back(str(three_days), "homefeed", None, FENCE, "w")
    roll_back(str(three_days), "homefeed", None, FENCE, "w")
    assert served(three_days) == D1
    assert newest(three_days) == {D1: 3}
    with pytest.raises(RollbackError, match="2017-11-16 is the only published day"):
        roll_back(str(three_days), "homefeed", None, FENCE, "w")
    assert newest(three_days) == {D1: 3}


def test_back_to_a_day_withdraws_all_later_ones_in_one_commit(three_days: Path) -> None:
    done = roll_back(str(three_days), "homefeed", D1, FENCE, "w")
    assert (done.withdrawn, done.version) == ((D2, D3), 4)
    assert served(three_days) == D1
    assert rows(three_days)[3:] == [(D2, "rolled_back", 4), (D3, "rolled_back", 4)]


@pytest.mark.parametrize("to", [D3, date(2017, 11, 17), date(2018, 1, 1)])
def test_only_an_earlier_published_day_can_be_gone_back_to(three_days: Path, to: date) -> None:
    with pytest.raises(RollbackError, match="choose one of 2017-11-23, 2017-11-16"):
        roll_back(str(three_days), "homefeed", to, FENCE, "w")
    assert served(three_days) == D3


def test_nothing_published(tmp_path: Path) -> None:
    with pytest.raises(RollbackError, match="nothing is published"):
        roll_back(str(tmp_path), "homefeed", None, FENCE, "w")
    decide(tmp_path, "homefeed", D1, "held", why="a rule")
    with pytest.raises(RollbackError, match="nothing is published"):
        roll_back(str(tmp_path), "homefeed", None, FENCE, "w")


def test_an_interruption_between_commit_and_row_is_finished_by_the_retry(
    three_days: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(rollback, "append_rows", crash)
        with pytest.raises(KeyboardInterrupt):
            roll_back(str(three_days), "homefeed", None, FENCE, "w")
    assert served(three_days) == D3  # whole, at the version that publications names
    assert len(pl.scan_delta(str(three_days / "candidates_homefeed"), version=3).filter(run_date=D3).collect()) == 2
    done = roll_back(str(three_days), "homefeed", None, FENCE, "w")
    assert (done.served.run_date, done.withdrawn, done.version, done.resumed) == (D2, (D3,), 4, True)
    assert served(three_days) == D2
    assert DeltaTable(str(three_days / "candidates_homefeed")).version() == 4


def test_a_day_run_again_after_its_rollback_is_latest(three_days: Path) -> None:
    roll_back(str(three_days), "homefeed", None, FENCE, "w")
    publish(three_days, "homefeed", D3, GOOD, attempt=FENCE + 1)
    assert served(three_days) == D3
    assert newest(three_days)[D3] == 3


def test_a_day_that_was_committed_and_not_announced_goes_too(tmp_path: Path) -> None:
    """Its publisher still waits for verification: when it announces after the rollback, readers must not get it."""
    publish(tmp_path, "homefeed", D1, GOOD)
    publish(tmp_path, "homefeed", D2, BAD)
    version = commit(tmp_path, "homefeed", D3, BAD)
    done = roll_back(str(tmp_path), "homefeed", None, FENCE, "w")
    assert (done.served.run_date, done.withdrawn) == (D1, (D2, D3))
    assert newest(tmp_path) == {D1: 3}
    announce(tmp_path, "homefeed", D3, BAD, version)
    assert served(tmp_path) == D1


@pytest.mark.parametrize(("attempt", "fence", "number"), [(1, FENCE, FENCE), (5_000, FENCE, 5_001)])
def test_attempts_that_started_before_are_fenced_off(tmp_path: Path, attempt: int, fence: int, number: int) -> None:
    publish(tmp_path, "homefeed", D1, GOOD)
    publish(tmp_path, "homefeed", D2, BAD, attempt)
    roll_back(str(tmp_path), "homefeed", None, fence, "w")
    table = DeltaTable(str(tmp_path / "candidates_homefeed"))
    assert table.transaction_version(f"candidates_homefeed/run_date={D2}") == number
    assert table.transaction_version(f"candidates_homefeed/run_date={D1}") == 1


def test_a_broken_earlier_day_is_not_served(three_days: Path) -> None:
    file = max((three_days / "candidates_homefeed" / f"run_date={D2}").glob("*.parquet"))
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(RollbackError, match="2017-11-23 at version 3 is not what was published") as error:
        roll_back(str(three_days), "homefeed", None, FENCE, "w")
    assert error.value.exit_code == 3
    assert served(three_days) == D3
    assert roll_back(str(three_days), "homefeed", D1, FENCE, "w").served.run_date == D1


def test_a_reader_without_our_code_gets_the_earlier_day(three_days: Path) -> None:
    """The README's way to read `latest`, with Polars alone."""
    publish(three_days, "related", D3, GOOD)
    roll_back(str(three_days), "homefeed", None, FENCE, "w")
    decide(three_days, "homefeed", D3, "held", why="a rule")
    root = str(three_days)
    latest = (
        pl.read_delta(f"{root}/publications")
        .filter(pl.col("surface") == "homefeed", pl.col("table_version").is_not_null())
        .sort("table_version")
        .unique("run_date", keep="last", maintain_order=True)
        .filter(pl.col("status") == "published")
        .sort("run_date")
        .row(-1, named=True)
    )
    assert (latest["run_date"], latest["table_version"]) == (D2, 2)


def test_a_commit_that_came_in_between_stops_it(three_days: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an object store, where nothing is locked: the other writer's day is not withdrawn unseen."""

    def meanwhile(*_: object) -> list[str]:
        commit(three_days, "homefeed", D3, GOOD, attempt=2)
        return []

    monkeypatch.setattr(rollback, "findings", meanwhile)
    with pytest.raises(OvertakenError, match="another writer committed after version 3"):
        roll_back(str(three_days), "homefeed", None, FENCE, "w")
    assert served(three_days) == D3
    assert newest(three_days) == {D1: 3, D2: 3, D3: 3}


def test_other_surfaces_stay(three_days: Path) -> None:
    publish(three_days, "related", D3, GOOD)
    roll_back(str(three_days), "homefeed", None, FENCE, "w")
    assert read_history(str(three_days / "publications"), "related").current[-1].run_date == D3
