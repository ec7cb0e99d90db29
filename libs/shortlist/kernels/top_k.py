"""The k largest inner products of each query, exactly, without a matrix of all scores."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.kernels.arrays import Floats, Indices, checked_rows, finite, frozen, require_count, require_shape
from shortlist.kernels.top_k_loops import scan_tile, write_ranked

# 256 x 4096 scores are 4 MB: the tile that the matrix product writes is still in cache when the scan reads it.
QUERIES_PER_TILE: Final = 256
ITEMS_PER_TILE: Final = 4096
LARGEST: Final = float(np.finfo(np.float32).max)
SMALLEST: Final = float(np.finfo(np.float32).tiny)
ROUNDING: Final = 2.0**-24


class TopK(NamedTuple):
    """Ranked lists; row q holds counts[q] entries.

    Attributes:
        items: (queries, k) int32, beyond the list -1.
        scores: (queries, k) float32, beyond the list -inf.
        counts: (queries,) int32.
    """

    items: Indices
    scores: Floats
    counts: Indices


def top_k(
    queries: ArrayLike,
    item_factors_transposed: ArrayLike,
    seen_indptr: ArrayLike,
    seen_indices: ArrayLike,
    k: int,
    eligible: ArrayLike | None = None,
) -> TopK:
    """For each query the k unseen items of the largest inner product; equal scores by ascending index.

    A score is the inner product summed in float64 and rounded to float32. A blocked float32 matrix product finds who
    can be on the list; it rounds differently within a block, so whoever is within its error of the k-th
    is scored again. Hence a list depends on its query alone: not on the batch, the threads or the BLAS, and items with
    equal vectors tie. Needs 5 MB beside the result, whatever the catalogue. -0.0 counts as 0.0. Where not every item may be
    given, the eligible ones' vectors are gathered a tile at a time: work as for them alone, and no copy of the matrix.

    Args:
        queries: (n, d) float32.
        item_factors_transposed: (d, items) float32, one column per item. The `.T` of an (items, d) array in C order
            is used as it is; any other layout is copied.
        seen_indptr: (n + 1,) int64.
        seen_indices: int32 items that a query must not be given, ascending in each row.
        k: list length; beyond the number of items the lists are shorter.
        eligible: items that may be given, ascending, each once; None: all.

    Returns:
        n lists.

    Raises:
        ValueError: shapes that do not fit, NaN or infinite factors of an eligible item, or factors so large that a score
            could overflow float32; seen or eligible indices out of order or out of range; k below 1.
    """
    vectors = finite(queries, "queries")
    transposed = np.asarray(item_factors_transposed)
    # Of a large catalogue a surface may show little: then only that is looked at.
    factors = (
        finite(transposed.T, "item factors") if eligible is None else frozen(transposed.T, np.float32, "item factors")
    )
    require_shape(vectors, (None, None), "queries")
    require_shape(factors, (None, vectors.shape[1]), "item factors, one row per item,")
    require_count(k, 1, "k")
    seen = checked_rows((seen_indptr, seen_indices), len(factors), "seen", repeats=True)
    require_shape(seen.indptr, (len(vectors) + 1,), "seen indptr")

    result = TopK(
        np.full((len(vectors), k), -1, np.int32),
        np.full((len(vectors), k), -np.inf, np.float32),
        np.zeros(len(vectors), np.int32),
    )
    tiles = _Tiles(factors, eligible)
    if not vectors.size or not factors.size or not tiles.count:
        return result
    margins = _rounding_margins(vectors, tiles)
    kept = min(k, tiles.count)
    keys = np.empty((min(QUERIES_PER_TILE, len(vectors)), 4 * kept + 64), np.uint64)
    tile = np.empty(QUERIES_PER_TILE * ITEMS_PER_TILE, np.float32)
    for first in range(0, len(vectors), QUERIES_PER_TILE):
        block = vectors[first : first + QUERIES_PER_TILE]
        last = first + len(block)
        cursors = np.array(seen.indptr[first:last])
        counts = np.zeros(len(block), np.int64)
        thresholds = np.full(len(block), -np.inf, np.float32)
        for columns, rows in tiles.rows():
            scores = tile[: len(block) * len(columns)].reshape(len(block), len(columns))
            np.dot(block, rows.T, out=scores)
            scan_tile(scores, columns, factors, vectors, first, margins, *seen, cursors, keys, counts, thresholds, kept)
        lists = (result.items[first:last], result.scores[first:last], result.counts[first:last])
        write_ranked(keys, counts, kept, factors, vectors, first, margins, *lists)
    return result


class _Tiles:
    """The items of each tile with their vectors: slices of the matrix, or what is gathered from it into one array.

    Attributes:
        count: items in all tiles.
    """

    def __init__(self, factors: Floats, eligible: ArrayLike | None) -> None:
        self._factors = factors
        self._eligible: Indices | None = None
        self.count = len(factors)
        if eligible is not None:
            chosen = frozen(eligible, np.int32, "eligible")
            require_shape(chosen, (None,), "eligible")
            self._eligible = checked_rows(([0, len(chosen)], chosen), len(factors), "eligible").indices
            self.count = len(chosen)
            self._gathered = np.empty((min(ITEMS_PER_TILE, self.count), factors.shape[1]), np.float32)

    def rows(self) -> Iterator[tuple[Indices, Floats]]:
        """Items and vectors, tile by tile, ascending; the vectors of one are overwritten by the next."""
        for first in range(0, self.count, ITEMS_PER_TILE):
            last = min(first + ITEMS_PER_TILE, self.count)
            if self._eligible is None:
                # Read-only like the other case, or numba would compile the scan twice.
                yield frozen(np.arange(first, last), np.int32, "columns"), self._factors[first:last]
            else:
                columns = self._eligible[first:last]
                # The indices were checked above; without a mode numpy gathers into a copy first.
                yield columns, np.take(self._factors, columns, 0, self._gathered[: last - first], mode="clip")


def _rounding_margins(vectors: Floats, tiles: _Tiles) -> NDArray[np.float64]:
    """How far a float32 matrix product may be from the inner product rounded to float32, for each query.

    |fl(x'y) - x'y| <= n u / (1 - n u) |x|'|y| in any order of summation (Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd ed., section 3.1), and |x|'|y| is at most the product of the norms. One u more for rounding the
    exact score, one for the threshold, a tenth for the denominator; and a denormal per product where it underflows.
    """
    size = vectors.shape[1]
    lengths = np.sqrt(np.einsum("qd,qd->q", vectors, vectors, dtype=np.float64))
    longest = 0.0
    for columns, rows in tiles.rows():
        norms = np.einsum("id,id->i", rows, rows, dtype=np.float64)
        if not np.isfinite(norms).all():
            at = int(np.argmax(~np.isfinite(norms)))
            finite(rows[at], f"item factors: item {columns[at]}")
        longest = max(longest, float(np.sqrt(norms.max())))
    largest = float(lengths.max() * longest)
    if largest >= LARGEST:
        raise ValueError(
            f"scores could reach {largest:.3g}, beyond float32: the longest query is {lengths.max():.3g}, "
            f"the longest item vector {longest:.3g}; next: scale the factors down"
        )
    margins: NDArray[np.float64] = 1.1 * (size + 2) * ROUNDING * lengths * longest + size * SMALLEST
    # A zero vector scores 0 everywhere, with no error; without a margin, equal scores need no second look.
    margins[lengths == 0] = 0.0
    return margins
