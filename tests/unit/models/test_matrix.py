"""Lists of ids as rows of indices."""

import pyarrow as pa

from shortlist.models.arrays.matrix import ascending, id_rows


def test_id_rows__in_the_order_of_each_list_and_without_what_is_not_known() -> None:
    ids = pa.array(["a", "b", "c"])
    rows = id_rows(pa.array([["a"], ["c", "b"], None, ["c", "z", "a"], []]), ids)
    assert (rows.indptr.tolist(), rows.indices.tolist()) == ([0, 1, 3, 3, 5, 5], [0, 2, 1, 2, 0])
    assert [array.dtype.name for array in rows] == ["int64", "int32"]
    assert (ascending(rows).indptr.tolist(), ascending(rows).indices.tolist()) == ([0, 1, 3, 3, 5, 5], [0, 1, 2, 0, 2])
    assert [array.dtype.name for array in ascending(rows)] == ["int64", "int32"]


def test_id_rows__of_a_slice() -> None:
    lists = pa.array([["a"], ["c", "b"], None, ["c", "a"]]).slice(1, 3)
    rows = ascending(id_rows(lists, pa.array(["a", "b", "c"])))
    assert (rows.indptr.tolist(), rows.indices.tolist()) == ([0, 2, 2, 4], [1, 2, 0, 2])
