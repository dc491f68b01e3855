"""Step sizes and runs that several statements share."""

from __future__ import annotations

import numpy as np

from fa_ref import Network, Problem, Setting, Trajectory, train
from fa_ref.schedules import Schedule
from validation.errata.readings import ascend
from validation.statements.statement import Law

__all__ = ["linear_step", "nonlinear_step", "runs_of"]


def nonlinear_step(problem: Problem) -> float:
    """Half of 1/(nB0²) for tanh, which makes η λ_max(G) ≤ ½ at every step."""
    return float(0.5 / problem.n)


def linear_step(problem: Problem) -> float:
    """Half of 1/λ_max(K), near what Theorem 4.3 needs; ½ where K = 0."""
    return 0.5 / problem.lambda_max if problem.lambda_max > 0 else 0.5


def runs_of(
    problem: Problem, activation: str, p: int, steps: int, *, eta: float, ridge: Schedule | None = None,
    broken: bool = False,
) -> Law:  # fmt: skip
    """The law of runs with Gaussian networks of width p; ``broken`` takes the printed sign, e = y − f."""

    def law(rng: np.random.Generator) -> Trajectory:
        setting = Setting(problem, Network.gaussian(p, problem.d, rng), activation, eta=eta, ridge=ridge)
        return ascend(setting, min(steps, 60)) if broken else train(setting, steps=steps)

    return law
