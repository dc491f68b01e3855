"""(3.1), (4.2) and (4.3): the residual contracts, at the rate of each theorem."""

from __future__ import annotations

import numpy as np

from fa_ref import Trajectory
from fa_ref.schedules import Schedule
from validation.judge.inequalities import Inequality
from validation.judge.rounding import step_rounding

__all__ = ["contraction"]


def contraction(
    name: str, run: Trajectory, rate: float, *, pull: float | None = None, ridge: Schedule | None = None
) -> Inequality:
    """‖e(t+1)‖ ≤ (1 − ηa − ηλ(t)) ‖e(t)‖ + ηλ(t) ‖y‖, between successive recorded steps.

    Where records lie several steps apart the recursion is run for as many steps.

    Parameters
    ----------
    name : str
        Equation number.
    run : Trajectory
        The recorded run.
    rate : float
        a > 0.
    pull : float, optional
        What multiplies λ(t) ‖y‖: η if not given; the paper prints 1.
    ridge : Schedule, optional
        λ(t) of the claim: that of the run if not given.
    """
    times, norms = run.times, run.residual_norms
    eta, y_norm = run.setting.eta, float(np.linalg.norm(run.setting.problem.y))
    pull = eta if pull is None else pull
    lam = (run.setting.ridge if ridge is None else ridge).values(int(times[-1]))
    rhs = norms[:-1].copy()
    for k in range(times.size - 1):
        for t in range(times[k], times[k + 1]):
            factor = max(0.0, 1.0 - eta * rate - eta * lam[t])  # a negative bound on a norm would say nothing
            rhs[k] = factor * rhs[k] + pull * lam[t] * y_norm
    return Inequality(name, times[:-1], norms[1:], rhs, step_rounding(run))
