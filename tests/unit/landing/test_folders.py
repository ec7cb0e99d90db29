"""Which folders are due, which of their files are data, and how they are shared among tasks; no Spark."""

from datetime import date
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

from shortlist.config import ExtractionConfig, FeedConfig
from shortlist.errors import HeldError, LandingError
from shortlist.landing.folders import Landing, days_to_extract, shares
from shortlist.landing.reading import LandedFile

FIRST, SECOND, THIRD = date(2017, 11, 1), date(2017, 11, 2), date(2017, 11, 3)
TWO_FEEDS = ExtractionConfig.model_validate({"feeds": {"saves": {}, "orders": {}}})


def land(root: Path, feed: str, *days: date, marker: str | None = "_SUCCESS") -> None:
    for day in days:
        folder = root / feed / day.isoformat()
        folder.mkdir(parents=True)
        if marker:
            (folder / marker).touch()


def test_every_feed_catches_up_by_itself(tmp_path: Path) -> None:
    land(tmp_path, "saves", FIRST, SECOND, THIRD)
    land(tmp_path, "orders", SECOND, THIRD)
    landing = Landing(str(tmp_path), "_SUCCESS")
    assert days_to_extract(landing, THIRD, [], TWO_FEEDS) == {
        "saves": [FIRST, SECOND, THIRD],
        "orders": [SECOND, THIRD],
    }
    assert days_to_extract(landing, THIRD, [FIRST, SECOND, THIRD], TWO_FEEDS) == {"saves": [THIRD], "orders": [THIRD]}
    again = days_to_extract(landing, THIRD, [FIRST, SECOND, THIRD], TWO_FEEDS, since=SECOND)
    assert again == {"saves": [SECOND, THIRD], "orders": [SECOND, THIRD]}
    assert days_to_extract(landing, SECOND, [], TWO_FEEDS) == {"saves": [FIRST, SECOND], "orders": [SECOND]}


def test_one_feed_that_is_late_holds_them_all(tmp_path: Path) -> None:
    land(tmp_path, "saves", FIRST)
    landing = Landing(str(tmp_path), "_SUCCESS")
    with pytest.raises(LandingError, match=f"no landing folder {tmp_path}/orders/{FIRST}"):
        days_to_extract(landing, FIRST, [], TWO_FEEDS)
    land(tmp_path, "orders", FIRST, marker=None)
    with pytest.raises(HeldError, match=f"landing folder {tmp_path}/orders/{FIRST} has no _SUCCESS"):
        days_to_extract(landing, FIRST, [], TWO_FEEDS)


def test_data_is_what_is_neither_hidden_nor_the_marker(tmp_path: Path) -> None:
    land(tmp_path, "saves", FIRST, marker="DONE")
    folder = tmp_path / "saves" / FIRST.isoformat()
    for name in ("b.json", "a.json", "deep/c.json", "_note", ".b.json.crc", "_temporary/d.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    found = Landing(str(tmp_path), "DONE").files("saves", [FIRST], FeedConfig())
    assert [file.name for file in found] == [f"saves/{FIRST}/{name}" for name in ("a.json", "b.json", "deep/c.json")]
    assert {(file.feed, file.day, file.size) for file in found} == {("saves", FIRST, 2)}
    assert found[0].modified == (folder / "a.json").stat().st_mtime_ns


def test_a_delta_folder_holds_the_files_of_its_newest_version(tmp_path: Path) -> None:
    land(tmp_path, "saves", FIRST)
    folder = tmp_path / "saves" / FIRST.isoformat()
    rows = pa.table({"id": ["a", "b"], "country": ["DE", "FR"]})
    for _ in range(2):
        deltalake.write_deltalake(folder, rows, mode="overwrite", partition_by=["country"])
    found = Landing(str(tmp_path), "_SUCCESS").files("saves", [FIRST], FeedConfig(format="delta"))
    assert [file.partition for file in found] == [(("country", "DE"),), (("country", "FR"),)]
    assert len(list(folder.rglob("*.parquet"))) == 4


def test_files_are_shared_by_size() -> None:
    """The largest first, each to the task that has least: 9 + 1, 9 + 1, 8 + 2, 5 + 4 for four tasks of one core."""
    files = [LandedFile("f", FIRST, f"{number}", "", size, 0) for number, size in enumerate((9, 1, 5, 4, 8, 9, 1, 2))]
    assert sorted(sum(file.size for file in share) for share in shares(files, 1)) == [9, 10, 10, 10]
    assert sorted(file.name for share in shares(files, 1) for file in share) == sorted(file.name for file in files)
    assert len(shares(files, 8)) == len(files)
    assert shares([], 2) == [[]]
