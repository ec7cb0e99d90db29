"""Fusion by hand: 1 / (constant + rank), the fallback below everything."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shortlist.blending.fusion import Fusion, fuse, proposers
from shortlist.blending.slots import fill_slots
from shortlist.kernels.candidates import proposal_ranks
from shortlist.kernels.ranking import best_first
from shortlist.sources.batch import CandidateSet

NAMES = ["als", "cooccurrence", "popularity"]
FUSION = Fusion(NAMES[:2], NAMES[2], 60)
LISTS = st.lists(
    st.fixed_dictionaries({name: st.lists(st.integers(0, 5), unique=True, max_size=6) for name in NAMES}), min_size=1
)


def proposals_of(lists: list[dict[str, list[int]]]) -> NDArray[np.int32]:
    found = np.full((len(NAMES), len(lists), 6), -1, np.int32)
    for source, name in enumerate(NAMES):
        for subject, by_source in enumerate(lists):
            found[source, subject, : len(by_source.get(name, []))] = by_source.get(name, [])
    return found


def union_of(lists: list[dict[str, list[int]]]) -> CandidateSet:
    unions = [sorted({item for items in by_source.values() for item in items}) for by_source in lists]
    starts = np.cumsum([0, *map(len, unions)])
    return CandidateSet(starts, np.array([item for union in unions for item in union], np.int32))


Row = tuple[int, int, int, float, str, list[str]]


def fused(lists: list[dict[str, list[int]]], k: int, fusion: Fusion) -> list[Row]:
    """subject, rank, item, score, source, sources."""
    candidates = union_of(lists)
    ranks = proposal_ranks(proposals_of(lists), candidates.rows)[: len(fusion.names)]
    ranked = fuse(ranks, fusion)
    scores, winners = ranked.scores, ranked.winners(np.arange(len(candidates.items)))
    ordered = best_first(candidates.starts, scores)
    owners = np.repeat(np.arange(len(lists)), np.diff(candidates.starts))
    filled = fill_slots(owners, np.ones(len(ordered), np.bool_), len(lists), k)
    starts, listed = filled.starts, ordered[filled.listed]
    sources = proposers(ranks[:, listed], fusion.names).to_pylist()
    subjects = np.repeat(np.arange(len(lists)), np.diff(starts))
    return [
        (
            int(subject),
            place - int(starts[subject]) + 1,
            int(candidates.items[listed[place]]),
            float(scores[listed[place]]),
            fusion.names[winners[listed[place]]],
            sources[place],
        )
        for place, subject in enumerate(subjects)
    ]


def by_hand(lists: list[dict[str, list[int]]], k: int) -> list[Row]:
    rows: list[Row] = []
    for subject, by_source in enumerate(lists):
        found = []
        for item in {item for items in by_source.values() for item in items}:
            ranks = {name: items.index(item) + 1 for name, items in by_source.items() if item in items}
            best = min(ranks, key=lambda name: (name == "popularity", ranks[name], NAMES.index(name)))
            whole = sum(round(10**12 / (60 + rank)) for name, rank in ranks.items() if name != "popularity")
            score = whole / 10**12 if whole else -float(ranks[best])
            found.append((-score, item, best, sorted(ranks)))
        ranked = sorted(found)[:k]
        rows += [(subject, rank, item, -lost, best, names) for rank, (lost, item, best, names) in enumerate(ranked, 1)]
    return rows


def test_ranks_add_up_and_the_fallback_only_fills() -> None:
    # Items a, b, c, p are 0, 1, 2, 3.
    lists = [{"als": [0, 1], "cooccurrence": [1, 2], "popularity": [3, 0]}, {"popularity": [3]}]
    found = fused(lists, 10, Fusion(NAMES[:2], NAMES[2], 1))
    assert [(row[0], row[1], row[2], *row[4:]) for row in found] == [
        (0, 1, 1, "cooccurrence", ["als", "cooccurrence"]),
        (0, 2, 0, "als", ["als", "popularity"]),
        (0, 3, 2, "cooccurrence", ["cooccurrence"]),
        (0, 4, 3, "popularity", ["popularity"]),
        (1, 1, 3, "popularity", ["popularity"]),
    ]
    assert [row[3] for row in found] == pytest.approx([1 / 3 + 1 / 2, 1 / 2, 1 / 3, -1.0, -1.0], abs=1e-12)


def test_k_cuts_and_ties_go_by_item() -> None:
    (only,) = fused([{"als": [5], "cooccurrence": [4]}], 1, Fusion(NAMES[:2], None, 60))
    assert only[2] == 4


def test_nobody_proposed_anything() -> None:
    assert fused([{}, {}], 3, FUSION) == []


def test_what_each_source_adds_makes_up_the_score() -> None:
    ranks = np.array([[1, 2, 0], [2, 0, 0], [1, 2, 3]], np.int32)
    ranked = fuse(ranks, Fusion(NAMES[:2], NAMES[2], 1))
    assert ranked.contributions.tolist() == [[0.5, pytest.approx(1 / 3), 0], [pytest.approx(1 / 3), 0, 0], [0, 0, 0]]
    assert ranked.scores.tolist() == [pytest.approx(5 / 6), pytest.approx(1 / 3), -3.0]


@given(LISTS, st.integers(1, 7))
def test_any_lists_are_fused_as_by_hand(lists: list[dict[str, list[int]]], k: int) -> None:
    assert fused(lists, k, FUSION) == by_hand(lists, k)
