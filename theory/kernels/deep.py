"""Ḡ_L, the mean kernel of the last of L hidden layers, with an error bound carried from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count
from fa_ref._support.truth import NoTruthValue
from fa_ref.activations import Activation, resolve
from theory.kernels.eigenvalues import eigenvalue_floor
from theory.kernels.moments import second_moments
from theory.precision import UNIT_ROUNDOFF

__all__ = ["DeepKernel", "deep_kernel"]

Array = NDArray[np.float64]

#: Largest relative error of a covariance for which `second_moments` bounds what it does to the moments.
LARGEST_ERROR = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class DeepKernel(NoTruthValue):
    """The mean kernels of L hidden layers as p → ∞.

    Attributes
    ----------
    layers : tuple of ndarray, shape (n, n)
        Ḡ_1, …, Ḡ_L.
    gamma : float
        Smallest eigenvalue of the computed Ḡ_L.
    gamma_lower : float
        A lower bound of the true γ_L; 0 if not ``rigorous``.
    error : ndarray, shape (n, n)
        Bound, entry by entry, on the error of Ḡ_L; an estimate if not ``rigorous``.
    rigorous : bool
        Whether it is a bound.
    """

    layers: tuple[Array, ...]
    gamma: float
    gamma_lower: float
    error: Array
    rigorous: bool

    @property
    def G(self) -> Array:
        """Ḡ_L."""
        return self.layers[-1]


def deep_kernel(X: ArrayLike, activation: str | Activation, L: int) -> DeepKernel:
    """Ḡ_1 = E ψ(u)ψ(u)ᵀ over u ~ N(0, XXᵀ), and Ḡ_{l+1} the same over u ~ N(0, Ḡ_l).

    Parameters
    ----------
    X : array_like, shape (n, d)
        Inputs, one a row.
    activation : str or Activation
        ψ.
    L : int
        Number of hidden layers.

    Returns
    -------
    DeepKernel
        Ḡ_1, …, Ḡ_L with bounds on their errors.

    Raises
    ------
    ValueError
        If X is not a finite n×d array or L is below 1.

    Notes
    -----
    The error of one layer is a perturbation of the covariance of the next, relative to √(Ḡ_ii Ḡ_jj);
    `second_moments` turns it into one of the moments by Price's theorem, as long as it is small. Once it exceeds
    10⁻³ the kernel is no longer called rigorous.

    Examples
    --------
    >>> kernel = deep_kernel(np.eye(2), "relu", 3)
    >>> [round(float(G[0, 0]), 6) for G in kernel.layers], kernel.rigorous
    ([0.5, 0.25, 0.125], True)
    >>> bool(deep_kernel(np.eye(2), "identity", 4).gamma_lower > 0.999)
    True
    """
    X, psi, L = as_array("X", X, ndim=2), resolve(activation), as_count("L", L)
    G = X @ X.T
    G = 0.5 * (G + G.T)
    kappa, layers, rigorous = 1.01 * (X.shape[1] + 1) * UNIT_ROUNDOFF, [], True
    error = np.zeros_like(G)
    for _ in range(L):
        if not kappa <= LARGEST_ERROR:
            kappa, rigorous = LARGEST_ERROR, False
        moments = second_moments(G, psi, covariance_error=kappa)
        G, error, rigorous = moments.values, moments.error, rigorous and moments.rigorous
        layers.append(G)
        kappa = _relative(G, error)
    lower = eigenvalue_floor(G, error) if rigorous else 0.0
    return DeepKernel(
        layers=tuple(layers), gamma=float(np.linalg.eigvalsh(G)[0]), gamma_lower=max(0.0, lower), error=error,
        rigorous=rigorous,
    )  # fmt: skip


def _relative(G: Array, error: Array) -> float:
    """The largest error relative to √(G_ii G_jj) of the true G, 0 where both vanish."""
    diagonal = np.diag(G)
    smallest = np.sqrt(np.maximum(diagonal - np.diag(error), 0.0))
    scale = np.multiply.outer(smallest, smallest)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error > 0, error / scale, 0.0)
    return 1.001 * float(np.max(ratio))
