"""What Theorems B and C ask of one network, measured: every number on the safe side of its rounding."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fa_ref.activations import Activation
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.setting import Setting
from theory.alignment.nonlinear.entries import TINY, Data, Entries, data_of, penalty_of
from theory.alignment.nonlinear.rounding import Bounded, form, solution, times, unit_mean, vector_norm
from theory.kernels import eigenvalue_floor
from theory.precision import EPS, power

__all__ = ["curvature", "measure"]

Array = NDArray[np.float64]


class _Units:
    """ψ, ψ′ and ψ″ of every unit with bounds on the errors of their entries."""

    def __init__(self, problem: Problem, network: Network, psi: Activation) -> None:
        Z = problem.X @ network.W.T
        reach = (problem.d + 4) * EPS * (np.abs(problem.X) @ np.abs(network.W).T)
        self.Psi, self.D = psi(Z), psi.derivative(Z)
        self.Psi_error = psi.B1 * reach + 8 * EPS * np.abs(self.Psi)
        self.D_error = _times(psi.B2, reach) + 8 * EPS * np.abs(self.D)
        self.DD, DD_error = curvature(psi, Z)
        self.DD_error = DD_error + _times(psi.B3, reach)


def _times(bound: float, array: Array) -> Array:
    return bound * array if math.isfinite(bound) else np.full_like(array, np.inf)


_CURVATURES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "tanh": lambda z, f, d: -2.0 * f * d,  # noqa: ARG005
    "sigmoid": lambda z, f, d: d * (1.0 - 2.0 * f),  # noqa: ARG005
    "softplus": lambda z, f, d: d * (1.0 - d),  # noqa: ARG005
    "erf": lambda z, f, d: -2.0 * z * d,  # noqa: ARG005
    "identity": lambda z, f, d: np.zeros_like(z),  # noqa: ARG005
}


def curvature(psi: Activation, Z: Array) -> tuple[Array, Array]:
    """ψ″ and a bound on its error: by formula for the named ψ; else by differences of ψ′, which err by B3·h."""
    if psi.kind in _CURVATURES:
        D = psi.derivative(Z)
        value = _CURVATURES[psi.kind](Z, psi(Z), D)
        return value, 32 * EPS * (np.abs(D) * (1.0 + np.abs(Z)) + np.abs(value))
    h = 1e-5
    value = (psi.derivative(Z + h) - psi.derivative(Z - h)) / (2 * h)
    return value, _times(psi.B3, np.full_like(Z, h)) + 16 * EPS * psi.B1 / h


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def measure(setting: Setting, *, sign: int = 1) -> tuple[Data, Entries]:
    """Measure the entries of one network, each on the safe side of its rounding.

    With ``sign`` −1 the signed entries are bounded with the opposite sign: then −cos is bounded from below.

    Raises
    ------
    ValueError
        If the schedule is neither a constant nor a cutoff, or the weights are not known.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> network = Network.gaussian(1000, 2, np.random.default_rng(0))
    >>> problem = Problem(np.eye(2), [1.0, 1.0])
    >>> data, entries = measure(Setting(problem, network, "tanh", eta=0.3, ridge=schedules.constant(1.0)))
    >>> 0.3 < entries.g0 < entries.sigma0**2 < 0.5 and entries.q > 0
    True
    """
    problem, network, psi = setting.problem, setting.start, setting.activation
    lam = penalty_of(setting.ridge)[0]
    n, p, b, beta = problem.n, network.p, network.b, network.beta
    units, up, root = _Units(problem, network, psi), 1 + (network.p + 64) * EPS, math.sqrt(network.p)
    G, Theta = _gram(units, p), _slopes(problem, units, b**2)
    g_low = max(0.0, eigenvalue_floor(G.value) - G.error)
    top = float(np.linalg.eigvalsh(G.value)[-1]) * (1 + 64 * n * EPS) + G.error
    M, y = Bounded(G.value + lam * np.eye(n), G.error + EPS * (lam + top)), Bounded(problem.y, 0.0)
    a = solution(M, lam + g_low, y)
    f = _columns(units, beta, root)
    m = _columns(units, b, p)
    start = Bounded(f.value - problem.y + lam * a.value, f.error + lam * a.error + 4 * EPS * _size(f, y, a, lam))
    pulled = times(Theta, a)
    moved = times(Theta, solution(M, lam + g_low, start))
    weight = units.Psi.T @ a.value
    weight_error = float(a.error * np.linalg.norm(units.Psi) / root)
    h_ridge = _norm(_slopes(problem, units, b * weight))
    h_ridge += power(psi.B1, 2) * problem.lambda_max * float(np.linalg.norm(b)) / root * weight_error
    forms = _forms(problem, (G, Theta), g_low, lam, a, m, (pulled, moved), sign)
    return data_of(problem, psi, setting.eta, lam), Entries(
        p=p, b2=float(np.mean(b**2)) * up, b3=float(np.mean(np.abs(b) ** 3)) * up, b4=float(np.mean(b**4)) * up,
        m2=float(np.mean(np.abs(beta) * b**2)) * up, h0=_norm(_slopes(problem, units, b * beta)),
        h_ridge=h_ridge, e0=vector_norm(Bounded(f.value - problem.y, f.error + EPS * _size(f, y, a, 0.0))),
        d0=vector_norm(start), f0=vector_norm(f), s0=_root(form(a, times(G, a))), a_norm=vector_norm(a),
        beta_norm=float(np.linalg.norm(beta)) * up, g0=g_low, sigma0=math.sqrt(top) * (1 + 4 * EPS),
        q=_low(form(a, pulled), sign), theta_a=vector_norm(pulled), theta=_norm(Theta), m0=vector_norm(m),
        m0_a=_low(form(m, a), sign), start=_low(form(_minus(a), moved), sign), start_norm=vector_norm(moved),
        overlap=(sign * float(b @ beta) - (p + 8) * EPS * float(np.abs(b) @ np.abs(beta))) / root,
        **_taus(problem, units, b), **forms,
    )  # fmt: skip


def _forms(
    problem: Problem,
    kernels: tuple[Bounded, Bounded],
    g_low: float,
    lam: float,
    a: Bounded,
    m: Bounded,
    images: tuple[Bounded, Bounded],
    sign: int,
) -> dict[str, float]:
    """The entries that need G_p⁻¹; images are Θ_pa and Θ_p(G_p + λ)⁻¹(e + λa)."""
    if not g_low > 0:
        return {}
    (G, Theta), (pulled, moved), y = kernels, images, Bounded(problem.y, 0.0)
    plus, rest = solution(G, g_low, y), solution(G, g_low, Bounded(lam * a.value, lam * a.error))
    found = {"s_plus": _root(form(y, plus)), "start_rest": _low(form(_minus(rest), moved), sign)}
    for name, v in (("rest", rest), ("plus", plus)):
        found |= {
            f"q_{name}": _low(form(v, pulled), sign),
            f"theta_{name}": vector_norm(times(Theta, v)),
            f"m0_{name}": _low(form(m, v), sign),
            f"{name}_norm": vector_norm(v),
        }
    return found


def _gram(units: _Units, p: int) -> Bounded:
    G = unit_mean(units.Psi, np.ones(p), units.Psi, units.Psi_error, units.Psi_error)
    return Bounded((G.value + G.value.T) / 2, G.error)


def _slopes(problem: Problem, units: _Units, weights: Array) -> Bounded:
    """(1/p) Σ w_r D_rKD_r."""
    inner = unit_mean(units.D, weights, units.D, units.D_error, units.D_error)
    size = np.abs(problem.X) @ np.abs(problem.X).T
    error = float(size.max()) * inner.error + (problem.d + 4) * EPS * float(
        np.linalg.norm(size * np.abs(inner.value))
    )
    M = problem.K * inner.value
    return Bounded((M + M.T) / 2, error)


def _columns(units: _Units, weights: Array, scale: float) -> Bounded:
    """Ψw/scale."""
    error = (weights.size + 8) * EPS * np.abs(units.Psi) + units.Psi_error
    return Bounded(units.Psi @ weights / scale, float(np.linalg.norm(error @ np.abs(weights))) / scale * (1 + 1e-9))


def _taus(problem: Problem, units: _Units, b: Array) -> dict[str, float]:
    """τ_G and τ_Θ: docs/nonlinear_alignment.md, §4, second-order form."""
    n, K, size = problem.n, problem.K, np.abs(problem.X) @ np.abs(problem.X).T
    T, C = [], []
    spread_T = spread_C = 0.0
    for k in range(n):
        pull, pull_error = (
            units.D * units.D[k],
            np.abs(units.D) * units.D_error[k] + units.D_error * (np.abs(units.D[k]) + units.D_error[k]),
        )
        A = unit_mean(pull, b, units.Psi, pull_error, units.Psi_error)
        T.append(K[:, [k]] * A.value + (K[:, [k]] * A.value).T)
        spread_T += (2 * float(size[:, k].max()) * (A.error + (problem.d + 8) * EPS * np.linalg.norm(A.value))) ** 2
        bent = units.DD * units.D[k]
        bent_error = np.abs(units.DD) * units.D_error[k] + units.DD_error * (np.abs(units.D[k]) + units.D_error[k])
        B = unit_mean(bent, b**3, units.D, bent_error, units.D_error)
        C.append(K[:, [k]] * K * B.value)
        reach = float((size[:, [k]] * size).max())
        spread_C += (reach * (B.error + (2 * problem.d + 16) * EPS * np.linalg.norm(B.value))) ** 2
    right, left = _stacked(C) + math.sqrt(spread_C), _stacked([c.T for c in C]) + math.sqrt(spread_C)
    return {
        "tau_G": _stacked(T) + math.sqrt(spread_T) + TINY, "tau_Theta": left + right + TINY,
        "tau_Theta_least": 2 * min(left, right) + TINY,
    }  # fmt: skip


def _stacked(blocks: list[Array]) -> float:
    """λ_max(Σ BᵀB)^{1/2}, raised by its rounding."""
    return _spectral(np.vstack(blocks)) * (1 + 64 * len(blocks) ** 2 * EPS)


def _spectral(M: Array) -> float:
    """‖M‖₂, infinite where entries overflowed."""
    return float(np.linalg.norm(M, 2)) if np.isfinite(M).all() else math.inf


def _norm(M: Bounded) -> float:
    return float(_spectral(M.value) * (1 + 64 * M.value.shape[0] * EPS) + M.error)


def _minus(v: Bounded) -> Bounded:
    return Bounded(-v.value, v.error)


def _size(f: Bounded, y: Bounded, a: Bounded, lam: float) -> float:
    return float(np.linalg.norm(f.value) + np.linalg.norm(y.value) + lam * np.linalg.norm(a.value))


def _low(value: tuple[float, float], sign: int) -> float:
    return sign * value[0] - value[1]


def _root(value: tuple[float, float]) -> float:
    return math.sqrt(max(value[0] + value[1], 0.0)) * (1 + 4 * EPS)
