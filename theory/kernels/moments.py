"""E ψ(u)ψ(v) and E ψ′(u)ψ′(v) for Gaussian pairs (u, v), each with a bound on its error.

Closed forms where they are known (identity, ReLU, erf); for any other ψ, Hermite expansions
(`theory/kernels/hermite.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_number
from fa_ref.activations import Activation, resolve
from theory.kernels.hermite import Progress, mehler_sums
from theory.kernels.quadrature import Integrand, Rows
from theory.precision import TINIEST, UNIT_ROUNDOFF

__all__ = ["Covariance", "Moments", "moments", "second_moments"]

Array = NDArray[np.float64]

#: Roundings between K and (σ, ρ): two square roots, a product, a quotient; counted twice.
_ROUNDINGS = 8 * UNIT_ROUNDOFF


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Second moments of ψ (or ψ′) at jointly Gaussian arguments.

    Attributes
    ----------
    values : (n, n) ndarray
        E ψ(u_i)ψ(u_j), symmetric, finite.
    error : (n, n) ndarray
        |values − truth| ≤ error, entry by entry, if ``rigorous``; an estimate by halving the step if not.
    rigorous : bool
        Whether ``error`` is a bound. What a user's `Activation` states of itself is taken for true.
    method : str
        "closed form" or "expansion".
    """

    values: Array
    error: Array
    rigorous: bool
    method: str


class Covariance(NamedTuple):
    """K as standard deviations σ and correlations ρ (1 on the diagonal, 0 beside a zero row).

    The true covariance may differ by ``kappa`` √(K_ii K_jj): then σ does by κ/2 of itself, and ρ by 2κ, up to 1 %.
    A subnormal σ is rounded to a multiple of the least number, and may differ by half of that as well.
    """

    K: Array
    sigma: Array
    rho: Array
    kappa: float

    @classmethod
    def of_scaled(cls, scaled: Array, root: Array, *, K: Array, sigma: Array, kappa: float) -> Covariance:
        """Take the correlations from a scaled matrix, whose standard deviations are ``root``."""
        scale = np.multiply.outer(root, root)
        with np.errstate(divide="ignore", invalid="ignore"):
            rho = np.where(scale > 0, np.clip(scaled / scale, -1.0, 1.0), 0.0)
        np.fill_diagonal(rho, 1.0)
        return cls(K, sigma, rho, kappa + _ROUNDINGS)


def second_moments(
    K: ArrayLike,
    activation: str | Activation,
    *,
    derivative: bool = False,
    covariance_error: float = 0.0,
    method: str = "auto",
    progress: Progress | None = None,
) -> Moments:
    """E ψ(u_i)ψ(u_j) for u ~ N(0, K), and with ``derivative`` E ψ′(u_i)ψ′(u_j).

    Parameters
    ----------
    K : (n, n) array_like
        Covariance, taken as the exact floats that it is.
    activation : str or Activation
        ψ. If it states neither a `Strip` nor bounds B1, B2, … on its derivatives, the error is an estimate.
    derivative : bool, optional
        Take ψ′ in place of ψ.
    covariance_error : float, optional
        K may be off by this, relative to √(K_ii K_jj); the error then covers it too. Below 0.005.
    method : {"auto", "closed form", "expansion"}
        "auto" takes the closed form where there is one.
    progress : callable, optional
        Called with (pairs done, pairs in all) as an expansion proceeds.

    Raises
    ------
    ValueError
        If K is not a covariance matrix (symmetric, |K_ij| ≤ √(K_ii K_jj)), the method does not exist for ψ, or ψ is
        not a finite number where it is needed.

    Examples
    --------
    >>> second_moments([[1.0, 0.0], [0.0, 4.0]], "relu").values * 2 * np.pi
    array([[ 3.14159265,  2.        ],
           [ 2.        , 12.56637061]])
    >>> arcsine = second_moments([[2.0, 1.0], [1.0, 3.0]], "erf")
    >>> series = second_moments([[2.0, 1.0], [1.0, 3.0]], "erf", method="expansion")
    >>> bool((np.abs(arcsine.values - series.values) <= arcsine.error + series.error).all())
    True
    """
    K = as_array("K", K, ndim=2)
    kappa = as_number("covariance_error", covariance_error, at_least=0, below=0.005)
    psi = resolve(activation)
    if method not in ("auto", "closed form", "expansion") or (
        method == "closed form" and not _has_closed_form(psi)
    ):
        raise ValueError(f"method: expected one that exists for {psi.name}, got {method!r}")
    found = moments(_decomposed(K, kappa), psi, derivative=derivative, method=method, progress=progress)
    if not np.isfinite(found.values).all():
        raise ValueError(f"K: expected one whose moments are finite floats, got K_ii up to {np.diag(K).max():.3g}")
    return found


def moments(
    covariance: Covariance,
    psi: Activation,
    *,
    derivative: bool = False,
    method: str = "auto",
    progress: Progress | None = None,
) -> Moments:
    """Return what `second_moments` does, of a covariance taken apart; values beyond the largest float are inf."""
    g = Integrand.of(psi, derivative)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        if method != "expansion" and _has_closed_form(psi):
            values, error = _closed(covariance, psi, g, derivative)
            rigorous = bool(np.isfinite(error).all())
            return Moments(values=values, error=_known(error), rigorous=rigorous, method="closed form")
        rows = Rows(g, covariance.sigma)
        values, error = mehler_sums(rows, covariance.rho, progress)
        rigorous = rows.bounded and math.isfinite(g.sup[1])
        if rigorous:
            error = error + _conditioning(g, covariance, values, error)
            error = np.minimum(error, np.abs(values) + rows.ceiling())
            rigorous = bool(np.isfinite(error).all())
    return Moments(values=values, error=_known(error), rigorous=rigorous, method="expansion")


def _known(error: Array) -> Array:
    return np.where(np.isnan(error), math.inf, error)


def _decomposed(K: Array, kappa: float) -> Covariance:
    if K.shape[0] != K.shape[1]:
        raise ValueError(f"K: expected a square matrix, got shape {K.shape}")
    # Rows and columns times powers of 2, so that K_ii is between ¼ and 1: no product overflows or underflows.
    half = (np.frexp(np.maximum(np.diag(K), 0.0))[1] + 1) // 2
    scaled = np.ldexp(K, -np.add.outer(half, half))
    diagonal = np.diag(scaled)
    root = np.sqrt(np.maximum(diagonal, 0.0))
    scale = np.multiply.outer(root, root)
    if (diagonal < 0).any():
        raise ValueError(f"K: expected a covariance matrix, got K_ii = {np.diag(K).min():g}")
    if (np.abs(scaled - scaled.T) > 1e-10 * scale).any():
        raise ValueError("K: expected a covariance matrix, got one that is not symmetric")
    if (np.abs(scaled) > (1 + 1e-10) * scale).any():
        raise ValueError("K: expected a covariance matrix, got one with |K_ij| > sqrt(K_ii K_jj)")
    return Covariance.of_scaled(scaled, root, K=K, sigma=np.ldexp(root, half), kappa=kappa)


def _has_closed_form(psi: Activation) -> bool:
    return psi.kind in ("identity", "relu", "erf")


def _closed(covariance: Covariance, psi: Activation, g: Integrand, derivative: bool) -> tuple[Array, Array]:
    K, sigma, rho, kappa = covariance
    if psi.kind == "relu" and derivative:
        return _orthant(sigma, rho, kappa)
    if psi.kind == "erf" and not derivative:
        return _arc_sine(covariance, g)
    if psi.kind == "relu":
        values = _arc_cosine(sigma, rho)
    elif derivative:
        values = _arc_sine_slope(sigma, rho) if psi.kind == "erf" else np.ones_like(K)
    else:
        values = K.copy()
    rounding = 8 * UNIT_ROUNDOFF * _scale(values + 8 * TINIEST) + 8 * TINIEST
    return values, rounding + _conditioning(g, covariance, values, rounding)


def _arc_cosine(sigma: Array, rho: Array) -> Array:
    """σ_u σ_v (sin θ + (π − θ) cos θ) / 2π, cos θ = ρ."""
    angle = np.sqrt((1 - rho) * (1 + rho)) + (math.pi - np.arccos(rho)) * rho
    found: Array = np.multiply.outer(sigma, sigma) * (angle / (2 * math.pi))
    return found


def _orthant(sigma: Array, rho: Array, kappa: float) -> tuple[Array, Array]:
    """P(u > 0, v > 0) = (π − θ)/2π; its error is that of θ, whose slope is infinite at ρ = ±1."""
    present = np.multiply.outer(sigma > 0, sigma > 0)
    slack = 2.02 * kappa
    theta = np.arccos(rho)
    low, high = np.arccos(np.minimum(rho + slack, 1.0)), np.arccos(np.maximum(rho - slack, -1.0))
    error = np.maximum(theta - low, high - theta) / (2 * math.pi) + 4 * UNIT_ROUNDOFF
    np.fill_diagonal(error, 0.0)  # P(u > 0) = ½ whatever the variance
    return np.where(present, (math.pi - theta) / (2 * math.pi), 0.0), np.where(present, error, 0.0)


def _arc_sine(covariance: Covariance, g: Integrand) -> tuple[Array, Array]:
    """(2/π) asin a, a = 2K_uv/√((1+2K_uu)(1+2K_vv)) = ρ t_u t_v with t = √2σ/√(1+2σ²), which cannot overflow.

    The slope of asin is infinite at ±1, where large σ lead; so the error is read off at both ends of a's interval.
    Roundings move a by at most 12u of itself, κ by 2κ t_u t_v; or κ enters through `_conditioning`, where less.
    """
    _, sigma, rho, kappa = covariance
    t = math.sqrt(2) * sigma / np.hypot(1.0, math.sqrt(2) * sigma)
    t = np.where(np.isfinite(sigma * math.sqrt(2)), t, 1.0)
    a = np.clip(rho * np.multiply.outer(t, t), -1.0, 1.0)

    def within(slack: Array) -> Array:
        low, high = np.arcsin(np.maximum(a - slack, -1.0)), np.arcsin(np.minimum(a + slack, 1.0))
        around: Array = 2 / math.pi * np.maximum(high - np.arcsin(a), np.arcsin(a) - low)
        return around

    values = 2 / math.pi * np.arcsin(a)
    rounding = within(12 * UNIT_ROUNDOFF * np.abs(a)) + 4 * UNIT_ROUNDOFF * np.abs(values) + 8 * TINIEST
    spread = 2.02 * kappa * np.multiply.outer(t, t) + 12 * UNIT_ROUNDOFF * np.abs(a)
    error = rounding + np.minimum(_conditioning(g, covariance, values, rounding), within(spread))
    return values, np.minimum(error, 1 + np.abs(values))


def _arc_sine_slope(sigma: Array, rho: Array) -> Array:
    """(4/π)/√((1+2K_uu)(1+2K_vv) − 4K_uv²) for erf′, with max(1, σ) taken out of each factor."""
    size = np.maximum(1.0, sigma)
    one, s = 1.0 / size, sigma / size
    both, crossed = np.multiply.outer(one, one), np.multiply.outer(s, one)
    inside = both**2 + 2 * (crossed**2 + crossed.T**2)
    inside += 4 * np.multiply.outer(s, s) ** 2 * ((1 - rho) * (1 + rho))
    slopes: Array = 4 / math.pi * both / np.sqrt(inside)
    return slopes


def _scale(values: Array) -> Array:
    root = np.sqrt(np.diag(values))
    return np.multiply.outer(root, root)


def _conditioning(g: Integrand, covariance: Covariance, values: Array, error: Array) -> Array:
    """Bound the change of E g(u)g(v) when K moves by ``kappa`` √(K_uu K_vv): σ by κ/2 of itself, ρ by 2κ.

    |∂/∂ρ| ≤ σ_u σ_v sup|g′|² (Price) and |∂/∂σ_u| ≤ sup|g′| ‖g(v)‖ (Cauchy–Schwarz, E s² = 1). ReLU's step
    has no such bound and is treated in `_orthant`. The factor 1.01 covers κ² and the change of ‖g(v)‖. σ is rounded
    besides, by less than `TINIEST` where it is subnormal.
    """
    _, sigma, _, kappa = covariance
    slope = g.sup[1]
    if slope == 0:
        return np.zeros_like(values)
    move = 0.5 * kappa * sigma + TINIEST
    norm = np.sqrt(np.diag(values) + np.diag(error)) + 2 * slope * move
    move_rho = 2 * kappa * slope**2 * np.multiply.outer(sigma + TINIEST, sigma + TINIEST)
    np.fill_diagonal(move_rho, 0.0)
    move_sigma = slope * (np.multiply.outer(move, norm) + np.multiply.outer(norm, move))
    conditioning: Array = 1.01 * (move_rho + move_sigma) + TINIEST
    return conditioning
