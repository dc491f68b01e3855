"""Hypothesis' targeting over a space of cases: the global phase of the search for counterexamples."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import hypothesis
import numpy as np
from hypothesis import strategies as st

from validation.search.cases import Case

__all__ = ["climb"]


class _FoundError(Exception):
    """Ends a search early."""


def climb(
    value: Callable[[Case], float], space: st.SearchStrategy[Case], rng: np.random.Generator, *, examples: int
) -> tuple[Case, float, int]:
    """Search a space of cases for a large value by Hypothesis' targeting.

    Parameters
    ----------
    value : callable
        `Case` → what is to be large; inf ends the search.
    space : SearchStrategy
        Of cases.
    rng : numpy.random.Generator
        Seeds Hypothesis; nothing is read from or written to its database.
    examples : int
        Cases to try, about.

    Returns
    -------
    case : Case
        The best one.
    best : float
        Its value.
    spent : int
        Calls of ``value``.

    Examples
    --------
    >>> from validation.search.strategies import small_cases
    >>> case, best, _ = climb(lambda case: case.eta, small_cases(), np.random.default_rng(0), examples=100)
    >>> case.eta == best > 10.0
    True
    """
    tried: list[Case] = []
    values: list[float] = []

    @hypothesis.seed(int(rng.integers(2**32)))
    @hypothesis.settings(
        max_examples=examples, database=None, deadline=None, derandomize=False,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.target),
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(space)
    def attempt(case: Case) -> None:
        tried.append(case)
        values.append(value(case))
        if values[-1] == math.inf:
            raise _FoundError
        hypothesis.target(max(values[-1], -1e9))

    with contextlib.suppress(_FoundError):
        attempt()
    best = int(np.argmax(values))
    return tried[best], values[best], len(values)
