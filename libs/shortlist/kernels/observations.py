"""What rows saw of the other side, with weights and targets: what a factorisation learns from."""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from shortlist.kernels.arrays import Floats, Rows, bounded_rows, checked_rows, finite, frozen, require_shape


class Observations(NamedTuple):
    """What each row saw of the other side.

    Attributes:
        rows: the pattern, indices ascending.
        weights: (entries,) float32, > 0.
        targets: (entries,) float32: 1 for engagement, 0 for a hide.
    """

    rows: Rows
    weights: Floats
    targets: Floats


def observe(
    rows: tuple[ArrayLike, ArrayLike], weights: ArrayLike, width: int, targets: ArrayLike | None = None
) -> Observations:
    """Checked observations.

    Args:
        rows: indptr and indices, ascending in each row, each once.
        weights: one per index, > 0; an observation of weight 0 says nothing and is not one.
        width: number of rows of the other side.
        targets: one per index; None: all 1.

    Raises:
        ValueError: naming the first thing that is wrong.
    """
    pattern = checked_rows(rows, width, "observations")
    return bounded(
        Observations(
            pattern,
            frozen(weights, np.float32, "weights"),
            frozen(np.ones(len(pattern.indices), np.float32) if targets is None else targets, np.float32, "targets"),
        ),
        width,
    )


def bounded(observations: Observations, width: int) -> Observations:
    """The same, safe to walk: shapes fit, indices are in range, values are finite."""
    rows = bounded_rows(observations.rows, width, "observations")
    weights = finite(observations.weights, "weights", above=0.0)
    targets = finite(observations.targets, "targets")
    require_shape(weights, rows.indices.shape, "weights")
    require_shape(targets, rows.indices.shape, "targets")
    return Observations(rows, weights, targets)


def flipped(observations: Observations, width: int) -> Observations:
    """The other side's observations, read-only like the first."""
    rows, weights, targets = observations
    positions = np.arange(len(rows.indices), dtype=np.int64)
    by_column = sp.csr_matrix((positions, rows.indices, rows.indptr), shape=(len(rows.indptr) - 1, width)).tocsc()
    return bounded(
        Observations(Rows(by_column.indptr, by_column.indices), weights[by_column.data], targets[by_column.data]),
        len(rows.indptr) - 1,
    )
