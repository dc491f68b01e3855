"""Theorems 3.2, 4.2 and 4.3, and the large-sample scenario."""

from __future__ import annotations

import math

import numpy as np

from fa_ref import Problem, Setting, Trajectory, schedules, train
from fa_ref.activations import resolve
from theory.convergence import theorem_4_3 as linear_theory
from theory.convergence.widths_3_2 import sufficient_width
from theory.kernels import kernel_of
from validation.judge.verdicts import HOLDS, VIOLATED
from validation.statements.drawing import judged_by_draws
from validation.statements.inputs import Inputs
from validation.statements.laws import linear_step, nonlinear_step, runs_of
from validation.statements.statement import Finding, Law, Number, Options, Statement
from validation.theorems import theorem_3_2, theorem_4_2, theorem_4_3

__all__ = ["LargeSample", "Theorem32", "Theorem42", "Theorem43"]

#: Widths of the networks.
NONLINEAR_WIDTH, LINEAR_WIDTH = 1600, 800

#: Probability of failure that the proved widths allow.
PROVED = 0.1

WRONG_SIGN = "the residual has the printed sign, e = y − f"


def _width(symbol: str, p: int | None) -> Number:
    note = f"the width from which the explicit constants prove it with probability {1 - PROVED:g}"
    return Number(symbol=symbol, value=math.nan if p is None else float(p), kind="proved", note=note)


def _rate(run: Trajectory, rate: float) -> Number:
    """How fast ‖e‖ fell over the whole run, over what the theorem promises."""
    norms = run.residual_norms
    if not (rate > 0 and norms[-1] > 0 and run.times[-1] > 0 and np.isfinite(norms[-1])):
        return Number(symbol="rate/promised =", value=math.nan, kind="observed")
    seen = -math.log(norms[-1] / norms[0]) / (run.setting.eta * float(run.times[-1]))
    return Number(symbol="rate/promised =", value=seen / rate, kind="observed")


class Theorem32(Statement):
    """Feedback alignment converges at a linear rate in wide networks."""

    number = "3.2"
    claim = theorem_3_2.CLAIM
    title = "Theorem 3.2"
    printed = (
        r"$\|e(t+1)\| \le (1 - \eta\gamma/4)\|e(t)\|$ (3.1), "
        r"$\|w_r(t)-w_r(0)\| \le c_1 n\sqrt{\log p}/\sqrt p$, $|\beta_r(t)-\beta_r(0)| \le c_2 n/\sqrt p$ (3.2)"
    )
    assumptions = (
        r"Assumption 3.1; $\psi$, $\psi'$ and $\psi''$ bounded; inputs and targets bounded; $W(0)$, $\beta(0)$ and "
        r"$b$ with independent $N(0, 1)$ entries; $\lambda \equiv 0$; $p$ large enough against $n^2/\gamma^2$ and "
        r"$n^4\log p/\gamma^4$"
    )
    corrected = r"the same, for steps with $\eta\,\lambda_{\max}(G) \le 1$; $e = f - y$"
    control = WRONG_SIGN
    errata = ("1", "4", "5")

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Judge every step of networks of one width, drawn until the probability is decided."""
        problem, rng = inputs.nonlinear, options.rng(self.number, inputs)
        eta, kernel = nonlinear_step(problem), kernel_of(problem, resolve("tanh"))
        law = runs_of(
            problem, "tanh", options.width or NONLINEAR_WIDTH, options.steps, eta=eta, broken=options.broken
        )
        found = judged_by_draws(theorem_3_2.CLAIM, law, options, rng)
        enough = sufficient_width(problem, "tanh", eta=eta, delta=PROVED) if kernel.certified else None
        numbers = (_width("p* =", enough), _rate(found["runs"][0], kernel.gamma / 4.0))
        return self.finding(inputs, found.pop("status"), numbers=numbers, **found)


class Theorem42(Statement):
    """The same with a penalty on β."""

    number = "4.2"
    claim = theorem_4_2.CLAIM
    title = "Theorem 4.2"
    printed = (
        r"$\|e(t+1)\| \le (1 - \eta\gamma/4 - \eta\lambda(t))\|e(t)\| + \lambda(t)\|y\|$ (4.2), "
        r"if $\sum\lambda(t) \le \tilde S_\lambda$"
    )
    assumptions = (
        r"those of Theorem 3.2, but for the penalty: $\sum\lambda(t) \le \tilde S_\lambda$, of order $\sqrt p/\eta$"
    )
    corrected = r"the last term is $\eta\lambda(t)\|y\|$; steps with $\eta(\lambda_{\max}(G) + \max\lambda) \le 1$"
    control = WRONG_SIGN
    errata = ("2", "3", "5")

    def law(self, inputs: Inputs, options: Options) -> Law:
        """Runs with a penalty of γ in their first third."""
        problem = inputs.nonlinear
        gamma = max(kernel_of(problem, resolve("tanh")).gamma, 0.0)  # rounding may put that of a singular Ḡ below 0
        ridge = schedules.cutoff(gamma, options.steps // 3)
        eta = nonlinear_step(problem)
        p = options.width or NONLINEAR_WIDTH
        return runs_of(problem, "tanh", p, options.steps, eta=eta, ridge=ridge, broken=options.broken)

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Judge every step with a penalty of γ in the first third of the run."""
        rng, gamma = options.rng(self.number, inputs), kernel_of(inputs.nonlinear, resolve("tanh")).gamma
        law = options.watched(self.number, inputs, self.law(inputs, options))
        found = judged_by_draws(theorem_4_2.CLAIM, law, options, rng)
        run = found["runs"][0]
        spent = run.setting.eta * run.setting.ridge.total
        numbers = (
            Number(symbol="ηΣλ =", value=spent, kind="observed", note="and every step held"),
            _rate(run, gamma / 4),
        )
        return self.finding(inputs, found.pop("status"), numbers=numbers, **found)


class Theorem43(Statement):
    """Linear networks."""

    number = "4.3"
    claim = theorem_4_3.CLAIM
    title = "Theorem 4.3"
    printed = (
        r"$\|e(t+1)\| \le (1 - \eta\gamma/2 - \eta\lambda(t))\|e(t)\| + \lambda(t)\|y\|$ (4.3), "
        r"if $\sum\lambda(t) \le S_\lambda$"
    )
    assumptions = (
        r"$\psi(z) = z$; $\gamma \le \lambda_{\min}(XX^\top)$ and $\lambda_{\max}(XX^\top) \le M$ with "
        r"$\gamma > 0$; $W(0)$, $\beta(0)$ and $b$ with independent $N(0, 1)$ entries; "
        r"$p$ large enough against $M/\gamma$; "
        r"$\sum\lambda(t) \le S_\lambda = c_S\,\gamma\sqrt{\gamma p}/(\eta\sqrt n\,M)$"
    )
    corrected = (
        r"the last term is $\eta\lambda(t)\|y\|$; $\eta(\lambda_{\max}(G)+\max\lambda)\le 1$; for "
        r"$\lambda\equiv0$ and small steps $p = \Omega(n + \log(1/\delta))$ is enough at any condition number"
    )
    control = WRONG_SIGN
    errata = ("2", "3", "5")

    def law(self, inputs: Inputs, options: Options) -> Law:
        """Runs with a penalty of γ/10 in their first third."""
        problem = inputs.linear
        eta, ridge = linear_step(problem), schedules.cutoff(0.1 * max(problem.lambda_min, 0.0), options.steps // 3)
        p = options.width or LINEAR_WIDTH
        return runs_of(problem, "identity", p, options.steps, eta=eta, ridge=ridge, broken=options.broken)

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Judge every step with a penalty of γ/10 in the first third of the run."""
        problem, rng = inputs.linear, options.rng(self.number, inputs)
        if problem.rank < problem.n:
            return self.silent(inputs, singular(problem))
        law = options.watched(self.number, inputs, self.law(inputs, options))
        found = judged_by_draws(theorem_4_3.CLAIM, law, options, rng)
        numbers = (
            _linear_width(problem, linear_step(problem)),
            _rate(found["runs"][0], problem.lambda_min / 2.0),
        )
        return self.finding(inputs, found.pop("status"), numbers=numbers, **found)


def _linear_width(problem: Problem, eta: float) -> Number:
    enough = None
    if problem.lambda_min > 0:
        enough = linear_theory.sufficient_width(problem, eta=eta, delta=PROVED, form="sharper")
    return _width("p* =", enough)


class LargeSample(Statement):
    """n > d: a linear network fits what the column space of X holds of y."""

    number = "n > d"
    title = "large samples (n > d)"
    printed = (
        r"for $n > d$ the linear network converges to $\bar y$, the projection of $y$ on the column space of $X$"
    )
    assumptions = (
        r"those of Theorem 4.3, but for the inputs: $XX^\top$ is singular, and $\gamma$ its least eigenvalue "
        "above 0"
    )
    control = WRONG_SIGN

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Judge Theorem 4.3 on the projected problem, and that the weights move as they do on X and y."""
        rng, tall = options.rng(self.number, inputs), _tall(inputs.linear)
        flat = tall.projected()
        eta = linear_step(flat)
        p = options.width or LINEAR_WIDTH
        law = runs_of(flat, "identity", p, options.steps, eta=eta, broken=options.broken)
        found = judged_by_draws(theorem_4_3.CLAIM, law, options, rng)
        run: Trajectory = found["runs"][0]
        gap = (
            math.inf
            if options.broken
            else _difference(Setting(tall, run.setting.network, "identity", eta=eta), run)
        )
        if found["status"] == HOLDS and not gap <= 1e-9:
            found |= {"status": VIOLATED, "remarks": (f"the weights differ by {gap:.2g} of their movement",)}
        left = flat.unexplained / float(np.linalg.norm(tall.y)) if tall.y.any() else 0.0
        numbers = (
            Number(symbol="‖ȳ−y‖/‖y‖", value=left, kind="proved", note="no linear network removes it"),
            Number(symbol="d/n =", value=tall.d / tall.n, kind="observed"),
        )
        return self.finding(inputs, found.pop("status"), numbers=numbers, **found)


def singular(problem: Problem) -> str:
    """Why Theorems 4.3 and 4.6 say nothing where K is singular, and which statement does."""
    why = "n > d" if problem.n > problem.d else f"{problem.n} samples of rank {problem.rank}"
    return f"{why}: K is singular; the row on large samples speaks of y's projection on the columns of X"


def _tall(problem: Problem) -> Problem:
    """The problem itself where K is singular, else its inputs in their n/3 largest principal directions."""
    if problem.rank < problem.n:
        return problem
    U, sigma, _ = np.linalg.svd(problem.X, full_matrices=False)
    k = max(1, min(problem.rank, problem.n // 3))
    return Problem(U[:, :k] * sigma[:k], problem.y)


def _difference(setting: Setting, projected: Trajectory) -> float:
    """The largest difference of the final weights of the two runs, over the largest movement of a weight."""
    direct = train(setting, steps=int(projected.times[-1]), engine="ordered")
    again = train(projected.setting, steps=int(projected.times[-1]), engine="ordered")
    ours, theirs, start = direct.network, again.network, setting.start
    pairs = ((ours.W, theirs.W, start.W), (ours.beta, theirs.beta, start.beta))  # type: ignore[union-attr]
    moved = max(float(np.abs(a - s).max()) for a, _, s in pairs)
    return max(float(np.abs(a - b).max()) for a, b, _ in pairs) / moved if moved > 0 else 0.0
