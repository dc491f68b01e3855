"""Every inequality of Theorems B, C, B′ and C′ beside what a run does, which also shows where a bound is loose."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, train
from fa_ref.schedules import zero
from fa_ref.setting import Setting
from theory.alignment.nonlinear import closed, sharp
from theory.alignment.nonlinear.entries import penalty_of
from theory.alignment.nonlinear.majorants import majorants
from theory.alignment.nonlinear.measuring import measure

__all__ = ["Line", "Measured", "closed_ledger", "cutoff_ledger", "follow", "sharp_ledger"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One inequality ``measured ≤ bound`` at every step of a run.

    Attributes
    ----------
    name : str
        The quantity.
    measured, bound : ndarray
        Both sides.
    rounding : float
        How far rounding can move the difference.
    """

    name: str
    measured: Array
    bound: Array
    rounding: float

    @property
    def holds(self) -> bool:
        """Whether it holds at every step."""
        return bool((self.measured <= self.bound + self.rounding).all())

    @property
    def slack(self) -> float:
        """The smallest bound/measured, over steps where what is measured is above rounding; inf if none is."""
        seen = (self.measured > 1e3 * self.rounding) & np.isfinite(self.bound)
        return float((self.bound[seen] / self.measured[seen]).min()) if seen.any() else math.inf

    def divided(self, factor: float) -> Line:
        """The same with the bound divided by a factor: the negative control."""
        return Line(name=self.name, measured=self.measured, bound=self.bound / factor, rounding=self.rounding)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the proofs bound, at steps 0, …, m of a run (arrays of length m + 1; ``N``: of length m).

    Attributes
    ----------
    residual, path, sigma, g : ndarray
        ‖e‖, U/√p, ‖A‖, λ_min(G_p).
    a, m, v : ndarray, shape (m + 1, n)
        a_p, m_p and −u/√p.
    e : ndarray, shape (m + 1, n)
        The residuals.
    s, shift, gap : ndarray
        ‖β*‖, ‖β* − β*(0)‖ and ‖β − β*‖.
    built, lag, projection : ndarray
        ‖β̃‖, ‖β̃ − β*‖ and b·β̃/√p.
    N : ndarray
        ‖N‖.
    cosine, kappa : ndarray
        cos∠(b, β) and κ_p.
    beta : ndarray
        ‖β‖.
    """

    residual: Array
    path: Array
    sigma: Array
    g: Array
    a: Array
    m: Array
    v: Array
    e: Array
    s: Array
    shift: Array
    gap: Array
    built: Array
    lag: Array
    projection: Array
    N: Array
    cosine: Array
    kappa: Array
    beta: Array


def follow(setting: Setting, steps: int) -> Measured:
    """Train for ``steps`` steps and measure at every one; λ of the ridge regression is that before a cutoff."""
    recorder = _Recorder(setting)
    train(setting, steps=steps, engine="gram", observe=recorder)
    return recorder.result()


class _Recorder:
    def __init__(self, setting: Setting) -> None:
        network = setting.start
        self.problem, self.psi, self.eta = setting.problem, setting.activation, setting.eta
        self.lam, self.steps = penalty_of(setting.ridge)
        self.beta_0, self.b, self.root = network.beta.copy(), network.b, math.sqrt(network.p)
        self.rows: list[dict[str, object]] = []
        self.N: list[float] = []
        self.u, self.path, self.c = np.zeros(setting.problem.n), 0.0, 1.0
        self.first: Array | None = None
        self.last: tuple[Array, Array, Array] | None = None

    def __call__(self, t: int, network: Network) -> None:
        problem, root, b = self.problem, self.root, self.b
        Z = problem.X @ network.W.T
        Psi, D, beta = self.psi(Z), self.psi.derivative(Z), network.beta.copy()
        A = Psi / root
        e, G = A @ beta - problem.y, A @ A.T
        if self.last is not None:
            self.N.append(self._between(Z, Psi, beta))
        a = np.linalg.solve(G + self.lam * np.eye(problem.n), problem.y)
        star, m = A.T @ a, Psi @ b / b.size
        self.first = star if self.first is None else self.first
        built = beta - self.c * self.beta_0
        g = np.linalg.eigvalsh(G)
        s, b_norm = float(np.linalg.norm(star)), float(np.linalg.norm(b))
        self.rows.append({
            "residual": np.linalg.norm(e), "path": self.path, "sigma": math.sqrt(max(g[-1], 0.0)), "g": g[0],
            "a": a, "m": m, "v": -self.u / root, "e": e, "s": s, "shift": np.linalg.norm(star - self.first),
            "gap": np.linalg.norm(beta - star), "built": np.linalg.norm(built), "lag": np.linalg.norm(built - star),
            "projection": b @ built / root, "cosine": b @ beta / b_norm / np.linalg.norm(beta),
            "kappa": b @ star / b_norm / s, "beta": np.linalg.norm(beta),
        })  # fmt: skip
        self.last = Z, Psi, D
        self.u, self.path = self.u + self.eta * e, self.path + self.eta * float(np.linalg.norm(e)) / root
        self.c *= 1 - self.eta * (self.lam if t < self.steps else 0.0)

    def _between(self, Z: Array, Psi: Array, beta: Array) -> float:
        """‖N‖ of the step that ends here."""
        Z_0, Psi_0, D_0 = self.last  # type: ignore[misc]
        move = Z - Z_0
        small = np.abs(move) < 1e-7
        Q = np.where(small, self.psi.derivative((Z + Z_0) / 2), (Psi - Psi_0) / np.where(small, 1.0, move))
        return float(np.linalg.norm(self.problem.K * ((Q * (self.b * beta)) @ D_0.T) / self.b.size, 2))

    def result(self) -> Measured:
        columns = {name: np.array([row[name] for row in self.rows], dtype=np.float64) for name in self.rows[0]}
        return Measured(N=np.array(self.N), **columns)


def _lines(pairs: list[tuple[str, Array, Array]], scale: float) -> tuple[Line, ...]:
    return tuple(
        Line(name=name, measured=measured, bound=bound, rounding=1e-12 * scale) for name, measured, bound in pairs
    )


def _norms(rows: Array) -> Array:
    return np.asarray(np.linalg.norm(rows, axis=1))


def _parts(setting: Setting, seen: Measured) -> dict[str, Array]:
    """α, δ, μ, μ′ and ξ, from their definitions."""
    problem, network, psi = setting.problem, setting.start, setting.activation
    eta, lam = setting.eta, penalty_of(setting.ridge)[0]
    Z = problem.X @ network.W.T
    D, A = psi.derivative(Z), psi(Z) / math.sqrt(network.p)
    Theta = problem.K * ((D * network.b**2) @ D.T) / network.p
    first = A @ A.T + lam * np.eye(problem.n)
    t = np.arange(seen.residual.size)[:, None]
    defect = seen.e + lam * seen.a
    mu = seen.v - eta * lam * t / math.sqrt(network.p) * seen.a[0]
    signed = mu + np.linalg.solve(first, defect[0]) / math.sqrt(network.p)
    return {
        "alpha": _norms(seen.a - seen.a[0]), "defect": _norms(defect), "mu": _norms(mu), "signed": _norms(signed),
        "xi": _norms(seen.m - seen.m[0] - seen.v @ Theta),
    }  # fmt: skip


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def sharp_ledger(setting: Setting, steps: int) -> tuple[Line, ...]:
    """Every majorant of Theorem B′ beside the run, up to the last step for which they are valid."""
    data, entries = measure(setting)
    found = majorants(data, entries, steps)
    steps = min(steps, found.valid)
    seen = follow(setting, steps)
    parts = _parts(setting, seen)
    k, scale = slice(0, steps + 1), 1.0 + data.Y + entries.beta_norm
    overlap = np.sum(seen.m * seen.a, axis=1)
    most, full = found.m_norm[k] * found.a_norm[k], math.sqrt(entries.b2) * found.beta_built[k]
    pairs = [
        ("‖e‖", seen.residual, found.residual[k]), ("U/√p", seen.path, found.path[k]),
        ("‖A‖", seen.sigma, found.sigma[k]),
        ("σ² − λ_min(G)", found.sigma[k] ** 2 - seen.g, found.sigma[k] ** 2 - found.g[k]),
        ("‖α‖", parts["alpha"], found.alpha[k]), ("‖a‖", _norms(seen.a), found.a_norm[k]),
        ("‖β*‖", seen.s, found.s[k]), ("‖β* − β*(0)‖", seen.shift, found.shift[k]),
        ("‖δ‖", parts["defect"], found.defect[k]), ("‖β̃ − β*‖", seen.lag, found.beta_lag[k]),
        ("‖β̃‖", seen.built, found.beta_built[k]), ("‖N‖", seen.N, found.N[k][:-1]),
        ("‖μ′‖", parts["signed"], found.mu[k]), ("‖ξ‖", parts["xi"], found.xi[k]),
        ("‖m‖", _norms(seen.m), found.m_norm[k]), ("‖β‖", seen.beta, found.beta_norm[k]),
        ("‖β − β*‖", seen.gap, found.fixed_lag[k]),
        ("‖m‖‖a‖ − m·a", most - overlap, most - found.overlap[k]),
        ("b·(b̂‖β̃‖ − β̃)/√p", full - seen.projection, full - found.projection[k]),
        ("1 − cos", 1.0 - seen.cosine, 1.0 - sharp.cosines(data, entries, steps, found)[k]),
    ]  # fmt: skip
    return _lines(pairs, scale)


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def closed_ledger(setting: Setting, steps: int, order: int) -> tuple[Line, ...]:
    """Every constant of Theorem B in closed form beside the run; empty where (C1) or (C2) fails."""
    data, entries = measure(setting)
    found = [closed.along(data, entries, t, order) for t in range(steps + 1)]
    if not all(each.met for each in found):
        return ()
    seen = follow(setting, steps)
    parts = _parts(setting, seen)
    root = math.sqrt(entries.p)

    def bound(name: str) -> Array:
        return np.array([getattr(each, name) for each in found])

    cosines = np.array([closed.before_cutoff(data, entries, t, order).cosine for t in range(steps + 1)])
    lags = np.array([closed.lag(data, entries, each) for each in found])
    pairs = [
        ("‖e‖", seen.residual, bound("E")), ("‖N‖", seen.N, bound("nu")[1:] / root),
        ("U/√p", seen.path, bound("omega")),
        ("‖A‖", seen.sigma, bound("sigma")),
        ("σ² − λ_min(G)", bound("sigma") ** 2 - seen.g, bound("sigma") ** 2 - bound("g")),
        ("‖α‖", parts["alpha"], bound("alpha")), ("‖μ‖", parts["mu"], bound("mu")),
        ("‖ξ‖", parts["xi"], bound("xi")), ("‖β − β*‖", seen.gap, lags),
        ("1 − cos", 1.0 - seen.cosine, 1.0 - cosines),
    ]  # fmt: skip
    return _lines(pairs, 1.0 + data.Y + entries.beta_norm)


@np.errstate(over="ignore", invalid="ignore")  # an infinite or unknown bound is a result
def cutoff_ledger(setting: Setting, tail: int, order: int = 0) -> tuple[Line, ...]:
    """Theorem C (order 1 or 2) or C′ (order 0) for ``tail`` steps after the cutoff; empty where it says nothing."""
    T = int(penalty_of(setting.ridge)[1])
    data, entries = measure(setting)
    found = majorants(data, entries, T)

    def bound(residual: float) -> closed.Bound:
        if order:
            return closed.after_cutoff(data, entries, T, order, residual)
        return sharp.all_after_cutoff(data, entries, found, T, residual)

    limit = bound(0.0)
    if not math.isfinite(limit.rate):
        return ()
    residuals, located, cosines = _after(setting, T, tail)
    contraction = np.asarray(limit.residual * (1 - setting.eta * limit.rate) ** np.arange(tail + 1))
    bounds = np.array([bound(float(residual)).cosine for residual in residuals])
    pairs = [
        ("‖e‖", residuals, contraction), ("‖β − AᵀG⁻¹(y + e)‖", located, np.full(tail + 1, limit.X)),
        ("1 − cos", 1.0 - cosines, 1.0 - bounds),
    ]  # fmt: skip
    return _lines(pairs, 1.0 + data.Y + entries.beta_norm)


def _after(setting: Setting, T: int, tail: int) -> tuple[Array, Array, Array]:
    """‖e(t)‖, ‖β(t) − A(T)ᵀG_p(T)⁻¹(y + e(t))‖ and cos∠(b, β(t)) at t = T, …, T + tail."""
    network, y = train(setting, steps=T).network, setting.problem.y
    if network is None:
        raise ValueError(f"setting: expected a run that does not diverge, got {setting}")
    A = setting.activation(setting.problem.X @ network.W.T) / math.sqrt(network.p)
    least, located = np.linalg.pinv(A), []

    def watch(t: int, network: Network) -> None:  # noqa: ARG001
        located.append(network.beta.copy())

    later = setting.replace(network=network, ridge=zero())
    run = train(later, steps=tail, engine="gram", observe=watch)
    off = [np.linalg.norm(beta - least @ (y + e)) for beta, e in zip(located, run.residuals, strict=True)]
    return run.residual_norms, np.array(off, dtype=np.float64), run.alignment
