"""How far two correct runs of one setting may drift apart by rounding alone: rounding, times the run's condition.

Each step of a run errs, in each weight, by at most γ_{n+8} of the weight and of the terms of its update, and in
each output by ρ(t), `validation.judge.rounding.residual_rounding`, which enters the updates as an error in y would.
What such errors do to later outputs is measured: the run is repeated from weights that are off by h times γ_{n+8},
and with targets that are off by h times ρ(0), with random signs. To first order ‖f′(t) − f(t)‖/h has the root mean
square √(Σᵢ aᵢ²), with aᵢ the effect of the i-th of the N numbers that were disturbed, and no choice of signs does
more than Σᵢ |aᵢ| ≤ √N √(Σᵢ aᵢ²). An error in a weight stays, so that those of all steps add up; an error in y that
stays is already one of every step. With the largest effect seen by then,

    ‖f′(t) − f(t)‖ ≤ 2ρ(t) + (t + 1) √(p(d + 1)) max_{s ≤ t} rms_W(s)
                        + √n max_{s ≤ t} rms_y(s) max_{s ≤ t} ρ(s)/ρ(0).

A b that learns is disturbed too: p(d + 2) numbers then. First order is not enough, and the bound is ∞, from where h
times the rounding of a step exceeds 2⁻¹⁰ of W(0), in root mean square, and from where disturbances of the two signs
do not move the outputs to opposite sides: where half of what one of them does, or more, is common to both.

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
Disturbed = Callable[[float, np.random.Generator], Setting]

#: h: large against the rounding of the disturbed runs themselves, and h² times the errors small against them.
SCALE = 2.0**20

#: A disturbance relative to the weights up to which effects are of first order.
SMALL = 2.0**-10

#: Disturbances of each kind, each with both signs.
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
    setting = run.setting
    problem, start = setting.problem, setting.start
    steps, terms = _linear(run)
    if steps < run.times[-1]:
        return np.append(drift(_until(run, steps), roundoff), np.full(run.times.size - steps - 1, np.inf))
    output, learns = residual_rounding(run), setting.rule not in ("fa", "bp")
    lam = setting.ridge.values(int(run.times[-1]))
    grown = np.maximum.accumulate(output)
    first = float(grown[0] or grown[-1])  # ρ is disturbed at its size at the start, and grows with the run
    lasting, each = first / np.sqrt(problem.n), gamma(problem.n + 8) * terms
    lost_W, lost_beta = _lost(run)

    def off_weights(h: float, rng: np.random.Generator) -> Setting:
        def off(weights: Array, lost: float) -> Array:
            signs = rng.choice([-1.0, 1.0], weights.shape)
            return weights * (1.0 + h * each * signs) + h * lost * signs

        W, beta = off(start.W, lost_W), off(start.beta, lost_beta)
        return setting.replace(network=Network(W, beta, off(start.b, lost_beta) if learns else start.b))

    def off_targets(h: float, rng: np.random.Generator) -> Setting:
        y = problem.y + h * lasting * rng.choice([-1.0, 1.0], problem.n)
        return setting.replace(problem=Problem(problem.X, y))

    def off_penalties(h: float, rng: np.random.Generator) -> Setting:
        less = lam - h * gamma(2) / setting.eta * rng.choice([1.0, 3.0], lam.size)
        return setting.replace(ridge=schedules.explicit(np.maximum(less, 0.0)))

    disturbed = start.W.size + (2 if learns else 1) * start.p
    of_weights = np.sqrt(disturbed) * _effect(run, off_weights)
    of_targets = np.sqrt(problem.n) * _effect(run, off_targets) * np.maximum(grown / max(first, TINIEST), 1.0)
    if lam.any():
        of_penalties = _effect(run, off_penalties, signs=(1.0,))  # larger ones may not be allowed
        of_targets = of_targets + np.sqrt(np.count_nonzero(lam)) * of_penalties
    return np.asarray((2.0 * output + (run.times + 1.0) * of_weights + of_targets) * (roundoff / run.roundoff))


def _effect(run: Trajectory, disturbed: Disturbed, signs: tuple[float, ...] = (1.0, -1.0)) -> Array:
    """The largest root mean square of ‖f′(s) − f(s)‖/h over s ≤ t; ∞ from where a disturbed run diverged or bends.

    ∞ throughout where the disturbance leads beyond the numbers of which a setting may consist.
    """
    size, noise = np.zeros(run.times.size), 8.0 * residual_rounding(run)  # of four outputs, each within 2ρ
    for seed in range(REPETITIONS):
        try:
            settings = [disturbed(sign * SCALE, np.random.default_rng(seed)) for sign in signs]
        except ValueError:
            return np.full(run.times.size, np.inf)
        moved = [_moved(run, setting) for setting in settings]
        with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is not known
            for way in moved:
                size = np.hypot(size, _norms(way / SCALE) / np.sqrt(REPETITIONS * len(signs)))
            if len(signs) == 2:
                # e = f − y rounds, and so does adding y again: by a target that is larger than f
                targets = max(float(np.linalg.norm(setting.problem.y)) for setting in settings)
                even, odd = _norms(moved[0] + moved[1]), _norms(moved[0] - moved[1])
                size[even > 0.5 * odd + noise + 8.0 * run.roundoff * targets] = np.inf
    return np.maximum.accumulate(np.where(np.isnan(size), np.inf, size))


def _moved(run: Trajectory, disturbed: Setting) -> Array:
    """f′ − f at every step of the run; ∞ from where the disturbed one diverged."""
    other = reference_run(disturbed, int(run.times[-1]))
    reached, moved = min(run.times.size, other.times.size), np.full(run.residuals.shape, np.inf)
    outputs = [record.residuals[:reached] + record.setting.problem.y for record in (other, run)]
    moved[:reached] = outputs[0] - outputs[1]
    return moved


def _norms(rows: Array) -> Array:
    return np.asarray(np.hypot.reduce(rows, axis=1))  # no square that underflows


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
        _feedback(run) / np.sqrt(start.p),
    )
    step = setting.eta / np.sqrt(start.p) * psi.B1 * X * b * np.sqrt(problem.n)
    return np.asarray(step * run.residual_norms[: max(1, run.times.size - 1)])


def _feedback(run: Trajectory) -> float:
    """The largest norm of what carries the error back: of b, or of β."""
    return float(run.measures["beta_norm" if run.setting.rule == "bp" else "feedback_norm"].max())


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
    x, b = float(np.abs(setting.problem.X).max()), _feedback(run)
    W = n * TINIEST * (1.0 + x * (1.0 + slope * (1.0 + e) + 8.0 * g * b * e))
    W += 0.0 if setting.start.W.any() else gamma(n + 8) * float(_updates(run).max())
    return W, n * TINIEST * g * (1.0 + 8.0 * e) + TINIEST
