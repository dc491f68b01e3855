"""Predicted alignment against time and width, each number with the conditions under which the theory says it.

The limits of `theory.alignment` and `theory.limits` are theorems about p → ∞ or the dynamics kept to first
order. At a given width and time a number is given only where what they leave out is small; elsewhere `Forecast.why`
says which condition fails. ``docs/limits.md``, section 5, lists the conditions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_count, as_number
from fa_ref.activations import Activation, resolve
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.alignment.without_ridge import no_alignment_coefficient
from theory.kernels import MeanKernel, mean_kernel
from theory.limits import wide_prediction
from theory.limits.fixed_time import SMALL, EarlyLaw, early_law
from theory.limits.long_time import constant_penalty
from theory.limits.theta_time import checked_times
from theory.margins import Margin, failing

__all__ = ["Forecast", "with_ridge", "without_ridge"]

Array = NDArray[np.float64]

#: Largest error of an alignment, numerical and by what the mean dynamics leaves out, at which it is given.
TOLERATED = 0.05

#: Largest relative numerical error of lim p·E cos.
RELATIVE = 1e-3


@dataclass(frozen=True)
class Forecast:
    """The predicted mean alignment of networks of one width at one time.

    Attributes
    ----------
    p : int or None
        Width; None for the limit p → ∞.
    t : float or None
        Steps, ∞ for full convergence; None for the limit at θ.
    theta : float or None
        t/√p; None for the limit without ridge.
    alignment : float
        E cos∠(b, β); NaN where not applicable, and in the limit without ridge, where it is 0.
    scaled : float
        p·E cos, without ridge only; NaN elsewhere.
    error : float
        Estimate of the error of ``alignment`` (of ``scaled`` in the limit without ridge). Without ridge the next
        order in 1/√p is not known and not in it.
    why : str
        The conditions that fail; empty where the theory applies.
    """

    p: int | None
    t: float | None
    theta: float | None
    alignment: float
    scaled: float
    error: float
    why: str


def without_ridge(
    problem: Problem, activation: str | Activation, times: Sequence[float], widths: Sequence[int], *, eta: float
) -> list[Forecast]:
    """Forecast E cos∠(b, β(t)) for λ ≡ 0: the limit of p·E cos at each time, then each width.

    Parameters
    ----------
    problem : Problem
    activation : str or Activation
        ψ.
    times : sequence of float
        Whole numbers of steps, or ∞.
    widths : sequence of int
    eta : float
        Step size.

    Examples
    --------
    >>> rows = without_ridge(Problem(np.eye(2), [1.0, 1.0]), "identity", [math.inf], [8, 100], eta=0.1)
    >>> [(row.p, round(row.scaled, 4), round(row.alignment, 6)) for row in rows]
    [(None, 1.8947, nan), (8, nan, nan), (100, 1.8947, 0.018947)]
    >>> rows[1].why
    'movement of W = 0.5, not ≤ 0.1; growth of ‖β‖² = 0.5, not ≤ 0.1'
    """
    psi, eta = resolve(activation), as_number("eta", eta, above=0)
    kernel, rows = mean_kernel(problem.X, psi), []
    for time in times:
        steps = None if time == math.inf else as_count("times", int(time), at_least=0)
        margins = _law_margins(kernel, eta, steps)
        why, law, scaled, error = failing(margins), None, math.nan, math.nan
        if not why:
            law = early_law(problem, psi, [time], eta=eta, kernel=kernel)
            scaled = float(law.scaled[0])
            error = margins[-1].value * abs(scaled)
        rows.append(Forecast(None, time, None, math.nan, scaled, error, why))
        for p in widths:
            why_here = why or _moved_too_far(law, p)
            found = (math.nan,) * 3 if why_here else (scaled / p, scaled, error / p)
            rows.append(Forecast(p, time, time / math.sqrt(p), *found, why_here))
    return rows


def _moved_too_far(law: EarlyLaw | None, p: int) -> str:
    if law is None or law.applies(p).all():
        return ""
    movement = Margin("movement of W", float(law.movement[0]) / p, SMALL, "≤")
    return failing((movement, Margin("growth of ‖β‖²", float(law.growth[0]) / p, SMALL, "≤")))


def _top(kernel: MeanKernel) -> float:
    """An upper bound of λ_max(Ḡ)."""
    return kernel.lambda_max_upper


def _law_margins(kernel: MeanKernel, eta: float, steps: int | None) -> tuple[Margin, ...]:
    """Conditions of the law without ridge; the last is its relative numerical error."""
    n, top = kernel.G.shape[0], _top(kernel)
    uncertain = float(np.linalg.norm(kernel.error)) + n * np.finfo(float).eps * top
    longest = 1.0 / kernel.gamma_lower if kernel.gamma_lower > 0 else math.inf  # of ‖A_t‖ ≤ min(ηt, 1/γ)
    longest = longest if steps is None else min(longest, eta * steps)
    Theta_top = max(float(np.linalg.norm(kernel.Theta, 2)), np.finfo(float).tiny)
    relative = 3.0 * uncertain * longest + float(np.linalg.norm(kernel.Theta_error)) / Theta_top
    step = Margin("η λ_max(Ḡ)", eta * top, 2.0, "≤")
    convergence = (Margin("γ", kernel.gamma_lower, 0.0, ">"),) if steps is None else ()
    return (step, *convergence, Margin("relative numerical error", relative, RELATIVE, "≤"))


def with_ridge(
    problem: Problem,
    activation: str | Activation,
    theta: Sequence[float],
    widths: Sequence[int],
    *,
    eta: float,
    ridge: Schedule,
    particles: int = 4096,
) -> list[Forecast]:
    """Forecast E cos∠(b, β) at t = θ√p for a constant λ > 0: the limit p → ∞, then each width at every time.

    Parameters
    ----------
    problem : Problem
    activation : str or Activation
        ψ.
    theta : sequence of float
        Times t/√p; at a width p they are rounded to whole steps.
    widths : sequence of int
    eta : float
        Step size.
    ridge : Schedule
        A constant λ > 0.
    particles : int, optional
        As in `wide_prediction`, raised to 16 n if need be.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> problem, ridge = Problem(np.eye(2), [1.0, 1.0]), schedules.constant(1.0)
    >>> rows = with_ridge(problem, "identity", [20.0], [9, 10000], eta=0.1, ridge=ridge)
    >>> [(row.p, row.t, round(row.alignment, 3)) for row in rows]
    [(None, None, 0.756), (9, 60, 0.729), (10000, 2000, 0.756)]
    """
    psi, eta, lam = resolve(activation), as_number("eta", eta, above=0), constant_penalty(ridge)
    kernel, times = mean_kernel(problem.X, psi), checked_times(theta)
    start = (
        Margin("ηλ", eta * lam, math.nextafter(1.0, 0.0), "≤"),
        Margin("η(λ + λ_max(Ḡ))", eta * (lam + _top(kernel)), 2.0, "≤"),
    )
    why, rows = failing(start), []
    for p in (None, *widths):
        steps = None if p is None else np.rint(times * math.sqrt(p)).astype(np.int64)
        here = times if p is None or steps is None else steps / math.sqrt(p)
        if why:
            rows += [_ridge_row(p, steps, here, k, math.nan, math.nan, why) for k in range(times.size)]
            continue
        run = wide_prediction(
            problem, psi, here, eta=eta, ridge=ridge, p=p, particles=max(particles, 16 * problem.n)
        )
        for k in range(times.size):
            error = float(run.error[k])
            if p is not None and steps is not None:
                error += float(run.initial_share[k]) * _left_out(problem, kernel, eta, int(steps[k])) / p
            largest = float(run.largest_eigenvalue[run.theta <= run.theta[k]].max())
            stable = Margin("η(λ + λ_max(G(θ)))", eta * (lam + largest), 2.0, "≤")
            fails = failing((stable,)) or failing((Margin("estimated error", error, TOLERATED, "≤"),))
            rows.append(_ridge_row(p, steps, here, k, float(run.alignment[k]), error, fails))
    return rows


def _ridge_row(
    p: int | None, steps: NDArray[np.int64] | None, theta: Array, k: int, alignment: float, error: float, why: str
) -> Forecast:
    t = None if steps is None else int(steps[k])
    said = (math.nan, math.nan) if why else (alignment, error)
    return Forecast(p, t, float(theta[k]), said[0], math.nan, said[1], why)


def _left_out(problem: Problem, kernel: MeanKernel, eta: float, t: int) -> float:
    """What f₀, and finite η in the first transient, add to p·E cos while β is near β(0): the law without ridge."""
    law = partial(no_alignment_coefficient, problem, eta=eta, steps=t, kernel=kernel)
    total, by_targets = law(), law(residual=-problem.y)
    return total - by_targets + 0.5 * eta * _top(kernel) * by_targets
