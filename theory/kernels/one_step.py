"""One step of training taken apart: the exact identity behind Theorems 3.2, 4.2 and 4.3.

With e = f − y, K = XXᵀ, ψ_r = ψ(Xw_r), D_r = diag ψ′(Xw_r) and ridge weight λ, one step of (ridge) feedback
alignment satisfies, without approximation,

    e(t+1) = (I − ηG − η(1−ηλ)H − ηλ) e − ηλy + v,
    v = (η²/p^{3/2}) Σ_r (ψ_r·e) b_r D_r K D_r e + (1/√p) Σ_r β_r(t+1) ρ_r,
    ρ_r = ψ(z_r(t+1)) − ψ(z_r(t)) − D_r (z_r(t+1) − z_r(t)).

For backpropagation β_r(t) stands for b_r, and H_BP for H.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_number, one_of
from fa_ref.activations import Activation, resolve
from fa_ref.setting import Rule
from theory.kernels.empirical import empirical_G, empirical_H, preactivations
from theory.precision import EPS

if TYPE_CHECKING:
    from fa_ref.network import Network

__all__ = ["OneStep", "one_step"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OneStep:
    """One step, and the two parts of the identity: ``after = linear + remainder`` up to rounding.

    Attributes
    ----------
    before, after : (n,) ndarray
        e(t) and e(t+1), each from the network's outputs.
    linear : (n,) ndarray
        (I − ηG − η(1−ηλ)H − ηλ) e(t) − ηλy.
    remainder : (n,) ndarray
        v, from its definition (not as a difference of the others).
    rounding : float
        A bound on max|after − linear − remainder|, where the identity is an identity of real numbers.
    """

    before: Array
    after: Array
    linear: Array
    remainder: Array
    rounding: float


def one_step(
    X: ArrayLike,
    y: ArrayLike,
    network: Network,
    activation: str | Activation,
    eta: float,
    ridge: float = 0.0,
    rule: Rule = "fa",
) -> OneStep:
    """Take one step from ``network`` (left unchanged) and split the new residual as the identity does.

    Parameters
    ----------
    X : (n, d) array_like
        Inputs.
    y : (n,) array_like
        Targets.
    network : Network
        W(t), β(t), b.
    activation : str or Activation
        ψ. Where ψ′ has a jump (ReLU), the identity holds with the ψ′ in use, and v carries the jump.
    eta, ridge : float
        Step size η > 0 and ridge weight λ(t) ≥ 0 of ½‖e‖² + ½λ‖β‖².
    rule : {"fa", "bp"}
        Feedback alignment or backpropagation.

    Returns
    -------
    OneStep

    Raises
    ------
    ValueError
        If a shape, a number or the rule is not one of these.

    Examples
    --------
    >>> from fa_ref.network import Network
    >>> rng = np.random.default_rng(1)
    >>> network = Network.gaussian(50, 3, rng)
    >>> step = one_step(np.eye(3), np.ones(3), network, "tanh", eta=0.1, ridge=0.2)
    >>> bool(np.abs(step.after - step.linear - step.remainder).max() <= step.rounding < 1e-11)
    True
    """
    X, y = as_array("X", X, ndim=2), as_array("y", y, ndim=1)
    if y.size != X.shape[0]:
        raise ValueError(f"y: expected {X.shape[0]} entries, one per row of X, got {y.size}")
    eta, ridge = as_number("eta", eta, above=0), as_number("ridge", ridge, at_least=0)
    one_of("rule", rule, ("fa", "bp"))
    psi, root = resolve(activation), math.sqrt(network.beta.size)
    feedback = network.b if rule == "fa" else network.beta

    Z = preactivations(X, network)
    Psi, D = psi(Z), psi.derivative(Z)
    e = Psi @ network.beta / root - y
    beta = (1 - eta * ridge) * network.beta - eta / root * (e @ Psi)
    W = network.W - eta / root * feedback[:, None] * ((D.T * e) @ X)
    Z_next = X @ W.T
    Psi_next = psi(Z_next)

    linear = e - eta * (empirical_G(X, network, psi) @ e) - eta * ridge * (e + y)
    linear -= eta * (1 - eta * ridge) * (empirical_H(X, network, psi, rule=rule) @ e)
    rho = Psi_next - Psi - D * (Z_next - Z)
    pulled = D * (X @ (X.T @ (D * e[:, None])))  # column r: D_r K D_r e
    remainder = eta**2 / root**3 * (pulled @ ((e @ Psi) * feedback)) + rho @ beta / root
    rounding = _rounding(X, y, network, psi, e, beta, W, Psi, Psi_next, D, feedback, eta)
    return OneStep(e, Psi_next @ beta / root - y, linear, remainder, rounding)


def _rounding(
    X: Array, y: Array, network: Any, psi: Activation, e: Array, beta: Array, W: Array,
    Psi: Array, Psi_next: Array, D: Array, feedback: Array, eta: float,
) -> float:  # fmt: skip
    """Bound the identity's rounding: each term by its absolute value, times the operations behind it.

    A sum of m products errs by at most m·eps/2 times the sum of the absolute values. An error of z moves ψ by
    at most B1 times itself (where B1 is not known, by the largest slope seen).
    """
    (n, d), p = X.shape, network.beta.size
    a, slope = np.abs(D), psi.B1 if math.isfinite(psi.B1) else float(np.abs(D).max())
    weight = (np.abs(network.beta) + np.abs(beta)) / math.sqrt(p)
    outputs = (np.abs(Psi) + np.abs(Psi_next)) @ weight
    reach = np.abs(X) @ (np.abs(network.W) + np.abs(W)).T  # Σ|x||w|: what errors of z are relative to
    pulled = a * (np.abs(X) @ (np.abs(X).T @ (a * np.abs(e)[:, None])))
    beta_step = eta / math.sqrt(p) * (np.abs(e) @ np.abs(Psi))
    total = (p + 10) * (outputs + np.abs(y) + np.abs(e))
    total += (d + 10) * ((slope + a) * reach) @ weight
    total += (n + p + 20) * (np.abs(Psi) @ beta_step) / math.sqrt(p)
    total += (2 * n + d + p + 20) * eta / math.sqrt(p) * (pulled @ (np.abs(feedback) * (weight + beta_step)))
    return float(2 * EPS * total.max())
