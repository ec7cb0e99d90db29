"""Who is in a sample of users: by the rarest item that a user saw, never by the company it came in."""

import numpy as np
import pyarrow as pa
import pytest

from shortlist.models.als.blocks import Block
from shortlist.models.als.sampling import sampling_chances


def test_sampling_chances__by_hand() -> None:
    # Items with 100, 8 and 2 observations; four of each are wanted, and a tenth of everybody.
    entries = np.array([100, 8, 2])
    block = Block(
        0,
        pa.array(["frequent", "rarer", "rarest", "both"]),
        np.array([0, 1, 2, 3, 5]),
        np.array([0, 1, 2, 0, 1], np.int32),
        np.ones(5, np.float32),
    )
    assert sampling_chances(block, entries, 0.1, 4).tolist() == pytest.approx([0.1, 0.5, 1.0, 0.5])
    assert sampling_chances(block, entries, 0.1, 0).tolist() == pytest.approx([0.1] * 4)
    assert sampling_chances(block, entries, 1.0, 4).tolist() == [1.0] * 4


def test_sampling_chances__leave_each_item_its_users() -> None:
    random = np.random.default_rng(1)
    held = random.random((2_000, 30)) < 0.5 / np.arange(1, 31)
    held = held[held.any(axis=1)]
    entries = held.sum(0)
    indptr = np.concatenate(([0], np.cumsum(held.sum(1))))
    block = Block(
        0,
        pa.array([str(u) for u in range(len(held))]),
        indptr,
        np.nonzero(held)[1].astype(np.int32),
        np.ones(held.sum(), np.float32),
    )
    kept = (held * sampling_chances(block, entries, 0.05, 20)[:, None]).sum(0)
    assert (kept >= np.minimum(entries, 20) - 1e-9).all()
    assert sampling_chances(block, entries, 0.05, 20).sum() < len(held) / 2
