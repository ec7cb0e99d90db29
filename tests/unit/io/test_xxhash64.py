"""Spark's xxhash64 without Spark: the answers that Spark gives, read from it once; tests/spark/io/test_trained.py asks it."""

import polars as pl
import pytest

from shortlist.io.xxhash64 import hash_rows


def test_the_example_of_sparks_documentation() -> None:
    row = pl.DataFrame({"word": ["Spark"], "list": [[123]], "number": [2]})
    row = row.cast({"list": pl.List(pl.Int32), "number": pl.Int32})
    assert hash_rows(row).tolist() == [5602566077635097486]


@pytest.mark.parametrize(
    ("letters", "hashed"),
    [
        ("", 11002672306508523268),
        ("abc", 1423657621850124518),
        ("abcdefgh", 2470326616177429180),
        ("abcdefghijklm", 14726398077251879036),
        ("Zoë 李小龍", 17614767249664074938),
        ("The quick brown fox jumps over the lazy dog", 12294590083258531135),
        ("x" * 100, 365730103971579591),
    ],
)
def test_strings_by_every_way_through(letters: str, hashed: int) -> None:
    assert hash_rows(pl.DataFrame({"word": [letters]})).tolist() == [hashed]


def test_rows_are_hashed_each_for_itself() -> None:
    rows = pl.DataFrame(
        {"id": ["a", None, "", "Zoë" * 20], "factors": [[1.0, 2.0], [], None, [-0.0]]},
    ).cast({"factors": pl.List(pl.Float32)})
    together = hash_rows(rows).tolist()
    assert together == [hash_rows(rows[place]).item() for place in range(4)]
    assert len(set(together)) == 4
    # An empty list and an empty value both leave the seed of the column before.
    assert together[1] == 42


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="number is of type Int64"):
        hash_rows(pl.DataFrame({"number": [1]}))
