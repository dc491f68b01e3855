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
As printed, "less than S_λ", the remark is false (erratum 10): a fixed schedule spends O(1) of a budget that grows
like √p, c is then O(p^{-1/2}), as is chance, and the sheet says "undecided" or, by luck, "holds".

`fa_ref.schedules.cutoff(lam, T)` charges λ in the steps t = 0, …, T, so its sum is (T + 1)λ, up to λ above S_λ.

**Algorithm.** wᵣ ← wᵣ − (η/√p) bᵣ Xᵀe,  βᵣ ← (1 − ηλ(t)) βᵣ − (η/√p) (Xwᵣ)·e.

**Guarantee.** **Lower** bound.
"""

from __future__ import annotations

import math

import numpy as np

from fa_ref import Trajectory
from theory.alignment import sharp_bracket, sharp_constant
from theory.convergence.theorem_4_3 import unit_of_budget
from theory.margins import Margin
from validation.judge.claims import Claim, Conclusion
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.record import known_start, missing
from validation.judge.rounding import alignment_rounding
from validation.theorems import theorem_4_3

__all__ = ["CLAIM", "REMARK", "SHARE", "AnySchedule", "Theorem46", "cutoff_of"]

NAME = "cos∠(b, β) ≥ c"

#: Why nothing is judged where L, ε or c_S, or a power of them, exceeds every float, λ is 0, or no root is found.
BEYOND = "c cannot be computed: L, c_S or ε is 0 or beyond floating-point numbers"

#: The part of the limit as p → ∞ that is claimed at finite p.
SHARE = 0.5

#: The part of Σλ after which `REMARK` claims alignment: a falling schedule never spends all of it.
SPENT = 0.9

#: ε of inputs that count as exactly isometric.
EXACT = 1e-9


class Theorem46(Claim):
    """Theorem 4.6 as a sheet.

    Examples
    --------
    >>> print(Theorem46().source)
    Theorem 4.6, with the constant of theory.alignment
    """

    name = "Theorem 4.6"
    statement = "cos∠(b, β(t)) ≥ c for all t > T"
    source = "Theorem 4.6, with the constant of theory.alignment"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Those of Theorem 4.3, the shape of λ(t), and y ≠ 0; ε, L and c_S are measured."""
        lam, T = cutoff_of(run)
        problem = run.setting.problem
        gamma, M = problem.lambda_min, problem.lambda_max
        margins = [*_shared(run), Margin.fact("steps recorded after the cutoff", T >= 0)]
        if gamma > 0:
            margins += [Margin("ε", M / gamma - 1.0), Margin("L = λ/γ", lam / gamma)]
        return tuple(margins)

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """The alignment after the cutoff, and (4.3)."""
        lam, T = cutoff_of(run)
        problem, start = run.setting.problem, known_start(run)
        gamma, M, nu = problem.lambda_min, problem.lambda_max, _target(run)
        contracts, lacking = theorem_4_3.CLAIM.conclusions(run), missing(run, "alignment")
        if start is None or lacking:
            return Unjudged(NAME, lacking), *contracts
        if T < 0 or not (gamma > 0 and nu > 0):
            return contracts
        try:
            c_S = T * lam / unit_of_budget(problem, start.p, run.setting.eta)
            least = sharp_bracket(lam / gamma, c_S, nu, M / gamma - 1.0).lower
        except (ArithmeticError, ValueError, RuntimeError):
            return Unjudged(NAME, BEYOND), *contracts
        return *_aligned(run, start.p, T, least), *contracts


class AnySchedule(Claim):
    """The remark after Theorem 4.6 as a sheet.

    Examples
    --------
    >>> print(AnySchedule().source)
    Remark after Theorem 4.6, with the constant of theory.alignment
    """

    name = "Theorem 4.6, any schedule"
    statement = "cos∠(b, β(t)) ≥ c for all t > T, for every λ(t) of the same sum"
    source = "Remark after Theorem 4.6, with the constant of theory.alignment"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Those of Theorem 4.3, a budget that is nearly spent, exact isometry, and y ≠ 0."""
        problem, total = run.setting.problem, run.setting.ridge.total
        spent = _spent(run)[1] / total if 0 < total < math.inf else 0.0
        ratio = problem.lambda_max / problem.lambda_min if problem.lambda_min > 0 else math.inf
        return (*_shared(run), Margin("ε", ratio - 1.0, EXACT, "≤"), Margin("share of Σλ spent", spent, SPENT))

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """The alignment once the budget is nearly spent, and (4.3)."""
        problem, start, ridge = run.setting.problem, known_start(run), run.setting.ridge
        gamma, nu, (T, budget) = problem.lambda_min, _target(run), _spent(run)
        contracts, lacking = theorem_4_3.CLAIM.conclusions(run), missing(run, "alignment")
        if start is None or lacking:
            return Unjudged(NAME, lacking), *contracts
        if T < 0 or not (gamma > 0 and nu > 0 and math.isfinite(ridge.total)):
            return contracts
        try:
            c_S = budget / unit_of_budget(problem, start.p, run.setting.eta)
            least = sharp_constant(ridge.maximum / gamma, c_S, nu, gamma / problem.lambda_max)
        except (ArithmeticError, ValueError, RuntimeError):
            return Unjudged(NAME, BEYOND), *contracts
        return *_aligned(run, start.p, T, least), *contracts


def cutoff_of(run: Trajectory) -> tuple[float, int]:
    """Return (λ, T) of a schedule that is λ up to T and 0 after; (NaN, −1) of any other, as far as it is recorded.

    Examples
    --------
    >>> from fa_ref import Problem, Setting, schedules
    >>> setting = Setting(Problem([[1.0]], [1.0]), None, "identity", eta=0.1)
    >>> record = [0, 1, 2, 3], np.ones((4, 1))
    >>> cutoff_of(Trajectory.recorded(setting.replace(ridge=schedules.cutoff(0.5, 1)), *record))
    (0.5, 1)
    >>> cutoff_of(Trajectory.recorded(setting.replace(ridge=schedules.constant(0.5)), *record))
    (nan, -1)
    """
    lam = run.setting.ridge.values(int(run.times[-1]) + 1)
    used = np.flatnonzero(lam)
    if used.size == 0 or used[-1] == lam.size - 1 or np.ptp(lam[: used[-1] + 1]) > 0:
        return math.nan, -1
    return float(lam[0]), int(used[-1])


def _shared(run: Trajectory) -> tuple[Margin, ...]:
    return (
        *theorem_4_3.CLAIM.hypotheses(run),
        Margin("‖y‖", float(np.linalg.norm(run.setting.problem.y)), 0.0, ">"),
        Margin.fact("starting weights recorded", known_start(run) is not None),
    )


def _target(run: Trajectory) -> float:
    """ν = ‖y‖/√n."""
    return float(np.linalg.norm(run.setting.problem.y)) / math.sqrt(run.setting.problem.n)


def _aligned(run: Trajectory, p: int, T: int, least: float) -> tuple[Conclusion, ...]:
    times = run.times
    cosines = run.measures["alignment"][times > T]
    kept = Inequality(NAME, times[times > T], SHARE * least, cosines, alignment_rounding(p, run.roundoff))
    return kept.where_measured("alignment", cosines)


def _spent(run: Trajectory) -> tuple[int, float]:
    """Return the step by which `SPENT` of Σλ is spent, and Σλ up to it; (−1, Σλ recorded) if that is less."""
    sums = np.cumsum(run.setting.ridge.values(int(run.times[-1])))
    enough = np.flatnonzero(sums >= SPENT * run.setting.ridge.total)
    if enough.size == 0 or not sums[-1] > 0:
        return -1, float(sums[-1]) if sums.size else 0.0
    return int(enough[0]), float(sums[enough[0]])


CLAIM, REMARK = Theorem46(), AnySchedule()
