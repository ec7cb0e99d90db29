"""Odd ids through published tables and the command line: kept letter by letter, and never obeyed by a terminal."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.odd import EVERY_ID
from tests.published import frame_of, lists, publish, write
from tests.unit.cli.conftest import D2, D3, Shortlist

LISTS = dict.fromkeys(EVERY_ID.values(), "ab")
_AT = datetime(2017, 11, 29, tzinfo=UTC)


@pytest.fixture
def odd(warehouse: Path) -> Path:
    """Every odd id has a list, and is an item of the list of one of them."""
    for day in (D2, D3):
        publish(warehouse, "homefeed", day, LISTS)
    interactions = [
        {"user_id": user, "item_id": item, "weight": 1.0, "events": 1, "last_ts": _AT, "hidden": False, "run_date": D3}
        for user in EVERY_ID.values()
        for item in EVERY_ID.values()
    ]
    write(warehouse, "interactions", "interactions", interactions)
    return warehouse


def words(name: str) -> list[str]:
    """After `--`, or an id that begins with a dash would be taken for an option."""
    return ["--", "homefeed", EVERY_ID[name]]


@pytest.mark.parametrize("name", EVERY_ID)
def test_show_and_why_know_an_odd_id_letter_by_letter(odd: Path, shortlist: Shortlist, name: str) -> None:
    shown = shortlist("show", "--json", *words(name))
    assert shown.code == 0, shown.err
    assert shown.facts["subject"] == EVERY_ID[name]
    assert [row["item_id"] for row in shown.facts["candidates"]] == ["a", "b"]
    why = shortlist("why", "--json", *words(name), "a")
    assert (why.code, why.facts["subject"], why.facts["item"]) == (0, EVERY_ID[name], "a")
    assert "published" in why.facts["verdict"]
    lost = shortlist("why", "--json", *words(name)[:2], "o'br\"ien`s", EVERY_ID[name])
    assert (lost.code, lost.facts["item"]) == (0, EVERY_ID[name])
    for answer in (shortlist("show", *words(name)), shortlist("why", *words(name), "a")):
        assert answer.code == 0
        assert not set(answer.out) & {"\x1b", "\x07", "\r", "\u202e", "\u200b"}


def test_an_id_is_no_other_id(odd: Path, shortlist: Shortlist) -> None:
    for other in ("a  b", "12", "zoë", "O'BR\"IEN`S", "x" * 9_999, "100%"):
        asked = shortlist("show", "--json", "--", "homefeed", other)
        assert asked.code == 0
        assert asked.facts["candidates"] == []


def test_verify_and_diff_read_them_all(odd: Path, shortlist: Shortlist) -> None:
    verified = shortlist("verify", "--json")
    assert (verified.code, verified.facts["days"], verified.facts["findings"]) == (0, 2, [])
    compared = shortlist("diff", "--json", "homefeed", str(D2), str(D3))
    assert compared.code == 0
    assert frame_of("candidates", lists(LISTS, D3))["subject_id"].n_unique() == len(EVERY_ID)
