"""Files by path and by URL."""

from pathlib import Path

import pytest

from shortlist.store.filesystems import files_below, move_file, read_whole
from tests.names import NAMES


@pytest.mark.parametrize("scheme", ["", "file://"], ids=["folder", "URL"])
@pytest.mark.parametrize("name", [*NAMES, "a\\b.json"])  # SeaweedFS takes a \ for a /
def test_a_file_is_found_by_its_name(tmp_path: Path, scheme: str, name: str) -> None:
    (tmp_path / name).write_bytes(b"{}")
    root = f"{scheme}{tmp_path}"
    assert list(files_below(root)) == [name]
    assert read_whole(f"{root}/{name}") == b"{}"
    move_file(f"{root}/{name}", f"{root}/moved {name}")
    assert list(files_below(root)) == [f"moved {name}"]
