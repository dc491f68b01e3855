r"""Feedback that learns: what Kolen–Pollack and the Hebbian rule of `fa_ref.learned` do to b, exactly.

With c(t) = Π_{s<t} (1 − ηλ(s)) and Δ = β(0) − b(0), for any weights, ψ, η and λ(t):

**Kolen–Pollack.** `IDENTITY`: β_r and b_r take the same step, so for every unit at every step

    β_r(t) − b_r(t) = c(t) Δ_r.

`ALIGNMENT`: ‖β − b‖² = ‖β‖² + ‖b‖² − 2 b·β and ‖β‖² + ‖b‖² ≥ 2‖b‖‖β‖ give

    cos∠(b, β(t)) ≥ 1 − c(t)² ‖Δ‖² / (2 ‖b(t)‖ ‖β(t)‖).

`DEFINITE`: with β_r b_r = ((β_r + b_r)² − (β_r − b_r)²)/4 ≥ −c²Δ_r²/4 and b_r = β_r − cΔ_r, whatever D_r is,

    λ_min(H(t)) ≥ −c(t)² B1² ‖X‖² ‖Δ‖² / (4p),      ‖H(t) − H_BP(t)‖ ≤ c(t) B1² ‖X‖² ‖β(t)‖ ‖Δ‖ / p.

**Hebbian.** `SUM`: the step of b_r is +(η/√p) ψ_r·f, that of β_r is −(η/√p) ψ_r·e, and f − e = y, so

    β_r(t+1) + b_r(t+1) = (1 − ηλ(t)) (β_r(t) + b_r(t)) + (η/√p) ψ_r(t)·y.

**Rounding.** A sum of n products errs by γ_{n+3}, and forming a weight from it by γ_4 of what it is formed from;
z_r and W(t) itself by γ_{d+n}. So one step errs, in a sum or difference of β_r and b_r, by at most

    s_r = γ_8 (|β_r(t)| + |b_r(t)| + |β_r(t+1)| + |b_r(t+1)|) + 2γ_{n+8} (η/√p) Σ_i |e_i| |ψ_ri|

(Hebbian: and by γ_{n+8} (η/√p) Σ_i (|f_i| + |y_i|) |ψ_ri|, and by γ_{2n+2d+8} (η/√p) ‖y‖ √n B1 R ‖w_r‖, where ψ
comes in), and errors of steps before shrink by 1 − ηλ. Each of the two sums is allowed an error of its own, so that
trainers which compute them separately are judged fairly too.

**Guarantee.** **Tight** (IDENTITY, SUM: both directions), **lower** and **upper** bounds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Trajectory
from fa_ref.engines.reduced import Statistics
from theory.margins import Margin
from theory.precision import gamma
from validation.beyond.weights import WeightRecord
from validation.judge.claims import Claim, Conclusion, Unjudged
from validation.judge.inequalities import Inequality
from validation.judge.record import has_diverged
from validation.judge.rounding import alignment_rounding

__all__ = ["ALIGNMENT", "DEFINITE", "IDENTITY", "SUM", "decay", "drift", "of_rule"]

Array = NDArray[np.float64]

NO_WEIGHTS = "the weights were not recorded, see WeightRecord"


class Identity(Claim):
    """β_r(t) − b_r(t) = c(t) (β_r(0) − b_r(0))."""

    name = "Kolen–Pollack identity"
    statement = "β_r(t) − b_r(t) = Π(1 − ηλ) (β_r(0) − b_r(0))"
    source = "docs/learned.md, (1); Kolen and Pollack (1994)"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """The rule, and that the run stays finite."""
        return of_rule(run, "kolen-pollack")

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """Both directions, for every unit at every step after the first."""
        if not isinstance(run, WeightRecord):
            return (Unjudged("units", NO_WEIGHTS),)
        said = decay(run)[:, None] * (run.beta[0] - run.b[0])
        return _equal("β_r − b_r", run.times[1:], (run.beta - run.b)[1:], said[1:], drift(run)[1:])


class Alignment(Claim):
    """cos∠(b, β) ≥ 1 − c² ‖β(0) − b(0)‖² / (2 ‖b‖ ‖β‖); judged on measures, of a drawn network too."""

    name = "alignment under Kolen–Pollack"
    statement = "cos∠(b, β(t)) ≥ 1 − c(t)² ‖β(0) − b(0)‖² / (2 ‖b(t)‖ ‖β(t)‖)"
    source = "docs/learned.md, (2)"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """The rule, and that the run stays finite."""
        return of_rule(run, "kolen-pollack")

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """At every recorded step at which the bound says more than −1."""
        gap, p = _start_gap(run), run.setting.p
        if gap is None or p is None:
            return (Unjudged("cosine", "starting weights not recorded"),)
        c, norms = decay(run), run.measures["beta_norm"] * run.measures["feedback_norm"]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            bound = 1.0 - (c * gap) ** 2 / (2.0 * norms)
            moved = _norm_drift(run)
            rounding = (2.0 * c * gap * moved + moved**2) / (2.0 * norms) + 8.0 * gamma(p + 8, run.roundoff)
        said = (bound > -1.0) & (run.times > 0)
        rounding = np.where(np.isfinite(rounding), rounding, np.inf) + alignment_rounding(p, run.roundoff)
        return (Inequality("cos ≥ bound", run.times[said], bound[said], run.alignment[said], rounding[said]),)


class Definite(Claim):
    """H becomes positive semi-definite at the rate c², and H_BP at the rate c."""

    name = "H under Kolen–Pollack"
    statement = "λ_min(H) ≥ −c² B1² ‖X‖² ‖β(0) − b(0)‖²/(4p),  ‖H − H_BP‖ ≤ c B1² ‖X‖² ‖β‖ ‖β(0) − b(0)‖/p"
    source = "docs/learned.md, (3)"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """The rule, and that the run stays finite."""
        return of_rule(run, "kolen-pollack")

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """Both bounds at every step; λ_min is compared with its sign changed."""
        if not isinstance(run, WeightRecord):
            return (Unjudged("H", NO_WEIGHTS),)
        problem, psi, p = run.setting.problem, run.setting.activation, run.beta.shape[1]
        c, gap = decay(run), float(np.linalg.norm(run.beta[0] - run.b[0]))
        reach = (psi.B1 * problem.spectral_norm) ** 2
        lowest, apart, size = np.empty(c.size), np.empty(c.size), np.empty(c.size)
        for t in range(c.size):
            D = psi.derivative(run.W[t] @ problem.X.T)
            H, H_BP = (problem.K * (D.T @ (x[:, None] * D)) / p for x in (run.beta[t] * run.b[t], run.beta[t] ** 2))
            lowest[t], apart[t] = np.linalg.eigvalsh(H)[0], np.linalg.norm(H - H_BP, 2)
            size[t] = np.abs(run.beta[t]) @ (np.abs(run.b[t]) + np.abs(run.beta[t])) / p
        rounding = gamma(p + problem.d + 10 * problem.n, run.roundoff) * problem.n * (psi.B1 * problem.radius) ** 2
        off, weights = drift(run), np.abs(run.beta) + np.abs(run.b)  # β_r − b_r = cΔ_r + δ_r with |δ_r| ≤ off
        rounding = rounding * size + reach * np.sum((weights + off) * off, axis=1) / p
        below, bound = (c * gap) ** 2 * reach / (4.0 * p), c * gap * reach * np.linalg.norm(run.beta, axis=1) / p
        return (
            Inequality("−λ_min(H)", run.times, -lowest, below, rounding),
            Inequality("‖H − H_BP‖", run.times, apart, bound, rounding),
        )


class Sum(Claim):
    """β_r + b_r under the Hebbian rule learns from y alone."""

    name = "sum under the Hebbian rule"
    statement = "β_r(t+1) + b_r(t+1) = (1 − ηλ) (β_r(t) + b_r(t)) + (η/√p) ψ_r·y"
    source = "docs/learned.md, (5)"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """The rule, and that the run stays finite."""
        return of_rule(run, "hebbian")

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """Both directions, for every unit at every step."""
        if not isinstance(run, WeightRecord):
            return (Unjudged("units", NO_WEIGHTS),)
        setting, keep = run.setting, _keep(run)[:, None]
        X, y, u, total = setting.problem.X, setting.problem.y, run.roundoff, run.beta + run.b
        (n, d), gain, psi = X.shape, setting.eta / np.sqrt(total.shape[1]), setting.activation
        values, e = _outputs(run), run.residuals[:-1]
        said = keep * total[:-1] + gain * (values @ y)
        sums = np.einsum("ti,tri->tr", np.abs(e + y) + np.abs(y), np.abs(values))
        lengths = np.linalg.norm(run.W[:-1], axis=2) * psi.B1 * setting.problem.radius * np.linalg.norm(y)
        rounding = _step_drift(run) + gain * gamma(n + 8, u) * sums
        rounding = rounding + gain * gamma(2 * (n + d) + 8, u) * np.sqrt(n) * lengths
        return _equal("β_r + b_r", run.times[1:], total[1:], said, rounding)


def of_rule(run: Trajectory, rule: str) -> tuple[Margin, ...]:
    """The hypotheses of these claims."""
    named = Margin.fact(f"rule is {rule}", run.setting.rule == rule)
    return named, Margin.fact("the run stays finite", not has_diverged(run))


def decay(run: Trajectory) -> Array:
    """c(t) at every recorded step, shape (m,)."""
    lam = run.setting.ridge.values(int(run.times[-1]))
    return np.append(1.0, np.cumprod(1.0 - run.setting.eta * lam))[run.times]


def _keep(run: WeightRecord) -> Array:
    """1 − ηλ of every step, shape (m − 1,)."""
    return 1.0 - run.setting.eta * run.setting.ridge.values(int(run.times[-1]))


def _outputs(run: WeightRecord) -> Array:
    """ψ of every unit before every step, shape (m − 1, p, n)."""
    return run.setting.activation(run.W[:-1] @ run.setting.problem.X.T)


def _step_drift(run: WeightRecord) -> Array:
    """s_r of every step, shape (m − 1, p)."""
    gain, n = run.setting.eta / np.sqrt(run.beta.shape[1]), run.setting.problem.n
    size = np.abs(run.beta) + np.abs(run.b)
    sums = np.einsum("ti,tri->tr", np.abs(run.residuals[:-1]), np.abs(_outputs(run)))
    drift: Array = gamma(8, run.roundoff) * (size[1:] + size[:-1]) + 2.0 * gain * gamma(n + 8, run.roundoff) * sums
    return drift


def drift(run: WeightRecord) -> Array:
    """What rounding may have put between β_r − b_r and c Δ_r by every step, shape (m, p)."""
    keep, step = _keep(run), _step_drift(run)
    size = np.abs(run.beta[0] - run.b[0])
    total = np.zeros_like(run.beta)
    for t in range(keep.size):
        total[t + 1] = keep[t] * total[t] + step[t]
    exact = (
        gamma(3 * run.times.size + 4, run.roundoff) * decay(run)[:, None] * size
    )  # c(t) itself, and the difference
    return np.asarray(total + exact)


def _start_gap(run: Trajectory) -> float | None:
    """‖β(0) − b(0)‖, of a network or of averages."""
    start = run.setting.network
    if isinstance(start, Network):
        return float(np.linalg.norm(start.beta - start.b))
    if isinstance(start, Statistics):
        square = start.p * (start.beta_beta + start.b_b) - 2.0 * np.sqrt(start.p) * start.b_beta
        return float(np.sqrt(max(square, 0.0)))
    return None


def _norm_drift(run: Trajectory) -> Array:
    """What rounding may have put between ‖β − b‖ and c ‖Δ‖, from norms; the largest step so far stands for all.

    ‖ψ_i‖ over units is at most √p (|ψ(0)| + B1 R ‖W‖/√p) for each sample.
    """
    setting, u = run.setting, run.roundoff
    problem, psi, n = setting.problem, setting.activation, setting.problem.n
    sizes = run.measures["beta_norm"] + run.measures["feedback_norm"]
    outputs = abs(float(psi(0.0))) + psi.B1 * problem.radius * np.sqrt(run.measures["weight_square"])
    norms = np.maximum(run.residual_norms, np.linalg.norm(problem.y))
    step = 2.0 * gamma(8, u) * sizes + 2.0 * gamma(n + 8, u) * setting.eta * np.sqrt(n) * norms * outputs
    return np.asarray((run.times + 1.0) * np.maximum.accumulate(step))


def _equal(
    name: str, times: NDArray[np.int64], left: Array, right: Array, rounding: Array
) -> tuple[Inequality, ...]:
    """Two inequalities for an equation of every unit, shape (m, p) each."""
    steps, sides = np.repeat(times, left.shape[1]), (left.ravel(), right.ravel())
    return (
        Inequality(f"{name}, ≤", steps, *sides, rounding.ravel()),
        Inequality(f"{name}, ≥", steps, *sides[::-1], rounding.ravel()),
    )


IDENTITY, ALIGNMENT, DEFINITE, SUM = Identity(), Alignment(), Definite(), Sum()
