"""What a compiled loop may be given: one dtype, one layout, never an index outside its array.

Compiled code does not check its indices, so all of it is checked here, once per call and in linear time.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.int32]
Offsets = NDArray[np.int64]


class Rows(NamedTuple):
    """A sparse pattern in compressed rows; row r holds `indices[indptr[r] : indptr[r + 1]]`.

    Attributes:
        indptr: (rows + 1,) int64, starts with 0, never falls.
        indices: (entries,) int32.
    """

    indptr: Offsets
    indices: Indices


def offsets_of(owners: NDArray[Any], count: int) -> Offsets:
    """Where the entries of each of so many rows begin: (count + 1,); each entry names its row, ascending."""
    return np.concatenate(([0], np.cumsum(np.bincount(owners, minlength=count)))).astype(np.int64)


def frozen(values: ArrayLike, dtype: type[np.floating[Any] | np.integer[Any]], name: str) -> NDArray[Any]:
    """The same values as an aligned, C-contiguous, read-only array of `dtype`; copied only when they are not one.

    Numba compiles a loop again for each combination of dtype, layout, alignment and writability that it meets. With
    this in front there is one combination, whether the caller holds a fresh array, a memory map or an Arrow buffer.

    Raises:
        ValueError: a conversion that would lose values (floats as indices, 2**40 as int32).
    """
    given = np.asarray(values)
    if given.dtype == dtype and given.flags.c_contiguous and given.flags.aligned:
        # What a pass does thousands of times a second: nothing to convert.
        view = given.view()
        view.flags.writeable = False
        return view
    if given.size and issubclass(dtype, np.integer):
        if not np.issubdtype(given.dtype, np.integer):
            raise ValueError(f"{name} has dtype {given.dtype}, integers are needed; next: cast it where it is made")
        bounds = np.iinfo(dtype)
        if not np.can_cast(given.dtype, dtype) and not bounds.min <= given.min() <= given.max() <= bounds.max:
            raise ValueError(
                f"{name} holds values from {given.min()} to {given.max()}, beyond {np.dtype(dtype)}; "
                "next: number the ids from 0"
            )
    # A float64 beyond float32 becomes an infinity, which `finite` refuses and names by its index.
    with np.errstate(over="ignore"):
        view = np.require(given, dtype, ["C", "A"]).view()
    view.flags.writeable = False
    return view


def checked_rows(rows: tuple[ArrayLike, ArrayLike], width: int, name: str, *, repeats: bool = False) -> Rows:
    """Rows whose indices rise within each row and stay below `width`.

    Args:
        rows: indptr and indices of any integer dtype.
        width: number of columns.
        name: what the caller calls them, for the error.
        repeats: whether an index may occur twice in one row.

    Raises:
        ValueError: a broken indptr, an index out of range, a row out of order; with its position and the value.
    """
    checked = bounded_rows(rows, width, name)
    steps = np.diff(checked.indices)
    wrong = steps < 0 if repeats else steps <= 0
    # From the last index of one row to the first of the next, any step is right.
    starts = checked.indptr[1:-1]
    wrong[starts[(starts > 0) & (starts < len(checked.indices))] - 1] = False
    if wrong.any():
        at = int(np.argmax(wrong)) + 1
        row = int(np.searchsorted(checked.indptr, at, side="right")) - 1
        before, after = checked.indices[at - 1 : at + 1]
        raise ValueError(
            f"{name}: row {row} holds {after} after {before}; "
            f"next: sort the indices of each row{'' if repeats else ' and drop duplicates'}"
        )
    return checked


def bounded_rows(rows: tuple[ArrayLike, ArrayLike], width: int, name: str) -> Rows:
    """Rows that are safe to walk: as `checked_rows`, in whatever order inside a row."""
    indptr = frozen(rows[0], np.int64, f"{name} indptr")
    indices = frozen(rows[1], np.int32, f"{name} indices")
    if indptr.ndim != 1 or indices.ndim != 1 or not len(indptr):
        raise ValueError(
            f"{name}: indptr of shape {indptr.shape} and indices of shape {indices.shape}; "
            "next: pass one-dimensional arrays, indptr one longer than there are rows"
        )
    falls = np.diff(indptr) < 0
    if falls.any():
        row = int(np.argmax(falls))
        raise ValueError(f"{name}: indptr falls from {indptr[row]} to {indptr[row + 1]} at row {row}; next: rebuild it")
    if indptr[0] != 0 or indptr[-1] != len(indices):
        raise ValueError(
            f"{name}: indptr runs from {indptr[0]} to {indptr[-1]} over {len(indices)} indices; "
            "next: cut indices with indptr and subtract indptr[0]"
        )
    if len(indices) and not 0 <= indices.min() <= indices.max() < width:
        at = int(np.argmax((indices < 0) | (indices >= width)))
        row = int(np.searchsorted(indptr, at, side="right")) - 1
        raise ValueError(
            f"{name}: row {row} holds index {indices[at]}, allowed is 0 to {width - 1}; "
            "next: map ids and build rows with the same list of ids"
        )
    return Rows(indptr, indices)


def finite(values: ArrayLike, name: str, *, least: float = -np.inf, above: float = -np.inf) -> Floats:
    """A float32 array without NaN or infinity, with every value >= `least` and > `above`.

    Raises:
        ValueError: naming the first value that is not.
    """
    array: Floats = frozen(values, np.float32, name)
    _require_finite(array, name, least, above)
    return array


def finite_doubles(values: ArrayLike, name: str, *, least: float = -np.inf, above: float = -np.inf) -> Doubles:
    """As `finite`, float64: for what is summed up."""
    array: Doubles = frozen(values, np.float64, name)
    _require_finite(array, name, least, above)
    return array


def _require_finite(array: NDArray[np.floating[Any]], name: str, least: float, above: float) -> None:
    if not array.size:
        return
    # The two extremes tell everything, NaN included, without a temporary as large as the array.
    low, high = float(array.min()), float(array.max())
    if np.isfinite(low) and np.isfinite(high) and low >= least and low > above:
        return
    wrong = ~np.isfinite(array) | (array < least) | (array <= above)
    at = tuple(int(index) for index in np.unravel_index(int(np.argmax(wrong)), array.shape))
    bound = f" > {above:g}" if above > -np.inf else f" >= {least:g}" if least > -np.inf else ""
    raise ValueError(
        f"{name}: {array[at]} at {list(at)} ({int(wrong.sum())} such values), finite{bound} is needed; "
        "next: drop those rows or fit again with more regularization"
    )


def require_shape(array: NDArray[Any], shape: tuple[int | None, ...], name: str) -> None:
    """Refuse an array of another shape; None means any length.

    Raises:
        ValueError: with both shapes.
    """
    fits = array.ndim == len(shape) and all(want in (None, have) for have, want in zip(array.shape, shape, strict=True))
    if not fits:
        wanted = ", ".join("any" if length is None else str(length) for length in shape)
        raise ValueError(f"{name} has shape {array.shape}, ({wanted}) is needed; next: pass arrays of one fit")


def require_count(value: int, least: int, name: str) -> int:
    """An integer of at least `least`, such as a list length.

    Raises:
        ValueError: a smaller one.
    """
    if value < least:
        raise ValueError(f"{name} is {value}, at least {least} is needed")
    return int(value)
