"""The order that every list rests on, and the promise that a loop is compiled once."""

import struct
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shortlist.kernels import ranked
from shortlist.kernels.cooccurrence import cooccur
from shortlist.kernels.cooccurrence_loops import cooccurrence_rows, count_baskets, list_baskets
from shortlist.kernels.top_k import top_k
from shortlist.kernels.top_k_loops import scan_tile, write_ranked

FLOATS = st.floats(width=32, allow_nan=False)
INDICES = st.integers(0, 2**31 - 1)


def key(score: float, index: int) -> int:
    return int(ranked.rank_key(np.float32(score), np.int64(index)))


@settings(deadline=None, derandomize=True, max_examples=300)
@given(FLOATS, INDICES, FLOATS, INDICES)
def test_rank_key__orders_by_score_then_smaller_index(score: float, index: int, other: float, at: int) -> None:
    expected = (score, -index) > (other, -at)
    assert (key(score, index) > key(other, at)) == expected


@settings(deadline=None, derandomize=True, max_examples=300)
@given(FLOATS, INDICES)
def test_rank_key__comes_back_bit_for_bit(score: float, index: int) -> None:
    whole = np.uint64(key(score, index))
    assert struct.pack("f", ranked.key_score(whole)) == struct.pack("f", score + 0.0)
    assert ranked.key_index(whole) == index


def test_rank_key__knows_one_zero() -> None:
    assert key(-0.0, 3) == key(0.0, 3)
    assert key(-0.0, 3) > key(0.0, 4)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=60), st.randoms(use_true_random=False), st.data())
def test_keep_largest__brings_them_to_the_front(values: set[int], random: object, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(sorted(values)))
    k = data.draw(st.integers(1, len(shuffled)))
    keys = np.array(shuffled, np.uint64)
    ranked.keep_largest(keys, len(keys), k)
    assert set(keys[:k].tolist()) == set(sorted(values)[-k:])
    assert set(keys.tolist()) == values


SCORES = st.lists(st.floats(width=32, allow_nan=False) | st.just(-np.inf), min_size=1, max_size=400)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(SCORES, st.data())
def test_reached_by__is_a_score_that_k_reach(given: list[float], data: st.DataObject) -> None:
    scores = np.array(given, np.float32)
    groups = data.draw(st.integers(1, len(scores)))
    k = data.draw(st.integers(1, groups))
    reached = ranked.reached_by(scores, k, np.empty(groups, np.float32))
    assert reached in scores
    assert (scores >= reached).sum() >= k


def test_reached_by__is_near_the_kth() -> None:
    # Groups of two, dealt out in turn: (1, 4), (7, 2), (5, 6); their largest are 4, 7, 6.
    assert ranked.reached_by(np.array([1, 7, 5, 4, 2, 6], np.float32), 2, np.empty(3, np.float32)) == 6
    # A last round that is not full.
    assert ranked.reached_by(np.array([1, 2, 3, 9], np.float32), 1, np.empty(3, np.float32)) == 9


@settings(deadline=None, derandomize=True, max_examples=200)
@given(SCORES, st.floats(width=32, allow_nan=False))
def test_indices_above__are_those_of_larger_scores(given: list[float], threshold: float) -> None:
    scores, indices = np.array(given, np.float32), np.zeros(len(given), np.uint64)
    hits = ranked.indices_above(scores, np.float32(threshold), indices)
    assert indices[:hits].tolist() == [place for place, score in enumerate(scores) if score > np.float32(threshold)]


def test_loops__are_compiled_once_whatever_array_comes(tmp_path: Path) -> None:
    fresh = np.eye(3, dtype=np.float32)
    fresh.tofile(tmp_path / "factors")
    mapped = np.memmap(tmp_path / "factors", np.float32, "r", shape=(3, 3))
    packed = np.frombuffer(fresh.tobytes(), np.float32).reshape(3, 3)
    empty, none = np.zeros(4, np.int32), np.empty(0, np.int64)
    for factors in (fresh, mapped, packed, np.asfortranarray(fresh), fresh.astype(np.float64)):
        assert top_k(factors, factors, empty, none, 1).items.tolist() == [[0], [1], [2]]
    for indices in (np.array([0, 1]), np.frombuffer(np.array([0, 1], np.int32).tobytes(), np.int32)):
        assert cooccur(([0, 2], indices), 2, ["count"], 1).items.tolist() == [[[1], [0]]]
    loops = (scan_tile, write_ranked, count_baskets, list_baskets, cooccurrence_rows)
    assert [len(loop.signatures) for loop in loops] == [1] * 5
