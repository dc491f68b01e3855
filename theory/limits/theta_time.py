"""Time in units of √p steps: θ = t/√p, and λ as a function of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count
from fa_ref.schedules import Schedule, constant

__all__ = ["Penalty", "Prediction", "jumps", "rescaled_ridge", "time_grid"]

Array = NDArray[np.float64]
Penalty = Callable[[float], float]


class Prediction(NamedTuple):
    """What a wide limit predicts at the times θ = t/√p.

    Attributes
    ----------
    theta : ndarray, shape (m,)
        Times.
    alignment : ndarray, shape (m,)
        cos∠(b, β).
    error : ndarray, shape (m,)
        Estimate, not a bound, of the numerical error of ``alignment``.
    mean_square : ndarray, shape (m,)
        (1/n) ‖e‖².
    initial_share : ndarray, shape (m,)
        c√p/‖β‖, what is left of the initialisation in β; 0 in the limit p → ∞.
    largest_eigenvalue : ndarray, shape (m,)
        λ_max(G). The residual relaxes, as the limits assume, only while η(λ + λ_max(G)) < 2.
    """

    theta: Array
    alignment: Array
    error: Array
    mean_square: Array
    initial_share: Array
    largest_eigenvalue: Array


def rescaled_ridge(ridge: Schedule | Penalty, p: int | None = None) -> Penalty:
    """Return λ as a function of θ = t/√p.

    Parameters
    ----------
    ridge : Schedule or callable
        A schedule in steps, or a function of θ.
    p : int, optional
        Width that turns steps into θ; only a schedule that never changes does without.

    Raises
    ------
    TypeError, ValueError
        If ``ridge`` is none of these, or a schedule changes with time and p is not given.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> penalty = rescaled_ridge(schedules.cutoff(0.5, T=99), p=100)
    >>> penalty(9.99), penalty(10.0)
    (0.5, 0.0)
    >>> rescaled_ridge(schedules.cutoff(0.5, T=99))
    Traceback (most recent call last):
    ...
    ValueError: p: expected the width that turns the steps of cutoff(0.5, 99) into θ = t/√p, got None
    """
    if isinstance(ridge, Schedule):
        formula = ridge.formula
        if p is None:
            lam = ridge.maximum
            if lam > 0 and ridge != constant(lam):
                raise ValueError(
                    f"p: expected the width that turns the steps of {ridge.name} into θ = t/√p, got None"
                )
            return lambda theta: lam  # noqa: ARG005
        root = math.sqrt(as_count("p", p))
        # Step t lasts from t to t + 1; the ulp keeps T/√p·√p from falling below T.
        return lambda theta: float(formula(np.array([math.floor(theta * root * (1 + 4e-16))], dtype=np.int64))[0])
    if callable(ridge):
        return ridge
    raise TypeError(f"ridge: expected a Schedule or a function of θ, got {ridge!r:.60}")


def jumps(penalty: Penalty, end: float, samples: int = 1024) -> list[float]:
    """Times in (0, end) at which λ jumps, located by bisection: integrators must stop there."""
    theta = np.linspace(0.0, end, samples + 1)
    values = np.array([penalty(float(t)) for t in theta])
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError("ridge: expected finite values >= 0 at every time, got others")
    steep = np.flatnonzero(np.abs(np.diff(values)) > 0.05 * values.max(initial=0.0))
    found = []
    for k in steep:
        low, high = float(theta[k]), float(theta[k + 1])
        middle_value = 0.5 * (values[k] + values[k + 1])
        rises = values[k + 1] > values[k]
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if (penalty(middle) > middle_value) == rises else (middle, high)
        found.append(high)
    return [t for t in found if 0.0 < t < end]


def checked_times(theta: ArrayLike) -> Array:
    """Return ``theta`` as a one-dimensional array of times ≥ 0."""
    times = as_array("theta", np.atleast_1d(np.asarray(theta)), ndim=1)
    if (times < 0).any():
        raise ValueError(f"theta: expected times >= 0, got {times.min():g}")
    return times


def time_grid(stops: ArrayLike, steps: int, head: float | None = None) -> Array:
    """Increasing times from 0 through every stop, with about ``steps`` equal steps.

    ``head`` is the length of the first step, from where steps grow, by a factor 1 + 8/steps, up to the equal ones.

    Examples
    --------
    >>> time_grid([1.0, 4.0], 4)
    array([0., 1., 2., 3., 4.])
    """
    ends = np.unique(np.asarray(stops, dtype=np.float64))
    ends = ends[ends > 0]
    if ends.size == 0:
        return np.zeros(1)
    longest = float(ends[-1]) / steps * (1 + 1e-12)
    grid, h = [0.0], longest if head is None else min(head, longest)
    for end in ends:
        while grid[-1] < end:
            if h < longest:
                grid.append(grid[-1] + h if grid[-1] + 1.5 * h < end else float(end))
                h = min((1.0 + 8.0 / steps) * h, longest)
            else:
                grid.extend(np.linspace(grid[-1], end, math.ceil((end - grid[-1]) / longest) + 1)[1:].tolist())
    return np.array(grid)
