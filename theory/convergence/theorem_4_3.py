"""Theorem 4.3, the linear network, with every constant explicit; and a sharper one without the condition number.

Certificates for one network, sufficient widths with probability 1 − δ, and ridge budgets S_λ. The lemmas are in
`theory.convergence.lemmas_4_3`, the proofs in docs/linear.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number, one_of
from fa_ref.activations import Activation, identity, resolve
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from fa_ref.setting import Setting
from theory.convergence import levels
from theory.convergence.closing import budget, close, closes_at
from theory.convergence.lemmas_4_3 import Printed, Sharper
from theory.convergence.start import Instance, measure
from theory.convergence.widths_3_2 import smallest_width
from theory.margins import Certificate, Margin
from theory.precision import EPS, power

__all__ = [
    "FORMS", "certificate", "drifts", "probable_drifts", "ridge_budget", "sufficient_width", "unit_of_budget",
]  # fmt: skip

Array = NDArray[np.float64]

#: The printed theorem, and the one whose width needs no condition number.
FORMS = ("explicit", "sharper")


def certificate(setting: Setting, *, form: str = "explicit") -> Certificate:
    """Prove, before training, that this linear network converges: Theorem 4.3 on one instance.

    Parameters
    ----------
    setting : Setting
        A problem whose X has rows that are linearly independent (else see `Problem.projected`), weights at t = 0,
        ψ = identity (with any other there is no certificate), η and λ(t). A penalty with an infinite sum never has
        a certificate.
    form : {"explicit", "sharper"}, optional
        Which theorem.

    Returns
    -------
    Certificate
        ``rate`` is the largest a > 0 proved, None (with `Certificate.why`) where the argument does not close.

    Raises
    ------
    ValueError
        If the form is not one of these, the weights are not known or the rule is not feedback alignment.

    Examples
    --------
    >>> problem, rng = Problem(np.diag([1.0, 5.0]), [1.0, -1.0]), np.random.default_rng(0)
    >>> setting = Setting(problem, Network.gaussian(400, 2, rng), "identity", eta=1e-3)
    >>> certificate(setting).rate is None
    True
    >>> 0.5 < certificate(setting, form="sharper").rate < 1.0
    True
    >>> certificate(setting.replace(activation="tanh")).why
    'ψ is the identity: no'
    """
    if not setting.activation.linear:
        return Certificate("Theorem 4.3", None, (Margin.fact("ψ is the identity", False),))
    return close(drifts(setting, form=form))


def drifts(setting: Setting, *, form: str = "explicit") -> Printed:
    """The lemmas of one form, with the constants of one instance; parameters as in `certificate`.

    Raises
    ------
    ValueError
        As `certificate`, and if ψ is not the identity.
    """
    one_of("form", form, FORMS)
    if not setting.activation.linear:
        raise ValueError(
            f"activation: expected identity, of which the theorem speaks, got {setting.activation.name}"
        )
    problem, network = setting.problem, setting.start
    instance = measure(setting)
    measured = _measure(problem, network)
    common: dict[str, Any] = {
        "gamma": _gamma(problem), "M": _top(problem), "kappa_b": measured.kappa_b,
        "overlap": measured.overlap - measured.overlap_error,
        "overlap_up": measured.overlap + measured.overlap_error,
    }  # fmt: skip
    if form == "explicit":
        return Printed(instance, **common)
    return Sharper(
        instance, **common, K=problem.K, K_error=_K_error(problem), pull=measured.pull,
        G_orthogonal=measured.G_orthogonal, orthogonal_error=measured.orthogonal_error,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What the linear lemmas ask for beyond an `Instance`, with bounds on the rounding of sums that cancel."""

    kappa_b: float
    pull: float
    overlap: float
    overlap_error: float
    G_orthogonal: Array
    orthogonal_error: float


def _measure(problem: Problem, network: Network) -> _Measured:
    """Fᵀb, bᵀβ and G⊥; each errs by (p + d)·eps times its absolute sum, as F = WXᵀ is itself a sum of d terms."""
    n, d, b, p = problem.n, problem.d, network.b, network.p
    F, terms = network.W @ problem.X.T, (p + 8) * EPS
    F_error = (d + 4) * EPS * (np.abs(network.W) @ np.abs(problem.X).T)
    up = 1.0 + (p + n + d + 64) * EPS
    F_b = b @ F
    F_b_error = up * np.abs(b) @ (terms * np.abs(F) + F_error)
    reach, blur = float(np.linalg.norm(F_b)), float(np.linalg.norm(F_b_error)) * up
    b_square, size = float(b @ b), float(np.abs(b) @ np.abs(network.beta)) / p
    square = F.T @ F
    error = up * float(np.linalg.norm(np.abs(F).T @ (terms * np.abs(F) + (2 + terms) * F_error)))
    gamma, pull = _gamma(problem), 0.0 if _gamma(problem) > 0 else math.inf
    if b_square > 0:
        square = square - np.outer(F_b, F_b) / b_square
        error += up * ((2 * reach + blur) * blur + 2 * terms * reach * reach) / b_square
        if gamma > 0:
            solved = float(F_b @ np.linalg.solve(problem.K, F_b)) * _solved(problem)
            pull = power(math.sqrt(max(solved, 0.0)) + blur / math.sqrt(gamma), 2) / b_square * up
    return _Measured(
        kappa_b=(reach + blur) / math.sqrt(p) * up,
        pull=pull,
        overlap=float(b @ network.beta) / p,
        overlap_error=(up - 1.0) * size,
        G_orthogonal=square / p,
        orthogonal_error=error / p + 8 * EPS * float(np.trace(square)) / p,
    )


def _gamma(problem: Problem) -> float:
    """λ_min(K) from below: the singular values of X err by max(n, d)·eps·‖X‖ at most a few times."""
    if problem.n > problem.d:
        return 0.0
    sigma = float(problem.singular_values[-1]) - 10 * max(problem.n, problem.d) * EPS * problem.spectral_norm
    return float(max(sigma, 0.0) ** 2)


def _top(problem: Problem) -> float:
    """λ_max(K) from above."""
    return float(problem.lambda_max * (1.0 + 32 * max(problem.n, problem.d) * EPS))


def _K_error(problem: Problem) -> float:
    """Bound on the rounding of XXᵀ, in spectral norm."""
    return float((problem.d + 4) * EPS * np.linalg.norm(np.abs(problem.X) @ np.abs(problem.X).T))


def _solved(problem: Problem) -> float:
    """A factor that covers the error of a solve with K, n·eps times its condition number, and that of K itself."""
    gamma = _gamma(problem)
    relative = (20 * problem.n**2 * EPS * problem.lambda_max + 4 * _K_error(problem)) / gamma
    return 1.0 + relative if relative < 0.5 else math.inf


def probable_drifts(
    problem: Problem, *, eta: float, p: int, delta: float, ridge: Schedule | None = None, form: str = "explicit"
) -> Printed | None:
    """The lemmas with constants that all hold with probability at least 1 − δ for a Gaussian network of width p.

    Parameters
    ----------
    problem, eta, ridge :
        As for `certificate`.
    p : int
        Width.
    delta : float
        Failure probability, in (0, 1); the events share it equally.
    form : {"explicit", "sharper"}, optional
        ``"explicit"`` bounds ‖b‖²/p and ‖β(0)‖²/p by 2, as printed; ``"sharper"`` by their own levels.

    Returns
    -------
    Printed or None
        None where λ_min(K) = 0 or p is too small for the events' levels.
    """
    eta, p = as_number("eta", eta, above=0), as_count("p", p)
    delta = as_number("delta", delta, above=0, below=1)
    one_of("form", form, FORMS)
    sharper = form == "sharper"
    # Eight events: ‖b‖², ‖β(0)‖², s₋, s₊, bᵀβ(0), Fᵀb, Fᵀβ(0) and the pull; as printed, the first two have their
    # own failure probability and the last is not used.
    share = delta / 8 if sharper else (delta - 2 * levels.b_square_failure(p)) / 5
    gamma, M, n = _gamma(problem), _top(problem), problem.n
    if not (share > 0 and gamma > 0):
        return None
    L = math.log(1 / share)
    square = levels.b_square_level(p, share) if sharper else 2.0
    low, high = levels.stretch_levels(p, n, share)
    low -= (1 - math.sqrt(1 - 1 / p)) if sharper else 0.0  # G⊥ has one dimension less
    if not low > 0:
        return None
    reach = math.sqrt(square) * (math.sqrt(float(np.trace(problem.K))) + math.sqrt(2 * M * L))
    overlap = math.sqrt(2 * square * math.log(2 / share) / p)
    y_norm, ridge = float(np.linalg.norm(problem.y)), ridge or schedules.zero()
    instance = Instance(
        n=n, p=p, B0=math.inf, B1=1.0, B2=0.0, B3=0.0, smooth=True,
        radius=problem.radius, chi=problem.spectral_norm, eta=eta, total=eta * ridge.total, peak=ridge.maximum,
        e_norm=y_norm + reach, y_norm=y_norm, g_low=gamma * low**2, g_top=M * high**2, h_norm=M * overlap,
        b_square=square, b_fourth=math.inf, moment=math.inf, moment_3=math.inf, beta_norm=0.0,
        overlap=levels.inner_level(share),
    )  # fmt: skip
    common: dict[str, Any] = {
        "gamma": gamma, "M": M, "kappa_b": reach, "overlap": -overlap, "overlap_up": overlap,
    }  # fmt: skip
    if not sharper:
        return Printed(instance, **common)
    K_error = _K_error(problem)
    return Sharper(
        instance, **common, K=problem.K, K_error=K_error,
        G_orthogonal=low**2 * problem.K, orthogonal_error=low**2 * K_error,
        pull=(math.sqrt(n) + math.sqrt(2 * L)) ** 2,  # K^{−1/2}Fᵀb/‖b‖ is standard normal
    )  # fmt: skip


def sufficient_width(
    problem: Problem,
    activation: str | Activation = identity,
    *,
    eta: float,
    delta: float,
    ridge: Schedule | None = None,
    form: str = "explicit",
) -> int | None:
    """The smallest width from which on Theorem 4.3 holds at rate γ/2 with probability at least 1 − δ.

    None if no width suffices, as for any activation but the identity. Parameters as for `probable_drifts`.

    Examples
    --------
    >>> problem = Problem(np.diag([1.0, 2.0]), [1.0, -1.0])
    >>> plain, sharper = (sufficient_width(problem, eta=1e-6, delta=0.1, form=form) for form in FORMS)
    >>> plain > 50 * sharper and sharper < 1000
    True
    """
    rate = _gamma(problem) / 2
    if resolve(activation) is not identity:
        return None

    def suffices(p: int) -> bool:
        lemmas = probable_drifts(problem, eta=eta, p=p, delta=delta, ridge=ridge, form=form)
        return lemmas is not None and closes_at(lemmas, rate)

    return smallest_width(suffices)


def ridge_budget(setting: Setting, *, form: str = "explicit") -> float | None:
    """S_λ: the largest Σ λ(t) for which Theorem 4.3 is certified on this network; None if not even the smallest.

    max λ(t) is bounded apart from it, by the step-size clause; here it counts as zero, whatever the setting's λ is.

    Examples
    --------
    >>> network = Network.gaussian(10**6, 2, np.random.default_rng(0))
    >>> setting = Setting(Problem(np.eye(2), [1.0, -1.0]), network, "identity", eta=1e-3)
    >>> plain, sharper = (ridge_budget(setting, form=form) for form in FORMS)
    >>> 4 < sharper / plain < 8
    True
    """
    return budget(drifts(setting.replace(ridge=schedules.zero()), form=form))


def unit_of_budget(problem: Problem, p: int, eta: float) -> float:
    """γ√(γp)/(η√n M): S_λ = c_S times this is how the paper writes the budget of Theorems 4.3 and 4.6.

    Examples
    --------
    >>> unit_of_budget(Problem(np.eye(4), np.ones(4)), 100, 0.5)
    10.0
    """
    gamma = problem.lambda_min  # γ/M first, as γ√γ underflows before √γ does
    if gamma == 0:
        return 0.0
    return gamma / problem.lambda_max * math.sqrt(gamma * p) / (eta * math.sqrt(problem.n))
