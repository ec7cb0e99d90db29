"""Every kind of damage is found, said and, where it is safe, mended; a whole warehouse has none."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType

from shortlist.config import load_settings
from tests.published import announce, commit, create, decide, publish, write
from tests.unit.cli.conftest import D1, D2, D3, LISTS, Shortlist
from tests.unit.cli.night import write_night
from tests.unit.cli.test_verify_models import train
from tests.unit.reports.world import manifest

TABLE = "candidates_homefeed"


@pytest.fixture
def published(warehouse: Path) -> Path:
    """Three days of one surface: version 0 makes the table, 1 to 3 publish."""
    for day in (D1, D2, D3):
        publish(warehouse, "homefeed", day, LISTS)
    return warehouse


def log(root: Path, version: int, table: str = TABLE) -> Path:
    return root / table / "_delta_log" / f"{version:020}.json"


def data(root: Path, day: object = D2) -> Path:
    (file,) = (root / TABLE / f"run_date={day}").glob("*.parquet")
    return file


def keep_lines(file: Path, count: int) -> None:
    file.write_text("\n".join(file.read_text().splitlines()[:count]))


def checkpoint(root: Path) -> tuple[Path, Path]:
    DeltaTable(str(root / TABLE)).create_checkpoint()
    folder = root / TABLE / "_delta_log"
    return folder / f"{3:020}.checkpoint.parquet", folder / "_last_checkpoint"


def wrong(facts: Any) -> set[str]:
    return {finding["kind"] for finding in facts["findings"] if finding["wrong"]}


def test_a_whole_warehouse(published: Path, shortlist: Shortlist) -> None:
    publish(published, "related", D3, LISTS)
    train(published, D3)
    checkpoint(published)
    answer = shortlist("verify", "--json")
    assert (answer.code, answer.facts["ok"], answer.facts["findings"], answer.facts["days"]) == (0, True, [], 4)
    assert answer.facts["tables"] == ["publications", "item_factors", "user_factors", TABLE, "candidates_related"]
    assert answer.facts["models"] == 1
    assert "nothing is wrong" in shortlist("verify").out


def test_a_table_that_was_not_restored_or_is_older_than_its_manifests_is_named(
    home: Path, published: Path, shortlist: Shortlist
) -> None:
    settings = load_settings(home / "shortlist.yaml")
    manifest(settings, "publish_candidates", D3, outputs={f"{TABLE}/run_date={D3}": 3})
    # Of an earlier night, after which the table was made anew: the newest night counts.
    manifest(settings, "publish_candidates", D2, outputs={f"{TABLE}/run_date={D2}": 80})
    assert shortlist("verify", "--json").facts["findings"] == []
    manifest(
        settings, "build_interactions", D2, outputs={f"interactions/run_date={D2}": 7, f"baskets/run_date={D2}": 7}
    )
    manifest(settings, "publish_candidates", D3, outputs={f"{TABLE}/run_date={D3}": 4, "candidates_of_old/x": 2})
    answer = shortlist("verify", "--json")
    assert answer.code == 3
    assert {(finding["table"], finding["kind"], finding["says"]) for finding in answer.facts["findings"]} == {
        ("interactions", "gone", "is not there, and build_interactions of 2017-11-23 wrote its version 7"),
        ("baskets", "gone", "is not there, and build_interactions of 2017-11-23 wrote its version 7"),
        (TABLE, "older_than_recorded", "its newest version is 3, and publish_candidates of 2017-11-30 wrote version 4"),
    }


def test_no_warehouse_yet(shortlist: Shortlist) -> None:
    assert shortlist("verify", "--json").facts == {
        "command": "verify",
        "format": 1,
        "ok": True,
        "tables": [],
        "days": 0,
        "models": 0,
        "findings": [],
    }


def truncate(root: Path) -> None:
    content = data(root).read_bytes()
    data(root).write_bytes(content[: len(content) // 2])


def flip(root: Path) -> None:
    """One bit of a score: the file opens, its footer is right, its length is right."""
    file = data(root)
    content = bytearray(file.read_bytes())
    place = content.find(b"goes with")  # in the dictionary page of the reasons
    content[place if place >= 0 else 60] ^= 1
    file.write_bytes(content)


def other_rows(root: Path) -> None:
    """Somebody wrote the day anew and changed publications' version by hand: digest and rows tell."""
    version = commit(root, "homefeed", D2, {"u1": "ba", "u2": "b"}, 2)
    announced = pl.read_delta(str(root / "publications")).filter(run_date=D2).row(0, named=True)
    facts = {name: announced[name] for name in ("rows", "subjects", "digest")}
    decide(root, "homefeed", D2, "published", version, **facts)


def gap_and_empty_end(root: Path) -> None:
    log(root, 2).unlink()
    log(root, 4).write_bytes(b"")


def no_such_version(root: Path) -> None:
    announce(root, "homefeed", D3, LISTS, 9)


def drift(root: Path) -> None:
    DeltaTable(str(root / TABLE)).alter.add_columns([Field("price", PrimitiveType("double"))])


def raise_protocol(root: Path) -> None:
    DeltaTable(str(root / TABLE)).alter.set_table_properties({"delta.enableChangeDataFeed": "true"})


@pytest.mark.parametrize(
    ("harm", "kind", "said"),
    [
        (truncate, "truncated_file", "bytes instead of"),
        (lambda root: data(root).unlink(), "missing_file", "does not exist"),
        (flip, "other_rows", "2017-11-23 at version 2"),
        (other_rows, "other_rows", "digest"),
        (lambda root: log(root, 3).write_bytes(b""), "zero_byte_commit", "commit 3 cannot be used: it is empty"),
        (lambda root: log(root, 2).write_bytes(b""), "zero_byte_commit", "commit 2 cannot be used: it is empty"),
        (lambda root: log(root, 2).write_text("{oops"), "broken_commit", "commit 2 cannot be used: it is no JSON"),
        (
            lambda root: keep_lines(log(root, 2), 1),
            "broken_commit",
            "its end is lost: it should add 1 file(s), and names 0",
        ),
        (lambda root: log(root, 2).unlink(), "missing_commit", "commits are missing: 2, and the newest version cannot"),
        (lambda root: log(root, 0).unlink(), "missing_commit", "the log begins with version 1"),
        (
            lambda root: shutil.copy(log(root, 3), log(root, 4)),
            "duplicated_commit",
            "commit 4 is a copy of commit 3",
        ),
        (lambda root: checkpoint(root)[0].write_bytes(b"PAR1"), "broken_checkpoint", "checkpoint 3 cannot be used"),
        (lambda root: checkpoint(root)[1].write_text("{"), "broken_last_checkpoint", "_last_checkpoint: it cannot"),
        (
            lambda root: checkpoint(root)[0].unlink(),
            "broken_last_checkpoint",
            "it names checkpoint 3, which does not exist",
        ),
        (no_such_version, "no_such_version", "publications names a version that does not exist, the newest is 3"),
        (drift, "schema_drift", "column price is not in the contract"),
        (raise_protocol, "protocol", "protocol is reader 1 / writer 4, not 1 / 2"),
        (
            lambda root: commit(root, "homefeed", D3, {"u1": "b"}, 2),
            "not_announced",
            "the newest version holds other files of 2017-11-30 than version 3",
        ),
        (
            lambda root: commit(root, "homefeed", D3.replace(day=29), {"u1": "b"}, 2),
            "not_announced",
            "holds 2017-11-29, which was never announced",
        ),
    ],
)
def test_damage_is_found_said_and_has_a_next_step(
    published: Path, shortlist: Shortlist, harm: Callable[[Path], object], kind: str, said: str
) -> None:
    harm(published)
    answer = shortlist("verify", "homefeed", "--json")
    assert answer.code == 3
    assert not answer.facts["ok"]
    assert kind in wrong(answer.facts)
    found = [each for each in answer.facts["findings"] if each["kind"] == kind]
    assert any(said in each["says"] for each in found), found
    assert all(each["table"] == TABLE and each["mend"] for each in found)
    assert wrong(shortlist("verify", "related", "--json").facts) == set()


def test_a_log_that_was_cut_at_its_end_is_told_by_who_read_it(warehouse: Path, shortlist: Shortlist) -> None:
    write_night(warehouse)
    assert shortlist("verify").code == 0
    log(warehouse, 1, "interactions").unlink()
    (found,) = (each for each in shortlist("verify", "--json").facts["findings"] if each["wrong"])
    assert (found["table"], found["kind"]) == ("interactions", "missing_commit")
    assert "publisher of homefeed 2017-11-30 read version 1, the newest is 0" in found["says"]


def test_a_commit_that_lost_its_last_lines_would_double_rows_and_is_found(
    warehouse: Path, shortlist: Shortlist
) -> None:
    """A day written anew whose commit lost what it removes: both writings stand, and every reader opens the table."""
    rows = [{"id": "u1", "factors": [1.0], "run_date": D3}]
    for _ in range(2):
        write(warehouse, "user_factors", "user_factors", rows)
    last = log(warehouse, 2, "user_factors")
    lines = last.read_text().splitlines()
    last.write_text("\n".join(line for line in lines if not line.startswith('{"remove"')))
    assert len(pl.read_delta(str(warehouse / "user_factors"))) == 2
    (found,) = (each for each in shortlist("verify", "--json").facts["findings"] if each["wrong"])
    assert (found["table"], found["kind"]) == ("user_factors", "broken_commit")
    assert "it should remove 1 file(s), and names 0" in found["says"]


def cut(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "harm",
    [
        Path.unlink,
        cut,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"\x00\xff garbage\n{}\n[1]\n"),
    ],
    ids=["removed", "cut", "emptied", "garbage"],
)
def test_no_file_can_be_lost_without_a_word(
    published: Path, shortlist: Shortlist, tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    """Every file of the tables that readers are served from, one after the other; and verify never breaks over it."""
    checkpoint(published)
    whole = tmp_path / "whole"
    shutil.copytree(published, whole)
    kept = [
        file.relative_to(whole) for file in sorted(whole.rglob("*")) if file.is_file() and ".locks" not in file.parts
    ]
    assert len(kept) > 12
    unnoticed = []
    for name in kept:
        shutil.rmtree(published)
        shutil.copytree(whole, published)
        harm(published / name)
        code = shortlist("verify").code
        assert code in (0, 3), name
        if code == 0:
            unnoticed.append(name.name)
    # Without it readers list the log: slower, and right.
    assert set(unnoticed) <= {"_last_checkpoint"}


def test_columns_that_went_away_or_changed_are_named(published: Path, shortlist: Shortlist) -> None:
    shutil.rmtree(published / TABLE)
    rows = pl.DataFrame({"subject_id": ["u1"], "rank": [1.5], "run_date": [D3]})
    rows.write_delta(published / TABLE, delta_write_options={"partition_by": ["run_date"]})
    (found,) = (each for each in shortlist("verify", "--json").facts["findings"] if each["kind"] == "schema_drift")
    for part in ("column item_id is missing", "column rank is double, not integer", "column subject_id may be empty"):
        assert part in found["says"]


def test_a_table_from_before_a_column_that_may_be_empty_is_a_note(warehouse: Path, shortlist: Shortlist) -> None:
    """Spark adds such a column with the next commit."""
    create(str(warehouse / TABLE), "candidates", without=("expires_at",))
    answer = shortlist("verify", "--json")
    (found,) = answer.facts["findings"]
    assert (answer.code, found["kind"], found["wrong"]) == (0, "older_schema", False)
    assert "gained expires_at" in found["says"]


def test_leftovers_are_notes(published: Path, shortlist: Shortlist) -> None:
    (published / TABLE / "_delta_log" / ".00000000000000000004.json.1.tmp").write_text("{")
    (published / TABLE / "_delta_log" / "copy of 3.json").write_text("{}")
    shutil.copy(data(published), published / TABLE / "run_date=2017-11-23" / "part-orphan.parquet")
    answer = shortlist("verify", "--json")
    assert answer.code == 0
    kinds = {finding["kind"]: finding for finding in answer.facts["findings"]}
    assert set(kinds) == {"unfinished_files", "strange_file", "orphan_files"}
    assert "part-orphan.parquet" in kinds["orphan_files"]["says"]


def test_a_withdrawn_day_is_read_only_when_all_are_asked_for(published: Path, shortlist: Shortlist) -> None:
    assert shortlist("rollback", "homefeed", "--yes").code == 0
    assert shortlist("verify", "--json").facts["days"] == 2
    data(published, D3).unlink()
    assert shortlist("verify", "--json").code == 0
    answer = shortlist("verify", "--json", "--all")
    assert (answer.code, answer.facts["days"]) == (0, 3)
    (note,) = answer.facts["findings"]
    assert (note["kind"], note["wrong"]) == ("other_rows", False)


def files(root: Path) -> dict[str, bytes]:
    """Every file of the warehouse but locks, by name: what moved keeps its content."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".locks" not in path.parts
    }


@pytest.mark.parametrize(
    "harm",
    [
        lambda root: checkpoint(root)[0].write_bytes(b"PAR1"),
        lambda root: checkpoint(root)[1].write_text("{"),
        lambda root: log(root, 4).write_bytes(b""),
        lambda root: shutil.copy(log(root, 3), log(root, 4)),
    ],
    ids=["checkpoint", "_last_checkpoint", "empty last commit", "copied last commit"],
)
def test_repair_moves_aside_what_is_not_needed(
    published: Path, shortlist: Shortlist, harm: Callable[[Path], object]
) -> None:
    harm(published)
    before = files(published)
    assert shortlist("verify").code == 3
    answer = shortlist("repair", "--yes", "--json")
    assert (answer.code, answer.facts["ok"], answer.facts["left"]) == (0, True, [])
    assert answer.facts["done"]
    assert sorted(files(published).values()) == sorted(before.values())
    assert all(Path(each["moved_to"]).is_file() and ".aside" in each["moved_to"] for each in answer.facts["done"])
    assert shortlist("verify", "--json").facts["days"] == 3
    again = shortlist("repair", "--yes", "--json")
    assert (again.code, again.facts["done"]) == (0, [])


@pytest.mark.parametrize(
    "harm",
    [
        lambda root: log(root, 3).write_bytes(b""),  # publications names version 3
        lambda root: log(root, 2).write_bytes(b""),  # not the last one
        lambda root: log(root, 2).unlink(),
        gap_and_empty_end,
        truncate,
        lambda root: data(root).unlink(),
    ],
    ids=["published commit is empty", "older commit is empty", "commit is gone", "both", "cut file", "file is gone"],
)
def test_repair_leaves_alone_what_it_cannot_mend_and_says_so(
    published: Path, shortlist: Shortlist, harm: Callable[[Path], object]
) -> None:
    harm(published)
    before = files(published)
    answer = shortlist("repair", "--yes", "--json")
    assert answer.code == 3
    assert answer.facts["done"] == []
    assert answer.facts["left"]
    assert files(published) == before


def test_a_broken_checkpoint_is_kept_where_the_commits_are_gone(published: Path, shortlist: Shortlist) -> None:
    """It may hold the only copy of the state; somebody may still read parts of it."""
    checkpoint(published)[0].write_bytes(b"PAR1")
    log(published, 0).unlink()
    assert shortlist("repair", "--yes", "--json").facts["done"] == []


def test_leftovers_are_moved_when_they_are_old(published: Path, shortlist: Shortlist) -> None:
    left = published / TABLE / "_delta_log" / "_commit_1.json.tmp"
    left.write_text("{")
    assert shortlist("repair", "--yes", "--json").facts["done"] == []
    os.utime(left, (0, 0))
    assert [each["file"] for each in shortlist("repair", "--yes", "--json").facts["done"]] == [str(left)]
    assert not left.exists()


def test_repair_asks_first(published: Path, shortlist: Shortlist, monkeypatch: pytest.MonkeyPatch) -> None:
    _, last = checkpoint(published)
    last.write_text("{")
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    answer = shortlist("repair")
    assert answer.code == 2
    assert "_last_checkpoint" in answer.err
    assert last.exists()


def test_json_is_an_object_a_program_can_read(published: Path, shortlist: Shortlist) -> None:
    truncate(published)
    facts = json.loads(shortlist("verify", "--json").out)
    assert set(facts) == {"command", "format", "ok", "tables", "days", "models", "findings"}
    assert set(facts["findings"][0]) == {"table", "kind", "wrong", "says", "mend"}
