r"""Theorem 4.2: regularised feedback alignment converges in wide networks.

**Assumptions.** Those of Theorem 3.2, and Σ_t λ(t) ≤ S̃_λ, a budget of order √p/η. Not in the paper, and needed: a
small step, here η (max λ + n B0²) ≤ 1.

**Claim.** With high probability, for all t ≥ 0, with a = γ/4 and E = ‖e(0)‖ + η Σλ ‖y‖,

    ‖e(t+1)‖ ≤ (1 − ηγ/4 − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖                                              (4.2)
    ‖wᵣ(t) − wᵣ(0)‖ ≤ |bᵣ| B1 ‖X‖ E / (a√p),   |βᵣ(t) − c(t) βᵣ(0)| ≤ B0 √n E / (a√p)            (3.2)

with c(t) = Π_{s<t} (1 − ηλ(s)). The paper prints λ(t)‖y‖; what its proof gives is ηλ(t)‖y‖.

**Algorithm.** wᵣ ← wᵣ − (η/√p) bᵣ Xᵀ Dᵣ e,  βᵣ ← (1 − ηλ(t)) βᵣ − (η/√p) ψᵣ·e.

**Guarantee.** **Upper** bounds.
"""

from __future__ import annotations

import math
import sys

from fa_ref import Trajectory
from theory.margins import Margin
from theory.precision import power
from validation.judge.claims import Claim, Conclusion
from validation.judge.record import known_start, mean_kernel
from validation.theorems import theorem_3_2
from validation.theorems.inequality_3_1 import contraction
from validation.theorems.inequality_3_2 import movement

__all__ = ["CLAIM", "Theorem42"]


class Theorem42(Claim):
    """Theorem 4.2 as a sheet.

    Examples
    --------
    >>> print(Theorem42().source)
    Theorem 4.2, (4.2)
    """

    name = "Theorem 4.2"
    statement = "‖e(t+1)‖ ≤ (1 − ηγ/4 − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖, and no weight moves far"
    source = "Theorem 4.2, (4.2)"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Those of Theorem 3.2 with a penalty; its budget is measured in the paper's unit √p/η."""
        ridge, eta, psi, start = run.setting.ridge, run.setting.eta, run.setting.activation, known_start(run)
        dropped = {"Σλ", "ηnB0²"}
        margins = [margin for margin in theorem_3_2.CLAIM.hypotheses(run) if margin.name not in dropped]
        margins.append(Margin("Σλ finite", ridge.total, sys.float_info.max, "≤"))
        step = eta * (ridge.maximum + run.setting.problem.n * power(psi.B0, 2))
        margins.append(Margin("η(max λ + nB0²)", step, 1.0, "≤"))
        if start is not None:
            margins.append(Margin("ηΣλ/√p", eta * ridge.total / math.sqrt(start.p)))
        return tuple(margins)

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """(4.2), with ηλ(t)‖y‖, at the rate γ/4, and (3.2)."""
        rate = mean_kernel(run).gamma / 4.0
        return (contraction("(4.2)", run, rate), *movement(run, rate)) if rate > 0 else ()


CLAIM = Theorem42()
