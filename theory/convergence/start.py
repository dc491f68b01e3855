"""What the proofs of Theorems 3.2, 4.2 and 4.3 ask of one problem with one network: every number they start from.

An `Instance` holds the measured quantities, each on the safe side of its rounding: what helps a proof (λ_min) is
lowered by a bound on its error, what hurts (norms, moments) is raised by one. `theory.convergence.levels` fills the
same record with bounds that hold with probability 1 − δ instead, and the same theorems then read it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fa_ref.network import Network
from fa_ref.setting import Setting
from theory.precision import EPS, UNIT_ROUNDOFF

__all__ = ["Instance", "Rounded", "measure", "rounded"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Instance:
    """The quantities at t = 0 from which rates are proved; docs/convergence.md, step 0, defines each.

    Attributes
    ----------
    n, p : int
        Samples and width.
    B0, B1, B2, B3 : float
        Sup-norms of ψ and its derivatives.
    smooth : bool
        Whether ψ is twice differentiable.
    radius, chi : float
        R = maxᵢ ‖xᵢ‖ and χ = ‖X‖₂.
    eta, total, peak : float
        Step size η, Λ = η Σ_t λ(t) and max_t λ(t).
    e_norm, y_norm : float
        ‖e(0)‖ and ‖y‖.
    g_low, g_top : float
        λ_min(G(0)) from below, λ_max(G(0)) from above.
    h_norm : float
        ‖H(0)‖ from above.
    b_square, b_fourth : float
        (1/p) Σ b_r² and (1/p) Σ b_r⁴.
    moment, moment_3 : float
        (1/p) Σ |β_r| b_r² and (1/p) Σ |β_r| |b_r|³.
    beta_norm, overlap : float
        ‖β(0)‖ from below and |⟨b, β(0)⟩|/‖b‖ from above.
    G, H : ndarray or None
        The matrices themselves, where they are known.
    matrix_error : float
        Bound on the rounding of G and of H, in spectral norm.
    """

    n: int
    p: int
    B0: float
    B1: float
    B2: float
    B3: float
    smooth: bool
    radius: float
    chi: float
    eta: float
    total: float
    peak: float
    e_norm: float
    y_norm: float
    g_low: float
    g_top: float
    h_norm: float
    b_square: float
    b_fourth: float
    moment: float
    moment_3: float
    beta_norm: float
    overlap: float
    G: Array | None = None
    H: Array | None = None
    matrix_error: float = 0.0

    @property
    def E(self) -> float:
        """E = ‖e(0)‖ + Λ‖y‖: divided by a rate a, it bounds η Σ ‖e(t)‖."""
        return self.e_norm + (self.total * self.y_norm if self.total > 0 else 0.0)

    @property
    def largest(self) -> float:
        """max(‖e(0)‖, ‖y‖), or ‖e(0)‖ where λ ≡ 0: it bounds ‖e(t)‖ for all t while every step contracts."""
        return max(self.e_norm, self.y_norm) if self.total > 0 else self.e_norm

    def with_total(self, total: float) -> Instance:
        """The same with another Λ."""
        return replace(self, total=total)


@dataclass(frozen=True, kw_only=True)
class Rounded:
    """G, H and e of a network in floating point, with bounds on what rounding did to them.

    Attributes
    ----------
    Psi, D : ndarray, shape (n, p)
        ψ and ψ′ at the pre-activations.
    z_error, psi_error, D_error : ndarray, shape (n, p)
        Bounds on the error of each z_ri, on what it does to ψ(z_ri), and on the error of each ψ′(z_ri).
    G, H : ndarray, shape (n, n)
        The kernels.
    G_error, H_error : float
        Bounds on their errors in spectral norm, with that of `numpy.linalg.eigvalsh` on them.
    e, e_error : ndarray, shape (n,)
        The residual, and a bound on the error of each entry.
    """

    Psi: Array
    D: Array
    z_error: Array
    psi_error: Array
    D_error: Array
    G: Array
    H: Array
    G_error: float
    H_error: float
    e: Array
    e_error: Array


@np.errstate(over="ignore", invalid="ignore")  # where rounding or a bound is not known, errors are infinite
def rounded(setting: Setting) -> Rounded:
    """Measure G, H and e, and bound their rounding.

    A sum of m terms errs by at most m·eps times the sum of their absolute values, whatever cancels in it. z is such
    a sum of d terms, and its error moves ψ by up to B1 and ψ′ by up to B2 times as much.

    Raises
    ------
    ValueError
        If the weights are not known.
    """
    problem, network, activation = setting.problem, setting.start, setting.activation
    n, d, p, b, beta = problem.n, problem.d, network.p, network.b, network.beta
    Z = problem.X @ network.W.T
    Psi, D = activation(Z), activation.derivative(Z)
    z_error = (d + 4) * EPS * (np.abs(problem.X) @ np.abs(network.W).T)
    B1, B2 = _slope(activation.B1, D), _finite(activation.B2)
    if activation.kind is None:  # a user's formulas may cancel
        ulps = activation.rounding * UNIT_ROUNDOFF
        psi_error = B1 * z_error + ulps * (1 + np.abs(Psi) + B1 * np.abs(Z))
        D_error = B2 * z_error + ulps * (1 + np.abs(D) + B2 * np.abs(Z))
    else:
        psi_error = B1 * z_error + 8 * EPS * np.abs(Psi)
        D_error = B2 * z_error + 8 * EPS * (np.abs(D) + B1)
    G, H = _symmetric(Psi @ Psi.T / p), _symmetric(problem.K * ((D * (beta * b)) @ D.T) / p)
    relative = (p + 12 * n + d + 64) * EPS
    G_error = relative * float(np.sum(Psi**2) / p)
    G_error += 2 * float(np.linalg.norm(Psi) * np.linalg.norm(psi_error) + np.sum(psi_error**2)) / p
    weights, D_size = np.abs(beta * b), np.abs(D) + D_error
    K_size = np.abs(problem.X) @ np.abs(problem.X).T
    H_error = relative * float(np.linalg.norm(K_size * ((D_size * weights) @ D_size.T) / p))
    H_error += 2 * float(np.linalg.norm(K_size * ((D_error * weights) @ D_size.T) / p))
    e = Psi @ beta / math.sqrt(p) - problem.y
    e_error = (np.abs(Psi) * ((p + 8) * EPS) + psi_error) @ np.abs(beta) / math.sqrt(p)
    e_error = e_error * (1 + p * EPS) + 2 * EPS * np.abs(problem.y)
    return Rounded(
        Psi=Psi, D=D, z_error=z_error, psi_error=psi_error, D_error=D_error,
        G=G, H=H, G_error=G_error, H_error=H_error, e=e, e_error=e_error,
    )  # fmt: skip


def measure(setting: Setting) -> Instance:
    """Measure an instance.

    Every moment is a sum of p non-negative terms of a few factors, so (p + n + d + 64)·eps bounds its relative
    error; what `rounded` says bounds that of G, H and e.

    Raises
    ------
    ValueError
        If the weights are not known, or the rule is not feedback alignment.

    Examples
    --------
    >>> from fa_ref import Problem
    >>> network = Network.gaussian(1000, 2, np.random.default_rng(0))
    >>> instance = measure(Setting(Problem(np.eye(2), [1.0, -1.0]), network, "tanh", eta=0.1))
    >>> 0.3 < instance.g_low < instance.g_top < 0.5 and instance.E == instance.e_norm
    True
    """
    if setting.rule != "fa":
        raise ValueError(f"rule: expected fa, of which the theorems speak, got {setting.rule!r}")
    problem, network, activation = setting.problem, setting.start, setting.activation
    eta, ridge, now = setting.eta, setting.ridge, rounded(setting)
    b, beta = np.abs(network.b), np.abs(network.beta)
    up = 1.0 + (network.p + problem.n + problem.d + 64) * EPS
    g, h = _spectrum(now.G), _spectrum(now.H)
    return Instance(
        n=problem.n,
        p=network.p,
        B0=activation.B0,
        B1=activation.B1,
        B2=activation.B2,
        B3=activation.B3,
        smooth=activation.smooth,
        radius=problem.radius * up,
        chi=problem.spectral_norm * up,
        eta=eta,
        total=eta * ridge.total * up,
        peak=ridge.maximum,
        e_norm=float(np.linalg.norm(now.e) * up + np.linalg.norm(now.e_error)),
        y_norm=float(np.linalg.norm(problem.y)) * up,
        g_low=float(g[0]) - now.G_error,
        g_top=float(g[-1]) + now.G_error,
        h_norm=float(np.abs(h).max()) + now.H_error,
        b_square=float(np.mean(b**2)) * up,
        b_fourth=float(np.mean(b**4)) * up,
        moment=float(np.mean(beta * b**2)) * up,
        moment_3=float(np.mean(beta * b**3)) * up,
        beta_norm=float(np.linalg.norm(beta)) / up,
        overlap=_overlap(network, up),
        G=now.G,
        H=now.H,
        matrix_error=max(now.G_error, now.H_error),
    )


def _overlap(network: Network, up: float) -> float:
    """|⟨b, β⟩|/‖b‖ from above."""
    b, beta = network.b, network.beta
    b_norm = float(np.linalg.norm(b))
    if b_norm == 0:
        return 0.0
    return (abs(float(b @ beta)) + (up - 1.0) * float(np.abs(b) @ np.abs(beta))) / b_norm * up


def _spectrum(A: Array) -> Array:
    """The eigenvalues; −∞ and ∞ where an entry is beyond every float."""
    if not np.isfinite(A).all():
        return np.array([-math.inf, math.inf])
    return np.asarray(np.linalg.eigvalsh(A), dtype=np.float64)


def _slope(B1: float, D: Array) -> float:
    return B1 if math.isfinite(B1) else float(np.abs(D).max())


def _finite(bound: float) -> float:
    return bound if math.isfinite(bound) else 0.0


def _symmetric(A: Array) -> Array:
    return (A + A.T) / 2
