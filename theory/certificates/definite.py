"""Matrices of balls that are proved positive definite, and bounds of eigenvalues that follow (python-flint)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["flint", "lambda_max_upper", "lambda_min_lower", "midpoints", "positive_definite", "precision", "upper"]

Array = NDArray[np.float64]
Ball = Any  # flint.arb
BallMatrix = Any  # flint.arb_mat

#: Bits of the Cholesky factorisations, whose rounding can grow from row to row.
CHOLESKY_BITS = 256


def flint() -> Any:
    """Return python-flint, the optional extra ``rigorous``.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    try:
        import flint as module
    except ImportError:
        raise ModuleNotFoundError("rigorous: expected python-flint; install fa-ref[rigorous]") from None
    return module


def precision(bits: int) -> Any:
    """A context in which balls carry so many bits."""
    return flint().ctx.workprec(bits)


def upper(ball: Ball) -> float:
    """A float that is at least every number in the ball.

    Examples
    --------
    >>> from flint import arb
    >>> bool(upper(arb(1) / 3) > arb(1) / 3)
    True
    """
    return math.nextafter(float(ball.upper()), math.inf)  # the conversion to float may round down


def positive_definite(A: BallMatrix, shift: float = 0.0) -> bool:
    """Whether every symmetric matrix in the balls of A − shift·I is proved positive definite.

    The balls' radii are first gathered into their Frobenius norm, which moves each eigenvalue by no more; then the
    exact centre is factored by Cholesky's method in balls, and only pivots that are positive throughout count.

    Examples
    --------
    >>> from flint import arb_mat
    >>> A = arb_mat([[2.0, 1.0], [1.0, 2.0]])  # eigenvalues 1 and 3
    >>> positive_definite(A, 0.999), positive_definite(A, 1.0)
    (True, False)
    """
    arb, n = flint().arb, A.nrows()
    with precision(CHOLESKY_BITS):
        entries = [(A[i, j] + A[j, i]) / 2 for i in range(n) for j in range(n)]
        blur = sum((x.rad() * x.rad() for x in entries), arb(0)).sqrt()
        rows = [[entries[i * n + j].mid() for j in range(n)] for i in range(n)]
        for i in range(n):
            rows[i][i] -= arb(shift) + blur
        return _cholesky(rows)


def _cholesky(rows: list[list[Ball]]) -> bool:
    n = len(rows)
    for k in range(n):
        pivot = rows[k][k]
        if not pivot > 0:
            return False
        for i in range(k + 1, n):
            factor = rows[i][k] / pivot
            for j in range(k + 1, i + 1):
                rows[i][j] -= factor * rows[j][k]
    return True


def midpoints(A: BallMatrix) -> Array:
    """The midpoints of a symmetric matrix of balls, as floats."""
    mid = np.array([float(x.mid()) for x in A.entries()]).reshape(A.nrows(), A.ncols())
    return np.asarray((mid + mid.T) / 2)


def lambda_min_lower(A: BallMatrix) -> float:
    """A float that is proved to be below λ_min of every symmetric matrix in A; −inf if none is found.

    A floating-point eigenvalue is the guess; `positive_definite` is the proof.

    Examples
    --------
    >>> from flint import arb_mat
    >>> 1.0 - 1e-9 < lambda_min_lower(arb_mat([[2.0, 1.0], [1.0, 2.0]])) < 1.0
    True
    """
    centre = midpoints(A)
    if not np.isfinite(centre).all():
        return -math.inf
    values = np.linalg.eigvalsh(centre)
    scale = float(np.abs(values).max()) or 1.0
    for margin in (1e-13, 1e-11, 1e-9, 1e-6, 1e-3):
        bound = float(values[0]) - margin * scale
        if positive_definite(A, bound):
            return bound
    return -math.inf


def lambda_max_upper(A: BallMatrix) -> float:
    """A float that is proved to be above λ_max of every symmetric matrix in A; inf if none is found.

    Examples
    --------
    >>> from flint import arb_mat
    >>> 3.0 < lambda_max_upper(arb_mat([[2.0, 1.0], [1.0, 2.0]])) < 3.0 + 1e-9
    True
    """
    return -lambda_min_lower(-A)
