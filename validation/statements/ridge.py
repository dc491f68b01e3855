"""Beyond the paper: under a penalty β is, up to O(1/√p), the ridge regression on the hidden features it has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from fa_ref import Trajectory
from fa_ref._support.threads import threads
from validation.beyond.nonlinear_alignment import RIDGE_REGRESSION
from validation.errata.readings import ascend
from validation.judge.verdicts import DIVERGED, HOLDS, UNDECIDED, VACUOUS, VIOLATED, Verdict
from validation.statements.alignment import Theorem46
from validation.statements.convergence import WRONG_SIGN, Theorem42, Theorem43
from validation.statements.inputs import Inputs
from validation.statements.statement import Finding, Number, Options, Statement

__all__ = ["RidgeRegression"]

NONE = "γ = 0 up to rounding, and the penalties of Theorems 4.2, 4.3 and 4.6 are multiples of it"

HIDDEN = "no bound could have failed, or rounding hides it: γ, of which the penalties are multiples, is small"

#: The steps that are judged of each run.
LAST = 100

Ridged = Theorem42 | Theorem43 | Theorem46


class RidgeRegression(Statement):
    """Theorem A, on the first run of every statement that has a penalty."""

    number = "A"
    claim = RIDGE_REGRESSION
    title = "Theorem A (ridge)"
    source = "beyond the paper"
    printed = (
        r"while $\lambda(t) = \lambda$: $\|\beta(t)-\beta^*(t)\| \le X_t = O(1/\sqrt p) + "
        r"(1-\eta\lambda)^t\|\beta(0)-\beta^*(0)\|$, $\beta^*$ the ridge regression of $y$ on the features at $t$"
    )
    assumptions = (
        r"$\lambda > 0$ up to the cutoff; $\psi$ Lipschitz; $y \ne 0$; $\eta(2\lambda + \lambda_{\max}(G)) \le 2$ "
        "at all steps"
    )
    control = WRONG_SIGN

    RUNS = (Theorem42(), Theorem43(), Theorem46())

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Judge it on the runs of Theorems 4.2, 4.3 and 4.6, at every step up to the cutoff or step 100."""
        found = [pair for statement in self.RUNS for pair in self._judged(statement, inputs, options)]
        spoken = [(name, run, verdict) for name, run, verdict in found if verdict.inequalities]
        if not spoken:
            said = (f"{name}'s run: {verdict.failing or verdict.why_unjudged}" for name, _, verdict in found)
            return (
                self.silent(inputs, *said)
                if found
                else self.silent(
                    inputs,
                    "γ = 0 up to rounding, and the penalties of Theorems 4.2, 4.3 and 4.6 are multiples of it",
                )
            )
        statuses = [verdict.status for _, _, verdict in spoken]
        status = next(status for status in (VIOLATED, DIVERGED, UNDECIDED, HOLDS, VACUOUS) if status in statuses)
        name, run, verdict = min(
            (each for each in spoken if each[2].status == status), key=lambda each: _slack(each[2])
        )
        remarks = (HIDDEN,) if status == VACUOUS else ()
        return self.finding(
            inputs, status, slack=_slack(verdict), where=f"{name}'s run: {verdict.worst_words}", verdict=verdict,
            runs=(run,), remarks=remarks, numbers=tuple(number for each in spoken for number in _numbers(*each)),
        )  # fmt: skip

    def _judged(
        self, statement: Ridged, inputs: Inputs, options: Options
    ) -> Iterator[tuple[str, Trajectory, Verdict]]:
        """The first run of the statement's own row, judged; nothing where the statement has no run."""
        if isinstance(statement, Theorem46) and statement.applies(inputs.linear, options.width or statement.WIDTH):
            return
        with threads(1):
            law = statement.law(inputs, replace(options, broken=False))
            run = _beginning(law(options.rng(statement.number, inputs)))
            if _seen(run):
                run = _beginning(ascend(run.setting, LAST)) if options.broken else run
                yield statement.title, run, RIDGE_REGRESSION.judge(run)


def _seen(run: Trajectory) -> bool:
    """Whether the penalty is more than the rounding of G: γ, of which it is a multiple, may be 0."""
    setting, start = run.setting, run.setting.start
    Psi = setting.activation(setting.problem.X @ start.W.T)
    trace = float(np.sum(Psi * Psi)) / start.p
    return bool(setting.ridge.maximum > setting.problem.n * np.finfo(float).eps * trace)


def _beginning(run: Trajectory) -> Trajectory:
    """The run up to step `LAST`, or to where it diverged: the features of every step are to be seen again."""
    kept = slice(0, int(np.searchsorted(run.times, LAST, side="right")))
    measures: dict[str, ArrayLike] = {name: values[kept] for name, values in run.measures.items()}
    return Trajectory.recorded(
        run.setting, run.times[kept], run.residuals[kept], measures=measures, roundoff=run.roundoff
    )


def _slack(verdict: Verdict) -> float:
    return verdict.tightest.slack if verdict.tightest is not None else math.inf


def _numbers(name: str, run: Trajectory, verdict: Verdict) -> tuple[Number, ...]:
    distance, _, cosine = verdict.inequalities
    ratio = distance.lhs / np.where(distance.rhs > 0, distance.rhs, np.inf)
    said = f"{name}'s run, λ = {run.setting.ridge.maximum:.3g}"
    numbers = [Number(symbol="‖β−β*‖/X_t ≤", value=float(ratio.max()), kind="observed", note=said)]
    if cosine.rhs[-1] < 2.0:  # else every cosine is that close
        when = f"at t = {cosine.times[-1]}; {said}"
        numbers.append(Number(symbol="|cos − κ_p| ≤", value=float(cosine.rhs[-1]), kind="proved", note=when))
    return tuple(numbers)
