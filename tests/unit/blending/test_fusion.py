"""Fusion by hand: 1 / (constant + rank), the fallback below everything."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortlist.blending.fusion import Fusion, fuse_rows, whole_subjects

NAMES = ["als", "cooccurrence", "popularity"]
LISTS = st.dictionaries(
    st.sampled_from(["s", "t", "ü"]),
    st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)),
)
Row = tuple[str, str, int, str, str | None]
PROPOSED: list[Row] = [
    ("s", "als", 1, "a", None),
    ("s", "als", 2, "b", None),
    ("s", "cooccurrence", 1, "b", "seed"),
    ("s", "cooccurrence", 2, "c", "other"),
    ("s", "popularity", 1, "p", None),
    ("s", "popularity", 2, "a", None),
    ("t", "popularity", 1, "p", None),
]


def rows_of(lists: dict[str, dict[str, list[str]]]) -> list[Row]:
    """Only co-occurrence knows why."""
    return [
        (subject, source, rank, item, f"why {item}" if source == "cooccurrence" else None)
        for subject, by_source in sorted(lists.items())
        for source, items in by_source.items()
        for rank, item in enumerate(items, start=1)
    ]


def table_of(rows: list[Row]) -> pa.Table:
    columns = ["subject_id", "source", "rank", "item_id", "because_item_id"]
    kinds = [pa.string(), pa.string(), pa.int32(), pa.string(), pa.string()]
    return pa.table({name: pa.array([row[n] for row in rows], kinds[n]) for n, name in enumerate(columns)})


def by_hand(rows: list[Row], fusion: Fusion) -> list[tuple[object, ...]]:
    fused: list[tuple[object, ...]] = []
    for subject in sorted({row[0] for row in rows}):
        scores = {}
        for item in {row[3] for row in rows if row[0] == subject}:
            given_by = [row for row in rows if (row[0], row[3]) == (subject, item)]
            best = min(given_by, key=lambda row: (row[1] == "popularity", row[2], NAMES.index(row[1])))
            whole = sum(round(10**12 / (fusion.constant + row[2])) for row in given_by if row[1] != "popularity")
            score = whole / 10**12 if whole else -float(best[2])
            why = next((row[4] for row in given_by if row[4]), None)
            scores[item] = (score, best[1], sorted(row[1] for row in given_by), why)
        ranked = sorted(scores.items(), key=lambda entry: (-entry[1][0], entry[0]))[: fusion.k]
        fused += [(subject, rank, item, *facts) for rank, (item, facts) in enumerate(ranked, start=1)]
    return fused


def test_ranks_add_up_and_the_fallback_only_fills() -> None:
    found = fuse_rows(table_of(PROPOSED), Fusion(NAMES[:2], NAMES[2], k=10, constant=1)).to_pylist()
    keys = ["subject_id", "rank", "item_id", "source", "sources", "because_item_id"]
    assert [tuple(row[key] for key in keys) for row in found] == [
        ("s", 1, "b", "cooccurrence", ["als", "cooccurrence"], "seed"),
        ("s", 2, "a", "als", ["als", "popularity"], None),
        ("s", 3, "c", "cooccurrence", ["cooccurrence"], "other"),
        ("s", 4, "p", "popularity", ["popularity"], None),
        ("t", 1, "p", "popularity", ["popularity"], None),
    ]
    assert [row["score"] for row in found] == pytest.approx([1 / 3 + 1 / 2, 1 / 2, 1 / 3, -1.0, -1.0], abs=1e-12)


def test_k_cuts_and_ties_go_by_item() -> None:
    rows: list[Row] = [("s", "als", 1, "z", None), ("s", "cooccurrence", 1, "y", None)]
    (only,) = fuse_rows(table_of(rows), Fusion(NAMES[:2], None, k=1, constant=60)).to_pylist()
    assert only["item_id"] == "y"


@given(LISTS, st.integers(1, 7), st.integers(1, 4))
def test_any_lists_are_fused_as_by_hand_however_they_are_cut(
    lists: dict[str, dict[str, list[str]]], k: int, width: int
) -> None:
    rows, fusion = rows_of(lists), Fusion(NAMES[:2], NAMES[2], k, 60)
    batches = table_of(rows).to_batches(max_chunksize=width)
    found = [tuple(row.values()) for whole in whole_subjects(batches) for row in fuse_rows(whole, fusion).to_pylist()]
    assert found == by_hand(rows, fusion)
