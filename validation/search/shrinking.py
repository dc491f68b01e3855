"""Make a counterexample small and readable: fewer steps, samples, inputs and units, rounder numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Problem, Setting, schedules
from fa_ref.schedules import Schedule

__all__ = ["penalties", "shrink", "with_penalties"]

Array = NDArray[np.float64]


def penalties(ridge: Schedule, steps: int) -> Array:
    """Return λ(0), … up to the last one that is not 0 among the first ``steps``."""
    lam = ridge.values(steps)
    return lam[: int(np.flatnonzero(lam)[-1]) + 1] if lam.any() else lam[:0]


def with_penalties(lam: Array) -> Schedule:
    """Return the schedule with these λ(t), and 0 after."""
    return schedules.explicit(lam) if lam.size else schedules.zero()


def shrink(
    setting: Setting, steps: int, fails: Callable[[Setting, int], bool], *, evaluations: int = 400
) -> tuple[Setting, int]:
    """Return a simpler setting and number of steps for which ``fails`` still says True.

    Parameters
    ----------
    setting : Setting
        Fails.
    steps : int
        In so many steps.
    fails : callable
        (`Setting`, steps) → whether it is still a counterexample.
    evaluations : int, optional
        Calls of ``fails`` to spend.

    Returns
    -------
    setting : Setting
        The simplest found.
    steps : int

    Examples
    --------
    >>> from validation.search.laws import small_settings
    >>> setting = small_settings("identity")(np.random.default_rng(4))
    >>> small, steps = shrink(setting, 20, lambda trial, steps: trial.eta > 0.02)
    >>> print(small, steps, sep="; ")
    identity, n = 1, d = 1, p = 1, η = 1, rule fa; 1
    """
    spent, progress = 0, True
    while progress:
        progress = False
        for trial in _simpler(setting, steps):
            if spent == evaluations:
                return setting, steps
            spent += 1
            if fails(*trial):
                (setting, steps), progress = trial, True
                break
    return setting, steps


def _simpler(setting: Setting, steps: int) -> Iterator[tuple[Setting, int]]:
    """Candidates, the boldest first; each is strictly simpler."""
    yield from _shorter(setting, steps)
    for trial in (*_smaller(setting), *_rounder(setting, steps)):
        yield trial, steps


def _shorter(setting: Setting, steps: int) -> Iterator[tuple[Setting, int]]:
    for fewer in sorted({1, steps // 4, steps // 2, steps - 1}):
        if 0 < fewer < steps:
            yield setting, fewer
    lam = penalties(setting.ridge, steps)
    for length in sorted({0, lam.size // 2, max(lam.size - 1, 0)}):
        if length < lam.size:
            yield setting.replace(ridge=with_penalties(lam[:length])), steps


def _smaller(setting: Setting) -> Iterator[Setting]:
    problem, network = setting.problem, setting.start
    e = network.output(problem.X, setting.activation) - problem.y
    for p in sorted({1, network.p // 4, network.p // 2, network.p - 1}):
        if 0 < p < network.p:
            half = Network(network.W[:p], network.beta[:p], network.b[:p])
            yield _with(setting, problem.X, half, e)
    for i in range(problem.n if problem.n > 1 else 0):
        kept = np.arange(problem.n) != i
        yield setting.replace(problem=Problem(problem.X[kept], problem.y[kept]))
    for k in range(problem.d if problem.d > 1 else 0):
        kept = np.arange(problem.d) != k
        yield _with(setting, problem.X[:, kept], Network(network.W[:, kept], network.beta, network.b), e)


def _with(setting: Setting, X: Array, network: Network, e: Array) -> Setting:
    return setting.replace(problem=Problem(X, network.output(X, setting.activation) - e), network=network)


def _rounder(setting: Setting, steps: int) -> Iterator[Setting]:
    problem, network = setting.problem, setting.start
    values: dict[str, Any] = {
        "eta": setting.eta, "lam": penalties(setting.ridge, steps), "X": problem.X, "y": problem.y,
        "W": network.W, "beta": network.beta, "b": network.b,
    }  # fmt: skip
    for name, value in values.items():
        for digits in (1, 2, 4):
            rounded = _significant(value, digits)
            if np.size(value) and not np.array_equal(rounded, value):
                trial = _built(setting, steps, **{**values, name: rounded})
                if trial is not None:
                    yield trial
                continue
            break  # as round as that already


def _built(
    setting: Setting, steps: int, *, eta: Any, lam: Any, X: Any, y: Any, W: Any, beta: Any, b: Any
) -> Setting | None:
    """The setting with these numbers; None where rounding left no ridge step, ηλ ≥ 1."""
    if not float(eta) * max(lam, default=0.0) < 1:
        return None
    ridge = setting.ridge if np.array_equal(lam, penalties(setting.ridge, steps)) else with_penalties(lam)
    return setting.replace(problem=Problem(X, y), network=Network(W, beta, b), eta=float(eta), ridge=ridge)


def _significant(value: Any, digits: int) -> Array:
    """Round to so many significant digits.

    Examples
    --------
    >>> _significant([0.0123, -456.0, 0.0], 1)
    array([ 1.e-02, -5.e+02,  0.e+00])
    """
    array = np.asarray(value, dtype=np.float64)
    return np.array([float(f"{x:.{digits - 1}e}") for x in array.ravel()]).reshape(array.shape)
