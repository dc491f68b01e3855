r"""Deeper networks under feedback alignment follow the kernel of their last hidden layer alone.

**Assumptions.** L hidden layers of width p with N(0, 1) weights, forwards and backwards independent; ψ smooth.

**Claim.** As p → ∞ at fixed t,

    e(t+1) = (I − ηḠ_L − ηλ(t)) e(t) − ηλ(t) y,    Ḡ_1 = E ψψᵀ over N(0, XXᵀ),  Ḡ_{l+1} = E ψψᵀ over N(0, Ḡ_l),

up to O(p^{-1/2}), for feedback alignment and for direct feedback alignment: what moves the layers below is carried
by weights that are independent of those it meets on its way forwards. For backpropagation it is not so, which is
the negative control: there the layers below add their own part of the tangent kernel.

**Guarantee.** **Asymptotic**, judged on paired runs: see `validation.judge.asymptotics`. With γ_L > 0 the residual
contracts as Theorem 3.2 says at L = 1, with γ_L in the place of γ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref.activations import Activation, resolve
from fa_ref.deep import DeepNetwork, train_deep
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.kernels.deep import deep_kernel
from validation.judge.asymptotics import AsymptoticClaim

__all__ = ["deviation", "fixed_time", "nested"]

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
    run = train_deep(problem, network, activation, eta=eta, steps=steps, ridge=ridge, rule=rule)
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
