"""The numbers that the bounds start from, of a problem (`Data`) and of a network (`Entries`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fa_ref.activations import Activation
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule, constant, cutoff
from theory.precision import EPS, power

__all__ = ["TINY", "Data", "Entries", "data_of", "penalty_of"]

#: More than what underflow can lose: upper bounds of products are raised to it.
TINY = 1e-300


@dataclass(frozen=True, kw_only=True)
class Data:
    """The numbers of a problem with its ψ, η and λ > 0 that no network enters.

    Attributes
    ----------
    n : int
        Samples.
    B0, B1, B2, B3 : float
        Sup-norms of ψ and its derivatives.
    chi, radius, K_norm, Y : float
        χ = ‖X‖, R = max‖xᵢ‖, ‖K‖_F, ‖y‖.
    eta, lam : float
        η and λ.
    """

    n: int
    B0: float
    B1: float
    B2: float
    B3: float
    chi: float
    radius: float
    K_norm: float
    Y: float
    eta: float
    lam: float

    @property
    def kappa_1(self) -> float:
        """κ₁ = B1²χ²."""
        return max(power(self.B1, 2) * power(self.chi, 2), TINY)

    def gram_bend(self, entries: Entries) -> float:
        """C_G: ‖G_p(t) − G_p(0)‖ ≤ τ_G x + C_G x² for ‖u‖/√p ≤ x."""
        size = 2 * entries.sigma0 * math.sqrt(entries.b4) * self.bend + power(self.kappa_1, 2) * entries.b2
        return max(size, TINY)

    @property
    def bend(self) -> float:
        """κ₁B2Rχ: how fast D_rKD_r changes with ‖u‖/√p, for |b_r| = 1."""
        return max(self.kappa_1 * self.B2 * self.radius * self.chi, TINY) if self.B2 > 0 else 0.0

    def theta_bend(self, entries: Entries) -> float:
        """C_Θ: ‖Θ⁺ − Θ_p(0)‖ ≤ τ_Θ x + C_Θ x² for ‖u‖/√p ≤ x."""
        if not self.B2 > 0:
            return 0.0
        curved = 2 * power(self.B2, 2) + self.B1 * self.B3
        return max(entries.b4 * self.kappa_1 * power(self.radius, 2) * power(self.chi, 2) * curved, TINY)


@dataclass(frozen=True, kw_only=True)
class Entries:
    """The numbers at the step called 0 that the bounds of docs/nonlinear_alignment.md, §3, start from.

    Upper bounds, but for those called *signed*, ``g0`` and ``q``, which are lower bounds.

    Attributes
    ----------
    p : int
        Width.
    b2, b3, b4, m2 : float
        Means of b_r², |b_r|³, b_r⁴ and |β_r|b_r².
    h0, h_ridge : float
        ‖(1/p) Σ b_rβ_rD_rKD_r‖, and the same with ψ_r·a in place of β_r.
    e0, d0, f0 : float
        ‖e‖, ‖e + λa‖ and ‖f‖.
    s0, a_norm, beta_norm : float
        ‖β*‖, ‖a‖ and ‖β‖.
    g0, sigma0 : float
        λ_min(G_p) and ‖A‖.
    q, theta_a, theta : float
        aᵀΘ_pa, ‖Θ_pa‖ and ‖Θ_p‖.
    m0, m0_a : float
        ‖m_p‖, and m_p·a (signed).
    start, start_norm : float
        −aᵀΘ_p(G_p + λ)⁻¹(e + λa) (signed), and the norm of Θ_p(G_p + λ)⁻¹(e + λa).
    overlap : float
        b·β/√p (signed).
    tau_G, tau_Theta, tau_Theta_least : float
        Slopes of G_p and Θ_p in ‖u‖/√p; the last is the smaller of the two bounds on that of Θ_p.
    q_rest, theta_rest, m0_rest, start_rest, rest_norm : float
        As ``q``, ``theta_a``, ``m0_a``, ``start`` and ``a_norm``, with a⁺ − a = λG_p⁻¹a on the left; −inf or inf
        where G_p is not certainly regular.
    q_plus, theta_plus, m0_plus, plus_norm, s_plus : float
        The same with a⁺ = G_p⁻¹y, and √(y·a⁺).
    """

    p: int
    b2: float
    b3: float
    b4: float
    m2: float
    h0: float
    h_ridge: float
    e0: float
    d0: float
    f0: float
    s0: float
    a_norm: float
    beta_norm: float
    g0: float
    sigma0: float
    q: float
    theta_a: float
    theta: float
    m0: float
    m0_a: float
    start: float
    start_norm: float
    overlap: float
    tau_G: float
    tau_Theta: float
    tau_Theta_least: float
    q_rest: float = -math.inf
    theta_rest: float = math.inf
    m0_rest: float = -math.inf
    start_rest: float = -math.inf
    rest_norm: float = math.inf
    q_plus: float = -math.inf
    theta_plus: float = math.inf
    m0_plus: float = -math.inf
    plus_norm: float = math.inf
    s_plus: float = math.inf


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def data_of(problem: Problem, psi: Activation, eta: float, lam: float) -> Data:
    """The numbers that no network enters, raised by their rounding."""
    up, largest = 1 + (problem.n + problem.d + 64) * EPS, float(np.abs(problem.y).max())
    return Data(
        n=problem.n, B0=psi.B0, B1=psi.B1, B2=psi.B2, B3=psi.B3,
        chi=problem.spectral_norm * up, radius=problem.radius * up, K_norm=float(np.linalg.norm(problem.K)) * up,
        Y=largest * float(np.linalg.norm(problem.y / largest)) * up if largest > 0 else 0.0, eta=eta, lam=lam,
    )  # fmt: skip


def penalty_of(ridge: Schedule) -> tuple[float, float]:
    """Return (λ, T) of a schedule with λ(t) = λ for t < T and 0 from T on; T is inf for a constant.

    Raises
    ------
    ValueError
        If the schedule is another one, or zero, or a user's own formula, of which no finite number of values says
        what comes later.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> penalty_of(schedules.cutoff(0.5, 9)), penalty_of(schedules.constant(0.5))
    ((0.5, 10.0), (0.5, inf))
    """
    lam = ridge.maximum
    if lam > 0 and ridge == constant(lam):
        return lam, math.inf
    if lam > 0 and math.isfinite(ridge.total):
        T = round(ridge.total / lam)
        if ridge == cutoff(lam, T - 1):
            return lam, float(T)
        values = np.array(ridge.recipe[1:]) if ridge.recipe[:1] == ("explicit",) else np.empty(0)
        if (values[:T] == lam).all() and not values[T:].any() and values.size:
            return lam, float(T)
    raise ValueError(f"ridge: expected λ > 0 that is constant, or constant up to a cutoff, got {ridge}")
