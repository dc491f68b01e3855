"""The edge of stability of linear networks under a constant penalty: when a fixed step size becomes too large."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from fa_ref._support.checks import as_number
from fa_ref.activations import Activation, resolve
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.limits.linear import ridge_solution, spectrum
from theory.limits.long_time import constant_penalty, plateau
from theory.precision import power

__all__ = ["LongRun", "edge_time", "long_run", "small_step_edge_time"]

Array = NDArray[np.float64]


def edge_time(problem: Problem, *, eta: float, ridge: Schedule) -> float:
    """Return θ_c, where η(λ + λ_max(G(θ))) reaches 2 in the limit p → ∞ of a linear network.

    G(θ) = K + K s sᵀK grows without bound along ds/dθ = −ηλ(G + λ)⁻¹y, so every η > 0 is too large in the end:
    from t = θ_c √p on the residual no longer relaxes. That networks then diverge is seen, and not proved. If
    XXᵀ = γI,

        θ_c = [(γ + λ)σ_c + γ²σ_c³/3] / (ηλ‖y‖),    σ_c = √(2/η − λ − γ)/γ.

    Parameters
    ----------
    problem : Problem
    eta : float
        Step size.
    ridge : Schedule
        A constant λ > 0.

    Returns
    -------
    float
        θ_c; 0 if η(λ + λ_max(K)) ≥ 2 at the start.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above, or Xᵀy = 0: then W does not move.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> problem, ridge = Problem(np.eye(5), np.ones(5)), schedules.constant(1.0)
    >>> sigma = (2 / 0.1 - 2) ** 0.5
    >>> closed = (2 * sigma + sigma**3 / 3) / (0.1 * 5**0.5)
    >>> round(edge_time(problem, eta=0.1, ridge=ridge), 6) == round(closed, 6)
    True
    """
    eta, lam = as_number("eta", eta, above=0), constant_penalty(ridge)
    k, y, _ = spectrum(problem)
    largest = 2.0 / eta - lam  # of λ_max(G) at the edge
    if k[-1] >= largest:
        return 0.0

    def slope(tau: float, s: Array) -> Array:  # noqa: ARG001
        return -ridge_solution(k, y, k * s, lam)

    def distance(tau: float, s: Array) -> float:  # noqa: ARG001
        return float(
            1.0 - (k * s) ** 2 @ (1.0 / (largest - k))
        )  # λ_max(K + vvᵀ) < largest ⟺ vᵀ(largest − K)⁻¹v < 1

    distance.terminal = True  # type: ignore[attr-defined]
    atol, start, s = 1e-14 / math.sqrt(k[-1]), 0.0, np.zeros_like(y)
    span = eta * lam * small_step_edge_time(problem, eta=eta, ridge=ridge)
    while True:
        run = solve_ivp(slope, (start, start + span), s, method="DOP853", events=distance, rtol=1e-11, atol=atol)
        if run.t_events[0].size:
            return float(run.t_events[0][0]) / (eta * lam)
        start, s, span = start + span, run.y[:, -1], 2.0 * span


def small_step_edge_time(problem: Problem, *, eta: float, ridge: Schedule) -> float:
    """Return the limit of `edge_time` as η → 0: (2/η)^{3/2} ỹ²/(3ηλ‖y‖³), ỹ² = yᵀK⁻¹y.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> problem, ridge = Problem(np.diag([1.0, 2.0]), [1.0, 1.0]), schedules.constant(0.5)
    >>> exact, said = (f(problem, eta=1e-5, ridge=ridge) for f in (edge_time, small_step_edge_time))
    >>> bool(abs(said / exact - 1) < 1e-3)
    True
    """
    eta, lam = as_number("eta", eta, above=0), constant_penalty(ridge)
    k, y, _ = spectrum(problem)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        size = np.linalg.norm(y)
        share = np.sum((y / size) ** 2 / k) / size  # ỹ²/‖y‖³
        return float(np.float64(2.0 / eta) ** 1.5 * share / eta / lam / 3.0)


@dataclass(frozen=True, kw_only=True)
class LongRun:
    """What a constant penalty leads to in the long run.

    Attributes
    ----------
    edge : float
        θ_c of `edge_time` for linear networks; ∞ where η(λ + λ_max(G)) < 2 is certain at all times; NaN where it is
        not known.
    plateau : float
        ½‖e‖² for 1/(η(λ + γ)) ≪ t ≪ √p.
    meaning : str
        The same in words, with what is proved and what is only seen.
    """

    edge: float
    plateau: float
    meaning: str


def long_run(problem: Problem, activation: str | Activation, *, eta: float, ridge: Schedule) -> LongRun:
    """Say where a network with a constant penalty goes after the plateau, and whether its step size remains stable.

    Parameters
    ----------
    problem : Problem
    activation : str or Activation
        ψ.
    eta : float
        Step size.
    ridge : Schedule
        A constant λ > 0.

    Returns
    -------
    LongRun

    Examples
    --------
    >>> from fa_ref import schedules
    >>> problem, ridge = Problem(np.eye(2), [1.0, 1.0]), schedules.constant(0.5)
    >>> [round(long_run(problem, psi, eta=0.1, ridge=ridge).edge, 2) for psi in ("identity", "tanh", "relu")]
    [466.35, inf, nan]
    """
    psi, eta, lam = resolve(activation), as_number("eta", eta, above=0), constant_penalty(ridge)
    height = plateau(problem, psi, ridge).loss
    if psi.linear:
        theta = edge_time(problem, eta=eta, ridge=ridge)
        return LongRun(
            edge=theta,
            plateau=height,
            meaning=f"at every η, η(λ + λ_max(G)) reaches 2 in the end: here at θ_c = {theta:.5g} as p → ∞;"
            " networks diverge soon after t = θ_c √p (seen, not proved)",
        )
    largest = eta * (lam + problem.n * power(psi.B0, 2))
    if largest < 2:
        meaning = f"η(λ + nB0²) = {largest:.3g} < 2: the step size remains stable at all times"
        return LongRun(edge=math.inf, plateau=height, meaning=meaning)
    meaning = "λ_max(G) may grow until η(λ + λ_max(G)) exceeds 2; when is not known in closed form"
    return LongRun(edge=math.nan, plateau=height, meaning=meaning)
