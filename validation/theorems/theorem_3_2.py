r"""Theorem 3.2: feedback alignment converges at a linear rate in wide networks.

**Assumptions.** γ = λ_min(Ḡ) > 0 (Assumption 3.1); ψ, ψ′ and ψ″ bounded; inputs and targets bounded; W(0), β(0)
and b with independent N(0, 1) entries; p large enough against n²/γ² and n⁴ log p/γ⁴. Not in the paper, and needed:
a small step, here η n B0² ≤ 1, which makes η λ_max(G) ≤ 1 at every step.

**Claim.** With high probability, for all t ≥ 0,

    ‖e(t+1)‖ ≤ (1 − ηγ/4) ‖e(t)‖                                                       (3.1)
    ‖wᵣ(t) − wᵣ(0)‖ ≤ |bᵣ| B1 ‖X‖ ‖e(0)‖ / (a√p),   |βᵣ(t) − βᵣ(0)| ≤ B0 √n ‖e(0)‖ / (a√p)  (3.2)

with a = γ/4; (3.2) with these constants is what the paper's proof gives before it is rounded to O(·). They are
compared in `validation.theorems.inequality_3_1` and `inequality_3_2`, the first part of (3.2) divided by |bᵣ|.

**Algorithm.** wᵣ ← wᵣ − (η/√p) bᵣ Xᵀ Dᵣ e,  βᵣ ← βᵣ − (η/√p) ψᵣ·e.

**Guarantee.** **Upper** bounds.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from fa_ref import Trajectory, schedules
from theory.margins import Margin
from theory.precision import power
from validation.judge.claims import Claim, Conclusion
from validation.judge.record import known_start, mean_kernel, start_margins
from validation.theorems import assumption_3_1
from validation.theorems.inequality_3_1 import contraction
from validation.theorems.inequality_3_2 import movement

__all__ = ["CLAIM", "Theorem32"]


class Theorem32(Claim):
    """Theorem 3.2 as a sheet.

    Examples
    --------
    >>> print(Theorem32().source)
    Theorem 3.2, (3.1) and (3.2)
    """

    name = "Theorem 3.2"
    statement = "‖e(t+1)‖ ≤ (1 − ηγ/4) ‖e(t)‖, and no weight moves far"
    source = "Theorem 3.2, (3.1) and (3.2)"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """The hypotheses of Theorem 3.2; the width is measured in the paper's two units."""
        setting, kernel, start = run.setting, mean_kernel(run), known_start(run)
        problem, psi = setting.problem, setting.activation
        finite = sys.float_info.max
        margins = [
            assumption_3_1.hypothesis(run),
            Margin.fact("rule is FA", setting.rule == "fa"),
            Margin.fact("ψ is smooth", psi.smooth),
            Margin("max(B0, B1, B2)", max(psi.B0, psi.B1, psi.B2), finite, "≤"),
            Margin("Σλ", setting.ridge.total, 0.0, "≤"),
            Margin("ηnB0²", setting.eta * problem.n * power(psi.B0, 2), 1.0, "≤"),
            Margin("max(R, |y|)", max(problem.radius, float(np.abs(problem.y).max()))),
        ]
        margins += start_margins(run)
        if start is not None:
            p, n, gamma = start.p, problem.n, kernel.gamma
            share = max(gamma, 0.0) / n  # a γ below 0 is its own numerical error
            margins.append(Margin("pγ²/n²", p * power(share, 2)))
            margins.append(Margin("pγ⁴/(n⁴ log p)", p * power(share, 4) / math.log(max(p, 2))))
        return tuple(margins)

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """(3.1) at the rate γ/4, and (3.2)."""
        rate, none = mean_kernel(run).gamma / 4.0, schedules.zero()  # (3.1) knows no penalty
        if not rate > 0:
            return ()
        return contraction("(3.1)", run, rate, ridge=none), *movement(run, rate, ridge=none)


CLAIM = Theorem32()
