"""When b and β align: the cosine bound of Section 4.1 and Theorem 4.6."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

import numpy as np

from fa_ref import Network, Problem, Setting, Trajectory, schedules, train
from fa_ref.activations import resolve
from fa_ref.engines.gram.engine import is_well_conditioned
from theory.alignment import no_alignment_coefficient, sharp_schedule
from theory.alignment.after_cutoff import after_cutoff
from theory.kernels import MeanKernel, kernel_of
from theory.limits.linear import linear_mean_run
from theory.margins import Margin
from validation.judge.claims import Conclusion
from validation.judge.fits import Fit, fit_rms_exponent
from validation.judge.verdicts import DIVERGED, HOLDS, UNDECIDED, VIOLATED
from validation.report.advice import not_wide
from validation.statements.convergence import singular
from validation.statements.drawing import judged_by_draws
from validation.statements.inputs import Inputs
from validation.statements.laws import linear_step, nonlinear_step
from validation.statements.statement import Finding, Law, Number, Options, Statement
from validation.theorems import alignment_bound, theorem_4_6

__all__ = ["CosineBound", "Theorem46"]


#: Entries of W that a remedy may ask for, and spreads 1/√p by which a cosine is clear of what is asked.
ENTRIES, CLEAR = 10**8, 2.5

#: Products in the measurements of a run: of a very wide network, which is measured unit by unit, fewer steps are.
MEASURED = 3e9


class CosineBound(Statement):
    """Without a penalty b and β do not align."""

    number = "4.1"
    claim = alignment_bound.CLAIM
    title = "§4.1: cos = O(n/√p)"
    printed = r"$|\cos\angle(b, \beta(t))| = O(n/\sqrt p)$ for Algorithm 1"
    assumptions = "those of Theorem 3.2"
    corrected = (
        r"sharper: $p\,\mathbb E\cos \to \tfrac12\bigl(\mathrm{tr}\,\bar G^{-1}\bar\Theta + "
        r"y^\top\bar G^{-1}\bar\Theta\bar G^{-1}y\bigr)$"
    )
    control = "b leans on β(0): b + β(0) in its place"

    #: Widths, and how many networks at each for 32 draws; the widest are run with feedback −b too.
    DRAWS: ClassVar[dict[int, int]] = {400: 16, 1600: 8, 6400: 4}

    #: At most so many samples, or so few where only the slower engine can run them: the widest runs take minutes.
    SAMPLES, FEW = 50, 10

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Fit the exponent of p in |cos|, judge the explicit bound where it says something, and measure p·E cos."""
        problem, rng = self._some(inputs.nonlinear), options.rng(self.number, inputs)
        eta, widest = nonlinear_step(problem), max(self.DRAWS)
        runs = {
            p: [
                _runs(problem, p, eta, options, child, pair=p == widest)
                for child in rng.spawn(count * max(1, options.draws // Options.draws))
            ]
            for p, count in self.DRAWS.items()
        }
        cosines = {p: [float(found[0].alignment[-1]) for found in drawn] for p, drawn in runs.items()}
        last = runs[widest][-1]
        verdict = alignment_bound.CLAIM.judge(last[0])
        mean = float(np.mean([run.alignment[-1] for pair in runs[widest] for run in pair]))
        certain = _kernel(problem).certified
        law = no_alignment_coefficient(problem, "tanh", eta=eta, steps=options.steps) if certain else math.nan
        remarks = () if verdict else (f"the bound with its constants is {verdict.status} at p = {widest}",)
        if not np.isfinite(list(cosines[widest])).all():
            return self.finding(inputs, DIVERGED, remarks=("runs diverged", *remarks), verdict=verdict, runs=last)
        fit = fit_rms_exponent(cosines, confidence=0.99)
        status, why = _decided(
            fit, "" if options.broken else not_wide(problem, "tanh", min(self.DRAWS), _kernel(problem))
        )
        numbers = (
            Number(symbol="p·E cos =", value=widest * mean, kind="observed", note=f"p = {widest}"),
            Number(symbol="p·E cos →", value=law, kind="limit", note="" if certain else "γ > 0 is not certain"),
            Number(symbol="|cos| ~ p^", value=fit.slope, kind="observed", note=f"{fit.low:.2f} to {fit.high:.2f}"),
        )
        some = f", {problem.n} of the {inputs.n} rows, evenly spaced" if problem.n < inputs.n else ""
        return self.finding(
            inputs, status, slack=-0.5 - fit.low, where=f"exponent {fit.low:.2f} to {fit.high:.2f}{some}",
            confidence="99 %", numbers=numbers, remarks=(*why, *remarks), verdict=verdict, runs=last,
        )  # fmt: skip

    def _some(self, problem: Problem) -> Problem:
        """The samples that are judged: of a tall table no more than d, whose K is regular, or few."""
        some = _spread(problem, min(self.SAMPLES, max(self.FEW, problem.d)))
        quick = some.n < 2 * some.d and is_well_conditioned(some)
        return some if quick else _spread(problem, self.FEW)


def _spread(problem: Problem, most: int) -> Problem:
    """The problem itself, or ``most`` of its samples, evenly spaced: a table is often sorted by its targets."""
    if problem.n <= most:
        return problem
    rows = np.linspace(0, problem.n - 1, most).round().astype(int)
    return Problem(problem.X[rows], problem.y[rows])


def _kernel(problem: Problem) -> MeanKernel:
    return kernel_of(problem, resolve("tanh"))


def _decided(fit: Fit, narrow: str) -> tuple[str, tuple[str, ...]]:
    """An exponent above −½ refutes an O(1/√p) only where networks are as wide as the claim has them."""
    clear = fit.low > -0.5
    if not clear and fit.high < 0:
        return HOLDS, ()
    if narrow:
        return UNDECIDED, (narrow,)
    if clear:
        return VIOLATED, ()
    return UNDECIDED, ("the exponent's interval holds both −½ and 0: more networks (--draws) narrow it",)


def _runs(
    problem: Problem, p: int, eta: float, options: Options, rng: np.random.Generator, *, pair: bool
) -> tuple[Trajectory, ...]:
    """A run; as a pair also one from the same W and β with feedback −b: their mean has no noise of order 1/√p."""
    start = Network.gaussian(p, problem.d, rng)
    b = start.b + start.beta if options.broken else start.b
    signs = (1.0, 1.0) if options.broken else (1.0, -1.0)
    return tuple(
        train(Setting(problem, Network(start.W, start.beta, sign * b), "tanh", eta=eta), steps=options.steps)
        for sign in signs[: 1 + pair]
    )


class Theorem46(Statement):
    """A penalty that is cut off aligns linear networks."""

    number = "4.6"
    claim = theorem_4_6.CLAIM
    title = "Theorem 4.6"
    printed = (
        r"$X$ $(\gamma,\varepsilon)$-isometric, $\lambda = L\gamma$ for $t \le \lfloor S_\lambda/\lambda\rfloor$, "
        r"a large constant $L$: $\cos\angle(b, \beta(t)) \ge c$ after the cutoff"
    )
    assumptions = (
        r"$\psi(z) = z$; $X$ is $(\gamma,\varepsilon)$-isometric for a small $\varepsilon$; those of Theorem 4.3; "
        r"$\lambda(t) = \lambda = L\gamma$ up to $T = \lfloor S_\lambda/\lambda\rfloor$ and 0 after; $y \ne 0$; "
        r"$p$ large"
    )
    corrected = (
        r"$\cos \to \kappa/\sqrt{1+\kappa^2}$ with $(1+L)\kappa + \kappa^3/3 = c_S\,\nu\gamma/M$: $c$ falls "
        r"with $L$; for $\cos > 0$ any $K \succ 0$ will do"
    )
    control = "λ ≡ 0"
    errata = ("9", "13")

    WIDTH, L, BUDGET = 3200, 1.0, 5.0

    def schedule(self, problem: Problem, p: int) -> schedules.Schedule:
        """The penalty, and its cutoff; γ > 0 is needed."""
        gamma = problem.lambda_min
        return sharp_schedule(
            self.L, self.BUDGET, p, problem.n, eta=self.eta(problem), gamma=gamma,
            gamma_over_M=gamma / problem.lambda_max,
        )  # fmt: skip

    @staticmethod
    def eta(problem: Problem) -> float:
        """The step size: G grows by κ² along b while the penalty lasts."""
        return 0.4 * linear_step(problem)

    def law(self, inputs: Inputs, options: Options) -> Law:
        """Runs with this schedule, and `Options.steps` steps after its cutoff."""
        problem, p = inputs.linear, options.width or self.WIDTH
        ridge = self.schedule(problem, p)
        eta, steps = self.eta(problem), round(ridge.total / ridge.maximum) + options.steps
        chosen = schedules.zero() if options.broken else ridge
        every = math.ceil(p * problem.n * steps / MEASURED)

        def draw(generator: np.random.Generator) -> Trajectory:
            network = Network.gaussian(p, problem.d, generator)
            return train(
                Setting(problem, network, "identity", eta=eta, ridge=chosen), steps=steps, record_every=every
            )

        return draw

    def applies(self, problem: Problem, p: int) -> str:
        """Why the theorem does not speak of these inputs; empty where it does."""
        gamma, M = problem.lambda_min, problem.lambda_max
        if problem.rank < problem.n:
            return singular(problem)
        if not gamma > 1e-12 * M:
            return "λ_min(K) < 1e-12 λ_max(K): rows too alike for a schedule to be written down"
        ridge = self.schedule(problem, p)
        T = round(ridge.total / ridge.maximum)
        if T < 20:
            far = f"ε = {M / gamma - 1:.3g}: far from isometric"
            return f"{far}, the schedule of Theorem 4.6 lasts {T} steps at p = {p}; whitened inputs have ε = 0"
        return ""

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Judge the alignment after the cutoff on these inputs, against half the proved bracket's lower end."""
        problem, p = inputs.linear, options.width or self.WIDTH
        reason = self.applies(problem, p)
        if not problem.lambda_min > 1e-12 * problem.lambda_max:
            return self.silent(inputs, reason)
        sharp = after_cutoff(problem, [p], eta=self.eta(problem), lam=self.L * problem.lambda_min, c_S=self.BUDGET)
        limit = Number(symbol="c →", value=sharp.alignment, kind="limit", note="κ/√(1 + κ²) for these X and y")
        if reason:
            return replace(self.silent(inputs, reason), numbers=(limit,))
        claim = _WithSchedule(self.schedule(problem, p)) if options.broken else theorem_4_6.CLAIM
        law = options.watched(self.number, inputs, self.law(inputs, options))
        found = judged_by_draws(claim, law, options, options.rng(self.number, inputs))
        seen = Number(symbol="cos =", value=float(found["runs"][0].alignment[-1]), kind="observed")
        if found["status"] == UNDECIDED and not options.broken:
            least = theorem_4_6.SHARE * sharp.bracket.lower
            if not self._clear(problem, p, least, options.steps):
                found["remarks"] = (found["confidence"], self._cure(problem, p, least, options.steps))
        return self.finding(inputs, found.pop("status"), numbers=(limit, seen), **found)

    def _cure(self, problem: Problem, p: int, least: float, steps: int) -> str:
        """The width at which the cosine of nearly every network is expected above ``least``, if one can be run."""
        expected = self._expected(problem, p, steps)
        seen = f"cos = {expected:.2g} ± {1 / math.sqrt(p):.1g} is expected at p = {p}"
        wide = 2 * p
        while wide * problem.d <= ENTRIES:
            if self._clear(problem, wide, least, steps):
                return f"{seen}, {least:.1g} asked for: --p {wide} would show it"
            wide *= 2
        return f"{seen}, {least:.1g} asked for: inputs nearer to isometric, say whitened, have a larger c"

    def _clear(self, problem: Problem, p: int, least: float, steps: int) -> bool:
        return self._expected(problem, p, steps) - least >= CLEAR / math.sqrt(p)

    def _expected(self, problem: Problem, p: int, steps: int) -> float:
        """The mean cosine at the end of a run: a short penalty does not reach the limit."""
        ridge = self.schedule(problem, p)
        end = np.array([round(ridge.total / ridge.maximum) + steps])
        return float(linear_mean_run(problem, self.eta(problem), ridge, p, end).alignment[-1])


class _WithSchedule(theorem_4_6.Theorem46):
    """The negative control: the conclusions with the constants of a schedule that the run did not have."""

    def __init__(self, ridge: schedules.Schedule) -> None:
        self.ridge = ridge

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Those of the schedule that is claimed."""
        return super().hypotheses(replace(run, setting=run.setting.replace(ridge=self.ridge)))

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """The alignment that the schedule would lead to."""
        return super().conclusions(replace(run, setting=run.setting.replace(ridge=self.ridge)))[:1]
