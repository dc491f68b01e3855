"""Alignment of wide networks with any activation: the mean-field equations, solved by interacting particles.

A particle is a hidden unit (z, b, q): preactivations z ∈ R^n, feedback weight b, and q = √p (β − c β(0)), the
output weight that training has built. Units interact through the residual only. Particles come in pairs ±b over
Gaussian z(0) whose sample covariance is exactly K, and the known kernel Ḡ replaces the sampled one at t = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fa_ref.activations import Activation
from fa_ref.problem import Problem
from theory.kernels import mean_kernel
from theory.rescaled import Penalty, Prediction, jumps, time_grid

__all__ = ["GROUPS", "limit_run", "mean_run", "predict"]

Array = NDArray[np.float64]

#: Independent groups of particles: their scatter is the sampling error, their mean shows the bias in 1/N.
GROUPS = 4


class Setting(NamedTuple):
    """What both integrators need."""

    K: Array
    y: Array
    G_0: Array
    activation: Activation
    eta: float
    penalty: Penalty
    p: float
    theta: Array
    corners: tuple[float, ...]


Run = Callable[[Setting, Array, Array, int], tuple[Array, Array]]


def predict(
    problem: Problem,
    activation: Activation,
    eta: float,
    penalty: Penalty,
    theta: Array,
    p: int | None,
    particles: int,
    tolerance: float,
    rng: np.random.Generator,
) -> Prediction:
    """Predict the alignment, in the limit (p None) or at width p, with an estimate of the error.

    Time steps are halved until that changes the alignment by less than ``tolerance`` (judged on one group). The
    1/N bias of N particles is removed by comparing all of them with groups of N/4.
    """
    run: Run = limit_run if p is None else mean_run
    end = float(theta.max())
    corners = tuple(jumps(penalty, end)) if end > 0 else ()
    G_0 = mean_kernel(problem.X, activation).G
    setting = Setting(problem.K, problem.y, G_0, activation, eta, penalty, float(p or 0), theta, corners)
    draws = [draw_particles(problem.K, particles // GROUPS, rng) for _ in range(GROUPS)]
    first, steps = draws[0], 16
    coarse, fine = run(setting, *first, steps), run(setting, *first, 2 * steps)
    while np.abs(fine[0] - coarse[0]).max() > tolerance and steps < 4096:
        steps *= 2
        coarse, fine = fine, run(setting, *first, 2 * steps)
    in_time = np.abs(fine[0] - coarse[0])
    groups = [coarse, *(run(setting, *draw, steps) for draw in draws[1:])]
    together = run(setting, np.vstack([z for z, _ in draws]), np.concatenate([b for _, b in draws]), steps)
    scatter = np.std([group[0] for group in groups], axis=0, ddof=1) / math.sqrt(GROUPS)
    cosine, square = (
        together[i] + (together[i] - np.mean([group[i] for group in groups], axis=0)) / (GROUPS - 1) for i in (0, 1)
    )
    return Prediction(theta, cosine, 2.0 * scatter + in_time, square / problem.n)


def draw_particles(K: Array, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw z(0) ~ N(0, K) and b ~ N(0, 1) in pairs ±b, with the second moments of z(0) and b exact.

    Raises
    ------
    ValueError
        If there are too few particles for that.
    """
    n, half = K.shape[0], count // 2
    if half < 2 * n:
        raise ValueError(f"particles: expected at least {4 * GROUPS * n} for {n} samples, got {GROUPS * count}")
    k, U = np.linalg.eigh(K)
    noise = rng.standard_normal((half, n))
    white = np.linalg.solve(np.linalg.cholesky(noise.T @ noise / half), noise.T).T
    z = white @ (np.sqrt(np.maximum(k, 0.0))[:, None] * U.T)
    b = rng.standard_normal(half)
    b /= math.sqrt(float(b @ b) / half)
    return np.vstack([z, z]), np.concatenate([b, -b])


def limit_run(setting: Setting, z: Array, b: Array, steps: int) -> tuple[Array, Array]:
    """Integrate dz/dθ = −η b K (ψ′(z) ∘ e*), e* = −λ (G + λI)⁻¹ y by Heun's rule; alignment and ‖e*‖² at θ.

    Returns
    -------
    cosines, squares : ndarray, shape (m,)
    """
    K, y, eta, N, identity = setting.K, setting.y, setting.eta, b.size, np.eye(setting.y.size)
    values, slopes = vectorised(setting.activation)
    Psi = values(z)
    offset = setting.G_0 - Psi.T @ Psi / N
    grid = time_grid([*setting.theta, *setting.corners], steps)

    def state(z: Array, lam: float) -> tuple[Array, Array, Array]:
        Psi = values(z)
        G = Psi.T @ Psi / N + offset
        return Psi, G, solve(G + lam * identity, y)

    def reading(state: tuple[Array, Array, Array], lam: float) -> tuple[float, float]:
        Psi, G, a = state
        return (b @ Psi / N) @ a / math.sqrt(a @ G @ a), lam**2 * (a @ a)

    lam = setting.penalty(0.0)
    now = state(z, lam)
    rows = [reading(now, lam)]
    for start, stop in zip(grid[:-1], grid[1:], strict=True):
        h = stop - start
        before, after = (setting.penalty(start + 1e-9 * h), setting.penalty(stop - 1e-9 * h))
        if before != lam:
            now = (now[0], now[1], solve(now[1] + before * identity, y))
        drift = eta * before * b[:, None] * ((slopes(z) * now[2]) @ K)
        if after > 0 or before > 0:
            ahead = z + h * drift
            a = state(ahead, after)[2]
            z = z + 0.5 * h * (drift + eta * after * b[:, None] * ((slopes(ahead) * a) @ K))
        lam, now = after, state(z, after)
        rows.append(reading(now, lam))
    return _at(setting.theta, grid, rows)


def mean_run(setting: Setting, z: Array, b: Array, steps: int) -> tuple[Array, Array]:
    """Integrate the mean dynamics at width p, where the residual relaxes and β remembers at finite speed.

    In steps t:  z′ = −(η/√p) b K (ψ′(z) ∘ e),  q′ = −ηλ q − η ψ(z)·e,  e = E[q ψ(z)] − y,  with
    cos = E[b q] / √(c² p + E[q²]). The stiff equation of q is taken implicitly, with its decay exact; z by the
    trapezoidal rule.
    """
    K, y, eta, N, identity = setting.K, setting.y, setting.eta, b.size, np.eye(setting.y.size)
    values, slopes = vectorised(setting.activation)
    root_p, Psi, q = math.sqrt(setting.p), values(z), np.zeros(N)
    offset = setting.G_0 - Psi.T @ Psi / N
    fastest = 0.5 / (eta * float(np.linalg.eigvalsh(setting.G_0)[-1]))
    grid = root_p * time_grid([*setting.theta, *setting.corners], steps, head=max(fastest, 1.0) / root_p)
    e, pull, decay, rows = -y, slopes(z), 0.0, [(0.0, float(y @ y))]
    for start, stop in zip(grid[:-1], grid[1:], strict=True):
        h = stop - start
        lam = 0.5 * (setting.penalty((start + 1e-9 * h) / root_p) + setting.penalty((stop - 1e-9 * h) / root_p))
        rate = -math.log1p(-eta * lam)
        keep = math.exp(-rate * h)
        push = eta * (-math.expm1(-rate * h) / rate if rate > 0 else h)
        drift = -(h * eta / root_p) * b[:, None] * ((pull * e) @ K)
        for moved in (drift, None):
            if moved is None:
                moved = 0.5 * (drift - (h * eta / root_p) * b[:, None] * ((pull * e) @ K))
            ahead = z + moved
            Psi, pull = values(ahead), slopes(ahead)
            e = solve(identity + push * (Psi.T @ Psi / N + offset), keep * (q @ Psi / N) - y)
        z, q, decay = ahead, keep * q - push * (Psi @ e), decay + rate * h
        norm = math.sqrt(math.exp(-2.0 * decay) * setting.p + q @ q / N)
        rows.append((float(b @ q) / N / norm, float(e @ e)))
    return _at(setting.theta, grid / root_p, rows)


def solve(A: Array, y: Array) -> Array:
    """Solve A x = y, in the sense of least squares where A is singular (λ = 0 and dependent samples)."""
    try:
        return np.linalg.solve(A, y)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(A, y)[0]


def _at(theta: Array, grid: Array, rows: list[tuple[float, float]]) -> tuple[Array, Array]:
    table = np.array(rows)[np.abs(grid[:, None] - theta).argmin(axis=0)]
    return table[:, 0], table[:, 1]


def vectorised(activation: Activation) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """ψ and ψ′ on arrays; NumPy's own loops where it has them, which are ten times as fast."""
    if activation.name == "tanh":
        return np.tanh, lambda z: 1.0 - np.tanh(z) ** 2
    if activation.name == "relu":
        return lambda z: np.maximum(z, 0.0), lambda z: (z > 0.0).astype(np.float64)
    return activation, activation.derivative
