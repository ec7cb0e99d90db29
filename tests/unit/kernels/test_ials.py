"""iALS: single rows against dense float64 solutions, the whole fit against its own objective, and a planted structure."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from shortlist.kernels import ials_loops
from shortlist.kernels.arrays import Floats
from shortlist.kernels.ials import (
    GramBasis,
    fit_ials,
    fold_in,
    gram,
    gram_basis,
    ials_half_step,
    row_regularization,
)
from shortlist.kernels.observations import Observations, observe
from shortlist.kernels.starting import ITEMS, USERS, chances, initial_factors
from shortlist.kernels.top_k import top_k

Dense = NDArray[np.float64]
UNOBSERVED = 0.1


def observed(weights: Dense, targets: Dense | None = None) -> Observations:
    """The positive entries of a dense matrix."""
    held = weights > 0
    indptr = np.concatenate(([0], np.cumsum(held.sum(1))))
    return observe(
        (indptr, np.nonzero(held)[1]), weights[held], weights.shape[1], None if targets is None else targets[held]
    )


def solved(weights: Dense, targets: Dense, other: Dense, strengths: Dense) -> Dense:
    """Each row's normal equations, dense and in float64."""
    size = other.shape[1]
    everywhere = UNOBSERVED * other.T @ other
    return np.array(
        [
            np.linalg.solve(
                everywhere + strengths[u] * np.eye(size) + (other.T * weights[u]) @ other,
                other.T @ (weights[u] * targets[u]),
            )
            for u in range(len(weights))
        ]
    ).reshape(len(weights), size)


def half_step(weights: Dense, targets: Dense, other: Dense, strengths: Dense, cg_steps: int | None) -> Floats:
    basis = gram_basis(gram(other.astype(np.float32)), UNOBSERVED)
    start = np.zeros((len(weights), other.shape[1]), np.float32)
    rotated = other.astype(np.float32) @ basis.rotation
    found = ials_half_step(observed(weights, targets), rotated, basis.spectrum, strengths, start, cg_steps)
    return found @ basis.rotation.T


def drawn(seed: int, rows: int, columns: int, size: int) -> tuple[Dense, Dense, Dense, Dense]:
    random = np.random.default_rng(seed)
    weights = np.where(random.random((rows, columns)) < 0.4, random.random((rows, columns)) * 3 + 0.2, 0)
    targets = np.where(random.random((rows, columns)) < 0.8, 1.0, 0.0)
    other = random.normal(size=(columns, size)).astype(np.float32).astype(np.float64) * 0.5
    return weights, targets, other, random.random(rows) + 0.05


def test_half_step__one_factor_by_hand() -> None:
    # One user, items at 1 and 2, weights 3 (engaged) and 5 (hidden): x (0.1 x 5 + 2 + 3 x 1 + 5 x 4) = 3 x 1.
    found = half_step(np.array([[3.0, 5.0]]), np.array([[1.0, 0.0]]), np.array([[1.0], [2.0]]), np.array([2.0]), None)
    assert found.tolist() == [[pytest.approx(3 / 25.5)]]
    assert found.dtype == np.float32


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 33])
@pytest.mark.parametrize("cg_steps", [None, 60])
def test_half_step__equals_the_dense_solution(size: int, cg_steps: int | None) -> None:
    # 40 columns, 16 seen on average: rows on both sides of n < d, and neither a multiple of 4.
    weights, targets, other, strengths = drawn(size, 30, 40, size)
    expected = solved(weights, targets, other, strengths)
    found = half_step(weights, targets, other, strengths, cg_steps)
    assert np.abs(found - expected).max() <= 2e-5 * np.abs(expected).max()


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 6), st.integers(1, 12), st.integers(1, 9))
def test_half_step__any_small_shape(seed: int, rows: int, columns: int, size: int) -> None:
    weights, targets, other, strengths = drawn(seed, rows, columns, size)
    expected = solved(weights, targets, other, strengths)
    found = half_step(weights, targets, other, strengths, None)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max(initial=0) <= 1e-4 * max(1.0, np.abs(expected).max(initial=0))


def test_half_step__steps_come_closer_and_warm_starts_stay() -> None:
    weights, targets, other, strengths = drawn(1, 30, 40, 16)
    expected = solved(weights, targets, other, strengths)
    misses = [np.abs(half_step(weights, targets, other, strengths, s) - expected).max() for s in (1, 3, 8, 16)]
    assert misses == sorted(misses, reverse=True)
    assert misses[-1] < 1e-4 < misses[0]
    basis = gram_basis(gram(other.astype(np.float32)), UNOBSERVED)
    start = (expected @ basis.rotation).astype(np.float32)
    rotated = other.astype(np.float32) @ basis.rotation
    warm = ials_half_step(observed(weights, targets), rotated, basis.spectrum, strengths, start, 1)
    assert np.abs(warm @ basis.rotation.T - expected).max() < 1e-5


@pytest.mark.parametrize("cg_steps", [None, 3])
def test_half_step__nothing_engaged_is_exactly_zero(cg_steps: int | None) -> None:
    # Row 0 saw nothing, row 1 only hid, row 2 engaged; a warm start must not survive.
    weights, targets = np.array([[0, 0], [1, 2], [1, 0.0]]), np.array([[1, 1], [0, 0], [1, 1.0]])
    other = np.array([[1, 2], [3, 4]], np.float32)
    found = ials_half_step(
        observed(weights, targets), other, [0.0, 1.0], np.ones(3), np.ones((3, 2), np.float32), cg_steps
    )
    assert found[:2].tolist() == [[0, 0], [0, 0]]
    assert found[2].any()


def test_half_step__a_hide_pushes_away() -> None:
    weights = np.array([[4.0, 0.0], [4.0, 4.0]])
    other = np.array([[1.0, 0.2], [0.8, 0.9]])
    found = half_step(weights, np.array([[1.0, 1], [1, 0]]), other, np.array([0.1, 0.1]), None)
    scores = found @ other.T
    assert scores[1, 1] < scores[0, 1] / 2
    assert scores[1, 0] > 0.5


@pytest.mark.parametrize("scale", [1e-9, 1e4])
@pytest.mark.parametrize("cg_steps", [None, 30])
def test_half_step__weights_of_any_size(scale: float, cg_steps: int | None) -> None:
    # Small weights leave small residuals: a stop at a fixed size would return the start.
    weights, targets, other, _ = drawn(2, 20, 40, 8)
    strengths = np.full(20, 0.5)
    expected = solved(weights * scale, targets, other, strengths)
    found = half_step(weights * scale, targets, other, strengths, cg_steps)
    assert np.abs(found - expected).max() <= 2e-3 * np.abs(expected).max()


def test_half_step__long_rows_use_no_buffer_beyond_its_end() -> None:
    # 5,000 observations: more than are gathered for one row.
    random = np.random.default_rng(4)
    weights, targets = random.random((2, 5_000)) + 0.1, np.ones((2, 5_000))
    other = random.normal(size=(5_000, 6)).astype(np.float32).astype(np.float64)
    strengths = np.ones(2)
    expected = solved(weights, targets, other, strengths)
    for cg_steps in (None, 12):
        found = half_step(weights, targets, other, strengths, cg_steps)
        assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("cg_steps", [None, 3])
def test_half_step__blocks_change_nothing(cg_steps: int | None) -> None:
    weights, targets, other, strengths = drawn(9, 12, 30, 16)
    start = initial_factors(np.arange(12), 16, 1, USERS)
    spectrum = np.linspace(0, 3, 16)

    def solve(first: int, last: int) -> Floats:
        block = slice(first, last)
        seen = observed(weights[block], targets[block])
        return ials_half_step(seen, other, spectrum, strengths[block], start[block], cg_steps)

    assert np.array_equal(np.concatenate([solve(0, 5), solve(5, 6), solve(6, 6), solve(6, 12)]), solve(0, 12))


def test_gram_basis__rebuilds_the_gram() -> None:
    factors = np.random.default_rng(0).normal(size=(9_000, 5)).astype(np.float32)
    basis = gram_basis(gram(factors), 0.5)
    rebuilt = (basis.rotation * basis.spectrum) @ basis.rotation.T
    assert rebuilt == pytest.approx(0.5 * factors.astype(np.float64).T @ factors, rel=1e-4, abs=1e-2)
    assert gram(factors[:4]) + gram(factors[4:]) == pytest.approx(gram(factors), rel=1e-6, abs=1e-3)
    # Rank 1: rounding must not make an eigenvalue negative.
    assert gram_basis(gram(np.ones((7, 3), np.float32)), 1).spectrum.min() >= 0


def test_row_regularization__by_hand() -> None:
    # 0.5 x (n + 0.1 x 10)^nu for n = 0, 3.
    assert row_regularization([0, 0, 3], 10, 0.5, 0.1, 1).tolist() == [0.5, 2.0]
    assert row_regularization([0, 0, 3], 10, 0.5, 0.1, 0.5).tolist() == [0.5, 1.0]
    assert row_regularization([0, 0, 3], 10, 0.5, 0.1, 0).tolist() == [0.5, 0.5]
    assert row_regularization([0, 0], 10, 0.5, 0, 1).tolist() == [0.5]


def split_mix(value: int) -> int:
    """SplitMix64's finalizer in whole numbers."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
    return value ^ (value >> 31)


def test_initial_factors__come_from_the_id_alone() -> None:
    ids = np.array([0, 7, 2**40, 9_001])
    made = initial_factors(ids, 3, 11, ITEMS)
    assert np.array_equal(made[[2, 0]], initial_factors(ids[[2, 0]], 3, 11, ITEMS))
    for row, name in enumerate(ids.tolist()):
        stream = split_mix((split_mix(name) + split_mix((split_mix(11) + ITEMS) % 2**64)) % 2**64)
        for k in range(3):
            bits = split_mix((stream + (k + 1) * 0x9E3779B97F4A7C15) % 2**64) >> 40
            expected = ((bits + 0.5) / 2**24 - 0.5) * 2 * math.sqrt(3) * 0.1 / math.sqrt(3)
            assert made[row, k] == np.float32(expected)


def test_initial_factors__are_small_centred_and_distinct() -> None:
    made = initial_factors(np.arange(20_000), 16, 3, USERS)
    assert abs(made.mean()) < 5e-4
    assert made.std() == pytest.approx(0.1 / 4, rel=0.01)
    assert np.abs(np.corrcoef(made[:, 0], made[:, 1])[0, 1]) < 0.03
    assert len(np.unique(made, axis=0)) == len(made)
    for other in (initial_factors(np.arange(9), 16, 4, USERS), initial_factors(np.arange(9), 16, 3, ITEMS)):
        assert not np.isin(other, made[:9]).any()


def test_chances__come_from_the_id_alone_and_are_even() -> None:
    ids = np.arange(-10_000, 10_000)
    drawn = chances(ids, 3)
    assert np.array_equal(chances(ids[[5, 2]], 3), drawn[[5, 2]])
    stream = (split_mix(7) + split_mix((split_mix(3) + 0x9E3779B97F4A7C15) % 2**64)) % 2**64
    assert drawn[10_007] == (split_mix(stream) >> 11) / 2**53
    assert np.histogram(drawn, 10, (0, 1))[0] == pytest.approx(np.full(10, 2_000), rel=0.1)
    assert not np.array_equal(chances(ids, 4), drawn)


def checkerboard(size: int) -> Dense:
    """Users like items of their own colour, but user u has not seen item u, which is of it."""
    users, items = np.indices((size, size))
    return np.where(((users + items) % 2 == 0) & (users != items), 1.0, 0.0)


ARGUMENTS: dict[str, Any] = {
    "factors": 4, "regularization": 0.01, "unobserved_weight": 0.1, "epochs": 8, "seed": 5, "threads": 2,
}  # fmt: skip


@pytest.mark.parametrize("cg_steps", [None, 3])
def test_fit_ials__finds_the_withheld_item(cg_steps: int | None) -> None:
    seen = observed(checkerboard(40))
    model = fit_ials(seen, 40, **ARGUMENTS, cg_steps=cg_steps)
    best = top_k(model.user_factors, model.item_factors.T, *seen.rows, 1)
    assert best.items[:, 0].tolist() == list(range(40))


def test_fit_ials__loss_is_the_objective_and_falls() -> None:
    random = np.random.default_rng(8)
    weights = np.where(random.random((30, 20)) < 0.3, random.random((30, 20)) + 0.5, 0)
    targets = np.where(random.random((30, 20)) < 0.9, 1.0, 0.0)
    epochs: list[tuple[int, float | None]] = []
    watch: dict[str, Any] = {"with_loss": True, "on_epoch": lambda *epoch: epochs.append(epoch)}
    model = fit_ials(observed(weights, targets), 20, **ARGUMENTS, **watch, nu=0.5, cg_steps=None)
    users, items = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    scores = users @ items.T
    held = weights > 0
    strengths = [0.01 * (held.sum(axis) + 0.1 * held.shape[axis]) ** 0.5 for axis in (1, 0)]
    objective = (weights * (targets - scores) ** 2).sum() + 0.1 * (scores**2).sum()
    objective += (strengths[0] * (users**2).sum(1)).sum() + (strengths[1] * (items**2).sum(1)).sum()
    assert model.losses[-1] == pytest.approx(objective, rel=1e-5)
    assert epochs == list(enumerate(model.losses, 1))
    assert len(model.losses) == 8
    assert all(later <= earlier * (1 + 1e-6) for earlier, later in zip(model.losses, model.losses[1:], strict=False))


def test_fit_ials__conjugate_gradient_ends_where_the_exact_fit_does() -> None:
    random = np.random.default_rng(6)
    weights = np.where(random.random((200, 120)) < 0.1, 1.0, 0)
    exact, approximate = (
        fit_ials(observed(weights), 120, **ARGUMENTS | {"factors": 16}, with_loss=True, cg_steps=steps).losses[-1]
        for steps in (None, 3)
    )
    assert approximate == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("cg_steps", [None, 3])
def test_fit_ials__threads_change_nothing_and_the_seed_does(cg_steps: int | None) -> None:
    seen = observed(np.where(np.random.default_rng(2).random((300, 90)) < 0.1, 1.0, 0))
    one, three, other = (
        fit_ials(seen, 90, **ARGUMENTS | changes, cg_steps=cg_steps)
        for changes in ({"threads": 1}, {"threads": 3}, {"seed": 6})
    )
    assert np.array_equal(one.user_factors, three.user_factors)
    assert np.array_equal(one.item_factors, three.item_factors)
    assert not np.array_equal(one.item_factors, other.item_factors)
    assert one.losses == ()


def test_fit_ials__goes_on_from_an_earlier_fit() -> None:
    seen = observed(np.where(np.random.default_rng(2).random((60, 50)) < 0.2, 1.0, 0))
    first = fit_ials(seen, 50, **ARGUMENTS | {"epochs": 3})
    kept = first.user_factors.copy()
    rest = fit_ials(seen, 50, **ARGUMENTS | {"epochs": 5}, start=(first.user_factors, first.item_factors))
    whole = fit_ials(seen, 50, **ARGUMENTS)
    assert np.array_equal(rest.user_factors, whole.user_factors)
    assert np.array_equal(first.user_factors, kept), "the start was overwritten"


def test_fit_ials__users_and_items_without_observations_are_zero() -> None:
    weights = checkerboard(12)
    weights[3] = 0
    weights[:, 7] = 0
    model = fit_ials(observed(weights), 12, **ARGUMENTS)
    assert not model.user_factors[3].any()
    assert not model.item_factors[7].any()
    assert model.user_factors[4].any()
    empty = fit_ials(observed(np.zeros((0, 0))), 0, **ARGUMENTS)
    assert empty.user_factors.shape == empty.item_factors.shape == (0, 4)


def test_fold_in__equals_the_dense_solution() -> None:
    weights = np.where(np.random.default_rng(2).random((40, 30)) < 0.3, 2.0, 0)
    model = fit_ials(observed(weights), 30, **ARGUMENTS)
    folded = fold_in(observed(weights), model.item_factors, 0.01, 0.1)
    strengths = row_regularization(observed(weights).rows.indptr, 30, 0.01, 0.1, 1).astype(np.float64)
    expected = solved(weights, np.ones_like(weights), model.item_factors.astype(np.float64), strengths)
    assert np.abs(folded - expected).max() <= 1e-4 * np.abs(expected).max()


def test_observe__refuses() -> None:
    pattern = ([0, 2], [0, 1])
    with pytest.raises(ValueError, match=r"weights: 0.0 at \[1\] \(1 such values\), finite > 0 is needed; next:"):
        observe(pattern, [1, 0], 2)
    with pytest.raises(ValueError, match=r"weights has shape \(1,\), \(2\) is needed"):
        observe(pattern, [1], 2)
    with pytest.raises(ValueError, match=r"targets: nan at \[0\]"):
        observe(pattern, [1, 1], 2, [np.nan, 1])
    with pytest.raises(ValueError, match=r"observations: row 0 holds 0 after 1; next: sort"):
        observe(([0, 2], [1, 0]), [1, 1], 2)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"regularization": 0}, "regularization is 0 and nu is 1.0; next: choose regularization > 0, nu >= 0"),
        ({"unobserved_weight": -1}, "unobserved_weight is -1, a finite weight of at least 0 is needed"),
        ({"factors": 0}, "factors is 0, at least 1 is needed"),
        ({"epochs": 0}, "epochs is 0, at least 1 is needed"),
        ({"cg_steps": 0}, "cg_steps is 0, at least 1 is needed"),
        ({"start": (np.ones((4, 4)), np.ones((3, 4)))}, "start factors of items has shape (3, 4), (4, 4) is needed"),
        ({"item_count": 3}, "observations: row 1 holds index 3, allowed is 0 to 2; next:"),
    ],
)
def test_fit_ials__refuses(changes: dict[str, Any], error: str) -> None:
    arguments = {"item_count": 4} | ARGUMENTS | changes
    with pytest.raises(ValueError, match=re.escape(error)):
        fit_ials(observed(checkerboard(4)), **arguments)


def test_half_step__refuses_what_does_not_fit() -> None:
    seen, basis = observed(checkerboard(4)), GramBasis(np.eye(2, dtype=np.float32), np.ones(2, np.float32))
    good: tuple[Any, ...] = (np.ones((4, 2)), basis.spectrum, np.ones(4), np.zeros((4, 2)))
    assert ials_half_step(seen, *good).shape == (4, 2)
    for place, wrong, error in (
        (0, np.ones((3, 2)), "observations: row 1 holds index 3"),
        (0, np.ones((4, 3)), "spectrum has shape (2,), (3) is needed"),
        (1, [1.0, -1.0], "spectrum: -1.0 at [1]"),
        (2, np.zeros(4), "row regularization: 0.0 at [0] (4 such values), finite > 0 is needed"),
        (2, np.ones(3), "row regularization has shape (3,), (4) is needed"),
        (3, np.zeros((3, 2)), "start factors has shape (3, 2), (4, 2) is needed"),
    ):
        arguments: list[Any] = [*good[:place], wrong, *good[place + 1 :]]
        with pytest.raises(ValueError, match=re.escape(error)):
            ials_half_step(seen, *arguments[:4])


@pytest.mark.parametrize("cg_steps", [None, 3])
def test_half_step__says_when_float32_cannot_solve(cg_steps: int | None) -> None:
    # Products of 1e30 with 1e30 are infinite in float32.
    seen = observed(np.full((1, 2), 1e30))
    with pytest.raises(
        ValueError, match=r"1 of 1 rows have no solution in float32.*weights up to 1e\+30.*next: cap the"
    ):
        ials_half_step(seen, np.full((2, 2), 1e15), [1.0, 1.0], [1.0], np.full((1, 2), 1e15), cg_steps)


def test_loops__are_compiled_once() -> None:
    weights, targets, other, strengths = drawn(1, 5, 6, 3)
    for cg_steps in (None, 2):
        fit_ials(observed(weights, targets), 6, **ARGUMENTS, cg_steps=cg_steps, with_loss=True)
        half_step(weights, targets, other, strengths, cg_steps)
    loops = (ials_loops.conjugate_gradient, ials_loops.solve_exactly, ials_loops.observed_loss)
    assert [len(loop.signatures) for loop in loops] == [1, 1, 1]
