"""Which folders are due, which of their files are data, and how they are shared among tasks; no Spark."""

from datetime import date
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

from shortlist.config import ExtractionConfig, FeedConfig
from shortlist.errors import HeldError, LandingError
from shortlist.landing.files import LandedFile
from shortlist.landing.folders import Landing, days_to_extract, days_without_folder
from shortlist.landing.spark_reading import shares

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


def test_a_feed_with_nothing_today_lets_the_others_go_on(tmp_path: Path) -> None:
    allow = TWO_FEEDS.model_copy(update={"missing_days": "allow"})
    land(tmp_path, "saves", FIRST, THIRD)
    land(tmp_path, "orders", FIRST)
    landing = Landing(str(tmp_path), "_SUCCESS")
    assert days_to_extract(landing, THIRD, [FIRST], allow) == {"saves": [THIRD], "orders": []}
    assert days_to_extract(landing, SECOND, [FIRST], allow) == {"saves": [], "orders": []}
    with pytest.raises(LandingError, match="unknown run date"):
        days_to_extract(landing, date(2017, 11, 4), [], allow)
    assert [config.allows_empty_days for config in (TWO_FEEDS, allow)] == [False, True]
    assert not allow.model_copy(update={"empty_days": "refuse"}).allows_empty_days


def test_days_without_a_folder_are_those_between_the_first_and_the_run_date() -> None:
    days = {date(2017, 11, day) for day in (1, 2, 5, 8)}
    missing = days_without_folder(days, date(2017, 11, 8), None)
    assert [day.day for day in missing] == [3, 4, 6, 7]
    assert [day.day for day in days_without_folder(days, date(2017, 11, 8), date(2017, 11, 5))] == [6, 7]
    assert [day.day for day in days_without_folder(days, date(2017, 11, 7), date(2017, 11, 6))] == []
    assert days_without_folder(set(), date(2017, 11, 8), None) == []
    assert days_without_folder({date(2017, 12, 1)}, date(2017, 11, 8), None) == []


@pytest.mark.parametrize(
    ("pattern", "name", "hint"),
    [
        ("dt=%Y-%m-%d", "dt=2017-11-01", "'dt=%Y-%m-%d'"),
        ("%Y%m%d", "20171101", "'%Y%m%d'"),
        ("%Y/%m/%d", "2017/11/01/03", "'%Y/%m/%d'"),
    ],
)
def test_folders_of_days_have_the_names_that_settings_say(tmp_path: Path, pattern: str, name: str, hint: str) -> None:
    place = tmp_path / "saves" / name
    place.mkdir(parents=True)
    (place / "a.json").write_text("{}")
    with pytest.raises(LandingError) as error:
        days_to_extract(Landing(str(tmp_path), "_SUCCESS"), FIRST, [], ExtractionConfig(feeds={"saves": FeedConfig()}))
    assert hint in str(error.value)
    assert repr(name.split("/")[0]) in str(error.value)
    landing = Landing(str(tmp_path), "_SUCCESS", {"saves": pattern})
    assert landing.days("saves") == [FIRST]
    assert landing.complete_days("saves") == []
    landing.mark_complete("saves", FIRST)
    assert landing.complete_days("saves") == [FIRST]
    (file,) = landing.listing("saves", [FIRST], "json").files
    assert (file.name, file.day) == (f"saves/{name}/a.json", FIRST)


def test_data_is_what_is_neither_hidden_nor_the_marker(tmp_path: Path) -> None:
    land(tmp_path, "saves", FIRST, marker="DONE")
    folder = tmp_path / "saves" / FIRST.isoformat()
    names = ("b.json", "a.json", "deep/c.json", "_kind=save/d.json", "_note", ".b.json.crc", "_temporary/d.json")
    for name in (*names, "e.json._COPYING_"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    (folder / "link.json").symlink_to(folder / "nothing.json")
    (folder / "live.json").symlink_to(folder / "a.json")
    found = Landing(str(tmp_path), "DONE").listing("saves", [FIRST], "json")
    data = ("_kind=save/d.json", "a.json", "b.json", "deep/c.json", "live.json")
    assert [file.name for file in found.files] == [f"saves/{FIRST}/{name}" for name in data]
    assert {(file.feed, file.day, file.size) for file in found.files} == {("saves", FIRST, 2)}
    assert found.files[0].folder_values == (("_kind", "save"),)
    assert found.files[1].modified == (folder / "a.json").stat().st_mtime_ns
    assert dict(found.skipped) == {
        f"saves/{FIRST}/.b.json.crc": "names that begin with . are no data",
        f"saves/{FIRST}/_note": "names that begin with _ are no data",
        f"saves/{FIRST}/_temporary/d.json": "names that begin with _ are no data",
        f"saves/{FIRST}/e.json._COPYING_": "it is still being copied",
        f"saves/{FIRST}/link.json": "a link to nothing",
    }


def test_a_delta_folder_holds_the_files_of_its_newest_version(tmp_path: Path) -> None:
    land(tmp_path, "saves", FIRST)
    folder = tmp_path / "saves" / FIRST.isoformat()
    rows = pa.table({"id": ["a", "b", "c"], "country": ["DE", "F R", "R&D"]})
    for _ in range(2):
        deltalake.write_deltalake(folder, rows, mode="overwrite", partition_by=["country"])
    landing = Landing(str(tmp_path), "_SUCCESS")
    found = landing.listing("saves", [FIRST], "delta")
    values = sorted(file.folder_values for file in found.files)
    assert values == [(("country", "DE"),), (("country", "F R"),), (("country", "R&D"),)]
    assert [file.stated_rows for file in found.files] == [1, 1, 1]
    assert len(list(folder.rglob("*.parquet"))) == 6
    assert {reason for _, reason in found.skipped} == {"it is no part of the table's newest version"}

    gone = found.files[0]
    Path(gone.path).unlink()
    with pytest.raises(HeldError, match="the table's log names it, and it is not there") as error:
        landing.listing("saves", [FIRST], "delta")
    assert gone.name in str(error.value)


def test_files_are_shared_by_size() -> None:
    """The largest first, each to the task that has least: 9 + 1, 9 + 1, 8 + 2, 5 + 4 for four tasks of one core."""
    files = [LandedFile("f", FIRST, f"{number}", "", size, 0) for number, size in enumerate((9, 1, 5, 4, 8, 9, 1, 2))]
    assert sorted(sum(file.size for file in share) for share in shares(files, 1)) == [9, 10, 10, 10]
    assert sorted(file.name for share in shares(files, 1) for file in share) == sorted(file.name for file in files)
    assert len(shares(files, 8)) == len(files)
    assert shares([], 2) == [[]]
