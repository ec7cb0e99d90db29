"""Baskets as compressed rows: their order, their cuts, who touches whom; by hand."""

import numpy as np
import pyarrow as pa
import pytest

from shortlist.kernels.arrays import Rows
from shortlist.models.cooccurrence.blocks import packed, touches, work_of

IDS = pa.array(["a", "b", "c"])
# {c, a}, {b}, {a, b, c}
ROWS = Rows(np.array([0, 2, 3, 6]), np.array([2, 0, 1, 0, 1, 2], np.int32))


def table(**more: list[object]) -> pa.Table:
    """Block 1 holds basket p, block 0 baskets q and r; rows in no order."""
    return pa.table(
        {
            "owner": pa.array([0, 1, 0, 1, 0], pa.int32()),
            "basket_id": ["r", "p", "q", "p", "r"],
            "item_id": ["c", "b", "a", "a", "b"],
            **more,
        }
    )


def test_packed__orders_baskets_by_block_then_id_and_items_by_id() -> None:
    found = packed(table(), IDS)
    assert (found.rows.indptr.tolist(), found.rows.indices.tolist()) == ([0, 1, 3, 5], [0, 1, 2, 0, 1])
    assert (found.weights, found.repeated, found.inconsistent_weight_rows) == (None, 0, 0)
    assert [array.dtype for array in found.rows] == [np.int64, np.int32]


def test_packed__orders_items_by_position_then_id() -> None:
    found = packed(table(position=[1, 2, 1, 5, 2]), IDS)
    assert found.rows.indices.tolist() == [0, 2, 1, 1, 0]
    assert packed(table(position=[1, 1, 1, 1, 1]), IDS).rows.indices.tolist() == [0, 1, 2, 0, 1]


def test_packed__weights_are_their_baskets() -> None:
    found = packed(table(weight=[0.5, 1.0, 2.0, 1.0, 0.5]), IDS)
    assert found.weights is not None
    assert (found.weights.tolist(), found.inconsistent_weight_rows) == ([2.0, 0.5, 1.0], 0)
    assert packed(table(weight=[0.5, 1.0, 2.0, 1.0, 0.25]), IDS).inconsistent_weight_rows == 1


@pytest.mark.parametrize("more", [{}, {"position": [1, 2, 3, 4, 5]}])
def test_packed__counts_repeats(more: dict[str, list[object]]) -> None:
    repeated = table(**more).set_column(2, "item_id", pa.array(["c", "a", "a", "a", "c"]))
    assert packed(repeated, IDS).repeated == 2


def test_work_of__is_the_sum_of_the_sizes_of_the_baskets_of_each_range() -> None:
    assert work_of(ROWS, np.arange(4)).tolist() == [2 + 3, 1 + 3, 2 + 3]
    assert work_of(ROWS, np.array([0, 2, 3])).tolist() == [9, 5]


def test_touches__every_basket_of_a_range_once() -> None:
    parts, baskets = touches(ROWS, np.array([0, 1, 3]))
    assert list(zip(parts.tolist(), baskets.tolist(), strict=True)) == [(0, 0), (0, 2), (1, 0), (1, 1), (1, 2)]
