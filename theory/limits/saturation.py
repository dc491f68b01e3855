"""Where a tanh network ends under a constant penalty: saturated, at a positive loss.

``docs/open_questions.md``, section 3, derives the state; that the flow converges to it is seen, and not proved.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.limits.long_time import constant_penalty, isometry_constant

__all__ = ["Saturation", "tanh_law"]

Array = NDArray[np.float64]


class Saturation(NamedTuple):
    """The state that a tanh network tends to under a constant penalty.

    Attributes
    ----------
    level : float
        c: outputs end at ±c for |y_i| > c, at y_i elsewhere.
    loss : float
        ½‖e‖².
    alignment : float
        cos∠(b, β).
    """

    level: float
    loss: float
    alignment: float


def tanh_law(problem: Problem, ridge: Schedule, *, network: Network | None = None) -> Saturation:
    """Return the saturated state of a tanh network with XXᵀ = γI: every ψ(z_ri) ends at the sign of b_r y_i.

    Outputs end at sign(y_i) min(|y_i|, c), where c is the root of λc = Σ_j (|y_j| − c)₊, so the loss ends at
    ½ Σ (|y_i| − c)₊² > 0. All |β_r| become equal, and cos∠(b, β) = Σ|b_r|/(√p‖b‖), √(2/π) as p → ∞. Stable if
    η(λ + n) < 2. That the flow converges to this state is seen, and not proved.

    Parameters
    ----------
    problem : Problem
        XXᵀ = γI, y ≠ 0.
    ridge : Schedule
        A constant λ > 0.
    network : Network, optional
        Its own mean of |b| in place of √(2/π).

    Returns
    -------
    Saturation

    Raises
    ------
    ValueError
        If XXᵀ is not γI, or y = 0.

    Examples
    --------
    >>> from fa_ref import schedules
    >>> end = tanh_law(Problem(np.eye(2), [1.0, -1.0]), schedules.constant(0.5))
    >>> end.level, round(end.loss, 6), round(end.alignment, 6)
    (0.8, 0.04, 0.797885)
    """
    lam, size = constant_penalty(ridge), np.abs(problem.y)
    isometry_constant(problem)
    if not size.any():
        raise ValueError("y: expected targets that are not all zero, got zeros")
    level = _level(lam, size)
    loss = 0.5 * float(np.sum(np.maximum(size - level, 0.0) ** 2))
    cosine = math.sqrt(2.0 / math.pi)
    if network is not None:
        cosine = float(np.abs(network.b).sum() / (math.sqrt(network.p) * np.linalg.norm(network.b)))
    return Saturation(level, loss, cosine)


def _level(lam: float, size: Array) -> float:
    """The root c of λc = Σ (|y_j| − c)₊: with the m largest above it, c = (their sum)/(λ + m)."""
    largest = np.sort(size)[::-1]
    return float(np.max(np.cumsum(largest) / (lam + np.arange(1, size.size + 1))))
