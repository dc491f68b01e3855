"""How the search for a counterexample moves from one setting to the next."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Problem, Setting
from validation.search.shrinking import penalties, with_penalties

__all__ = ["mutate"]

Array = NDArray[np.float64]


def mutate(setting: Setting, steps: int, sigma: float, rng: np.random.Generator) -> Setting:
    """Move one group of coordinates by about ``sigma``, relative to their size; e(0) stays unless it moves."""
    problem, network, psi = setting.problem, setting.start, setting.activation
    e = network.output(problem.X, psi) - problem.y
    X, W, beta, b, eta = problem.X, network.W, network.beta, network.b, setting.eta
    lam = old = penalties(setting.ridge, steps)
    group = rng.choice(["X", "weights", "residual", "eta", "ridge"])

    def moved(array: Any) -> Array:
        size = float(np.sqrt(np.mean(np.square(array))))
        return np.asarray(array + sigma * size * rng.standard_normal(np.shape(array)), dtype=np.float64)

    # Now and then a leap: lhs/rhs → 1 as η → 0, a false summit that small moves do not leave.
    factor = 10 ** rng.uniform(-3, 3) if rng.random() < 0.4 else math.exp(2.0 * sigma * rng.standard_normal())
    if group == "X":  # a larger X saturates ψ, and takes long to integrate over
        X = min(factor, 3.0 / np.abs(X).max()) * moved(X)
    elif group == "weights":
        W, beta, b = moved(W), moved(beta), moved(b)
    elif group == "residual":
        e = factor * moved(e)
    elif group == "eta":
        eta = eta * factor
    elif lam.size:
        lam = lam * factor
    lam = np.minimum(lam, 0.999 / eta)  # a step with ηλ ≥ 1 is no ridge step
    ridge = setting.ridge if np.array_equal(lam, old) else with_penalties(lam)
    start = Network(W, beta, b)
    y = start.output(X, psi) - e
    return Setting(Problem(X, y), start, psi, eta=eta, ridge=ridge, rule=setting.rule)
