"""Alignment of wide linear networks, in closed equations of the Gram matrix K = XXᵀ.

In the eigenbasis of K everything is a vector: the limit p → ∞ at θ = t/√p is an ordinary differential
equation in R^n, and the mean dynamics at a finite width is a recursion of the exact step count.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from fa_ref._support.compiled import njit
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.limits.theta_time import Penalty, Prediction, jumps
from theory.precision import EPS
from theory.sliced import row_slices

__all__ = ["linear_limit", "linear_mean_run", "ridge_solution", "spectrum"]

Array = NDArray[np.float64]

#: Multiplications that take as long as what one eigenvalue needs in a step of the mean run.
STEP = 10


def linear_limit(problem: Problem, eta: float, penalty: Penalty, theta: Array) -> Prediction:
    """Solve for the alignment at θ = t/√p as p → ∞ of a linear network.

    With G = K + K s sᵀ K,

        ds/dθ = −ηλ (G + λI)⁻¹ y,    a = (G + λI)⁻¹ y,    cos = −sᵀKa / √(aᵀGa).

    Parameters
    ----------
    problem : Problem
    eta : float
    penalty : callable
        λ(θ); where it jumps the value before the jump is reported.
    theta : ndarray, shape (m,)

    Returns
    -------
    Prediction
        Its error is the change under a tolerance 10⁴ times looser.
    """
    k, y, rest = spectrum(problem)
    tight, loose = (_drift(k, y, eta, penalty, theta, rtol) for rtol in (1e-10, 1e-6))
    mean_square = (tight[1] + rest) / problem.n
    return Prediction(theta, tight[0], np.abs(tight[0] - loose[0]), mean_square, np.zeros(theta.size), tight[2])


def spectrum(problem: Problem) -> tuple[Array, Array, float]:
    """Eigenvalues of K, y in its eigenbasis, and the squared norm of what no linear network can fit of y."""
    k, U = np.linalg.eigh(problem.K)
    seen = k > k[-1] * problem.n * EPS
    y = U.T @ problem.y
    if not np.any(y[seen]):
        raise ValueError("y: expected targets with a part that a linear network can fit, got none")
    return k[seen], y[seen], float(y[~seen] @ y[~seen])


def ridge_solution(k: Array, y: Array, v: Array, lam: float) -> Array:
    """a = (K + vvᵀ + λI)⁻¹ y by the Sherman–Morrison formula."""
    inverse = 1.0 / (k + lam)
    a: Array = inverse * (y - v * (v @ (inverse * y)) / (1.0 + v @ (inverse * v)))
    return a


def _largest(k: Array, v: Array) -> float:
    """λ_max(K + vvᵀ)."""
    return float(np.linalg.eigvalsh(np.diag(k) + np.outer(v, v))[-1])


def _square(v: Array) -> float:
    return float(v @ v)


def _drift(k: Array, y: Array, eta: float, penalty: Penalty, theta: Array, rtol: float) -> Array:
    """Alignment, ‖e‖² and λ_max(G) at the times, shape (3, m)."""
    end = float(theta.max())
    stops = np.unique([0.0, *jumps(penalty, end), *theta]) if end > 0 else np.zeros(1)
    lam = penalty(0.0)
    at_start = ridge_solution(k, y, 0.0 * y, lam)
    s, reached = np.zeros_like(y), {0.0: (0.0, _square(lam * at_start), float(k[-1]))}
    for start, stop in pairwise(stops):
        inside = (start + 1e-12 * (stop - start), stop - 1e-12 * (stop - start))  # one side of each jump

        def slope(t: float, s: Array, inside: tuple[float, float] = inside) -> Array:
            lam = penalty(min(max(t, inside[0]), inside[1]))
            return -eta * lam * ridge_solution(k, y, k * s, lam)

        atol = 1e-3 * rtol / math.sqrt(k[-1])
        s = solve_ivp(slope, (start, stop), s, method="DOP853", rtol=rtol, atol=atol).y[:, -1]
        lam = penalty(inside[1])
        a = ridge_solution(k, y, k * s, lam)
        along = -float((k * s) @ a)
        length = math.hypot(float(np.linalg.norm(np.sqrt(k) * a)), along)
        cosine = along / length if length > 0 else math.nan
        reached[float(stop)] = cosine, _square(lam * a), _largest(k, k * s)
    return np.array([reached[float(t)] for t in theta]).T


def linear_mean_run(problem: Problem, eta: float, ridge: Schedule, p: int, times: NDArray[np.int64]) -> Prediction:
    """Run the mean dynamics of a linear network of width p, step by step, and read it at ``times``.

    The exact recursion for β = c β(0) + (F a + g b)/√p and W Xᵀ = F − b uᵀK/√p closes in the Gram matrix of F,
    b and β(0). Its p-averages are put at their means (FᵀF/p = K, bᵀb/p = 1, the others 0), so what remains of the
    initialisation is its decaying norm: cos = g / √(c²p + aᵀKa + g²).

    Returns
    -------
    Prediction
        Its error, that of the arithmetic, is reported as 0.
    """
    k, y, rest = spectrum(problem)
    order = np.unique(times)
    lam = ridge.values(int(order[-1]))
    at, moved = np.empty((3, order.size)), np.empty((order.size, k.size))
    now = _Mean(np.zeros(k.size), np.zeros(k.size), np.array([0.0, 1.0]), np.zeros(1, dtype=np.int64))
    last = int(order[-1])
    for part in row_slices(last + 1, STEP * k.size):
        _mean_run(k, y, eta, math.sqrt(p), lam, order, now, part.start, part.stop, at, moved)
    place = np.searchsorted(order, times)
    cosine, square, share = at[:, place]
    largest = np.array([_largest(k, k * u / math.sqrt(p)) if np.isfinite(u).all() else math.inf for u in moved])
    mean_square = (square + rest) / problem.n
    return Prediction(times / math.sqrt(p), cosine, np.zeros(times.size), mean_square, share, largest[place])


class _Mean(NamedTuple):
    """The state of the mean run: a, u, (g, c), and the number of the next record."""

    a: Any
    u: Any
    scales: Any
    record: Any


_V, _M, _I = types.float64[::1], types.float64[:, ::1], types.int64[::1]
_real, _mean = types.float64, types.NamedTuple((_V, _V, _V, _I), _Mean)


@njit(types.void(_V, _V, _real, _real, _V, _I, _mean, types.int64, types.int64, _M, _M), cache=True)
def _mean_run(k, y, eta, root_p, lam, times, now, begin, end, out, moved):
    n, a, u, record = k.size, now.a, now.u, now.record[0]
    e = np.zeros(n)
    g, c = now.scales[0], now.scales[1]
    for t in range(begin, end):
        square, along, norm = 0.0, 0.0, c * c * root_p * root_p + g * g
        for i in range(n):
            e[i] = k[i] * (a[i] - u[i] * g / root_p) - y[i]
            square += e[i] * e[i]
            along += k[i] * u[i] * e[i]
            norm += a[i] * k[i] * a[i]
        if t == times[record]:
            out[0, record] = g / math.sqrt(norm)
            out[1, record] = square
            out[2, record] = c * root_p / math.sqrt(norm)
            moved[record] = u
            record += 1
        if t < times[-1]:
            keep = 1.0 - eta * lam[t]
            for i in range(n):
                a[i] = keep * a[i] - eta * e[i]
                u[i] += eta * e[i]
            g = keep * g + eta / root_p * along
            c *= keep
    now.scales[0], now.scales[1], now.record[0] = g, c, record
