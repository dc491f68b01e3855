r"""Theorem 4.6: a penalty that is cut off aligns linear networks.

**Assumptions.** ψ(z) = z; X is (γ, ε)-isometric for a small ε; the assumptions of Theorem 4.3; λ(t) = λ = Lγ up
to T = ⌊S_λ/λ⌋ with S_λ = c_S γ√(γp)/(η√n M), and 0 after; p large.

**Claim.** With high probability cos∠(b, β(t)) ≥ c for all t > T, with a constant c > 0 that does not depend on
n, d, p and η.

The paper leaves c unnamed. As p → ∞ the alignment after T lies in the proved bracket of `theory.alignment`, for
every direction of y; at finite p it deviates by O(1/√p). The sheet judges c = half the bracket's lower end, from
the step after the cutoff to the end of the record, and (4.3) all along.

`fa_ref.schedules.cutoff(lam, T)` charges λ in the steps t = 0, …, T, so its sum is (T + 1)λ, up to λ above S_λ.

**Algorithm.** wᵣ ← wᵣ − (η/√p) bᵣ Xᵀe,  βᵣ ← (1 − ηλ(t)) βᵣ − (η/√p) (Xwᵣ)·e.

**Guarantee.** **Lower** bound.
"""

from __future__ import annotations

import math

import numpy as np

from theory.alignment import sharp_bracket
from theory.linear import unit_of_budget
from theory.margins import Margin
from validation.claims import Claim, Evidence, Inequality
from validation.rounding import alignment_rounding
from validation.theorems import theorem_4_3

__all__ = ["CLAIM", "SHARE", "cutoff_of"]

#: The part of the limit as p → ∞ that is claimed at finite p.
SHARE = 0.5


def cutoff_of(evidence: Evidence) -> tuple[float, int]:
    """Return (λ, T) of a schedule that is λ up to T and 0 after; (NaN, −1) of any other, as far as it is recorded.

    Examples
    --------
    >>> from fa_ref import Problem, schedules
    >>> record = [0, 1, 2, 3], np.ones((4, 1))
    >>> cutoff_of(Evidence(Problem([[1.0]], [1.0]), "identity", 0.1, *record, schedules.cutoff(0.5, 1)))
    (0.5, 1)
    >>> cutoff_of(Evidence(Problem([[1.0]], [1.0]), "identity", 0.1, *record, schedules.constant(0.5)))
    (nan, -1)
    """
    lam = evidence.ridge.values(int(np.asarray(evidence.times)[-1]) + 1)
    used = np.flatnonzero(lam)
    if used.size == 0 or used[-1] == lam.size - 1 or np.ptp(lam[: used[-1] + 1]) > 0:
        return math.nan, -1
    return float(lam[0]), int(used[-1])


def hypotheses(evidence: Evidence) -> tuple[Margin, ...]:
    """Those of Theorem 4.3, the shape of λ(t), and y ≠ 0; ε, L and c_S are measured."""
    lam, T = cutoff_of(evidence)
    problem = evidence.problem
    gamma, M = problem.lambda_min, problem.lambda_max
    margins = list(theorem_4_3.hypotheses(evidence))
    margins.append(Margin("steps recorded after the cutoff", float(T >= 0), 1.0))
    margins.append(Margin("‖y‖", float(np.linalg.norm(problem.y)), 0.0, ">"))
    margins.append(Margin("starting weights recorded", float(evidence.start is not None), 1.0))
    if gamma > 0:
        margins += [Margin("ε", M / gamma - 1.0), Margin("L = λ/γ", lam / gamma)]
    return tuple(margins)


def conclusions(evidence: Evidence) -> tuple[Inequality, ...]:
    """The alignment after the cutoff, and (4.3)."""
    lam, T = cutoff_of(evidence)
    problem, start = evidence.problem, evidence.start
    gamma, M, nu = problem.lambda_min, problem.lambda_max, float(np.linalg.norm(problem.y)) / math.sqrt(problem.n)
    contracts = theorem_4_3.conclusions(evidence)
    if start is None or T < 0 or "alignment" not in evidence.measures or not (gamma > 0 and nu > 0):
        return contracts
    c_S = T * lam / unit_of_budget(problem, start.p, evidence.eta)
    least = sharp_bracket(lam / gamma, c_S, nu, M / gamma - 1.0).lower
    times = np.asarray(evidence.times)
    after = times > T
    cosines = evidence.measures["alignment"][after]
    claimed, rounding = np.full(cosines.size, SHARE * least), np.full(cosines.size, alignment_rounding(start.p))
    return Inequality("cos∠(b, β) ≥ c", times[after], claimed, cosines, rounding), *contracts


CLAIM = Claim(
    "Theorem 4.6",
    "cos∠(b, β(t)) ≥ c for all t > T",
    "Theorem 4.6, with the constant of theory.alignment",
    "LOWER",
    hypotheses,
    conclusions,
)
