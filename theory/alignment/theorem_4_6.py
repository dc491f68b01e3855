"""The constant of Theorem 4.6 for linear networks: its closed form, a bracket for every isometry, its schedule.

A ridge penalty that is cut off after O(√p) steps leaves an alignment of at least a constant. ``docs/alignment.md``,
sections 3 and 4, derives the constant and the bracket.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from scipy.integrate import quad
from scipy.optimize import brentq

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number
from fa_ref.schedules import Schedule

__all__ = ["Bracket", "sharp_bracket", "sharp_constant", "sharp_schedule"]

#: log Q from which the lower end of the bracket, below e^{-200}, is called 0.
LARGEST_SPREAD = 400.0


class Bracket(NamedTuple):
    """A proved interval: ``lower ≤ alignment ≤ upper``.

    Attributes
    ----------
    lower, upper : float
        Both ends.
    """

    lower: float
    upper: float


def sharp_constant(L: float, c_S: float, nu: float, gamma_over_M: float = 1.0) -> float:
    """Return the alignment that Theorem 4.6's schedule produces as p → ∞, for exactly isometric inputs.

    The linear network with XXᵀ = γI, trained with λ = Lγ up to the step T of `sharp_schedule`, ends with

        cos∠(b, β) → κ/√(1 + κ²),      (1 + L) κ + κ³/3 = c_S ν γ/M,

    independently of n, d, p, η and of the direction of y. At a fixed budget c_S it *decreases* with L.

    Parameters
    ----------
    L : float
        Ratio λ/γ > 0.
    c_S : float
        Constant of the budget Σλ(t) ≤ S_λ = c_S γ √(γp) / (η √n M), c_S ≥ 0. Theorem 4.3 proves convergence for a
        small c_S only; the limit here holds for every c_S.
    nu : float
        ν = ‖y‖/√n > 0.
    gamma_over_M : float, optional
        γ/M in (0, 1], where M ≥ λ_max(XXᵀ) is the bound that sizes the budget.

    Returns
    -------
    float
        In [0, 1]; 1 only where the limit is nearer to it than any other float.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a number in its range.

    Examples
    --------
    >>> round(sharp_constant(L=3, c_S=5, nu=1), 4)
    0.7488
    >>> sharp_constant(3, 5, 1) > sharp_constant(30, 5, 1)
    True
    """
    L, c_S, nu, ratio = _sharp_arguments(L, c_S, nu, gamma_over_M)
    kappa = _cubic_root(1.0 + L, c_S * nu * ratio)
    return kappa / math.hypot(1.0, kappa) if math.isfinite(kappa) else 1.0


def _sharp_arguments(L: float, c_S: float, nu: float, ratio: float) -> tuple[float, float, float, float]:
    L, c_S = as_number("L", L, above=0), as_number("c_S", c_S, at_least=0)
    nu, ratio = as_number("nu", nu, above=0), as_number("gamma_over_M", ratio, above=0)
    if ratio > 1:
        raise ValueError(f"gamma_over_M: expected a finite number > 0 and <= 1, got {ratio:g}")
    return L, c_S, nu, ratio


def _cubic_root(B: float, right: float) -> float:
    """The root κ ≥ 0 of Bκ + κ³/3 = right; hyperbolic form of Cardano's, free of cancellation."""
    return 2.0 * math.sqrt(B) * math.sinh(math.asinh(1.5 * right / B / math.sqrt(B)) / 3.0)


def sharp_bracket(L: float, c_S: float, nu: float, epsilon: float, gamma_over_M: float | None = None) -> Bracket:
    """Bracket the same limit for every (γ, ε)-isometric X and every direction of y.

    Holds for γ ≤ λ_min(XXᵀ) and λ_max(XXᵀ) ≤ (1 + ε)γ (Definition 4.4), λ = Lγ, after the cutoff. Both ends
    meet in `sharp_constant` at ε = 0.

    Parameters
    ----------
    L, c_S, nu : float
        As in `sharp_constant`.
    epsilon : float
        ε ≥ 0.
    gamma_over_M : float, optional
        As in `sharp_constant`, at most the default 1/(1 + ε), which is M = (1 + ε)γ.

    Returns
    -------
    Bracket

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a number in its range.

    Examples
    --------
    >>> [round(end, 3) for end in sharp_bracket(L=3, c_S=5, nu=1, epsilon=0.1)]
    [0.706, 0.74]
    >>> [round(end, 4) for end in sharp_bracket(L=3, c_S=5, nu=1, epsilon=0)]
    [0.7488, 0.7488]
    """
    epsilon = as_number("epsilon", epsilon, at_least=0)
    ratio = 1.0 / (1.0 + epsilon) if gamma_over_M is None else gamma_over_M
    L, c_S, nu, ratio = _sharp_arguments(L, c_S, nu, ratio)
    if ratio > 1.0 / (1.0 + epsilon):
        raise ValueError(f"gamma_over_M: expected at most 1/(1 + epsilon) = {1 / (1 + epsilon):g}, got {ratio:g}")
    small, large = 1.0 + L / (1.0 + epsilon), 1.0 + L  # spectrum of B = I + λK⁻¹
    budget = c_S * nu * ratio
    upper = _largest_kappa(small, large, budget)
    rho = _least_cosine(small, large, upper)
    lower = _smallest_kappa(small, large, budget / math.sqrt(1.0 + epsilon), upper) if rho > 0 else 0.0
    # κρ/√((1 + κ²)(1 + κ²(1 − ρ²))) rises and then falls with κ: its least value is at an end.
    least = min(_final_cosine(kappa, rho) for kappa in (lower, upper))
    most = max(_final_cosine(kappa, 1.0) for kappa in (lower, upper))
    return Bracket(least, most)


def _final_cosine(kappa: float, rho: float) -> float:
    return kappa * rho / math.sqrt((1.0 + kappa**2) * (1.0 + kappa**2 * (1.0 - rho**2)))


def _least_cosine(small: float, large: float, kappa: float) -> float:
    """Kantorovich's bound on the cosine between w and K^{-1/2}y while |w| ≤ κ."""
    phi = 0.5 * kappa**2
    worst = min(max(phi, small), large)
    spread = max(math.log(large / small), math.log(small / worst) + phi * (1.0 / small - 1.0 / worst))
    return 1.0 / math.cosh(0.5 * spread) if spread < LARGEST_SPREAD else 0.0


def _largest_kappa(small: float, large: float, budget: float) -> float:
    """|w| cannot exceed this: κ′ ≤ max over x in [1/large, 1/small] of √(x/small)/(1 + xκ²), per unit of budget."""

    def cost(kappa: float) -> float:  # least of (1 + xκ²)/√x, at √x = 1/κ where that is allowed
        root = min(max(1.0 / kappa if kappa > 0 else math.inf, large**-0.5), small**-0.5)
        return float(math.sqrt(small) * (1.0 / root + root * kappa**2))

    return _reach(cost, budget, _cubic_root(large, budget), (small**0.5, large**0.5), -1.0)


def _smallest_kappa(small: float, large: float, budget: float, ceiling: float) -> float:
    """|w| reaches at least this; the greatest of (1 + xκ²)/√x is at an end of the range of x."""

    def cost(kappa: float) -> float:
        slowest = max(math.sqrt(x) + kappa**2 / math.sqrt(x) for x in (small, large))
        return math.sqrt(large) * slowest / _least_cosine(small, large, kappa)

    kinks = ((small * large) ** 0.25, math.sqrt(2.0 * small), math.sqrt(2.0 * large))
    return _reach(cost, budget, ceiling, kinks, 1.0)


def _reach(
    cost: Callable[[float], float], budget: float, scale: float, kinks: tuple[float, ...], side: float
) -> float:
    """The κ at which ∫₀^κ cost = budget; the error of the quadrature is added on the given side, so κ is safe."""
    if budget == 0.0:
        return 0.0

    def spent(kappa: float) -> float:
        inner = [k for k in kinks if 0 < k < kappa] or None
        value, error, *_ = quad(
            cost, 0.0, kappa, points=inner, epsabs=1e-13 * budget, epsrel=1e-12, limit=200, full_output=True
        )
        return float(value + side * error)

    high = max(scale, 1e-300)
    while spent(high) < budget:
        high *= 1.5
    return high * float(brentq(lambda part: spent(high * part) / budget - 1.0, 0.0, 1.0, xtol=1e-14, rtol=1e-13))


def sharp_schedule(
    L: float, c_S: float, p: int, n: int, *, eta: float, gamma: float = 1.0, gamma_over_M: float = 1.0
) -> Schedule:
    """λ(t) of Theorem 4.6: λ = Lγ up to T = ⌊S_λ/λ⌋, S_λ = c_S γ √(γp) / (η √n M), and 0 after.

    Parameters
    ----------
    L : float
        λ/γ > 0.
    c_S : float
        Constant of the budget, ≥ 0.
    p, n : int
        Width, and number of samples.
    eta : float
        Step size η > 0.
    gamma : float, optional
        γ ≤ λ_min(XXᵀ).
    gamma_over_M : float, optional
        γ/M in (0, 1].

    Returns
    -------
    Schedule
        `fa_ref.schedules.cutoff`.

    Examples
    --------
    >>> sharp_schedule(L=3, c_S=5, p=10**6, n=10, eta=0.05)
    cutoff(3, 10540)
    """
    L, c_S, _, ratio = _sharp_arguments(L, c_S, 1.0, gamma_over_M)
    p, n = as_count("p", p), as_count("n", n)
    eta, gamma = as_number("eta", eta, above=0), as_number("gamma", gamma, above=0)
    budget = c_S * ratio * math.sqrt(gamma * p) / (eta * math.sqrt(n))
    return schedules.cutoff(L * gamma, int(budget / (L * gamma)))
