r"""Theorem 4.3: regularised feedback alignment converges for linear networks.

**Assumptions.** ψ(z) = z; γ ≤ λ_min(XXᵀ) and λ_max(XXᵀ) ≤ M with γ > 0; W(0), β(0) and b with independent N(0, 1)
entries; p large enough against M/γ; Σ_t λ(t) ≤ S_λ = c_S γ√(γp)/(η√n M). Not in the paper, and needed: a
small step, here η (λ_max(G(0)) + max λ) ≤ 1.

**Claim.** With high probability, for all t ≥ 0,

    ‖e(t+1)‖ ≤ (1 − ηγ/2 − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖                                    (4.3)

The paper prints λ(t)‖y‖; what its proof gives is ηλ(t)‖y‖.

**Algorithm.** wᵣ ← wᵣ − (η/√p) bᵣ Xᵀe,  βᵣ ← (1 − ηλ(t)) βᵣ − (η/√p) (Xwᵣ)·e.

**Guarantee.** **Upper** bound.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from fa_ref import Trajectory
from theory.kernels import empirical_G
from theory.margins import Margin
from validation.judge.claims import Claim, Conclusion
from validation.judge.record import known_start, mean_kernel, start_margins
from validation.theorems import assumption_3_1
from validation.theorems.inequality_3_1 import contraction

__all__ = ["CLAIM", "Theorem43"]


class Theorem43(Claim):
    """Theorem 4.3 as a sheet.

    Examples
    --------
    >>> print(Theorem43().source)
    Theorem 4.3, (4.3)
    """

    name = "Theorem 4.3"
    statement = "‖e(t+1)‖ ≤ (1 − ηγ/2 − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖"
    source = "Theorem 4.3, (4.3)"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """The hypotheses of Theorem 4.3; the width and the budget of Σλ are measured in the paper's units."""
        setting, kernel, start = run.setting, mean_kernel(run), known_start(run)
        problem, ridge = setting.problem, setting.ridge
        gamma, M = kernel.gamma, problem.lambda_max
        margins = [
            Margin.fact("rule is FA", setting.rule == "fa"),
            Margin.fact("ψ is linear", setting.activation.linear),
            assumption_3_1.hypothesis(run),
            Margin("Σλ", ridge.total, sys.float_info.max, "≤"),
            Margin("M/γ", M / gamma if gamma > 0 else np.inf),
            Margin("‖y‖/√n", float(np.linalg.norm(problem.y) / np.sqrt(problem.n))),
            *start_margins(run),
        ]
        if start is None:
            margins.append(Margin("η(M + max λ), for η(λ_max(G(0)) + max λ)", setting.eta * (M + ridge.maximum)))
        else:
            p = start.p
            G = empirical_G(problem.X, start, setting.activation)
            top = float(np.linalg.eigvalsh(G)[-1]) if np.isfinite(G).all() else math.inf
            step = setting.eta * (top + ridge.maximum)
            margins.append(Margin("η(λ_max(G(0)) + max λ)", step, 1.0, "≤"))
            margins.append(Margin("p/n", p / problem.n))
            if ridge.total > 0 and gamma > 0 and M > 0:  # M = 0 < γ: ψ(0) ≠ 0 at inputs of zeros
                unit = gamma / M * math.sqrt(gamma * p) / (setting.eta * math.sqrt(problem.n))
                margins.append(Margin("Σλ in units of S_λ/c_S", ridge.total / unit if unit > 0 else math.inf))
        return tuple(margins)

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """(4.3), with ηλ(t)‖y‖, at the rate γ/2."""
        rate = mean_kernel(run).gamma / 2.0
        return (contraction("(4.3)", run, rate),) if rate > 0 else ()


CLAIM = Theorem43()
