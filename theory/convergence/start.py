"""What the proofs of Theorems 3.2, 4.2 and 4.3 ask of one problem with one network: every number they start from.

An `Instance` holds the measured quantities, each on the safe side of its rounding: what helps a proof (λ_min) is
lowered by a bound on its error, what hurts (norms, moments) is raised by one. `theory.convergence.levels` fills the
same record with bounds that hold with probability 1 − δ instead, and the same theorems then read it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fa_ref.activations import Activation
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.precision import EPS

__all__ = ["Instance", "measure"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Instance:
    """The quantities at t = 0 from which rates are proved; docs/convergence.md, step 0, defines each.

    Attributes
    ----------
    n, p : int
        Samples and width.
    B0, B1, B2, B3 : float
        Sup-norms of ψ and its derivatives.
    smooth : bool
        Whether ψ is twice differentiable.
    radius, chi : float
        R = maxᵢ ‖xᵢ‖ and χ = ‖X‖₂.
    eta, total, peak : float
        Step size η, Λ = η Σ_t λ(t) and max_t λ(t).
    e_norm, y_norm : float
        ‖e(0)‖ and ‖y‖.
    g_low, g_top : float
        λ_min(G(0)) from below, λ_max(G(0)) from above.
    h_norm : float
        ‖H(0)‖ from above.
    b_mean, b_square, b_fourth : float
        (1/p) Σ |b_r|, (1/p) Σ b_r², (1/p) Σ b_r⁴.
    moment, moment_3 : float
        (1/p) Σ |β_r| b_r² and (1/p) Σ |β_r| |b_r|³.
    beta_norm, overlap : float
        ‖β(0)‖ from below and |⟨b, β(0)⟩|/‖b‖ from above.
    G, H : ndarray or None
        The matrices themselves, where they are known.
    matrix_error : float
        Bound on the rounding of G and of H, in spectral norm.
    """

    n: int
    p: int
    B0: float
    B1: float
    B2: float
    B3: float
    smooth: bool
    radius: float
    chi: float
    eta: float
    total: float
    peak: float
    e_norm: float
    y_norm: float
    g_low: float
    g_top: float
    h_norm: float
    b_mean: float
    b_square: float
    b_fourth: float
    moment: float
    moment_3: float
    beta_norm: float
    overlap: float
    G: Array | None = None
    H: Array | None = None
    matrix_error: float = 0.0

    @property
    def E(self) -> float:
        """E = ‖e(0)‖ + Λ‖y‖, which bounds ‖e(t)‖ for all t and, divided by a rate a, η Σ ‖e(t)‖."""
        return self.e_norm + (self.total * self.y_norm if self.total > 0 else 0.0)

    def with_total(self, total: float) -> Instance:
        """The same with another Λ."""
        return replace(self, total=total)


def measure(problem: Problem, network: Network, activation: Activation, eta: float, ridge: Schedule) -> Instance:
    """Measure an instance.

    Every moment is a sum of p non-negative terms of a few factors, so (p + n + 64)·eps bounds its relative error;
    G and H err by that times their absolute sums, and by what the rounding of z does to ψ and ψ′.

    Raises
    ------
    ValueError
        If the network's input dimension is not the problem's.

    Examples
    --------
    >>> from fa_ref.activations import tanh
    >>> from fa_ref.schedules import zero
    >>> network = Network.gaussian(1000, 2, np.random.default_rng(0))
    >>> instance = measure(Problem(np.eye(2), [1.0, -1.0]), network, tanh, 0.1, zero())
    >>> 0.3 < instance.g_low < instance.g_top < 0.5 and instance.E == instance.e_norm
    True
    """
    if network.d != problem.d:
        raise ValueError(f"network: expected input dimension {problem.d}, that of the problem, got {network.d}")
    n, p, b, beta = problem.n, network.p, network.b, network.beta
    Z = problem.X @ network.W.T
    Psi, D = activation(Z), activation.derivative(Z)
    reach = np.abs(problem.X) @ np.abs(network.W).T
    up = 1.0 + (p + n + 64) * EPS
    z_error = (problem.d + 4) * EPS * reach  # of each z, and so of ψ up to B1 and of ψ′ up to B2
    psi_error = _slope(activation.B1, D) * z_error
    G, H = _symmetric(Psi @ Psi.T / p), _symmetric(problem.K * ((D * (beta * b)) @ D.T) / p)
    weights = np.abs(beta * b)
    D_sum = np.abs(D) + (z_error * activation.B2 if math.isfinite(activation.B2) else 0.0)
    error = (up - 1.0 + 10 * n * EPS) * float(np.sum(Psi**2) / p)
    error += 2 * float(np.linalg.norm(Psi)) * float(np.linalg.norm(psi_error)) / p
    K_size = np.abs(problem.X) @ np.abs(problem.X).T
    H_sum = K_size * ((D_sum * weights) @ D_sum.T) / p
    H_error = (up - 1.0 + 10 * n * EPS) * float(np.linalg.norm(H_sum))
    if math.isfinite(activation.B2):
        H_error += 2 * activation.B2 * float(np.linalg.norm(K_size * ((z_error * weights) @ D_sum.T) / p))
    matrix_error = max(error, H_error)
    g, h = np.linalg.eigvalsh(G), np.linalg.eigvalsh(H)
    e = Psi @ beta / math.sqrt(p) - problem.y
    e_error = (np.abs(Psi) * ((p + 8) * EPS) + psi_error) @ np.abs(beta) / math.sqrt(p) + EPS * np.abs(problem.y)
    b_norm = float(np.linalg.norm(b))
    return Instance(
        n, p, activation.B0, activation.B1, activation.B2, activation.B3, activation.smooth,
        problem.radius * up, problem.spectral_norm * up, eta, eta * ridge.total * up, ridge.maximum,
        float(np.linalg.norm(e) * up + np.linalg.norm(e_error)), float(np.linalg.norm(problem.y)) * up,
        float(g[0]) - matrix_error, float(g[-1]) + matrix_error, float(np.abs(h).max()) + matrix_error,
        float(np.mean(np.abs(b))) * up, float(np.mean(b**2)) * up, float(np.mean(b**4)) * up,
        float(np.mean(np.abs(beta) * b**2)) * up, float(np.mean(np.abs(beta) * np.abs(b) ** 3)) * up,
        float(np.linalg.norm(beta)) / up, _overlap(b, beta, b_norm, up),
        G, H, matrix_error,
    )  # fmt: skip


def _overlap(b: Array, beta: Array, b_norm: float, up: float) -> float:
    if b_norm == 0:
        return 0.0
    return (abs(float(b @ beta)) + (up - 1.0) * float(np.abs(b) @ np.abs(beta))) / b_norm * up


def _slope(B1: float, D: Array) -> float:
    return B1 if math.isfinite(B1) else float(np.abs(D).max())


def _symmetric(A: Array) -> Array:
    return (A + A.T) / 2
