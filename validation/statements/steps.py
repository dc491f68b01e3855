"""The one-step identity behind every theorem, and how far the weights move."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from fa_ref import Network, Problem, Setting, train
from fa_ref.activations import resolve
from theory.kernels import empirical_H, kernel_of
from theory.kernels.one_step import OneStep, one_step
from validation.judge.fits import Fit
from validation.judge.scaling import QUANTITIES, Quantity, Run, scalings
from validation.judge.verdicts import HOLDS, UNDECIDED, VIOLATED
from validation.report.advice import not_wide
from validation.statements.inputs import Inputs
from validation.statements.laws import nonlinear_step
from validation.statements.statement import Finding, Number, Options, Statement

__all__ = ["Movement", "OneStepIdentity"]


class OneStepIdentity(Statement):
    """e(t+1) in terms of G, H and a remainder v, exactly."""

    number = "identity"
    title = "one-step identity"
    printed = r"$e(t+1) = (I - \eta G - \eta H)\,e(t) + v(t)$, in the proof of Theorem 3.2"
    assumptions = "Algorithm 1, or its variant with a penalty, at any weights"
    corrected = r"$e(t+1) = (I - \eta G - \eta(1-\eta\lambda_t)H - \eta\lambda_t)\,e(t) - \eta\lambda_t y + v(t)$"
    control = "the remainder v is left out"
    errata = ("3",)

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Compare both sides at three times of a run with a penalty, to the rounding of every term."""
        rng, problem = options.rng(self.number, inputs), inputs.nonlinear
        eta, lam = nonlinear_step(problem), 0.1
        setting = Setting(problem, Network.gaussian(400, problem.d, rng), "tanh", eta=eta)
        worst, sizes, least = 0.0, [], math.inf

        def look(t: int, network: Network) -> None:
            nonlocal worst, least
            if t % 50 == 0:
                step = one_step(problem.X, problem.y, network, "tanh", eta, lam)
                worst = max(worst, _gap(step, options.broken) / step.rounding)
                sizes.append(float(np.linalg.norm(step.remainder) / (eta * np.linalg.norm(step.before))))
                least = min(least, float(np.linalg.eigvalsh(empirical_H(problem.X, network, "tanh"))[0]))

        run = train(setting, steps=100, observe=look)
        return self.finding(
            inputs, HOLDS if worst <= 1.0 else VIOLATED, slack=1.0 - worst, where="at t = 0, 50, 100", runs=(run,),
            numbers=(
                Number(symbol="‖v‖/η‖e‖", value=max(sizes), kind="observed"),
                Number(symbol="λ_min(H) =", value=least, kind="observed", note="H is not positive semi-definite"),
            ),
        )  # fmt: skip


def _gap(step: OneStep, without_remainder: bool) -> float:
    remainder = 0.0 if without_remainder else step.remainder
    return float(np.abs(step.after - step.linear - remainder).max())


class Movement(Statement):
    """How far each weight moves, as an exponent of p."""

    number = "movement"
    title = "movement of weights"
    printed = (
        r"$\|w_r(t) - w_r(0)\| = O(n\sqrt{\log p}/\sqrt p)$ and $|\beta_r(t) - \beta_r(0)| = O(n/\sqrt p)$, (3.2)"
    )
    assumptions = "those of Theorem 3.2"
    control = "movement is multiplied by √p"
    errata = ("8",)

    SAMPLES, CONFIDENCE, WIDTHS = 10, 0.9999, (1600, 6400, 25_600)

    def check(self, inputs: Inputs, options: Options) -> Finding:
        """Fit the exponent of p on independent runs at three widths, with the first ten samples and small steps."""
        whole, rng = inputs.nonlinear, options.rng(self.number, inputs)
        problem = Problem(whole.X[: self.SAMPLES], whole.y[: self.SAMPLES])
        names = [name for name, quantity in QUANTITIES.items() if quantity.source == "(3.2)"]
        chosen = {name: _relative(QUANTITIES[name], times_root_p=options.broken) for name in names}
        fits = scalings(
            problem, self.WIDTHS, rng, eta=0.1 * nonlinear_step(problem), steps=10, runs=6,
            confidence=self.CONFIDENCE, quantities=chosen,
        )  # fmt: skip
        slowest = max(fits.values(), key=lambda fit: fit.low)
        numbers = tuple(
            Number(
                symbol=f"{name[1:4]}: p^", value=fit.slope, kind="observed", note=f"{fit.low:.2f} to {fit.high:.2f}"
            )
            for name, fit in fits.items()
        )
        words = "; ".join(f"{name}: exponent {fit.low:.2f} to {fit.high:.2f}" for name, fit in fits.items())
        status, remarks = _status(list(fits.values())), tuple[str, ...]()
        if status == VIOLATED and not options.broken:
            status, remarks = _wide(problem, self.WIDTHS[0])
        return self.finding(
            inputs, status, slack=-0.5 - slowest.low, where=words, confidence="99.99 %", numbers=numbers,
            remarks=remarks,
        )  # fmt: skip


def _wide(problem: Problem, p: int) -> tuple[str, tuple[str, ...]]:
    """An exponent above −½ refutes an O(1/√p) only where networks are as wide as the claim has them."""
    why = not_wide(problem, "tanh", p, kernel_of(problem, resolve("tanh")))
    return (UNDECIDED, (why,)) if why else (VIOLATED, ())


def _relative(quantity: Quantity, *, times_root_p: bool) -> Quantity:
    """Movement over ‖e(0)‖, to which the bounds are proportional; times √p for the negative control."""

    def measure(run: Run) -> float:
        scale = math.sqrt(run.start.p) if times_root_p else 1.0
        return quantity.measure(run) * scale / float(run.trajectory.residual_norms[0])

    return replace(quantity, measure=measure)


def _status(fits: list[Fit]) -> str:
    """Refuted where an interval lies above −½; shown where every interval lies below 0 and reaches −½."""
    if any(fit.low > -0.5 for fit in fits):
        return VIOLATED
    return HOLDS if all(fit.high < 0.0 for fit in fits) else UNDECIDED
