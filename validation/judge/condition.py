"""How far two correct runs of one setting may drift apart by rounding alone: rounding, times the run's condition.

Each step of a run errs, in each weight, by at most γ_{n+8} of the weight and of the terms of its update, and in
each output by ρ(t), `validation.judge.rounding.residual_rounding`, which enters the updates as an error in y would.
What such errors do to later outputs is measured: the run is repeated from weights that are off by h times γ_{n+8},
and with targets that are off by h times ρ, with random signs. To first order ‖f′(t) − f(t)‖/h has the root mean
square √(Σᵢ aᵢ²), with aᵢ the effect of the i-th of the N numbers that were disturbed, and no choice of signs does
more than Σᵢ |aᵢ| ≤ √N √(Σᵢ aᵢ²). An error in a weight stays, so that those of all steps add up; an error in y that
stays is already one of every step. With the largest effect seen by then,

    ‖f′(t) − f(t)‖ ≤ 2ρ(t) + (t + 1) √(p(d + 1)) max_{s ≤ t} rms_W(s) + √n max_{s ≤ t} rms_y(s).

A b that learns is disturbed too: p(d + 2) numbers then.

What underflows is lost whole. With the least number τ of float64, g = η/√p and largest entries b, x and e of the run, the
products of one step's update of W err by at most n(τ/2)(1 + x(1 + B1(1 + e) + 8gbe)), ψ′ being off by 4τ, and those
of β by n(τ/2)(g + 8ge) + τ; h times that is added to the disturbances. Where W(0) = 0, so is γ_{n+8} of its update.

Where a penalty acts, 1 − ηλ(t) is rounded once a step, by γ_2 relative to 1 and not to what is left of it, so
that β may lose more digits than W does. Each of the k penalties is therefore disturbed by −hγ_2(2 ± 1)/η, which
keeps ηλ below 1, and √k max_{s ≤ t} rms_λ(s) is added: with these signs the mean square is Σᵢ aᵢ² + 4(Σᵢ aᵢ)².
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Problem, Setting, Trajectory, schedules
from theory.precision import TINIEST, gamma
from validation.judge.record import reference_run
from validation.judge.rounding import residual_rounding

__all__ = ["drift"]

Array = NDArray[np.float64]

#: h: large against the rounding of the disturbed runs themselves, and h² times the errors small against them.
SCALE = 2.0**20

#: Disturbed runs of each kind.
REPETITIONS = 2


def drift(run: Trajectory, roundoff: float) -> Array:
    """Bound ‖f′(t) − f(t)‖, at every step of a run, for a run of the same setting in arithmetic of this roundoff.

    Parameters
    ----------
    run : Trajectory
        By the loops of the definition, every step recorded.
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
    output, learns = residual_rounding(run), setting.rule not in ("fa", "bp")
    lam = setting.ridge.values(int(run.times[-1]))
    lasting, each = float(output.max()) / np.sqrt(problem.n), gamma(problem.n + 8) * _terms(run)
    lost_W, lost_beta = _lost(run)

    def off_weights() -> Setting:
        def off(weights: Array, lost: float) -> Array:
            signs = rng.choice([-1.0, 1.0], weights.shape)
            return weights * (1.0 + SCALE * each * signs) + SCALE * lost * signs

        W, beta = off(start.W, lost_W), off(start.beta, lost_beta)
        return setting.replace(network=Network(W, beta, off(start.b, lost_beta) if learns else start.b))

    def off_targets() -> Setting:
        y = problem.y + SCALE * lasting * rng.choice([-1.0, 1.0], problem.n)
        return setting.replace(problem=Problem(problem.X, y))

    def off_penalties() -> Setting:
        less = lam - SCALE * gamma(2) / setting.eta * rng.choice([1.0, 3.0], lam.size)
        return setting.replace(ridge=schedules.explicit(np.maximum(less, 0.0)))

    disturbed = start.W.size + (2 if learns else 1) * start.p
    of_weights = np.sqrt(disturbed) * _effect(run, off_weights)
    of_targets = np.sqrt(problem.n) * _effect(run, off_targets)
    if lam.any():
        of_targets = of_targets + np.sqrt(np.count_nonzero(lam)) * _effect(run, off_penalties)
    return np.asarray((2.0 * output + (run.times + 1.0) * of_weights + of_targets) * (roundoff / run.roundoff))


def _effect(run: Trajectory, disturbed: Callable[[], Setting]) -> Array:
    """The largest root mean square of ‖f′(s) − f(s)‖/h over s ≤ t; ∞ from where a disturbed run diverged.

    ∞ throughout where the disturbance leads beyond the numbers of which a setting may consist.
    """
    size = np.zeros(run.times.size)
    for _ in range(REPETITIONS):
        try:
            setting = disturbed()
        except ValueError:
            return np.full(run.times.size, np.inf)
        other = reference_run(setting, int(run.times[-1]))
        reached = min(run.times.size, other.times.size)
        outputs = [record.residuals[:reached] + record.setting.problem.y for record in (other, run)]
        norms = np.hypot.reduce((outputs[0] - outputs[1]) / SCALE, axis=1)  # no square that underflows
        size[:reached] = np.hypot(size[:reached], norms / np.sqrt(REPETITIONS))
        size[reached:] = np.inf
    return np.maximum.accumulate(size)


def _terms(run: Trajectory) -> float:
    """1 + the largest term of an update of W over the weight that it is subtracted from, in root mean square."""
    size, step = float(np.sqrt(np.mean(np.square(run.setting.start.W)))), _update(run)
    return 1.0 + step / size if size > 0 else 1.0


def _update(run: Trajectory) -> float:
    """The largest term of an update of W, in root mean square."""
    setting = run.setting
    problem, start, psi = setting.problem, setting.start, setting.activation
    X, b = float(np.sqrt(np.mean(np.square(problem.X)))), float(run.measures["feedback_norm"].max()) / np.sqrt(start.p)
    step = setting.eta / np.sqrt(start.p) * psi.B1 * X * b * np.sqrt(problem.n)
    return float(step * run.residual_norms.max())


def _lost(run: Trajectory) -> tuple[float, float]:
    """How far underflow can move an entry of W and of β in a step, and W where it is 0 with its rounding."""
    setting, n = run.setting, run.setting.problem.n
    g, slope, e = setting.eta / np.sqrt(setting.start.p), setting.activation.B1, float(run.residual_norms.max())
    x, b = float(np.abs(setting.problem.X).max()), float(run.measures["feedback_norm"].max())
    W = n * TINIEST / 2 * (1.0 + x * (1.0 + slope * (1.0 + e) + 8.0 * g * b * e))
    W += 0.0 if setting.start.W.any() else gamma(n + 8) * _update(run)
    return W, n * TINIEST / 2 * g * (1.0 + 8.0 * e) + TINIEST
