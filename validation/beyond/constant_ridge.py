r"""A constant penalty: no weights stand still, the plateau, and where linear networks become unstable.

**Assumptions.** λ(t) = λ > 0 at all times; as ``docs/open_questions.md`` says for each.

**Claims.**

* `NO_STATIONARY_POINT`: for ψ′ > 0 and X of full row rank the steps of feedback alignment have a lower bound,

      λ ‖(G + λ)⁻¹y‖ ≤ ‖Δβ‖/(2η√λ) + ‖ΔW‖_F/(η√λ_min(Θ_p)),     Θ_p = (1/p) Σ_r b_r² D_r K D_r,

  at every weights, whatever led to them. Proved.
* `on_the_plateau`: ‖e(t)‖ = λ‖(Ḡ + λ)⁻¹y‖ (1 + O(p^{-1/2})) at t of order p^{1/4}. Derived from the limits at fixed
  t and at θ = t/√p, whose kernel leaves Ḡ like θ².
* `beyond_the_edge`: a linear network diverges at θ_c(1 + O(p^{-1/4})), up to a root of log p. Seen, not proved:
  near θ_c a perturbation grows by exp(c√p (θ − θ_c)²).

The builders take ``misread``, a factor by which the predicted value is wrong: the negative control.

**Guarantee.** The first is a **lower** bound of the step, the others are **asymptotic**.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Problem, Setting, Trajectory, train
from fa_ref._support.threads import threads
from fa_ref.activations import Activation, resolve
from fa_ref.engines.reduced import sample_in_law
from fa_ref.schedules import Schedule
from theory.limits.edge import edge_time
from theory.limits.long_time import constant_penalty, plateau
from theory.limits.stationarity import Standing, standing
from theory.margins import Margin
from theory.precision import gamma
from validation.beyond.deviations import nested_network
from validation.beyond.weights import WeightRecord
from validation.judge.asymptotics import AsymptoticClaim
from validation.judge.claims import Claim, Conclusion, Unjudged
from validation.judge.inequalities import Inequality
from validation.judge.record import has_diverged

__all__ = ["NO_STATIONARY_POINT", "NoStationaryPoint", "beyond_the_edge", "on_the_plateau"]

Array = NDArray[np.float64]

#: Where the derivative of a strictly increasing ψ is looked at.
SAMPLES = np.linspace(-3.0, 3.0, 121)


class NoStationaryPoint(Claim):
    """The lower bound on the length of a step under a constant penalty."""

    name = "no stationary point"
    statement = "λ‖(G + λ)⁻¹y‖ ≤ ‖Δβ‖/(2η√λ) + ‖ΔW‖/(η√λ_min(Θ_p))"
    source = "docs/open_questions.md, section 1"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """A constant λ > 0, feedback alignment, y ≠ 0, ψ′ > 0 and X of full row rank."""
        problem, psi = run.setting.problem, run.setting.activation
        return (
            Margin("λ", _penalty(run.setting), 0.0, ">"),
            Margin.fact("rule is fa", run.setting.rule == "fa"),
            Margin("‖y‖", float(np.linalg.norm(problem.y)), 0.0, ">"),
            Margin("min ψ′ on [−3, 3]", float(psi.derivative(SAMPLES).min()), 0.0, ">"),
            Margin("rank X", float(problem.rank), float(problem.n)),
            Margin.fact("the run stays finite", not has_diverged(run)),
        )

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """The bound at every step, with the steps that were taken."""
        if not isinstance(run, WeightRecord):
            return (Unjudged("step", "the weights were not recorded, see WeightRecord"),)
        if not _penalty(run.setting) > 0:
            return ()
        least, most, rounding = np.array([_compare(run, k) for k in range(run.times.size - 1)]).reshape(-1, 3).T
        return (Inequality("step", run.times[:-1], least, most, rounding),)


def _penalty(setting: Setting) -> float:
    try:
        return constant_penalty(setting.ridge)
    except ValueError:
        return 0.0


def _compare(run: WeightRecord, k: int) -> tuple[float, float, float]:
    """Both sides at one step, and rounding: of the update (γ_{n+8} of the weights), of G and of λ_min(Θ_p).

    Where λ_min(Θ_p) is within its rounding the bound is infinite, and says nothing.
    """
    setting, p = run.setting, run.beta.shape[1]
    now = Network(run.W[k], run.beta[k], setting.start.b)
    here = standing(setting.problem, now, setting.activation, setting.ridge)
    moved_W, moved_beta = (float(np.linalg.norm(part[k + 1] - part[k])) for part in (run.W, run.beta))
    unit = gamma(setting.problem.n + p + setting.problem.d + 20, run.roundoff)
    size = setting.activation.B1**2 * setting.problem.lambda_max * float(setting.start.b @ setting.start.b) / p
    floor = here.slope_floor - unit * size
    if not floor > 0:
        return here.ridge_residual, math.inf, 0.0
    wide, tall = 2.0 * setting.eta * math.sqrt(here.ridge), setting.eta * math.sqrt(floor)
    most = moved_beta / wide + moved_W / tall
    lost = float(np.linalg.norm(run.beta[k])) / wide + float(np.linalg.norm(run.W[k])) / tall
    return here.ridge_residual, most, unit * (lost + most + _sensitivity(here, run, k))


def _sensitivity(here: Standing, run: WeightRecord, k: int) -> float:
    """What a relative error of one in G does to λ‖(G + λ)⁻¹y‖: its value times (tr G + λ)/λ."""
    setting = run.setting
    Psi = setting.activation(run.W[k] @ setting.problem.X.T)
    return float(here.ridge_residual * (np.sum(Psi**2) / run.beta.shape[1] + here.ridge) / here.ridge)


NO_STATIONARY_POINT = NoStationaryPoint()


def on_the_plateau(
    problem: Problem,
    activation: str | Activation,
    *,
    eta: float,
    ridge: Schedule,
    unit: float,
    misread: float = 1.0,
) -> AsymptoticClaim:
    """‖e‖ at the step next to unit·p^{1/4}; ``unit`` is to make e^{−η(λ+γ)t} small there. Linear ψ: in law."""
    psi = resolve(activation)
    height = math.sqrt(2.0 * plateau(problem, activation, ridge).loss)

    def deviation(p: int, seed: int) -> float:
        steps = round(unit * p**0.25)
        start = sample_in_law(problem, p, np.random.default_rng([seed, p])) if psi.linear else None
        setting = Setting(problem, start or nested_network(p, problem.d, seed), psi, eta=eta, ridge=ridge)
        run = train(setting, steps=steps, record_every=steps)
        return float(run.residual_norms[-1]) / (misread * height) - 1.0

    return AsymptoticClaim(
        f"plateau under a constant penalty, {psi.name}",
        "‖e(t)‖ = λ‖(Ḡ + λ)⁻¹y‖ (1 + O(p^{-1/2})) at t ~ p^{1/4}",
        "docs/open_questions.md, section 2",
        deviation,
        -0.5,
        0.05,
    )


def beyond_the_edge(problem: Problem, *, eta: float, ridge: Schedule, misread: float = 1.0) -> AsymptoticClaim:
    """θ_div/θ_c − 1 of linear networks, drawn in law."""
    edge = misread * edge_time(problem, eta=eta, ridge=ridge)

    def deviation(p: int, seed: int) -> float:
        steps = int(1.5 * edge / misread * math.sqrt(p))
        start = sample_in_law(problem, p, np.random.default_rng([seed, p]))
        with threads(1):
            run = train(Setting(problem, start, "identity", eta=eta, ridge=ridge), steps=steps, record_every=steps)
        return math.inf if run.diverged_at is None else run.diverged_at / (edge * math.sqrt(p)) - 1.0

    return AsymptoticClaim(
        "linear networks diverge after θ_c",
        "θ_div = θ_c (1 + O(p^{-1/4}))",
        "docs/open_questions.md, section 4",
        deviation,
        -0.25,
        0.01,
    )
