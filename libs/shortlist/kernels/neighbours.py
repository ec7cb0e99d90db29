"""Scores of items from the neighbours of a user's items (the seeds), with the seed that contributed most."""

from typing import Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike

from shortlist.kernels.arrays import Floats, Indices, bounded_rows, checked_rows, finite, require_count, require_shape
from shortlist.kernels.neighbours_loops import neighbour_rows

Scoring = Literal["sum", "multi-hit"]
SCORINGS: Final[tuple[str, ...]] = get_args(Scoring)


class NeighbourScores(NamedTuple):
    """Ranked lists; row q holds counts[q] entries.

    Attributes:
        items: (queries, k) int32, beyond the list -1.
        scores: (queries, k) float32, beyond the list -inf.
        best_seeds: (queries, k) int32, the seed that contributed most to that item (of equals the smaller); beyond the
            list -1.
        counts: (queries,) int32.
    """

    items: Indices
    scores: Floats
    best_seeds: Indices
    counts: Indices


def score_neighbours(
    seeds: tuple[ArrayLike, ArrayLike],
    seed_weights: ArrayLike,
    neighbours: tuple[ArrayLike, ArrayLike],
    similarities: ArrayLike,
    k: int,
    scoring: Scoring,
    seen: tuple[ArrayLike, ArrayLike] | None = None,
) -> NeighbourScores:
    """For each query the k unseen items with the largest score from its seeds; equal scores by ascending index.

    With w_s the weight of seed s and s_sj the similarity of its neighbour j:

        sum        sum_s w_s s_sj
        multi-hit  (sum_s sqrt(w_s s_sj))^2, which favours items that several seeds name (Eksombatchai et al., "Pixie",
                   WWW 2018, equation 3)

    Args:
        seeds: indptr (queries + 1) and indices: the seed items of each query, ascending, each once.
        seed_weights: one per seed, float32, > 0.
        neighbours: indptr (items + 1) and indices: the neighbours of each item in any order; one named twice counts
            twice.
        similarities: one per neighbour, float32; for multi-hit >= 0.
        k: list length.
        scoring: `sum` or `multi-hit`.
        seen: items that a query must not be given, ascending in each row; None: its seeds.

    Returns:
        One list per query; a query without seeds, or whose seeds have no neighbours, gets an empty one.

    Raises:
        ValueError: broken rows, weights or similarities as described, k below 1, a score beyond float32.
    """
    if scoring not in SCORINGS:
        raise ValueError(f"scoring {scoring!r} is not known; next: choose from {', '.join(SCORINGS)}")
    require_count(k, 1, "k")
    item_count = np.shape(neighbours[0])[0] - 1
    near = bounded_rows(neighbours, item_count, "neighbours")
    start = checked_rows(seeds, item_count, "seeds")
    barred = start if seen is None else checked_rows(seen, item_count, "seen", repeats=True)
    require_shape(barred.indptr, start.indptr.shape, "seen indptr")
    weights = finite(seed_weights, "seed weights", above=0.0)
    require_shape(weights, start.indices.shape, "seed weights")
    multi_hit = scoring == "multi-hit"
    closeness = finite(similarities, "similarities", least=0.0 if multi_hit else -np.inf)
    require_shape(closeness, near.indices.shape, "similarities")

    queries = len(start.indptr) - 1
    result = NeighbourScores(
        np.full((queries, k), -1, np.int32),
        np.full((queries, k), -np.inf, np.float32),
        np.full((queries, k), -1, np.int32),
        np.zeros(queries, np.int32),
    )
    neighbour_rows(start, weights, near, closeness, barred, min(k, item_count), multi_hit, *result)
    listed = np.arange(k) < result.counts[:, None]
    overflown = listed & ~np.isfinite(result.scores)
    if overflown.any():
        raise ValueError(
            f"{int(overflown.sum())} scores exceed float32; next: scale seed weights "
            f"(up to {weights.max():.3g}) or similarities (up to {closeness.max():.3g}) down"
        )
    return result
