"""The kernels of one network on one data set: G, feedback alignment's H, backpropagation's H."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array
from fa_ref.activations import Activation, resolve

if TYPE_CHECKING:
    from fa_ref.network import Network

__all__ = ["empirical_G", "empirical_H", "empirical_H_BP", "preactivations"]

Array = NDArray[np.float64]


def empirical_G(X: ArrayLike, network: Network, activation: str | Activation) -> Array:
    """G = ΨΨᵀ/p, the kernel through which β moves the outputs; Ψ = (ψ(Xw_1) … ψ(Xw_p)).

    Parameters
    ----------
    X : (n, d) array_like
        Inputs, one per row.
    network : Network
        Its W, p×d, is used.
    activation : str or Activation
        ψ.

    Returns
    -------
    (n, n) ndarray
        Symmetric and positive semi-definite (up to rounding).

    Raises
    ------
    ValueError
        If X is not a finite n×d array, or d differs from the network's.

    Examples
    --------
    >>> from fa_ref.network import Network
    >>> network = Network(W=np.array([[1.0], [3.0]]), beta=np.ones(2), b=np.ones(2))
    >>> empirical_G([[1.0], [2.0]], network, "identity")
    array([[ 5., 10.],
           [10., 20.]])
    """
    Psi = resolve(activation)(preactivations(X, network))
    return _symmetric(Psi @ Psi.T / Psi.shape[1])


def empirical_H(X: ArrayLike, network: Network, activation: str | Activation) -> Array:
    """H = (1/p) Σ_r β_r b_r D_r K D_r, the kernel through which feedback alignment's W moves the outputs.

    D_r = diag ψ′(Xw_r) and K = XXᵀ. H is symmetric but has eigenvalues of both signs: feedback through b
    instead of β makes it small at random weights, and no help there.

    Parameters
    ----------
    X : (n, d) array_like
        Inputs, one per row.
    network : Network
        W, β and b.
    activation : str or Activation
        ψ.

    Returns
    -------
    (n, n) ndarray
        Symmetric.

    Raises
    ------
    ValueError
        If X is not a finite n×d array, or d differs from the network's.

    Examples
    --------
    >>> from fa_ref.network import Network
    >>> network = Network(W=np.zeros((2, 1)), beta=np.array([1.0, 1.0]), b=np.array([1.0, -3.0]))
    >>> empirical_H([[1.0], [2.0]], network, "identity")
    array([[-1., -2.],
           [-2., -4.]])
    """
    return _derivative_kernel(X, network, activation, network.b)


def empirical_H_BP(X: ArrayLike, network: Network, activation: str | Activation) -> Array:
    """H_BP = (1/p) Σ_r β_r² D_r K D_r: backpropagation's H, with β_r where feedback alignment has b_r.

    Parameters
    ----------
    X : (n, d) array_like
        Inputs, one per row.
    network : Network
        W and β.
    activation : str or Activation
        ψ.

    Returns
    -------
    (n, n) ndarray
        Symmetric and positive semi-definite (up to rounding).

    Raises
    ------
    ValueError
        If X is not a finite n×d array, or d differs from the network's.

    Examples
    --------
    >>> from fa_ref.network import Network
    >>> network = Network(W=np.zeros((2, 1)), beta=np.array([1.0, 3.0]), b=np.zeros(2))
    >>> empirical_H_BP([[1.0], [2.0]], network, "identity")
    array([[ 5., 10.],
           [10., 20.]])
    """
    return _derivative_kernel(X, network, activation, network.beta)


def preactivations(X: ArrayLike, network: Network) -> Array:
    """Z = XWᵀ, n×p: column r is z_r = X w_r."""
    X = as_array("X", X, ndim=2)
    if X.shape[1] != network.W.shape[1]:
        raise ValueError(f"X: expected {network.W.shape[1]} columns, one per column of W, got {X.shape[1]}")
    return X @ network.W.T


def _derivative_kernel(X: ArrayLike, network: Network, activation: str | Activation, feedback: Array) -> Array:
    D = resolve(activation).derivative(preactivations(X, network))
    rows = np.asarray(X, dtype=np.float64)
    return _symmetric(rows @ rows.T * ((D * (network.beta * feedback)) @ D.T) / D.shape[1])


def _symmetric(A: Array) -> Array:
    return (A + A.T) / 2
