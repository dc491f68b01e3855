"""Bounds along a run, step by step: the recursion of docs/nonlinear_alignment.md, §5, behind the sharp bounds.

Every number bounds what its name says after s steps, if those before it hold; so one pass gives the bound at all
steps, and needs no constant that holds for all of them at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.compiled import njit
from theory.alignment.nonlinear.entries import Data, Entries
from theory.precision import EPS

__all__ = ["COLUMNS", "Majorants", "majorants"]

Array = NDArray[np.float64]

#: What is bounded at each step; see `Majorants`.
COLUMNS = (
    "residual", "path", "sigma", "g", "alpha", "a_norm", "s", "shift", "defect", "beta_lag", "beta_built", "N",
    "mu", "xi", "m_norm", "overlap", "projection", "beta_norm", "step_size", "decay", "fixed_lag",
)  # fmt: skip


class _Numbers(NamedTuple):
    """`Data` and `Entries` as the kernel takes them; infinite where B0 or B3 is."""

    eta: float
    lam: float
    Y: float
    top: float
    pull: float
    bend: float
    C_G: float
    C_Theta: float
    root: float
    b3: float
    root_b4: float
    m2: float
    h0: float
    h_ridge: float
    e0: float
    d0: float
    f0: float
    s0: float
    a: float
    beta: float
    g0: float
    sigma0: float
    q: float
    theta_a: float
    theta: float
    m0: float
    m0_a: float
    start: float
    start_norm: float
    tau_G: float
    tau_Theta: float


@dataclass(frozen=True, kw_only=True)
class Majorants:
    """Bounds at steps 0, …, t; upper bounds unless said otherwise.

    Attributes
    ----------
    residual : ndarray
        ‖e(s)‖.
    path : ndarray
        U(s)/√p.
    sigma, g : ndarray
        ‖A(s)‖, and λ_min(G_p(s)) from below.
    alpha, a_norm : ndarray
        ‖a_p(s) − a‖ and ‖a_p(s)‖.
    s, shift : ndarray
        ‖β*(s)‖ and ‖β*(s) − β*(0)‖.
    defect : ndarray
        ‖δ(s)‖, δ = e + λa_p.
    beta_lag, beta_built : ndarray
        ‖β̃(s) − β*(s)‖ and ‖β̃(s)‖, β̃ = β − c_sβ(0).
    N : ndarray
        ‖N(s)‖.
    mu, xi : ndarray
        ‖μ′(s)‖ and ‖ξ(s)‖.
    m_norm, overlap : ndarray
        ‖m_p(s)‖, and m_p(s)·a_p(s) from below.
    projection : ndarray
        √b₂ b̂·β̃(s) from below.
    beta_norm : ndarray
        ‖β(s)‖.
    step_size : ndarray
        η(λ + σ(s)²), which must be at most 1.
    decay : ndarray
        c_s = (1 − ηλ)^s.
    fixed_lag : ndarray
        ‖β(s) − β*(s)‖.
    """

    residual: Array
    path: Array
    sigma: Array
    g: Array
    alpha: Array
    a_norm: Array
    s: Array
    shift: Array
    defect: Array
    beta_lag: Array
    beta_built: Array
    N: Array
    mu: Array
    xi: Array
    m_norm: Array
    overlap: Array
    projection: Array
    beta_norm: Array
    step_size: Array
    decay: Array
    fixed_lag: Array

    @property
    def valid(self) -> int:
        """The last step for which the step-size condition has held before it; bounds beyond it mean nothing."""
        broken = np.flatnonzero(~(self.step_size <= 1.0))
        return int(broken[0]) if broken.size else self.step_size.size - 1


def majorants(data: Data, entries: Entries, steps: int) -> Majorants:
    """Run the recursion for ``steps`` steps under λ.

    Parameters
    ----------
    data, entries :
        See `theory.alignment.nonlinear.entries`.
    steps : int
        t.

    Examples
    --------
    >>> from fa_ref import Network, Problem, Setting, schedules
    >>> from theory.alignment.nonlinear.measuring import measure
    >>> network = Network.gaussian(20_000, 2, np.random.default_rng(0))
    >>> problem = Problem(np.eye(2), [1.0, 1.0])
    >>> setting = Setting(problem, network, "tanh", eta=0.3, ridge=schedules.constant(1.0))
    >>> found = majorants(*measure(setting), 40)
    >>> found.valid, bool(found.projection[40] > 0)
    (40, True)
    """
    curved = math.isfinite(data.B3)
    numbers = _Numbers(
        eta=data.eta, lam=data.lam, Y=data.Y, top=data.B0 * math.sqrt(data.n),
        pull=data.kappa_1 * math.sqrt(entries.b2), bend=data.bend, C_G=data.gram_bend(entries),
        C_Theta=data.theta_bend(entries) if curved else math.inf, root=math.sqrt(entries.p), b3=entries.b3,
        root_b4=math.sqrt(entries.b4), m2=entries.m2, h0=entries.h0, h_ridge=entries.h_ridge, e0=entries.e0,
        d0=entries.d0, f0=entries.f0, s0=entries.s0, a=entries.a_norm, beta=entries.beta_norm, g0=entries.g0,
        sigma0=entries.sigma0, q=entries.q, theta_a=entries.theta_a, theta=entries.theta, m0=entries.m0,
        m0_a=entries.m0_a, start=entries.start, start_norm=entries.start_norm, tau_G=entries.tau_G,
        tau_Theta=entries.tau_Theta_least if curved else math.inf,
    )  # fmt: skip
    out = np.empty((steps + 1, len(COLUMNS)))
    _recursion(numbers, out)
    return Majorants(**{name: out[:, j].copy() for j, name in enumerate(COLUMNS)})


@njit(cache=True)
def _ridge_gain(g, lam):
    """sup over x ≥ g of √x/(x + λ)."""
    return 0.5 / math.sqrt(lam) if g <= lam else math.sqrt(g) / (g + lam)


@njit(cache=True)
def _least(N, x, change):
    root = math.sqrt(N.g0) - N.pull * x
    return max(root * root if root > 0.0 else 0.0, N.g0 - change, 0.0)


@njit(cache=True)
def _recursion(N, out):
    up = 1.0 + 32.0 * EPS
    exact, e, d, x, c = 1.0 - N.eta * N.lam, N.e0, N.d0, 0.0, 1.0
    keep = exact + 2.0 * EPS  # above 1 − ηλ, however little that is
    lag, built, shift, cross, xi, V, fixed = N.s0, 0.0, 0.0, 0.0, 0.0, 0.0, N.beta + N.s0
    sum_alpha = sum_N = sum_G = sum_d = 0.0
    first = N.lam + N.g0
    for s in range(out.shape[0]):
        change = N.tau_G * x + N.C_G * x * x
        sigma = min(N.sigma0 + N.pull * x, math.sqrt(N.sigma0 * N.sigma0 + change), N.top) * up
        g = _least(N, x, change) / up
        L, gain = (N.lam + g) / up, _ridge_gain(g, N.lam) * up
        alpha = min((N.s0 / L + gain * N.a) * N.pull * x, change * N.a / L) * up
        a = min(N.Y / L, N.a + alpha) * up
        outputs = N.f0 + N.root * (N.h0 * x + N.m2 * N.bend * x * x)  # ‖A(s)β(0)‖
        d = min(d, (c * outputs + sigma * lag) * up)
        e = min(e, N.lam * a + d)
        S = min(gain * N.Y, N.s0 + shift) * up
        far = min(N.b3 * N.bend * x * x, xi) * up
        mu = (sum_alpha + (d + sum_N + N.lam * alpha + sum_G) / first) / N.root * up
        drift = N.eta * N.lam * s / N.root
        m = min(N.m0 + N.theta * x, N.m0 + drift * N.theta_a + N.start_norm / N.root + N.theta * mu) + far
        signed = N.m0_a + drift * N.q + N.start / N.root
        loss = (N.m0 + drift * N.theta_a + N.start_norm / N.root) * alpha + (N.theta_a + N.theta * alpha) * mu
        plain = (
            N.m0 * alpha + drift * N.theta_a * alpha + (N.theta_a + N.theta * alpha) * (sum_alpha + sum_d) / N.root
        )
        overlap = max(signed - loss, N.m0_a + drift * N.q - plain) - far * a
        overlap -= 64.0 * EPS * (abs(N.m0_a) + abs(drift * N.q) + abs(N.start) / N.root + loss + far * a)
        length = math.sqrt(c * c * N.beta * N.beta + min(built, S + lag) ** 2 + 2.0 * c * cross) * up
        out[s, 0], out[s, 1], out[s, 2], out[s, 3], out[s, 4], out[s, 5] = e, x, sigma, g, alpha, a
        out[s, 6], out[s, 7], out[s, 8], out[s, 9], out[s, 10] = S, shift, d, lag, min(built, S + lag)
        out[s, 12], out[s, 13], out[s, 14], out[s, 15], out[s, 16] = mu, far, m, overlap, V
        out[s, 17], out[s, 18], out[s, 19], out[s, 20] = length, N.eta * (N.lam + sigma * sigma), c, fixed

        if not out[s, 18] <= 1.0:
            out[s + 1 :] = np.nan
            return
        dx = N.eta * e / N.root * up
        y = x + dx
        then = N.tau_G * y + N.C_G * y * y
        g_next = _least(N, y, then) / up
        L_next, gain_next = (N.lam + g_next) / up, _ridge_gain(g_next, N.lam) * up
        moved = N.pull * dx * (a + gain_next * S) * up
        shift = (shift + moved) * up
        lag = (keep * lag + moved + N.eta * sigma * min(d, c * outputs)) * up
        fixed = (keep * fixed + moved) * up
        built = (keep * built + N.eta * sigma * e) * up
        S_next = min(gain_next * N.Y, N.s0 + shift)
        grown = min(built, S_next + lag)
        c *= keep * (1.0 + 4.0 * EPS)
        located = N.h_ridge + 2.0 * N.bend * N.root_b4 * N.s0 * y + N.pull * (shift + lag)
        n = c * (N.h0 + 2.0 * N.bend * N.m2 * y) + min(N.pull * grown, located) / N.root
        out[s, 11] = n * up
        turn = min(N.pull * dx * (S / L_next + gain_next * a), a * (N.tau_G + 2.0 * N.C_G * y) * dx / L_next) * up
        cross = (keep * cross + N.eta * outputs * e) * up
        V = exact * V + N.eta * (N.lam * overlap - m * d * up) - 8.0 * EPS * abs(V)
        sum_alpha = (sum_alpha + N.eta * N.lam * alpha) * up
        sum_N = (sum_N + N.eta * n * e) * up
        sum_G = (sum_G + N.eta * change * d) * up
        sum_d = (sum_d + N.eta * d) * up
        xi = (xi + (N.tau_Theta * y + N.C_Theta * y * y) * dx) * up
        following = (1.0 - N.eta * L) * d + N.eta * n * e + N.lam * turn
        e = ((1.0 - N.eta * L) * e + N.eta * n * e + N.eta * N.lam * N.Y) * up
        d, x = following * up, y * up
