"""A constant penalty has no stationary point: a lower bound on the length of a step, at any weights.

Feedback alignment with λ > 0 stands still at (W, β) if every λβ_r + ψ_r·e/√p and every b_r XᵀD_r e vanish. If
ψ′ > 0 and X has full row rank, the second gives e = 0, then the first gives β = 0, so f = 0 and e = −y ≠ 0: a
contradiction. In numbers, with g_β = λβ + Ψᵀe/√p, G = ΨᵀΨ/p and Θ_p = (1/p) Σ_r b_r² D_r K D_r,

    λ ‖(G + λ)⁻¹y‖ ≤ ‖g_β‖/(2√λ) + ‖g_W‖/√λ_min(Θ_p),       ‖g_W‖² = (1/p) Σ_r b_r² ‖XᵀD_r e‖² = eᵀΘ_p e,

since e = (G + λ)⁻¹(Ψg_β/√p − λy) exactly. A step is −η(g_W, g_β). ``docs/open_questions.md`` has the proof.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from fa_ref.activations import Activation, resolve
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from theory.kernels.empirical import preactivations
from theory.limits.long_time import constant_penalty

__all__ = ["Standing", "standing"]


class Standing(NamedTuple):
    """How far given weights are from a stationary point of feedback alignment with a constant penalty.

    Attributes
    ----------
    ridge_residual : float
        λ‖(G + λ)⁻¹y‖ > 0: the residual of the ridge regression on the present features.
    gradient_beta, gradient_W : float
        ‖g_β‖ and ‖g_W‖_F, the step divided by η.
    slope_floor : float
        λ_min(Θ_p).
    ridge : float
        λ.
    """

    ridge_residual: float
    gradient_beta: float
    gradient_W: float
    slope_floor: float
    ridge: float

    @property
    def at_most(self) -> float:
        """‖g_β‖/(2√λ) + ‖g_W‖/√λ_min(Θ_p), which is at least ``ridge_residual``; infinite if λ_min(Θ_p) = 0."""
        if not self.slope_floor > 0:
            return math.inf
        return self.gradient_beta / (2.0 * math.sqrt(self.ridge)) + self.gradient_W / math.sqrt(self.slope_floor)


def standing(problem: Problem, network: Network, activation: str | Activation, ridge: Schedule) -> Standing:
    """Measure the update at given weights, and what it is bounded from below by.

    Parameters
    ----------
    problem : Problem
    network : Network
        W, β and b as they are now.
    activation : str or Activation
        ψ.
    ridge : Schedule
        A constant λ > 0.

    Returns
    -------
    Standing

    Examples
    --------
    At β = 0 the output weights could stay only if Ψ were orthogonal to y, and W moves.

    >>> from fa_ref import schedules
    >>> network = Network.gaussian(50, 2, np.random.default_rng(0))
    >>> network.beta[:] = 0.0
    >>> here = standing(Problem(np.eye(2), [1.0, 1.0]), network, "tanh", schedules.constant(0.1))
    >>> 0 < here.ridge_residual <= here.at_most
    True
    """
    lam, psi, root = constant_penalty(ridge), resolve(activation), math.sqrt(network.p)
    z = preactivations(problem.X, network)
    Psi, slopes = psi(z), psi.derivative(z)
    e = Psi @ network.beta / root - problem.y
    G = Psi @ Psi.T / network.p
    back = slopes * network.b
    Theta = problem.K * (back @ back.T) / network.p
    a = np.linalg.solve(G + lam * np.eye(problem.n), problem.y)
    moved = problem.X.T @ (back * e[:, None]) / root  # column r is b_r XᵀD_r e/√p
    return Standing(
        lam * float(np.linalg.norm(a)),
        float(np.linalg.norm(lam * network.beta + Psi.T @ e / root)),
        float(np.linalg.norm(moved)),
        float(np.linalg.eigvalsh(Theta)[0]),
        lam,
    )
