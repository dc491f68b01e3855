"""How far two correct runs of one setting may drift apart by rounding alone: rounding, times the run's condition.

Each step of a run errs, in each weight, by at most γ_{n+8} of the weight and of the terms of its update, and in
each output by `validation.judge.rounding.residual_rounding`, which enters the updates as an error in y would. What
such errors do to later outputs is measured: the run is repeated from weights and targets that are off by h times
these sizes, with random signs. The root mean square over repetitions of ‖f′(t) − f(t)‖/h is that of √(Σᵢ aᵢ²) for
first-order effects aᵢ of the N numbers disturbed, and no choice of signs does more than Σᵢ |aᵢ| ≤ √N √(Σᵢ aᵢ²).
Added up over the steps up to t, with the largest effect seen by then:

    ‖f′(t) − f(t)‖ ≤ 2 residual_rounding(t) + (t + 1) √N max_{s ≤ t} rms ‖f′(s) − f(s)‖/h.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Problem, Trajectory
from theory.precision import gamma
from validation.judge.record import reference_run
from validation.judge.rounding import residual_rounding

__all__ = ["drift"]

Array = NDArray[np.float64]

#: h in units of the errors of one step in float64: large against rounding, and h² small against it.
SCALE = 2.0**20

#: Disturbed runs.
REPETITIONS = 4


def drift(run: Trajectory, roundoff: float) -> Array:
    """Bound ‖f′(t) − f(t)‖, at every step of a run, for a run of the same setting in arithmetic of this roundoff.

    Parameters
    ----------
    run : Trajectory
        By the reference loops, every step recorded.
    roundoff : float
        Unit roundoff u of the coarser arithmetic of the two.

    Examples
    --------
    >>> from fa_ref import Setting
    >>> setting = Setting(Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "tanh", eta=0.1)
    >>> bool((drift(reference_run(setting, 5), 2.0**-53) < 1e-13).all())
    True
    """
    setting, rng = run.setting, np.random.default_rng(0)
    problem, start = setting.problem, setting.start
    outputs = residual_rounding(run)
    weights = gamma(problem.n + 8) * _terms(run)
    squares = np.zeros(run.times.size)
    for _ in range(REPETITIONS):
        signs = (rng.choice([-1.0, 1.0], shape) for shape in (start.W.shape, start.p, problem.n))
        W, beta, y = (SCALE * sign for sign in signs)
        off = setting.replace(
            problem=Problem(problem.X, problem.y + y * float(outputs.max()) / np.sqrt(problem.n)),
            network=Network(start.W * (1.0 + weights * W), start.beta * (1.0 + weights * beta), start.b),
        )
        other = reference_run(off, int(run.times[-1]))
        reached = min(run.times.size, other.times.size)
        moved = (other.residuals + off.problem.y)[:reached] - (run.residuals + problem.y)[:reached]
        squares[:reached] += np.sum((moved / SCALE) ** 2, axis=1) / REPETITIONS
        squares[reached:] = np.inf  # the disturbed run diverged before
    numbers = start.W.size + start.p + problem.n
    effect = np.maximum.accumulate(np.sqrt(squares)) * np.sqrt(numbers)
    return np.asarray((2.0 * outputs + (run.times + 1.0) * effect) * roundoff * 2.0**53)


def _terms(run: Trajectory) -> float:
    """1 + the largest term of an update over the weight that it is subtracted from, in root mean square."""
    setting = run.setting
    problem, start, psi = setting.problem, setting.start, setting.activation
    size = np.sqrt(np.mean(np.square(start.W)))
    largest = (
        setting.eta
        / np.sqrt(start.p)
        * psi.B1
        * np.sqrt(np.mean(np.square(problem.X)))
        * np.sqrt(np.mean(np.square(start.b)))
    )
    return 1.0 + float(largest * run.residual_norms.max() * np.sqrt(problem.n) / size) if size > 0 else 1.0
