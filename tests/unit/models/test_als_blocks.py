"""How work is cut into blocks; by hand."""

import numpy as np

from shortlist.models.arrays.blocks import cut_by


def test_cut_by__about_equal_parts_of_the_work() -> None:
    work, edges = np.array([1, 1, 1, 1, 8, 1, 1]), np.array([0, 10, 20, 30, 40, 50, 60, 70])
    assert cut_by(work, edges, 1).tolist() == [0, 70]
    assert cut_by(work, edges, 2).tolist() == [0, 50, 70]
    assert cut_by(work, edges, 100).tolist() == [0, 10, 20, 30, 40, 50, 60, 70]
