"""Beyond the paper: under a penalty β is, up to O(1/√p), the ridge regression on the hidden features it has."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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

__all__ = ["RidgeRegression", "Watched"]

#: Statuses of judged runs, the worst first.
ORDER = (VIOLATED, DIVERGED, UNDECIDED, HOLDS, VACUOUS)

NONE = "γ = 0 up to rounding, and the penalties of Theorems 4.2, 4.3 and 4.6 are multiples of it"

HIDDEN = "no bound could have failed, or rounding hides it: γ, of which the penalties are multiples, is small"

#: The steps that are judged of a statement's first run, and of each further one.
LAST, SHORTER = 100, 25


@dataclass(kw_only=True)
class _Row:
    """What Theorem A says of the runs of one statement: their number, its worst verdict, its largest ratio."""

    title: str
    run: Trajectory
    verdict: Verdict
    numbers: tuple[Number, ...]
    runs: int
    ratio: float


class Watched:
    """Theorem A judged on every run with a penalty, while the runs are drawn: `Options.watch`."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], _Row | None] = {}

    def __call__(self, number: str, name: str, run: Trajectory) -> None:
        """Judge the first run of a statement to step `LAST` or the cutoff, others to step `SHORTER`."""
        key = (number, name)
        if key not in self.rows:
            self.rows[key] = None
            with threads(1):
                self._first(key, run)
            return
        row = self.rows[key]
        if row is None:
            return
        run = _beginning(run, SHORTER)
        with threads(1):
            verdict = RIDGE_REGRESSION.judge(run)
        row.runs += bool(verdict.inequalities)
        row.ratio = max(row.ratio, _ratio(verdict))
        if _badness(verdict) < _badness(row.verdict):
            row.run, row.verdict = run, verdict

    def _first(self, key: tuple[str, str], run: Trajectory) -> None:
        if not _seen(run):
            return
        title = next(statement.title for statement in RidgeRegression.RUNS if statement.number == key[0])
        run = _beginning(run, LAST)
        verdict = RIDGE_REGRESSION.judge(run)
        numbers = _cosine_number(title, run, verdict)
        judged = int(bool(verdict.inequalities))
        self.rows[key] = _Row(
            title=title, run=run, verdict=verdict, numbers=numbers, runs=judged, ratio=_ratio(verdict)
        )


class RidgeRegression(Statement):
    """Theorem A, on every run that has a penalty."""

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
        """Judge it on every run of the rows of Theorems 4.2, 4.3 and 4.6, which are drawn if they were not yet."""
        rows = self._broken(inputs, options) if options.broken else self._rows(inputs, options)
        spoken = [row for row in rows if row.verdict.inequalities]
        if not spoken:
            said = (f"{row.title}'s run: {row.verdict.failing or row.verdict.why_unjudged}" for row in rows)
            return self.silent(inputs, *(said if rows else (NONE,)))
        worst = min(spoken, key=lambda row: _badness(row.verdict))
        status, runs = worst.verdict.status, sum(row.runs for row in spoken)
        numbers = tuple(number for row in spoken for number in (_ratio_number(row), *row.numbers))
        return self.finding(
            inputs, status, slack=_slack(worst.verdict), where=f"{worst.title}'s run: {worst.verdict.worst_words}",
            confidence="" if options.broken else f"{runs} runs", verdict=worst.verdict, runs=(worst.run,),
            remarks=(HIDDEN,) if status == VACUOUS else (), numbers=numbers,
        )  # fmt: skip

    def _rows(self, inputs: Inputs, options: Options) -> list[_Row]:
        watched = options.watch if isinstance(options.watch, Watched) else Watched()
        for statement in self.RUNS:
            if (statement.number, inputs.name) not in watched.rows:
                statement.check(inputs, replace(options, watch=watched))
        rows = (watched.rows.get((statement.number, inputs.name)) for statement in self.RUNS)
        return [row for row in rows if row is not None]

    def _broken(self, inputs: Inputs, options: Options) -> list[_Row]:
        """The first run of each statement, begun again with the wrong sign."""
        found = self._rows(inputs, replace(options, broken=False, draws=1, watch=None))
        for row in found:
            row.run = _beginning(ascend(row.run.setting, LAST), LAST)
            row.verdict, row.numbers = RIDGE_REGRESSION.judge(row.run), ()
            row.ratio = _ratio(row.verdict)
        return found


def _seen(run: Trajectory) -> bool:
    """Whether the penalty is more than the rounding of G: γ, of which it is a multiple, may be 0."""
    setting, start = run.setting, run.setting.start
    Psi = setting.activation(setting.problem.X @ start.W.T)
    trace = float(np.sum(Psi * Psi)) / start.p
    return bool(setting.ridge.maximum > setting.problem.n * np.finfo(float).eps * trace)


def _beginning(run: Trajectory, last: int) -> Trajectory:
    """The run up to this step, or to where it diverged: the features of every step are to be seen again."""
    kept = slice(0, int(np.searchsorted(run.times, last, side="right")))
    measures: dict[str, ArrayLike] = {name: values[kept] for name, values in run.measures.items()}
    return Trajectory.recorded(
        run.setting, run.times[kept], run.residuals[kept], measures=measures, roundoff=run.roundoff
    )


def _slack(verdict: Verdict) -> float:
    return verdict.tightest.slack if verdict.tightest is not None else math.inf


def _badness(verdict: Verdict) -> tuple[int, float]:
    """Sort verdicts with inequalities, the worst first."""
    return ORDER.index(verdict.status) if verdict.status in ORDER else len(ORDER), _slack(verdict)


def _ratio(verdict: Verdict) -> float:
    if not verdict.inequalities:
        return 0.0
    distance = verdict.inequalities[0]
    return float((distance.lhs / np.where(distance.rhs > 0, distance.rhs, np.inf)).max(initial=0.0))


def _ratio_number(row: _Row) -> Number:
    said = f"{row.title}, λ = {row.run.setting.ridge.maximum:.3g}; runs: {row.runs}"
    return Number(symbol="‖β−β*‖/X_t ≤", value=row.ratio, kind="observed", note=said)


def _cosine_number(title: str, run: Trajectory, verdict: Verdict) -> tuple[Number, ...]:
    """How near to κ_p the cosine of the first run is proved to be at its last step, where that says anything."""
    if not verdict.inequalities or not verdict.inequalities[2].rhs[-1] < 2.0:
        return ()
    cosine = verdict.inequalities[2]
    when = f"at t = {cosine.times[-1]}; {title}'s first run, λ = {run.setting.ridge.maximum:.3g}"
    return (Number(symbol="|cos − κ_p| ≤", value=float(cosine.rhs[-1]), kind="proved", note=when),)
