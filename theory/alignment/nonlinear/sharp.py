"""Theorems B′ and C′: the sharp lower bounds of cos∠(b, β), from the majorants; docs/nonlinear_alignment.md, §5."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from theory.alignment.nonlinear.closed import Bound
from theory.alignment.nonlinear.entries import Data, Entries
from theory.alignment.nonlinear.majorants import Majorants, majorants
from theory.margins import Margin
from theory.precision import EPS, power

__all__ = ["after_cutoff", "all_after_cutoff", "before_cutoff", "cosines"]

Array = NDArray[np.float64]


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def cosines(data: Data, entries: Entries, steps: int, found: Majorants | None = None) -> Array:
    """Theorem B′ at steps 0, …, ``steps``: lower bounds of cos∠(b, β(t)); −inf where nothing is proved.

    Examples
    --------
    >>> from fa_ref import Network, Problem, Setting, schedules
    >>> from theory.alignment.nonlinear.measuring import measure
    >>> network = Network.gaussian(5_000, 2, np.random.default_rng(0))
    >>> problem = Problem(np.eye(2), [1.0, 1.0])
    >>> setting = Setting(problem, network, "tanh", eta=0.3, ridge=schedules.constant(1.0))
    >>> bounds = cosines(*measure(setting), 60)
    >>> bool(bounds.max() > 0)
    True
    """
    found = found or majorants(data, entries, steps)
    reached = _reached(data, entries, found)
    bounds, length = np.full(reached.size, -np.inf), math.sqrt(entries.b2) * found.beta_norm
    known = (reached > 0) & np.isfinite(reached) & (length > 0)  # an overflow is no lower bound
    np.divide(reached, length, out=bounds, where=known)
    bounds[found.valid + 1 :] = -np.inf
    return np.asarray(bounds * (1 - 64 * EPS), dtype=np.float64)


def _reached(data: Data, entries: Entries, found: Majorants) -> Array:
    """A lower bound of √b₂ b̂·β(t); c_t is known from above, to a relative error that grows with t."""
    own, steps = found.decay * entries.overlap, np.arange(found.decay.size)
    error = 16 * EPS * (steps + 1) / max(1 - data.eta * data.lam, EPS)
    return np.asarray(found.projection + own - np.minimum(error, 1.0) * np.abs(own))


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def before_cutoff(data: Data, entries: Entries, t: int) -> Bound:
    """Theorem B′ at one step."""
    found = majorants(data, entries, t)
    reached = float(_reached(data, entries, found)[t])
    margins = (
        Margin("η(λ + σ²)", float(found.step_size[: max(t, 1)].max()), 1.0, "≤"),
        Margin("√b₂ b̂·β", reached, 0.0, ">"),
    )
    cosine = float(cosines(data, entries, t, found)[t])
    return Bound(cosine=cosine, margins=margins, P=reached, S=float(found.beta_norm[t]), X=0.0)


def after_cutoff(data: Data, entries: Entries, T: int, residual: float = 0.0) -> Bound:
    """Theorem C′ for every t ≥ T with ‖e(t)‖ ≤ ``residual``, where λ is 0 from step T on."""
    return all_after_cutoff(data, entries, majorants(data, entries, T), T, residual)


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def all_after_cutoff(data: Data, entries: Entries, found: Majorants, T: int, residual: float = 0.0) -> Bound:
    """Theorem C′ at a cutoff T ≤ the steps of the majorants."""
    g, root = float(found.g[T]), math.sqrt(entries.p)
    margins = (
        Margin("η(λ + σ²)", float(found.step_size[: T + 1].max()), 1.0, "≤"),
        Margin("g", g, 0.0, ">"),
    )
    if not (all(margin.met for margin in margins) and math.isfinite(entries.s_plus)):
        return Bound(cosine=-math.inf, margins=margins)
    pull, sigma = data.kappa_1 * math.sqrt(entries.b2), float(found.sigma[T])
    E_T, length = float(found.residual[T]), float(found.beta_norm[T])

    def tau(U: float) -> float:
        return pull / root * ((3 * sigma + 2 * pull * U / root) * U + length)

    U = _path(E_T, g, tau)
    closes = Margin("τ₊(U₊)", tau(U), g, "≤")
    if not math.isfinite(U):
        return Bound(cosine=-math.inf, margins=(*margins, closes))
    rest = _rest(data, entries, found, T, g)
    m_norm, x = float(found.m_norm[T]), float(found.path[T])
    slopes = min(data.kappa_1 * entries.b2, entries.theta + _slope(data, entries, x + U / root))
    lost = m_norm / g * (float(found.defect[T]) + tau(U) * U + residual) + slopes * power(U, 2) / (2 * root)
    reached = float(_reached(data, entries, found)[T]) + rest - lost * (1 + 64 * EPS)
    S = min(data.Y / math.sqrt(g), entries.s_plus + 2 * pull * data.Y / g * x)
    off = float(found.beta_lag[T]) + float(found.decay[T]) * entries.beta_norm
    X = off + tau(U) * U / math.sqrt(g) + pull * power(U, 2) / (2 * root) + residual / math.sqrt(g)
    positive = Margin("√b₂ b̂·β", reached, 0.0, ">")
    cosine = reached / math.sqrt(entries.b2) / (S + X) * (1 - 256 * EPS) if positive.met else -math.inf
    return Bound(
        cosine=cosine, margins=(*margins, closes, positive), P=reached, S=S, X=X, residual=E_T, rate=g - tau(U),
        steepness=m_norm / g, flatness=1 / math.sqrt(g),
    )  # fmt: skip


def _path(E_T: float, g: float, tau: Callable[[float], float]) -> float:
    """A number U with E_T ≤ U (g − τ₊(U)), near the smallest: it bounds η Σ‖e‖ after the cutoff; inf if none."""
    U = E_T / g
    for _ in range(200):
        rate = g - tau(U)
        if not rate > 0:
            return math.inf
        following = E_T / rate * (1 + 1e-12)
        if following <= U:
            return U
        U = following * (1 + 1e-9)
    return math.inf


def _rest(data: Data, entries: Entries, found: Majorants, T: int, g: float) -> float:
    """A lower bound of λ m_p(T)·G_p(T)⁻¹a_p(T): what the cutoff adds to √b₂ b̂·β."""
    root, lam = math.sqrt(entries.p), data.lam
    alpha, mu, xi = float(found.alpha[T]), float(found.mu[T]), float(found.xi[T])
    x = float(found.path[T])
    change = entries.tau_G * x + data.gram_bend(entries) * x * x
    beta = (lam * alpha + change * entries.rest_norm) / g  # how far λG_p⁻¹a_p has moved
    drift = data.eta * lam * T / root
    value = entries.m0_rest + drift * entries.q_rest + entries.start_rest / root
    loss = (entries.m0 + drift * entries.theta_a + entries.start_norm / root) * beta
    loss += (entries.theta_rest + entries.theta * beta) * mu + xi * (entries.rest_norm + beta)
    size = abs(entries.m0_rest) + abs(drift * entries.q_rest) + abs(entries.start_rest) / root + loss
    return value - loss - 64 * EPS * size


def _slope(data: Data, entries: Entries, x: float) -> float:
    """A bound on ‖Θ⁺ − Θ_p(0)‖ at ‖u‖/√p ≤ x."""
    if not math.isfinite(data.B3):
        return math.inf
    return entries.tau_Theta_least * x + data.theta_bend(entries) * x * x
