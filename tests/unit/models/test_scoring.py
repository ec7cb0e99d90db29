"""Ranked lists and masks by hand, and the same lists however many subjects are ranked at a time."""

import numpy as np
import pyarrow as pa
import pytest

from shortlist.models.ranking import scoring
from shortlist.models.ranking.item_factors import ItemFactors
from shortlist.models.ranking.scoring import mask_rows, ranked_lists

IDS = pa.array(["a", "b", "c"])


def test_mask_rows__sorted_known_and_null_is_empty() -> None:
    lists = pa.array([["a"], ["c", "b"], None, ["c", "z", "a"], []])
    indptr, indices = mask_rows(lists, IDS)
    assert (indptr.tolist(), indices.tolist()) == ([0, 1, 3, 3, 5, 5], [0, 1, 2, 0, 2])
    assert [array.dtype.name for array in (indptr, indices)] == ["int64", "int32"]


def test_mask_rows__of_some_of_the_lists() -> None:
    some = pa.array([["a"], ["c", "b"], None, ["c", "a"]]).slice(1, 3)
    indptr, indices = mask_rows(some, IDS)
    assert (indptr.tolist(), indices.tolist()) == ([0, 2, 2, 4], [1, 2, 0, 2])


def test_ranked_lists__by_hand() -> None:
    items = ItemFactors(IDS, np.array([[1.0], [3.0], [2.0]], np.float32))
    (rows,) = ranked_lists(
        pa.array(["u", "v"]), np.array([[1.0], [-1.0]], np.float32), pa.array([["b"], None]), items, None, 2
    )
    assert rows.to_pylist() == [
        {"subject_id": "u", "entries": [{"item_id": "c", "score": 2.0}, {"item_id": "a", "score": 1.0}]},
        {"subject_id": "v", "entries": [{"item_id": "a", "score": -1.0}, {"item_id": "c", "score": -2.0}]},
    ]


def test_ranked_lists__some_subjects_at_a_time_are_all_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    ids = pa.array([f"i{number:02d}" for number in range(50)])
    items = ItemFactors(ids, random.normal(size=(50, 4)).astype(np.float32))
    subjects = pa.array([f"u{number}" for number in range(600)])
    queries = random.normal(size=(600, 4)).astype(np.float32)
    seen = pa.array([[f"i{number:02d}" for number in random.choice(50, 3, replace=False)] for _ in range(600)])
    (whole,) = ranked_lists(subjects, queries, seen, items, None, 10)
    monkeypatch.setattr(scoring, "_CELLS", 1)
    parts = list(ranked_lists(subjects, queries, seen, items, None, 10))
    assert len(parts) == 3
    assert pa.concat_batches(parts).equals(whole)
