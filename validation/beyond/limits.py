r"""The laws behind the orders of magnitude, as claims about p → ∞.

**Assumptions.** Those of ``docs/alignment.md`` and ``docs/limits.md``, where each law is derived.

**Claims.** Networks deviate by O(p^{-1/2}) from

* the residual at fixed t: e(t+1) = (I − ηḠ − ηλ)e(t) − ηλy, from the network's own e(0);
* the alignment without ridge: p·cos∠(b, β(t)), averaged over a pair ±b, from its law given e(0);
* Theorem 4.6's constant, the root of (1 + L)κ + κ³/3 = c_S ν γ/M, after the cutoff;
* the alignment at t = θ√p with a penalty, from the mean-field equation; for linear networks this is a theorem, with
  the exponent −1/2 (``docs/limits.md``, section 8), judged in law up to p = 10⁸.

Every builder takes ``misread``, a factor by which the predicted value is wrong: the negative control.

**Guarantee.** **Asymptotic**, judged on paired runs: see `validation.judge.asymptotics`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fa_ref import Setting, train
from fa_ref.activations import Activation, resolve
from fa_ref.engines.reduced import sample_in_law
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.alignment import no_alignment_coefficient, sharp_constant
from theory.limits import wide_prediction
from validation.judge.asymptotics import AsymptoticClaim
from validation.judge.deviations import (
    EXPONENTS,
    fixed_time_deviation,
    nested_network,
    no_alignment_deviation,
    sharp_constant_deviation,
    wide_alignment_deviation,
)

__all__ = ["RESOLUTION", "fixed_time", "linear_theta_limit", "theta_limit", "with_cutoff", "without_ridge"]

#: "Holds" needs the limit of a deviation to within this part of the predicted value.
RESOLUTION = 0.05


def fixed_time(
    problem: Problem,
    activation: str | Activation,
    *,
    eta: float,
    ridge: Schedule | None = None,
    steps: int,
    misread: float = 1.0,
) -> AsymptoticClaim:
    """The residual at fixed t; a misread limit has another η."""
    return AsymptoticClaim(
        f"residual at fixed t, {resolve(activation).name}",
        "max_t ‖e(t) − limit‖ / ‖e(0)‖ = O(p^{-1/2})",
        "docs/limits.md, section 1",
        lambda p, seed: fixed_time_deviation(
            problem, activation, p, seed, eta=eta, ridge=ridge, steps=steps, limit_eta=misread * eta
        ),
        EXPONENTS["fixed_time"],
        RESOLUTION,
    )


def without_ridge(
    problem: Problem, activation: str | Activation, *, eta: float, steps: int, misread: float = 1.0
) -> AsymptoticClaim:
    """p·E cos without ridge; the limit has to be known to 5 % of it."""
    law = no_alignment_coefficient(problem, activation, eta=eta, steps=steps)
    return AsymptoticClaim(
        f"alignment without ridge, {resolve(activation).name}",
        "p·cos∠(b, β(t)), mean over ±b, tends to its law given e(0), up to O(p^{-1/2})",
        "docs/alignment.md, section 2",
        lambda p, seed: (
            no_alignment_deviation(problem, activation, p, seed, eta=eta, steps=steps) - (misread - 1.0) * law
        ),
        EXPONENTS["no_alignment"],
        RESOLUTION * law,
    )


def with_cutoff(
    L: float, c_S: float, problem: Problem, *, eta: float, tail: int | None = None, misread: float = 1.0
) -> AsymptoticClaim:
    """Theorem 4.6's constant, for XXᵀ = γI."""
    constant = sharp_constant(L, c_S, float(np.linalg.norm(problem.y)) / problem.n**0.5)
    return AsymptoticClaim(
        "Theorem 4.6's constant",
        "cos∠(b, β(t)) → κ/√(1 + κ²), (1 + L)κ + κ³/3 = c_S ν, after T, up to O(p^{-1/2})",
        "docs/alignment.md, section 3",
        lambda p, seed: (
            sharp_constant_deviation(L, c_S, problem, nested_network(p, problem.d, seed), eta=eta, tail=tail)
            - (misread - 1.0) * constant
        ),
        EXPONENTS["sharp_constant"],
        RESOLUTION * constant,
    )


def theta_limit(
    problem: Problem,
    activation: str | Activation,
    *,
    eta: float,
    ridge: Schedule,
    theta: Sequence[float],
    misread: float = 1.0,
) -> AsymptoticClaim:
    """The alignment at t = θ√p for a constant λ, to be judged at widths where c√p ≪ 1 at every θ."""
    said = wide_prediction(problem, activation, theta, eta=eta, ridge=ridge, particles=16384, tolerance=5e-4)
    return AsymptoticClaim(
        f"alignment at t = θ√p, {resolve(activation).name}",
        "max_θ |cos∠(b, β(θ√p)) − limit| = O(p^{-1/2})",
        "docs/limits.md, section 2",
        lambda p, seed: wide_alignment_deviation(
            problem, activation, p, seed, eta=eta, ridge=ridge, theta=theta, predicted=misread * said.alignment
        ),
        EXPONENTS["wide_alignment"],
        RESOLUTION,
        float(said.error.max()),
    )


def linear_theta_limit(
    problem: Problem, *, eta: float, ridge: Schedule, theta: float, misread: float = 1.0
) -> AsymptoticClaim:
    """The alignment of linear networks at t = θ√p for a constant λ, drawn in law: at any width."""
    said = wide_prediction(problem, "identity", [theta], eta=eta, ridge=ridge)

    def deviation(p: int, seed: int) -> float:
        steps = round(theta * p**0.5)
        start = sample_in_law(problem, p, np.random.default_rng([seed, p]))
        run = train(Setting(problem, start, "identity", eta=eta, ridge=ridge), steps=steps, record_every=steps)
        return float(run.alignment[-1] - misread * said.alignment[0])

    return AsymptoticClaim(
        "alignment of linear networks at t = θ√p",
        "cos∠(b, β(θ√p)) = limit + O(p^{-1/2})",
        "docs/limits.md, section 8",
        deviation,
        EXPONENTS["wide_alignment"],
        RESOLUTION * float(said.alignment[0]),
        float(said.error.max()),
    )
