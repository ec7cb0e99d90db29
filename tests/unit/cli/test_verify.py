"""Every kind of damage is found, said and, where it is safe, mended; a whole warehouse has none."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from shortlist.config import load_settings
from shortlist.store.inspection import Kind
from tests.published import publish
from tests.unit.cli.conftest import D2, D3, LISTS, Shortlist
from tests.unit.cli.damage import DAMAGES
from tests.unit.cli.harms import TABLE, checkpoint, data, publish_three_days, train, truncate
from tests.unit.reports.world import manifest


@pytest.fixture
def published(warehouse: Path) -> Path:
    """Three days of one surface."""
    publish_three_days(warehouse)
    return warehouse


def wrong_tables(facts: Any) -> set[str]:
    return {finding["table"] for finding in facts["findings"] if finding["wrong"]}


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


def test_every_kind_of_finding_is_planted() -> None:
    planted = {damage.kind for damage in DAMAGES.values()}
    assert planted == set(get_args(Kind)), "next: plant it in tests/unit/cli/damage.py"


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_found_said_and_has_a_next_step(published: Path, shortlist: Shortlist, name: str) -> None:
    damage = DAMAGES[name]
    damage.harm(published)
    answer = shortlist("verify", "--json")
    assert (answer.code, answer.facts["ok"]) == ((3, False) if damage.wrong else (0, True))
    found = [
        each
        for each in answer.facts["findings"]
        if (each["kind"], each["wrong"]) == (damage.kind, damage.wrong) and damage.says in each["says"]
    ]
    assert {each["table"] for each in found} == set(damage.tables), answer.facts["findings"]
    assert all(damage.mend in each["mend"] for each in found), found
    assert all(each["mend"] for each in answer.facts["findings"])
    elsewhere = wrong_tables(shortlist("verify", "related", "--json").facts)
    assert elsewhere == wrong_tables(answer.facts) & {"publications"}


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
    DAMAGES["other columns"].harm(published)
    (found,) = (each for each in shortlist("verify", "--json").facts["findings"] if each["kind"] == "schema_drift")
    for part in ("column item_id is missing", "column rank is double, not integer", "column subject_id may be empty"):
        assert part in found["says"]


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
    """Every file of the warehouse but locks, by path."""
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file() and ".locks" not in path.parts}


@pytest.mark.parametrize("name", DAMAGES)
def test_repair_moves_aside_what_verify_says_it_moves_and_nothing_else(
    published: Path, shortlist: Shortlist, name: str
) -> None:
    damage = DAMAGES[name]
    damage.harm(published)
    before, found = files(published), shortlist("verify", "--json").facts["findings"]
    said = {each["table"] for each in found if "shortlist repair moves" in each["mend"]}
    assert said == (set(damage.tables) if damage.mended else set())
    answer = shortlist("repair", "--yes", "--older-than", "0", "--json")
    right = damage.mended or not damage.wrong
    assert (answer.code, answer.facts["ok"], answer.facts["left"] == []) == (0 if right else 3, right, right)
    done = answer.facts["done"]
    assert {each["table"] for each in done} == said
    assert all(each["moved_to"].startswith(f"{published}/.aside/{each['table']}/") for each in done)
    moved = {each["file"]: each["moved_to"] for each in done}
    assert files(published) == {moved.get(path, path): content for path, content in before.items()}
    assert shortlist("repair", "--yes", "--older-than", "0", "--json").facts["done"] == []


@pytest.mark.parametrize("name", ["leftovers of a writer", "last commit empty", "checkpoint broken"])
def test_what_could_be_moved_waits_for_publications_that_cannot_be_read(
    published: Path, shortlist: Shortlist, name: str
) -> None:
    damage = DAMAGES[name]
    damage.harm(published)
    DAMAGES["publications broken"].harm(published)
    before = files(published)
    found = shortlist("verify", "--json").facts["findings"]
    (named,) = (each["mend"] for each in found if (each["table"], each["kind"]) == (TABLE, damage.kind))
    assert named == "mend publications first, then verify again"
    assert shortlist("repair", "--yes", "--older-than", "0", "--json").facts["done"] == []
    assert files(published) == before


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
