"""Sharper forms of Theorem 3.2: first order in the movement with measured norms, and second order for λ ≡ 0.

Both rest on one regrouping of the exact step. With H⁺ = (1/p) Σ β_r(t+1) b_r D_r K D_r, H at the *next* β,

    e(t+1) = (I − ηλ − η(G + H⁺)) e − ηλ y + (1/√p) Σ β_r(t+1) ρ_r,

so the first half of the remainder v disappears into H⁺, whose drift is bounded like that of H.
Proofs: docs/convergence.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref.setting import Setting
from theory.convergence.lemmas_3_2 import FORMULA, Drifts, at_most_finite, within_floats
from theory.convergence.start import measure
from theory.margins import Margin
from theory.precision import EPS, power

__all__ = ["FirstOrder", "SecondOrder", "linear_responses", "response_maps"]

Array = NDArray[np.float64]

#: Step of the difference quotient for ψ″; its error is bounded with B3 and added to what is claimed.
STEP = 1e-6


@dataclass(frozen=True)
class FirstOrder(Drifts):
    """Every norm and moment measured; ψ itself need not be bounded."""

    theorem = "Theorem 3.2, first order"
    merged = True

    def hypotheses(self) -> list[Margin]:
        """ψ′, ψ″ bounded, Λ finite, G(0) positive definite."""
        i = self.instance
        return [
            Margin.fact("ψ is twice differentiable", i.smooth),
            at_most_finite("B1 = sup |ψ′|", i.B1),
            at_most_finite("B2 = sup |ψ″|", i.B2),
            at_most_finite("Λ = η Σ λ(t)", i.total),
            Margin("(A1) λ_min(G(0))", i.g_low, 0.0, ">"),
            Margin("(A2) lowest eigenvalue of G(0) + c H(0), 0 ≤ c ≤ 1", self.start(), 0.0, ">"),
            *within_floats(i, "R²χ⁴", power(i.radius, 2) * power(i.chi, 4)),
        ]

    def feature(self, U: float) -> float:
        """δ with ‖Ψ(t) − Ψ(0)‖_F/√p ≤ δ: B1 χ (‖b‖/√p) D_w."""
        i = self.instance
        return i.B1 * i.chi * math.sqrt(i.b_square) * self.weight(U)

    def beta(self, U: float) -> float:
        """(σ + δ) U with σ² = λ_max(G(0)): β moves by Σ η Ψᵀe/√p."""
        return (math.sqrt(self.instance.g_top) + self.feature(U)) * U

    def G(self, U: float) -> float:
        """2σδ + δ²."""
        delta = self.feature(U)
        return (2 * math.sqrt(self.instance.g_top) + delta) * delta

    def H(self, U: float) -> float:
        """B1² χ² (‖b‖/p) ‖Δβ‖ + 2 B1 B2 R χ² D_w (1/p) Σ |β_r(0)| b_r²."""
        i = self.instance
        moved = power(i.B1, 2) * power(i.chi, 2) * math.sqrt(i.b_square / i.p) * self.beta(U)
        return moved + 2 * i.moment * i.B1 * i.B2 * i.radius * power(i.chi, 2) * self.weight(U)

    def remainder(self, U: float, size: float) -> float:
        """½ η ‖e‖ B1² B2 R χ³ (1/p) Σ |β_r(t+1)| b_r² /√p: the curvature half only."""
        i = self.instance
        beta_moment = i.moment + self.beta(U) * math.sqrt(i.b_fourth / i.p)
        return (
            0.5 * i.eta * size * power(i.B1, 2) * i.B2 * i.radius * power(i.chi, 3) * beta_moment / math.sqrt(i.p)
        )

    def start(self) -> float:
        """Lowest eigenvalue of G(0) + c H(0) over 0 ≤ c ≤ 1 (c = 1 if λ ≡ 0)."""
        return self.shrunk(0.0)

    def shrunk(self, shrink: float) -> float:
        """Lowest eigenvalue of (1 − shrink) G(0) + c H(0) over the same c; concave in c, so the ends decide."""
        i = self.instance
        if i.G is None or i.H is None:
            return (1 - shrink) * i.g_low - i.h_norm
        A = (1 - shrink) * i.G + i.H
        if not np.isfinite(A).all():
            return -math.inf
        lowest = float(np.linalg.eigvalsh(A)[0]) - 2 * i.matrix_error
        return lowest if i.total == 0 else min(lowest, (1 - shrink) * i.g_low)

    def lowest(self, U: float) -> float:
        """A lower bound of λ_min(G(t) + c H(0)).

        For a unit vector x with q = xᵀG(0)x, xᵀG(t)x ≥ (√q − δ)² ≥ q − δ (κ + q/κ) + δ² for any κ > 0.
        """
        i, delta = self.instance, self.feature(U)
        if not 0 <= delta < math.sqrt(max(i.g_low, 0.0)):
            return -math.inf
        bounds = [power(math.sqrt(i.g_low) - delta, 2) - i.h_norm]
        for kappa in (math.sqrt(i.g_low), math.sqrt(math.sqrt(i.g_low) * math.sqrt(i.g_top)), math.sqrt(i.g_top)):
            bounds.append(self.shrunk(delta / kappa) - delta * kappa + power(delta, 2))
        return max(bounds)

    def lost(self, U: float, size: float) -> float:  # noqa: ARG002
        """Lowest eigenvalue of G + H⁺, then and now."""
        return self.start() - self.lowest(U) + self.H(U)

    def ceiling(self, U: float, size: float) -> float:  # noqa: ARG002
        """An upper bound of λ_max(G(t) + H⁺(t))."""
        i = self.instance
        return power(math.sqrt(i.g_top) + self.feature(U), 2) + i.h_norm + self.H(U)

    def step_size(self, a: float, U: float, size: float) -> Margin:
        """η (2 max λ + λ_max(G + H⁺) + ω + a) ≤ 2: the largest eigenvalue contracts at rate a too."""
        i = self.instance
        top = 2 * i.peak + self.ceiling(U, size) + self.remainder(U, size) + a
        return Margin("(A4) η (2 max λ + λ_max(G + H⁺) + ω + a)", i.eta * top, 2.0, "≤")

    def room(self, U: float, size: float) -> float:
        """2/η − 2 max λ − λ_max(G + H⁺) − ω."""
        i = self.instance
        used = 2 * i.peak + self.ceiling(U, size) + self.remainder(U, size)
        return 2 / i.eta - used - FORMULA * 2 / i.eta


@dataclass(frozen=True, kw_only=True)
class SecondOrder(FirstOrder):
    """λ ≡ 0 and |ψ‴| ≤ B3: the drifts' linear parts are measured, what is left is O(U²/p).

    ``response`` and ``response_beta`` are the norms of the linear maps u ↦ T[u] and of its part through β
    (`linear_responses`).
    """

    response: float
    response_beta: float

    theorem = "Theorem 3.2, second order"

    def hypotheses(self) -> list[Margin]:
        """Those of the first order, |ψ‴| ≤ B3 and λ ≡ 0."""
        more = [
            at_most_finite("B3 = sup |ψ‴|", self.instance.B3),
            Margin("Σ λ(t)", self.instance.total, 0.0, "≤"),
        ]
        return [*super().hypotheses(), *more]

    def quadratic(self, U: float) -> float:
        """Bound of all that is not linear in u, in G (from below) and H⁺."""
        i = self.instance
        sigma, delta = math.sqrt(i.g_top), self.feature(U)
        curved = 2 * power(i.B1, 2) * i.B2 * i.radius * power(i.chi, 3) * math.sqrt(i.b_fourth)
        terms = [
            curved * sigma,  # Δψ beyond its linear part, in G
            0.5 * i.b_square * power(i.B1, 4) * power(i.chi, 4),  # Δβ beyond its linear part
            curved * (sigma + delta),  # Δβ times ΔD
            i.moment_3
            * power(i.B1, 2)
            * power(i.radius, 2)
            * power(i.chi, 4)
            * (2 * power(i.B2, 2) + i.B1 * i.B3),  # ΔD, and ΔD K ΔD
        ]
        return sum(terms) * power(U, 2) / i.p

    def shift(self, U: float, size: float) -> float:
        """Bound of the change of G + H⁺ from below: linear response, last step's β, and the quadratic rest."""
        i = self.instance
        linear = self.response * U + self.response_beta * i.eta * size
        return linear / math.sqrt(i.p) + self.quadratic(U)

    def lost(self, U: float, size: float) -> float:
        """The better of first and second order."""
        return min(self.shift(U, size), super().lost(U, size))

    def ceiling(self, U: float, size: float) -> float:
        """The lower of first and second order; ΔψΔψᵀ, dropped from below, counts here."""
        i = self.instance
        if i.G is None or i.H is None:
            return super().ceiling(U, size)
        if not np.isfinite(i.G + i.H).all():
            return math.inf
        top = float(np.linalg.eigvalsh(i.G + i.H)[-1]) + 2 * i.matrix_error
        return min(top + self.shift(U, size) + power(self.feature(U), 2), super().ceiling(U, size))

    @classmethod
    def of(cls, setting: Setting) -> SecondOrder:
        """Measure the instance and its linear responses, and build the form."""
        response, response_beta = linear_responses(setting)
        return cls(measure(setting), response=response, response_beta=response_beta)


def linear_responses(setting: Setting) -> tuple[float, float]:
    """Norms of u ↦ √p T[u], the parts of G(t) − G(0) and H⁺(t) − H(0) that are linear in u = η Σ e(s).

    Σ_k u_k T_k has norm ≤ ‖u‖ √λ_max(Σ_k T_k²).

    Returns
    -------
    response, response_beta : float
        Of the whole, and of the part that comes through β, rounded up. ``inf`` where B2 or B3 is not known.
    """
    problem, network, activation = setting.problem, setting.start, setting.activation
    if not (math.isfinite(activation.B2) and math.isfinite(activation.B3)):
        return math.inf, math.inf
    T, through_beta = response_maps(setting)
    n, p, b = problem.n, network.p, network.b
    reach = (problem.d + 4) * float((np.abs(problem.X) @ np.abs(network.W).T).max()) + 1
    # ψ″ as a difference quotient: Lipschitz constant of ψ″ times h/2, and rounding of z ± h and of ψ′.
    error = activation.B3 * STEP / 2 + 8 * EPS * (activation.B1 + activation.B2 * reach) / STEP
    moment = float(np.mean(np.abs(network.beta) * b**2))
    error *= 2 * moment * problem.radius * power(problem.spectral_norm, 3) * power(activation.B1, 2)
    # Entries are means of p products, off by (p + d + 64)·eps times the mean of their absolute values.
    largest = float(np.abs(problem.K).max())
    size = float(np.abs(activation(problem.X @ network.W.T)).max())
    entry = (
        power(activation.B1, 2) * largest * (float(np.mean(np.abs(b))) * size + activation.B2 * largest * moment)
    )
    rounding = 3 * n**1.5 * (p + problem.d + 64) * EPS * reach * entry
    return _stacked_norm(T) + error + rounding, _stacked_norm(through_beta) + rounding


def response_maps(setting: Setting) -> tuple[Array, Array]:
    """T_k with G(t) + H⁺(t) = G(0) + H(0) + Σ_k u_k T_k/√p + O(‖u‖²/p), and the part through β; shape (n, n, n).

    The T_k average b_r or β_r(0) times terms independent of it, so they are O(1/√p). ψ″ comes from central
    differences of ψ′.
    """
    problem, network, activation = setting.problem, setting.start, setting.activation
    K = problem.K
    Z = problem.X @ network.W.T
    Psi, D = activation(Z), activation.derivative(Z)
    second = (activation.derivative(Z + STEP) - activation.derivative(Z - STEP)) / (2 * STEP)
    A = _average(D, D, Psi, network.b)  # A[i, k, j] = (1/p) Σ b d_i d_k ψ_j
    C = _average(second, D, D, network.beta * network.b**2)
    through_beta = -K[None] * A.transpose(2, 0, 1)  # T_k,ij = −K_ij (1/p) Σ b ψ_k d_i d_j
    features = -K.T[:, :, None] * A.transpose(1, 0, 2)  # −K_ik (1/p) Σ b d_i d_k ψ_j
    slopes = -K[None] * K.T[:, :, None] * C.transpose(1, 0, 2)  # −K_ij K_ik (1/p) Σ β b² ψ″_i d_k d_j
    half = features + slopes
    return through_beta + half + half.transpose(0, 2, 1), through_beta


def _average(P: Array, Q: Array, S: Array, weights: Array) -> Array:
    """(1/p) Σ_r weights_r P_ir Q_kr S_jr, shape (n, n, n)."""
    n, p = P.shape
    pairs = (P[:, None, :] * Q[None, :, :] * weights).reshape(n * n, p)
    mean: Array = (pairs @ S.T / p).reshape(n, n, n)
    return mean


def _stacked_norm(T: Array) -> float:
    squares = np.einsum("kij,kjl->il", T, T)
    if not np.isfinite(squares).all():
        return math.inf
    return math.sqrt(max(0.0, float(np.linalg.eigvalsh(squares)[-1])))
