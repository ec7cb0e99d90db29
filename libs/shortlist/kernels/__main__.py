"""Compile every loop into numba's cache: `python -m shortlist.kernels`, once per installation and per kind of machine.

Otherwise the first night pays for it, in each Python worker that has not found the cache. `NUMBA_CACHE_DIR` says where
the cache is; it must be the same when the jobs run.

The loops have no explicit signatures, which would state every argument's type twice: `arrays.frozen` brings whatever comes
to one type, so that one call here compiles all there is to compile.
"""

import sys
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from shortlist.kernels import candidates, counting_loops, ranking, ranking_loops, sample_loops
from shortlist.kernels.arrays import frozen
from shortlist.kernels.cooccurrence import MEASURES, cooccur
from shortlist.kernels.ials import fit_ials, largest_influences
from shortlist.kernels.observations import observe
from shortlist.kernels.top_k import top_k

PAIRS: Final = (np.array([0, 2, 3]), np.array([0, 1, 1]))
ONES: Final = np.ones(3, np.float32)


def fit_each_way() -> None:
    """The fit, exact and by conjugate gradient, with its loss."""
    for cg_steps in (3, None):
        fit_ials(
            observe(PAIRS, ONES, 2),
            2,
            factors=2,
            regularization=0.1,
            unobserved_weight=0.1,
            epochs=1,
            seed=0,
            cg_steps=cg_steps,
            threads=1,
            with_loss=True,
        )


def score_candidates() -> None:
    """Proposals, unions, scores and reasons of given candidates."""
    eligible, vectors = np.ones(2, np.uint8), np.eye(2, dtype=np.float32)
    candidates.best_of_rows(vectors, PAIRS, eligible, 1)
    candidates.best_of_entries(PAIRS, ONES, PAIRS, eligible, 1)
    candidates.first_allowed([0, 1], PAIRS, eligible, 1)
    union = candidates.union_of(np.zeros((1, 2, 1), np.int32))
    candidates.proposal_ranks(np.zeros((1, 2, 1), np.int32), union)
    candidates.gathered_products(vectors, vectors, eligible, PAIRS)
    candidates.gathered_values(vectors, PAIRS)
    candidates.own_values(PAIRS, ONES, PAIRS, 2)
    candidates.largest_products(PAIRS, ONES, vectors, vectors, PAIRS)
    seen, twos = observe(PAIRS, ONES, 2), np.ones(2, np.float32)
    largest_influences(seen, ONES, vectors, twos, twos, PAIRS)


def rank_candidates() -> None:
    """From scores to lists."""
    scores = np.ones((1, 3), np.float32)
    ranking.standard_scores(PAIRS[0], scores)
    ranking.tied_ranks(PAIRS[0], scores)
    ranking.best_first(PAIRS[0], ONES)
    ranking.weighted_sum(scores, [1.0])
    ranking.take_turns(PAIRS[0], scores, np.ones((2, 1)))
    ranking.cut_lists(PAIRS[0], ONES, 1)
    ranking.list_worth(PAIRS[0], ONES, ONES, 1)
    node, value = frozen(np.zeros(1), np.float32, "node"), frozen(np.zeros(1), np.float64, "value")
    zero = frozen(np.zeros(1, np.int32), np.int32, "zero")
    rows = frozen(np.ones((1, 1)), np.float32, "rows")
    ranking_loops.walk_trees(rows, zero, zero, zero, node, zero, value, np.zeros(1))


def count_each_way() -> None:
    """What counting sources call, with arrays as `sources` passes them."""
    starts, items = frozen(PAIRS[0], np.int64, "starts"), frozen(PAIRS[1], np.int32, "items")
    ones = frozen(ONES, np.float32, "ones")
    two, own = frozen(ONES[:2], np.float32, "two"), frozen(np.array([-1, -1], np.int32), np.int32, "own")
    places = frozen(np.array([0, 1, 0], np.int32), np.int32, "places")  # within each of the two rows of PAIRS
    groups, out = frozen(np.zeros(2, np.int32), np.int32, "groups"), np.empty(3, np.int32)
    rows = np.empty((2, 2), np.float32)
    history, lists = (starts, items, ones), (starts, items, ones)
    giving = (two, starts, items, ones, 1.5)
    near, similarities = np.empty((2, 1), np.int32), np.empty((2, 1), np.float32)
    counting_loops.add_neighbours(*history, *lists, False, rows)
    counting_loops.best_seeds(*history, *lists, starts, items, out)
    sample_loops.add_users(*history, own, starts, items, *giving, rows, near, similarities)
    users = frozen(near, np.int32, "users"), frozen(similarities, np.float32, "similarities")
    sample_loops.best_shared(*history, ones, *users, *giving, starts, items, 2, out)
    sample_loops.add_sessions(
        *history, places, own, starts, items, places, two, starts, items, two, 1, 0.5, 0.5, 0.5, rows
    )
    counting_loops.add_groups(*history, groups, two, 1, rows)
    counting_loops.heaviest_of_group(*history, groups, starts, items, out)
    counting_loops.add_terms(*history, *lists, *lists, rows)
    counting_loops.closest_terms(*history, *lists, starts, items, out)


# The real entry points on the smallest input: whatever they compile is what the jobs need.
KERNELS: Final[dict[str, Callable[[], object]]] = {
    "top_k": lambda: top_k(np.eye(2), np.eye(2), np.zeros(3, np.int64), PAIRS[1][:0], 1),
    "cooccurrence": lambda: cooccur(PAIRS, 2, list(MEASURES), 1),
    "ials": fit_each_way,
    "candidates": score_candidates,
    "ranking": rank_candidates,
    "counting": count_each_way,
}


def main() -> None:
    """Run every kernel once and print what it took; a moment where the cache had it already."""
    for name, run in KERNELS.items():
        start = time.perf_counter()
        run()
        sys.stdout.write(f"{name} {time.perf_counter() - start:.1f} s\n")


if __name__ == "__main__":
    main()
