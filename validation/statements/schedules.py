"""When b and β align: the remark on schedules after Theorem 4.6."""

from __future__ import annotations

import math

import numpy as np

from fa_ref import Problem, Setting, schedules, train
from fa_ref.engines.reduced import sample_in_law
from theory.alignment import sharp_constant
from theory.convergence.theorem_4_3 import unit_of_budget
from validation.judge.fits import fit_exponent
from validation.judge.verdicts import HOLDS, VIOLATED
from validation.statements.inputs import Inputs
from validation.statements.statement import Finding, Number, Options, Statement
from validation.theorems import theorem_4_6

__all__ = ["Schedules"]


class Schedules(Statement):
    """The remark after Theorem 4.6: other schedules of the same sum."""

    number = "schedules"
    general = True
    title = "remark on schedules"
    printed = (
        r"inverse-squared or exponential decay gives “the same alignment result as long as the summation of "
        r"$\lambda(t)$ is less than $S_\lambda$”"
    )
    assumptions = (
        r"those of Theorem 4.6, but for the schedule: any $\lambda(t)$ with $\sum\lambda(t) \le S_\lambda$"
    )
    corrected = (
        r"schedules of the same sum on a time scale that stretches with $\sqrt p$; "
        r"a fixed summable one gives $\cos = O(1/\sqrt p)$"
    )
    control = "a fixed schedule, 9/(1 + t)², claimed to align at every width"
    errata = ("10",)

    LAM, BUDGET, ETA, N = 3.0, 5.0, 0.1, 4

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Orthonormal inputs, widths 10⁴ to 10⁸ in law: stretched schedules reach the constant, fixed ones fall."""
        rng, problem = options.rng(self.number, inputs), Problem(np.eye(self.N), (-1.0) ** np.arange(self.N))
        constant = sharp_constant(self.LAM, self.BUDGET, 1.0)
        least = theorem_4_6.SHARE * constant
        widths = (10**4, 10**6, 10**8)
        stretched = [self._final(problem, p, self._stretched(problem, p), rng) for p in widths]
        fixed = [self._final(problem, p, schedules.inverse_square(9.0, 1.0), rng) for p in widths]
        falling = fit_exponent(np.repeat(widths, 2), np.abs(fixed).ravel(), confidence=0.95)
        judged = np.ravel(fixed if options.broken else stretched)
        status = HOLDS if (judged >= least).all() else VIOLATED
        numbers = (
            Number(symbol="c →", value=constant, kind="limit", note="of the constant schedule at its largest λ"),
            Number(symbol="cos (stretched) ≥", value=float(np.min(stretched)), kind="observed"),
            Number(symbol="cos (fixed) ~ p^", value=falling.slope, kind="observed", note="as printed it is false"),
        )
        return self.finding(
            inputs, status, slack=1.0 - least / float(judged.min()) if judged.min() > 0 else -math.inf,
            where="half the constant, p = 10⁴ … 10⁸", numbers=numbers,
            remarks=("as printed it is false: fixed summable schedules do not align", ),
        )  # fmt: skip

    def _stretched(self, problem: Problem, p: int) -> schedules.Schedule:
        """λ(t) = 3/(1 + t/τ)², with the τ at which the sum is S_λ."""
        total = self.BUDGET * unit_of_budget(problem, p, self.ETA)
        return schedules.inverse_square(self.LAM, total / self.LAM)

    def _final(self, problem: Problem, p: int, ridge: schedules.Schedule, rng: np.random.Generator) -> list[float]:
        """cos∠(b, β) of two networks once 95 % of the sum is spent, which takes 20 times the schedule's scale."""
        scale = self.BUDGET * unit_of_budget(problem, p, self.ETA) / self.LAM
        steps = int(max(20.0 * scale, 2000)) if ridge.maximum < 9.0 else 20_000
        ends = []
        for generator in rng.spawn(2):
            setting = Setting(problem, sample_in_law(problem, p, generator), "identity", eta=self.ETA, ridge=ridge)
            ends.append(float(train(setting, steps=steps, record_every=steps).alignment[-1]))
        return ends
