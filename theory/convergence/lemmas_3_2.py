"""The lemmas of Theorem 3.2: how far weights and kernels can move while the residuals sum to U = η Σ ‖e(t)‖.

Each method bounds one quantity of a run by a function of U alone, and holds for *every* run whose residuals sum to
at most U, certified or not; `theory.convergence.ledger` measures the two sides along a run. A theorem then needs
one more step only: that the contraction which the bounds guarantee keeps the sum below U. Proofs:
docs/convergence.md.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from theory.convergence.start import Instance
from theory.margins import Margin
from theory.precision import EPS, power

__all__ = ["Drifts", "Explicit", "at_most_finite", "within_floats"]

#: Relative rounding of the lemmas' formulas, of a few dozen operations on non-negative numbers each.
FORMULA = 64 * EPS


#: Below this a product that two powers of ‖X‖ enter may lose digits to underflow, and is no bound then.
LEAST = 1e-290


def within_floats(i: Instance, name: str, product: float) -> list[Margin]:
    """Nothing where the lemmas' products are normal numbers; a condition that fails where one may underflow."""
    least = min(product, i.g_low)
    if i.chi == 0 or not i.g_low > 0 or least >= LEAST:  # at X = 0 they are 0; without (A1) nothing is claimed
        return []
    return [Margin(f"{name} and λ_min(G(0)), lest a product underflows", least, LEAST)]


def at_most_finite(name: str, value: float) -> Margin:
    """The condition that ``value`` is finite, as a margin."""
    return Margin(name, value, sys.float_info.max, "≤")


@dataclass(frozen=True)
class Drifts:
    """What every form of the argument provides; ``U`` bounds η Σ ‖e(s)‖ and ``size`` bounds each ‖e(s)‖."""

    instance: Instance

    theorem = ""
    merged = False  # whether the step's matrix is G + H⁺, which leaves of the remainder its curvature half only

    def for_any_run(self) -> Drifts:
        """The same lemmas, none of which assumes that the run contracts."""
        return self

    def hypotheses(self) -> list[Margin]:
        """The conditions without which the bounds below are not claimed."""
        raise NotImplementedError

    def weight(self, U: float) -> float:
        """D_w with ‖w_r(t) − w_r(0)‖ ≤ |b_r| D_w for every unit: B1 χ U/√p."""
        return self.instance.B1 * self.instance.chi * U / math.sqrt(self.instance.p)

    def unit(self, U: float) -> float:
        """D_β with |β_r(t) − c(t) β_r(0)| ≤ D_β for every unit: B0 √n U/√p."""
        return self.instance.B0 * math.sqrt(self.instance.n / self.instance.p) * U

    def beta(self, U: float) -> float:
        """Bound of ‖β(t) − c(t) β(0)‖."""
        raise NotImplementedError

    def G(self, U: float) -> float:
        """Bound of ‖G(t) − G(0)‖."""
        raise NotImplementedError

    def H(self, U: float) -> float:
        """Bound of ‖H(t) − c(t) H(0)‖."""
        raise NotImplementedError

    def remainder(self, U: float, size: float) -> float:
        """ω with ‖remainder of the step‖ ≤ η ω ‖e(t)‖."""
        raise NotImplementedError

    def start(self) -> float:
        """What the step's matrix guarantees at t = 0."""
        raise NotImplementedError

    def lost(self, U: float, size: float) -> float:
        """How much of ``start`` the drift of the kernels can take away."""
        raise NotImplementedError

    def floor(self, U: float, size: float) -> float:
        """A rate that every step keeps: ‖e(t+1)‖ ≤ (1 − η·floor − ηλ)‖e(t)‖ + ηλ‖y‖."""
        start, lost, remainder = self.start(), self.lost(U, size), self.remainder(U, size)
        return start - lost - remainder - FORMULA * (abs(start) + abs(lost) + remainder)

    def step_size(self, a: float, U: float, size: float) -> Margin:
        """The step-size clause under which ``floor`` holds."""
        raise NotImplementedError

    def room(self, U: float, size: float) -> float:
        """The largest rate that the step-size clause allows; where it does not depend on a, ∞ or none at all."""
        return math.inf if self.step_size(0.0, U, size).met else -math.inf

    def alignment(self, U: float) -> float:
        """Bound of |cos∠(b, β(t))| for λ ≡ 0; 1 where it says nothing."""
        moved = self.beta(U)
        left = self.instance.beta_norm - moved
        return min(1.0, (self.instance.overlap + moved) / left) if left > 0 else 1.0


@dataclass(frozen=True)
class Explicit(Drifts):
    """Theorem 3.2 as printed, with its constants made explicit; moments of b and β enter as the constant 2."""

    b_square: float = 2.0
    moment: float = 2.0

    theorem = "Theorem 3.2"

    def hypotheses(self) -> list[Margin]:
        """ψ, ψ′, ψ″ bounded, Λ finite, (A1) with (A2), and (A3)."""
        i = self.instance
        return [
            Margin.fact("ψ is twice differentiable", i.smooth),
            at_most_finite("B0 = sup |ψ|", i.B0),
            at_most_finite("B1 = sup |ψ′|", i.B1),
            at_most_finite("B2 = sup |ψ″|", i.B2),
            at_most_finite("Λ = η Σ λ(t)", i.total),
            Margin("(A1) λ_min(G(0))", i.g_low, 0.0, ">"),
            Margin("(A2) λ_min(G(0)) − ‖H(0)‖", i.g_low - i.h_norm, 0.0, ">"),
            Margin("(A3) ‖b‖²/p", i.b_square, self.b_square, "≤"),
            Margin("(A3) Σ |β_r(0)| b_r²/p", i.moment, self.moment, "≤"),
            *within_floats(i, "R²χ⁴", power(i.radius, 2) * power(i.chi, 4)),
        ]

    def beta(self, U: float) -> float:
        """√p D_β."""
        return math.sqrt(self.instance.p) * self.unit(U)

    def G(self, U: float) -> float:
        """2√2 B0 B1 χ √n D_w."""
        i = self.instance
        return 2 * math.sqrt(self.b_square * i.n) * i.B0 * i.B1 * i.chi * self.weight(U)

    def H(self, U: float) -> float:
        """√2 B1² χ² D_β + 4 B1 B2 R χ² D_w."""
        i = self.instance
        turned = 2 * self.moment * i.B1 * i.B2 * i.radius * power(i.chi, 2) * self.weight(U)
        return math.sqrt(self.b_square) * power(i.B1, 2) * power(i.chi, 2) * self.unit(U) + turned

    def remainder(self, U: float, size: float) -> float:
        """ω = η ‖e‖ [√2 B0 B1² √n χ² + (1 + D_β) B1² B2 R χ³]/√p."""
        i = self.instance
        crossed = math.sqrt(self.b_square * i.n) * i.B0 * power(i.B1, 2) * power(i.chi, 2)
        beta_moment = self.moment + self.b_square * self.unit(U)
        curved = 0.5 * beta_moment * power(i.B1, 2) * i.B2 * i.radius * power(i.chi, 3)
        return i.eta * size * (crossed + curved) / math.sqrt(i.p)

    def start(self) -> float:
        """λ_min(G(0)) − ‖H(0)‖."""
        return self.instance.g_low - self.instance.h_norm

    def lost(self, U: float, size: float) -> float:  # noqa: ARG002
        """drift_G + drift_H."""
        return self.G(U) + self.H(U)

    def step_size(self, a: float, U: float, size: float) -> Margin:  # noqa: ARG002
        """(A4) η (max λ + n B0²) ≤ 1."""
        i = self.instance
        return Margin("(A4) η (max λ + n B0²)", i.eta * (i.peak + i.n * power(i.B0, 2)), 1.0, "≤")
