"""Bivariate moments from Hermite coefficients, with error bounds.

With h_k the orthonormal Hermite polynomials and a_k(σ) = E ψ(σs) h_k(s), Mehler's formula says

    E ψ(u)ψ(v) = Σ_k a_k(σ_u) a_k(σ_v) ρ^k

for a Gaussian pair with standard deviations σ_u, σ_v and correlation ρ. So n rows of coefficients give n² moments.
Bounded are the errors of a_k (`theory/kernels/quadrature.py`), that of cutting the sum after k = N, at most
|ρ|^{N+1} √(τ_u τ_v) with τ = E ψ² − Σ_{k≤N} a_k² (Parseval), and that of adding up (proofs: docs/kernels.md).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.compiled import njit
from theory.kernels.quadrature import BLOCK, Rows
from theory.precision import TINIEST, UNIT_ROUNDOFF
from theory.sliced import row_slices

__all__ = ["Progress", "mehler_sums"]

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

TERM = 10  # multiplications that take as long as one term of a pair's sum
PARALLEL = 1e-13  # relative error at which a pair counts as parallel


def mehler_sums(rows: Rows, rho: Array, progress: Progress | None = None) -> tuple[Array, Array]:
    """Σ_k a_k(σ_i) a_k(σ_j) ρ_ij^k and a bound on its error, both (n, n).

    Each pair stops at the order where the rest is below rounding. Nearly parallel pairs take
    `Rows.parallel` where that is sharper; the diagonal is E g(σ_i s)² itself.
    """
    n, scale = rho.shape[0], rows.norm
    values, error, power = np.zeros((n, n)), np.zeros((n, n)), np.ones((n, n))
    limit, limit_error = rows.parallel(rho)
    parallel = limit_error <= PARALLEL * np.multiply.outer(scale, scale)
    active = np.tril(~parallel, -1)
    added = (2 * BLOCK + rows.orders // BLOCK) * UNIT_ROUNDOFF  # of sums of `BLOCK` terms, and of the blocks
    tail = rows.square + rows.square_error + added * rows.square
    todo, first = int(np.count_nonzero(active)), 0
    for a, delta in rows.blocks() if todo else ():
        root = np.sqrt(np.maximum(tail, 0.0))
        for part in row_slices(n, TERM * n * BLOCK):
            _add_block(part.start, part.stop, first, a, delta, rho, root, scale, power, active, values, error)
        tail, first = tail - np.sum(np.maximum(np.abs(a) - delta, 0.0) ** 2, axis=1), first + BLOCK
        left = int(np.count_nonzero(active))
        if progress is not None:
            progress(todo - left, todo)
        if left == 0:
            break
    root = np.sqrt(np.maximum(tail, 0.0))
    error += np.where(active, np.abs(power) * np.multiply.outer(root, root), 0.0)
    error += added * np.multiply.outer(scale, scale)
    sharper = parallel | (limit_error < error)
    values, error = np.where(sharper, limit, values), np.where(sharper, limit_error, error)
    values, error = np.tril(values) + np.tril(values, -1).T, np.tril(error) + np.tril(error, -1).T
    np.fill_diagonal(values, rows.square)
    np.fill_diagonal(error, rows.square_error)
    return values, error


@njit(cache=True)
def _add_block(begin, end, first, a, delta, rho, root_tail, scale, power, active, values, error):
    """Add one block of orders to each active pair of rows begin … end; ``power`` is ρ^k at its first order.

    ρ^k is a product of k factors, off by k roundings of itself, and its term by three more; what underflows is off
    by half the least number.
    """
    orders = a.shape[1]
    for i in range(begin, end):
        for j in range(i):
            if not active[i, j]:
                continue
            r, rest = power[i, j], root_tail[i] * root_tail[j]
            enough = max(1e-15 * scale[i] * scale[j], 4.0 * error[i, j])  # a tail at its own rounding stays there
            total, slack = 0.0, 0.0
            for k in range(orders):
                if abs(r) * rest <= enough:
                    active[i, j] = False
                    slack += abs(r) * rest
                    break
                total += r * a[i, k] * a[j, k]
                slack += abs(r) * (
                    abs(a[i, k]) * delta[j, k] + delta[i, k] * abs(a[j, k]) + delta[i, k] * delta[j, k]
                    + (first + k + 4) * UNIT_ROUNDOFF * abs(a[i, k] * a[j, k]) + TINIEST * (1.0 + abs(a[j, k]))
                )  # fmt: skip
                r *= rho[i, j]
            values[i, j] += total
            error[i, j] += slack
            power[i, j] = r
