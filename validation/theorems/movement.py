"""The movement of the weights that Theorems 3.2 and 4.2 bound, (3.2)."""

from __future__ import annotations

import math

import numpy as np

from validation.judge.claims import Evidence, Inequality
from validation.judge.rounding import movement_rounding

__all__ = ["movement", "residual_budget"]


def residual_budget(evidence: Evidence) -> float:
    """E = ‖e(0)‖ + η Σ λ(t) ‖y‖: with a rate a, η Σ ‖e(t)‖ is at most E/a."""
    total = evidence.eta * evidence.ridge.total
    y_norm = float(np.linalg.norm(evidence.problem.y))
    return float(evidence.residual_norms[0]) + (total * y_norm if total > 0 else 0.0)


def movement(evidence: Evidence, rate: float) -> tuple[Inequality, ...]:
    """‖wᵣ(t) − wᵣ(0)‖ ≤ |bᵣ| B1 ‖X‖ E/(a√p) and |βᵣ(t) − c(t) βᵣ(0)| ≤ B0 √n E/(a√p), c(t) = Π_{s<t} (1 − ηλ(s)).

    Parameters
    ----------
    evidence : Evidence
        The recorded run; without its starting weights and measures there is nothing to compare.
    rate : float
        a > 0.
    """
    psi, problem = evidence.psi, evidence.problem
    reach = residual_budget(evidence) / rate
    if evidence.start is None or "weight_square" not in evidence.measures or not math.isfinite(psi.B0 * reach):
        return ()
    reach /= math.sqrt(evidence.start.p)
    rounding = movement_rounding(evidence)
    least_b = float(np.abs(evidence.start.b[evidence.start.b != 0]).min(initial=math.inf))
    times = np.asarray(evidence.times)[1:]  # at t = 0 both sides of a movement bound are trivial
    parts = []
    for name, measure, bound, error in (
        ("(3.2) W", "scaled_weight_movement", psi.B1 * problem.spectral_norm * reach, rounding / least_b),
        ("(3.2) β", "beta_movement", psi.B0 * math.sqrt(problem.n) * reach, rounding),
    ):
        if measure in evidence.measures:
            moved = evidence.measures[measure][1:]
            parts.append(Inequality(name, times, moved, np.full(moved.size, bound), error[1:]))
    return tuple(parts)
