r"""Theorem 4.6: a penalty that is cut off aligns linear networks.

**Assumptions.** ψ(z) = z; X is (γ, ε)-isometric for a small ε; the assumptions of Theorem 4.3; λ(t) = λ = Lγ up
to T = ⌊S_λ/λ⌋ with S_λ = c_S γ√(γp)/(η√n M), and 0 after; p large.

**Claim.** With high probability cos∠(b, β(t)) ≥ c for all t > T, with a constant c > 0 that does not depend on
n, d, p and η.

The paper leaves c unnamed. As p → ∞ the alignment after T lies in the proved bracket of `theory.alignment`, for
every direction of y; at finite p it deviates by O(1/√p). The sheet judges c = half the bracket's lower end, from
the step after the cutoff to the end of the record, and (4.3) all along.

**Remark in the paper.** Other schedules of the same sum do as well: λ(t) falling like 1/t², or exponentially.
`REMARK` is that sheet, for exact isometry. As p → ∞ the part σ of W that lies along b grows with Σλ/√p at the pace
η‖y‖/(γ + λ(t) + γ²σ²), slowest where λ(t) is largest. So a budget buys at least what it buys at the constant
max λ, and the same c is claimed, for the part of the budget that is spent by the step T from which it is claimed.

`fa_ref.schedules.cutoff(lam, T)` charges λ in the steps t = 0, …, T, so its sum is (T + 1)λ, up to λ above S_λ.

**Algorithm.** wᵣ ← wᵣ − (η/√p) bᵣ Xᵀe,  βᵣ ← (1 − ηλ(t)) βᵣ − (η/√p) (Xwᵣ)·e.

**Guarantee.** **Lower** bound.
"""

from __future__ import annotations

import math

import numpy as np

from theory.alignment import sharp_bracket, sharp_constant
from theory.convergence.theorem_4_3 import unit_of_budget
from theory.margins import Margin
from validation.judge.claims import Claim, Evidence, Inequality
from validation.judge.rounding import alignment_rounding
from validation.theorems import theorem_4_3

__all__ = ["CLAIM", "REMARK", "SHARE", "cutoff_of"]

#: The part of the limit as p → ∞ that is claimed at finite p.
SHARE = 0.5

#: The part of Σλ after which `REMARK` claims alignment: a falling schedule never spends all of it.
SPENT = 0.9

#: ε of inputs that count as exactly isometric.
EXACT = 1e-9


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


def _shared(evidence: Evidence) -> tuple[Margin, ...]:
    return (
        *theorem_4_3.hypotheses(evidence),
        Margin("‖y‖", float(np.linalg.norm(evidence.problem.y)), 0.0, ">"),
        Margin("starting weights recorded", float(evidence.start is not None), 1.0),
    )


def hypotheses(evidence: Evidence) -> tuple[Margin, ...]:
    """Those of Theorem 4.3, the shape of λ(t), and y ≠ 0; ε, L and c_S are measured."""
    lam, T = cutoff_of(evidence)
    problem = evidence.problem
    gamma, M = problem.lambda_min, problem.lambda_max
    margins = [*_shared(evidence), Margin("steps recorded after the cutoff", float(T >= 0), 1.0)]
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
    return _aligned(evidence, T, least), *contracts


def _aligned(evidence: Evidence, T: int, least: float) -> Inequality:
    assert evidence.start is not None
    times = np.asarray(evidence.times)
    cosines = evidence.measures["alignment"][times > T]
    claimed, rounding = np.full(cosines.size, SHARE * least), alignment_rounding(evidence.start.p)
    return Inequality("cos∠(b, β) ≥ c", times[times > T], claimed, cosines, np.full(cosines.size, rounding))


def _spent(evidence: Evidence) -> tuple[int, float]:
    """Return the step by which `SPENT` of Σλ is spent, and Σλ up to it; (−1, Σλ recorded) if that is less."""
    sums = np.cumsum(evidence.ridge.values(int(np.asarray(evidence.times)[-1])))
    enough = np.flatnonzero(sums >= SPENT * evidence.ridge.total)
    if enough.size == 0 or not sums[-1] > 0:
        return -1, float(sums[-1])
    return int(enough[0]), float(sums[enough[0]])


def remark_hypotheses(evidence: Evidence) -> tuple[Margin, ...]:
    """Those of Theorem 4.3, a budget that is nearly spent, exact isometry, and y ≠ 0."""
    problem, total = evidence.problem, evidence.ridge.total
    spent = _spent(evidence)[1] / total if 0 < total < math.inf else 0.0
    ratio = problem.lambda_max / problem.lambda_min if problem.lambda_min > 0 else math.inf
    return (*_shared(evidence), Margin("ε", ratio - 1.0, EXACT, "≤"), Margin("share of Σλ spent", spent, SPENT))


def remark_conclusions(evidence: Evidence) -> tuple[Inequality, ...]:
    """The alignment once the budget is nearly spent, and (4.3)."""
    problem, start, contracts = evidence.problem, evidence.start, theorem_4_3.conclusions(evidence)
    gamma, nu = problem.lambda_min, float(np.linalg.norm(problem.y)) / math.sqrt(problem.n)
    T, budget = _spent(evidence)
    if start is None or T < 0 or not (gamma > 0 and nu > 0 and math.isfinite(evidence.ridge.total)):
        return contracts
    c_S = budget / unit_of_budget(problem, start.p, evidence.eta)
    least = sharp_constant(evidence.ridge.maximum / gamma, c_S, nu, gamma / problem.lambda_max)
    return _aligned(evidence, T, least), *contracts


CLAIM = Claim(
    "Theorem 4.6",
    "cos∠(b, β(t)) ≥ c for all t > T",
    "Theorem 4.6, with the constant of theory.alignment",
    "LOWER",
    hypotheses,
    conclusions,
)

REMARK = Claim(
    "Theorem 4.6, any schedule",
    "cos∠(b, β(t)) ≥ c for all t > T, for every λ(t) of the same sum",
    "Remark after Theorem 4.6, with the constant of theory.alignment",
    "LOWER",
    remark_hypotheses,
    remark_conclusions,
)
