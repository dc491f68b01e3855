"""Make a counterexample small and readable: fewer steps, samples, inputs and units, rounder numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Problem
from validation.search.cases import Case

__all__ = ["shrink"]

Array = NDArray[np.float64]


def shrink(case: Case, fails: Callable[[Case], bool], *, evaluations: int = 400) -> Case:
    """Return a simpler case for which ``fails`` still says True.

    Parameters
    ----------
    case : Case
        Fails.
    fails : callable
        `Case` → whether it is still a counterexample.
    evaluations : int, optional
        Calls of ``fails`` to spend.

    Examples
    --------
    >>> from validation.search.cases import small_cases
    >>> case = small_cases("identity")(np.random.default_rng(4))
    >>> print(shrink(case, lambda trial: trial.eta > 0.02))
    identity, n = 1, d = 1, p = 1, η = 1, 1 steps
    """
    spent, progress = 0, True
    while progress:
        progress = False
        for trial in _simpler(case):
            if spent == evaluations:
                return case
            spent += 1
            if fails(trial):
                case, progress = trial, True
                break
    return case


def _simpler(case: Case) -> Iterator[Case]:
    """Candidates, the boldest first; each is strictly simpler than ``case``."""
    yield from _shorter(case)
    yield from _smaller(case)
    yield from _rounder(case)


def _shorter(case: Case) -> Iterator[Case]:
    for steps in sorted({1, case.steps // 4, case.steps // 2, case.steps - 1}):
        if 0 < steps < case.steps:
            yield replace(case, steps=steps)
    lam = np.asarray(case.lam)
    for length in sorted({0, lam.size // 2, max(lam.size - 1, 0)}):
        if length < lam.size:
            yield replace(case, lam=lam[:length])


def _smaller(case: Case) -> Iterator[Case]:
    problem, network = case.problem, case.network
    e = network.output(problem.X, case.activation) - problem.y
    for p in sorted({1, network.p // 4, network.p // 2, network.p - 1}):
        if 0 < p < network.p:
            half = Network(network.W[:p], network.beta[:p], network.b[:p])
            yield _with(case, problem.X, half, e)
    for i in range(problem.n if problem.n > 1 else 0):
        kept = np.arange(problem.n) != i
        yield replace(case, problem=Problem(problem.X[kept], problem.y[kept]))
    for k in range(problem.d if problem.d > 1 else 0):
        kept = np.arange(problem.d) != k
        yield _with(case, problem.X[:, kept], Network(network.W[:, kept], network.beta, network.b), e)


def _with(case: Case, X: Array, network: Network, e: Array) -> Case:
    return replace(case, problem=Problem(X, network.output(X, case.activation) - e), network=network)


def _rounder(case: Case) -> Iterator[Case]:
    problem, network = case.problem, case.network
    values: dict[str, Any] = {
        "eta": case.eta, "lam": np.asarray(case.lam), "X": problem.X, "y": problem.y,
        "W": network.W, "beta": network.beta, "b": network.b,
    }  # fmt: skip
    for name, value in values.items():
        for digits in (1, 2, 4):
            rounded = _significant(value, digits)
            if np.size(value) and not np.array_equal(rounded, value):
                yield Case.of(**{**case.arrays(), name: rounded})
                continue
            break  # as round as that already


def _significant(value: Any, digits: int) -> Array:
    """Round to so many significant digits.

    Examples
    --------
    >>> _significant([0.0123, -456.0, 0.0], 1)
    array([ 1.e-02, -5.e+02,  0.e+00])
    """
    array = np.asarray(value, dtype=np.float64)
    return np.array([float(f"{x:.{digits - 1}e}") for x in array.ravel()]).reshape(array.shape)
