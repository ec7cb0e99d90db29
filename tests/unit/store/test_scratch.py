"""Warehouses that live as long as one job: gone at the end in every case, and what died is gone soon."""

import os
import time
from pathlib import Path

import pytest

from shortlist.store.filesystems import folders_in, remove_folder
from shortlist.store.scratch import SCRATCH, remove_scratch, scratch_warehouse

DAY = 24 * 3600


def left(root: Path) -> list[str]:
    return sorted(path.name for path in (root / SCRATCH).glob("*"))


def write_into(folder: str, age: float = 0) -> None:
    """A file of a table in a scratch warehouse, written some seconds ago."""
    file = Path(folder) / "engagements" / "part-0.parquet"
    file.parent.mkdir(parents=True)
    file.write_text("u1")
    os.utime(file, (time.time() - age,) * 2)


def test_it_is_below_the_warehouse_and_gone_at_the_end(tmp_path: Path) -> None:
    with scratch_warehouse(f"{tmp_path}/", "less-2017-11-09") as folder:
        assert Path(folder).parent == tmp_path / SCRATCH
        write_into(folder)
        assert left(tmp_path) == [Path(folder).name]
    assert left(tmp_path) == []


def test_it_is_gone_after_a_failure(tmp_path: Path) -> None:
    def fail() -> None:
        with scratch_warehouse(str(tmp_path), "less-2017-11-09") as folder:
            write_into(folder)
            raise RuntimeError("a step")

    with pytest.raises(RuntimeError, match="a step"):
        fail()
    assert left(tmp_path) == []


def test_one_that_was_never_written_to_leaves_nothing(tmp_path: Path) -> None:
    with scratch_warehouse(str(tmp_path), "less-2017-11-09"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_next_start_takes_away_what_a_killed_one_left_and_no_other(tmp_path: Path) -> None:
    for name in ("less-2017-11-09.0a", "less-2017-11-09.0b", "less-2017-11-10.0a", "lesser-2017-11-09.0a"):
        write_into(f"{tmp_path}/{SCRATCH}/{name}")
    with scratch_warehouse(str(tmp_path), "less-2017-11-09") as folder:
        write_into(folder)
        assert left(tmp_path) == sorted([Path(folder).name, "less-2017-11-10.0a", "lesser-2017-11-09.0a"])


def test_two_attempts_never_share_a_place(tmp_path: Path) -> None:
    with scratch_warehouse(str(tmp_path), "less") as first, scratch_warehouse(str(tmp_path), "less") as second:
        assert first != second


def test_upkeep_takes_those_that_are_quiet_and_an_erasure_takes_all(tmp_path: Path) -> None:
    assert remove_scratch(str(tmp_path)) == []
    write_into(f"{tmp_path}/{SCRATCH}/at-work.1", age=DAY - 60)
    write_into(f"{tmp_path}/{SCRATCH}/died.1", age=DAY + 60)
    assert remove_scratch(str(tmp_path)) == ["died.1"]
    assert left(tmp_path) == ["at-work.1"]
    assert remove_scratch(str(tmp_path), quiet_seconds=0) == ["at-work.1"]
    assert left(tmp_path) == []


def test_folders_of_a_folder(tmp_path: Path) -> None:
    assert folders_in(f"{tmp_path}/nowhere") == []
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    (tmp_path / "file").touch()
    assert folders_in(f"{tmp_path}/") == ["a", "b"]
    remove_folder(f"{tmp_path}/b")
    remove_folder(f"{tmp_path}/nowhere")
    assert folders_in(str(tmp_path)) == ["a"]
