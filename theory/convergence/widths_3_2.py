"""Sufficient widths p* and ridge budgets of Theorems 3.2 and 4.2, with probability 1 − δ over the first weights.

The same lemmas as for one network, read off an `Instance` whose entries are levels that hold with probability
1 − δ in place of measurements. Those of Theorem 4.3 are in `theory.convergence.theorem_4_3`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fa_ref import schedules
from fa_ref._support.checks import as_number
from fa_ref.activations import Activation, resolve
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.convergence import levels
from theory.convergence.closing import closes_at
from theory.convergence.lemmas_3_2 import Drifts, Explicit
from theory.convergence.lemmas_sharper import FirstOrder
from theory.convergence.start import Instance
from theory.kernels import MeanKernel, mean_kernel
from theory.precision import power

__all__ = ["probable_drifts", "smallest_width", "sufficient_width"]

#: Widths beyond this are not searched.
WIDEST = 10**18


def probable_drifts(
    problem: Problem,
    activation: str | Activation,
    *,
    eta: float,
    p: int,
    delta: float,
    ridge: Schedule | None = None,
    form: str = "explicit",
    kernel: MeanKernel | None = None,
) -> Drifts | None:
    """The lemmas with constants that all hold with probability at least 1 − δ for a Gaussian network of width p.

    Parameters
    ----------
    problem, activation, eta, ridge :
        As in a `Setting`.
    p : int
        Width.
    delta : float
        Failure probability, in (0, 1).
    form : {"explicit", "first-order"}, optional
        ``"explicit"`` keeps the printed levels λ_min(G(0)) ≥ ¾γ, ‖H(0)‖ ≤ γ/8 and gives ‖e(0)‖ what their failure
        probabilities leave of δ; ``"first-order"`` takes every level from its share of δ.
    kernel : MeanKernel, optional
        Of X and ψ, computed if not given.

    Returns
    -------
    Drifts or None
        None where the printed levels fail with probability δ or more.

    Raises
    ------
    ValueError
        If δ is not in (0, 1), or the form is not one of these.
    """
    psi, eta = resolve(activation), as_number("eta", eta, above=0)
    delta = as_number("delta", delta, above=0, below=1)
    if form not in ("explicit", "first-order"):
        raise ValueError(f"form: expected explicit or first-order, got {form!r}")
    ridge = ridge or schedules.zero()
    kernel = mean_kernel(problem.X, psi) if kernel is None else kernel
    if not (psi.smooth and math.isfinite(psi.B0) and kernel.gamma_lower > 0):
        return None
    entries = (_printed if form == "explicit" else _shared)(problem, psi, p, delta, kernel)
    if entries is None:
        return None
    y_norm = float(np.linalg.norm(problem.y))
    instance = Instance(
        n=problem.n, p=p, B0=psi.B0, B1=psi.B1, B2=psi.B2, B3=psi.B3, smooth=psi.smooth,
        radius=problem.radius, chi=problem.spectral_norm, eta=eta, total=eta * ridge.total, peak=ridge.maximum,
        e_norm=y_norm + entries.f_norm, y_norm=y_norm, g_low=entries.g_low, g_top=entries.g_top,
        h_norm=entries.h_norm, b_square=entries.b_square, b_fourth=entries.b_fourth, moment=entries.moment,
        moment_3=math.inf, beta_norm=entries.beta_norm, overlap=entries.overlap,
    )  # fmt: skip
    return Explicit(instance) if form == "explicit" else FirstOrder(instance)


@dataclass(frozen=True, kw_only=True)
class _Levels:
    """The random entries of an `Instance`, ‖f(0)‖ in place of ‖e(0)‖, at levels that hold together with 1 − δ."""

    f_norm: float
    g_low: float
    g_top: float
    h_norm: float
    b_square: float
    b_fourth: float
    moment: float
    beta_norm: float
    overlap: float


def _printed(problem: Problem, psi: Activation, p: int, delta: float, kernel: MeanKernel) -> _Levels | None:
    n, gamma, K_norm = problem.n, kernel.gamma_lower, float(np.linalg.norm(problem.K))
    spent = levels.gram_failure(p, n, psi.B0, gamma)  # less than the printed route's, as γ ≤ B0²
    spent += levels.h_failure(p, n, psi.B1, problem.spectral_norm, K_norm, gamma / 8)
    spent += levels.b_square_failure(p) + levels.moment_failure(p)
    if not spent < delta:
        return None
    return _Levels(
        f_norm=levels.output_level(n, psi.B0, psi.B0 * math.sqrt(n), delta - spent),
        g_low=0.75 * gamma, g_top=n * power(psi.B0, 2), h_norm=gamma / 8,
        b_square=2.0, b_fourth=math.inf, moment=2.0, beta_norm=0.0, overlap=math.inf,
    )  # fmt: skip


def _shared(problem: Problem, psi: Activation, p: int, delta: float, kernel: MeanKernel) -> _Levels | None:
    n, share = problem.n, delta / 16
    top = kernel.lambda_max_upper
    K_norm = float(np.linalg.norm(problem.K))
    g_low = levels.gram_low_level(p, n, psi.B0, kernel.gamma_lower, share)
    g_top = levels.gram_high_level(p, n, psi.B0, top, share)
    b_square = levels.b_square_level(p, share)
    h_norm = levels.h_level(p, n, psi.B1, problem.spectral_norm, K_norm, share, b_square)
    b_fourth = levels.cantelli_level(levels.FOURTH_MEAN, levels.FOURTH_VARIANCE, p, share)
    moment = levels.cantelli_level(levels.MOMENT_MEAN, levels.MOMENT_VARIANCE, p, share)
    low = 1 - 2 * math.sqrt(math.log(1 / share) / p)  # ‖β(0)‖²/p, Laurent and Massart
    if not low > 0:
        return None
    return _Levels(
        f_norm=levels.output_level(n, psi.B0, math.sqrt(g_top), delta / 2),  # eight shares are δ/2
        g_low=g_low, g_top=g_top, h_norm=h_norm, b_square=b_square, b_fourth=b_fourth, moment=moment,
        beta_norm=math.sqrt(p * low), overlap=levels.inner_level(share),
    )  # fmt: skip


def sufficient_width(
    problem: Problem,
    activation: str | Activation,
    *,
    eta: float,
    delta: float,
    ridge: Schedule | None = None,
    form: str = "explicit",
    kernel: MeanKernel | None = None,
) -> int | None:
    """p*(δ): the smallest width from which on Theorem 3.2 (4.2 with ridge) holds with probability at least 1 − δ.

    Parameters
    ----------
    problem, activation, eta, delta, ridge, form, kernel :
        See `probable_drifts`; both forms ask for the paper's rate, γ/4.

    Returns
    -------
    int or None
        None where no width suffices: γ not certified positive, ψ not bounded and smooth, Σ λ(t) infinite, or
        the step-size clause violated. For linear networks see `theory.convergence.theorem_4_3.sufficient_width`.

    Examples
    --------
    >>> problem = Problem(np.eye(2), [1.0, -1.0])
    >>> 1e7 < sufficient_width(problem, "tanh", eta=1e-3, delta=0.1) < 2e7
    True
    >>> sufficient_width(problem, "tanh", eta=1.0, delta=0.1) is None  # η n B0² > 1
    True
    """
    psi, ridge = resolve(activation), ridge or schedules.zero()
    if not (psi.smooth and math.isfinite(psi.B0) and math.isfinite(ridge.total)):
        return None
    kernel = mean_kernel(problem.X, psi) if kernel is None else kernel

    def suffices(p: int) -> bool:
        lemmas = probable_drifts(problem, psi, eta=eta, p=p, delta=delta, ridge=ridge, form=form, kernel=kernel)
        return lemmas is not None and closes_at(lemmas, kernel.gamma_lower / 4)

    return smallest_width(suffices)


def smallest_width(suffices: Callable[[int], bool], start: int = 1) -> int | None:
    """The smallest p ≥ start with ``suffices(p)``, which must stay true once it is; None beyond `WIDEST`.

    Examples
    --------
    >>> smallest_width(lambda p: p >= 12345)
    12345
    """
    low, high = start - 1, start
    while not suffices(high):
        low, high = high, 2 * high
        if high > WIDEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high
