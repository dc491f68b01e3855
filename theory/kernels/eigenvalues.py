"""Proven bounds on the eigenvalues of a symmetric matrix of floats, and of every matrix within given errors of it.

No eigenvalue routine is trusted. Its answer is a guess; a Cholesky factorisation that runs to its end is the proof.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from theory.precision import TINIEST, UNIT_ROUNDOFF, gamma

__all__ = ["eigenvalue_ceiling", "eigenvalue_floor", "spectral_bound"]

Array = NDArray[np.float64]


def eigenvalue_floor(A: Array, error: Array | None = None) -> float:
    """Return a proven lower bound of λ_min(A), A symmetric, floating-point errors included.

    If the Cholesky factorisation of B = A − cI runs to its end in floating point, then
    λ_min(B) ≥ −g/(1−g) tr B with g = (n+1)u/(1−(n+1)u) (Demmel; Rump, BIT 46, 2006). The shift c is moved down from
    the computed eigenvalue until it does.

    Parameters
    ----------
    A : (n, n) ndarray
        Symmetric; its lower triangle is read.
    error : (n, n) ndarray, optional
        The bound then holds for every symmetric matrix within ``error`` of A, entry by entry.

    Returns
    -------
    float
        Within a few n·eps·tr A (and `spectral_bound` of the error) of the computed eigenvalue; −inf if A or the
        error is not finite.

    Examples
    --------
    >>> 0.999999 < eigenvalue_floor(np.diag([1.0, 2.0])) < 1
    True
    >>> eigenvalue_floor(np.diag([1.0, 2.0]), 0.25 * np.ones((2, 2))) <= 0.5
    True
    """
    if not np.isfinite(A).all():
        return -math.inf
    blur = 0.0 if error is None else spectral_bound(error)
    largest = float(np.abs(A).max())
    exponent = math.frexp(largest)[1]
    # Times a power of 2 so that |A_ij| < 1: exact, up to entries below 2⁻¹⁰²² that the rounding terms dwarf.
    scaled = _floor(np.ldexp(A, -exponent)) if largest > 0 else 0.0
    try:
        floor = math.ldexp(scaled, exponent)
    except OverflowError:
        return -math.inf
    if abs(floor) < 2.0**-1000 and largest > 0:  # ldexp rounds a subnormal number
        floor -= TINIEST
    return floor if blur == 0 else math.nextafter(floor - blur, -math.inf)


def eigenvalue_ceiling(A: Array, error: Array | None = None) -> float:
    """Return a proven upper bound of λ_max(A), A symmetric: `eigenvalue_floor` of −A with the sign changed.

    Parameters
    ----------
    A : ndarray, shape (n, n)
        Symmetric.
    error : ndarray, shape (n, n), optional
        Bounds on the errors of its entries.

    Returns
    -------
    float

    Examples
    --------
    >>> 2 < eigenvalue_ceiling(np.diag([1.0, 2.0])) < 2.000001
    True
    """
    return -eigenvalue_floor(-A, error)


def spectral_bound(error: Array) -> float:
    """Return a bound of ‖E‖₂ over all symmetric E with |E_ij| ≤ ``error_ij``: no eigenvalue moves by more.

    The lesser of the Frobenius norm and the largest row sum, rounding and underflow included; inf if the error is
    not a finite number everywhere.

    Examples
    --------
    >>> 0.5 <= spectral_bound(np.diag([0.5, 0.25])) < 0.5000001
    True
    """
    if not np.isfinite(error).all():
        return math.inf
    largest, n = float(error.max()), error.shape[0]
    if largest <= 0:
        return 0.0
    relative = np.maximum(error, error.T) / largest  # so that no square overflows, and none that counts underflows
    size = min(float(np.linalg.norm(relative)), float(relative.sum(axis=1).max()))
    # Among subnormal numbers each of the two products rounds by half the least one.
    return float(size * largest * (1 + (n * n + 8) * 2 * UNIT_ROUNDOFF) + TINIEST)


def _floor(A: Array) -> float:
    """λ_min(A) from below, where ½ ≤ max |A_ij| < 1."""
    n, size = A.shape[0], float(np.abs(A).sum(axis=1).max())
    guess, relative = float(np.linalg.eigvalsh(A)[0]), gamma(n + 1)
    margin = n * UNIT_ROUNDOFF * size
    while margin <= 4 * size:
        shift = guess - margin
        B = A - shift * np.eye(n)
        try:
            np.linalg.cholesky(B)
        except np.linalg.LinAlgError:
            margin *= 2
            continue
        diagonal = np.diag(B)
        cholesky = 2 * relative / (1 - relative) * float(diagonal.sum())
        return float(shift - cholesky - 2 * UNIT_ROUNDOFF * (float(diagonal.max()) + abs(shift)))
    return -math.inf
