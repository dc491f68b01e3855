"""The data of a regression problem: inputs X, targets y and what the theorems ask of them.

Rows of X are samples. Everything is derived from X and y once, and cached.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array
from fa_ref._support.threads import one_blas_thread

__all__ = ["Problem"]

Array = NDArray[np.float64]


class Problem:
    """Inputs ``X`` and targets ``y`` of the loss ½ Σᵢ (f(xᵢ) − yᵢ)².

    Parameters
    ----------
    X : array_like, shape (n, d)
        One sample a row.
    y : array_like, shape (n,)
        One target a sample.

    Attributes
    ----------
    X, y : ndarray
        C-ordered float64 copies, read-only.
    n, d : int
        Samples and input dimension.

    Raises
    ------
    TypeError
        If an entry is not a real number.
    ValueError
        If there are no samples, the shapes do not fit, an entry is NaN or infinite, or squares over- or
        underflow.

    Examples
    --------
    >>> problem = Problem([[3.0, 0.0], [0.0, 4.0]], [1.0, -1.0])
    >>> problem.K
    array([[ 9.,  0.],
           [ 0., 16.]])
    >>> problem.radius
    4.0
    """

    def __init__(self, X: ArrayLike, y: ArrayLike) -> None:
        self.X: Array = as_array("X", X, ndim=2)
        self.y: Array = as_array("y", y, ndim=1)
        self.n, self.d = self.X.shape
        if self.y.shape != (self.n,):
            raise ValueError(f"y: expected {self.n} targets, one for each row of X, got {self.y.size}")
        for name, array in (("X", self.X), ("y", self.y)):
            with np.errstate(over="ignore"):
                if not np.isfinite(np.sum(array**2)):
                    raise ValueError(
                        f"{name}: expected numbers whose squares add up to a finite one, got a larger sum"
                    )
        with np.errstate(under="ignore"):
            lost = self.X.any(axis=1) & (np.sum(self.X**2, axis=1) < np.finfo(float).tiny)
        if lost.any():
            row = int(np.argmax(lost))
            raise ValueError(
                f"X: expected rows that are 0 or whose squares do not underflow (norm ≥ 1.5e-154), got row {row} "
                f"with entries up to {np.abs(self.X[row]).max():.3g}; scale X"
            )
        self.X.setflags(write=False)
        self.y.setflags(write=False)

    def __repr__(self) -> str:
        return f"Problem(n={self.n}, d={self.d})"

    @cached_property
    def K(self) -> Array:
        """Gram matrix XXᵀ, shape (n, n)."""
        with one_blas_thread():
            gram: Array = self.X @ self.X.T
        return gram

    @cached_property
    def singular_values(self) -> Array:
        """Singular values of X, descending, shape (min(n, d),)."""
        with one_blas_thread():
            return np.asarray(np.linalg.svd(self.X, compute_uv=False), dtype=np.float64)

    @property
    def spectral_norm(self) -> float:
        """Largest singular value of X: ‖X‖₂, the χ of the explicit constants."""
        return float(self.singular_values[0])

    @property
    def lambda_max(self) -> float:
        """Largest eigenvalue of K, the M of Theorem 4.3."""
        return float(self.singular_values[0] ** 2)

    @property
    def lambda_min(self) -> float:
        """Smallest eigenvalue of K, the γ of Theorem 4.3; 0 where n > d."""
        return 0.0 if self.n > self.d else float(self.singular_values[-1] ** 2)

    @cached_property
    def rank(self) -> int:
        """Numerical rank of X, with the usual threshold max(n, d) · eps · σ_max."""
        threshold = max(self.n, self.d) * np.finfo(float).eps * self.spectral_norm
        return int(np.count_nonzero(self.singular_values > threshold))

    @cached_property
    def radius(self) -> float:
        """Largest row norm maxᵢ ‖xᵢ‖."""
        return float(np.sqrt(np.max(np.sum(self.X**2, axis=1))))

    def projected(self) -> Projection:
        """The problem that a *linear* network solves when n > d (the paper's large-sample scenario).

        A linear network's outputs lie in the column space of X, so y splits into its projection ȳ,
        which can be fitted, and the rest, which cannot. With X = U S Vᵀ the data (UᵀX, Uᵀy) has a
        non-singular Gram matrix, and gradient descent and feedback alignment move W and β
        exactly as they do on (X, y).

        Returns
        -------
        Projection
            A `Problem` of rank-many samples that also knows ``basis`` and ``y_bar``.

        Raises
        ------
        ValueError
            If X is zero.

        Examples
        --------
        >>> tall = Problem([[1.0], [1.0]], [2.0, 0.0])
        >>> projection = tall.projected()
        >>> projection.n, projection.y_bar, round(projection.unexplained, 12)
        (1, array([1., 1.]), 1.414213562373)
        """
        if self.rank == 0:
            raise ValueError("X: expected at least one non-zero row to project on, got zeros only")
        U = np.linalg.svd(self.X, full_matrices=False)[0][:, : self.rank]
        U = U * np.sign(U[np.argmax(np.abs(U), axis=0), range(self.rank)])  # a sign that LAPACK does not choose
        return Projection(self, U)

    def to_dict(self) -> dict[str, Any]:
        """Return the measured quantities, for reports."""
        return {
            "n": self.n,
            "d": self.d,
            "rank": self.rank,
            "lambda_min": self.lambda_min,
            "lambda_max": self.lambda_max,
            "radius": self.radius,
            "y_norm": float(np.linalg.norm(self.y)),
        }


class Projection(Problem):
    """A `Problem` reduced to the column space of X, see `Problem.projected`.

    Attributes
    ----------
    basis : ndarray, shape (n, rank)
        Orthonormal columns that span the column space of the original X.
    y_bar : ndarray, shape (n,)
        Projection of the original y onto that space.
    unexplained : float
        ‖ȳ − y‖, which no linear network can remove: ‖f − y‖² = ‖f − ȳ‖² + ‖ȳ − y‖².
    """

    def __init__(self, original: Problem, basis: Array) -> None:
        super().__init__(basis.T @ original.X, basis.T @ original.y)
        self.basis = basis
        self.y_bar: Array = basis @ self.y
        self.unexplained = float(np.linalg.norm(self.y_bar - original.y))
