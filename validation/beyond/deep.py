r"""Deeper networks under feedback alignment follow the kernel of their last hidden layer alone.

**Assumptions.** L hidden layers of width p with N(0, 1) weights, forwards and backwards independent; ψ smooth.

**Claim.** As p → ∞ at fixed t,

    e(t+1) = (I − ηḠ_L − ηλ(t)) e(t) − ηλ(t) y,    Ḡ_1 = E ψψᵀ over N(0, XXᵀ),  Ḡ_{l+1} = E ψψᵀ over N(0, Ḡ_l),

up to O(p^{-1/2}), for feedback alignment and for direct feedback alignment: what moves the layers below is carried
by weights that are independent of those it meets on its way forwards. For backpropagation it is not so, which is
the negative control: there the layers below add their own part of the tangent kernel.

**Guarantee.** **Asymptotic**, judged on paired runs: see `validation.judge.asymptotics`.

**Theorem 3.2 at depth L.** With γ_L = λ_min(Ḡ_L) > 0 in the place of γ, λ ≡ 0 and ηnB0² ≤ 1, the same limit gives
‖e(t+1)‖ ≤ (1 − ηγ_L/4) ‖e(t)‖ for p large enough: `DeepTheorem32`, judged on a `DeepRecord`, with the certified
lower bound of γ_L. No width is known to suffice at L ≥ 2, so "p large enough" stays an open hypothesis.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fa_ref import Setting, Trajectory, schedules
from fa_ref.activations import Activation, resolve
from fa_ref.deep import DeepNetwork, train_deep
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.kernels.deep import deep_kernel
from theory.margins import Margin
from validation.judge.asymptotics import AsymptoticClaim
from validation.judge.claims import Claim, Conclusion, Unjudged
from validation.judge.record import has_diverged
from validation.theorems.inequality_3_1 import contraction

__all__ = ["CLAIM", "DeepRecord", "DeepTheorem32", "deviation", "fixed_time", "nested"]

Array = NDArray[np.float64]

#: Widths up to which `nested` networks of one seed contain each other.
WIDEST = 1600


def nested(L: int, p: int, d: int, seed: int, widest: int = WIDEST) -> DeepNetwork:
    """The first p units of every layer of a Gaussian network of width ``widest``.

    Examples
    --------
    >>> small, large = (nested(2, p, 3, seed=0, widest=20) for p in (5, 10))
    >>> bool((large.V[:, :5, :5] == small.V).all())
    True
    """
    rng = np.random.default_rng([seed, L, d])
    whole = DeepNetwork.gaussian(L=L, p=max(p, widest), d=d, rng=rng)
    return DeepNetwork(
        W=whole.W[:p], V=whole.V[:, :p, :p], beta=whole.beta[:p], B=whole.B[:, :p, :p], b=whole.b[:, :p]
    )


def deviation(
    problem: Problem, L: int, activation: str | Activation, *, eta: float, steps: int, rule: str, p: int, seed: int,
    ridge: Schedule | None = None, widest: int = WIDEST, kernel: Array | None = None,
) -> float:  # fmt: skip
    """max_t ‖e(t) − limit(t)‖ / ‖e(0)‖ of one network, the limit started from the network's own e(0)."""
    ridge = schedules.zero() if ridge is None else ridge
    G = deep_kernel(problem.X, activation, L).G if kernel is None else kernel
    network = nested(L, p, problem.d, seed, widest)
    run = train_deep(problem, network, activation, eta=eta, steps=steps, ridge=ridge, rule=rule, layers=False)
    e, worst = run.residuals[0], 0.0
    for ours, lam in zip(run.residuals[1:], ridge.values(steps), strict=True):
        e = e - eta * (G @ e + lam * (e + problem.y))
        worst = max(worst, float(np.linalg.norm(ours - e)))
    return worst / float(np.linalg.norm(run.residuals[0]))


def fixed_time(
    problem: Problem, L: int, activation: str | Activation, *, eta: float, steps: int, rule: str = "fa",
    ridge: Schedule | None = None, widest: int = WIDEST, misread: float = 1.0,
) -> AsymptoticClaim:  # fmt: skip
    """The claim at depth L; ``misread`` multiplies Ḡ_L, and any value but 1 is a negative control.

    Examples
    --------
    >>> claim = fixed_time(Problem([[1.0]], [1.0]), 2, "tanh", eta=0.3, steps=5)
    >>> claim.name
    'residual of 2 hidden layers, tanh, fa'
    """
    kernel = misread * deep_kernel(problem.X, activation, L).G
    return AsymptoticClaim(
        f"residual of {L} hidden layers, {resolve(activation).name}, {rule}",
        "max_t ‖e(t) − limit‖ / ‖e(0)‖ = O(p^{-1/2})",
        "docs/deep.md",
        lambda p, seed: deviation(
            problem, L, activation, eta=eta, steps=steps, rule=rule, p=p, seed=seed, ridge=ridge, widest=widest,
            kernel=kernel,
        ),
        -0.5,
        0.1,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class DeepRecord(Trajectory):
    """A run of L hidden layers as a `Trajectory`, whose setting knows no network: claims can be judged on it.

    Attributes
    ----------
    L, p : int
        Hidden layers, and their width.
    carried : str
        ``"fa"``, ``"dfa"`` or ``"bp"``.

    Examples
    --------
    >>> problem, rng = Problem(np.eye(3), [1.0, -1.0, 1.0]), np.random.default_rng(0)
    >>> network = DeepNetwork.gaussian(L=2, p=400, d=3, rng=rng)
    >>> run = DeepRecord.of(problem, network, "tanh", eta=0.3, steps=50, rule="dfa")
    >>> CLAIM.judge(run).status
    'holds'
    """

    L: int
    p: int
    carried: str

    @classmethod
    def of(
        cls, problem: Problem, network: DeepNetwork, activation: str | Activation, *, eta: float, steps: int,
        rule: str = "fa", ridge: Schedule | None = None, engine: str = "blas",
    ) -> DeepRecord:  # fmt: skip
        """Train, and keep the residual of every step; the arguments are those of `fa_ref.deep.train_deep`."""
        run = train_deep(
            problem, network, activation, eta=eta, steps=steps, ridge=ridge, rule=rule, engine=engine, layers=False
        )
        setting = Setting(problem, None, activation, eta=eta, ridge=ridge, rule="bp" if rule == "bp" else "fa")
        diverged_at = int(run.times[-1]) if run.status == "diverged" else None
        taken = Trajectory.recorded(setting, run.times, run.residuals, diverged_at=diverged_at)
        parts = {part.name: getattr(taken, part.name) for part in fields(Trajectory)}
        return cls(**parts, L=network.L, p=network.p, carried=rule)


@dataclass(frozen=True, repr=False)
class DeepTheorem32(Claim):
    """(3.1) at depth L; ``misread`` multiplies the rate, and any value above 4 is a negative control."""

    misread: float = 1.0

    name = "Theorem 3.2 at depth L"
    statement = "‖e(t+1)‖ ≤ (1 − ηγ_L/4) ‖e(t)‖"
    source = "docs/deep.md; Theorem 3.2 and Section 6"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:
        """Those of Theorem 3.2 with γ_L for γ; the width is measured only."""
        setting, psi, n = run.setting, run.setting.activation, run.setting.problem.n
        margins = (
            Margin.fact("ψ is smooth", psi.smooth),
            Margin("max(B0, B1, B2)", max(psi.B0, psi.B1, psi.B2), float(np.finfo(float).max), "≤"),
            Margin("Σλ", setting.ridge.total, 0.0, "≤"),
            Margin("ηnB0²", setting.eta * n * psi.B0**2, 1.0, "≤"),
            Margin.fact("the run stays finite", not has_diverged(run)),
        )
        if not isinstance(run, DeepRecord):
            return margins
        kernel = deep_kernel(setting.problem.X, psi, run.L)
        return (
            Margin("γ_L certified", kernel.gamma_lower, 0.0, ">"),
            Margin.fact("rule is FA or DFA", run.carried in ("fa", "dfa")),
            *margins,
            Margin("pγ_L²/n²", run.p * kernel.gamma**2 / n**2),
        )

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """(3.1) between successive steps, with the certified γ_L."""
        if not isinstance(run, DeepRecord):
            return (Unjudged("(3.1)", "the depth is not known, see DeepRecord"),)
        rate = self.misread * deep_kernel(run.setting.problem.X, run.setting.activation, run.L).gamma_lower / 4.0
        return (contraction("(3.1)", run, rate, ridge=schedules.zero()),) if rate > 0 else ()


CLAIM = DeepTheorem32()
