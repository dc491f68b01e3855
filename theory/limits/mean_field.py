"""Alignment of wide networks with any activation: the mean-field equations, solved by interacting particles.

A particle is a hidden unit (z, b, q): preactivations z ∈ R^n, feedback weight b, and q = √p (β − c β(0)), the
output weight that training has built. Units interact through the residual only. Particles come in pairs ±b over
Gaussian z(0) whose sample covariance is exactly K, |b| is stratified, and the known kernel Ḡ replaces the sampled
one at t = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fa_ref.activations import Activation
from fa_ref.problem import Problem
from theory.kernels import mean_kernel
from theory.limits.theta_time import Penalty, Prediction, jumps, time_grid

__all__ = ["GROUPS", "limit_run", "mean_run", "predict", "step_run"]

Array = NDArray[np.float64]

#: Independent groups of particles: their scatter is the sampling error, their mean shows the bias in 1/N.
GROUPS = 4

#: Initial output weights, each with both signs, over which the effect of the random initial outputs is averaged.
STARTS = 4


class Equations(NamedTuple):
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
    beta: Array | None = None  # β(0) of the particles, or nothing: f₀ = 0

    def outputs(self, Psi: Array) -> Array | float:
        """(1/√N) Σ β_i(0) ψ(z_i): a draw of what the initial output weights make of the present hidden units."""
        return 0.0 if self.beta is None else self.beta @ Psi / math.sqrt(self.beta.size)


#: Rows: alignment, ‖e‖², share of the initialisation in β, λ_max(G); a column for each θ.
Run = Callable[[Equations, Array, Array, int], Array]


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

    Time steps are halved until the alignment, extrapolated to steps of no length, changes by less than
    ``tolerance`` (judged on one group), or, at width p, until they are about those of the algorithm, whose own
    steps are then taken. The 1/N bias of N particles is removed by comparing all of them with groups of N/4. At
    width p the effect of the random initial outputs is added, see `_of_the_start`.
    """
    end = float(theta.max())
    corners = tuple(jumps(penalty, end)) if end > 0 else ()
    G_0 = mean_kernel(problem.X, activation).G
    equations = Equations(problem.K, problem.y, G_0, activation, eta, penalty, float(p or 0), theta, corners)
    draws = [draw_particles(problem.K, particles // GROUPS, rng) for _ in range(GROUPS)]
    run, steps, coarse, shift, in_time = _resolved(equations, draws[0], tolerance)
    groups = [coarse, *(run(equations, *draw, steps) for draw in draws[1:])]
    together = run(equations, np.vstack([z for z, _ in draws]), np.concatenate([b for _, b in draws]), steps)
    scatter = np.std([group[0] for group in groups], axis=0, ddof=1) / math.sqrt(GROUPS)
    cosine, square = (
        together[i] + shift[i] + (together[i] - np.mean([group[i] for group in groups], axis=0)) / (GROUPS - 1)
        for i in (0, 1)
    )
    error = 2.0 * scatter + in_time
    if p is not None:
        effect, spread = _of_the_start(run, equations, draws[0], steps, coarse, rng)
        cosine, square, error = cosine + effect[0], square + effect[1], error + 2.0 * spread
    return Prediction(theta, cosine, error, np.maximum(square, 0.0) / problem.n, together[2], together[3])


def _of_the_start(
    run: Run,
    equations: Equations,
    draw: tuple[Array, Array],
    steps: int,
    without: Array,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """What the outputs f₀ ~ N(0, Ḡ) of β(0) add to alignment and ‖e‖² on average, and the error of the first.

    The first residual is f₀ − y, and moves the units before β has learnt to cancel f₀; later the part of β that
    does so decays as β(0) does. What is odd in f₀ has mean zero, and cancels exactly in pairs ±β(0).
    """
    effects = []
    for _ in range(STARTS):
        beta = rng.standard_normal(draw[1].size)
        pair = [run(equations._replace(beta=sign * beta), *draw, steps)[:2] for sign in (1.0, -1.0)]
        effects.append(0.5 * (pair[0] + pair[1]) - without[:2])
    return np.mean(effects, axis=0), np.std([effect[0] for effect in effects], axis=0, ddof=1) / math.sqrt(STARTS)


def _resolved(
    equations: Equations, first: tuple[Array, Array], tolerance: float
) -> tuple[Run, int, Array, Array, Array]:
    """An integrator and its number of steps, what it says of one group, what steps of no length add, the error."""
    run, order = (mean_run, 1) if equations.p else (limit_run, 2)  # orders of the errors in the length of a step
    algorithm = float(equations.theta.max()) * math.sqrt(equations.p) if equations.p else math.inf
    steps = 32

    def extrapolated(coarse: Array, fine: Array) -> Array:
        found: Array = fine[:2] + (fine[:2] - coarse[:2]) / (2**order - 1)
        return found

    fine = run(equations, *first, steps)
    known = extrapolated(run(equations, *first, steps // 2), fine)
    while True:
        finer = run(equations, *first, 2 * steps)
        value = extrapolated(fine, finer)
        in_time = np.abs(value[0] - known[0])
        if in_time.max() <= tolerance or steps >= 4096:
            return run, steps, fine, value - fine[:2], in_time
        steps, fine, known = 2 * steps, finer, value
        if 2 * steps >= algorithm:
            exact = step_run(equations, *first, steps)
            return step_run, steps, exact, np.zeros_like(value), np.zeros(exact.shape[1])


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
    b = rng.permutation(ndtri(0.5 + 0.5 * (np.arange(half) + rng.random(half)) / half))  # |b|, one in each stratum
    b /= math.sqrt(float(b @ b) / half)
    return np.vstack([z, z]), np.concatenate([b, -b])


def limit_run(equations: Equations, z: Array, b: Array, steps: int) -> Array:
    """Integrate dz/dθ = −η b K (ψ′(z) ∘ e*), e* = −λ (G + λI)⁻¹ y by Heun's rule, and read it at θ."""
    K, y, eta, N, identity = equations.K, equations.y, equations.eta, b.size, np.eye(equations.y.size)
    values, slopes = vectorised(equations.activation)
    Psi = values(z)
    offset = equations.G_0 - Psi.T @ Psi / N
    grid = time_grid([*equations.theta, *equations.corners], steps)
    wanted = _nearest(grid, equations.theta)

    def state(z: Array, lam: float) -> tuple[Array, Array, Array]:
        Psi = values(z)
        G = Psi.T @ Psi / N + offset
        return Psi, G, solve(G + lam * identity, y) if lam > 0 else least_squares(G, y)

    def reading(state: tuple[Array, Array, Array], lam: float) -> tuple[float, ...]:
        Psi, G, a = state
        length = math.sqrt(a @ G @ a)
        cosine = float((b @ Psi / N) @ a) / length if length > 0 else math.nan
        e = -lam * a if lam > 0 else G @ a - y  # 0 only if λ_min(G) > 0
        return cosine, float(e @ e), 0.0, float(np.linalg.eigvalsh(G)[-1])

    lam = equations.penalty(0.0)
    now = state(z, lam)
    rows = {0: reading(now, lam)}
    for k, (start, stop) in enumerate(pairwise(grid), 1):
        h = stop - start
        before, after = (equations.penalty(start + 1e-9 * h), equations.penalty(stop - 1e-9 * h))
        if before != lam:
            now = state(z, before)
        drift = eta * before * b[:, None] * ((slopes(z) * now[2]) @ K)
        if after > 0 or before > 0:
            ahead = z + h * drift
            a = state(ahead, after)[2]
            z = z + 0.5 * h * (drift + eta * after * b[:, None] * ((slopes(ahead) * a) @ K))
        lam, now = after, state(z, after)
        if k in wanted:
            rows[k] = reading(now, lam)
    return np.array([rows[k] for k in wanted]).T


def mean_run(equations: Equations, z: Array, b: Array, steps: int) -> Array:
    """Integrate the mean dynamics at width p, where the residual relaxes and β remembers at finite speed.

    In steps t:  z′ = −(η/√p) b K (ψ′(z) ∘ e),  q′ = −ηλ q − η ψ(z)·e,  e = c f₀ + E[q ψ(z)] − y,  with
    cos = E[b q] / √(c² p + E[q²]). The stiff equation of q is taken implicitly, with its decay exact; z by the
    trapezoidal rule. Time is continuous but for the rates of decay: what a finite η does to the first transient, a
    relative ηλ_max(Ḡ)/2 of its 1/√p, is left out. The kernel's correction (``offset``) acts on a = −ηΣe with decay.
    """
    K, y, eta, N, identity = equations.K, equations.y, equations.eta, b.size, np.eye(equations.y.size)
    values, slopes = vectorised(equations.activation)
    root_p, Psi, q = math.sqrt(equations.p), values(z), np.zeros(N)
    offset = equations.G_0 - Psi.T @ Psi / N
    largest = float(np.linalg.eigvalsh(equations.G_0)[-1])
    fastest = 0.5 / (eta * largest)
    grid = root_p * time_grid([*equations.theta, *equations.corners], steps, head=max(fastest, 1.0) / root_p)
    wanted = _nearest(grid / root_p, equations.theta)
    e, a, pull, decay = equations.outputs(Psi) - y, np.zeros_like(y), slopes(z), 0.0
    rows = {0: (0.0, float(e @ e), 1.0, largest)}
    for k, (start, stop) in enumerate(pairwise(grid), 1):
        h = stop - start
        lam = 0.5 * (equations.penalty((start + 1e-9 * h) / root_p) + equations.penalty((stop - 1e-9 * h) / root_p))
        rate = -math.log1p(-eta * lam)
        keep = math.exp(-rate * h)
        push = -math.expm1(-rate * h) / lam if lam > 0 else eta * h  # η Σ (1 − ηλ)^k over the h steps
        step, c = (h * eta / root_p) * b[:, None], math.exp(-decay - rate * h)
        move = step * ((pull * e) @ K)
        for corrector in (False, True):  # first with e(t), then with the mean of the moves at t and t + h
            ahead = z - (0.5 * (move + step * ((pull * e) @ K)) if corrector else move)
            Psi, pull = values(ahead), slopes(ahead)
            G = Psi.T @ Psi / N + offset
            known = keep * (q @ Psi / N + offset @ a) + c * equations.outputs(Psi) - y
            e = solve(identity + push * G, known)
        z, q, a, decay = ahead, keep * q - push * (Psi @ e), keep * a - push * e, decay + rate * h
        if k in wanted:
            left = math.exp(-decay) * root_p
            norm = math.sqrt(left**2 + q @ q / N + a @ offset @ a)
            rows[k] = float(b @ q) / N / norm, float(e @ e), left / norm, float(np.linalg.eigvalsh(G)[-1])
    return np.array([rows[k] for k in wanted]).T


def step_run(equations: Equations, z: Array, b: Array, steps: int) -> Array:  # noqa: ARG001
    """Run the mean dynamics at width p in the steps of the algorithm itself: no error in time, at any η."""
    K, y, eta, N = equations.K, equations.y, equations.eta, b.size
    values, slopes = vectorised(equations.activation)
    root_p, q, a, c = math.sqrt(equations.p), np.zeros(N), np.zeros_like(y), 1.0
    wanted, rows = np.rint(equations.theta * root_p).astype(np.int64), {}
    Psi = values(z)
    offset = equations.G_0 - Psi.T @ Psi / N
    for t in range(int(wanted.max()) + 1):
        Psi = values(z)
        e = c * equations.outputs(Psi) + q @ Psi / N + offset @ a - y
        if t in wanted:
            norm = math.sqrt(c * c * equations.p + q @ q / N + a @ offset @ a)
            top = float(np.linalg.eigvalsh(Psi.T @ Psi / N + offset)[-1])
            rows[t] = float(b @ q) / N / norm, float(e @ e), c * root_p / norm, top
        keep = 1.0 - eta * equations.penalty((t + 0.5) / root_p)
        z = z - (eta / root_p) * b[:, None] * ((slopes(z) * e) @ K)
        q, a, c = keep * q - eta * (Psi @ e), keep * a - eta * e, keep * c
    return np.array([rows[t] for t in wanted.tolist()]).T


def solve(A: Array, y: Array) -> Array:
    """Solve A x = y, in the sense of least squares where A is singular."""
    try:
        return np.asarray(np.linalg.solve(A, y), dtype=np.float64)
    except np.linalg.LinAlgError:
        return least_squares(A, y)


def least_squares(A: Array, y: Array) -> Array:
    """The shortest x of the least ‖A x − y‖, for λ = 0, where dependent samples make A singular up to rounding."""
    return np.asarray(np.linalg.lstsq(A, y, rcond=1e-12)[0], dtype=np.float64)


def _nearest(grid: Array, theta: Array) -> list[int]:
    """Places in the grid of the times θ, all of which are on it up to rounding."""
    places: list[int] = np.abs(grid[:, None] - theta).argmin(axis=0).tolist()
    return places


def vectorised(activation: Activation) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """ψ and ψ′ on arrays; NumPy's own loops where it has them, which are ten times as fast."""
    if activation.kind == "tanh":
        return np.tanh, lambda z: 1.0 - np.tanh(z) ** 2
    if activation.kind == "relu":
        return lambda z: np.maximum(z, 0.0), lambda z: (z > 0.0).astype(np.float64)
    return activation, activation.derivative
