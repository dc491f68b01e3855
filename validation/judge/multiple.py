"""Many hypotheses read together: Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_number
from validation.judge.probability import CONFIRMED, REFUTED, ProbabilityVerdict

__all__ = ["combine", "holm", "holm_adjusted"]


def holm(p_values: ArrayLike, error: float) -> NDArray[np.bool_]:
    """Which of several hypotheses to reject so that any false rejection has probability at most ``error`` (Holm).

    Parameters
    ----------
    p_values : array_like, shape (m,)
    error : float
        In (0, 1).

    Returns
    -------
    ndarray of bool, shape (m,)

    Examples
    --------
    >>> holm([0.001, 0.04, 0.03, 0.5], error=0.05)
    array([ True, False, False, False])
    """
    return holm_adjusted(p_values) <= as_number("error", error, above=0, below=1)


def holm_adjusted(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's adjusted p-values: the smallest error at which each hypothesis is rejected; at most 1.

    Parameters
    ----------
    p_values : array_like, shape (m,)

    Returns
    -------
    ndarray, shape (m,)

    Examples
    --------
    >>> holm_adjusted([0.001, 0.04, 0.03, 0.5])
    array([0.004, 0.09 , 0.09 , 0.5  ])
    """
    values = as_array("p_values", p_values, ndim=1)
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * (values.size - np.arange(values.size)))
    adjusted = np.empty(values.size)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def combine(verdicts: Sequence[ProbabilityVerdict], error: float) -> NDArray[np.bool_]:
    """Which verdicts of a grid of settings stand when all are read together.

    Holm's correction, apart for confirmations and for refutations, on p-values that count both sides: any wrong
    verdict among those that stand has probability at most ``error``, whatever the dependence between settings.

    Parameters
    ----------
    verdicts : sequence of ProbabilityVerdict
    error : float
        In (0, 1).

    Returns
    -------
    ndarray of bool, shape (m,)
        Which stand.

    Examples
    --------
    >>> from itertools import repeat
    >>> from validation.judge.probability import sequential_verdict
    >>> good = sequential_verdict(repeat(True), 1000, delta=0.1)
    >>> combine([good] * 3, error=0.01)
    array([ True,  True,  True])
    """
    stand = np.zeros(len(verdicts), dtype=bool)
    for status in (CONFIRMED, REFUTED):
        stand |= holm([v.p_value if v.status == status else 1.0 for v in verdicts], error)
    return stand
