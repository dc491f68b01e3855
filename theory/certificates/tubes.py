"""How far training can still carry the hidden units, and with them the kernels.

While ``η Σ_s ‖e(s)‖ ≤ U``, each pre-activation ``z_ri = w_r·x_i`` stays in an interval around where it is,
its *tube*. On the tube |ψ′| and |ψ″| have smaller suprema than on the line, and these bound how far the matrix
that maps e(t) to e(t + 1) can drift. The lemmas are numbered as in ``docs/certificates.md``.

All that is computed here is built from non-negative numbers by +, ×, ÷, √, min and max. Rounding then changes a
result by a relative N·2⁻⁵³ or so, N operations deep, so a final factor, `upward`, makes all of them upper bounds;
numbers below 10⁻⁶⁰ are raised to it, so that nothing underflows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref.activations import Activation, Kind
from theory.precision import UNIT_ROUNDOFF

__all__ = ["Drift", "Formula", "State", "curvature_formula", "drift", "upward"]

Array = NDArray[np.float64]

#: Times the tube is narrowed, from the one that the global bound on ψ′ gives.
NARROWINGS = 3

_FLOOR, _CEILING = 1e-60, 1e60

Formula = Callable[[Any, Any, Any], Any]

_CURVATURES: dict[Kind, Formula] = {
    "identity": lambda z, psi, slope: 0 * slope,  # noqa: ARG005
    "relu": lambda z, psi, slope: 0 * slope,  # noqa: ARG005
    "tanh": lambda z, psi, slope: -2 * psi * slope,  # noqa: ARG005
    "sigmoid": lambda z, psi, slope: slope * (1 - 2 * psi),  # noqa: ARG005
    "erf": lambda z, psi, slope: -2 * z * slope,  # noqa: ARG005
    "softplus": lambda z, psi, slope: slope * (1 - slope),  # noqa: ARG005
}


def upward(*terms: int) -> float:
    """The factor that makes a rounded sum of so many products of non-negative numbers an upper bound.

    1 + 2⁻³⁰, or more than that for more than 2¹⁹ terms: the formulas here nest sums over samples about ten deep
    in one over units, so 16 roundings a term cover them.

    Examples
    --------
    >>> upward(50, 3200) == 1 + 2**-30, upward(2**23) > 1 + 2**-27
    (True, True)
    """
    return 1.0 + max(2.0**-30, 16 * (sum(terms) + 64) * UNIT_ROUNDOFF)


def curvature_formula(activation: Activation) -> Formula | None:
    """ψ″ as a function of z, ψ(z) and ψ′(z), be they floats, arrays or balls; None where it is not known.

    Examples
    --------
    >>> from fa_ref.activations import tanh
    >>> curvature_formula(tanh)(0.0, 0.0, 1.0)
    -0.0
    """
    return None if activation.kind is None else _CURVATURES.get(activation.kind)


@dataclass(frozen=True, kw_only=True)
class State:
    """Upper bounds of everything that the drift depends on, for n samples and p hidden units.

    Attributes
    ----------
    slope, curvature : ndarray, shape (n, p)
        At least |ψ′(z_ri)| and |ψ″(z_ri)|; ``curvature`` is sup |ψ″| wherever ``B3`` is 0.
    kink : ndarray, shape (n, p), or None
        At most the distance of z_ri from the nearest kink of a piecewise linear ψ; None for a smooth one.
    B1, B2, B3 : float
        At least sup |ψ′|, sup |ψ″| and sup |ψ‴|.
    K : ndarray, shape (n, n)
        At least |XXᵀ|, entry by entry.
    lambda_max_K, sigma : float
        At least λ_max(XXᵀ) and ‖Ψ‖₂/√p.
    b, beta : ndarray, shape (p,)
        |b_r| and |β_r|.
    """

    slope: Array
    curvature: Array
    kink: Array | None
    B1: float
    B2: float
    B3: float
    K: Array
    lambda_max_K: float
    sigma: float
    b: Array
    beta: Array


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Upper bounds, at every later step, of the distances from the present.

    Attributes
    ----------
    map : float
        ‖M(t) − A‖₂, where e(t + 1) = (I − ηM(t)) e(t) and A = G + H (Lemma 5).
    psi : float
        ‖Ψ(t) − Ψ‖₂/√p (Lemma 4).
    beta : float
        ‖β(t) − β‖ (Lemma 4).
    radius : float
        max |z_ri(t) − z_ri| (Lemma 2).
    kink : float
        min over units and samples of distance from the kink over radius of the tube; ``inf`` for a smooth ψ.
    """

    map: float
    psi: float
    beta: float
    radius: float
    kink: float


def drift(state: State, U: float) -> Drift:
    """Bound the drift while ``η Σ_s ‖e(s)‖ ≤ U``.

    Parameters
    ----------
    state : State
        The present.
    U : float
        Bound of the step size times the sum of all later residual norms.

    Returns
    -------
    Drift
        Increasing in U; ``map``/U is, too.

    Examples
    --------
    One linear unit with w = β = b = 1 and x = 1 moves by at most U, and Ψ and β with it:

    >>> one, unit = np.ones((1, 1)), np.ones(1)
    >>> state = State(
    ...     slope=one, curvature=0 * one, kink=None, B1=1.0, B2=0.0, B3=0.0,
    ...     K=one, lambda_max_K=1.0, sigma=1.0, b=unit, beta=unit,
    ... )
    >>> moved = drift(state, 0.5)
    >>> round(moved.radius, 6), round(moved.psi, 6), round(moved.beta, 6), round(moved.map, 6)
    (0.5, 0.5, 0.75, 2.0)
    """
    if not U < _CEILING:
        unknown = math.inf if state.kink is None else 0.0
        return Drift(map=math.inf, psi=math.inf, beta=math.inf, radius=math.inf, kink=unknown)
    p, U, up = state.b.size, max(U, _FLOOR), upward(state.K.shape[0], state.b.size)
    b, beta = np.maximum(state.b, _FLOOR), np.maximum(state.beta, _FLOOR)
    slope, curvature = np.full_like(state.slope, state.B1), state.curvature
    with np.errstate(over="ignore", invalid="ignore"):  # weights that exploded have infinite bounds
        for _ in range(NARROWINGS):
            radius = np.maximum(b * (U / math.sqrt(p)) * _row_norms(state, slope), _FLOOR)
            slope, curvature = _suprema(state, radius)
        q, g = _congruence(state, slope), _congruence(state, np.maximum(curvature * radius, _FLOOR))
        psi = U / p * math.sqrt(np.sum((b * q) ** 2))
        bend = 2 / p * float(np.sum(b * beta * np.sqrt(q) * np.sqrt(g)))
    kink = math.inf if state.kink is None else float(np.min(state.kink / radius)) / up
    total = 3 * state.sigma * psi + 2 * psi * psi + bend if kink > 1 else math.inf
    bounds = (total, psi, (state.sigma + psi) * U, float(radius.max()))
    total, psi, beta_moved, farthest = (math.inf if math.isnan(x) else x * up for x in bounds)
    return Drift(map=total, psi=psi, beta=beta_moved, radius=farthest, kink=kink)


def _suprema(state: State, radius: Array) -> tuple[Array, Array]:
    """Suprema of |ψ′| and |ψ″| on the tube, by Taylor's theorem about its centre (Lemma 1)."""
    slope = state.slope + radius * (state.curvature + radius * (state.B3 / 2))
    curvature = np.minimum(state.curvature + radius * state.B3, state.B2)
    return np.maximum(np.minimum(slope, state.B1), _FLOOR), curvature


def _row_norms(state: State, D: Array) -> Array:
    """Norm of each row of K D_r, for the diagonal matrix D_r of each column of D: shape (n, p)."""
    norms: Array = np.sqrt(np.maximum(state.K, _FLOOR) ** 2 @ D**2)
    return norms


def _congruence(state: State, D: Array) -> Array:
    """‖D_r K D_r‖₂, D_r the diagonal matrix of column r of D: the least of three bounds (Lemma 3), shape (p,)."""
    spectral = state.lambda_max_K * np.max(D, axis=0) ** 2
    frobenius = np.sqrt(np.sum((_row_norms(state, D) * D) ** 2, axis=0))
    row_sum = np.max((np.maximum(state.K, _FLOOR) @ D) * D, axis=0)
    return np.asarray(np.maximum(np.minimum(spectral, np.minimum(frobenius, row_sum)), _FLOOR))
