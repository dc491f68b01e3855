"""The contraction that Theorems 3.2, 4.2 and 4.3 all claim, at their own rates."""

from __future__ import annotations

import numpy as np

from theory.margins import Margin
from validation.judge.claims import Evidence, Inequality
from validation.judge.rounding import step_rounding

__all__ = ["contraction", "start_margins"]


def contraction(name: str, evidence: Evidence, rate: float, *, pull: float | None = None) -> Inequality:
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
    pull : float, optional
        What multiplies λ(t) ‖y‖: η if not given; the paper prints 1.
    """
    times, norms = np.asarray(evidence.times), evidence.residual_norms
    eta, y_norm = evidence.eta, float(np.linalg.norm(evidence.problem.y))
    pull = eta if pull is None else pull
    lam = evidence.ridge.values(int(times[-1]))
    rhs = norms[:-1].copy()
    for k in range(times.size - 1):
        for t in range(times[k], times[k + 1]):
            factor = max(0.0, 1.0 - eta * rate - eta * lam[t])  # a negative bound on a norm would say nothing
            rhs[k] = factor * rhs[k] + pull * lam[t] * y_norm
    return Inequality(name, times[:-1], norms[1:], rhs, step_rounding(evidence))


def start_margins(evidence: Evidence) -> list[Margin]:
    """What can be seen of "W(0), β(0) and b have independent N(0, 1) entries": all three are near 1, 1 and 0."""
    start = evidence.start
    if start is None:
        return []
    p = start.p
    return [
        Margin("‖b‖²/p", float(start.b @ start.b) / p),
        Margin("‖β(0)‖²/p", float(start.beta @ start.beta) / p),
        Margin("b·β(0)/p", float(start.b @ start.beta) / p),
    ]
