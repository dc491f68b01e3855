r"""A cutoff can turn alignment into its opposite: the sign before and after it, from networks and from the θ-limit.

Section 6 of the paper sees no obstacle to Theorem 4.6 for nonlinear ψ. With its schedule, a penalty up to T and
none after, the alignment of tanh networks on X = (12, 2)ᵀ, y = (0.44, 0.9) with λ = 10, η = 0.05 is positive before
the cutoff and, for every large p, negative after it. `theory.alignment.nonlinear.survival` says when it cannot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from fa_ref import Network, Problem, Setting, schedules
from fa_ref._support.checks import as_count
from fa_ref.activations import Activation
from theory.limits import wide_prediction
from theory.limits.mean_field import vectorised
from validation.judge.verdicts import NoTruthValue

__all__ = ["REVERSED", "Sides", "both_sides", "limit_sides", "network_sides"]

#: Units at a time.
BLOCK = 8192
#: The problem, λ and η of the demonstration.
REVERSED = Problem([[12.0], [2.0]], [0.44, 0.9]), 10.0, 0.05


@dataclass(frozen=True, kw_only=True)
class Sides(NoTruthValue):
    """cos∠(b, β) at the end of the penalty and after it is gone, each with the half-width of its interval.

    Attributes
    ----------
    p : int or None
        Width; None for the θ-limit.
    before, before_error, after, after_error : float
        Means and half-widths.
    residual : float
        The largest ‖e‖/‖y‖ at the end.
    """

    p: int | None
    before: float
    before_error: float
    after: float
    after_error: float
    residual: float = 0.0

    def __str__(self) -> str:
        where = "θ-limit" if self.p is None else f"p = {self.p}"
        return (
            f"{where}: {self.before:+.4f} ± {self.before_error:.4f} before, "
            f"{self.after:+.4f} ± {self.after_error:.4f} after"
        )


def limit_sides(
    problem: Problem,
    activation: str | Activation,
    lam: float,
    *,
    eta: float,
    theta: float = 1.0,
    particles: int = 16384,
) -> Sides:
    """Both sides of a cutoff at θ in the limit p → ∞ (`theory.limits.wide_prediction`).

    Examples
    --------
    >>> problem, lam, eta = REVERSED
    >>> sides = limit_sides(problem, "tanh", lam, eta=eta, particles=2048)
    >>> sides.before > sides.before_error, sides.after < -sides.after_error
    (True, True)
    """
    said = wide_prediction(
        problem, activation, [theta, 1.5 * theta], eta=eta, particles=particles,
        ridge=lambda s: lam if s < theta else 0.0,
    )  # fmt: skip
    (before, after), (before_error, after_error) = said.alignment.tolist(), said.error.tolist()
    return Sides(p=None, before=before, before_error=before_error, after=after, after_error=after_error)


def network_sides(
    problem: Problem,
    activation: str | Activation,
    lam: float,
    p: int,
    rng: np.random.Generator,
    *,
    eta: float,
    theta: float = 1.0,
    pairs: int = 4,
    tail: int = 4000,
    confidence: float = 0.99,
) -> Sides:
    """Both sides of a cutoff at t = ⌊θ√p⌋, from networks in pairs ±b with the same W and β.

    Parameters
    ----------
    problem, activation, lam, eta :
        The problem, ψ, λ and η.
    p : int
        Width.
    rng : numpy.random.Generator
        Draws the networks.
    theta, tail : float, int, optional
        When λ is switched off, and for how many steps training goes on.
    pairs : int, optional
        At least 2.
    confidence : float, optional
        Of Student's interval over the pairs' means.
    """
    T, pairs = math.floor(theta * math.sqrt(as_count("p", p))), as_count("pairs", pairs, at_least=2)
    setting = Setting(problem, None, activation, eta=eta, ridge=schedules.cutoff(lam, T - 1))
    means, residual = np.empty((pairs, 2)), 0.0
    for row in means:
        network, found = Network.gaussian(p, problem.d, rng), []
        for b in (network.b, -network.b):
            start = Network(network.W, network.beta, b)
            before, after, left = both_sides(setting.replace(network=start), T, tail)
            found.append((before, after))
            residual = max(residual, left)
        row[:] = np.mean(found, axis=0)
    half = student.ppf(0.5 + confidence / 2, pairs - 1) * means.std(axis=0, ddof=1) / math.sqrt(pairs)
    (before, after), (before_error, after_error) = means.mean(axis=0).tolist(), half.tolist()
    return Sides(
        p=p, before=before, before_error=before_error, after=after, after_error=after_error, residual=residual
    )


def both_sides(setting: Setting, T: int, tail: int) -> tuple[float, float, float]:
    """cos∠(b, β) at T and at T + ``tail``, and ‖e‖/‖y‖ at the end.

    Algorithm 1 in Z = XWᵀ with NumPy's own loops over blocks of units that stay in the cache: for a few samples and
    10⁵ units several times as fast as the engines, whose tiles are made for many samples.
    """
    problem, network, eta, root = setting.problem, setting.start, setting.eta, math.sqrt(setting.start.p)
    values, slopes = vectorised(setting.activation)
    quick = setting.activation.kind == "tanh"  # ψ′ = 1 − ψ²
    parts = [slice(k, k + BLOCK) for k in range(0, network.p, BLOCK)]
    Z = [np.ascontiguousarray(problem.X @ network.W[part].T) for part in parts]
    beta, b = network.beta.copy(), network.b
    Psi, before = [values(z) for z in Z], math.nan
    e = sum(psi @ beta[part] for psi, part in zip(Psi, parts, strict=True)) / root - problem.y
    for t, lam in enumerate(setting.ridge.values(T + tail).tolist()):
        if t == T:
            before = _cosine(b, beta)
        pull, f = eta / root * e, np.zeros(problem.n)
        for k, part in enumerate(parts):
            back = 1.0 - Psi[k] * Psi[k] if quick else slopes(Z[k])
            back *= pull[:, None]
            back *= b[part]
            beta[part] *= 1.0 - eta * lam
            beta[part] -= pull @ Psi[k]
            Z[k] -= problem.K @ back
            Psi[k] = values(Z[k])
            f += Psi[k] @ beta[part]
        e = f / root - problem.y
    return before, _cosine(b, beta), float(np.linalg.norm(e) / np.linalg.norm(problem.y))


def _cosine(b: np.ndarray, beta: np.ndarray) -> float:
    return float(b @ beta / np.linalg.norm(b) / np.linalg.norm(beta))
