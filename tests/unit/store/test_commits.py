"""A commit is asked by its version, whatever was committed since."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from shortlist.store.commits import commit_info, commit_time, read_inputs


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Version n read version 10 + n of `engagements`; version 3 says nothing."""
    path = str(tmp_path / "table")
    for number in range(3):
        stamp = CommitProperties(
            custom_metadata={"userMetadata": json.dumps({"inputs": {"engagements": 10 + number}, "attempt": number})}
        )
        write_deltalake(path, pa.table({"number": [number]}), mode="append", commit_properties=stamp)
    write_deltalake(path, pa.table({"number": [3]}), mode="append")
    return path


def log_file(table: str, version: int) -> Path:
    return Path(table) / "_delta_log" / f"{version:020d}.json"


def test_every_version_is_its_own(table: str) -> None:
    assert [read_inputs(table, version) for version in range(4)] == [
        *({"engagements": 10 + number} for number in range(3)),
        {},
    ]
    assert read_inputs(table, None) == {}
    first = commit_info(table, 0)
    assert first is not None
    assert json.loads(first["userMetadata"])["attempt"] == 0


def test_the_time_of_a_commit_stays_when_others_follow(table: str) -> None:
    file = log_file(table, 1)
    actions = [json.loads(line) for line in file.read_text().splitlines()]
    for action in actions:
        if "commitInfo" in action:
            action["commitInfo"]["timestamp"] = 1_511_997_600_500
    file.write_text("\n".join(map(json.dumps, actions)))
    assert commit_time(table, 1) == datetime(2017, 11, 29, 23, 20, 0, 500_000, UTC)
    assert commit_time(table, 3) > datetime(2026, 1, 1, tzinfo=UTC)


def test_a_commit_that_the_log_has_forgotten(table: str) -> None:
    DeltaTable(table).create_checkpoint()
    log_file(table, 1).unlink()
    assert commit_info(table, 1) is None
    assert read_inputs(table, 1) == {}
    with pytest.raises(OSError, match=r"no commit of version 1 that says its time; next: infra/shortlist verify"):
        commit_time(table, 1)


def test_a_file_that_is_no_commit(table: str) -> None:
    log_file(table, 1).write_text("{half of")
    with pytest.raises(OSError, match=r"00001\.json is no commit .*; next: infra/shortlist verify"):
        read_inputs(table, 1)
