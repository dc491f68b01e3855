"""How far rounding can move what a claim compares: the one source of tolerances.

With unit roundoff u and γ_k = ku/(1 − ku), summing k products in any order errs by at most γ_k times the sum of
their absolute values. Applied to a network's output at the recorded weights, with R = max‖xᵢ‖,

    |fl(f_i) − f_i| ≤ γ_{p+9} A + γ_d B1 R S2,     A = min(B0 S1, |ψ(0)| S1 + B1 R S2),
    S1 = (1/√p) Σᵣ |βᵣ|,   S2 = (1/√p) Σᵣ |βᵣ| ‖wᵣ‖,

where nine roundings cover ψ (a few ulp), the product, the division by √p, the subtraction of y and those of βᵣ's
own update. That step rounds too. In wᵣ, n terms (η/√p) bᵣ eᵢ ψ′ xᵢ are formed and subtracted, which errs by at most

    γ_{n+8} (‖wᵣ‖ + (η/√p) |bᵣ| B1 R √n ‖e‖),   so in f_i by   γ_{n+8} (B1 R S2 + η B1² R² √n ‖e‖ ‖b‖ ‖β‖ / p);

the effect on f of the sum ψᵣ·e in βᵣ is at most γ_{n+3} η n Q ‖e‖ with Q a bound on the mean of ψ². A comparison of
two records may err by the sum over both ends and over the steps in between, where ‖e‖ is that of the step's start:
of the record before, or ‖y‖ if that is more and λ pulls there. (What a claim says of the step's end is not known to
be true, so that a tolerance that grew with it would excuse anything.)

The reduced engine has no weights. It sums e from an expansion whose terms do not shrink with them, with
F = X W(0)ᵀ, U(t) = η Σ_{s<t} ‖e(s)‖ ≥ ‖a‖, ‖u‖ and tildes for sums of absolute values,

    S̃ U + F̃_β + (|g| F̃_b + κ̃ K̃ U)/√p + ‖y‖,   |g| ≤ λ_max(K) U²/√p,   κ̃ = |b|·|β(0)|/√p + F̃_b U/√p + |g| ‖b‖²/p,

and so errs by γ_{p+2(n+d)+20} of that, besides, and by γ_{n+8} of it in each step of a, g and u.

u is the roundoff of the run's own arithmetic: 2⁻²⁴ of one in float32, whatever its record is stored in.

Where the weights were not recorded none of this can be computed. Then the tolerance is a convention: 10⁴ ulp of
‖e(0)‖ + ‖y‖ in that arithmetic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fa_ref import Trajectory
from theory.precision import gamma
from validation.judge.record import known_start

__all__ = [
    "BLIND_ULPS",
    "accumulated",
    "alignment_rounding",
    "blind",
    "movement_rounding",
    "residual_rounding",
    "step_rounding",
]

Array = NDArray[np.float64]

#: Where the weights were not recorded: this many ulp of ‖e(0)‖ + ‖y‖.
BLIND_ULPS = 1e4

#: The measures that bound what rounding does to an output.
SIZES = ("beta_mean", "unit_mean", "weight_square", "beta_norm")


class _Sizes(NamedTuple):
    """What the bounds need of the weights at each record."""

    p: int
    b_norm: float
    beta_norm: Array
    unit_mean: Array  # S2
    outputs: Array  # A
    squares: Array  # Q


def blind(roundoff: float, size: float = 1.0) -> float:
    """Return the tolerance for numbers of this size where nothing is known of how they were computed."""
    return BLIND_ULPS * 2.0 * roundoff * size


def residual_rounding(run: Trajectory) -> Array:
    """Bound ‖fl(e(t)) − e(t)‖ at each recorded step, for e(t) exact at the recorded weights."""
    problem, norms, u = run.setting.problem, run.residual_norms, run.roundoff
    sizes, y_norm = _sizes(run), float(np.linalg.norm(problem.y))
    if sizes is None:
        return np.full(norms.size, blind(u, float(norms[0]) + y_norm))
    reach = run.setting.activation.B1 * problem.radius
    output = gamma(sizes.p + 9, u) * sizes.outputs + gamma(problem.d, u) * reach * sizes.unit_mean
    expanded = gamma(sizes.p + 2 * (problem.n + problem.d) + 20, u) * _expansion(run)
    return _known(np.sqrt(problem.n) * output + 2.0 * u * (norms + y_norm) + expanded)


def step_rounding(run: Trajectory) -> Array:
    """Bound the rounding in a comparison of ‖e‖ at successive recorded steps, shape (m − 1,)."""
    output, sizes = residual_rounding(run), _sizes(run)
    both = output[1:] + output[:-1]
    if sizes is None:
        return both
    problem, eta, u, n = run.setting.problem, run.setting.eta, run.roundoff, run.setting.problem.n
    gaps, norms = np.diff(run.times), _before(run)
    beta_norm, unit_mean, squares = (
        np.maximum(values[1:], values[:-1]) for values in (sizes.beta_norm, sizes.unit_mean, sizes.squares)
    )
    reach = run.setting.activation.B1 * problem.radius
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite or unknown bound is a result
        terms = eta * reach**2 * n * norms * sizes.b_norm * beta_norm / sizes.p
        hidden = gamma(n + 8, u) * (np.sqrt(n) * reach * unit_mean + terms + _expansion(run)[1:])
        return _known(both + gaps * (hidden + gamma(n + 3, u) * eta * n * squares * norms))


def _before(run: Trajectory) -> Array:
    """What ‖e‖ is at most in the steps that follow each record but the last."""
    norms, gaps = run.residual_norms[:-1], np.diff(run.times)
    if run.setting.ridge.maximum > 0:
        norms = np.where(gaps > 1, np.maximum(norms, np.linalg.norm(run.setting.problem.y)), norms)
    return np.asarray(norms)


def _expansion(run: Trajectory) -> Array:
    """Bound, at each record, the absolute values that the reduced engine sums e from; 0 of a run by any other."""
    start, problem, setting = known_start(run), run.setting.problem, run.setting
    if run.engine != "reduced" or start is None:
        return np.zeros(run.times.size)
    if setting.eta * setting.ridge.maximum > 2.0:  # the coefficients grow by themselves
        return np.full(run.times.size, np.inf)
    F, root = np.abs(start.W) @ np.abs(problem.X).T, np.sqrt(start.p)
    F_beta, F_b = (float(np.linalg.norm(np.abs(v) @ F)) / root for v in (start.beta, start.b))
    S, K = np.linalg.norm(F) ** 2 / start.p, np.linalg.norm(np.abs(problem.X) @ np.abs(problem.X).T)
    with np.errstate(over="ignore", invalid="ignore"):
        U = np.append(0.0, np.cumsum(setting.eta * np.diff(run.times) * _before(run)))
        g = problem.lambda_max * U**2 / root
        kappa = float(np.abs(start.b) @ np.abs(start.beta)) / root + F_b * U / root
        kappa += g * float(start.b @ start.b) / start.p
        terms = S * U + F_beta + (g * F_b + kappa * K * U) / root + np.linalg.norm(problem.y)
    return np.where(np.isnan(terms), np.inf, terms)


def _sizes(run: Trajectory) -> _Sizes | None:
    """The weights' sizes; None where they were not recorded."""
    start, psi = known_start(run), run.setting.activation
    if start is None or not all(np.isfinite(run.measures.get(name, np.nan)).all() for name in SIZES):
        return None
    S1, S2, weight_square, beta_norm = (run.measures[name] for name in SIZES)
    at_zero, reach = abs(float(psi(0.0))), psi.B1 * run.setting.problem.radius
    outputs, squares = at_zero * S1 + reach * S2, 2.0 * (at_zero**2 + reach**2 * weight_square)
    if np.isfinite(psi.B0):
        outputs, squares = np.minimum(outputs, psi.B0 * S1), np.minimum(squares, psi.B0**2)
    b_norm = float(np.linalg.norm(start.b))
    return _Sizes(start.p, b_norm, beta_norm=beta_norm, unit_mean=S2, outputs=outputs, squares=squares)


def _known(bound: Array) -> Array:
    """The bound, infinite where it is not a number: nothing is then said to hold or fail for a finite side."""
    return np.where(np.isnan(bound), np.inf, bound)


def movement_rounding(run: Trajectory) -> Array:
    """Bound what rounding adds up to, by each recorded step, in ‖wᵣ(t) − wᵣ(0)‖ for every r."""
    problem, psi, start = run.setting.problem, run.setting.activation, known_start(run)
    if start is None:
        return np.zeros(run.times.size)
    norms = np.append(run.residual_norms[:1], run.residual_norms[:-1])  # of the steps before, not of the record
    if run.setting.ridge.maximum > 0:
        norms = np.maximum(norms, np.linalg.norm(problem.y))
    reach = psi.B1 * problem.radius * np.sqrt(problem.n)
    with np.errstate(over="ignore", invalid="ignore"):
        frobenius = np.sqrt(run.measures["weight_square"] * start.p)
        terms = run.setting.eta / np.sqrt(start.p) * np.abs(start.b).max() * reach * norms
        per_step = _known(gamma(problem.n + 8, run.roundoff) * (frobenius + terms))
        return accumulated(run.times, per_step)


def accumulated(times: NDArray[np.int64], per_step: Array) -> Array:
    """Add up a bound that holds per step: the largest so far, once for each step and once for the measurement.

    Examples
    --------
    >>> accumulated(np.array([0, 2]), np.array([1.0, 1.0]))
    array([1., 3.])
    """
    return np.asarray((times + 1.0) * np.maximum.accumulate(per_step), dtype=np.float64)


def alignment_rounding(p: int, roundoff: float) -> float:
    """Bound the error of a computed cos∠(b, β) for the recorded weights.

    The three sums of p products err by γ_{p+3} relative to ‖b‖‖β‖, ‖b‖² and ‖β‖²; scaling, root and division add a
    few roundings.

    Examples
    --------
    >>> alignment_rounding(100, 2.0**-53) < 1e-13
    True
    """
    return 2.0 * gamma(p + 10, roundoff)
