"""Random inputs and teachers, as in the paper's synthetic set-up."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, as_number, require_memory
from fa_ref.activations import Activation
from fa_ref.network import Network

__all__ = ["gaussian_inputs", "isometric_inputs", "linear_teacher", "network_teacher", "unit_rows"]

Array = NDArray[np.float64]


def gaussian_inputs(n: int, d: int, rng: np.random.Generator, *, scale: float = 1.0) -> Array:
    """Draw X with independent N(0, scale²) entries, shape (n, d).

    ``scale=1`` is the published runs' choice; ``scale=d**-0.5`` that of Propositions 3.3 and 4.5.

    Examples
    --------
    >>> gaussian_inputs(50, 150, np.random.default_rng(0)).shape
    (50, 150)
    """
    n, d, scale = as_count("n", n), as_count("d", d), as_number("scale", scale, above=0)
    require_memory(f"n = {n}, d = {d}", 2 * 8 * n * d)
    return scale * rng.standard_normal((n, d))


def isometric_inputs(
    n: int, d: int, rng: np.random.Generator, *, gamma: float = 1.0, epsilon: float = 0.0
) -> Array:
    """Draw X whose Gram matrix has eigenvalues in [γ, (1 + ε)γ], both ends attained if n > 1 (Definition 4.4).

    The eigenvalues are evenly spaced; the eigenvectors are uniformly random.

    Raises
    ------
    ValueError
        If n > d: such a Gram matrix is singular.

    Examples
    --------
    >>> X = isometric_inputs(3, 5, np.random.default_rng(0), gamma=2.0, epsilon=0.5)
    >>> np.linalg.eigvalsh(X @ X.T).round(12)
    array([2. , 2.5, 3. ])
    """
    n, d = as_count("n", n), as_count("d", d)
    gamma, epsilon = as_number("gamma", gamma, above=0), as_number("epsilon", epsilon, at_least=0)
    if n > d:
        raise ValueError(f"n: expected at most d = {d} samples for an invertible Gram matrix, got {n}")
    left = np.linalg.qr(rng.standard_normal((n, n)))[0]
    right = np.linalg.qr(rng.standard_normal((d, n)))[0]
    singular = np.sqrt(gamma * (1.0 + epsilon * np.linspace(0.0, 1.0, n)))
    X: Array = (left * singular) @ right.T
    return X


def unit_rows(X: ArrayLike) -> Array:
    """Return X with every row divided by its norm.

    Raises
    ------
    ValueError
        If a row is zero.

    Examples
    --------
    >>> unit_rows([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    rows = as_array("X", X, ndim=2)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if (largest == 0).any():
        raise ValueError(f"X: expected rows that are not zero, got row {int(np.argmin(largest))} = 0")
    rows = rows / largest  # no square overflows or underflows
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def linear_teacher(X: ArrayLike, rng: np.random.Generator) -> Array:
    """Targets y = Xθ with θ ~ N(0, I_d), shape (n,)."""
    X = as_array("X", X, ndim=2)
    y: Array = X @ rng.standard_normal(X.shape[1])
    return y


def network_teacher(X: ArrayLike, p: int, activation: str | Activation, rng: np.random.Generator) -> Array:
    """Targets from a random Gaussian network of width p, shape (n,)."""
    X = as_array("X", X, ndim=2)
    return Network.gaussian(p, X.shape[1], rng).output(X, activation)
