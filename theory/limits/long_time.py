"""A constant penalty in the long run: the plateau, what comes after it, and when linear networks become unstable.

Under a constant λ > 0 there is no stationary point to converge to (`theory.limits.stationarity`). The loss first
stays on a plateau, then moves with θ = t/√p. Here are its height, the limits of loss and alignment for linear,
ReLU and tanh networks as θ → ∞ in the limit p → ∞. `theory.limits.edge` has the time at which linear networks
become unstable. ``docs/open_questions.md`` derives each law and says which are proved.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import root

from fa_ref import schedules
from fa_ref._support.checks import as_number
from fa_ref.activations import Activation
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.kernels import mean_kernel
from theory.limits.linear import spectrum
from theory.limits.theta_time import checked_times

__all__ = [
    "LongTime",
    "Plateau",
    "constant_penalty",
    "isometry_constant",
    "linear_law",
    "plateau",
    "relu_law",
]

Array = NDArray[np.float64]

#: Largest relative distance of XXᵀ from a multiple of the identity at which the closed forms for XXᵀ = γI apply.
EXACT = 1e-9


class Plateau(NamedTuple):
    """Both losses for 1/(η(λ + γ)) ≪ t ≪ √p, as p → ∞.

    Attributes
    ----------
    loss : float
        ½‖e‖² = ½λ²‖(Ḡ + λ)⁻¹y‖², of order λ² as λ → 0.
    penalised : float
        ½‖e‖² + ½λ‖β‖² = ½λ yᵀ(Ḡ + λ)⁻¹y, of order λ.
    """

    loss: float
    penalised: float


class LongTime(NamedTuple):
    """What the limit p → ∞ tends to at times θ = t/√p, to leading order in 1/θ.

    Attributes
    ----------
    theta : ndarray, shape (m,)
        Times.
    growth : ndarray, shape (m,)
        Linear: ‖W(t) − W(0)‖_F/√p. ReLU: the largest of the lengths S_i by which |b_r| moves an active z_ri.
    loss : ndarray, shape (m,)
        ½‖e‖².
    alignment : ndarray, shape (m,)
        cos∠(b, β).
    """

    theta: Array
    growth: Array
    loss: Array
    alignment: Array


def constant_penalty(ridge: Schedule) -> float:
    """Return λ > 0 of a schedule that never changes.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> constant_penalty(schedules.constant(0.5))
    0.5
    >>> constant_penalty(schedules.cutoff(0.5, 3))
    Traceback (most recent call last):
    ...
    ValueError: ridge: expected schedules.constant of a number > 0, got cutoff(0.5, 3)
    """
    if not isinstance(ridge, Schedule):
        raise TypeError(f"ridge: expected a Schedule, got {ridge!r:.60}")
    if not ridge.maximum > 0 or ridge != schedules.constant(ridge.maximum):
        raise ValueError(f"ridge: expected schedules.constant of a number > 0, got {ridge.name}")
    return ridge.maximum


def plateau(problem: Problem, activation: str | Activation, ridge: Schedule) -> Plateau:
    """Return the losses between the first transient and the scale t ~ √p, where W starts to matter.

    Parameters
    ----------
    problem : Problem
    activation : str or Activation
        ψ.
    ridge : Schedule
        A constant λ > 0.

    Returns
    -------
    Plateau

    Examples
    --------
    >>> from fa_ref import schedules
    >>> plateau(Problem(np.eye(2), [3.0, 0.0]), "identity", schedules.constant(0.5))
    Plateau(loss=0.5, penalised=1.5)
    """
    lam = constant_penalty(ridge)
    G = mean_kernel(problem.X, activation).G
    a = np.linalg.solve(G + lam * np.eye(problem.n), problem.y)
    e = lam * a
    return Plateau(0.5 * float(e @ e), 0.5 * float(problem.y @ e))


def linear_law(problem: Problem, theta: ArrayLike, *, eta: float, ridge: Schedule) -> LongTime:
    """Return w³ = 3ỹηλθ, ½λ²‖K⁻¹y‖²/w⁴ and 1 − 1/(2w²), with ỹ² = yᵀK⁻¹y: the limit for large θ, η → 0.

    Relative errors are of order 1/w². At a fixed η the network becomes unstable at θ_c, see `edge_time`. If n > d,
    y is its projection on the column space of X, and the loss is that of the projection.

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).
    theta : array_like, shape (m,)
        Times t/√p.
    eta : float
        Step size η > 0.
    ridge : Schedule
        A constant λ > 0.

    Returns
    -------
    LongTime

    Examples
    --------
    >>> from fa_ref import schedules
    >>> from theory.limits import wide_prediction
    >>> problem, ridge = Problem(np.diag([1.0, 2.0]), [1.0, 1.0]), schedules.constant(0.5)
    >>> law = linear_law(problem, [1e6], eta=0.1, ridge=ridge)
    >>> exact = wide_prediction(problem, "identity", [1e6], eta=0.1, ridge=ridge)
    >>> bool(abs(law.loss / exact.mean_square - 1) < 2e-3), bool(abs(law.alignment - exact.alignment) < 1e-6)
    (True, True)
    """
    eta, lam, times = as_number("eta", eta, above=0), constant_penalty(ridge), checked_times(theta)
    k, y, _ = spectrum(problem)
    w = np.cbrt(3.0 * math.sqrt(float(y @ (y / k))) * eta * lam * times)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        loss = 0.5 * (lam * (np.linalg.norm(y / k) / w) / w) ** 2
        alignment = 1.0 - 0.5 / w**2
    return LongTime(times, w, loss, alignment)


def relu_law(
    problem: Problem, theta: ArrayLike, *, eta: float, ridge: Schedule, network: Network | None = None
) -> LongTime:
    """Return the self-similar growth of a ReLU network with XXᵀ = γI: ψ(z_ri) ≈ |b_r| S_i while unit r is alive.

    Unit r stays alive on sample i if z_ri(0) > 0 and b_r has the sign of y_i. With N_ij = E b² over the units that
    are alive on both samples (¼ on the diagonal, ⅛ for y_i y_j > 0, 0 else) and τ = ηλγθ,

        S_i = c_i τ^{1/3},   c_i Σ_j N_ij c_j² = 3|y_i|,   e_i = −λ sign(y_i) c_i τ^{−2/3}/3,
        cos∠(b, β) → Σ_i N_ii c_i² / √(3 Σ_i |y_i| c_i).

    For equal |y_i| the last is Σ_g n_g (n_g + 1)^{−2/3} / √(2 Σ_g n_g (n_g + 1)^{−1/3}), with n_g samples of either
    sign: 1/√(2(1 + 1/n)) for one sign, 1/√(2(½ + 1/n)) for half of each. This is perturbative: to leading order in
    1/S, and for η(λ + λ_max(G)) < 2.

    Parameters
    ----------
    problem : Problem
        XXᵀ = γI, no y_i = 0.
    theta : array_like, shape (m,)
    eta : float
        Step size η > 0.
    ridge : Schedule
        A constant λ > 0.
    network : Network, optional
        Its own N_ij and E b² in place of those of the limit p → ∞.

    Returns
    -------
    LongTime

    Raises
    ------
    ValueError
        If XXᵀ is not γI, a target is zero, or the network's units do not stay alive on every sample.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> ridge, theta = schedules.constant(1.0), [1e4]
    >>> one_sign, both = (relu_law(Problem(np.eye(2), [1.0, s]), theta, eta=0.1, ridge=ridge) for s in (1, -1))
    >>> one_sign.alignment.round(6), both.alignment.round(6)
    (array([0.57735]), array([0.707107]))
    """
    eta, lam, times = as_number("eta", eta, above=0), constant_penalty(ridge), checked_times(theta)
    gamma, size, sign = isometry_constant(problem), np.abs(problem.y), np.sign(problem.y)
    if not size.all():
        raise ValueError("y: expected no target that is zero, got one")
    if network is None:
        alive = 0.125 * (np.eye(problem.n) + 1.0) * (sign[:, None] == sign)
        b_square = 1.0
    else:
        units = ((problem.X @ network.W.T > 0) & (sign[:, None] == np.sign(network.b))) * network.b
        alive, b_square = units @ units.T / network.p, float(network.b @ network.b) / network.p
    c = _self_similar(alive, size)
    tau = eta * lam * gamma * times
    with np.errstate(divide="ignore"):
        loss = 0.5 * lam**2 * float(c @ c) / 9.0 * tau ** (-4.0 / 3.0)
    cosine = float(np.diag(alive) @ c**2) / math.sqrt(3.0 * b_square * float(size @ c))
    return LongTime(times, float(c.max()) * np.cbrt(tau), loss, np.full(times.size, cosine))


def _self_similar(alive: Array, size: Array) -> Array:
    """The minimum c > 0 of the convex ¼ Σ N_ij c_i²c_j² − 3 Σ |y_i| c_i, where its gradient vanishes."""

    def gradient(c: Array) -> Array:
        found: Array = c * (alive @ c**2) - 3.0 * size
        return found

    def hessian(c: Array) -> Array:
        found: Array = np.diag(alive @ c**2) + 2.0 * np.outer(c, c) * alive
        return found

    found = root(gradient, np.cbrt(3.0 * size / np.maximum(alive.sum(axis=1), 1e-300)), jac=hessian, tol=1e-13)
    if not (found.success and (found.x > 0).all() and (np.diag(alive) > 0).all()):
        raise ValueError("network: expected units that stay alive on every sample, got too few")
    return np.asarray(found.x, dtype=np.float64)


def isometry_constant(problem: Problem) -> float:
    """Return γ of inputs with XXᵀ = γI.

    Raises
    ------
    ValueError
        If XXᵀ is another matrix.
    """
    gamma = float(problem.K[0, 0])
    if not (gamma > 0 and np.abs(problem.K - gamma * np.eye(problem.n)).max() <= EXACT * gamma):
        raise ValueError("problem: expected X with XXᵀ = γI, got another Gram matrix")
    return gamma
