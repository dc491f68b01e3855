"""A-posteriori certificates: a proof, from the weights at hand, that training converges from here on.

`from_state` proves, or says why it cannot, that Algorithm 1 started at a given network satisfies
‖e(t + 1)‖ ≤ (1 − ηa) ‖e(t)‖ for all t ≥ 0, with the largest a > 0 that the argument of ``docs/certificates.md``
yields, and where cos∠(b, β(t)) stays meanwhile. `theory.certificates.search` trains until that succeeds;
`theory.certificates.checker` re-verifies what was saved.
"""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.threads import one_blas_thread
from fa_ref.activations import Activation
from fa_ref.setting import Setting
from theory.certificates import balls
from theory.certificates.alignment import alignment_bounds, measure_aligned
from theory.certificates.balls import Enclosure
from theory.certificates.record import THEOREM, StateCertificate, problem_digest
from theory.certificates.tubes import Drift, State, curvature_formula, drift, upward
from theory.convergence.start import rounded
from theory.margins import Margin
from theory.precision import EPS

__all__ = ["from_state"]

Array = NDArray[np.float64]

#: Steps of the descent on the largest rate; only where a certificate barely exists are so many needed.
DESCENTS = 50


@one_blas_thread()
def from_state(setting: Setting, *, rigorous: bool = False) -> StateCertificate:
    """Prove that Algorithm 1 (λ = 0) from these weights contracts the residual at every step, and how fast.

    Parameters
    ----------
    setting : Setting
        Problem, the weights now, ψ and η; rule "fa" and no ridge. ψ has to be smooth with finite ``B1`` and ``B2``,
        or ReLU (if no unit can cross its kink any more).
    rigorous : bool, optional
        Take weights, data and η as the exact floating-point numbers that they are, and enclose everything computed
        from them in balls: then a certificate is a theorem about the iteration in real arithmetic. For the
        named activations.

    Returns
    -------
    StateCertificate
        ``rate`` is a with ‖e(t + 1)‖ ≤ (1 − ηa) ‖e(t)‖ for all t ≥ 0; None if no a can be proved, with the failing
        condition and its factor among the margins (`why`).

    Raises
    ------
    TypeError, ValueError
        If the setting is not what is said above.
    ModuleNotFoundError
        If ``rigorous`` without python-flint.

    Examples
    --------
    >>> from fa_ref import Network, Problem, train
    >>> problem = Problem(np.eye(2), [0.5, -0.5])
    >>> start = Setting(problem, Network.gaussian(100, 2, np.random.default_rng(0)), "tanh", eta=0.5)
    >>> trained = start.replace(network=train(start, steps=200).network)
    >>> certificate = from_state(trained)
    >>> bool(certificate), bool(from_state(start))
    (True, False)
    >>> low, high = certificate.final_alignment
    >>> low <= high < low + 1e-3
    True
    >>> bool(from_state(trained.replace(eta=8.0)))  # the same weights, beyond the edge of stability
    False
    """
    if setting.rule != "fa":
        raise ValueError(f"rule: expected fa, of which the theorem speaks, got {setting.rule!r}")
    if setting.ridge.maximum > 0:
        raise ValueError(f"ridge: expected no penalty from these weights on, got {setting.ridge}")
    problem, network, psi, eta = setting.problem, setting.start, setting.activation, setting.eta
    facts: dict[str, Any] = {
        "eta": eta, "activation": psi.fingerprint, "network": network.digest(), "problem": problem_digest(problem),
        "rigorous": bool(rigorous),
    }  # fmt: skip
    given = _hypotheses(psi)
    if not all(margin.met for margin in given):
        return StateCertificate(THEOREM, None, given, **facts)
    with np.errstate(over="ignore", invalid="ignore"):  # weights that exploded are refused, not warned of
        now = (balls.enclose if rigorous else measure)(setting)
        rate, margins, found = _decide(now, eta)
        constants = _constants(now, found, eta)
        if rate is not None:
            constants |= _alignment(now, found, rate)
    return StateCertificate(THEOREM, rate, given + margins, constants, **facts)


def _hypotheses(psi: Activation) -> tuple[Margin, ...]:
    """What ψ has to be: differentiable with bounded ψ′ and ψ″, or ReLU, which is linear on the tubes."""
    smooth = (
        () if psi.smooth or _piecewise_linear(psi) else (Margin.fact("ψ is twice differentiable, or ReLU", False),)
    )
    bounds = (("ψ′", psi.B1), ("ψ″", 0.0 if _piecewise_linear(psi) else psi.B2))
    return smooth + tuple(Margin(f"sup |{name}|", bound, sys.float_info.max, "≤") for name, bound in bounds)


def _piecewise_linear(activation: Activation) -> bool:
    return activation.kind == "relu"


def measure(setting: Setting) -> Enclosure:
    """Measure what `theory.certificates.balls.enclose` encloses in floating point, with bounds on the rounding."""
    problem, network, activation = setting.problem, setting.start, setting.activation
    now, formula = rounded(setting), curvature_formula(activation)
    linear = _piecewise_linear(activation)
    Z, A_error = problem.X @ network.W.T, now.G_error + now.H_error
    low, high = _extreme_eigenvalues(now.G + now.H)
    B3 = 0.0 if linear or formula is None else activation.B3
    curvature = np.full(Z.shape, 0.0 if linear else activation.B2)
    if formula is not None and not linear:
        curvature = np.abs(formula(Z, now.Psi, now.D)) + B3 * now.z_error + 64 * EPS * activation.B1
    state = State(
        slope=np.abs(now.D) + (0.0 if linear else now.D_error),
        curvature=curvature,
        kink=np.maximum(np.abs(Z) - now.z_error, 0.0) if linear else None,
        B1=activation.B1 * (1 + 4 * EPS),
        B2=0.0 if linear else activation.B2 * (1 + 4 * EPS),
        B3=B3 * (1 + 4 * EPS),
        K=np.abs(problem.K) + (problem.d + 4) * EPS * (np.abs(problem.X) @ np.abs(problem.X).T),
        lambda_max_K=problem.lambda_max * (1 + 32 * max(problem.n, problem.d) * EPS),
        sigma=math.sqrt(_extreme_eigenvalues(now.G)[1] + now.G_error),
        b=np.abs(network.b),
        beta=np.abs(network.beta),
    )
    norm = float(np.linalg.norm(now.e) * (1 + (problem.n + 4) * EPS) + np.linalg.norm(now.e_error))
    return Enclosure(
        state=state, residual_norm=norm, lambda_min=low - A_error, lambda_max=high + A_error,
        aligned=measure_aligned(now, network),
    )  # fmt: skip


def _extreme_eigenvalues(A: Array) -> tuple[float, float]:
    if not np.isfinite(A).all():
        return -math.inf, math.inf
    values = np.linalg.eigvalsh(A)
    return float(values[0]), float(values[-1])


def _constants(now: Enclosure, found: Drift, eta: float) -> dict[str, float]:
    state = now.state
    up = upward(state.b.size)
    return {
        "residual_norm": now.residual_norm,
        "lambda_min": now.lambda_min,
        "lambda_max": now.lambda_max,
        "lambda_max_K": state.lambda_max_K,
        "sigma": state.sigma,
        "b_norm": float(np.linalg.norm(state.b)) * up,
        "beta_norm": float(np.linalg.norm(state.beta)) * up,
        "step": eta * now.lambda_max,
        "drift": found.map,
        "drift_psi": found.psi,
        "drift_beta": found.beta,
        "tube_radius": found.radius,
    }


def _alignment(now: Enclosure, found: Drift, rate: float) -> dict[str, float]:
    if now.aligned is None:
        return {}
    always, limit = alignment_bounds(
        now.aligned, found, sigma=now.state.sigma, lambda_min=now.lambda_min, U=now.residual_norm / rate * upward()
    )
    return {
        "alignment_low": always[0], "alignment_high": always[1], "final_low": limit[0], "final_high": limit[1]
    }  # fmt: skip


def _decide(now: Enclosure, eta: float) -> tuple[float | None, tuple[Margin, ...], Drift]:
    """The largest rate, the conditions, and the drift at that rate, or at half the budget where there is none."""
    margins: tuple[Margin, ...] = (
        Margin("λ_min(A)", now.lambda_min, 0.0, ">"),
        Margin("η λ_max(A)", eta * now.lambda_max, 2.0, "≤"),
    )
    budget = min(now.lambda_min, 2.0 / eta - now.lambda_max)
    rate = provable_rate(now, eta, budget) if budget > 0 else None
    at = rate if rate is not None else budget / 2
    found = drift(now.state, now.residual_norm / at if at > 0 else math.inf)
    if now.state.kink is not None:
        margins += (Margin("distance from the kink / radius of the tube", found.kink, 1.0, ">"),)
    if not budget > 0:
        return None, margins, found
    if rate is None:
        return None, (*margins, Margin("drift at half the budget", found.map, budget / 2, "≤")), found
    left = now.lambda_min - found.map
    clause = eta * (now.lambda_max + found.map + rate)
    margins += (Margin("λ_min(A) − drift", left, rate), Margin("η (λ_max(A) + drift + a)", clause, 2.0, "≤"))
    return rate, margins, found


def proves(now: Enclosure, eta: float, rate: float) -> bool:
    """Whether a = ``rate`` satisfies both conditions of the theorem, decided without rounding."""
    if not rate > 0:
        return False
    moved = drift(now.state, now.residual_norm / rate).map
    if not math.isfinite(moved):
        return False
    a, tau, low, high = map(Fraction, (rate, moved, now.lambda_min, now.lambda_max))
    return a + tau <= low and Fraction(eta) * (high + tau + a) <= 2


def provable_rate(now: Enclosure, eta: float, budget: float) -> float | None:
    """The largest a with a + τ(‖e‖/a) ≤ budget, to a relative 10⁻⁶ or so; None if there is none.

    c(a) = a·τ(‖e‖/a) does not increase with a. So a solution x below a satisfies x(budget − x) ≥ c(x) ≥ c(a) and is
    at most the larger root of that parabola: from a = budget, these roots descend to the largest solution and
    never past it; and there is none where the parabola has no root (Lemma 6).
    """
    a, step = budget, math.inf
    for _ in range(DESCENTS):
        if step <= 1e-7 * a:
            break
        discriminant = 1 - 4 * (a / budget) * (drift(now.state, now.residual_norm / a).map / budget)
        if not discriminant >= 0:
            return None
        root = budget * ((1 + math.sqrt(discriminant)) / 2)
        a, step = root, abs(a - root)
    for shave in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3):
        if proves(now, eta, a * (1 - shave)):
            return a * (1 - shave)
    return None
