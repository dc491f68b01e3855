r"""With constant λ, Kolen–Pollack descends on the ridge loss to its stationary points; feedback alignment has none.

**Assumptions.** Rule kolen-pollack, λ(t) = λ > 0 constant, ψ smooth with finite B1 and B2, and a small step: ηM ≤ 1
with M a bound on ∇²L along every step.

**Claim.** Let L = ½‖e‖² + ½λ‖β‖², Δ = β(0) − b(0), c(t) = (1 − ηλ)^t. The step is −η(∇L − E) with
E_r = (1/√p)(β_r − b_r) XᵀD_r e in w_r and 0 in β, so ‖E(t)‖² ≤ κ c(t)² ‖e(t)‖² with κ = B1²‖X‖²‖Δ‖²/p, and

    L(t+1) + (η/2) ‖∇L(t)‖² ≤ L(t) + (η/2) κ c(t)² ‖e(t)‖²,                                          (4)
    min_{s ≤ t} ‖∇L(s)‖² ≤ (2/(η(t+1))) (L(0) + (η/2) κ Σ_{s ≤ t} c(s)² ‖e(s)‖²),

where the last bracket stays below L(0) exp(ηκ Σ c²), Σ c² = 1/(1 − (1 − ηλ)²): so Σ ‖∇L‖² is finite, ∇L → 0, and
every limit point of the weights is a stationary point of the ridge loss. *Proof* of (4): by Taylor,
L(t+1) ≤ L − η∇L·(∇L − E) + ½η²M‖∇L − E‖², and with ηM ≤ 1 that is L − (η/2)‖∇L‖² + (η/2)‖E‖².

**M.** ∇²L = JᵀJ + Σ_i e_i ∇²f_i + λP, P the projection on β. On the step from θ = (W, β) to θ′, with all maxima
over the two ends (what is maximised is convex),

    ‖J‖² ≤ S = min(nB0², max (1/p) Σ_r (√n|ψ(0)| + B1‖Xw_r‖)²) + max B1²‖X‖²‖β‖²/p,
    M = S + λ + (‖e(t)‖ + √S ‖θ′ − θ‖) (B1‖X‖ + max|β_r| B2‖X‖²)/√p.

**Rounding.** L errs by ‖e‖ρ with ρ of `validation.judge.rounding`, and by γ_{p+4} of itself; weights err in a step
by γ_{n+8}(‖θ‖ + ηT), which moves L by that times ‖∇L‖, and ∇L as computed here by γ_{n+d+p} T and √S ρ, where
T = √S‖e‖(1 + B2R max‖w_r‖/B1) + λ‖β‖ bounds the absolute sums behind it.

**Guarantee.** **Upper** bounds, each step and in sum. The negative control is feedback alignment, whose E stays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fa_ref import Trajectory
from theory.margins import Margin
from theory.precision import gamma
from validation.beyond.learned import NO_WEIGHTS, decay, of_rule
from validation.beyond.weights import WeightRecord
from validation.judge.claims import Claim, Conclusion, Unjudged
from validation.judge.inequalities import Inequality
from validation.judge.rounding import residual_rounding

__all__ = ["CLAIM", "RidgeDescent", "gradient_norms", "ridge_loss"]

Array = NDArray[np.float64]


class _Sizes(NamedTuple):
    """S, M of every step, shape (m − 1,), and ‖θ‖ at every record."""

    S: Array
    M: Array
    theta: Array


class RidgeDescent(Claim):
    """Each step descends on the ridge loss by half of η‖∇L‖², but for what Kolen–Pollack's b still lacks."""

    name = "Kolen–Pollack descends on the ridge loss"
    statement = "L(t+1) + (η/2)‖∇L‖² ≤ L(t) + (η/2) κ c(t)² ‖e‖², so Σ‖∇L‖² < ∞"
    source = "docs/learned.md, (4)"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """The rule, a constant penalty, smoothness, and a small step."""
        psi, setting = run.setting.activation, run.setting
        lam = setting.ridge.values(max(run.steps, 1))
        margins = (
            *of_rule(run, "kolen-pollack"),
            Margin.fact("λ is constant and positive", bool((lam == lam[0]).all() and lam[0] > 0)),
            Margin.fact("ψ is smooth", psi.smooth and bool(np.isfinite([psi.B1, psi.B2]).all())),
        )
        if not isinstance(run, WeightRecord):
            return margins
        return (*margins, Margin("ηM", float(setting.eta * _sizes(run).M.max(initial=0.0)), 1.0, "≤"))

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """(4) at every step, and its sum as a bound on the smallest gradient so far."""
        if not isinstance(run, WeightRecord):
            return (Unjudged("(4)", NO_WEIGHTS),)
        setting, p = run.setting, run.beta.shape[1]
        eta, psi, problem = setting.eta, setting.activation, setting.problem
        gap = float(np.linalg.norm(run.beta[0] - run.b[0]))
        kappa = (psi.B1 * problem.spectral_norm * gap) ** 2 / p
        loss, slope, rounding = ridge_loss(run), gradient_norms(run), _rounding(run)
        extra = 0.5 * eta * kappa * (decay(run) * run.residual_norms)[:-1] ** 2
        before, steps = run.times[:-1], np.arange(1, loss.size)
        left, right = loss[1:] + 0.5 * eta * slope[:-1] ** 2, loss[:-1] + extra
        budget = loss[0] + np.cumsum(extra)
        smallest = np.minimum.accumulate(slope[:-1] ** 2)
        scale = 2.0 / (eta * steps)
        return (
            Inequality("(4)", before, left, right, rounding),
            Inequality("min ‖∇L‖²", before, smallest, scale * budget, scale * np.cumsum(rounding)),
        )


def ridge_loss(run: WeightRecord) -> Array:
    """L = ½‖e‖² + ½λ‖β‖² at every step, shape (m,)."""
    lam = float(run.setting.ridge.values(1)[0])
    return np.asarray(0.5 * np.sum(run.residuals**2, axis=1) + 0.5 * lam * np.sum(run.beta**2, axis=1))


def gradient_norms(run: WeightRecord) -> Array:
    """‖∇L‖ in W and β together at every step, shape (m,)."""
    setting, lam = run.setting, float(run.setting.ridge.values(1)[0])
    X, psi, root = setting.problem.X, setting.activation, np.sqrt(run.beta.shape[1])
    square = np.empty(run.times.size)
    for t, (W, beta, e) in enumerate(zip(run.W, run.beta, run.residuals, strict=True)):
        z = W @ X.T
        hidden = (beta[:, None] * psi.derivative(z) * e) @ X / root
        square[t] = np.sum(hidden**2) + np.sum((psi(z) @ e / root + lam * beta) ** 2)
    return np.sqrt(square)


def _sizes(run: WeightRecord) -> _Sizes:
    setting, W, beta = run.setting, run.W, run.beta
    problem, psi, p, n = setting.problem, setting.activation, beta.shape[1], setting.problem.n
    lam, norm = float(setting.ridge.values(1)[0]), problem.spectral_norm
    reach = np.sqrt(n) * abs(float(psi(0.0))) + psi.B1 * np.linalg.norm(W @ problem.X.T, axis=2)
    outputs = _ends(np.minimum(np.mean(reach**2, axis=1), n * psi.B0**2))
    S = outputs + (psi.B1 * norm) ** 2 * _ends(np.sum(beta**2, axis=1)) / p
    moved = np.sqrt(np.sum(np.diff(W, axis=0) ** 2, axis=(1, 2)) + np.sum(np.diff(beta, axis=0) ** 2, axis=1))
    e = run.residual_norms[:-1] + np.sqrt(S) * moved
    bent = psi.B1 * norm + _ends(np.abs(beta).max(axis=1)) * psi.B2 * norm**2
    theta = np.sqrt(np.sum(W**2, axis=(1, 2)) + np.sum(beta**2, axis=1))
    return _Sizes(S=S, M=S + lam + e * bent / np.sqrt(p), theta=theta)


def _ends(values: Array) -> Array:
    """The larger of the two ends of every step."""
    return np.maximum(values[1:], values[:-1])


def _rounding(run: WeightRecord) -> Array:
    """What rounding may do to (4), shape (m − 1,)."""
    setting, u, sizes = run.setting, run.roundoff, _sizes(run)
    problem, psi, p, eta = setting.problem, setting.activation, run.beta.shape[1], setting.eta
    lam, root, rho, norms = (
        float(setting.ridge.values(1)[0]),
        np.sqrt(sizes.S),
        residual_rounding(run),
        run.residual_norms,
    )
    bent = 1.0 + psi.B2 * problem.radius * _ends(np.linalg.norm(run.W, axis=2).max(axis=1)) / psi.B1
    slope, loss = gradient_norms(run), ridge_loss(run)
    T = root * _ends(norms) * bent + lam * _ends(np.linalg.norm(run.beta, axis=1))
    of_loss = norms * rho + gamma(p + 4, u) * loss
    of_slope = gamma(problem.n + problem.d + p, u) * T + root * _ends(rho)
    of_step = gamma(problem.n + 8, u) * (_ends(sizes.theta) + eta * T)
    return np.asarray(
        of_loss[1:] + of_loss[:-1] + 2.0 * _ends(slope) * (of_step + eta * of_slope) + eta * of_slope**2
    )


CLAIM = RidgeDescent()
