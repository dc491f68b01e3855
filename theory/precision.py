"""Unit roundoff of double precision, the error bound of many roundings in a row, and powers that do not raise."""

from __future__ import annotations

import math

__all__ = ["EPS", "TINIEST", "UNIT_ROUNDOFF", "gamma", "power"]

#: u: rounding to nearest errs by at most u relative to the exact result.
UNIT_ROUNDOFF = 2.0**-53

#: The distance from 1 to the next number, 2u: bounds that are generous by a factor of two count in it.
EPS = 2.0 * UNIT_ROUNDOFF

#: The least positive number: a result too small for full precision errs by at most half of it.
TINIEST = 2.0**-1074


def gamma(k: float, roundoff: float = UNIT_ROUNDOFF) -> float:
    """γ_k = ku/(1 − ku), the relative error bound of k roundings in a row; ∞ where ku ≥ 1, and there is none.

    Parameters
    ----------
    k : float
        How many.
    roundoff : float, optional
        u of the arithmetic; that of float64 if not given.

    Returns
    -------
    float

    Examples
    --------
    >>> gamma(10) == 10 * UNIT_ROUNDOFF / (1 - 10 * UNIT_ROUNDOFF)
    True
    >>> gamma(3, 0.25), gamma(4, 0.25)
    (3.0, inf)
    """
    return k * roundoff / (1.0 - k * roundoff) if k * roundoff < 1.0 else math.inf


def power(x: float, k: int) -> float:
    """x^k for x ≥ 0; ∞ where it is beyond every float, at which Python's ``**`` raises OverflowError.

    Parameters
    ----------
    x : float
        The base.
    k : int
        The exponent, at least 0.

    Returns
    -------
    float

    Examples
    --------
    >>> power(3.0, 2), power(1e200, 2)
    (9.0, inf)
    """
    try:
        return float(x**k)
    except OverflowError:
        return math.inf
