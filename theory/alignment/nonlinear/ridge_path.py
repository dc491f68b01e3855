"""Theorem A along a run: β is, up to O(1/√p), the ridge regression on the hidden features it has at that moment.

β*(t) = A(t)ᵀa_p(t), a_p = (G_p + λ)⁻¹y, A = Ψ/√p, is the minimiser of ½‖A(t)β − y‖² + ½λ‖β‖². Any Lipschitz ψ, any
start, any time up to a cutoff: docs/nonlinear_alignment.md, §2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_count
from fa_ref.network import Network
from fa_ref.setting import Setting
from fa_ref.training import train
from theory.alignment.nonlinear.entries import penalty_of
from theory.margins import Margin
from theory.precision import gamma, power

__all__ = ["RidgePath", "ridge_path"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class RidgePath:
    """β beside the ridge regression on its present features, at the measured steps t ≤ T.

    Attributes
    ----------
    times : ndarray of int, shape (m,)
        Measured steps.
    gap : ndarray
        ‖β(t) − β*(t)‖.
    bound : ndarray
        X_t, from the residuals of the run.
    a_priori : ndarray
        The bound that knows ‖β(0) − β*(0)‖ and max‖A(s)‖ only; inf where λ″ ≤ 0.
    kappa, cosine : ndarray
        κ_p = cos∠(b, β*) and cos∠(b, β).
    length : ndarray
        s_p = ‖β*‖.
    residual, sigma, least : ndarray
        ‖e‖, ‖A‖ and λ_min(G_p).
    rounding : ndarray
        How far rounding, of the run and of this measurement, can move ``gap``.
    step_size : Margin
        max η(2λ + λ_max(G_p(s))) over the steps before the last measured one, at most 2.
    final : Network
        The weights at the last measured step.
    """

    times: NDArray[np.int64]
    gap: Array
    bound: Array
    a_priori: Array
    kappa: Array
    cosine: Array
    length: Array
    residual: Array
    sigma: Array
    least: Array
    rounding: Array
    step_size: Margin
    final: Network

    @property
    def spread(self) -> Array:
        """2X_t/s_p: how far cos∠(b, β) can be from κ_p."""
        none = np.full(self.bound.size, np.inf)
        return np.asarray(np.divide(2 * self.bound, self.length, out=none, where=self.length > 0))


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def ridge_path(setting: Setting, steps: int, *, every: int = 1, engine: str = "auto") -> RidgePath:
    """Train, and measure β beside the ridge regression on its present features.

    Parameters
    ----------
    setting : Setting
        Feedback alignment with a λ that is constant, or constant up to a cutoff; ψ Lipschitz.
    steps : int
        How far to train; what follows a cutoff is left out.
    every : int, optional
        Measure at multiples of this, and at the last step; residuals are taken at every step.
    engine : str, optional
        Passed to `fa_ref.train`.

    Returns
    -------
    RidgePath

    Raises
    ------
    ValueError
        If the rule is not feedback alignment, the schedule another one, or B1 is infinite.

    Examples
    --------
    >>> from fa_ref import Problem, schedules
    >>> network = Network.gaussian(1000, 3, np.random.default_rng(0))
    >>> setting = Setting(Problem(np.eye(3), [1.0, 1.0, -1.0]), network, "relu", eta=0.1,
    ...     ridge=schedules.constant(1.0))
    >>> path = ridge_path(setting, 200)
    >>> bool((path.gap <= path.bound).all()), bool(path.gap[-1] < 0.02)
    (True, True)
    """
    if setting.rule != "fa" or not math.isfinite(setting.activation.B1):
        raise ValueError(f"setting: expected feedback alignment with a Lipschitz ψ, got {setting}")
    T = penalty_of(setting.ridge)[1]
    steps, every = int(min(as_count("steps", steps, at_least=0), T)), as_count("every", every)
    watch = _Watch(setting, steps, every)
    train(setting, steps=steps, engine=engine, observe=watch)
    return watch.path()


class _Watch:
    """What `fa_ref.train` calls at every step."""

    def __init__(self, setting: Setting, steps: int, every: int) -> None:
        problem, psi = setting.problem, setting.activation
        self.setting, self.steps, self.every, self.lam = setting, steps, every, penalty_of(setting.ridge)[0]
        self.root = math.sqrt(setting.start.p)
        self.b_norm = float(np.linalg.norm(setting.start.b))
        self.speed = power(psi.B1 * problem.spectral_norm, 2) * self.b_norm / self.root  # κ₁√b₂
        self.pull = 1.25 * float(np.linalg.norm(problem.y)) / self.lam
        self.keep = 1.0 - setting.eta * self.lam
        self.rows: list[dict[str, float]] = []
        self.bound = self.error = self.first = self.top = self.sigma = 0.0
        self.last = setting.start

    def __call__(self, t: int, network: Network) -> None:
        problem, eta, n = self.setting.problem, self.setting.eta, self.setting.problem.n
        A = self.setting.activation(problem.X @ network.W.T) / self.root
        e = float(np.linalg.norm(A @ network.beta - problem.y))
        if t % self.every == 0 or t == self.steps:
            self._measure(t, network, A, e)
        elif t < self.steps:
            self._seen(math.sqrt(max(float(np.linalg.eigvalsh(A @ A.T)[-1]), 0.0)), t)
        p, d = network.W.shape
        sigma, beta = float(np.linalg.norm(A)), float(np.linalg.norm(network.beta))
        reach = float(np.linalg.norm(network.W)) / self.root * self.setting.activation.B1 * problem.spectral_norm
        e_error = gamma(p + d + 16) * (sigma * beta + reach * beta + float(np.linalg.norm(problem.y)))
        slip = gamma(n + d + 16) * (beta + eta * sigma * e + self.pull * (reach + eta * self.speed * e / self.root))
        self.error = self.keep * self.error + slip + eta * sigma * e_error
        self.bound = self.keep * self.bound + self.pull * self.speed / self.root * eta * e

    def _seen(self, sigma: float, t: int) -> None:
        self.sigma = max(self.sigma, sigma)
        if t < self.steps or not self.rows:
            self.top = max(self.top, sigma)

    def _measure(self, t: int, network: Network, A: Array, e: float) -> None:
        y, lam, b = self.setting.problem.y, self.lam, network.b
        G = A @ A.T
        a = np.linalg.solve(G + lam * np.eye(y.size), y)
        star, values = A.T @ a, np.linalg.eigvalsh(G)
        gap = float(np.linalg.norm(network.beta - star))
        if t == 0:
            self.bound = self.first = gap
        sigma = math.sqrt(max(float(values[-1]), 0.0))
        self._seen(sigma, t)
        length, beta = float(np.linalg.norm(star)), float(np.linalg.norm(network.beta))
        solving = (
            gamma(network.p + 64 * y.size) * (1 + float(np.trace(G)) / lam) * (length + beta + 1.25 * self.pull)
        )
        self.rows.append({
            "times": t, "gap": gap, "bound": self.bound, "kappa": _cosine(b, star, self.b_norm * length),
            "cosine": _cosine(b, network.beta, self.b_norm * beta), "length": length, "residual": e,
            "sigma": sigma, "least": float(values[0]), "rounding": self.error + solving,
        })  # fmt: skip
        if t == self.steps:
            self.last = network.copy()

    def path(self) -> RidgePath:
        columns = {name: np.array([row[name] for row in self.rows]) for name in self.rows[0]}
        times = columns.pop("times").astype(np.int64)
        eta, k = self.setting.eta, self.speed * self.pull
        slower = self.lam - k * self.sigma / self.root
        a_priori = np.full(times.size, np.inf)
        if slower > 0:
            Y = float(np.linalg.norm(self.setting.problem.y))
            a_priori = (1 - eta * slower) ** times * self.first + k * Y / (slower * self.root)
        margin = Margin("η(2λ + λ_max(G))", eta * (2 * self.lam + power(self.top, 2)), 2.0, "≤")
        return RidgePath(times=times, a_priori=a_priori, step_size=margin, final=self.last, **columns)


def _cosine(b: Array, v: Array, size: float) -> float:
    return float(b @ v) / size if size > 0 else math.nan
