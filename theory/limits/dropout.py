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

from fa_ref import Setting
from fa_ref._support.checks import as_array, as_count, as_number
from fa_ref._support.threads import threads
from theory.limits.mean_field import vectorised

__all__ = ["DropoutLimit", "dropout_limit"]

Array = NDArray[np.float64]

#: Independent groups of units: their scatter is the sampling error.
GROUPS = 4

#: ηκ E‖ψ‖² Δτ of one time step is at most this.
FINENESS = 0.05


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
    >>> limit = dropout_limit(setting, 0.5, [5.0, 20.0], units=16384)
    >>> limit.alignment.round(1)
    array([0.2, 0.3])
    """
    if setting.activation.kind not in ("identity", "relu"):
        raise ValueError(f"activation: expected identity or relu, got {setting.activation.name}")
    if setting.ridge.maximum > 0 or setting.rule != "fa":
        raise ValueError(f"setting: expected no penalty and rule fa, got {setting}")
    rate, times = as_number("rate", rate, above=0, below=1), as_array("tau", tau, ndim=1)
    if times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError(f"tau: expected times >= 0 in ascending order, got {times!r:.60}")
    count = as_count("units", units, at_least=16 * GROUPS) // GROUPS
    rng = np.random.default_rng(0) if rng is None else rng
    with threads(1):  # so that rounding does not depend on the number of cores
        groups = np.array([_cosines(setting, rate, times, count, rng) for _ in range(GROUPS)])
    return DropoutLimit(times, groups.mean(axis=0), 2.0 * groups.std(axis=0, ddof=1) / math.sqrt(GROUPS))


def _cosines(setting: Setting, rate: float, times: Array, count: int, rng: np.random.Generator) -> Array:
    """One group of units, in fours ±b, ±β over the same z(0)."""
    K, kappa = setting.problem.K, rate / (1.0 - rate)
    k, U = np.linalg.eigh(K)
    quarter = count // 4
    z = np.tile((rng.standard_normal((quarter, len(K))) * np.sqrt(np.maximum(k, 0.0))) @ U.T, (4, 1))
    b = np.tile(rng.standard_normal(quarter), 4) * np.repeat([1.0, 1.0, -1.0, -1.0], quarter)
    beta = np.tile(rng.standard_normal(quarter), 4) * np.repeat([1.0, -1.0, 1.0, -1.0], quarter)
    units = _Units(setting, kappa, b)
    fastest = setting.eta * kappa * float(np.mean(np.sum(units.values(z) ** 2, axis=1)))
    found, now = [], 0.0
    for tau in times.tolist():
        steps = math.ceil((tau - now) * fastest / FINENESS)
        for _ in range(steps):
            z, beta = units.step(z, beta, (tau - now) / steps, rng)
        now = tau
        found.append(float(b @ beta / math.sqrt((b @ b) * (beta @ beta))))
    return np.array(found)


class _Units:
    """The equations of a group of units that feel the same residual."""

    def __init__(self, setting: Setting, kappa: float, b: Array) -> None:
        self.K, self.eta, self.kappa, self.b = setting.problem.K, setting.eta, kappa, b
        self.values, self.slopes = vectorised(setting.activation)

    def step(self, z: Array, beta: Array, h: float, rng: np.random.Generator) -> tuple[Array, Array]:
        """A step h of τ: the drift by the midpoint rule, the noise of the masks at its start."""
        Psi, D = self.values(z), self.slopes(z)
        S = self.covariance(Psi, D, beta)
        dN = rng.standard_normal(z.shape) * np.sqrt(self.kappa * h * np.diag(S))
        dz, dbeta = self.drift(z, beta, S)
        dz, dbeta = self.drift(z + 0.5 * h * dz, beta + 0.5 * h * dbeta, S)
        noise = self.b[:, None] * ((D * dN) @ self.K)
        return z + h * dz - self.eta * noise, beta + h * dbeta - self.eta * np.sum(Psi * dN, axis=1)

    def drift(self, z: Array, beta: Array, S: Array) -> tuple[Array, Array]:
        """dz/dτ and dβ/dτ."""
        Psi, D, rate = self.values(z), self.slopes(z), self.eta * self.kappa
        spread = np.sum(((D @ (self.K * S)) * D), axis=1)  # tr(DKDS)
        dz = -rate * (self.b * beta)[:, None] * ((Psi * D) @ self.K)
        return dz, -rate * beta * np.sum(Psi**2, axis=1) - 0.5 * self.eta**2 * self.b * spread

    def covariance(self, Psi: Array, D: Array, beta: Array) -> Array:
        """Stationary covariance of the residual: that of the masks' noise, and of ē, which it drives."""
        noise = np.diag(self.kappa * np.mean((beta[:, None] * Psi) ** 2, axis=0))
        M = (Psi.T @ Psi + self.K * (D.T @ ((beta * self.b)[:, None] * D))) / len(beta)
        g, U = np.linalg.eigh(M)
        rounding = 1e-12 * max(float(np.abs(g).max()), np.finfo(float).tiny)
        if self.eta * g[-1] >= 2.0 or g[0] < -rounding:
            raise ValueError(
                f"eta: expected a step at which the residual settles, 0 <= M < 2/eta, got {self.eta:g} and"
                f" eigenvalues {g[0]:g} … {g[-1]:g}"
            )
        g = np.where(g > rounding, g, 0.0)
        sums = g[:, None] + g - self.eta * np.outer(g, g)
        gain = self.eta * np.outer(g, g) / np.where(sums > 0, sums, 1.0)
        return np.asarray(noise + U @ (gain * (U.T @ noise @ U)) @ U.T, dtype=np.float64)
