"""What is done about ids in pages and logs; no table is needed for it."""

import json
from pathlib import Path

from shortlist.store.erased_ids import (
    commits_that_quote,
    remove_files_moved_aside,
    remove_pages_that_quote,
)
from shortlist.subjects import Subject

WHO = [Subject("user", "7"), Subject("item", 'q"ü')]


def test_a_page_that_quotes_somebody_is_removed(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "a.html").write_text("<td>77</td>")
    (tmp_path / "b.html").write_text("<td>7</td>")
    (tmp_path / "docs" / "c.html").write_text("<td>q&quot;ü</td>")
    assert remove_pages_that_quote(str(tmp_path), WHO) == ["b.html", "docs/c.html"]
    assert [path.name for path in tmp_path.rglob("*.html")] == ["a.html"]


def test_what_a_repair_moved_aside_is_removed_and_tables_stay(tmp_path: Path) -> None:
    aside = tmp_path / ".aside" / "engagements"
    aside.mkdir(parents=True)
    (aside / "part-0.parquet").write_bytes(b"PAR1")
    table = tmp_path / "engagements" / "part-1.parquet"
    table.parent.mkdir()
    table.write_bytes(b"PAR1")
    assert remove_files_moved_aside(str(tmp_path)) == [".aside/engagements/part-0.parquet"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [table]
    assert remove_files_moved_aside(str(tmp_path)) == []


def test_a_log_is_searched_for_values_only(tmp_path: Path) -> None:
    """Numbers of files and rows are no ids, however much they look like one."""
    log = tmp_path / "t" / "_delta_log"
    log.mkdir(parents=True)
    clean = {
        "add": {"path": "7.parquet", "stats": json.dumps({"numRecords": 7, "minValues": {"n": 7, "d": "2017-11-07"}})}
    }
    named = {"add": {"path": "x", "stats": json.dumps({"maxValues": {"nested": {"user_id": "7"}}})}}
    bare = {"add": {"path": "x"}}
    (log / "00.json").write_text("\n".join(map(json.dumps, [{"commitInfo": {"numFiles": "7"}}, clean, bare])))
    (log / "01.json").write_text(json.dumps(named))
    assert commits_that_quote([("t", str(tmp_path / "t"))], WHO) == ["t/_delta_log/01.json"]
