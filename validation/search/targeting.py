"""Hypothesis' targeting over a space of settings: the global phase of the search for counterexamples."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import hypothesis
import numpy as np
from hypothesis import strategies as st

from fa_ref import Setting

__all__ = ["climb"]


class _FoundError(Exception):
    """Ends a search early."""


def climb(
    value: Callable[[Setting], float], space: st.SearchStrategy[Setting], rng: np.random.Generator, *, examples: int
) -> tuple[Setting, float, int]:
    """Search a space of settings for a large value by Hypothesis' targeting.

    Parameters
    ----------
    value : callable
        `Setting` → what is to be large; inf ends the search.
    space : SearchStrategy
        Of settings.
    rng : numpy.random.Generator
        Seeds Hypothesis; nothing is read from or written to its database.
    examples : int
        Settings to try, about.

    Returns
    -------
    setting : Setting
        The best one.
    best : float
        Its value.
    spent : int
        Calls of ``value``.

    Examples
    --------
    >>> from validation.search.strategies import small_settings
    >>> rng = np.random.default_rng(0)
    >>> setting, best, _ = climb(lambda setting: setting.eta, small_settings(), rng, examples=100)
    >>> setting.eta == best > 10.0
    True
    """
    tried: list[Setting] = []
    values: list[float] = []

    @hypothesis.seed(int(rng.integers(2**32)))
    @hypothesis.settings(
        max_examples=examples, database=None, deadline=None, derandomize=False,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.target),
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(space)
    def attempt(setting: Setting) -> None:
        tried.append(setting)
        values.append(value(setting))
        if values[-1] == math.inf:
            raise _FoundError
        hypothesis.target(max(values[-1], -1e9))

    with contextlib.suppress(_FoundError):
        attempt()
    best = int(np.argmax(values))
    return tried[best], values[best], len(values)
