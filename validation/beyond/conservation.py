r"""A conservation law: what β gains along b, the hidden weights gain in length, unit by unit and step by step.

**Assumptions.** ψ′(z)z = ψ(z): linear, ReLU, leaky ReLU. Any weights, any η and λ(t).

**Claim.** Exactly, for every hidden unit r and every step of feedback alignment,

    ½‖w_r(t+1)‖² − ½‖w_r(t)‖² − ½‖w_r(t+1) − w_r(t)‖² = b_r (β_r(t+1) − (1 − ηλ_t) β_r(t)).

Without ridge the sum over units and steps is a law of alignment: b·β grows as the hidden weights do, less the
length of the steps,

    b·β(t) − b·β(0) = ½ Σ_r (‖w_r(t)‖² − ‖w_r(0)‖²) − ½ Σ_{s<t} Σ_r ‖w_r(s+1) − w_r(s)‖².

For any other ψ the left side exceeds the right by (η/√p) b_r Σ_i e_i (ψ(z_ri) − ψ′(z_ri) z_ri): `DEFECT` is that
sheet.

**Rounding.** The left side is w_r·(w_r(t+1) − w_r(t)). With T = (η/√p)|b_r| B1 R √n ‖e‖, which bounds the length of
a step, and T₀ = (η/√p)|b_r| √n ‖e‖ |ψ(0)|, forming w_r(t+1) errs by γ_{n+8}(‖w_r‖ + T), b_r β_r(t+1) by
γ_{n+6}(|b_r β_r| + ‖w_r‖T + T₀), and z_ri by γ_d ‖w_r‖R, once in ψ and once in ψ′z; the sums of this sheet err by
γ_{d+2} of their absolute values. Together

    γ_{n+d+12} (‖w_r‖² + 5‖w_r‖T(1 + B2 R‖w_r‖/B1) + 3T₀ + ‖w_r‖‖Δw_r‖ + 2|b_r|(|β_r(t)| + |β_r(t+1)|)).

**Guarantee.** **Tight**: an identity, judged in both directions. After Robertson and Koyejo (arXiv 2306.01870), who
state it in continuous time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref import Trajectory
from theory.margins import Margin
from theory.precision import gamma
from validation.beyond.weights import WeightRecord
from validation.judge.claims import Claim, Conclusion, Unjudged
from validation.judge.inequalities import Inequality
from validation.judge.record import has_diverged

__all__ = ["CLAIM", "DEFECT", "Conservation", "homogeneity"]

Array = NDArray[np.float64]

#: Where ψ′(z)z = ψ(z) is looked at.
SAMPLES = np.concatenate([-np.logspace(2, -6, 40), np.logspace(-6, 2, 40)])


def homogeneity(run: Trajectory) -> Margin:
    """max |ψ(z) − ψ′(z)z|/|z| over eighty z between ±10⁻⁶ and ±100, at most the rounding of one product."""
    psi = run.setting.activation
    defect = np.abs(psi(SAMPLES) - psi.derivative(SAMPLES) * SAMPLES) / np.abs(SAMPLES)
    return Margin("|ψ(z) − ψ′(z)z|/|z|", float(defect.max()), gamma(3, run.roundoff) * psi.B1, "≤")


@dataclass(frozen=True, repr=False)
class Conservation(Claim):
    """The law for ψ′(z)z = ψ(z), or for any smooth ψ with its defect."""

    with_defect: bool = False

    name = "conservation of b·β − ½‖W‖²"
    statement = "½Δ‖w_r‖² − ½‖Δw_r‖² = b_r (β_r(t+1) − (1 − ηλ) β_r(t))"
    source = "arXiv 2306.01870, in discrete time; docs/your_theorem.md"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Feedback alignment, and ψ′(z)z = ψ(z) unless the defect is accounted for."""
        rule = Margin.fact("rule is fa", run.setting.rule == "fa")
        finite = Margin.fact("the run stays finite", not has_diverged(run))
        return (rule, finite) if self.with_defect else (rule, finite, homogeneity(run))

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """Both directions, for every unit at every step; without ridge also their sum."""
        if not isinstance(run, WeightRecord):
            return (Unjudged("units", "the weights were not recorded, see WeightRecord"),)
        hidden, output, rounding = sides(run, self.with_defect)
        times = np.repeat(run.times[:-1], hidden.shape[1])
        parts = _equal("w_r against β_r", times, hidden.ravel(), output.ravel(), rounding.ravel())
        if run.setting.ridge.maximum > 0:
            return parts
        grown, aligned = np.cumsum(hidden.sum(axis=1)), (run.beta[1:] - run.beta[0]) @ run.setting.start.b
        if self.with_defect:
            return parts
        return (*parts, *_equal("‖W‖² against b·β", run.times[1:], grown, aligned, np.cumsum(rounding.sum(axis=1))))


def _equal(
    name: str, times: NDArray[np.int64], left: Array, right: Array, rounding: Array
) -> tuple[Inequality, ...]:
    return (
        Inequality(f"{name}, ≤", times, left, right, rounding),
        Inequality(f"{name}, ≥", times, right, left, rounding),
    )


def sides(run: WeightRecord, with_defect: bool = False) -> tuple[Array, Array, Array]:
    """Return both sides of the law and what rounding may put between them, shape (m − 1, p) each."""
    setting, X, W, beta = run.setting, run.setting.problem.X, run.W, run.beta
    n, d, b, psi = *X.shape, setting.start.b, setting.activation
    keep = 1.0 - setting.eta * setting.ridge.values(int(run.times[-1]))[:, None]
    moved, step = np.diff(W, axis=0), setting.eta / np.sqrt(b.size)
    hidden, output = np.sum(W[:-1] * moved, axis=2), b * (beta[1:] - keep * beta[:-1])
    if with_defect:
        z = W[:-1] @ X.T
        lost = np.einsum("ti,tri->tr", run.residuals[:-1], psi(z) - psi.derivative(z) * z)
        output = output + step * b * lost
    size, reach = np.linalg.norm(W[:-1], axis=2), psi.B1 * setting.problem.radius
    pull = step * np.abs(b) * np.sqrt(n) * run.residual_norms[:-1, None]
    longest, at_zero = reach * pull, abs(float(psi(0.0))) * pull
    bent = psi.B2 * setting.problem.radius / psi.B1 if np.isfinite(psi.B2) else 0.0
    terms = size**2 + 5.0 * size * longest * (1.0 + bent * size) + size * np.linalg.norm(moved, axis=2)
    terms = terms + 3.0 * at_zero + 2.0 * np.abs(b) * (np.abs(beta[:-1]) + np.abs(beta[1:]))
    return hidden, output, gamma(n + d + 12, run.roundoff) * terms


CLAIM = Conservation()
DEFECT = Conservation(with_defect=True)
