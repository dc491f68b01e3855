"""(3.2): no weight moves far from where it began."""

from __future__ import annotations

import math

import numpy as np

from fa_ref import Trajectory
from fa_ref.schedules import Schedule
from validation.judge.claims import Conclusion
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.record import known_start, missing
from validation.judge.rounding import movement_rounding

__all__ = ["movement"]


def _residual_budget(run: Trajectory, ridge: Schedule | None = None) -> float:
    """E = ‖e(0)‖ + η Σ λ(t) ‖y‖: with a rate a, η Σ ‖e(t)‖ is at most E/a."""
    total = run.setting.eta * (run.setting.ridge if ridge is None else ridge).total
    y_norm = float(np.linalg.norm(run.setting.problem.y))
    return float(run.residual_norms[0]) + (total * y_norm if total > 0 else 0.0)


def movement(run: Trajectory, rate: float, *, ridge: Schedule | None = None) -> tuple[Conclusion, ...]:
    """‖wᵣ(t) − wᵣ(0)‖ ≤ |bᵣ| B1 ‖X‖ E/(a√p) and |βᵣ(t) − c(t) βᵣ(0)| ≤ B0 √n E/(a√p), c(t) = Π_{s<t} (1 − ηλ(s)).

    Parameters
    ----------
    run : Trajectory
        The recorded run; what needs weights or measures that it does not bring is left out, with the reason.
    rate : float
        a > 0.
    ridge : Schedule, optional
        λ(t) of the claim: that of the run if not given.
    """
    psi, problem, start = run.setting.activation, run.setting.problem, known_start(run)
    reach = _residual_budget(run, ridge) / rate
    names = {"(3.2) W": "scaled_weight_movement", "(3.2) β": "beta_movement"}
    lacking = missing(run, throughout=("weight_square",))
    if not math.isfinite(psi.B0 * reach):
        lacking = "B0 or Σλ is infinite, and so is the bound"
    if start is None or lacking:
        return tuple(Unjudged(name, lacking) for name in names)
    reach /= math.sqrt(start.p)
    rounding = movement_rounding(run)
    least_b = float(np.abs(start.b[start.b != 0]).min(initial=math.inf))
    bounds = (psi.B1 * problem.spectral_norm * reach, psi.B0 * math.sqrt(problem.n) * reach)
    of_W = rounding / least_b if least_b < math.inf else np.zeros_like(rounding)  # b = 0 moves no W
    errors = (of_W, rounding)
    times = run.times[1:]  # at t = 0 both sides of a movement bound are trivial
    parts: list[Conclusion] = []
    for (name, measure), bound, error in zip(names.items(), bounds, errors, strict=True):
        lacking = missing(run, measure)
        if lacking:
            parts.append(Unjudged(name, lacking))
        else:
            moved = run.measures[measure][1:]
            parts += Inequality(name, times, moved, bound, error[1:]).where_measured(measure, moved)
    return tuple(parts)
