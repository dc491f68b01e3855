"""E ψ(u)ψ(v) and E ψ′(u)ψ′(v) for Gaussian pairs (u, v), each with a bound on its error.

Closed forms where they are known (identity, ReLU, erf); for any other ψ, Hermite expansions
(`theory/kernels/hermite.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_number
from fa_ref.activations import Activation, resolve
from theory.kernels.hermite import Integrand, Progress, Rows, mehler_sums
from theory.precision import UNIT_ROUNDOFF

__all__ = ["Moments", "second_moments"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Second moments of ψ (or ψ′) at jointly Gaussian arguments.

    Attributes
    ----------
    values : (n, n) ndarray
        E ψ(u_i)ψ(u_j), symmetric.
    error : (n, n) ndarray
        |values − truth| ≤ error, entry by entry, if ``rigorous``; an estimate by halving the step if not.
    rigorous : bool
        Whether ``error`` is a bound.
    method : str
        "closed form" or "expansion".
    """

    values: Array
    error: Array
    rigorous: bool
    method: str


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
        Covariance.
    activation : str or Activation
        ψ. If it states neither a `Strip` nor bounds B1, B2, … on its derivatives, the error is an estimate.
    derivative : bool, optional
        Take ψ′ in place of ψ.
    covariance_error : float, optional
        K may be off by this, relative to √(K_ii K_jj); the error then covers it too.
    method : {"auto", "closed form", "expansion"}
        "auto" takes the closed form where there is one.
    progress : callable, optional
        Called with (pairs done, pairs in all) as an expansion proceeds.

    Raises
    ------
    ValueError
        If K is not a covariance matrix (symmetric, |K_ij| ≤ √(K_ii K_jj)), or the method does not exist for ψ.

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
    K, sigma, rho = _correlation(as_array("K", K, ndim=2))
    psi = resolve(activation)
    kappa = as_number("covariance_error", covariance_error, at_least=0) + 8 * UNIT_ROUNDOFF
    closed = _closed_form(psi) if method in ("auto", "closed form") else None
    if method not in ("auto", "closed form", "expansion") or (method == "closed form" and closed is None):
        raise ValueError(f"method: expected one that exists for {psi.name}, got {method!r}")
    g = Integrand.of(psi, derivative)
    if closed == "relu" and derivative:
        values, error = _orthant(sigma, rho, kappa)
        return Moments(values, error, True, "closed form")
    if closed is not None:
        values = {"identity": _identity, "relu": _arc_cosine, "erf": _arc_sine}[closed](K, sigma, rho, derivative)
        rounding = 8 * UNIT_ROUNDOFF * _scale(values)
        return Moments(values, rounding + _conditioning(g, sigma, values, kappa), True, "closed form")
    rows = Rows(g, sigma)
    values, error = mehler_sums(rows, rho, progress)
    rigorous = rows.bounded and math.isfinite(g.sup[1])
    error = error + (_conditioning(g, sigma, values, kappa) if rigorous else 0.0)
    return Moments(values, error, rigorous, "expansion")


def _correlation(K: Array) -> tuple[Array, Array, Array]:
    """Return K, the standard deviations, and the correlations, 1 on the diagonal and 0 beside a zero row."""
    if K.shape[0] != K.shape[1]:
        raise ValueError(f"K: expected a square matrix, got shape {K.shape}")
    diagonal = np.diag(K)
    scale = np.sqrt(np.multiply.outer(np.maximum(diagonal, 0.0), np.maximum(diagonal, 0.0)))
    if (diagonal < 0).any() or (np.abs(K - K.T) > 1e-10 * scale).any() or (np.abs(K) > (1 + 1e-10) * scale).any():
        raise ValueError("K: expected a covariance matrix: symmetric, with |K_ij| <= sqrt(K_ii K_jj)")
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = np.where(scale > 0, np.clip(K / scale, -1.0, 1.0), 0.0)
    np.fill_diagonal(rho, 1.0)
    return K, np.sqrt(diagonal), rho


def _closed_form(psi: Activation) -> str | None:
    return psi.kind if psi.kind in ("identity", "relu", "erf") else None


def _identity(K: Array, sigma: Array, rho: Array, derivative: bool) -> Array:  # noqa: ARG001
    return np.ones_like(K) if derivative else K.copy()


def _arc_cosine(K: Array, sigma: Array, rho: Array, derivative: bool) -> Array:  # noqa: ARG001
    """σ_u σ_v (sin θ + (π − θ) cos θ) / 2π, cos θ = ρ."""
    angle = np.sqrt((1 - rho) * (1 + rho)) + (math.pi - np.arccos(rho)) * rho
    moments: Array = np.multiply.outer(sigma, sigma) * angle / (2 * math.pi)
    return moments


def _orthant(sigma: Array, rho: Array, kappa: float) -> tuple[Array, Array]:
    """P(u > 0, v > 0) = (π − θ)/2π; its error is that of θ, whose slope is infinite at ρ = ±1."""
    present = np.multiply.outer(sigma > 0, sigma > 0)
    slack = 2 * kappa
    theta = np.arccos(rho)
    low, high = np.arccos(np.minimum(rho + slack, 1.0)), np.arccos(np.maximum(rho - slack, -1.0))
    error = np.maximum(theta - low, high - theta) / (2 * math.pi) + 4 * UNIT_ROUNDOFF
    np.fill_diagonal(error, 0.0)  # P(u > 0) = ½ whatever the variance
    return np.where(present, (math.pi - theta) / (2 * math.pi), 0.0), np.where(present, error, 0.0)


def _arc_sine(K: Array, sigma: Array, rho: Array, derivative: bool) -> Array:
    """(2/π) asin(2K_uv / √((1+2K_uu)(1+2K_vv))), and for erf′ (4/π)/√((1+2K_uu)(1+2K_vv) − 4K_uv²)."""
    variance = sigma**2
    if derivative:
        added = 1 + 2 * np.add.outer(variance, variance)
        product = np.multiply.outer(variance, variance) * ((1 - rho) * (1 + rho))
        slopes: Array = 4 / math.pi / np.sqrt(added + 4 * product)
        return slopes
    moments: Array = 2 / math.pi * np.arcsin(2 * K / np.sqrt(np.multiply.outer(1 + 2 * variance, 1 + 2 * variance)))
    return moments


def _scale(values: Array) -> Array:
    root = np.sqrt(np.diag(values))
    return np.multiply.outer(root, root)


def _conditioning(g: Integrand, sigma: Array, values: Array, kappa: float) -> Array:
    """Bound the change of E g(u)g(v) when K moves by ``kappa`` √(K_uu K_vv): σ by κ/2 of itself, ρ by 2κ.

    |∂/∂ρ| ≤ σ_u σ_v sup|g′|² (Price) and |∂/∂σ_u| ≤ sup|g′| ‖g(v)‖ (Cauchy–Schwarz, E s² = 1). ReLU's step
    has no such bound and is treated in `_orthant`. The factor 1.01 covers κ² and the change of ‖g(v)‖.
    """
    slope = g.sup[1]
    if slope == 0:
        return np.zeros_like(values)
    norm = np.sqrt(np.diag(values)) + kappa * slope * sigma
    move_rho = 2 * slope**2 * np.multiply.outer(sigma, sigma)
    np.fill_diagonal(move_rho, 0.0)
    move_sigma = 0.5 * slope * (np.multiply.outer(sigma, norm) + np.multiply.outer(norm, sigma))
    conditioning: Array = 1.01 * kappa * (move_rho + move_sigma)
    return conditioning
