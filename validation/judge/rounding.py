"""How far rounding can move what a claim compares: the one source of tolerances.

With unit roundoff u and γ_k = ku/(1 − ku), summing k products in any order errs by at most γ_k times the sum of
their absolute values. Applied to a network's output at the recorded weights, with R = max‖xᵢ‖,

    |fl(f_i) − f_i| ≤ γ_{p+9} A + γ_d B1 R S2,     A = min(B0 S1, |ψ(0)| S1 + B1 R S2),
    S1 = (1/√p) Σᵣ |βᵣ|,   S2 = (1/√p) Σᵣ |βᵣ| ‖wᵣ‖,

where nine roundings cover ψ (a few ulp), the product, the division by √p, the subtraction of y and those of βᵣ's
own update. That step rounds too. In wᵣ, n terms (η/√p) bᵣ eᵢ ψ′ xᵢ are formed and subtracted, which errs by at most

    γ_{n+8} (‖wᵣ‖ + (η/√p) |bᵣ| B1 R √n ‖e‖),   so in f_i by   γ_{n+8} (B1 R S2 + η B1² R² √n ‖e‖ ‖b‖ ‖β‖ / p);

the effect on f of the sum ψᵣ·e in βᵣ is at most γ_{n+3} η n Q ‖e‖ with Q a bound on the mean of ψ². A comparison of
two records may err by the sum over both ends and over the steps in between.

Where the weights were not recorded none of this can be computed. Then the tolerance is a convention: 10⁴ ulp of
‖e(0)‖ + ‖y‖ in the precision of the residuals given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from theory.precision import UNIT_ROUNDOFF, gamma
from validation.judge.claims import Evidence

__all__ = [
    "BLIND_ULPS",
    "accumulated",
    "alignment_rounding",
    "movement_rounding",
    "residual_rounding",
    "step_rounding",
]

Array = NDArray[np.float64]

#: Where the weights were not recorded: this many ulp of ‖e(0)‖ + ‖y‖.
BLIND_ULPS = 1e4


def residual_rounding(evidence: Evidence) -> Array:
    """Bound ‖fl(e(t)) − e(t)‖ at each recorded step, for e(t) exact at the recorded weights."""
    return _at_a_step(evidence)[0]


def step_rounding(evidence: Evidence) -> Array:
    """Bound the rounding in a comparison of ‖e‖ at successive recorded steps, shape (m − 1,)."""
    output, update = _at_a_step(evidence)
    gaps = np.diff(np.asarray(evidence.times))
    return np.asarray(output[1:] + output[:-1] + gaps * np.maximum(update[1:], update[:-1]))


def _at_a_step(evidence: Evidence) -> tuple[Array, Array]:
    """Bounds on the rounding of the residual at each record, and of the step taken from there."""
    problem, psi, measures, norms = evidence.problem, evidence.psi, evidence.measures, evidence.residual_norms
    if evidence.start is None or not {"beta_mean", "unit_mean", "weight_square", "beta_norm"} <= set(measures):
        blind = BLIND_ULPS * 2 * evidence.roundoff * (norms[0] + np.linalg.norm(problem.y))
        return np.full(norms.size, blind), np.zeros(norms.size)
    n, d, p = problem.n, problem.d, evidence.start.p
    S1, S2 = measures["beta_mean"], measures["unit_mean"]
    at_zero, reach = abs(float(psi(0.0))), psi.B1 * problem.radius
    outputs = at_zero * S1 + reach * S2
    squares = 2.0 * (at_zero**2 + reach**2 * measures["weight_square"])
    if np.isfinite(psi.B0):
        outputs, squares = np.minimum(outputs, psi.B0 * S1), np.minimum(squares, psi.B0**2)
    output = np.sqrt(n) * (gamma(p + 9) * outputs + gamma(d) * reach * S2)
    output = output + 2.0 * UNIT_ROUNDOFF * (norms + np.linalg.norm(problem.y))
    b_norm = float(np.linalg.norm(evidence.start.b))
    beta_norm = np.maximum(measures["beta_norm"], np.append(measures["beta_norm"][1:], 0.0))
    terms = evidence.eta * reach**2 * n * norms * b_norm * beta_norm / p
    update = gamma(n + 8) * (np.sqrt(n) * reach * S2 + terms) + gamma(n + 3) * evidence.eta * n * squares * norms
    return np.asarray(output), np.asarray(update)


def movement_rounding(evidence: Evidence) -> Array:
    """Bound what rounding adds up to, by each recorded step, in ‖wᵣ(t) − wᵣ(0)‖ for every r."""
    if evidence.start is None:
        return np.zeros(evidence.residual_norms.size)
    problem, psi, start = evidence.problem, evidence.psi, evidence.start
    frobenius = np.sqrt(evidence.measures["weight_square"] * start.p)
    reach = psi.B1 * problem.radius * np.sqrt(problem.n)
    terms = evidence.eta / np.sqrt(start.p) * np.abs(start.b).max() * reach * evidence.residual_norms
    return accumulated(np.asarray(evidence.times), np.asarray(gamma(problem.n + 8) * (frobenius + terms)))


def accumulated(times: NDArray[np.int64], per_step: Array) -> Array:
    """Add up a bound that holds per step: the largest so far, once for each step and once for the measurement.

    Examples
    --------
    >>> accumulated(np.array([0, 2]), np.array([1.0, 1.0]))
    array([1., 3.])
    """
    return np.asarray((times + 1.0) * np.maximum.accumulate(per_step), dtype=np.float64)


def alignment_rounding(p: int) -> float:
    """Bound the error of a computed cos∠(b, β) for the recorded weights.

    The three sums of p products err by γ_{p+3} relative to ‖b‖‖β‖, ‖b‖² and ‖β‖²; scaling, root and division add a
    few roundings.

    Examples
    --------
    >>> alignment_rounding(100) < 1e-13
    True
    """
    return 2.0 * gamma(p + 10)
