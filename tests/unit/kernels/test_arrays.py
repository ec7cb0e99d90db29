"""What may reach a compiled loop, and what is said about the rest."""

import re

import numpy as np
import pytest

from shortlist.kernels.arrays import bounded_rows, checked_rows, finite, frozen


def test_frozen__keeps_what_fits_and_copies_what_does_not() -> None:
    fits = np.arange(4, dtype=np.float32)
    assert np.shares_memory(frozen(fits, np.float32, "x"), fits)
    assert fits.flags.writeable, "the caller's own array was frozen"
    assert not frozen(fits, np.float32, "x").flags.writeable
    strided = np.arange(8, dtype=np.float32)[::2]
    unaligned = np.frombuffer(b"\0" + np.arange(3, dtype=np.float32).tobytes(), np.float32, offset=1)
    for array in (strided, unaligned):
        view = frozen(array, np.float32, "x")
        assert view.flags.c_contiguous
        assert view.flags.aligned
        assert view.tolist() == array.tolist()


def test_frozen__integers_never_lose_values() -> None:
    assert frozen(np.array([1, 2], np.uint64), np.int32, "x").tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"x holds values from 0 to 1099511627776, beyond int32; next:"):
        frozen(np.array([0, 2**40]), np.int32, "x")
    with pytest.raises(ValueError, match=r"x has dtype float64, integers are needed; next:"):
        frozen([0.5], np.int32, "x")


def test_checked_rows__steps_between_rows_are_free() -> None:
    # Empty rows at both ends and in the middle; 7 -> 0 falls from one row to the next.
    rows = checked_rows(([0, 0, 2, 2, 4, 4], [3, 7, 0, 7]), 8, "seen")
    assert rows.indptr.dtype == np.int64
    assert rows.indices.dtype == np.int32
    assert checked_rows(([0, 3], [1, 1, 2]), 3, "seen", repeats=True).indices.tolist() == [1, 1, 2]
    assert len(checked_rows(([0], []), 0, "seen").indices) == 0


@pytest.mark.parametrize(
    ("indptr", "indices", "error"),
    [
        ([0, 1, 4], [5, 2, 4, 4], "seen: row 1 holds 4 after 4; next: sort the indices of each row and drop"),
        ([0, 0, 2], [5, 2], "seen: row 1 holds 2 after 5; next: sort"),
        ([0, 1, 2], [5, 6], "seen: row 1 holds index 6, allowed is 0 to 5; next:"),
        ([0, 1, 2], [-1, 5], "seen: row 0 holds index -1, allowed is 0 to 5; next:"),
        ([0, 2, 1], [1, 2], "seen: indptr falls from 2 to 1 at row 1; next:"),
        ([1, 2], [1, 2], "seen: indptr runs from 1 to 2 over 2 indices; next:"),
        ([0, 3], [1, 2], "seen: indptr runs from 0 to 3 over 2 indices; next:"),
        ([], [], "seen: indptr of shape (0,) and indices of shape (0,); next:"),
        ([[0, 1]], [1], "seen: indptr of shape (1, 2) and indices of shape (1,); next:"),
    ],
)
def test_checked_rows__says_where_and_what(indptr: list[int], indices: list[int], error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        checked_rows((indptr, indices), 6, "seen")


def test_checked_rows__falling_repeats_are_still_out_of_order() -> None:
    with pytest.raises(ValueError, match=r"row 0 holds 1 after 2; next: sort the indices of each row$"):
        checked_rows(([0, 2], [2, 1]), 3, "seen", repeats=True)
    assert bounded_rows(([0, 2], [2, 1]), 3, "near").indices.tolist() == [2, 1]


def test_finite__names_the_first_wrong_value() -> None:
    assert finite([[1, 2]], "x").dtype == np.float32
    assert finite([], "x", above=0).shape == (0,)
    with pytest.raises(ValueError, match=r"x: nan at \[0, 1\] \(2 such values\), finite is needed; next:"):
        finite([[1, np.nan], [np.inf, 2]], "x")
    with pytest.raises(ValueError, match=r"x: inf at \[0\] \(1 such values\)"):
        finite([1e300], "x")
    with pytest.raises(ValueError, match=r"x: 0.0 at \[1\] \(1 such values\), finite > 0 is needed"):
        finite([1, 0], "x", above=0)
    with pytest.raises(ValueError, match=r"x: -1.0 at \[0\] \(1 such values\), finite >= 0 is needed"):
        finite([-1, 0], "x", least=0)
