# mypy: disallow-untyped-defs=False
"""The compiled loops of iALS: one row's normal equations after the other, in the eigenbasis of the Gram matrix.

With the Gram matrix of the other side a0 Y'Y = Q diag(s) Q', rows of Y and solutions multiplied by Q, row u solves

    (D_u + Y_u' W_u Y_u) x = Y_u' W_u p_u,    D_u = diag(s) + reg_u I

where Y_u are the vectors of its observations, W_u their weights and p_u their targets. D_u is diagonal: multiplying by
it costs d instead of d^2, and its inverse is an exact preconditioner of the dense part.
"""

from typing import Any, Final

import numpy as np
from numba import njit

# Sums may be reordered and fused, which is what vectorises them. Not the full fastmath: a NaN must stay one, because
# the caller finds a failed factorisation by it.
FAST: Final[dict[str, Any]] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
}

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
# So many gathered vectors stay in the second-level cache between the passes over one row's observations.
_GATHERED = 2048
# Squared preconditioned residual at which there is nothing left to divide by; float32 ends at 1e-38.
_CONVERGED = np.float32(1e-30)


@njit(**FAST)
def _all_zero(weights, targets, low, high):
    """Whether the right-hand side of a row is 0: nothing observed, or only zeros; its solution is 0 exactly."""
    largest = _ZERO
    for e in range(low, high):
        largest = max(largest, abs(weights[e] * targets[e]))
    return largest == _ZERO


@njit(**FAST)
def conjugate_gradient(indptr, indices, weights, targets, other, spectrum, regularization, solution, steps):
    """A few conjugate gradient steps for each row, from the solution that is there (Hestenes and Stiefel, 1952).

    Args:
        indptr: (rows + 1,) int64.
        indices: (entries,) int32, rows of `other`.
        weights: (entries,) float32, > 0.
        targets: (entries,) float32.
        other: (m, d) float32, in the eigenbasis.
        spectrum: (d,) float32, s.
        regularization: (rows,) float32, > 0.
        solution: (rows, d) float32, in the eigenbasis; start and result.
        steps: conjugate gradient steps.
    """
    size = other.shape[1]
    longest = 0
    for u in range(len(indptr) - 1):
        longest = max(longest, indptr[u + 1] - indptr[u])
    near = np.empty((min(longest, _GATHERED), size), np.float32)
    residual = np.empty(size, np.float32)
    direction = np.empty(size, np.float32)
    product = np.empty(size, np.float32)
    diagonal = np.empty(size, np.float32)
    for u in range(len(indptr) - 1):
        low, high = indptr[u], indptr[u + 1]
        x = solution[u]
        if _all_zero(weights, targets, low, high):
            x[:] = _ZERO
            continue
        observed = high - low
        gathered = min(observed, _GATHERED)
        for e in range(gathered):
            source = other[indices[low + e]]
            target = near[e]
            for k in range(size):
                target[k] = source[k]
        for k in range(size):
            diagonal[k] = spectrum[k] + regularization[u]
            residual[k] = -diagonal[k] * x[k]
        for e in range(observed):
            y = near[e] if e < gathered else other[indices[low + e]]
            score = _ZERO
            for k in range(size):
                score += y[k] * x[k]
            push = weights[low + e] * (targets[low + e] - score)
            for k in range(size):
                residual[k] += push * y[k]
        square = _ZERO
        for k in range(size):
            direction[k] = residual[k] / diagonal[k]
            square += residual[k] * direction[k]
        for _ in range(steps):
            if square < _CONVERGED:
                break
            for k in range(size):
                product[k] = diagonal[k] * direction[k]
            for e in range(observed):
                y = near[e] if e < gathered else other[indices[low + e]]
                score = _ZERO
                for k in range(size):
                    score += y[k] * direction[k]
                push = weights[low + e] * score
                for k in range(size):
                    product[k] += push * y[k]
            curvature = _ZERO
            for k in range(size):
                curvature += direction[k] * product[k]
            step = square / curvature
            following = _ZERO
            for k in range(size):
                x[k] += step * direction[k]
                residual[k] -= step * product[k]
                following += residual[k] * residual[k] / diagonal[k]
            turn = following / square
            square = following
            for k in range(size):
                direction[k] = residual[k] / diagonal[k] + turn * direction[k]


@njit(**FAST)
def _factorise(matrix, size):
    """Cholesky in place, matrix = U'U with its upper triangle filled; rank-4 updates, two rows at a time."""
    first = 0
    while first < size:
        panel = min(4, size - first)
        for p in range(first, first + panel):
            for q in range(first, p):
                factor = matrix[q, p]
                for j in range(p, size):
                    matrix[p, j] -= factor * matrix[q, j]
            scale = _ONE / np.sqrt(matrix[p, p])
            for j in range(p, size):
                matrix[p, j] *= scale
        if panel == 4:
            r0, r1, r2, r3 = matrix[first], matrix[first + 1], matrix[first + 2], matrix[first + 3]
            i = first + 4
            while i + 1 < size:
                a0, a1, a2, a3 = r0[i], r1[i], r2[i], r3[i]
                b0, b1, b2, b3 = r0[i + 1], r1[i + 1], r2[i + 1], r3[i + 1]
                upper, lower = matrix[i], matrix[i + 1]
                for j in range(i, size):
                    upper[j] -= a0 * r0[j] + a1 * r1[j] + a2 * r2[j] + a3 * r3[j]
                    lower[j] -= b0 * r0[j] + b1 * r1[j] + b2 * r2[j] + b3 * r3[j]
                i += 2
            if i < size:
                a0, a1, a2, a3 = r0[i], r1[i], r2[i], r3[i]
                upper = matrix[i]
                for j in range(i, size):
                    upper[j] -= a0 * r0[j] + a1 * r1[j] + a2 * r2[j] + a3 * r3[j]
        first += panel


@njit(**FAST)
def _substitute(matrix, size, right):
    """Solve in place what `_factorise` factorised."""
    for k in range(size):
        right[k] /= matrix[k, k]
        factor = right[k]
        for j in range(k + 1, size):
            right[j] -= factor * matrix[k, j]
    for k in range(size - 1, -1, -1):
        rest = _ZERO
        for j in range(k + 1, size):
            rest += matrix[k, j] * right[j]
        right[k] = (right[k] - rest) / matrix[k, k]


@njit(**FAST)
def _inner_products(vectors, count, out):
    """out[i, j] = vectors[i] . vectors[j] for j >= i, by 4 x 4 blocks.

    Rows up to the next multiple of 4 must exist; what they hold ends up beyond `count`, where nobody reads.
    """
    size = vectors.shape[1]
    blocks = (count + 3) // 4
    for bi in range(blocks):
        i = bi * 4
        x0, x1, x2, x3 = vectors[i], vectors[i + 1], vectors[i + 2], vectors[i + 3]
        for bj in range(bi, blocks):
            j = bj * 4
            y0, y1, y2, y3 = vectors[j], vectors[j + 1], vectors[j + 2], vectors[j + 3]
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = _ZERO
            s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = _ZERO
            for k in range(size):
                a0, a1, a2, a3 = x0[k], x1[k], x2[k], x3[k]
                b0, b1, b2, b3 = y0[k], y1[k], y2[k], y3[k]
                s00 += a0 * b0
                s01 += a0 * b1
                s02 += a0 * b2
                s03 += a0 * b3
                s10 += a1 * b0
                s11 += a1 * b1
                s12 += a1 * b2
                s13 += a1 * b3
                s20 += a2 * b0
                s21 += a2 * b1
                s22 += a2 * b2
                s23 += a2 * b3
                s30 += a3 * b0
                s31 += a3 * b1
                s32 += a3 * b2
                s33 += a3 * b3
            out[i, j], out[i, j + 1], out[i, j + 2], out[i, j + 3] = s00, s01, s02, s03
            out[i + 1, j], out[i + 1, j + 1], out[i + 1, j + 2], out[i + 1, j + 3] = s10, s11, s12, s13
            out[i + 2, j], out[i + 2, j + 1], out[i + 2, j + 2], out[i + 2, j + 3] = s20, s21, s22, s23
            out[i + 3, j], out[i + 3, j + 1], out[i + 3, j + 2], out[i + 3, j + 3] = s30, s31, s32, s33


@njit(**FAST)
def _add_observations(matrix, size, other, indices, weights, targets, low, high, right):
    """matrix (upper) += sum w y y' and right += sum w p y, four observations at a time, two rows at a time."""
    e = low
    while e + 3 < high:
        p, q = other[indices[e]], other[indices[e + 1]]
        r, s = other[indices[e + 2]], other[indices[e + 3]]
        w0, w1, w2, w3 = weights[e], weights[e + 1], weights[e + 2], weights[e + 3]
        g0, g1, g2, g3 = w0 * targets[e], w1 * targets[e + 1], w2 * targets[e + 2], w3 * targets[e + 3]
        for i in range(size):
            right[i] += g0 * p[i] + g1 * q[i] + g2 * r[i] + g3 * s[i]
        i = 0
        while i + 1 < size:
            a0, a1, a2, a3 = w0 * p[i], w1 * q[i], w2 * r[i], w3 * s[i]
            b0, b1, b2, b3 = w0 * p[i + 1], w1 * q[i + 1], w2 * r[i + 1], w3 * s[i + 1]
            upper, lower = matrix[i], matrix[i + 1]
            for j in range(i, size):
                upper[j] += a0 * p[j] + a1 * q[j] + a2 * r[j] + a3 * s[j]
                lower[j] += b0 * p[j] + b1 * q[j] + b2 * r[j] + b3 * s[j]
            i += 2
        if i < size:
            matrix[i, i] += w0 * p[i] * p[i] + w1 * q[i] * q[i] + w2 * r[i] * r[i] + w3 * s[i] * s[i]
        e += 4
    while e < high:
        p = other[indices[e]]
        for i in range(size):
            a0 = weights[e] * p[i]
            right[i] += targets[e] * a0
            upper = matrix[i]
            for j in range(i, size):
                upper[j] += a0 * p[j]
        e += 1


@njit(**FAST)
def _factorise_dual(indices, weights, other, spectrum, regularization, halves, scaled, matrix):
    """The dual of one row's equations: halves = D^-1/2, scaled = B = Y D^-1/2, and the factor of B B' + W^-1 in matrix.

    `scaled` and `matrix` have room for the observations and 4 rows more.
    """
    size = other.shape[1]
    for k in range(size):
        halves[k] = _ONE / np.sqrt(spectrum[k] + regularization)
    for e in range(len(indices)):
        y, row = other[indices[e]], scaled[e]
        for k in range(size):
            row[k] = y[k] * halves[k]
    _inner_products(scaled, len(indices), matrix)
    for e in range(len(indices)):
        matrix[e, e] += _ONE / weights[e]
    _factorise(matrix, len(indices))


@njit(**FAST)
def solve_exactly(indptr, indices, weights, targets, other, spectrum, regularization, solution):
    """Each row's normal equations by Cholesky: of order n where a row has n < d observations, else of order d.

    The short ones are solved in the dual: with B = Y_u D_u^-1/2, (B B' + W_u^-1) z = p_u and x = D_u^-1/2 B' z, which
    is the push-through identity. Arguments as for `conjugate_gradient`; the start is not read.
    """
    size = other.shape[1]
    matrix = np.empty((size + 4, size + 4), np.float32)
    scaled = np.zeros((size + 4, size), np.float32)
    right = np.empty(size + 4, np.float32)
    halves = np.empty(size, np.float32)
    for u in range(len(indptr) - 1):
        low, high = indptr[u], indptr[u + 1]
        observed = high - low
        x = solution[u]
        x[:] = _ZERO
        if _all_zero(weights, targets, low, high):
            continue
        if observed < size:
            _factorise_dual(
                indices[low:high], weights[low:high], other, spectrum, regularization[u], halves, scaled, matrix
            )
            for e in range(observed):
                right[e] = targets[low + e]
            _substitute(matrix, observed, right)
            for e in range(observed):
                share, row = right[e], scaled[e]
                for k in range(size):
                    x[k] += share * row[k]
            for k in range(size):
                x[k] *= halves[k]
        else:
            matrix[:] = _ZERO
            right[:] = _ZERO
            for k in range(size):
                matrix[k, k] = spectrum[k] + regularization[u]
            _add_observations(matrix, size, other, indices, weights, targets, low, high, right)
            _factorise(matrix, size)
            _substitute(matrix, size, right)
            for k in range(size):
                x[k] = right[k]


@njit(**FAST)
def largest_influences(indptr, indices, weights, telling, other, spectrum, regularization, starts, items, out):
    """For each chosen item j of a row its other observation i with the largest y_j' (D_u + Y_u' W_u Y_u)^-1 w_i y_i times t_i.

    All of one item at once, in the dual: they are (B B' + W_u^-1)^-1 B D_u^-1/2 y_j, times t.

    Args:
        indptr: (rows + 1,) int64.
        indices: (entries,) int32, rows of `other`.
        weights: (entries,) float32, > 0.
        telling: (entries,) float32, t; an observation of 0 is never named.
        other: (m, d) float32, in the eigenbasis.
        spectrum: (d,) float32, s.
        regularization: (rows,) float32, > 0.
        starts: (rows + 1,) int64.
        items: (chosen,) int32.
        out: (chosen,) int32, of `indices`; -1 where no influence is above 0.
    """
    size = other.shape[1]
    longest = 0
    for u in range(len(indptr) - 1):
        longest = max(longest, indptr[u + 1] - indptr[u])
    matrix = np.empty((longest + 4, longest + 4), np.float32)
    scaled = np.zeros((longest + 4, size), np.float32)
    influences = np.empty(longest, np.float32)
    halves, asked = np.empty(size, np.float32), np.empty(size, np.float32)
    for u in range(len(indptr) - 1):
        low, high = indptr[u], indptr[u + 1]
        if starts[u + 1] > starts[u]:
            _factorise_dual(
                indices[low:high], weights[low:high], other, spectrum, regularization[u], halves, scaled, matrix
            )
        for c in range(starts[u], starts[u + 1]):
            y = other[items[c]]
            for k in range(size):
                asked[k] = y[k] * halves[k]
            for e in range(high - low):
                row, product = scaled[e], _ZERO
                for k in range(size):
                    product += row[k] * asked[k]
                influences[e] = product
            _substitute(matrix, high - low, influences)
            best, out[c] = _ZERO, -1
            for e in range(high - low):
                if indices[low + e] != items[c] and influences[e] * telling[low + e] > best:
                    best, out[c] = influences[e] * telling[low + e], indices[low + e]


@njit(**FAST)
def observed_loss(indptr, indices, weights, targets, rows, other):
    """sum w (p - <x, y>)^2 over the observations, in float64."""
    total = 0.0
    size = other.shape[1]
    for u in range(len(indptr) - 1):
        x = rows[u]
        for e in range(indptr[u], indptr[u + 1]):
            y = other[indices[e]]
            score = _ZERO
            for k in range(size):
                score += x[k] * y[k]
            miss = np.float64(targets[e]) - np.float64(score)
            total += weights[e] * miss * miss
    return total
