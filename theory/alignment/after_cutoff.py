"""The alignment that Theorem 4.6's schedule leads to on given inputs, with the isometry constants it depends on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fa_ref._support.checks import as_number
from fa_ref.problem import Problem
from theory.alignment.theorem_4_6 import Bracket, sharp_bracket, sharp_constant, sharp_schedule
from theory.convergence.theorem_4_3 import unit_of_budget
from theory.kernels.isometry import isometry
from theory.limits import wide_prediction
from theory.margins import Margin, failing

__all__ = ["SharpForecast", "after_cutoff"]


@dataclass(frozen=True)
class SharpForecast:
    """What Theorem 4.6's schedule leads to on given inputs, as p → ∞, after the cutoff.

    Attributes
    ----------
    gamma, epsilon : float
        X is (γ, ε)-isometric, Definition 4.4, with these and no better.
    L, c_S : float
        λ/γ, and the constant of the budget S_λ.
    constant : float
        The closed form, for ε = 0; NaN for other inputs.
    bracket : Bracket
        Proved for every (γ, ε)-isometric X and every y of this norm.
    alignment : float
        For these X and y.
    cutoffs : dict of int to int
        The last step T with λ at each width.
    proved_budget : float
        Largest c_S for which convergence is proved, as p → ∞: √(8/27) √(M/γ)/ν, of ``docs/linear.md``, section 6.
    why : str
        The conditions that fail; if any does the other fields but γ and ε are NaN or empty.
    """

    gamma: float
    epsilon: float
    L: float
    c_S: float
    constant: float
    bracket: Bracket
    alignment: float
    cutoffs: dict[int, int]
    proved_budget: float
    why: str


def after_cutoff(problem: Problem, widths: Sequence[int], *, eta: float, lam: float, c_S: float) -> SharpForecast:
    """Forecast the alignment of a linear network after the schedule of Theorem 4.6.

    Parameters
    ----------
    problem : Problem
        X and y.
    widths : sequence of int
    eta, lam : float
        Step size and the λ > 0 that is cut off once Σλ(t) reaches S_λ.
    c_S : float
        S_λ = c_S γ√(γp)/(η√n M), with M = λ_max(XXᵀ).

    Examples
    --------
    >>> forecast = after_cutoff(Problem(np.eye(2), [1.0, 1.0]), [10**6], eta=0.1, lam=3.0, c_S=5.0)
    >>> round(forecast.constant, 4), round(forecast.alignment, 4), forecast.cutoffs
    (0.7488, 0.7488, {1000000: 11785})
    """
    eta, lam, c_S = as_number("eta", eta, above=0), as_number("lam", lam, above=0), as_number("c_S", c_S, above=0)
    measured, n = isometry(problem.X), problem.n
    gamma, top = measured.gamma, measured.lambda_max
    rounding = n * np.finfo(float).eps
    nu = float(np.linalg.norm(problem.y)) / math.sqrt(n)
    margins = (
        Margin("λ_min(K)", gamma, rounding * top, ">"),
        Margin("‖y‖/√n", nu, 0.0, ">"),
        Margin("η(λ + λ_max(K))", eta * (lam + top), 2.0, "≤"),
    )
    nothing = Bracket(math.nan, math.nan)
    if why := failing(margins):
        return SharpForecast(gamma, measured.epsilon, *(math.nan,) * 3, nothing, math.nan, {}, math.nan, why)
    L, end = lam / gamma, c_S * unit_of_budget(problem, 1, eta) / lam
    run = wide_prediction(problem, "identity", [end, 1.1 * end], eta=eta, ridge=lambda t: lam if t < end else 0.0)
    if why := failing((Margin("η(λ + λ_max(G))", eta * (lam + run.largest_eigenvalue.max()), 2.0, "≤"),)):
        return SharpForecast(gamma, measured.epsilon, L, c_S, math.nan, nothing, math.nan, {}, math.nan, why)
    exact = measured.epsilon <= 2.0 * rounding
    cutoffs = {
        p: round(schedule.total / lam) - 1
        for p in widths
        for schedule in (sharp_schedule(L, c_S, p, n, eta=eta, gamma=gamma, gamma_over_M=gamma / top),)
    }
    return SharpForecast(
        gamma, measured.epsilon, L, c_S,
        sharp_constant(L, c_S, nu, gamma / top) if exact else math.nan,
        sharp_bracket(L, c_S, nu, measured.epsilon + 2.0 * rounding),
        float(run.alignment[1]), cutoffs, math.sqrt(8.0 / 27.0 * top / gamma) / nu, "",
    )  # fmt: skip
