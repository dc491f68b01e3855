"""The kernels of one network on one data set: G, and H of feedback alignment and of backpropagation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, one_of
from fa_ref.activations import Activation, resolve
from fa_ref.setting import RULES, Rule

if TYPE_CHECKING:
    from fa_ref.network import Network

__all__ = ["empirical_G", "empirical_H", "preactivations"]

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


def empirical_H(X: ArrayLike, network: Network, activation: str | Activation, *, rule: Rule = "fa") -> Array:
    """H = (1/p) Σ_r β_r b_r D_r K D_r, the kernel through which feedback alignment's W moves the outputs.

    D_r = diag ψ′(Xw_r) and K = XXᵀ. H is symmetric but has eigenvalues of both signs: feedback through b
    instead of β makes it small at random weights, and no help there. Backpropagation has β_r in the place of b_r,
    H_BP = (1/p) Σ_r β_r² D_r K D_r, which is positive semi-definite (up to rounding).

    Parameters
    ----------
    X : (n, d) array_like
        Inputs, one per row.
    network : Network
        W, β and b.
    activation : str or Activation
        ψ.
    rule : {"fa", "bp", "kolen-pollack", "hebbian"}, optional
        ``"bp"`` carries the error back through β; the others do so through b.

    Returns
    -------
    (n, n) ndarray
        Symmetric.

    Raises
    ------
    ValueError
        If X is not a finite n×d array, d differs from the network's, or there is no such rule.

    Examples
    --------
    >>> from fa_ref.network import Network
    >>> network = Network(W=np.zeros((2, 1)), beta=np.array([1.0, 1.0]), b=np.array([1.0, -3.0]))
    >>> empirical_H([[1.0], [2.0]], network, "identity")
    array([[-1., -2.],
           [-2., -4.]])
    >>> empirical_H([[1.0], [2.0]], network, "identity", rule="bp")
    array([[1., 2.],
           [2., 4.]])
    """
    feedback = network.beta if one_of("rule", rule, RULES) == "bp" else network.b
    D = resolve(activation).derivative(preactivations(X, network))
    rows = np.asarray(X, dtype=np.float64)
    return _symmetric(rows @ rows.T * ((D * (network.beta * feedback)) @ D.T) / D.shape[1])


def preactivations(X: ArrayLike, network: Network) -> Array:
    """Z = XWᵀ, n×p: column r is z_r = X w_r."""
    X = as_array("X", X, ndim=2)
    if X.shape[1] != network.W.shape[1]:
        raise ValueError(f"X: expected {network.W.shape[1]} columns, one per column of W, got {X.shape[1]}")
    return X @ network.W.T


def _symmetric(A: Array) -> Array:
    return (A + A.T) / 2
