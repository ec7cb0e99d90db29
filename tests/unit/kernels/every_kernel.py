"""Run every kernel on fresh, read-only and memory-mapped arrays, in every mode, and print what numba had to compile.

A program of its own, for a process that has compiled nothing yet: `python every_kernel.py FOLDER`.
"""

import importlib
import json
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortlist import kernels
from shortlist.config import DIRECTED_MEASURES, WEIGHTED_MEASURES
from shortlist.kernels import candidates, ranking
from shortlist.kernels.arrays import Rows
from shortlist.kernels.cooccurrence import MEASURES, cooccur, totals_of
from shortlist.kernels.ials import fit_ials, fold_in
from shortlist.kernels.observations import observe
from shortlist.kernels.top_k import top_k

Array = NDArray[Any]
FLOATS = np.array([1.0, 2.0, 0.5], np.float32)
DOUBLES = np.array([1.0, 0.5])
INDPTR, INDICES = np.array([0, 2, 3], np.int64), np.array([0, 1, 1], np.int32)
VECTORS = np.eye(2, dtype=np.float32)


def use_all(given: Callable[[Array], Array]) -> list[Array]:
    """All that every kernel says of arrays as `given` makes them."""
    found: list[Array] = []
    floats, doubles, vectors = (given(array) for array in (FLOATS, DOUBLES, VECTORS))
    indptr, indices = given(INDPTR), given(INDICES)
    rows = (indptr, indices)
    found += top_k(vectors, vectors, indptr, indices, 1)
    for measures, more in (
        (tuple(MEASURES), {}),
        (("count",), {}),
        (WEIGHTED_MEASURES, {"basket_weights": doubles}),
        (DIRECTED_MEASURES, {"distance_weights": doubles, "basket_weights": doubles}),
        (("cosine",), {"totals": totals_of(Rows(INDPTR, INDICES), 2), "first_item": 1}),
    ):
        found += cooccur(rows, 2, measures, 3, **more)
    found += use_candidates(given)
    seen = observe(rows, floats, 2)
    for cg_steps in (3, None):
        model = fit_ials(
            seen, 2, factors=2, regularization=0.1, unobserved_weight=0.1, epochs=1, seed=0, cg_steps=cg_steps, threads=1,
            with_loss=True,
        )  # fmt: skip
        found += [model.user_factors, model.item_factors]
    return [*found, fold_in(seen, vectors, 0.1, 0.1)]


def use_candidates(given: Callable[[Array], Array]) -> list[Array]:
    """What is done with candidates."""
    floats, vectors, indptr, indices = (given(array) for array in (FLOATS, VECTORS, INDPTR, INDICES))
    rows, eligible = (indptr, indices), given(np.ones(2, np.uint8))
    scores = given(FLOATS[None, :])
    return [
        candidates.best_of_rows(vectors, rows, eligible, 1),
        candidates.best_of_entries(rows, floats, rows, eligible, 1),
        candidates.first_allowed(given(np.array([1, 0], np.int32)), rows, eligible, 1),
        *candidates.union_of(given(np.zeros((1, 2, 1), np.int32))),
        candidates.proposal_ranks(
            given(np.zeros((1, 2, 1), np.int32)), (given(np.arange(3)), given(np.zeros(2, np.int32)))
        ),
        candidates.gathered_products(vectors, vectors, eligible, rows),
        candidates.gathered_values(vectors, rows),
        candidates.own_values(rows, floats, rows, 2),
        candidates.largest_products(rows, floats, vectors, vectors, rows),
        ranking.standard_scores(indptr, scores),
        ranking.tied_ranks(indptr, scores),
        ranking.best_first(indptr, given(np.array([1.0, 2.0, 0.5]))),
        ranking.weighted_sum(scores, given(np.ones(1))),
        *ranking.take_turns(indptr, scores, given(np.ones((2, 1)))),
        *ranking.cut_lists(indptr, floats, 1, given(np.zeros((1, 3), np.int32)), [1]),
        *ranking.list_worth(indptr, floats, floats, 1),
    ]


def main(folder: Path) -> None:
    """Use, then count."""

    def packed(array: Array) -> Array:
        return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)

    def mapped(array: Array) -> Array:
        path = folder / f"{len(list(folder.iterdir()))}.npy"
        np.save(path, array)
        loaded: Array = np.load(path, mmap_mode="r")
        return loaded

    found: list[list[Array]] = []
    for given in (np.copy, packed, mapped, np.asfortranarray, lambda array: np.repeat(array, 2, axis=0)[::2]):
        found.append(use_all(given))
    loops: dict[str, Any] = {}
    for module in pkgutil.iter_modules(kernels.__path__, "shortlist.kernels."):
        if not module.name.endswith("__main__"):
            members = vars(importlib.import_module(module.name)).values()
            loops |= {loop.py_func.__qualname__: loop for loop in members if hasattr(loop, "py_func")}
    counted = {name: sum(loop.stats.cache_misses.values()) for name, loop in loops.items()}
    used = {name: len(loop.signatures) for name, loop in loops.items()}
    equal = all(np.array_equal(one, other) for some in found for one, other in zip(some, found[0], strict=True))
    sys.stdout.write(json.dumps({"misses": counted, "signatures": used, "equal": equal}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
