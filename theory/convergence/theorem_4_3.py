"""Theorem 4.3, the linear network, with every constant explicit; and a sharper one without the condition number.

Certificates for one network, sufficient widths with probability 1 − δ, and ridge budgets S_λ. The lemmas are in
`theory.convergence.lemmas_4_3`, the proofs in docs/linear.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number
from fa_ref.activations import Activation, identity, resolve
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.convergence import levels
from theory.convergence.lemmas_4_3 import Printed, Sharper
from theory.convergence.start import Instance, measure
from theory.convergence.theorem_3_2 import budget, certify
from theory.convergence.widths import closes_at, smallest_width
from theory.margins import Certificate, Margin
from theory.precision import EPS

__all__ = [
    "FORMS", "certificate", "drifts", "probable_drifts", "ridge_budget", "sufficient_width", "unit_of_budget",
]  # fmt: skip

Array = NDArray[np.float64]

#: The printed theorem, and the one whose width needs no condition number.
FORMS = ("explicit", "sharper")


def certificate(
    problem: Problem,
    network: Network,
    activation: str | Activation,
    eta: float,
    ridge: Schedule | None = None,
    *,
    form: str = "explicit",
) -> Certificate:
    """Prove, before training, that this linear network converges: Theorem 4.3 on one instance.

    Parameters
    ----------
    problem : Problem
        X with rows that are linearly independent (else see `Problem.projected`), and y.
    network : Network
        Weights at t = 0.
    activation : {"identity"}
        The theorem's ψ; with any other there is no certificate.
    eta : float
        Step size of the loss ½‖e‖², above 0.
    ridge : Schedule, optional
        λ(t), zero if not given. An infinite sum never has a certificate.
    form : {"explicit", "sharper"}, optional
        Which theorem.

    Returns
    -------
    Certificate
        ``rate`` is the largest a > 0 proved, None (with `Certificate.why`) where the argument does not close.

    Examples
    --------
    >>> problem, rng = Problem(np.diag([1.0, 5.0]), [1.0, -1.0]), np.random.default_rng(0)
    >>> network = Network.gaussian(400, 2, rng)
    >>> certificate(problem, network, "identity", 1e-3).rate is None
    True
    >>> 0.5 < certificate(problem, network, "identity", 1e-3, form="sharper").rate < 1.0
    True
    >>> certificate(problem, network, "tanh", 1e-3).why
    'ψ is the identity = 0 ≥ 1: not met'
    """
    if not resolve(activation).linear:
        return Certificate("Theorem 4.3", None, (Margin("ψ is the identity", 0.0, 1.0),))
    return certify(drifts(problem, network, eta, ridge, form=form))


def drifts(
    problem: Problem, network: Network, eta: float, ridge: Schedule | None = None, *, form: str = "explicit"
) -> Printed:
    """The lemmas of one form, with the constants of one instance; parameters as in `certificate`."""
    eta = as_number("eta", eta, above=0)
    if form not in FORMS:
        raise ValueError(f"form: expected one of {', '.join(FORMS)}, got {form!r}")
    instance = measure(problem, network, identity, eta, ridge or schedules.zero())
    b, p, F = network.b, network.p, network.W @ problem.X.T
    b_square = float(b @ b)
    F_b = b @ F
    up = 1.0 + (p + problem.n + 64) * EPS
    overlap, error = float(b @ network.beta) / p, (up - 1.0) * float(np.abs(b) @ np.abs(network.beta)) / p
    common: dict[str, Any] = {
        "gamma": _gamma(problem), "M": problem.lambda_max * up,
        "kappa_b": float(np.linalg.norm(F_b)) / math.sqrt(p) * up,
        "overlap": overlap - error, "overlap_up": overlap + error,
    }  # fmt: skip
    if form == "explicit":
        return Printed(instance, **common)
    G_orthogonal = (F.T @ F - np.outer(F_b, F_b) / b_square) / p if b_square > 0 else F.T @ F / p
    lowest = common["gamma"]
    pull = float(F_b @ np.linalg.solve(problem.K, F_b)) / b_square * _solved(problem) if lowest > 0 else math.inf
    return Sharper(instance, **common, K=problem.K, G_orthogonal=G_orthogonal, pull=pull)


def _gamma(problem: Problem) -> float:
    """λ_min(K) from below: the singular values of X err by max(n, d)·eps·‖X‖ at most a few times."""
    if problem.n > problem.d:
        return 0.0
    sigma = float(problem.singular_values[-1]) - 10 * max(problem.n, problem.d) * EPS * problem.spectral_norm
    return max(sigma, 0.0) ** 2


def _solved(problem: Problem) -> float:
    """A factor that covers the error of a solve with K, n·eps times its condition number."""
    return 1.0 + 20 * problem.n**2 * EPS * problem.lambda_max / _gamma(problem)


def probable_drifts(
    problem: Problem, eta: float, p: int, delta: float, ridge: Schedule | None = None, *, form: str = "explicit"
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
    if form not in FORMS:
        raise ValueError(f"form: expected one of {', '.join(FORMS)}, got {form!r}")
    sharper = form == "sharper"
    share = delta / 7 if sharper else (delta - 2 * levels.b_square_failure(p)) / 5
    gamma, M, n = _gamma(problem), problem.lambda_max, problem.n
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
        n, p, math.inf, 1.0, 0.0, 0.0, True, problem.radius, problem.spectral_norm, eta, eta * ridge.total,
        ridge.maximum, y_norm + reach, y_norm, gamma * low**2, M * high**2, M * overlap, math.sqrt(square), square,
        math.inf, math.inf, math.inf, 0.0, levels.inner_level(share),
    )  # fmt: skip
    common: dict[str, Any] = {
        "gamma": gamma, "M": M, "kappa_b": reach, "overlap": -overlap, "overlap_up": overlap,
    }  # fmt: skip
    if not sharper:
        return Printed(instance, **common)
    pull = (math.sqrt(n) + math.sqrt(2 * L)) ** 2  # K^{−1/2}Fᵀb/‖b‖ is standard normal
    return Sharper(instance, **common, K=problem.K, G_orthogonal=low**2 * problem.K, pull=pull)


def sufficient_width(
    problem: Problem, eta: float, delta: float, *, ridge: Schedule | None = None, form: str = "explicit"
) -> int | None:
    """The smallest width from which on Theorem 4.3 holds at rate γ/2 with probability at least 1 − δ; None if none.

    Examples
    --------
    >>> problem = Problem(np.diag([1.0, 2.0]), [1.0, -1.0])
    >>> plain, sharper = (sufficient_width(problem, 1e-6, 0.1, form=form) for form in FORMS)
    >>> plain > 50 * sharper and sharper < 1000
    True
    """
    rate = _gamma(problem) / 2

    def suffices(p: int) -> bool:
        lemmas = probable_drifts(problem, eta, p, delta, ridge, form=form)
        return lemmas is not None and closes_at(lemmas, rate)

    return smallest_width(suffices)


def ridge_budget(problem: Problem, network: Network, eta: float, *, form: str = "explicit") -> float:
    """S_λ: the largest Σ λ(t) for which Theorem 4.3 is certified on this network, NaN if none is even at 0.

    max λ(t) is bounded apart from it, by the step-size clause; here it counts as zero.

    Examples
    --------
    >>> problem = Problem(np.eye(2), [1.0, -1.0])
    >>> network = Network.gaussian(10**6, 2, np.random.default_rng(0))
    >>> plain, sharper = (ridge_budget(problem, network, 1e-3, form=form) for form in FORMS)
    >>> 4 < sharper / plain < 5
    True
    """
    return budget(drifts(problem, network, eta, form=form))


def unit_of_budget(problem: Problem, p: int, eta: float) -> float:
    """γ√(γp)/(η√n M): S_λ = c_S times this is how the paper writes the budget of Theorems 4.3 and 4.6.

    Examples
    --------
    >>> unit_of_budget(Problem(np.eye(4), np.ones(4)), 100, 0.5)
    10.0
    """
    gamma = problem.lambda_min
    return gamma * math.sqrt(gamma * p) / (eta * math.sqrt(problem.n) * problem.lambda_max)
