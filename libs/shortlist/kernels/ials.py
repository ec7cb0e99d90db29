"""Implicit matrix factorisation by alternating least squares: one half-step for anyone, a whole fit for one process.

The objective, over users u, items i and the observations of weight w and target p (1, or 0 for a hide):

    sum_obs w (p - <x_u, y_i>)^2 + a0 sum_all <x_u, y_i>^2
        + sum_u reg (n_u + a0 items)^nu |x_u|^2 + sum_i reg (n_i + a0 users)^nu |y_i|^2

with n the number of observations (Hu, Koren, Volinsky, ICDM 2008; the regularizer of Rendle, Krichene, Zhang, Koren,
"Revisiting the Performance of iALS on Item Recommendation Benchmarks", RecSys 2022).

Pin the BLAS to one thread: the threads here are over blocks of rows.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from shortlist.kernels import ials_loops
from shortlist.kernels.arrays import (
    Floats,
    Indices,
    Offsets,
    Rows,
    bounded_rows,
    finite,
    frozen,
    require_count,
    require_shape,
)
from shortlist.kernels.observations import Observations, bounded, flipped
from shortlist.kernels.starting import ITEMS, USERS, initial_factors

ROWS_PER_BLOCK: Final = 8192
BLOCKS_PER_THREAD: Final = 8
LOSS_BLOCKS: Final = 64


class GramBasis(NamedTuple):
    """The eigenbasis of a weighted Gram matrix a0 Y'Y = Q diag(s) Q'.

    Attributes:
        rotation: (d, d) float32, Q; vectors go in by `factors @ rotation`, and out by `rotated @ rotation.T`.
        spectrum: (d,) float32, s, ascending, >= 0.
    """

    rotation: Floats
    spectrum: Floats


class Ials(NamedTuple):
    """A fitted model; the score of a pair is the inner product.

    Attributes:
        user_factors: (users, d) float32; zeros for a user without positive observations.
        item_factors: (items, d) float32, likewise.
        losses: the objective after each epoch; empty unless asked for.
    """

    user_factors: Floats
    item_factors: Floats
    losses: tuple[float, ...]


def gram(factors: Floats) -> NDArray[np.float64]:
    """Y'Y, (d, d); Grams of blocks of rows add up to the Gram of all."""
    size = factors.shape[1]
    total = np.zeros((size, size), np.float64)
    for first in range(0, len(factors), ROWS_PER_BLOCK):
        block = factors[first : first + ROWS_PER_BLOCK]
        total += block.T @ block
    return total


def gram_basis(other_gram: ArrayLike, unobserved_weight: float) -> GramBasis:
    """The eigenbasis of a0 Y'Y, decomposed in float64.

    Args:
        other_gram: (d, d), Y'Y of the side that is held fixed.
        unobserved_weight: a0, >= 0.

    Raises:
        ValueError: a Gram that is not finite, a negative weight.
    """
    matrix = np.asarray(other_gram, np.float64)
    if not np.isfinite(matrix).all():
        raise ValueError("the Gram matrix is not finite; next: fit again with more regularization")
    if not 0 <= unobserved_weight < np.inf:
        raise ValueError(f"unobserved_weight is {unobserved_weight}, a finite weight of at least 0 is needed")
    spectrum, rotation = np.linalg.eigh(matrix * unobserved_weight)
    # A Gram matrix has no negative eigenvalues; rounding leaves some.
    return GramBasis(rotation.astype(np.float32), np.maximum(spectrum, 0).astype(np.float32))


def basis_of(factors: ArrayLike, unobserved_weight: float) -> GramBasis:
    """The eigenbasis of a0 Y'Y of a whole side.

    Args:
        factors: (m, d), Y.
        unobserved_weight: a0, >= 0.

    Raises:
        ValueError: factors that are no finite matrix, a negative weight.
    """
    side = finite(factors, "item factors")
    require_shape(side, (None, None), "item factors")
    return gram_basis(gram(side), unobserved_weight)


def row_regularization(
    indptr: ArrayLike, other_count: int, regularization: float, unobserved_weight: float, nu: float
) -> Floats:
    """reg (n_u + a0 |other|)^nu for each row, (rows,) float32; hides are observations too.

    Raises:
        ValueError: a regularization that is not positive: rows with few observations would have no one solution.
    """
    if not (0 < regularization < np.inf and 0 <= nu < np.inf):
        raise ValueError(f"regularization is {regularization} and nu is {nu}; next: choose regularization > 0, nu >= 0")
    counts = np.diff(frozen(indptr, np.int64, "indptr")) + unobserved_weight * other_count
    # A row without observations (and a0 = 0) is solved by 0 whatever its strength, which must only not divide by 0.
    strength = regularization * np.where(counts > 0, counts, 1.0) ** nu
    return finite(strength, "row regularization", above=0.0)


def ials_half_step(
    observations: Observations,
    other_rotated: ArrayLike,
    spectrum: ArrayLike,
    regularization: ArrayLike,
    start_rotated: ArrayLike,
    cg_steps: int | None = 3,
) -> Floats:
    """Solve a block of rows with the other side held fixed; everything in the other side's eigenbasis.

    Rows are solved one by one: how they are cut into blocks changes nothing. A row without positive observations
    gets the exact answer, 0.

    Args:
        observations: of these rows.
        other_rotated: (m, d) float32, `Y @ basis.rotation`.
        spectrum: (d,) float32, `basis.spectrum`.
        regularization: (rows,) float32, > 0, from `row_regularization`.
        start_rotated: (rows, d) float32, the last solution, `X @ basis.rotation`; left as it is.
        cg_steps: conjugate gradient steps; three from the last epoch's solution come within a hundredth of a percent
            of the exact objective. None: exact, by Cholesky of order min(observations, d).

    Returns:
        (rows, d) float32, the new solution in the same basis.

    Raises:
        ValueError: shapes or values as described, or equations that float32 could not solve.
    """
    other = finite(other_rotated, "other factors")
    require_shape(other, (None, None), "other factors")
    strengths = finite(regularization, "row regularization", above=0.0)
    eigenvalues = finite(spectrum, "spectrum", least=0.0)
    require_shape(eigenvalues, (other.shape[1],), "spectrum")
    start = finite(start_rotated, "start factors")
    checked = bounded(observations, len(other))
    require_shape(start, (len(checked.rows.indptr) - 1, other.shape[1]), "start factors")
    require_shape(strengths, (len(start),), "row regularization")
    solution = np.array(start)
    _refuse_unsolved(
        solve_rows(checked, other, eigenvalues, strengths, solution, cg_steps), checked, strengths, solution
    )
    return solution


def solve_rows(
    seen: Observations, other: Floats, spectrum: Floats, strengths: Floats, solution: Floats, cg_steps: int | None
) -> int:
    """`ials_half_step` in place, without its checks: for a caller who checked the whole of `other` once.

    Args:
        seen: as `bounded` gives them.
        other: (m, d), read-only.
        spectrum: (d,), read-only.
        strengths: (rows,), read-only.
        solution: (rows, d), start and result.
        cg_steps: as in `ials_half_step`.

    Returns:
        How many rows float32 could not solve; theirs are not finite.
    """
    arguments = (*seen.rows, seen.weights, seen.targets, other, spectrum, strengths, solution)
    if cg_steps is None:
        ials_loops.solve_exactly(*arguments)
    else:
        ials_loops.conjugate_gradient(*arguments, require_count(cg_steps, 1, "cg_steps"))
    return int((~np.isfinite(solution).all(axis=1)).sum())


def largest_influences(
    seen: Observations,
    telling: ArrayLike,
    other: Floats,
    spectrum: Floats,
    strengths: Floats,
    chosen: tuple[ArrayLike, ArrayLike],
) -> Indices:
    """The observation that adds most to each chosen score: Hu, Koren, Volinsky 2008, section 5.

    A solution is linear in its targets, so a score is the sum over observations i of y_j' (D + Y'WY)^-1 w_i y_i p_i.

    Args:
        seen: of these rows; time and memory of a row grow with the square of its observations.
        telling: one per observation, what its part is multiplied by; one with 0 is never named.
        other: (m, d), in the eigenbasis.
        spectrum: (d,).
        strengths: (rows,), > 0.
        chosen: rows of the same subjects.

    Returns:
        (chosen,) int32, -1 where no part is above 0.
    """
    pattern, weights, _ = bounded(seen, len(other))
    asked = bounded_rows(chosen, len(other), "chosen")
    require_shape(asked.indptr, pattern.indptr.shape, "chosen indptr")
    multipliers: Floats = frozen(telling, np.float32, "telling")
    require_shape(multipliers, weights.shape, "telling")
    sides = [frozen(each, np.float32, "factors, spectrum or strengths") for each in (other, spectrum, strengths)]
    out = np.empty(len(asked.indices), np.int32)
    ials_loops.largest_influences(*pattern, weights, multipliers, *sides, *asked, out)
    return out


def observed_loss(seen: Observations, rows: Floats, other: Floats) -> float:
    """sum w (p - <x, y>)^2 over observations; both sides in the same basis, whichever."""
    pattern, weights, targets = seen
    sides = (frozen(rows, np.float32, "rows"), frozen(other, np.float32, "other factors"))
    return float(ials_loops.observed_loss(*pattern, weights, targets, *sides))


def penalty(strengths: Floats, factors: Floats) -> float:
    """sum_u strength_u |x_u|^2."""
    return float((strengths * np.einsum("nd,nd->n", factors, factors, dtype=np.float64)).sum())


def fold_in(
    observations: Observations,
    item_factors: ArrayLike,
    regularization: float,
    unobserved_weight: float,
    nu: float = 1.0,
) -> Floats:
    """Vectors for rows that were not in the fit, exactly, with the item factors held fixed; (rows, d) float32.

    Raises:
        ValueError: as `ials_half_step`.
    """
    items = finite(item_factors, "item factors")
    basis = basis_of(items, unobserved_weight)
    strengths = row_regularization(observations.rows.indptr, len(items), regularization, unobserved_weight, nu)
    start = np.zeros((len(strengths), items.shape[1]), np.float32)
    rotated = ials_half_step(observations, items @ basis.rotation, basis.spectrum, strengths, start, None)
    return rotated @ basis.rotation.T


def fit_ials(
    observations: Observations,
    item_count: int,
    *,
    factors: int,
    regularization: float,
    unobserved_weight: float,
    epochs: int,
    seed: int,
    nu: float = 1.0,
    cg_steps: int | None = 3,
    start: tuple[ArrayLike, ArrayLike] | None = None,
    threads: int | None = None,
    with_loss: bool = False,
    on_epoch: Callable[[int, float | None], None] | None = None,
) -> Ials:
    """Fit in this process, on threads over blocks of rows. The number of threads does not change the answer.

    Args:
        observations: of each user, from `observe`.
        item_count: number of items.
        factors: d.
        regularization: reg, > 0.
        unobserved_weight: a0, the weight of every pair, seen or not.
        epochs: passes over users and items.
        seed: of the initial vectors.
        nu: exponent of the frequency in the regularizer; 0: the same for all rows.
        cg_steps: as in `ials_half_step`.
        start: user and item factors of an earlier fit instead of random ones.
        threads: None: as many as the machine has.
        with_loss: whether to compute the objective after each epoch.
        on_epoch: called after each epoch with its number from 1 and, `with_loss`, the objective.

    Raises:
        ValueError: arguments as described, or factors that are no longer finite.
    """
    require_count(factors, 1, "factors")
    require_count(epochs, 1, "epochs")
    user_side = bounded(observations, item_count)
    item_side = flipped(user_side, item_count)
    user_count = len(user_side.rows.indptr) - 1
    sides = (
        (user_side, row_regularization(user_side.rows.indptr, item_count, regularization, unobserved_weight, nu)),
        (item_side, row_regularization(item_side.rows.indptr, user_count, regularization, unobserved_weight, nu)),
    )
    if start is None:
        users = initial_factors(np.arange(user_count), factors, seed, USERS)
        items = initial_factors(np.arange(item_count), factors, seed, ITEMS)
    else:
        users, items = (np.array(finite(side, "start factors")) for side in start)
        require_shape(users, (user_count, factors), "start factors of users")
        require_shape(items, (item_count, factors), "start factors of items")
    losses: list[float] = []
    workers = threads or os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for epoch in range(1, epochs + 1):
            for (seen, strengths), mine, other in ((sides[0], users, items), (sides[1], items, users)):
                basis = gram_basis(gram(other), unobserved_weight)
                _half_epoch(pool, workers, seen, strengths, mine, other, basis, cg_steps)
            if with_loss:
                losses.append(_objective(pool, user_side, users, items, unobserved_weight, sides[0][1], sides[1][1]))
            if on_epoch is not None:
                on_epoch(epoch, losses[-1] if with_loss else None)
    return Ials(users, items, tuple(losses))


def _half_epoch(
    pool: ThreadPoolExecutor,
    workers: int,
    seen: Observations,
    strengths: Floats,
    mine: Floats,
    other: Floats,
    basis: GramBasis,
    cg_steps: int | None,
) -> None:
    """Replace `mine`, in place, by the solution against `other`."""
    rotated = np.empty_like(other)
    _multiply(pool, other, basis.rotation, rotated)
    _multiply(pool, mine, basis.rotation, mine)
    fixed, eigenvalues = frozen(rotated, np.float32, "factors"), frozen(basis.spectrum, np.float32, "spectrum")

    def solve(block: tuple[int, int]) -> None:
        first, last = block
        mine_seen = _cut(seen, first, last)
        solution = mine[first:last]
        wrong = solve_rows(mine_seen, fixed, eigenvalues, strengths[first:last], solution, cg_steps)
        _refuse_unsolved(wrong, mine_seen, strengths[first:last], solution)

    _run(pool, solve, _even_blocks(seen.rows.indptr, workers * BLOCKS_PER_THREAD))
    _multiply(pool, mine, np.ascontiguousarray(basis.rotation.T), mine)


def _refuse_unsolved(wrong: int, seen: Observations, strengths: Floats, solution: Floats) -> None:
    if wrong:
        row = int(np.argmin(np.isfinite(solution).all(axis=1)))
        raise ValueError(
            f"{wrong} of {len(solution)} rows have no solution in float32, the first is row {row} of its block with "
            f"weights up to {seen.weights.max():.3g} and regularization {strengths[row]:.3g}; "
            "next: cap the weights or raise the regularization"
        )


def _multiply(pool: ThreadPoolExecutor, factors: Floats, matrix: Floats, out: Floats) -> None:
    """out = factors @ matrix; out may be factors itself. Cut alike for any number of threads, which may not show."""

    def multiply(block: tuple[int, int]) -> None:
        out[slice(*block)] = factors[slice(*block)] @ matrix

    cuts = [*range(0, len(factors), ROWS_PER_BLOCK), len(factors)]
    _run(pool, multiply, list(pairwise(cuts)))


def _run(pool: ThreadPoolExecutor, task: Callable[[tuple[int, int]], None], blocks: list[tuple[int, int]]) -> None:
    # Reading the results raises what a thread raised.
    for _ in pool.map(task, blocks):
        pass


def _even_blocks(indptr: Offsets, count: int) -> list[tuple[int, int]]:
    """At most `count` blocks of consecutive rows of about the same work: observations, and something for each row."""
    rows = len(indptr) - 1
    work = indptr + np.arange(rows + 1) * 4
    cuts = np.searchsorted(work, np.linspace(0, int(work[-1]), count + 1)[1:-1])
    return list(pairwise(sorted({0, rows, *(int(cut) for cut in cuts)})))


def _objective(
    pool: ThreadPoolExecutor,
    seen: Observations,
    users: Floats,
    items: Floats,
    unobserved_weight: float,
    user_reg: Floats,
    item_reg: Floats,
) -> float:
    """Summed over the same blocks for any number of threads, which may not show."""
    blocks = _even_blocks(seen.rows.indptr, LOSS_BLOCKS)
    losses = pool.map(lambda block: observed_loss(_cut(seen, *block), users[slice(*block)], items), blocks)
    everywhere = unobserved_weight * float((gram(users) * gram(items)).sum())
    return sum(losses) + everywhere + penalty(user_reg, users) + penalty(item_reg, items)


def _cut(seen: Observations, first: int, last: int) -> Observations:
    """Observations of rows first to last."""
    entries = slice(int(seen.rows.indptr[first]), int(seen.rows.indptr[last]))
    offsets = seen.rows.indptr[first : last + 1] - seen.rows.indptr[first]
    rows = Rows(frozen(offsets, np.int64, "indptr"), seen.rows.indices[entries])
    return Observations(rows, seen.weights[entries], seen.targets[entries])
