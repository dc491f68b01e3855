"""The entries of Theorems B and C as levels that hold with probability 1 − δ over a Gaussian network of width p.

`printed` is the first table of docs/nonlinear_alignment.md, §6, with equal shares of δ; `sharp` is the second, with
better tails and shares by need. Each name in a share is one event, so the shares add up to 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from fa_ref.problem import Problem
from theory.alignment.nonlinear.entries import Data, Entries
from theory.kernels import MeanKernel
from theory.precision import EPS, power

__all__ = ["SHARES", "printed", "sharp"]

Array = NDArray[np.float64]

#: Means and variances of |b|³, |β|b², b⁴ and b⁶.
MOMENTS = {
    "b3": (2 * math.sqrt(2 / math.pi), 15 - 8 / math.pi),
    "m2": (math.sqrt(2 / math.pi), 3 - 2 / math.pi),
    "b4": (3.0, 96.0),
    "b6": (15.0, 10170.0),
}

#: What part of δ each event of `sharp` gets, before the cutoff and for all times after it.
SHARES = {
    "m0·a": 0.34, "start": 0.17, "overlap": 0.03, "f": 0.03, "m0": 0.03, "b2": 0.01, "β": 0.01, "m2": 0.04,
    "b4": 0.08, "b6": 0.06, "h0": 0.02, "h*": 0.02, "G": 0.04, "Θ in W": 0.02, "Θ in b": 0.02, "q": 0.03,
    "τ_G": 0.02, "τ_Θ": 0.03,
}  # fmt: skip
SHARES_AFTER = {name: 0.6 * share for name, share in SHARES.items()} | {"m0·rest": 0.28, "start rest": 0.12}


def _cantelli(name: str, p: float, delta: float) -> float:
    mean, variance = MOMENTS[name]
    return mean + math.sqrt(variance * (1 / delta - 1) / p)


def _square(p: float, delta: float) -> float:
    x = math.log(1 / delta)
    return 1 + 2 * math.sqrt(x / p) + 2 * x / p


def _solved(M: Array, v: Array) -> Array:
    return np.asarray(np.linalg.solve(M, v), dtype=np.float64)


def _defect(M: Array, v: Array, y: Array) -> float:
    """‖Mv − y‖/‖v‖ with its rounding."""
    rounding = (y.size + 4) * EPS * float(np.linalg.norm(np.abs(M) @ np.abs(v) + np.abs(y)))
    size = float(np.linalg.norm(v))
    return (float(np.linalg.norm(M @ v - y)) + rounding) / size if size > 0 else math.inf


class _Kernel:
    """Ḡ, Θ̄ and what follows from them, with their own errors on the safe side."""

    def __init__(self, data: Data, kernel: MeanKernel, y: Array) -> None:
        self.G_error = float(np.linalg.norm(kernel.error)) * 1.001
        self.Theta_error = float(np.linalg.norm(kernel.Theta_error)) * 1.001
        values, n = np.linalg.eigvalsh(kernel.G), y.size
        self.gamma, self.top = kernel.gamma_lower, float(values[-1]) * (1 + 64 * n * EPS) + self.G_error
        self.trace = float(np.trace(kernel.G)) + n * self.G_error
        ridge, nowhere = kernel.G + data.lam * np.eye(n), np.full(n, np.nan)
        self.a = _solved(ridge, y)
        self.plus = _solved(kernel.G, y) if self.gamma > 0 else nowhere
        self.rest = _solved(kernel.G, data.lam * self.a) if self.gamma > 0 else nowhere
        self.twice = _solved(ridge, self.a)
        self.shrunk: Array = self.a - data.lam * self.twice
        if y.any():  # what the solutions lack is as if Ḡ had another error
            self.G_error += _defect(ridge, self.a, y) + _defect(ridge, self.twice, self.a)
            if self.gamma > 0:
                self.G_error += _defect(kernel.G, self.plus, y) + _defect(kernel.G, self.rest, data.lam * self.a)
        self.G, self.Theta, self.y = kernel.G, kernel.Theta, y
        self.theta = float(np.linalg.norm(kernel.Theta, 2)) * (1 + 64 * n * EPS) + self.Theta_error

    def form(self, u: Array, v: Array) -> float:
        return float(u @ self.Theta @ v)


def printed(problem: Problem, data: Data, kernel: MeanKernel, p: int, delta: float, order: int) -> Entries:
    """The levels of the table, with δ/11 (first order) or δ/14 (second) for each event."""
    n, k1, share = data.n, data.kappa_1, delta / (11 if order == 1 else 14)
    x, mean = math.log(1 / share), _Kernel(data, kernel, problem.y)
    b2 = _square(p, share)
    eps_G = n * power(data.B0, 2) * (1 + math.sqrt(2 * x)) / math.sqrt(p) + mean.G_error
    eps_T = power(data.B1, 2) * data.K_norm * math.sqrt(3 / (p * share)) + mean.Theta_error
    sigma0 = min(data.B0 * math.sqrt(n), math.sqrt(mean.top + eps_G))
    trace = min(n * power(data.B0, 2), mean.trace + math.sqrt(n) * eps_G)
    f0 = math.sqrt(trace) + sigma0 * math.sqrt(2 * x)
    h0 = k1 * math.sqrt(2 * b2 * math.log(2 * n / share))
    h0 = min(power(data.B1, 2) * data.K_norm / math.sqrt(share), h0) / math.sqrt(p)
    tau_T = 2 * math.sqrt(15 / (p * share)) * data.B2 * power(data.B1, 2) * _spread(problem)
    q = mean.form(mean.a, mean.a)
    norm = float(np.linalg.norm(mean.a))
    eps_a = eps_G * norm / (data.lam + max(0.0, mean.gamma - eps_G))
    s0 = data.Y / (2 * math.sqrt(data.lam))
    found = {
        "q": max(0.0, math.sqrt(max(0.0, q - power(norm, 2) * eps_T)) - math.sqrt(k1 * b2) * eps_a) ** 2,
        "theta_a": float(np.linalg.norm(mean.Theta @ mean.a)) + eps_T * norm + k1 * b2 * eps_a,
        "a_norm": norm * (1 + eps_G / data.lam), "s0": s0, "m0_a": -s0 * math.sqrt(2 * x / p),
    }  # fmt: skip
    if mean.gamma > eps_G:
        size, s_plus = float(np.linalg.norm(mean.plus)), data.Y / math.sqrt(mean.gamma - eps_G)
        eps = eps_G * size / (mean.gamma - eps_G)
        lost = size * norm * eps_T + k1 * b2 * (eps * norm + (size + eps) * eps_a)
        found |= {
            "q_plus": mean.form(mean.plus, mean.a) - lost, "plus_norm": size * (1 + eps_G / (mean.gamma - eps_G)),
            "theta_plus": float(np.linalg.norm(mean.Theta @ mean.plus)) + eps_T * size + k1 * b2 * eps,
            "m0_plus": -s_plus * math.sqrt(2 * x / p), "s_plus": s_plus,
        }  # fmt: skip
    tau_G = 2 * power(data.B1, 2) * data.B0 * math.sqrt(n) * data.K_norm / math.sqrt(p * share)
    return Entries(
        p=p, b2=b2, b3=_cantelli("b3", p, share), b4=_cantelli("b4", p, share), m2=_cantelli("m2", p, share), h0=h0,
        h_ridge=math.inf, e0=f0 + data.Y, d0=f0 + data.Y, f0=f0, beta_norm=math.sqrt(p * b2),
        g0=max(0.0, mean.gamma - eps_G), sigma0=sigma0, theta=mean.theta + eps_T, m0=f0 / math.sqrt(p),
        start=-math.inf, start_norm=math.inf, overlap=-math.inf, tau_G=tau_G, tau_Theta=tau_T,
        tau_Theta_least=tau_T, **found,
    )  # fmt: skip


def sharp(
    problem: Problem, data: Data, kernel: MeanKernel, p: int, delta: float, *, after: bool = False
) -> Entries:
    """The levels with better tails; with ``after`` those for the times after a cutoff too."""
    share = {name: part * delta for name, part in (SHARES_AFTER if after else SHARES).items()}
    x = {name: math.log(1 / part) for name, part in share.items()}
    n, k1, lam, root, mean = data.n, data.kappa_1, data.lam, math.sqrt(p), _Kernel(data, kernel, problem.y)
    eps_G, eps_T = _eps_G(data, kernel, p, x["G"]) + mean.G_error, _eps_Theta(data, mean, p, share)
    g0 = max(0.0, mean.gamma - eps_G)
    sigma0 = min(data.B0 * math.sqrt(n), math.sqrt(mean.top + eps_G))
    side = math.sqrt(min(n * power(data.B0, 2), mean.trace + math.sqrt(n) * eps_G))  # √tr G_p
    theta, norm = mean.theta + eps_T, float(np.linalg.norm(mean.a))
    eps_a = eps_G * norm / (lam + g0)
    gain = sigma0 / (power(sigma0, 2) + lam) if power(sigma0, 2) <= lam else 0.5 / math.sqrt(lam)
    s0 = min(gain * data.Y, _length(mean.G, mean.a, eps_G) + gain * eps_G * norm)
    q = mean.form(mean.a, mean.a) - power(norm, 2) * mean.Theta_error
    q_bar = max(0.0, q - math.sqrt(6 * x["q"] * k1 * power(norm, 2) * max(q, 0.0) / p))
    theta_a = float(np.linalg.norm(mean.Theta @ mean.a)) + eps_T * norm + theta * eps_a
    f0 = side + sigma0 * math.sqrt(2 * x["f"])
    d0 = f0 + data.Y * power(sigma0, 2) / (power(sigma0, 2) + lam)
    b2, b4 = _square(p, share["b2"]), _cantelli("b4", p, share["b4"])
    eps_s = eps_a + lam * (eps_a + eps_G * float(np.linalg.norm(mean.twice))) / (lam + g0)
    pulls = _Pulls(mean, eps_T, theta, eps_a, eps_s)
    M = power(data.B1, 2) * data.K_norm
    tau_T = 2 * data.B2 * power(data.B1, 2) * _spread(problem) / root
    tau_T *= min(
        math.sqrt(2 * math.log(2 / share["τ_Θ"]) * _cantelli("b6", p, share["b6"])), math.sqrt(15 / share["τ_Θ"])
    )
    found = _after(data, mean, pulls, (eps_G, eps_a, g0, gain), p, share) if after and g0 > 0 else {}
    return Entries(
        p=p, b2=b2, b3=math.sqrt(b2 * b4), b4=b4, m2=_cantelli("m2", p, share["m2"]),
        h0=math.sqrt(2 * math.log(2 * n / share["h0"]) * k1 * theta / p),
        h_ridge=math.sqrt(2 * math.log(2 * n / share["h*"]) / p) * k1 * s0,
        e0=f0 + data.Y, d0=d0, f0=f0, s0=s0, a_norm=norm + eps_a,
        beta_norm=math.sqrt(p * _square(p, share["β"])), g0=g0, sigma0=sigma0,
        q=max(0.0, math.sqrt(q_bar) - math.sqrt(theta) * eps_a) ** 2, theta_a=theta_a, theta=theta,
        m0=(side + sigma0 * math.sqrt(2 * x["m0"])) / root, m0_a=ndtri(share["m0·a"]) * s0 / root,
        start=pulls.shrunk(mean.a, eps_a) + ndtri(share["start"]) * gain * theta_a,
        start_norm=theta * d0 / (lam + g0), overlap=ndtri(share["overlap"]) * math.sqrt(b2),
        tau_G=2 * M / root * (side + sigma0 * math.sqrt(2 * x["τ_G"])), tau_Theta=tau_T, tau_Theta_least=tau_T,
        **found,
    )  # fmt: skip


class _Pulls:
    """Lower bounds of forms uᵀΘ_pv from those of the means."""

    def __init__(self, mean: _Kernel, eps_T: float, theta: float, eps_a: float, eps_s: float) -> None:
        self.mean, self.eps_T, self.theta, self.eps_a, self.eps_s = mean, eps_T, theta, eps_a, eps_s

    def form(self, u: Array, eps_u: float, v: Array, eps_v: float) -> float:
        U, V = float(np.linalg.norm(u)), float(np.linalg.norm(v))
        lost = U * V * self.eps_T + self.theta * (eps_u * V + (U + eps_u) * eps_v)
        return self.mean.form(u, v) - lost * (1 + 1e-12)

    def shrunk(self, u: Array, eps_u: float) -> float:
        """UᵀΘ_pG_p(G_p + λ)⁻¹a."""
        return self.form(u, eps_u, self.mean.shrunk, self.eps_s)


def _after(
    data: Data,
    mean: _Kernel,
    pulls: _Pulls,
    known: tuple[float, float, float, float],
    p: int,
    share: dict[str, float],
) -> dict[str, float]:
    """The entries of the times after a cutoff."""
    (eps_G, eps_a, g0, gain), rest, root = known, mean.rest, math.sqrt(p)
    size, plus = float(np.linalg.norm(rest)), float(np.linalg.norm(mean.plus))
    eps = (data.lam * eps_a + eps_G * size) / g0
    length = min(data.lam * (float(np.linalg.norm(mean.a)) + eps_a) / math.sqrt(g0),
                 _length(mean.G, rest, eps_G) + eps * math.sqrt(g0))  # fmt: skip
    theta_rest = float(np.linalg.norm(mean.Theta @ rest)) + pulls.eps_T * size + pulls.theta * eps
    inner = float(np.linalg.norm(mean.y)) * plus
    square = max(float(mean.y @ mean.plus), 0.0) + power(plus, 2) * eps_G * (1 + eps_G / g0) + 1e-12 * inner
    return {
        "q_rest": pulls.form(rest, eps, mean.a, eps_a), "theta_rest": theta_rest,
        "m0_rest": ndtri(share["m0·rest"]) * length / root,
        "start_rest": pulls.shrunk(rest, eps) + ndtri(share["start rest"]) * gain * theta_rest,
        "rest_norm": size + eps, "s_plus": min(data.Y / math.sqrt(g0), math.sqrt(square)),
    }  # fmt: skip


def _spread(problem: Problem) -> float:
    """(Σ_i (Σ_j K_ij²)²)^{1/2}."""
    return float(np.sqrt(((problem.K**2).sum(axis=1) ** 2).sum())) * (1 + 1e-12)


def _length(G: Array, v: Array, eps_G: float) -> float:
    """A bound on ‖Aᵀv‖ = √(vᵀG_pv)."""
    return math.sqrt(max(float(v @ G @ v), 0.0) + float(v @ v) * eps_G * (1 + 1e-9) + 1e-14 * float(v @ v))


def _eps_G(data: Data, kernel: MeanKernel, p: int, x: float) -> float:
    """‖G_p − Ḡ‖_F: the root of its mean square, and bounded differences √2·nB0²/p."""
    diagonal, error = np.diag(kernel.G + kernel.error), kernel.error
    square = (
        power(data.B0, 2) * np.minimum.outer(diagonal, diagonal) - (np.maximum(np.abs(kernel.G) - error, 0.0)) ** 2
    )
    mean = math.sqrt(max(float(square.sum()), 0.0) / p) * (1 + 1e-9)
    return mean + data.n * power(data.B0, 2) * math.sqrt(x / p)


def _eps_Theta(data: Data, mean: _Kernel, p: int, share: dict[str, float]) -> float:
    """‖Θ_p − Θ̄‖: bounded differences in W, and a matrix Laplace transform in b given W."""
    in_W = power(data.B1, 2) * data.K_norm * (1 + math.sqrt(math.log(1 / share["Θ in W"]))) / math.sqrt(p)
    in_W += mean.Theta_error
    x = math.log(2 * data.n / share["Θ in b"])
    return in_W + 2 * math.sqrt(data.kappa_1 * (mean.theta + in_W) * x / p) + 2 * data.kappa_1 * x / p
