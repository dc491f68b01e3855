"""Theorem D: the limit p → ∞ at t = θ√p, and how far one network is from it (docs/nonlinear_alignment.md, §7).

The limit is integrated on a product of Gauss–Hermite nodes in (z(0), b): deterministic, and convergent fast for
smooth ψ, at a cost that is a power of n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from fa_ref._support.checks import as_count
from fa_ref.activations import Activation, resolve
from fa_ref.problem import Problem
from fa_ref.setting import Setting
from fa_ref.training import train
from fa_ref.trajectory import Trajectory
from theory.alignment.nonlinear.closed import along
from theory.alignment.nonlinear.entries import penalty_of
from theory.alignment.nonlinear.measuring import measure
from theory.kernels import mean_kernel
from theory.margins import Margin
from theory.precision import EPS, power

__all__ = ["Distance", "ThetaLimit", "distance", "early_slope", "theta_limit"]

Array = NDArray[np.float64]
#: The largest number of nodes of the product.
MOST_NODES = 300_000


@dataclass(frozen=True, kw_only=True)
class ThetaLimit:
    """The limit at θ = 0, h, 2h, … .

    Attributes
    ----------
    theta : ndarray, shape (m,)
        Times.
    a, m : ndarray, shape (m, n)
        a(θ) = (G + λ)⁻¹y and m(θ) = E bψ(z̄).
    G, Theta : ndarray, shape (m, n, n)
        G(θ) = E ψψᵀ and Θ(θ) = E b²DKD.
    kappa, kappa_plus : ndarray
        cos∠(b, β) under λ, and after a cutoff at θ (NaN where G is singular).
    s : ndarray
        √(aᵀGa), the limit of ‖β‖.
    """

    theta: Array
    a: Array
    m: Array
    G: Array
    Theta: Array
    kappa: Array
    kappa_plus: Array
    s: Array


def theta_limit(
    problem: Problem,
    activation: str | Activation,
    lam: float,
    *,
    eta: float,
    end: float,
    steps: int = 64,
    nodes: int = 24,
) -> ThetaLimit:
    """Integrate the limit up to θ = ``end`` by the classical Runge–Kutta rule.

    Parameters
    ----------
    problem : Problem
        With few samples: nodesⁿ⁺¹ must be at most 300 000.
    activation : str or Activation
        ψ.
    lam, eta, end : float
        λ > 0, η and the last θ.
    steps, nodes : int, optional
        Time steps, and nodes in each direction.

    Raises
    ------
    ValueError
        If there are too many nodes.

    Examples
    --------
    >>> limit = theta_limit(Problem([[1.0]], [1.0]), "tanh", 0.5, eta=0.5, end=1.0)
    >>> bool((np.diff(limit.kappa) > 0).all()), limit.kappa.shape
    (True, (65,))
    """
    psi, n = resolve(activation), problem.n
    if as_count("nodes", nodes) ** (n + 1) > MOST_NODES:
        raise ValueError(f"nodes: expected nodes^(n+1) <= {MOST_NODES}, got {nodes}^{n + 1}")
    z, b, weight = _nodes(problem.K, nodes)
    K, y, identity, h = problem.K, problem.y, np.eye(n), end / as_count("steps", steps)

    def solved(z: Array) -> tuple[Array, Array, Array]:
        Psi = psi(z)
        G = (Psi * weight[:, None]).T @ Psi
        return Psi, G, np.asarray(np.linalg.solve(G + lam * identity, y))

    def drift(z: Array) -> Array:
        return eta * lam * b[:, None] * ((psi.derivative(z) * solved(z)[2]) @ K)

    rows = []
    for k in range(steps + 1):
        Psi, G, a = solved(z)
        D, m = psi.derivative(z), (weight * b) @ Psi
        Theta = K * ((D * (weight * b**2)[:, None]).T @ D)
        s = math.sqrt(max(float(a @ G @ a), 0.0))
        plus = _plus(G, y, m)
        rows.append((k * h, a, m, G, Theta, float(m @ a) / s if s > 0 else math.nan, plus, s))
        first = drift(z)
        second = drift(z + 0.5 * h * first)
        third = drift(z + 0.5 * h * second)
        z = z + h / 6 * (first + 2 * second + 2 * third + drift(z + h * third))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    names = ("theta", "a", "m", "G", "Theta", "kappa", "kappa_plus", "s")
    return ThetaLimit(**dict(zip(names, columns, strict=True)))


def _plus(G: Array, y: Array, m: Array) -> float:
    values = np.linalg.eigvalsh(G)
    if not values[0] > 1e-12 * values[-1]:
        return math.nan
    plus = np.linalg.solve(G, y)
    return float(m @ plus) / math.sqrt(float(y @ plus))


def _nodes(K: Array, count: int) -> tuple[Array, Array, Array]:
    """Nodes z ~ N(0, K), b ~ N(0, 1) and their weights."""
    x, w = np.polynomial.hermite_e.hermegauss(count)
    w = w / w.sum()
    n = K.shape[0]
    values, vectors = np.linalg.eigh(K)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    grid = np.stack(np.meshgrid(*[x] * (n + 1), indexing="ij"), axis=-1).reshape(-1, n + 1)
    weight = np.prod(np.stack(np.meshgrid(*[w] * (n + 1), indexing="ij"), axis=-1), axis=-1).reshape(-1)
    keep = weight > 1e-22
    grid, weight = grid[keep], weight[keep]
    return grid[:, :n] @ root.T, grid[:, n], weight / weight.sum()


@dataclass(frozen=True, kw_only=True)
class Distance:
    """(2) of Theorem D at one θ: how far one network is from the limit, and how far it can be.

    Attributes
    ----------
    theta : float
        t/√p.
    cosine, kappa : float
        cos∠(b, β(t)) and κ(θ).
    bound : float
        The right-hand side of (2): |cosine − kappa| ≤ bound, with D, F and m̂ measured.
    X, D, F, m_error : float
        X_t, the distance of the units from their limit flows, ‖Ḡ_p − G‖ and ‖m̂ − m‖.
    a_priori : float
        The bound on D from the entries at t = 0, given the largest F seen on the way.
    step_size : Margin
        η(2λ + σ²) ≤ 2 for a bound σ of ‖A(s)‖ over the run: Theorem A's condition; where it fails, ``bound`` is
        infinite.
    """

    theta: float
    cosine: float
    kappa: float
    bound: float
    X: float
    D: float
    F: float
    m_error: float
    a_priori: float
    step_size: Margin


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def distance(setting: Setting, limit: ThetaLimit, t: int) -> Distance:
    """Train to step t, carry every unit along its limit flow, and evaluate (2).

    Parameters
    ----------
    setting : Setting
        The setting of the limit, with a network.
    limit : ThetaLimit
        See `theta_limit`; it must reach θ = t/√p.
    t : int
        The step.

    Raises
    ------
    ValueError
        If the limit ends before θ, the penalty before t, or the schedule or the rule is another one.
    """
    problem, network, psi = setting.problem, setting.start, setting.activation
    (lam, T), p = penalty_of(setting.ridge), network.p
    if setting.rule != "fa" or t > T:
        raise ValueError(f"setting: expected feedback alignment under λ up to step {t}, got {setting}")
    theta = as_count("t", t) / math.sqrt(p)
    if theta > limit.theta[-1] * (1 + 4 * EPS):
        raise ValueError(f"limit: expected one that reaches θ = {theta:g}, got {limit.theta[-1]:g}")
    run = train(setting, steps=t)
    if run.network is None:
        raise ValueError(f"setting: expected a run that does not diverge, got {setting}")
    X, step_size = _followed(setting, run, t)
    z, most_F = _flow(setting, limit, theta)
    Psi = psi(z)
    a, m, G = (CubicSpline(limit.theta, values)(theta) for values in (limit.a, limit.m, limit.G))
    s, b2, Y = math.sqrt(float(a @ G @ a)), float(np.mean(network.b**2)), float(np.linalg.norm(problem.y))
    D = float(np.linalg.norm(run.network.W @ problem.X.T - z)) / math.sqrt(p)
    bar = Psi.T @ Psi / p
    F = float(np.linalg.norm(bar - G, 2))
    m_error = float(np.linalg.norm(network.b @ Psi / p - m))
    s_bar, size = math.sqrt(float(a @ bar @ a)), float(np.linalg.norm(a))
    bound = 2 / s_bar * (X + 1.25 * Y * psi.B1 / lam * D + Y * F / lam / (2 * math.sqrt(lam)))
    bound += size * m_error / s + math.sqrt(b2) * F * power(size / s, 2) + abs(math.sqrt(b2) - 1)
    return Distance(
        theta=theta, cosine=float(run.alignment[-1]), kappa=float(m @ a) / s,
        bound=bound if step_size.met else math.inf, X=X, D=D, F=F, m_error=m_error,
        a_priori=_a_priori(setting, t, most_F), step_size=step_size,
    )  # fmt: skip


def _followed(setting: Setting, run: Trajectory, t: int) -> tuple[float, Margin]:
    """X_t of Theorem A from the residuals of the run, and its condition with σ ≤ σ(0) + κ₁√b₂U/√p (§2, step 2)."""
    problem, network, psi, eta = setting.problem, setting.start, setting.activation, setting.eta
    lam, root, Y = penalty_of(setting.ridge)[0], math.sqrt(network.p), float(np.linalg.norm(problem.y))
    A, pace = psi(problem.X @ network.W.T) / root, eta * run.residual_norms[:t]
    speed = power(psi.B1 * problem.spectral_norm, 2) * float(np.linalg.norm(network.b)) / root
    G, keep = A @ A.T, (1 - eta * lam) ** np.arange(t - 1, -1, -1.0)
    apart = network.beta - A.T @ np.linalg.solve(G + lam * np.eye(problem.n), problem.y)
    X = (1 - eta * lam) ** t * float(np.linalg.norm(apart))
    X += 1.25 * Y / lam * speed / root * float(keep @ pace)
    top = min(math.sqrt(float(np.linalg.eigvalsh(G)[-1])) + speed * float(pace.sum()) / root,
              psi.B0 * math.sqrt(problem.n))  # fmt: skip
    return X, Margin("η(2λ + σ²)", eta * (2 * lam + power(top, 2)), 2.0, "≤")


def _flow(setting: Setting, limit: ThetaLimit, theta: float) -> tuple[Array, float]:
    """Every unit on its limit flow at θ, and the largest ‖Ḡ_p − G‖ at the times of the integration."""
    problem, psi, b = setting.problem, setting.activation, setting.start.b[:, None]
    lam = penalty_of(setting.ridge)[0]
    a, G = CubicSpline(limit.theta, limit.a), CubicSpline(limit.theta, limit.G)
    steps = max(8, math.ceil(theta / limit.theta[1]))
    h, z, met = theta / steps, setting.start.W @ problem.X.T, []

    def drift(z: Array, at: float) -> Array:
        return np.asarray(setting.eta * lam * b * ((psi.derivative(z) * a(at)) @ problem.K))

    for k in range(steps):
        Psi = psi(z)
        met.append(float(np.linalg.norm(Psi.T @ Psi / len(b) - G(k * h), 2)))
        first = drift(z, k * h)
        second = drift(z + 0.5 * h * first, (k + 0.5) * h)
        third = drift(z + 0.5 * h * second, (k + 0.5) * h)
        z = z + h / 6 * (first + 2 * second + 2 * third + drift(z + h * third, (k + 1) * h))
    return z, float(np.max(met))


def _a_priori(setting: Setting, t: int, F: float) -> float:
    """D ≤ C_D e^{Γθ}/√p, under (C1), (C2), with ``F`` a bound on F(θ_s); inf where these fail."""
    data, entries = measure(setting)
    found = along(data, entries, t, 2 if math.isfinite(data.B3) else 1)
    if not found.met:
        return math.inf
    eta, lam, Y, root, theta = data.eta, data.lam, data.Y, math.sqrt(entries.p), t / math.sqrt(entries.p)
    size, rate = np.abs(setting.start.b), eta * power(data.chi, 2) * data.B2 * Y
    S_1, S_2 = (math.sqrt(float(np.mean(size ** (2 * k) * np.exp(2 * rate * size * theta)))) for k in (1, 2))
    L_e = eta * data.kappa_1 * power(Y, 2) / math.sqrt(lam)
    D_0 = eta * data.radius * data.chi * data.B1 * data.B2 * power(Y, 2) * S_2 + data.B1 * L_e * S_1
    defects = (entries.d0 + (found.nu + lam * found.L_a) * found.omega) / found.Lambda + eta * Y / lam * t * F
    C_D = power(data.chi, 2) * data.B1 * S_1 * defects + 0.5 * theta * eta * power(data.chi, 2) * D_0
    return C_D / root * float(np.exp(eta * data.kappa_1 * S_1 * Y / math.sqrt(lam) * theta))


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def early_slope(problem: Problem, activation: str | Activation, lam: float, *, eta: float) -> tuple[float, float]:
    """(q̄, C′) with κ(θ) ≥ (2√λ/‖y‖)·ηλθ·(q̄ − C′θ²) wherever the right side is not negative.

    Examples
    --------
    >>> q, C = early_slope(Problem([[1.0]], [1.0]), "tanh", 0.5, eta=0.5)
    >>> bool(q > 0 and C > 0)
    True
    """
    psi, kernel = resolve(activation), mean_kernel(problem.X, resolve(activation))
    n, R, chi, Y = problem.n, problem.radius, problem.spectral_norm, float(np.linalg.norm(problem.y))
    a = np.linalg.solve(kernel.G + lam * np.eye(n), problem.y)
    slope, step = power(psi.B1, 2), power(eta * Y * psi.B1, 2)
    C_G = step * power(chi, 3) * (2 * psi.B0 * psi.B2 * R * math.sqrt(n) + slope * chi)
    C_Theta = 3 * step * power(R, 2) * power(chi, 4) * (2 * power(psi.B2, 2) + psi.B1 * psi.B3)
    C = power(Y / lam, 2) * (4 / 3 * slope * power(chi, 2) * C_G / lam + C_Theta / 3)
    return float(a @ kernel.Theta @ a), C
