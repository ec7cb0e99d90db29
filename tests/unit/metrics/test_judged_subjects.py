"""Partitions of gathered rows as arrays: whole subjects, however the rows were cut into batches."""

import pyarrow as pa
import pytest

from shortlist.metrics.judged_subjects import read_subjects

ROWS = [
    ("u", 0, 1, "a", 3),
    ("u", -1, 0, "a", 3),
    ("u", 1, 1, "b", 0),
    ("v", -2, 0, "b", 0),
    ("w", 0, 1, "c", 1),
    ("w", 0, 2, "a", 3),
]
NAMES = ["subject_id", "part", "rank", "item_id", "popularity"]


@pytest.mark.parametrize("batch_rows", [1, 2, 4, 6])
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_a_subject_is_read_whole(batch_rows: int, at_once: int) -> None:
    batches = [
        pa.RecordBatch.from_arrays([pa.array(column) for column in zip(*part, strict=True)], NAMES)
        for part in (ROWS[n : n + batch_rows] for n in range(0, len(ROWS), batch_rows))
    ]
    parts = list(read_subjects(batches, at_once))
    assert [name for part in parts for name in part.ids] == ["u", "v", "w"]
    assert sum(len(part.lists.rank) for part in parts) == 4
    assert sum(len(part.wanted.item) for part in parts) == 2
    u = parts[0]
    assert u.source[u.lists.subject == 0].tolist() == [0, 1]
    assert u.popularity[u.lists.subject == 0].tolist() == [3, 0]
    assert u.segment[u.wanted.subject == 0].tolist() == [0]
    assert u.wanted_in(0).popularity.tolist() == [3]
    assert u.wanted.item[0] == u.lists.item[0] != u.lists.item[1]
    assert parts[-1].lists_of(0)[0].rank[-2:].tolist() == [1, 2]
    assert [segment for part in parts for segment in part.segment] == [0, 1]


def test_nothing_is_no_subject() -> None:
    assert list(read_subjects([])) == []
