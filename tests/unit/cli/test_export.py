"""Lists of published days as files for a key-value store, by hand."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from shortlist.cli.export import changes
from tests.published import publish
from tests.unit.cli.conftest import D2, D3, Shortlist

DAYS = ("2017-11-23", "2017-11-30")


@pytest.fixture
def two_days(warehouse: Path) -> Path:
    """u1 gets another list, u2 keeps its, u3 loses its, u4 gets its first; u5's items change places."""
    publish(warehouse, "homefeed", D2, {"u1": "ab", "u2": "b", "u3": "bd", "u5": "ab"})
    publish(warehouse, "homefeed", D3, {"u1": "ca", "u2": "b", "u4": "c", "u5": "ba"})
    return warehouse


def rows_of(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".parquet":
        return pl.read_parquet(file).to_dicts()
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def load(store: dict[str, Any], file: Path) -> None:
    """As somebody who fills a key-value store does it."""
    for row in rows_of(file):
        if row["operation"] == "delete":
            store.pop(row["subject_id"], None)
        else:
            store[row["subject_id"]] = row["candidates"]


def test_a_whole_day(two_days: Path, shortlist: Shortlist, tmp_path: Path) -> None:
    file = tmp_path / "lists.jsonl"
    facts = shortlist("export", "homefeed", "--into", str(file), "--day", DAYS[0], "--json").facts
    assert (facts["upserts"], facts["deletes"], facts["unchanged"]) == (4, 0, 0)
    first, *others = rows_of(file)
    assert [row["subject_id"] for row in others] == ["u2", "u3", "u5"]
    assert (first["subject_id"], first["operation"], first["run_date"]) == ("u1", "upsert", DAYS[0])
    assert [(each["rank"], each["item_id"], each["score"]) for each in first["candidates"]] == [
        (1, "a", 1.0),
        (2, "b", 0.5),
    ]
    said = {"rank", "item_id", "score", "source", "sources", "reason", "expires_at", "campaign", "slot", "propensity"}
    said |= {"condition", "relation"}
    assert set(first["candidates"][0]) == said


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_changes(two_days: Path, shortlist: Shortlist, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"changes.{ending}"
    answer = shortlist("export", "homefeed", "--into", str(file), "--changes", *DAYS)
    assert answer.code == 0, answer.err
    assert "3 lists to write, 1 to delete, 1 unchanged" in answer.out
    operations = [(row["subject_id"], row["operation"], str(row["run_date"])) for row in rows_of(file)]
    assert operations == [
        (user, what, DAYS[1])
        for user, what in zip(["u1", "u3", "u4", "u5"], ["upsert", "delete", "upsert", "upsert"], strict=True)
    ]
    assert [row["candidates"] is None for row in rows_of(file)] == [False, True, False, False]


@pytest.mark.parametrize("columns", [[], ["item_id"], ["item_id", "score"]])
def test_a_store_that_had_the_first_day_has_the_second_however_often_it_loads(
    two_days: Path, shortlist: Shortlist, tmp_path: Path, columns: list[str]
) -> None:
    chosen = [word for name in columns for word in ("--column", name)]
    files = {name: tmp_path / f"{name}.jsonl" for name in ("first", "second", "changes")}
    wanted = {"first": ["--day", DAYS[0]], "second": ["--day", DAYS[1]], "changes": ["--changes", *DAYS]}
    for name, file in files.items():
        assert shortlist("export", "homefeed", "--into", str(file), *wanted[name], *chosen).code == 0
    store, fresh = dict[str, Any](), dict[str, Any]()
    load(fresh, files["second"])
    load(store, files["first"])
    assert store != fresh
    for _ in range(2):
        load(store, files["changes"])
        assert store == fresh


def lists(**of: list[tuple[str, float]] | None) -> pl.DataFrame:
    whole = [
        None if each is None else [{"item_id": item, "score": score} for item, score in each] for each in of.values()
    ]
    candidates = pl.List(pl.Struct({"item_id": pl.String, "score": pl.Float64}))
    return pl.DataFrame(
        {"subject_id": list(of), "candidates": whole}, {"subject_id": pl.String, "candidates": candidates}
    )


def test_a_list_differs_by_any_column_by_order_and_by_length() -> None:
    before = lists(same=[("a", 1.0)], score=[("a", 1.0)], order=[("a", 1.0), ("b", 1.0)], longer=[("a", 1.0)])
    after = lists(
        same=[("a", 1.0)], score=[("a", 0.5)], order=[("b", 1.0), ("a", 1.0)], longer=[("a", 1.0), ("b", 0.1)]
    )
    assert changes(before, after)["subject_id"].to_list() == ["longer", "order", "score"]
    assert changes(after, after).height == 0


def test_a_file_is_replaced_only_when_asked_and_never_by_half(
    two_days: Path, shortlist: Shortlist, tmp_path: Path
) -> None:
    file = tmp_path / "lists.jsonl"
    file.write_text("mine", encoding="utf-8")
    answer = shortlist("export", "homefeed", "--into", str(file))
    assert (answer.code, file.read_text(encoding="utf-8")) == (2, "mine")
    assert "pass --replace" in answer.err
    assert shortlist("export", "homefeed", "--into", str(file), "--replace").code == 0
    assert len(rows_of(file)) == 4
    assert [each.name for each in tmp_path.glob("*lists*")] == ["lists.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--into", "lists.csv"], "--into 'lists.csv': must end in .parquet or .jsonl"),
        (["--into", "nowhere/lists.jsonl"], "its folder does not exist"),
        (["--into", "lists.jsonl", "--column", "price"], "--column 'price': is none of rank, item_id, score"),
        (["--into", "lists.jsonl", "--column", "run_id"], "--column 'run_id': is none of"),
        (["--into", "lists.jsonl", "--changes", "2017-11-16", DAYS[1]], "nothing is published for 2017-11-16"),
        (["--into", "lists.jsonl", "--changes", DAYS[0], "today"], "--changes 'today': is no day"),
        (["--into", "lists.jsonl", "--changes", *DAYS, "--day", DAYS[0]], "--day '2017-11-23': names one day"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_nothing_is_written(
    two_days: Path,
    shortlist: Shortlist,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    answer = shortlist("export", "homefeed", *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert list((tmp_path / "here").iterdir()) == []


def test_the_served_day_is_the_default(two_days: Path, shortlist: Shortlist, tmp_path: Path) -> None:
    facts = shortlist("export", "homefeed", "--into", str(tmp_path / "lists.parquet"), "--json").facts
    assert (facts["first"], facts["second"]) == (None, date(2017, 11, 30).isoformat())
