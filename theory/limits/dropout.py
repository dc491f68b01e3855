"""Dropout without a penalty, as p → ∞: its clock is t/p, and what aligns β with b there is not learning.

Inverted dropout of rate q multiplies unit r on sample i by m, 1/(1 − q) or 0, so E m = 1 and Var m = κ = q/(1 − q).
Both factors of an update contain the unit's own mask, so that averaged over the masks a step moves unit r by

    Δβ_r = −(η/√p) ψ_r·ē − (ηκ/p) ‖ψ_r‖² β_r,      Δz_r = −(η/√p) b_r K(ψ′_r ∘ ē) − (ηκ/p) b_r β_r K(ψ_r ∘ ψ′_r),

ē being the residual averaged over the masks. Learning keeps Σ ηē of order one, and moves each unit by O(1/√p) once;
the second terms act for ever. After t = τp steps they are of order one. β_r decays, fastest where ‖ψ_r‖ is large;
z_r shrinks where b_r β_r > 0 and grows where b_r β_r < 0. So the output weights that survive are those that agree
with their feedback weights. y does not enter, and a penalty that would align (Σλ ~ √p, Theorem 4.6) is never there.

The masks' noise diffuses each unit in the same time, by a part of relative order η:

    dβ = −ηκ‖ψ‖²β dτ − ½η²b tr(DKDS) dτ − ηψ·dN,    dz = −ηκ bβ K(ψ ∘ ψ′) dτ − ηb K D dN,    dN_i ~ N(0, κ S_ii dτ),

independent from unit to unit, with D = diag ψ′ and S the covariance of the whole residual e = ē + ξ:
ξ_i has variance v_i = κ E[β²ψ_i²], and ē follows ē ← ē − ηM(ē + ξ), M = E ψψᵀ + E βb DKD. The term with ½η² is what
summing by parts leaves of the common noise ηψ·e, whose sum is bounded.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve_discrete_lyapunov

from fa_ref import Setting
from fa_ref._support.checks import as_array, as_count, as_number
from fa_ref._support.threads import threads
from theory.limits.mean_field import vectorised

__all__ = ["DropoutLimit", "dropout_limit"]

Array = NDArray[np.float64]

#: Independent groups of units: their scatter is the sampling error.
GROUPS = 4

#: ηκ E‖ψ‖² Δτ of one time step is at most this.
FINENESS = 0.02


class DropoutLimit(NamedTuple):
    """The limit of the alignment at t = τp.

    Attributes
    ----------
    tau : ndarray, shape (m,)
        Times.
    alignment : ndarray, shape (m,)
        cos∠(b, β) as p → ∞.
    error : ndarray, shape (m,)
        Estimate, not a bound: twice the standard error of the sampled units.
    """

    tau: Array
    alignment: Array
    error: Array


def dropout_limit(
    setting: Setting, rate: float, tau: ArrayLike, *, units: int = 65536, rng: np.random.Generator | None = None
) -> DropoutLimit:
    """Return lim cos∠(b, β(τp)) as p → ∞ under inverted dropout without a penalty, for linear and ReLU networks.

    Parameters
    ----------
    setting : Setting
        X, ψ and η; its targets and its network are of no consequence. For smooth ψ the limit has terms in ψ″ that
        are left out here.
    rate : float
        Probability q of silence, 0 < q < 1.
    tau : array_like, shape (m,)
        Times t/p, ascending.
    units : int, optional
        Sampled units in all.
    rng : numpy.random.Generator, optional
        Draws them; by default always the same ones.

    Returns
    -------
    DropoutLimit

    Raises
    ------
    ValueError
        If ψ is neither linear nor ReLU, there is a penalty, or an argument is not what is said above.

    Examples
    --------
    >>> from fa_ref import Problem
    >>> setting = Setting(Problem(np.eye(3), [1.0, -1.0, 1.0]), None, "identity", eta=0.1)
    >>> dropout_limit(setting, 0.5, [0.0, 5.0, 20.0], units=16384).alignment.round(2)
    array([0.  , 0.08, 0.29])
    """
    if setting.activation.kind not in ("identity", "relu"):
        raise ValueError(f"activation: expected identity or relu, got {setting.activation.name}")
    if setting.ridge.maximum > 0 or setting.rule != "fa":
        raise ValueError(f"setting: expected no penalty and rule fa, got {setting}")
    rate, times = as_number("rate", rate, above=0, below=1), as_array("tau", tau, ndim=1)
    if times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError("tau: expected times >= 0 in ascending order")
    count = as_count("units", units, at_least=16 * GROUPS) // GROUPS
    rng = np.random.default_rng(0) if rng is None else rng
    with threads(1):  # so that rounding does not depend on the number of cores
        groups = np.array([_cosines(setting, rate, times, count, rng) for _ in range(GROUPS)])
    return DropoutLimit(times, groups.mean(axis=0), 2.0 * groups.std(axis=0, ddof=1) / math.sqrt(GROUPS))


def _cosines(setting: Setting, rate: float, times: Array, count: int, rng: np.random.Generator) -> Array:
    """One group of units, in fours ±b, ±β over the same z(0)."""
    K, eta, kappa = setting.problem.K, setting.eta, rate / (1.0 - rate)
    values, slopes = vectorised(setting.activation)
    k, U = np.linalg.eigh(K)
    quarter = count // 4
    z = np.tile((rng.standard_normal((quarter, len(K))) * np.sqrt(np.maximum(k, 0.0))) @ U.T, (4, 1))
    b = np.tile(rng.standard_normal(quarter), 4) * np.repeat([1.0, 1.0, -1.0, -1.0], quarter)
    beta = np.tile(rng.standard_normal(quarter), 4) * np.repeat([1.0, -1.0, 1.0, -1.0], quarter)
    fastest, found, now = eta * kappa * float(np.mean(np.sum(values(z) ** 2, axis=1))), [], 0.0
    for tau in times.tolist():
        steps = math.ceil((tau - now) * fastest / FINENESS)
        for _ in range(steps):
            h = (tau - now) / steps
            Psi, D = values(z), slopes(z)
            S = _covariance(K, Psi, D, beta, b, eta, kappa)
            dN = rng.standard_normal(z.shape) * np.sqrt(kappa * h * np.diag(S))
            spread = np.einsum("ri,ij,rj->r", D, K * S, D)
            z = z - b[:, None] * ((eta * kappa * h * beta[:, None] * Psi * D + eta * D * dN) @ K)
            beta = beta * np.exp(-eta * kappa * h * np.sum(Psi**2, axis=1))
            beta = beta - 0.5 * eta**2 * h * b * spread - eta * np.sum(Psi * dN, axis=1)
        now = tau
        found.append(float(b @ beta / math.sqrt((b @ b) * (beta @ beta))))
    return np.array(found)


def _covariance(K: Array, Psi: Array, D: Array, beta: Array, b: Array, eta: float, kappa: float) -> Array:
    """Stationary covariance of the residual: that of the masks' noise, and of ē, which it drives."""
    count = len(beta)
    noise = np.diag(kappa * np.mean((beta[:, None] * Psi) ** 2, axis=0))
    M = (Psi.T @ Psi + K * (D.T @ ((beta * b)[:, None] * D))) / count
    rest = np.eye(len(K)) - eta * M
    if np.abs(np.linalg.eigvals(rest)).max() >= 1.0:
        raise ValueError(
            f"eta: expected steps at which the residual settles, got {eta:g}: η λ_max(M) is not below 2"
        )
    return noise + np.asarray(solve_discrete_lyapunov(rest, eta**2 * M @ noise @ M.T), dtype=np.float64)
