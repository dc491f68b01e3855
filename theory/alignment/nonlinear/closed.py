"""Theorems B and C in closed form, first and second order: docs/nonlinear_alignment.md, §§3–4.

One set of formulas, fed by measured entries (one network) or by levels that hold with probability 1 − δ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from theory.alignment.nonlinear.entries import Data, Entries
from theory.margins import Margin
from theory.precision import power

__all__ = ["Along", "Bound", "after_cutoff", "along", "before_cutoff"]

#: Passes of §3: each improves σ and g by the ω of the one before.
PASSES = {1: 4, 2: 5}
#: Iterations of U₊.
ITERATIONS = 30


@dataclass(frozen=True, kw_only=True)
class Along:
    """The constants that bound a run up to step t; docs/nonlinear_alignment.md, §3, defines each.

    Attributes
    ----------
    t : int
        The step.
    theta : float
        t/√p.
    E, nu, sigma, g, omega : float
        ‖e(s)‖ ≤ E, ‖N(s)‖ ≤ ν/√p, ‖A(s)‖ ≤ σ, λ_min(G_p(s)) ≥ g for s ≤ t, and U(t) ≤ ω√p.
    Lambda, Lambda_1, L_a, k : float
        Λ = λ + g, Λ′ = Λ − ν/√p, and the Lipschitz constants of a_p and β*.
    alpha, mu, xi : float
        Bounds on ‖a_p(t) − a‖, ‖μ‖ and ‖ξ‖.
    gram : float
        A bound on ‖G_p(t) − G_p(0)‖; infinite in the first-order form.
    margins : tuple of Margin
        (C1) and (C2).
    """

    t: int
    theta: float
    E: float
    nu: float
    sigma: float
    g: float
    omega: float
    Lambda: float
    Lambda_1: float
    L_a: float
    k: float
    alpha: float
    mu: float
    xi: float
    gram: float
    margins: tuple[Margin, ...]

    @property
    def met(self) -> bool:
        """Whether (C1) and (C2) hold."""
        return all(margin.met for margin in self.margins)


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A lower bound of cos∠(b, β): (numerator)/(length), where the numerator is positive.

    Attributes
    ----------
    cosine : float
        The bound; −inf where nothing is proved.
    margins : tuple of Margin
        The conditions: (C1), (C2), after a cutoff (C3) too, and that the numerator is positive.
    P, S, X : float
        m·a ≥ P, ‖β*‖ ≤ S, ‖β − β*‖ ≤ X, or after a cutoff P⁺, S⁺, X⁺.
    residual : float
        After a cutoff: E_T ≥ ‖e(T)‖.
    rate : float
        After a cutoff: ‖e(t)‖ ≤ (1 − η·rate)^{t−T} E_T.
    steepness, flatness : float
        After a cutoff: by how much the numerator, times √b₂, falls and the denominator rises for each ‖e(t)‖.
    """

    cosine: float
    margins: tuple[Margin, ...]
    P: float = math.nan
    S: float = math.nan
    X: float = math.nan
    residual: float = math.nan
    rate: float = math.nan
    steepness: float = math.nan
    flatness: float = math.nan

    def __bool__(self) -> bool:
        return self.cosine > 0


def along(data: Data, entries: Entries, t: int, order: int = 1) -> Along:
    """The constants of §3 (order 1) or of the second-order form of §4 (order 2) for the first t steps."""
    eta, lam, Y, p = data.eta, data.lam, data.Y, entries.p
    root, k1, rb = math.sqrt(p), data.kappa_1, math.sqrt(entries.b2)
    theta, E = t / root, max(entries.e0, 2 * Y)
    sigma = data.B0 * math.sqrt(data.n)
    if not math.isfinite(sigma):
        sigma = entries.sigma0 + k1 * rb * eta * theta * E
    first = Margin("η(λ + σ²)", eta * (lam + power(sigma, 2)), 1.0, "≤")
    C_G, g, nu, worst = data.gram_bend(entries), 0.0, 0.0, 0.0

    def gram(omega: float) -> float:
        return entries.tau_G * omega + C_G * power(omega, 2) if order == 2 else math.inf

    for _ in range(PASSES[order]):
        nu = root * entries.h0 + 2 / math.e * data.bend * entries.m2 * E / lam + sigma * k1 * rb * E / lam
        worst = max(nu, worst)  # in this order a NaN stays
        if not nu / root <= lam / 2:
            return _nothing(t, theta, (first, Margin("ν/√p", worst / root, lam / 2, "≤")))
        omega = (eta * lam * theta * Y + entries.e0 / root) / (lam + g - nu / root)
        change = gram(omega)
        sigma = min(sigma, entries.sigma0 + k1 * rb * omega, math.sqrt(power(entries.sigma0, 2) + change))
        g = max(max(0.0, math.sqrt(entries.g0) - k1 * rb * omega) ** 2, entries.g0 - change)
    margins = first, Margin("ν/√p", worst / root, lam / 2, "≤")
    return _assembled(data, entries, t, order, (E, nu, sigma, g), C_G, margins)


def _assembled(
    data: Data,
    entries: Entries,
    t: int,
    order: int,
    improved: tuple[float, float, float, float],
    C_G: float,
    margins: tuple[Margin, ...],
) -> Along:
    eta, lam, Y, root = data.eta, data.lam, data.Y, math.sqrt(entries.p)
    (E, nu, sigma, g), k1, rb, theta = improved, data.kappa_1, math.sqrt(entries.b2), t / root
    big = lam + g
    small = big - nu / root
    pace, offset = eta * lam * Y / small, entries.e0 / root / small  # ω = pace·θ + offset
    omega = pace * theta + offset
    L_a = k1 * rb * Y / math.sqrt(lam) / big
    lines = L_a * (pace * theta * theta / 2 + offset * theta)  # L_a ∫ω
    alpha, xi, gram = L_a * omega, entries.b3 * data.bend * power(omega, 2), math.inf
    if order == 2:
        gram = entries.tau_G * omega + C_G * power(omega, 2)
        I_1 = pace * theta * theta / 2 + offset * theta
        I_2 = theta * (power(pace * theta, 2) / 3 + pace * theta * offset + power(offset, 2))
        alpha = min(alpha, gram * entries.a_norm / big)
        lines = min(lines, (entries.tau_G * I_1 + C_G * I_2) * entries.a_norm / big)
        ahead = omega + eta * E / root
        cubic = data.theta_bend(entries) * power(ahead, 3) / 3
        xi = min(xi, entries.tau_Theta * power(ahead, 2) / 2 + cubic)
    mu = eta * lam * lines + (entries.d0 + (nu + lam * L_a) * omega) / big / root
    return Along(
        t=t, theta=theta, E=E, nu=nu, sigma=sigma, g=g, omega=omega, Lambda=big, Lambda_1=small, L_a=L_a,
        k=k1 * rb * Y * (1 / big + 1 / (4 * lam)), alpha=alpha, mu=mu, xi=xi, gram=gram, margins=margins,
    )  # fmt: skip


def _nothing(t: int, theta: float, margins: tuple[Margin, ...]) -> Along:
    """What is known where (C2) fails: g ≥ 0, and no upper bound."""
    inf = math.inf
    return Along(
        t=t, theta=theta, E=inf, nu=inf, sigma=inf, g=0.0, omega=inf, Lambda=0.0, Lambda_1=0.0, L_a=inf, k=inf,
        alpha=inf, mu=inf, xi=inf, gram=inf, margins=margins,
    )  # fmt: skip


def lag(data: Data, entries: Entries, found: Along) -> float:
    """X of Theorem B: how far β(t) may be from β*(t)."""
    eta, t, root = data.eta, found.t, math.sqrt(entries.p)
    slow = min(data.lam, found.Lambda_1)
    fading = (1 - eta * data.lam) ** t * (entries.beta_norm + entries.s0)
    memory = eta * t * (1 - eta * slow) ** (t - 1) * entries.e0 if t else 0.0
    return fading + found.k / root * (data.Y / found.Lambda_1 + memory)


def before_cutoff(data: Data, entries: Entries, t: int, order: int = 1) -> Bound:
    """Theorem B: a lower bound of cos∠(b, β(t)) under λ."""
    found = along(data, entries, t, order)
    if not found.met:
        return Bound(cosine=-math.inf, margins=found.margins)
    X, rb = lag(data, entries, found), math.sqrt(entries.b2)
    S = min(data.Y / (2 * math.sqrt(data.lam)), entries.s0 + found.k * found.omega)
    own = entries.q, entries.theta_a, entries.m0_a
    P = _overlap(data, entries, found, own, found.alpha, data.Y / found.Lambda)
    return _bound(P, S, X, rb, found.margins)


def after_cutoff(data: Data, entries: Entries, T: int, order: int = 1, residual: float = 0.0) -> Bound:
    """Theorem C: the same for every t ≥ T with ‖e(t)‖ ≤ ``residual``, where λ is 0 from step T on."""
    found = along(data, entries, T, order)
    if not (found.met and found.g > 0 and math.isfinite(entries.s_plus)):
        return Bound(cosine=-math.inf, margins=(*found.margins, Margin("g", found.g, 0.0, ">")))
    eta, lam, Y, g, root = data.eta, data.lam, data.Y, found.g, math.sqrt(entries.p)
    rb = math.sqrt(entries.b2)
    pull = data.kappa_1 * rb
    X = lag(data, entries, found)
    S = min(Y / (2 * math.sqrt(lam)), entries.s0 + found.k * found.omega)
    S_plus = min(Y / math.sqrt(g), entries.s_plus + 2 * pull * Y / g * found.omega)
    E_T = lam * Y / found.Lambda_1 + (1 - eta * found.Lambda_1) ** T * entries.e0

    def tau(U: float) -> float:
        return pull / root * ((3 * found.sigma + 2 * pull * U / root) * U + S + X)

    U = 2 * E_T / g
    margins = (*found.margins, Margin("g", g, 0.0, ">"), Margin("τ₊(2E_T/g)", tau(U), g / 2, "≤"))
    if not tau(U) <= g / 2:
        return Bound(cosine=-math.inf, margins=margins)
    for _ in range(ITERATIONS):
        U = E_T / (g - tau(U))
    X_plus = X + tau(U) * U / math.sqrt(g) + pull * power(U, 2) / (2 * root) + residual / math.sqrt(g)
    alpha = min(2 * pull * Y / g / math.sqrt(g) * found.omega, found.gram * entries.plus_norm / g)
    plus = entries.q_plus, entries.theta_plus, entries.m0_plus
    P_plus = _overlap(data, entries, found, plus, alpha, Y / g)
    bound = _bound(P_plus, S_plus, X_plus, rb, margins)
    flatness = 1 / math.sqrt(g)
    return replace(bound, residual=E_T, rate=g - tau(U), steepness=rb * flatness, flatness=flatness)


def _overlap(
    data: Data, entries: Entries, found: Along, own: tuple[float, float, float], alpha: float, longest: float
) -> float:
    """P or P⁺: a lower bound of m_p(t)·a_p(t), or of m_p(t)·G_p(t)⁻¹y."""
    q, theta_a, m0_a = own
    P = data.eta * data.lam * found.theta * (q - entries.theta_a * alpha)
    P -= (theta_a + entries.theta * alpha) * found.mu
    return P + m0_a - entries.m0 * alpha - found.xi * longest


def _bound(P: float, S: float, X: float, rb: float, margins: tuple[Margin, ...]) -> Bound:
    positive = Margin("P/√b₂ − X", P / rb - X, 0.0)
    cosine = (P / rb - X) / (S + X) if positive.met and S + X > 0 and math.isfinite(P) else -math.inf
    return Bound(cosine=cosine, margins=(*margins, positive), P=P, S=S, X=X)
