r"""The cosine bound of Section 4.1: without a penalty, wide networks do not align.

**Assumptions.** Those of Theorem 3.2.

**Claim.** With high probability, for all t ≥ 0, with b̂ = b/‖b‖, Δ = B0 √n ‖e(0)‖/a and a = γ/4,

    |cos∠(b, β(t))| ≤ (|b̂·β(0)| + Δ) / (‖β(0)‖ − Δ),

of order n/√p. Where the right-hand side is 1 or more it says nothing, and nothing is judged.

**Algorithm.** Algorithm 1.

**Guarantee.** **Upper** bound.
"""

from __future__ import annotations

import math

import numpy as np

from theory.alignment import alignment_bound
from theory.margins import Margin
from validation.judge.claims import Claim, Evidence, Inequality
from validation.judge.rounding import alignment_rounding
from validation.theorems import theorem_3_2

__all__ = ["CLAIM"]


def hypotheses(evidence: Evidence) -> tuple[Margin, ...]:
    """Those of Theorem 3.2, and that the weights at t = 0 are known."""
    recorded = Margin("starting weights recorded", float(evidence.start is not None), 1.0)
    return (*theorem_3_2.hypotheses(evidence), recorded)


def conclusions(evidence: Evidence) -> tuple[Inequality, ...]:
    """The bound; what it rests on, (3.1) and (3.2), is judged by the sheet of Theorem 3.2."""
    rate, start = evidence.mean_kernel.gamma / 4.0, evidence.start
    if start is None or "alignment" not in evidence.measures or not (rate > 0 and math.isfinite(evidence.psi.B0)):
        return ()
    reach = float(evidence.residual_norms[0]) / (rate * math.sqrt(start.p))
    bound = alignment_bound(start, evidence.psi.B0 * math.sqrt(evidence.problem.n) * reach)
    times, cosines = np.asarray(evidence.times), np.abs(evidence.measures["alignment"])
    rounding = np.full(times.size, alignment_rounding(start.p))
    return (Inequality("|cos∠(b, β)|", times, cosines, np.full(times.size, bound), rounding, ceiling=1.0),)


CLAIM = Claim(
    "Section 4.1, cosine bound",
    "|cos∠(b, β(t))| ≤ (|b̂·β(0)| + Δ)/(‖β(0)‖ − Δ)",
    "Section 4.1",
    "UPPER",
    hypotheses,
    conclusions,
)
