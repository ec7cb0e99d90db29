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

from shortlist.kernels.cooccurrence import MEASURES, cooccur
from shortlist.kernels.ials import fit_ials
from shortlist.kernels.neighbours import score_neighbours
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


# The real entry points on the smallest input: whatever they compile is what the jobs need.
KERNELS: Final[dict[str, Callable[[], object]]] = {
    "top_k": lambda: top_k(np.eye(2), np.eye(2), np.zeros(3, np.int64), PAIRS[1][:0], 1),
    "cooccurrence": lambda: cooccur(PAIRS, 2, list(MEASURES), 1),
    "neighbours": lambda: score_neighbours(PAIRS, ONES, PAIRS, ONES, 1, "sum"),
    "ials": fit_each_way,
}


def main() -> None:
    """Run every kernel once and print what it took; a moment where the cache had it already."""
    for name, run in KERNELS.items():
        start = time.perf_counter()
        run()
        sys.stdout.write(f"{name} {time.perf_counter() - start:.1f} s\n")


if __name__ == "__main__":
    main()
