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

u is the roundoff of the run's own arithmetic: 2⁻²⁴ of one in float32, whatever its record is stored in.

A product or a quotient below the normal numbers errs besides by half of the least one, τ: z by dτ/2, ψ by no more
than 4τ, and the p products in f and their quotient by √p τ/2 + τ/2, so that f_i is off by at most

    τ (√p + 1 + (d B1 + 4) S1)                                                       (underflow)

more, in float32 with its τ = 2⁻¹⁴⁹.

The reduced engine holds a linear network as coefficients c, a, g, u of its start (`fa_ref.engines.reduced`), and
rounds relative to the terms that it adds up, not to the weights that come of them. With Frobenius's norms these
terms of e are at most

    T = (‖F‖‖β(0)‖ + ‖F‖²‖a‖/√p + |g|‖F‖‖b‖/√p + k‖X‖²‖u‖)/√p + ‖y‖,
    k = (‖b‖‖β(0)‖ + ‖F‖‖b‖‖a‖/√p + |g|‖b‖²/√p)/√p,

each known to γ_{p+2d+4n+20}, and a step moves the coefficients by rounding that counts γ_{n+8} T. The coefficients
follow from the residuals where every step was recorded, and are bounded where some were not. Where b moves, or the
error comes back through β, the coefficients are matrices (`fa_ref.engines.reduced.span`), and in their notation

    T = ‖C‖‖Q‖²(‖x‖ + c)/√p + ‖y‖,   ‖C‖ ← ‖C‖ + (η/√p) d ‖K‖‖e‖,   ‖x‖ ← (1 − ηλ)‖x‖ + (η/√p)‖C‖‖e‖,

where d is ‖v‖ + c, or ‖x‖ + c in backpropagation, and ‖v‖ follows as ‖x‖ does with ‖e‖ + ‖y‖ for ‖e‖.

Where the weights were not recorded none of this can be computed. Then the tolerance is a convention: 10⁴ ulp of
‖e(0)‖ + ‖y‖ in that arithmetic.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fa_ref import Trajectory
from theory.precision import UNIT_ROUNDOFF, gamma
from validation.judge.record import known_start

__all__ = [
    "BLIND_ULPS",
    "accumulated",
    "alignment_rounding",
    "blind",
    "least",
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
    beta_mean: Array  # S1
    unit_mean: Array  # S2
    outputs: Array  # A
    squares: Array  # Q


def blind(roundoff: float, size: float = 1.0) -> float:
    """Return the tolerance for numbers of this size where nothing is known of how they were computed."""
    return BLIND_ULPS * 2.0 * roundoff * size


def least(roundoff: float) -> float:
    """τ, the least positive number of the arithmetic with this roundoff."""
    return float(np.finfo(np.float32 if roundoff > UNIT_ROUNDOFF else np.float64).smallest_subnormal)


def residual_rounding(run: Trajectory) -> Array:
    """Bound ‖fl(e(t)) − e(t)‖ at each recorded step, for e(t) exact at the recorded weights."""
    problem, norms, u = run.setting.problem, run.residual_norms, run.roundoff
    terms = _expansion(run)
    if terms is not None:
        return gamma(run.setting.start.p + 2 * problem.d + 4 * problem.n + 20, u) * terms
    sizes, y_norm = _sizes(run), float(np.linalg.norm(problem.y))
    if sizes is None:
        return np.full(norms.size, blind(u, float(norms[0]) + y_norm))
    reach = run.setting.activation.B1 * problem.radius
    output = gamma(sizes.p + 9, u) * sizes.outputs + gamma(problem.d, u) * reach * sizes.unit_mean
    output = output + least(u) * (
        np.sqrt(sizes.p) + 1 + (problem.d * run.setting.activation.B1 + 4) * sizes.beta_mean
    )
    return _known(np.sqrt(problem.n) * output + 2.0 * u * (norms + y_norm))


def step_rounding(run: Trajectory) -> Array:
    """Bound the rounding in a comparison of ‖e‖ at successive recorded steps, shape (m − 1,)."""
    output, sizes, terms = residual_rounding(run), _sizes(run), _expansion(run)
    both = output[1:] + output[:-1]
    if terms is not None:
        return both + np.diff(run.times) * gamma(run.setting.problem.n + 8, run.roundoff) * terms[1:]
    if sizes is None:
        return both
    problem, eta, u, n = run.setting.problem, run.setting.eta, run.roundoff, run.setting.problem.n
    gaps, norms = np.diff(run.times), _between(run)
    beta_norm, unit_mean, squares = (
        np.maximum(values[1:], values[:-1]) for values in (sizes.beta_norm, sizes.unit_mean, sizes.squares)
    )
    reach = run.setting.activation.B1 * problem.radius
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite or unknown bound is a result
        terms = eta * reach**2 * n * norms * sizes.b_norm * beta_norm / sizes.p
        hidden = gamma(n + 8, u) * (np.sqrt(n) * reach * unit_mean + terms)
        return _known(both + gaps * (hidden + gamma(n + 3, u) * eta * n * squares * norms))


def _between(run: Trajectory) -> Array:
    """‖e‖ of the steps between successive records, shape (m − 1,)."""
    norms = run.residual_norms[:-1]
    if run.setting.ridge.maximum > 0:
        norms = np.where(np.diff(run.times) > 1, np.maximum(norms, np.linalg.norm(run.setting.problem.y)), norms)
    return norms


def _expansion(run: Trajectory) -> Array | None:
    """T at each record of a run by the reduced engine; None of any other, or where the weights are not known."""
    start, problem = known_start(run), run.setting.problem
    if start is None or run.engine != "reduced":
        return None
    root = np.sqrt(start.p)
    F, b, beta = (float(np.linalg.norm(v)) / root for v in (start.W @ problem.X.T, start.b, start.beta))
    with np.errstate(over="ignore", invalid="ignore"):
        if run.setting.rule != "fa":
            return _known(root * (F**2 + b**2 + beta**2) * _span(run, root) + np.linalg.norm(problem.y))
        a, g, u = _coefficients(run, root)
        kappa = root * b * beta + F * b * a + g * b**2
        moved = g * F * b + kappa * np.linalg.norm(problem.X) ** 2 * u / root
        return _known(root * F * beta + F**2 * a + moved + np.linalg.norm(problem.y))


def _coefficients(run: Trajectory, root: float) -> tuple[Array, Array, Array]:
    """Bounds of ‖a‖, |g| and ‖u‖ at each record."""
    problem, eta, gaps = run.setting.problem, run.setting.eta, np.diff(run.times)
    lam = run.setting.ridge.values(int(run.times[-1]))
    logs = np.append(0.0, np.cumsum(np.log1p(-eta * lam)))
    shrink, moves = np.exp(np.diff(logs[run.times])), eta * gaps * _between(run)
    if (gaps == 1).all():
        u = eta * np.cumsum(run.residuals, axis=0) - eta * run.residuals  # of the steps before each record
        along = np.abs(np.einsum("ti,ti->t", u @ problem.K, run.residuals))[:-1]
        return _summed(shrink, moves), _summed(shrink, eta / root * along), np.linalg.norm(u, axis=1)
    u = np.append(0.0, np.cumsum(moves))
    along = np.linalg.norm(problem.X, 2) ** 2 * u[1:]
    return _summed(shrink, moves), _summed(shrink, along * moves / root), u


def _span(run: Trajectory, root: float) -> Array:
    """Bound ‖C‖(‖x‖ + c) at each record."""
    problem, eta, bp = run.setting.problem, run.setting.eta, run.setting.rule == "bp"
    K, y_norm, lam = float(np.linalg.norm(problem.X, 2)) ** 2, float(np.linalg.norm(problem.y)), run.setting.ridge
    C, x, v, c = np.sqrt(problem.n), 0.0, 0.0, 1.0
    sizes, norms = [C], np.repeat(_between(run), np.diff(run.times))
    for norm, shrink in zip(norms.tolist(), (1.0 - eta * lam.values(norms.size)).tolist(), strict=True):
        gain = eta / root * C
        C += eta / root * ((x if bp else v) + c) * K * norm
        x, v, c = shrink * x + gain * norm, shrink * v + gain * (norm + y_norm), shrink * c
        sizes.append(C * (x + c))
    return np.array(sizes)[run.times]


def _summed(shrink: Array, terms: Array) -> Array:
    """x from x(0) = 0 and x(k + 1) = shrink(k) x(k) + terms(k)."""
    total = [0.0]
    for factor, term in zip(shrink.tolist(), terms.tolist(), strict=True):
        total.append(factor * total[-1] + term)
    return np.array(total)


@np.errstate(over="ignore", invalid="ignore")  # as above
def _sizes(run: Trajectory) -> _Sizes | None:
    """The weights' sizes; None where they were not recorded."""
    start, psi = known_start(run), run.setting.activation
    if start is None or any(np.isnan(run.measures.get(name, np.nan)).any() for name in SIZES):
        return None  # an infinite size is known to be no float, and so is the bound
    S1, S2, weight_square, beta_norm = (run.measures[name] for name in SIZES)
    at_zero, reach = abs(float(psi(0.0))), psi.B1 * run.setting.problem.radius
    outputs, squares = at_zero * S1 + reach * S2, 2.0 * (at_zero**2 + reach**2 * weight_square)
    if np.isfinite(psi.B0):
        outputs, squares = np.minimum(outputs, psi.B0 * S1), np.minimum(squares, psi.B0**2)
    b_norm = float(np.linalg.norm(start.b))
    if run.setting.rule not in ("fa", "bp"):
        b_norm = float(np.max(run.measures.get("feedback_norm", np.array([np.inf]))))
    return _Sizes(
        start.p, b_norm, beta_norm=beta_norm, beta_mean=S1, unit_mean=S2, outputs=outputs, squares=squares
    )


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
