"""The contraction that Theorems 3.2, 4.2 and 4.3 all claim, at their own rates."""

from __future__ import annotations

import numpy as np

from validation.claims import Evidence, Inequality
from validation.rounding import step_rounding

__all__ = ["contraction"]


def contraction(name: str, evidence: Evidence, rate: float) -> Inequality:
    """‖e(t+1)‖ ≤ (1 − ηa − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖, between successive recorded steps.

    Where records lie several steps apart the recursion is run for as many steps.

    Parameters
    ----------
    name : str
        Equation number.
    evidence : Evidence
        The recorded run.
    rate : float
        a > 0.
    """
    times, norms = np.asarray(evidence.times), evidence.residual_norms
    eta, y_norm = evidence.eta, float(np.linalg.norm(evidence.problem.y))
    lam = evidence.ridge.values(int(times[-1]))
    rhs = norms[:-1].copy()
    for k in range(times.size - 1):
        for t in range(times[k], times[k + 1]):
            rhs[k] = (1.0 - eta * rate - eta * lam[t]) * rhs[k] + eta * lam[t] * y_norm
    return Inequality(name, times[:-1], norms[1:], rhs, step_rounding(evidence))
