"""How far rounding can move what a claim compares: the one source of tolerances.

With unit roundoff u = 2⁻⁵³ and γ_k = ku/(1 − ku), summing k products in any order errs by at most γ_k times
the sum of their absolute values. Applied to a network's output at the recorded weights, with R = max‖xᵢ‖,

    |fl(f_i) − f_i| ≤ γ_{p+6} A + γ_d B1 R S2,     A = min(B0 S1, |ψ(0)| S1 + B1 R S2),
    S1 = (1/√p) Σᵣ |βᵣ|,   S2 = (1/√p) Σᵣ |βᵣ| ‖wᵣ‖,

where six roundings cover ψ (a few ulp), the product, the division by √p and the subtraction of y. The step to
the next weights rounds too: n subtractions from each wᵣ (γ_{n+8} relative to ‖wᵣ‖) and the sum ψᵣ·e in βᵣ, whose
effect on f is at most γ_{n+3} η n Q ‖e‖ with Q a bound on the mean of ψ². A comparison of two steps may err by
the sum over both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from validation.claims import Evidence

__all__ = ["UNIT_ROUNDOFF", "accumulated", "gamma", "movement_rounding", "residual_rounding", "step_rounding"]

Array = NDArray[np.float64]

UNIT_ROUNDOFF = 2.0**-53

#: Where the weights were not recorded: this many units in the last place of ‖e(0)‖ + ‖y‖.
BLIND_ULPS = 1e4


def gamma(k: float) -> float:
    """γ_k = ku/(1 − ku), the relative error bound of k roundings in a row.

    Examples
    --------
    >>> gamma(10) == 10 * UNIT_ROUNDOFF / (1 - 10 * UNIT_ROUNDOFF)
    True
    """
    return k * UNIT_ROUNDOFF / (1.0 - k * UNIT_ROUNDOFF)


def residual_rounding(evidence: Evidence) -> Array:
    """Bound ‖fl(e(t)) − e(t)‖ at each recorded step, the rounding of the step that led there included."""
    problem, psi, measures = evidence.problem, evidence.psi, evidence.measures
    norms = evidence.residual_norms
    if evidence.start is None or not {"beta_mean", "unit_mean", "weight_square"} <= set(measures):
        scale = norms[0] + np.linalg.norm(problem.y)
        return np.full(norms.size, BLIND_ULPS * 2 * UNIT_ROUNDOFF * scale)
    n, d, p = problem.n, problem.d, evidence.start.p
    S1, S2 = measures["beta_mean"], measures["unit_mean"]
    at_zero, reach = abs(float(psi(0.0))), psi.B1 * problem.radius
    outputs = at_zero * S1 + reach * S2
    squares = 2.0 * (at_zero**2 + reach**2 * measures["weight_square"])
    if np.isfinite(psi.B0):
        outputs, squares = np.minimum(outputs, psi.B0 * S1), np.minimum(squares, psi.B0**2)
    each = gamma(p + 9) * outputs + 2.0 * gamma(d + n + 8) * reach * S2
    step = gamma(n + 3) * evidence.eta * n * squares * norms
    return np.asarray(np.sqrt(n) * each + step + 2.0 * UNIT_ROUNDOFF * np.linalg.norm(problem.y))


def step_rounding(evidence: Evidence) -> Array:
    """Bound the rounding in a comparison of ‖e‖ at successive recorded steps, shape (m − 1,)."""
    each = residual_rounding(evidence)
    return each[1:] + each[:-1]


def movement_rounding(evidence: Evidence) -> Array:
    """Bound what rounding adds up to, by each recorded step, in ‖wᵣ(t) − wᵣ(0)‖ for every r."""
    if evidence.start is None:
        return np.zeros(evidence.residual_norms.size)
    frobenius = np.sqrt(evidence.measures["weight_square"] * evidence.start.p)
    return accumulated(np.asarray(evidence.times), gamma(evidence.problem.n + 8) * frobenius)


def accumulated(times: NDArray[np.int64], per_step: Array) -> Array:
    """Add up a bound that holds per step: the largest so far, once for each step and once for the measurement.

    Examples
    --------
    >>> accumulated(np.array([0, 2]), np.array([1.0, 1.0]))
    array([1., 3.])
    """
    return (times + 1.0) * np.maximum.accumulate(per_step)
