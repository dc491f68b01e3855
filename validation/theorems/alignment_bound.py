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

from fa_ref import Trajectory
from theory.alignment import alignment_bound
from theory.margins import Margin
from validation.judge.claims import Claim, Conclusion
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.record import known_start, mean_kernel, missing
from validation.judge.rounding import alignment_rounding
from validation.theorems import theorem_3_2

__all__ = ["CLAIM", "AlignmentBound"]

NAME = "|cos∠(b, β)|"


class AlignmentBound(Claim):
    """The cosine bound of Section 4.1 as a sheet.

    Examples
    --------
    >>> print(AlignmentBound().source)
    Section 4.1
    """

    name = "Section 4.1, cosine bound"
    statement = "|cos∠(b, β(t))| ≤ (|b̂·β(0)| + Δ)/(‖β(0)‖ − Δ)"
    source = "Section 4.1"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Those of Theorem 3.2, and that the weights at t = 0 are known."""
        recorded = Margin.fact("starting weights recorded", known_start(run) is not None)
        return (*theorem_3_2.CLAIM.hypotheses(run), recorded)

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """The bound; what it rests on, (3.1) and (3.2), is judged by the sheet of Theorem 3.2."""
        rate, start, lacking = mean_kernel(run).gamma / 4.0, known_start(run), missing(run, "alignment")
        if start is None or lacking:
            return (Unjudged(NAME, lacking),)
        if not (rate > 0 and math.isfinite(run.setting.activation.B0)):
            return ()
        reach = float(run.residual_norms[0]) / (rate * math.sqrt(start.p))
        moved = run.setting.activation.B0 * math.sqrt(run.setting.problem.n) * reach
        if not math.isfinite(moved):
            return (Unjudged(NAME, "Δ is beyond floating-point numbers"),)
        bound = alignment_bound(start, moved)
        cosines, rounding = np.abs(run.measures["alignment"]), alignment_rounding(start.p, run.roundoff)
        return Inequality(NAME, run.times, cosines, bound, rounding, ceiling=1.0).where_measured(
            "alignment", cosines
        )


CLAIM = AlignmentBound()
