"""What is found together: every item's best neighbours by several measures, from one pass over the baskets."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from shortlist.kernels import ranked
from shortlist.kernels.arrays import Floats, Indices, Rows, bounded_rows, checked_rows, require_count, require_shape

MEASURES: Final[dict[str, int]] = {
    "count": ranked.COUNT,
    "cosine": ranked.COSINE,
    "jaccard": ranked.JACCARD,
    "lift": ranked.LIFT,
    "npmi": ranked.NPMI,
    "llr": ranked.LLR,
    "rp3beta": ranked.RP3BETA,
}
# Tables of logarithms that are worth their cache; larger numbers are computed.
LOGARITHMS: Final = 1025
X_LOG_X: Final = 1 << 22


class Cooccurrence(NamedTuple):
    """Ranked neighbours; measure m of row i holds counts[m, i] entries.

    Attributes:
        items: (measures, rows, k) int32, beyond the list -1.
        scores: (measures, rows, k) float32, beyond the list -inf.
        supports: (measures, rows, k) int32, baskets that hold both items; beyond the list 0.
        counts: (measures, rows) int32.
    """

    items: Indices
    scores: Floats
    supports: Indices
    counts: Indices


class Statistics(NamedTuple):
    """What the measures need to know of items and baskets, beside how many baskets two items share.

    Attributes:
        baskets: number of baskets.
        sizes: (items,) int64, baskets of each item.
        roots: (items,) float64, 1 / sqrt(size).
        logs: (items,) float64, ln size.
        entropies: (items,) float64, size ln size + (baskets - size) ln(baskets - size); read for LLR.
        walks: (items,) float64, size^-alpha.
        discounts: (items,) float64, size^-beta.
        basket_walks: (baskets,) float64, |basket|^-alpha; read for RP3beta.
        log_counts: float64, ln of small integers; anything at 0.
        x_log_x: float64, x ln x of integers as far as it goes; read for LLR.
    """

    baskets: int
    sizes: NDArray[np.int64]
    roots: NDArray[np.float64]
    logs: NDArray[np.float64]
    entropies: NDArray[np.float64]
    walks: NDArray[np.float64]
    discounts: NDArray[np.float64]
    basket_walks: NDArray[np.float64]
    log_counts: NDArray[np.float64]
    x_log_x: NDArray[np.float64]


def transposed(rows: Rows, width: int) -> Rows:
    """The baskets of each item from the items of each basket, or the reverse; indices ascend in each row.

    Args:
        rows: a checked pattern.
        width: number of columns, the rows of the answer.
    """
    pattern = sp.csr_matrix(
        (np.ones(len(rows.indices), np.int8), rows.indices, rows.indptr), shape=(len(rows.indptr) - 1, width)
    ).tocsc()
    return Rows(pattern.indptr.astype(np.int64), pattern.indices.astype(np.int32))


def cooccur(
    baskets: tuple[ArrayLike, ArrayLike],
    item_count: int,
    measures: Sequence[str],
    k: int,
    min_support: int = 1,
    *,
    alpha: float = 1.0,
    beta: float = 0.0,
    first_item: int = 0,
    last_item: int | None = None,
    item_baskets: tuple[ArrayLike, ArrayLike] | None = None,
) -> Cooccurrence:
    """For each item its k best neighbours by each measure; equal scores (as float32) by ascending index.

    With N baskets, n_i of them holding item i and n_ij holding both i and j:

        count    n_ij
        cosine   n_ij / sqrt(n_i n_j)
        jaccard  n_ij / (n_i + n_j - n_ij)
        lift     n_ij N / (n_i n_j)
        npmi     ln(n_ij N / (n_i n_j)) / -ln(n_ij / N), 1 where n_ij = N (Bouma, GSCL 2009)
        llr      G^2 = 2 sum O ln(O / E) of the 2 x 2 table (Dunning, Computational Linguistics 19(1), 1993); 0 where
                 the two are found together no more often than by chance
        rp3beta  n_i^-alpha n_j^-beta sum over shared baskets b of |b|^-alpha: a random walk item, basket, item, and
                 popularity held down (Paudel et al., ACM TiiS 7(1), 2017)

    Work grows with the sum of the squared basket sizes: cap the baskets first. Memory: 80 bytes per item, and 8 per
    basket up to four million where llr is asked for.

    Args:
        baskets: indptr (N + 1) and indices: the items of each basket, ascending, each once.
        item_count: number of items.
        measures: names from MEASURES; the answer has their order.
        k: list length.
        min_support: fewest shared baskets for a pair to count.
        alpha: of rp3beta.
        beta: of rp3beta.
        first_item: first row to compute.
        last_item: end of the rows; None: item_count.
        item_baskets: the same pattern transposed, when the caller holds it (a Spark task with two memory maps). Both
            are then trusted to agree and to be in order; only what memory safety needs is checked. None: made here.

    Returns:
        Lists for the rows first_item to last_item; an item is no neighbour of its own.

    Raises:
        ValueError: an unknown measure, broken baskets, rows out of range, negative or infinite exponents.
    """
    unknown = [name for name in measures if name not in MEASURES]
    if unknown or not measures:
        raise ValueError(f"measures {unknown or list(measures)} are not known; next: choose from {', '.join(MEASURES)}")
    require_count(k, 1, "k")
    require_count(min_support, 1, "min_support")
    for name, exponent in (("alpha", alpha), ("beta", beta)):
        if not 0 <= exponent < np.inf:
            raise ValueError(f"{name} is {exponent}, a finite exponent of at least 0 is needed")
    stop = item_count if last_item is None else last_item
    if not 0 <= first_item <= stop <= item_count:
        raise ValueError(f"rows {first_item} to {stop} are asked for; next: stay within 0 to {item_count}")
    by_basket, by_item = _both_ways(baskets, item_baskets, item_count)

    shape = (len(measures), stop - first_item, k)
    result = Cooccurrence(
        np.full(shape, -1, np.int32),
        np.full(shape, -np.inf, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(shape[:2], np.int32),
    )
    ranked.cooccurrence_rows(
        int(first_item),
        int(stop),
        by_item,
        by_basket,
        _statistics(by_item, by_basket, measures, alpha, beta),
        np.array([MEASURES[name] for name in measures], np.int64),
        min(k, item_count),
        int(min_support),
        *result,
    )
    return result


def x_log_x(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """x ln x, 0 at 0."""
    numbers = counts.astype(np.float64)
    return numbers * np.log(np.maximum(numbers, 1.0))


def _statistics(by_item: Rows, by_basket: Rows, measures: Sequence[str], alpha: float, beta: float) -> Statistics:
    sizes = np.diff(by_item.indptr)
    baskets = len(by_basket.indptr) - 1
    # A power or logarithm of 0 is never read, and must only not warn.
    least = np.maximum(sizes, 1).astype(np.float64)
    lengths = np.diff(by_basket.indptr) if "rp3beta" in measures else np.empty(0, np.int64)
    return Statistics(
        baskets,
        sizes,
        1.0 / np.sqrt(least),
        np.log(least),
        x_log_x(sizes) + x_log_x(baskets - sizes),
        least**-alpha,
        least**-beta,
        np.maximum(lengths, 1).astype(np.float64) ** -alpha,
        np.log(np.maximum(np.arange(LOGARITHMS), 1).astype(np.float64)),
        x_log_x(np.arange(min(baskets + 1, X_LOG_X) if "llr" in measures else 0)),
    )


def _both_ways(
    baskets: tuple[ArrayLike, ArrayLike], item_baskets: tuple[ArrayLike, ArrayLike] | None, item_count: int
) -> tuple[Rows, Rows]:
    if item_baskets is None:
        by_basket = checked_rows(baskets, item_count, "baskets")
        return by_basket, bounded_rows(transposed(by_basket, item_count), len(by_basket.indptr) - 1, "item baskets")
    by_basket = bounded_rows(baskets, item_count, "baskets")
    by_item = bounded_rows(item_baskets, len(by_basket.indptr) - 1, "item baskets")
    require_shape(by_item.indptr, (item_count + 1,), "item baskets indptr")
    require_shape(by_item.indices, by_basket.indices.shape, "item baskets indices")
    return by_basket, by_item
