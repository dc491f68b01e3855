"""Fixed times, p → ∞: the law of the residual, and without ridge the alignment to first order in 1/√p.

The residual of an infinitely wide network is Gaussian at every step, `fixed_time_limit`. ``docs/alignment.md``,
section 2, expands b·β(t) around t = 0. Its mean over networks is a law, `early_law`; with a network's own b, β(0)
and Ψ(0) in it, it follows that network, `follow`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_array, as_count, as_number
from fa_ref.activations import Activation, resolve
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from fa_ref.setting import Setting
from theory.alignment.without_ridge import displacement
from theory.kernels import MeanKernel, mean_kernel
from theory.kernels.empirical import preactivations

__all__ = ["SMALL", "EarlyLaw", "FixedTimeLimit", "Followed", "early_law", "fixed_time_limit", "follow"]

Array = NDArray[np.float64]

#: Largest movement of W and relative growth of ‖β‖² at which an expansion to first order in both is applied.
SMALL = 0.1


@dataclass(frozen=True)
class FixedTimeLimit:
    """The residual of an infinitely wide network at fixed steps: e(t) = A_t f₀ + m_t with f₀ ~ N(0, Ḡ).

    Attributes
    ----------
    times : ndarray of int, shape (m,)
        Steps.
    eigenvectors : ndarray, shape (n, n)
        U of Ḡ = U diag(g) Uᵀ; everything below is in this basis.
    eigenvalues : ndarray, shape (n,)
        g.
    propagators : ndarray, shape (m, n)
        Diagonals of UᵀA_tU, A_t = Π_{s<t} (I − ηḠ − ηλ(s)I).
    means : ndarray, shape (m, n)
        Uᵀm_t.
    """

    times: NDArray[np.int64]
    eigenvectors: Array
    eigenvalues: Array
    propagators: Array
    means: Array

    @property
    def mean_residuals(self) -> Array:
        """E e(t), shape (m, n)."""
        return self.means @ self.eigenvectors.T

    @property
    def mean_loss(self) -> Array:
        """E ½‖e(t)‖², shape (m,)."""
        loss: Array = 0.5 * np.sum(self.means**2 + self.propagators**2 * np.maximum(self.eigenvalues, 0.0), axis=1)
        return loss

    def covariance(self, k: int) -> Array:
        """Covariance of e at times[k], shape (n, n)."""
        half = self.eigenvectors * (self.propagators[k] * np.sqrt(np.maximum(self.eigenvalues, 0.0)))
        return np.asarray(half @ half.T)

    def residuals(self, initial_output: ArrayLike) -> Array:
        """e(t) of the network whose outputs at t = 0 are f₀, shape (m, n)."""
        f_0 = as_array("initial_output", initial_output, ndim=1)
        if f_0.size != self.eigenvalues.size:
            raise ValueError(f"initial_output: expected {self.eigenvalues.size} outputs, got {f_0.size}")
        along = self.propagators * (self.eigenvectors.T @ f_0) + self.means
        return along @ self.eigenvectors.T


def fixed_time_limit(
    problem: Problem,
    activation: str | Activation,
    times: ArrayLike = (0, 1, 10, 100),
    *,
    eta: float,
    ridge: Schedule | None = None,
) -> FixedTimeLimit:
    """Return the law of the residual at fixed steps as p → ∞.

    e(t+1) = (I − ηḠ − ηλ(t)I) e(t) − ηλ(t) y,  e(0) = f₀ − y,  f₀ ~ N(0, Ḡ);

    networks of width p deviate from it by O(1/√p). Neither b nor the movement of W enters.

    Parameters
    ----------
    problem : Problem
    activation : str or Activation
        ψ.
    times : array_like of int, shape (m,)
        Steps to report.
    eta : float
        Step size.
    ridge : Schedule, optional
        λ(t), any; 0 by default.

    Returns
    -------
    FixedTimeLimit
        A Gaussian law, for each of the times.

    Examples
    --------
    >>> limit = fixed_time_limit(Problem(np.eye(2), [1.0, 0.0]), "identity", [0, 1, 2], eta=0.5)
    >>> limit.mean_residuals
    array([[-1.  ,  0.  ],
           [-0.5 ,  0.  ],
           [-0.25,  0.  ]])
    >>> limit.mean_loss
    array([1.5    , 0.375  , 0.09375])
    """
    eta = as_number("eta", eta, above=0)
    order = np.array([as_count("times", t, at_least=0) for t in np.atleast_1d(np.asarray(times))], dtype=np.int64)
    g, U = np.linalg.eigh(mean_kernel(problem.X, activation).G)
    y_U = U.T @ problem.y
    lam = (ridge or schedules.zero()).values(int(order.max()))
    propagators, means = np.empty((order.max() + 1, g.size)), np.empty((order.max() + 1, g.size))
    propagators[0], means[0] = 1.0, -y_U
    with np.errstate(over="ignore", invalid="ignore"):  # a step beyond the edge leads beyond floats
        for t, lam_t in enumerate(lam):
            factor = 1.0 - eta * (g + lam_t)
            propagators[t + 1] = factor * propagators[t]
            means[t + 1] = factor * means[t] - eta * lam_t * y_U
    return FixedTimeLimit(order, U, g, propagators[order], means[order])


class EarlyLaw(NamedTuple):
    """Limits p → ∞ without ridge at the given times.

    Attributes
    ----------
    times : ndarray, shape (m,)
        Steps; ∞ is full convergence.
    scaled : ndarray, shape (m,)
        lim p·E cos∠(b, β(t)).
    movement : ndarray, shape (m,)
        lim p·E‖w_r(t) − w_r(0)‖², times (λ_max(K)/n)(B2/B1)² where that is above 1: a bound, in units of the
        curvature of ψ, on how far a preactivation moves.
    growth : ndarray, shape (m,)
        lim of E‖β(t) − β(0)‖².
    """

    times: Array
    scaled: Array
    movement: Array
    growth: Array

    def applies(self, p: int) -> NDArray[np.bool_]:
        """Whether a network of width p has moved little at each time: both W and ‖β‖² by 0.1 or less."""
        return np.asarray((self.movement <= SMALL * p) & (self.growth <= SMALL * p))


class Followed(NamedTuple):
    """What is predicted of one network from its weights at t = 0, shape (m,) each.

    Attributes
    ----------
    residual_norms : ndarray
        ‖e(t)‖ of the limit p → ∞ with the network's own f₀; networks are O(1/√p) away.
    alignment : ndarray
        cos∠(b, β(t)) with an error O(p^{-3/2}).
    """

    residual_norms: Array
    alignment: Array


def early_law(
    problem: Problem,
    activation: str | Activation,
    times: ArrayLike,
    *,
    eta: float,
    kernel: MeanKernel | None = None,
) -> EarlyLaw:
    """Return lim p·E cos∠(b, β(t)) without ridge at many times, and how far W and β have moved by then.

    With A_t = (I − Pᵗ)Ḡ⁻¹, P = I − ηḠ and C = Ḡ + yyᵀ: p·E‖Δw‖² → tr(C A_tΘ̄A_t) and E‖Δβ‖² → tr(C A_tḠA_t).

    Parameters
    ----------
    problem : Problem
    activation : str or Activation
        ψ.
    times : array_like, shape (m,)
        Whole numbers of steps, or ∞ (then λ_min(Ḡ) > 0 is needed).
    eta : float
        Step size with ηλ_max(Ḡ) < 2.
    kernel : MeanKernel, optional
        Ḡ and Θ̄, if they are known already.

    Examples
    --------
    >>> law = early_law(Problem(np.eye(3), [2.0, 0.0, 0.0]), "identity", [0, 10, np.inf], eta=0.1)
    >>> law.scaled.round(3), law.growth.round(3), law.applies(60)
    (array([0.   , 1.323, 3.316]), array([0.  , 2.97, 7.  ]), array([ True,  True, False]))
    """
    g, U, Theta = _eigenbasis(problem, activation, kernel)
    eta, times = as_number("eta", eta, above=0), np.atleast_1d(np.asarray(times, dtype=np.float64))
    y = U.T @ problem.y
    C = np.diag(g) + np.outer(y, y)
    psi, rows = resolve(activation), []
    curved = (
        (psi.B2 / psi.B1) ** 2 if math.isfinite(psi.B1) and math.isfinite(psi.B2) else 0.0
    )  # ReLU: its kink is at 0
    stretch = max(1.0, problem.lambda_max / problem.n * curved)
    for t in times:
        steps = None if math.isinf(t) else int(t)
        reached = _reached(g, eta, t)
        scaled = 0.5 * np.sum(C * Theta * displacement(g, eta, steps))
        movement = np.sum(C * Theta * np.outer(reached, reached))
        rows.append((scaled, stretch * movement, np.sum(np.diag(C) * g * reached**2)))
    return EarlyLaw(times, *np.array(rows).T)


def follow(setting: Setting, times: ArrayLike, *, kernel: MeanKernel | None = None) -> Followed:
    """Predict ‖e(t)‖ and cos∠(b, β(t)) of one wide network without ridge from its weights at t = 0.

    To first order in the movement of W, with u(t) = A_t e(0):

        b·β(t) = b·β(0) − (1/√p) (Ψ(0)b)·u + ½ e(0)ᵀ[A_tΘ̄A_t − η² Σ_{s<t} PˢΘ̄Pˢ]e(0),
        ‖β(t)‖² = ‖β(0)‖² − 2 f₀·u + uᵀG(0)u.

    Parameters
    ----------
    setting : Setting
        With λ ≡ 0 and its weights at t = 0.
    times, kernel :
        As in `early_law`.

    Raises
    ------
    ValueError
        If the setting has a penalty, another rule than feedback alignment, or its weights are not known.

    Examples
    --------
    >>> from fa_ref import Network, train
    >>> network = Network.gaussian(10**5, 3, np.random.default_rng(0))
    >>> run = train(Problem(np.eye(3), [1.0, -1.0, 2.0]), network, "tanh", eta=0.2, steps=50)
    >>> said = follow(run.setting, run.times)
    >>> bool(np.abs(run.alignment).max() > 1e-4), bool(np.abs(said.alignment - run.alignment).max() < 1e-6)
    (True, True)
    """
    if setting.ridge.maximum > 0 or setting.rule != "fa":
        raise ValueError(f"setting: expected λ = 0 and rule fa, got λ = {setting.ridge} and rule {setting.rule}")
    problem, network, eta = setting.problem, setting.start, setting.eta
    g, U, Theta = _eigenbasis(problem, setting.activation, kernel)
    times = np.atleast_1d(np.asarray(times, dtype=np.float64))
    Psi = U.T @ setting.activation(preactivations(problem.X, network))
    root_p, b, beta = math.sqrt(network.p), network.b, network.beta
    f_0, Psi_b, G_0 = Psi @ beta / root_p, Psi @ b / root_p, Psi @ Psi.T / network.p
    e_0 = f_0 - U.T @ problem.y
    norms, cosines = np.empty(times.size), np.empty(times.size)
    for k, t in enumerate(times):
        reached = _reached(g, eta, t)
        u = reached * e_0
        norms[k] = np.linalg.norm((1.0 - g * reached) * e_0)
        second = 0.5 * e_0 @ (Theta * displacement(g, eta, None if math.isinf(t) else int(t))) @ e_0
        size = np.linalg.norm(b) * math.sqrt(max(float(beta @ beta - 2.0 * f_0 @ u + u @ G_0 @ u), 0.0))
        cosines[k] = (b @ beta - Psi_b @ u + second) / size if size > 0 else math.nan
    return Followed(norms, cosines)


def _eigenbasis(
    problem: Problem, activation: str | Activation, kernel: MeanKernel | None
) -> tuple[Array, Array, Array]:
    """Eigenvalues g and vectors U of Ḡ, and UᵀΘ̄U."""
    kernel = mean_kernel(problem.X, activation) if kernel is None else kernel
    g, U = np.linalg.eigh(kernel.G)
    return g, U, U.T @ kernel.Theta @ U


def _reached(g: Array, eta: float, t: float) -> Array:
    """Eigenvalues of A_t = (I − (I − ηḠ)ᵗ) Ḡ⁻¹."""
    if math.isinf(t):
        return 1.0 / g
    reached: Array = np.where(g > 0, (1.0 - (1.0 - eta * g) ** t) / np.where(g > 0, g, 1.0), eta * t)
    return reached
