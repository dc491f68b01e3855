"""The lemmas of Theorem 4.3: what a linear network can lose while its residuals sum to U = η Σ ‖e(t)‖.

For ψ = identity the kernels are exact: H = (bᵀβ/p) K, and W moves along b only,
Z(t) = W(t)Xᵀ = F − (1/√p) b u(t)ᵀ K with u = η Σ e(s). `Printed` bounds each piece by its norm. `Sharper`
keeps three signs: G(t) never falls below its part orthogonal to b, H enters as a multiple of K, and bᵀβ is an exact
quadratic in u that is bounded below.
Proofs: docs/linear.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from theory.convergence.lemmas_3_2 import FORMULA, Drifts, at_most_finite, within_floats
from theory.margins import Margin
from theory.precision import EPS, power

__all__ = ["Printed", "Sharper"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Printed(Drifts):
    """Theorem 4.3 as printed, with measured norms.

    Attributes
    ----------
    gamma, M : float
        λ_min(K) from below and λ_max(K) from above.
    kappa_b : float
        κ_b = ‖Fᵀb‖/√p.
    overlap, overlap_up : float
        bᵀβ(0)/p from below and from above.
    """

    gamma: float
    M: float
    kappa_b: float
    overlap: float
    overlap_up: float

    theorem = "Theorem 4.3"

    def hypotheses(self) -> list[Margin]:
        """K positive definite, Λ finite, and a positive start."""
        return [
            Margin("λ_min(K)", self.gamma, 0.0, ">"),
            at_most_finite("Λ = η Σ λ(t)", self.instance.total),
            Margin("(A1) λ_min(G(0))", self.instance.g_low, 0.0, ">"),
            Margin(self._start_name, self.start(), 0.0, ">"),
            *within_floats(self.instance, "λ_min(K)", self.gamma),
        ]

    _start_name = "(A2) λ_min(G(0)) − M |bᵀβ(0)|/p"

    def feature(self, U: float) -> float:
        """δ with ‖Z(t) − F‖/√p ≤ δ: (‖b‖/√p) M U/√p."""
        return math.sqrt(self.instance.b_square / self.instance.p) * self.M * U

    def beta(self, U: float) -> float:
        """(σ + δ) U with σ² = λ_max(G(0))."""
        return (math.sqrt(self.instance.g_top) + self.feature(U)) * U

    def G(self, U: float) -> float:
        """2σδ + δ²."""
        delta = self.feature(U)
        return (2 * math.sqrt(self.instance.g_top) + delta) * delta

    def turned(self, U: float) -> float:
        """|bᵀβ(t) − c(t) bᵀβ(0)|/p ≤ (κ_b + ½ b₂ M U) U/p with b₂ = ‖b‖²/p."""
        return (self.kappa_b + 0.5 * self.instance.b_square * self.M * U) * U / self.instance.p

    def H(self, U: float) -> float:
        """M times the drift of bᵀβ/p."""
        return self.M * self.turned(U)

    def remainder(self, U: float, size: float) -> float:
        """ω = η M (κ_b + b₂ M U) ‖e‖/p."""
        i = self.instance
        return i.eta * self.M * (self.kappa_b + i.b_square * self.M * U) * size / i.p

    def start(self) -> float:
        """λ_min(G(0)) − ‖H(0)‖."""
        return self.instance.g_low - self.M * max(-self.overlap, self.overlap_up)

    def lost(self, U: float, size: float) -> float:  # noqa: ARG002
        """What (√λ_min(G(0)) − δ)² and the drift of H take away."""
        g = max(self.instance.g_low, 0.0)
        return g - power(max(math.sqrt(g) - self.feature(U), 0.0), 2) + self.H(U)

    def ceiling(self, U: float) -> float:
        """λ_max(G(t)) ≤ (σ + δ)²."""
        return power(math.sqrt(self.instance.g_top) + self.feature(U), 2)

    def step_size(self, a: float, U: float, size: float) -> Margin:  # noqa: ARG002
        """η (max λ + λ_max(G(t))) ≤ 1."""
        i = self.instance
        return Margin("η (max λ + λ_max(G))", i.eta * (i.peak + self.ceiling(U)), 1.0, "≤")


@dataclass(frozen=True, kw_only=True)
class Sharper(Printed):
    """The sharper linear theorem; for λ ≡ 0 and small η, p = Ω(n + log 1/δ) closes it for every y and every K.

    Attributes
    ----------
    K, G_orthogonal : ndarray
        K, and G⊥ = Fᵀ(I − b̂b̂ᵀ)F/p (or any matrix below it).
    K_error, orthogonal_error : float
        Bounds on the rounding of these two, in spectral norm.
    pull : float
        ‖K^{−1/2} Fᵀb‖²/‖b‖².
    contracting : bool
        Whether η Σ ‖e‖² may be bounded as for a contracting run, at half of ``size``·U.
    """

    K: Array
    G_orthogonal: Array
    K_error: float
    orthogonal_error: float
    pull: float
    contracting: bool = True

    theorem = "Theorem 4.3, sharper"
    merged = True
    _start_name = "λ_min(G⊥ + (bᵀβ(0)/p) K)"

    def for_any_run(self) -> Sharper:
        """Without the factor that contraction gains in η Σ ‖e‖²."""
        return replace(self, contracting=False)

    def lowest_overlap(self, U: float, size: float) -> float:
        """κ_low ≤ bᵀβ(t)/p at all t; see docs/linear.md, steps 7 (λ ≡ 0) and 9."""
        i = self.instance
        if i.total > 0:
            return min(self.overlap, 0.0) - self.turned(U)
        shrinking = 2.0 - i.eta * size / U if self.contracting and i.eta * size < U else 1.0
        squares = size * U / shrinking  # η Σ ‖e‖²
        return self.overlap - (self.pull + i.b_square * i.eta * self.M * squares) / (2 * i.p)

    def _lowest(self, kappa: float) -> float:
        matrix = self.G_orthogonal + kappa * self.K
        if not np.isfinite(matrix).all():
            return -math.inf
        size = float(np.trace(self.G_orthogonal)) + abs(kappa) * float(np.trace(self.K))
        rounding = 10 * (self.instance.n + 1) * EPS * size  # of eigvalsh and of the sum
        rounding += self.orthogonal_error + abs(kappa) * self.K_error
        return float(np.linalg.eigvalsh(matrix)[0]) - rounding

    def start(self) -> float:
        """λ_min(G⊥ + (bᵀβ(0)/p) K), with a positive overlap not counted if λ may shrink it."""
        return self._lowest(self.overlap if self.instance.total == 0 else min(self.overlap, 0.0))

    def lost(self, U: float, size: float) -> float:
        """Start less λ_min(G⊥ + κ_low K)."""
        return self.start() - self._lowest(self.lowest_overlap(U, size))

    def remainder(self, U: float, size: float) -> float:  # noqa: ARG002
        """0: all of v is in H⁺ = (bᵀβ(t+1)/p) K."""
        return 0.0

    def ceiling_merged(self, U: float) -> float:
        """λ_max(G(t) + H⁺(t)) ≤ (σ + δ)² + M (bᵀβ(t+1)/p)₊."""
        start = self.overlap_up if self.instance.total == 0 else max(self.overlap_up, 0.0)
        return self.ceiling(U) + self.M * max(start + self.turned(U), 0.0)

    def step_size(self, a: float, U: float, size: float) -> Margin:  # noqa: ARG002
        """η (2 max λ + λ_max(G + H⁺) + a) ≤ 2."""
        i = self.instance
        clause = i.eta * (2 * i.peak + self.ceiling_merged(U) + a)
        return Margin("η (2 max λ + λ_max(G + H⁺) + a)", clause, 2.0, "≤")

    def room(self, U: float, size: float) -> float:  # noqa: ARG002
        """2/η − 2 max λ − λ_max(G + H⁺)."""
        i = self.instance
        return 2 / i.eta - (2 * i.peak + self.ceiling_merged(U)) - FORMULA * 2 / i.eta
