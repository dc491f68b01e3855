"""Errata of the algorithm: the residual's sign, the ridge update, and the expansion of β(t)."""

from __future__ import annotations

import math

import numpy as np

from fa_ref import Network, Problem, Setting, data
from theory.precision import gamma
from validation.errata.entry import Outcome, demonstration
from validation.errata.readings import ascend, descend, orthonormal
from validation.judge.record import reference_run
from validation.judge.verdicts import HOLDS
from validation.theorems import theorem_3_2

__all__ = ["expansion_of_beta", "residual_sign", "ridge_update"]


@demonstration(
    1,
    place="Section 2, the residual",
    printed="eᵢ = yᵢ − f(xᵢ)",
    corrected="eᵢ = f(xᵢ) − yᵢ",
)
def residual_sign(rng: np.random.Generator) -> Outcome:
    """e = y − f with the updates as printed climbs."""
    setting, steps = orthonormal("tanh", rng), 40
    printed, corrected = (theorem_3_2.CLAIM.judge(run) for run in (ascend(setting, steps), descend(setting, steps)))
    first, last = ascend(setting, steps).residual_norms[[0, -1]]
    return Outcome(
        printed_holds=printed.status == HOLDS,
        corrected_holds=corrected.status == HOLDS,
        setting=f"{setting}, {steps} steps",
        finding=f"‖e‖ goes from {first:.3g} to {last:.3g} under the printed sign: it is ascent",
    )


@demonstration(
    2,
    place="Section 4.1, the ridge update",
    printed="β ← (1 − λ) β − …",
    corrected="β ← (1 − ηλ) β − …",
)
def ridge_update(rng: np.random.Generator) -> Outcome:
    """(1 − λ)β is not a gradient step on (4.1), (1 − ηλ)β is."""
    problem, network, eta, lam = Problem(np.eye(2), [1.0, -1.0]), Network.gaussian(20, 2, rng), 0.1, 0.5

    def loss(beta: np.ndarray) -> float:
        residual = Network(network.W, beta, network.b).output(problem.X, "tanh") - problem.y
        return float(0.5 * residual @ residual + 0.5 * lam * beta @ beta)

    h = 0.5  # (4.1) is quadratic in β, so that a central difference has no truncation error
    gradient = np.array([(loss(network.beta + h * u) - loss(network.beta - h * u)) / (2 * h) for u in np.eye(20)])
    Psi = np.tanh(network.W @ problem.X.T)
    e = Psi.T @ network.beta / math.sqrt(20) - problem.y
    forward = eta / math.sqrt(20) * (Psi @ e)
    wanted = network.beta - eta * gradient
    rounding = 4 * eta / h * gamma(60) * loss(np.abs(network.beta) + h)  # two losses of some 60 roundings each
    off = {
        shrink: float(np.abs((1.0 - shrink) * network.beta - forward - wanted).max()) for shrink in (lam, eta * lam)
    }
    return Outcome(
        printed_holds=off[lam] <= rounding,
        corrected_holds=off[eta * lam] <= rounding,
        setting="tanh, n = 2, p = 20, η = 0.1, λ = 0.5",
        finding=f"distance to a gradient step on (4.1): {off[lam]:.2g} as printed, {off[eta * lam]:.1g} corrected",
    )


@demonstration(
    8,
    place="Section 6, the expansion of β(t); Theorem 3.2, constants",
    printed="… + (η/√p) α₂ b;  c₁, c₂, c₁, c₂",
    corrected="… + (η/√p)² α₂ b;  c₁, c₂, C₁, C₂",
)
def expansion_of_beta(rng: np.random.Generator) -> Outcome:
    """Linear network, two steps: β(2) = β(0) − (η/√p) F (e(0) + e(1)) + (η/√p)² (e(0)ᵀK e(1)) b, exactly."""
    problem = Problem(data.gaussian_inputs(3, 4, rng, scale=0.5), [1.0, -1.0, 2.0])
    p, eta = 100, 0.1
    network = Network.gaussian(p, 4, rng)
    run = reference_run(Setting(problem, network, "identity", eta=eta), 2)
    end = run.network if run.network is not None else network
    e0, e1 = run.residuals[0], run.residuals[1]
    F, along_b, unit = network.W @ problem.X.T, float(e0 @ problem.K @ e1), eta / math.sqrt(p)
    rest = end.beta - network.beta + unit * F @ (e0 + e1)
    off = [float(np.abs(rest - unit**power * along_b * network.b).max()) for power in (1, 2)]
    size = (
        np.abs(network.beta)
        + unit * np.abs(F) @ (np.abs(e0) + np.abs(e1))
        + unit**2 * abs(along_b) * np.abs(network.b)
    )
    rounding = (
        gamma(p + 60) * float(size.max()) * 10
    )  # e(1) carries the p-term sum's rounding, at most ten times over
    return Outcome(
        printed_holds=off[0] <= rounding,
        corrected_holds=off[1] <= rounding,
        setting=f"identity, n = 3, p = {p}, two steps at η = {eta}",
        finding=f"β(2) is off by {off[0]:.2g} with the first power, by {off[1]:.1g} with the square",
    )
