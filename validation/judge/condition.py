"""How far two correct runs of one setting may drift apart by rounding alone: rounding, times the run's condition.

Each step of a run errs, in each weight, by at most γ_{n+8} of the weight and of the terms of its update, and in
each output by ρ(t), `validation.judge.rounding.residual_rounding`, which enters the updates as an error in y would.
What such errors do to later outputs is measured: the run is repeated from weights that are off by h times γ_{n+8},
and with targets that are off by h times ρ, with random signs. To first order ‖f′(t) − f(t)‖/h has the root mean
square √(Σᵢ aᵢ²), with aᵢ the effect of the i-th of the N numbers that were disturbed, and no choice of signs does
more than Σᵢ |aᵢ| ≤ √N √(Σᵢ aᵢ²). An error in a weight stays, so that those of all steps add up; an error in y that
stays is already one of every step. With the largest effect seen by then,

    ‖f′(t) − f(t)‖ ≤ 2ρ(t) + (t + 1) √(p(d + 1)) max_{s ≤ t} rms_W(s) + √n max_{s ≤ t} rms_y(s).

A b that learns is disturbed too: p(d + 2) numbers then. First order is not enough, and the bound is ∞, from where h
times the rounding of a step exceeds 2⁻¹⁰ of W(0), in root mean square.

What underflows is lost whole. With the least number τ of float64, g = η/√p and the largest entries b, x and e of
the run, the products of one step's update of W err by at most nτ(1 + x(1 + B1(1 + e) + 8gbe)), ψ′ being off by
4τ, and those of β by nτ(g + 8ge) + τ; h times that is added to the disturbances. Where W(0) = 0, so is γ_{n+8}
of its update.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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

#: A disturbance relative to the weights up to which effects are of first order.
SMALL = 2.0**-10

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
    steps, terms = _linear(run)
    if steps < run.times[-1]:
        return np.append(drift(_until(run, steps), roundoff), np.full(run.times.size - steps - 1, np.inf))
    output, learns = residual_rounding(run), setting.rule not in ("fa", "bp")
    lam = setting.ridge.values(int(run.times[-1]))
    lasting, each = float(output.max()) / np.sqrt(problem.n), gamma(problem.n + 8) * terms
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


def _linear(run: Trajectory) -> tuple[int, float]:
    """How many steps a disturbance of the weights stays small, and 1 + the largest update of W in them over W."""
    size, updates = float(np.sqrt(np.mean(np.square(run.setting.start.W)))), _updates(run)
    if not size > 0:
        return int(run.times[-1]), 1.0
    terms = 1.0 + np.maximum.accumulate(updates) / size
    steps = int(np.count_nonzero(SCALE * gamma(run.setting.problem.n + 8) * terms <= SMALL))
    return steps, float(np.max(terms[:steps], initial=1.0))


def _updates(run: Trajectory) -> Array:
    """The largest term of each step's update of W, in root mean square; of t = 0 in a run without steps."""
    setting = run.setting
    problem, start, psi = setting.problem, setting.start, setting.activation
    X, b = (
        float(np.sqrt(np.mean(np.square(problem.X)))),
        float(run.measures["feedback_norm"].max()) / np.sqrt(start.p),
    )
    step = setting.eta / np.sqrt(start.p) * psi.B1 * X * b * np.sqrt(problem.n)
    return np.asarray(step * run.residual_norms[: max(1, run.times.size - 1)])


def _until(run: Trajectory, steps: int) -> Trajectory:
    """The run as it was recorded after so many steps."""
    measures = {name: values[: steps + 1] for name, values in run.measures.items()}
    return replace(
        run, times=run.times[: steps + 1], residuals=run.residuals[: steps + 1], measures=measures, steps=steps,
        status="completed", diverged_at=None,
    )  # fmt: skip


def _lost(run: Trajectory) -> tuple[float, float]:
    """How far underflow can move an entry of W and of β in a step, and W where it is 0 with its rounding."""
    setting, n = run.setting, run.setting.problem.n
    g, slope, e = setting.eta / np.sqrt(setting.start.p), setting.activation.B1, float(run.residual_norms.max())
    x, b = float(np.abs(setting.problem.X).max()), float(run.measures["feedback_norm"].max())
    W = n * TINIEST * (1.0 + x * (1.0 + slope * (1.0 + e) + 8.0 * g * b * e))
    W += 0.0 if setting.start.W.any() else gamma(n + 8) * float(_updates(run).max())
    return W, n * TINIEST * g * (1.0 + 8.0 * e) + TINIEST
