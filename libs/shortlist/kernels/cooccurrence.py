"""What is found together: every item's best neighbours by several measures, from one pass over the baskets."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.config import DIRECTED_MEASURES, WEIGHTED_MEASURES
from shortlist.kernels import cooccurrence_loops
from shortlist.kernels.arrays import (
    Floats,
    Indices,
    Rows,
    bounded_rows,
    checked_rows,
    finite_doubles,
    require_count,
    require_shape,
)

MEASURES: Final[dict[str, int]] = {
    "count": cooccurrence_loops.COUNT,
    "cosine": cooccurrence_loops.COSINE,
    "jaccard": cooccurrence_loops.JACCARD,
    "lift": cooccurrence_loops.LIFT,
    "npmi": cooccurrence_loops.NPMI,
    "llr": cooccurrence_loops.LLR,
    "rp3beta": cooccurrence_loops.RP3BETA,
    "log_lift": cooccurrence_loops.LOG_LIFT,
}
# Tables of logarithms that are worth their cache; larger numbers are computed.
LOGARITHMS: Final = 1025
X_LOG_X: Final = 1 << 22


class Cooccurrence(NamedTuple):
    """Ranked neighbours; measure m of row i holds counts[m, i] entries.

    Attributes:
        items: (measures, rows, k) int32, beyond the list -1.
        scores: (measures, rows, k) float32, beyond the list -inf.
        supports: (measures, rows, k) int32, baskets that count for the pair; beyond the list 0.
        counts: (measures, rows) int32.
    """

    items: Indices
    scores: Floats
    supports: Indices
    counts: Indices


class Totals(NamedTuple):
    """What is known of all baskets, where only some of them are at hand.

    Attributes:
        sizes: (items,) float64, summed weight of the baskets of each item; without weights, their number.
        weight: summed weight of all baskets, with empty ones; without weights, their number.
    """

    sizes: NDArray[np.float64]
    weight: float


class Statistics(NamedTuple):
    """What the loops need to know of items and baskets; what nobody asked for is empty.

    Attributes:
        total: N, summed weight of the baskets.
        sizes: (items,) float64, n_i.
        roots: (items,) float64, 1 / sqrt(n_i), for cosine.
        logs: (items,) float64, ln n_i, for npmi.
        entropies: (items,) float64, n_i ln n_i + (N - n_i) ln(N - n_i), for llr.
        walks: (items,) float64, n_i^-alpha, for rp3beta.
        discounts: (items,) float64, n_i^-beta, for rp3beta.
        chances: (items,) float64, e_ij / n_j, for log_lift; of the rows that are asked for.
        smoothing: of log_lift.
        least: its smallest score.
        basket_walks: (baskets,) float64, w_b |b|^-alpha, for rp3beta.
        basket_weights: (baskets,) float64, w_b; empty: each counts 1.
        distance_weights: float64, what the next item counts, the second next, and so on; empty: no direction.
        log_counts: float64, ln of small integers, for npmi; anything at 0.
        x_log_x: float64, x ln x of integers as far as it goes, for llr.
    """

    total: float
    sizes: NDArray[np.float64]
    roots: NDArray[np.float64]
    logs: NDArray[np.float64]
    entropies: NDArray[np.float64]
    walks: NDArray[np.float64]
    discounts: NDArray[np.float64]
    chances: NDArray[np.float64]
    smoothing: float
    least: float
    basket_walks: NDArray[np.float64]
    basket_weights: NDArray[np.float64]
    distance_weights: NDArray[np.float64]
    log_counts: NDArray[np.float64]
    x_log_x: NDArray[np.float64]


def item_rows(baskets: Rows, first_item: int, last_item: int) -> tuple[Rows, Indices]:
    """The baskets of each item from first_item to last_item, ascending, and the item's position in each.

    Args:
        baskets: a pattern that is safe to walk.
        first_item: item of the first row.
        last_item: end of the rows.
    """
    baskets = Rows(_read_only(baskets.indptr), _read_only(baskets.indices))
    indptr = np.zeros(last_item - first_item + 1, np.int64)
    cooccurrence_loops.count_baskets(baskets.indices, first_item, indptr[1:])
    np.cumsum(indptr, out=indptr)
    listed, positions = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.int32)
    cooccurrence_loops.list_baskets(*baskets, first_item, indptr[:-1].copy(), listed, positions)
    return Rows(_read_only(indptr), _read_only(listed)), _read_only(positions)


def cooccur(
    baskets: tuple[ArrayLike, ArrayLike],
    item_count: int,
    measures: Sequence[str],
    k: int,
    min_support: int = 1,
    *,
    alpha: float = 1.0,
    beta: float = 0.0,
    smoothing: float = 0.0,
    least_lift: float = 0.0,
    basket_weights: ArrayLike | None = None,
    distance_weights: ArrayLike | None = None,
    first_item: int = 0,
    last_item: int | None = None,
    totals: Totals | None = None,
) -> Cooccurrence:
    """For each item its k best neighbours by each measure; equal scores (as float32) by ascending index.

    With w_b the weight of basket b, N the weight of all baskets, n_i of those that hold item i and n_ij of those that
    hold both i and j; without weights each counts 1:

        count    n_ij
        cosine   n_ij / sqrt(n_i n_j)
        jaccard  n_ij / (n_i + n_j - n_ij)
        lift     n_ij N / (n_i n_j)
        npmi     ln(n_ij N / (n_i n_j)) / -ln(n_ij / N), 1 where n_ij = N (Bouma, GSCL 2009)
        llr      G^2 = 2 sum O ln(O / E) of the 2 x 2 table (Dunning, Computational Linguistics 19(1), 1993); 0 where
                 the two are found together no more often than by chance. Its cells are counts: refused with weights
        rp3beta  n_i^-alpha n_j^-beta sum over shared baskets b of w_b |b|^-alpha: a random walk item, basket, item,
                 and popularity held down (Paudel et al., ACM TiiS 7(1), 2017)
        log_lift ln((n_ij + s) / (e_ij + s)) with smoothing s, where e_ij = n_j sum over the baskets b of i of w_b (|b| - 1),
                 divided by sum_k n_k, is what chance would give in baskets as large as those of i: for lift and npmi whatever
                 is in large baskets goes together. s baskets that are as chance has them hold a pair down that was hardly
                 seen (as DuMouchel shrinks it, The American Statistician 53(3), 1999)

    With distance weights, baskets are ordered and j counts for i only in those where it comes later: w_b is multiplied by
    distance_weights[d - 1] where j is the d-th item after i, in n_ij and in the sum of rp3beta; n_i and N stay. Only count,
    cosine and rp3beta have a meaning then: the others hold n_ij against what chance would give for whole baskets.

    Work grows with the sum of the squared basket sizes: cap the baskets first. Memory: up to 80 bytes per item, 8 per
    entry of the rows, and 8 per basket with weights or for rp3beta. The answer depends on the order of the baskets only
    where sums are rounded (rp3beta, distance weights, weights that are no multiples of a power of 2).

    Args:
        baskets: indptr (N + 1) and indices: the items of each basket, each once, ascending; else in order, with distance weights.
        item_count: number of items.
        measures: names from MEASURES; the answer has their order.
        k: list length.
        min_support: fewest shared baskets for a pair to count, whatever they weigh; with distance weights, those with j later.
        alpha: of rp3beta.
        beta: of rp3beta.
        smoothing: of log_lift.
        least_lift: log_lift leaves out pairs that score below its logarithm; 0 leaves out none.
        basket_weights: one per basket, > 0; None: 1 each.
        distance_weights: what the next item counts, the second next, and so on, >= 0, for as far as the longest basket
            goes; None: no direction.
        first_item: first row to compute.
        last_item: end of the rows; None: item_count.
        totals: of all baskets, where `baskets` are only those that hold one of these rows, or where the caller has
            them anyway. The baskets are then trusted to be in order; only what memory safety needs is checked. None:
            made here.

    Returns:
        Lists for the rows first_item to last_item; an item is no neighbour of its own. A support is the number of
        baskets that count for the pair.

    Raises:
        ValueError: an unknown measure, or one without meaning here; broken baskets, weights or totals; rows out of
            range; negative or infinite exponents, smoothing or least lift.
    """
    _require_meaning(measures, weighted=basket_weights is not None, directed=distance_weights is not None)
    require_count(k, 1, "k")
    require_count(min_support, 1, "min_support")
    for name, given in (("alpha", alpha), ("beta", beta), ("smoothing", smoothing), ("least_lift", least_lift)):
        if not 0 <= given < np.inf:
            raise ValueError(f"{name} is {given}, a finite number of at least 0 is needed")
    stop = item_count if last_item is None else last_item
    if not 0 <= first_item <= stop <= item_count:
        raise ValueError(f"rows {first_item} to {stop} are asked for; next: stay within 0 to {item_count}")
    by_basket = _in_order(baskets, item_count, directed=distance_weights is not None, trusted=totals is not None)
    lengths = np.diff(by_basket.indptr)
    weights = None
    if basket_weights is not None:
        weights = finite_doubles(basket_weights, "basket weights", above=0.0)
        require_shape(weights, lengths.shape, "basket weights")
    weights_by_distance = None
    if distance_weights is not None:
        weights_by_distance = finite_doubles(distance_weights, "distance_weights", least=0.0)
        require_count(len(weights_by_distance), int(lengths.max(initial=1)) - 1, "length of distance_weights")
    if totals is None:
        totals = totals_of(by_basket, item_count, weights)
    sizes = finite_doubles(totals.sizes, "sizes", least=0.0)
    require_shape(sizes, (item_count,), "sizes")
    by_item, positions = item_rows(by_basket, int(first_item), int(stop))
    chances = np.zeros(item_count if "log_lift" in measures else 0)
    if len(chances):
        chances[first_item:stop] = _company(by_item, lengths, weights) / max(sizes.sum(), np.finfo(float).tiny)

    shape = (len(measures), stop - first_item, k)
    result = Cooccurrence(
        np.full(shape, -1, np.int32),
        np.full(shape, -np.inf, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(shape[:2], np.int32),
    )
    cooccurrence_loops.cooccurrence_rows(
        int(first_item),
        by_item,
        positions,
        by_basket,
        _statistics(
            Totals(sizes, totals.weight),
            lengths,
            measures,
            (alpha, beta),
            (chances, float(smoothing), float(np.log(least_lift)) if least_lift else -np.inf),
            weights,
            weights_by_distance,
        ),
        np.array([MEASURES[name] for name in measures], np.int64),
        min(k, item_count),
        int(min_support),
        *result,
    )
    return result


def totals_of(baskets: Rows, item_count: int, weights: NDArray[np.float64] | None = None) -> Totals:
    """The totals of baskets that are all at hand."""
    lengths = np.diff(baskets.indptr)
    each = None if weights is None else np.repeat(weights, lengths)
    sizes = np.bincount(baskets.indices, each, item_count).astype(np.float64)
    return Totals(sizes, float(len(lengths) if weights is None else weights.sum()))


def _company(by_item: Rows, lengths: NDArray[np.int64], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """What else lies in the baskets of each item: sum of w_b (|b| - 1)."""
    others = (lengths - 1).astype(np.float64) * (1.0 if weights is None else weights)
    rows = np.repeat(np.arange(len(by_item.indptr) - 1), np.diff(by_item.indptr))
    return np.bincount(rows, others[by_item.indices], len(by_item.indptr) - 1).astype(np.float64)


def x_log_x(counts: NDArray[Any]) -> NDArray[np.float64]:
    """x ln x, 0 at 0."""
    numbers = counts.astype(np.float64)
    return numbers * np.log(np.maximum(numbers, 1.0))


def _require_meaning(measures: Sequence[str], *, weighted: bool, directed: bool) -> None:
    unknown = [name for name in measures if name not in MEASURES]
    if unknown or not measures:
        raise ValueError(f"measures {unknown or list(measures)} are not known; next: choose from {', '.join(MEASURES)}")
    for given, what, allowed in (
        (weighted, "weighted baskets", WEIGHTED_MEASURES),
        (directed, "a direction", DIRECTED_MEASURES),
    ):
        wrong = [name for name in measures if name not in allowed]
        if given and wrong:
            raise ValueError(f"measures {wrong} have no meaning with {what}; next: choose from {', '.join(allowed)}")


def _statistics(
    totals: Totals,
    lengths: NDArray[np.int64],
    measures: Sequence[str],
    exponents: tuple[float, float],
    lift: tuple[NDArray[np.float64], float, float],
    weights: NDArray[np.float64] | None,
    distance_weights: NDArray[np.float64] | None,
) -> Statistics:
    """As the loops read them.

    Args:
        totals: of all baskets.
        lengths: of each basket.
        measures: that are asked for.
        exponents: alpha and beta of rp3beta.
        lift: `chances`, `smoothing` and `least` of log_lift.
        weights: of each basket, if not 1 each.
        distance_weights: see `cooccur`.
    """
    nothing, (alpha, beta), (chances, smoothing, least_score) = np.empty(0, np.float64), exponents, lift
    # A power or logarithm of 0 is never read, and must only not warn.
    least = np.where(totals.sizes > 0, totals.sizes, 1.0)
    walks = np.maximum(lengths, 1).astype(np.float64) ** -alpha if "rp3beta" in measures else nothing
    return Statistics(
        total=float(totals.weight),
        sizes=_read_only(totals.sizes),
        roots=_read_only(1.0 / np.sqrt(least) if "cosine" in measures else nothing),
        logs=_read_only(np.log(least) if "npmi" in measures else nothing),
        entropies=_read_only(
            x_log_x(totals.sizes) + x_log_x(totals.weight - totals.sizes) if "llr" in measures else nothing
        ),
        walks=_read_only(least**-alpha if "rp3beta" in measures else nothing),
        discounts=_read_only(least**-beta if "rp3beta" in measures else nothing),
        chances=_read_only(chances),
        smoothing=smoothing,
        least=least_score,
        basket_walks=_read_only(walks if weights is None or not len(walks) else walks * weights),
        basket_weights=_read_only(nothing if weights is None else weights),
        distance_weights=_read_only(nothing if distance_weights is None else distance_weights),
        log_counts=_read_only(np.log(np.maximum(np.arange(LOGARITHMS), 1).astype(np.float64))),
        x_log_x=_read_only(x_log_x(np.arange(min(int(totals.weight) + 1, X_LOG_X) if "llr" in measures else 0))),
    )


def _in_order(baskets: tuple[ArrayLike, ArrayLike], item_count: int, *, directed: bool, trusted: bool) -> Rows:
    """Baskets that may be walked; unless they are trusted, with every item once."""
    if trusted:
        return bounded_rows(baskets, item_count, "baskets")
    if not directed:
        return checked_rows(baskets, item_count, "baskets")
    rows = bounded_rows(baskets, item_count, "baskets")
    owners = np.repeat(np.arange(len(rows.indptr) - 1), np.diff(rows.indptr))
    checked_rows((rows.indptr, rows.indices[np.lexsort((rows.indices, owners))]), item_count, "baskets")
    return rows


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that is of one type to numba, whoever made the array."""
    view = array.view()
    view.flags.writeable = False
    return view
