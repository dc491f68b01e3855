r"""Where ReLU and tanh networks go under a constant penalty: the laws of large θ = t/√p, judged as θ grows.

**Assumptions.** XXᵀ = γI, λ(t) = λ > 0 at all times, η(λ + λ_max(G)) < 2 up to the last θ; a network of any fixed
width, at θ ≫ 1 (tanh: η(λ + n) < 2, and then no last θ).

**Claims.** With the network's own b, and for ReLU its own units that are alive at the end,

* ReLU: cos∠(b, β) and ½‖e‖² follow `theory.limits.long_time.relu_law` with relative errors O(θ^{−2/3}), as 1/S² and
  λ/λ_min(G) are; judged as O(θ^{−1/2}), since powers of 1/S² follow close behind.
* tanh: both follow `theory.limits.long_time.tanh_law` with relative errors O((log θ)/θ), judged as O(θ^{−3/4}).

Both are perturbative (``docs/open_questions.md``, section 3): that the flow converges to these states is seen, and
not proved. In the sheets θ takes the place of p: ``judge(times, seeds)``.

The builders take ``misread``, a factor by which the predicted value is wrong: the negative control.

**Guarantee.** None; the claims are **asymptotic**.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np

from fa_ref import Network, Problem, Setting, Trajectory, train
from fa_ref.schedules import Schedule
from theory.limits.long_time import relu_law
from theory.limits.saturation import tanh_law
from validation.judge.asymptotics import AsymptoticClaim

__all__ = ["Measure", "relu_in_the_long_run", "tanh_in_the_long_run"]

Measure = Literal["alignment", "loss"]


def relu_in_the_long_run(
    problem: Problem, measure: Measure, *, eta: float, ridge: Schedule, p: int = 100, misread: float = 1.0
) -> AsymptoticClaim:
    """cos∠(b, β) or ½‖e‖² of ReLU networks of width p at θ, over its law, minus 1.

    Parameters
    ----------
    problem : Problem
        XXᵀ = γI, no y_i = 0.
    measure : {"alignment", "loss"}
        Which of the two.
    eta, ridge : float, Schedule
        Step size and a constant λ > 0.
    p : int, optional
        Width.
    misread : float, optional
        A factor on the law.
    """

    def deviation(theta: int, seed: int) -> float:
        run = _at(Setting(problem, _network(problem, p, seed), "relu", eta=eta, ridge=ridge), theta)
        law = relu_law(problem, [_reached(run)], eta=eta, ridge=ridge, network=run.network)
        return _off(run, measure, float(getattr(law, measure)[0]) * misread)

    return AsymptoticClaim(
        f"ReLU in the long run, {measure}",
        f"{measure} = its law (1 + O(θ^(−2/3)))",
        "docs/open_questions.md, section 3",
        deviation,
        -0.5,
        0.02,
    )


def tanh_in_the_long_run(
    problem: Problem, measure: Measure, *, eta: float, ridge: Schedule, p: int = 100, misread: float = 1.0
) -> AsymptoticClaim:
    """The same for tanh networks; parameters as for `relu_in_the_long_run`."""

    def deviation(theta: int, seed: int) -> float:
        network = _network(problem, p, seed)
        run = _at(Setting(problem, network, "tanh", eta=eta, ridge=ridge), theta)
        law = tanh_law(problem, ridge, network=network)
        return _off(run, measure, float(getattr(law, measure)) * misread)

    return AsymptoticClaim(
        f"tanh in the long run, {measure}",
        f"{measure} = its law (1 + O((log θ)/θ))",
        "docs/open_questions.md, section 3",
        deviation,
        -0.75,
        0.02,
    )


def _network(problem: Problem, p: int, seed: int) -> Network:
    return Network.gaussian(p, problem.d, np.random.default_rng([seed, p]))


@lru_cache(maxsize=64)  # both measures and their negative controls are read from the same runs
def _at(setting: Setting, theta: int) -> Trajectory:
    steps = round(theta * math.sqrt(setting.start.p))
    return train(setting, steps=steps, record_every=steps)


def _reached(run: Trajectory) -> float:
    return float(run.times[-1]) / math.sqrt(run.setting.start.p)


def _off(run: Trajectory, measure: Measure, said: float) -> float:
    seen = float((run.alignment if measure == "alignment" else run.loss)[-1])
    return seen / said - 1.0 if run.status == "completed" else math.inf
