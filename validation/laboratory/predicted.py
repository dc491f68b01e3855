"""The predicted alignment of a run: to first order in 1/√p without a penalty, at t = θ√p with one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref import Setting, Trajectory
from theory.alignment.forecast import TOLERATED
from theory.kernels import MeanKernel
from theory.limits import wide_prediction
from theory.margins import Margin
from validation.report.predicted import common_law, overlay

__all__ = ["TIMES", "TOLERANCE", "Predicted", "particles", "predicted", "prediction_times"]

Array = NDArray[np.float64]

#: Times at which the alignment under a penalty is predicted; particles, at least 16 a sample, and the change by
#: halving its time steps that a prediction may still make. Few and rough, for a quick answer with a visible error.
TIMES, PARTICLES, TOLERANCE = 20, 160, 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """A predicted alignment.

    Attributes
    ----------
    name : str
        Which prediction, in words; empty where there is none.
    times, alignment, error : ndarray, shape (m,)
        Steps, cos∠(b, β), and an estimate of its numerical error; NaN where the prediction does not apply.
    why : str
        Why there is none, or none at some steps; empty elsewhere.
    """

    name: str = ""
    times: NDArray[np.int64]
    alignment: Array
    error: Array
    why: str = ""


def predicted(run: Trajectory, kernel: MeanKernel) -> Predicted:
    """Predict cos∠(b, β(t)) at some of the run's steps, or say why not.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Network, Problem, train
    >>> from theory.kernels import mean_kernel
    >>> problem, network = Problem(np.eye(3), [1.0, -1.0, 1.0]), Network.gaussian(2000, 3, np.random.default_rng(0))
    >>> run = train(problem, network, "tanh", eta=0.2, steps=100)
    >>> said = predicted(run, mean_kernel(problem.X, "tanh"))
    >>> said.name, bool(abs(said.alignment[-1] - run.alignment[-1]) < 1e-3)
    ('first order in 1/√p, from this start', True)
    """
    setting = run.setting
    if setting.rule != "fa":
        return _none(f"The predictions are about feedback alignment, not rule {setting.rule}.")
    if int(run.times[-1]) < 1:
        return _none("No step was taken.")
    return _without(run, kernel) if setting.ridge.maximum == 0 else _with_ridge(run, kernel)


def particles(n: int) -> int:
    """How many particles stand for a network that sees n samples.

    Examples
    --------
    >>> particles(10), particles(50)
    (160, 800)
    """
    return max(PARTICLES, 16 * n)


def prediction_times(steps: int) -> NDArray[np.int64]:
    """The steps at which the alignment under a penalty is predicted: closer together at the start.

    Examples
    --------
    >>> prediction_times(400)[[0, 1, 2, -1]]
    array([  1,   4,   9, 400])
    """
    grid = np.linspace(0.0, 1.0, TIMES + 1)[1:] ** 2
    return np.unique(np.maximum(1, np.rint(grid * steps)).astype(np.int64))


def _none(why: str) -> Predicted:
    empty = np.empty(0)
    return Predicted(times=empty.astype(np.int64), alignment=empty, error=empty, why=why)


def _without(run: Trajectory, kernel: MeanKernel) -> Predicted:
    setting = run.setting
    law = common_law(setting.problem, setting.activation, setting.eta, int(run.times[-1]), kernel)
    said = overlay(setting.problem, setting.start, setting.activation, setting.eta, law, kernel)
    if law is None:
        return _none(f"η λ_max(Ḡ) = {setting.eta * np.linalg.eigvalsh(kernel.G)[-1]:.3g} is not below 2.")
    if said is None:
        return _none("W or β moves too far for a first order in 1/√p: make p larger.")
    why = "" if np.isfinite(said.alignment).all() else "It ends where W or β has moved too far for a first order."
    return Predicted(
        name="first order in 1/√p, from this start", times=said.times, alignment=said.alignment,
        error=np.zeros(said.times.size), why=why,
    )  # fmt: skip


def _with_ridge(run: Trajectory, kernel: MeanKernel) -> Predicted:
    setting, p = run.setting, run.setting.start.p
    largest = setting.eta * (setting.ridge.maximum + float(np.linalg.eigvalsh(kernel.G)[-1]))
    if not largest < 2:
        return _none(str(Margin("η(λ + λ_max(Ḡ))", largest, 2.0, "<")) + ".")
    if not setting.problem.y.any():
        return _none("y = 0: β decays to 0 and has no direction.")
    times = prediction_times(int(run.times[-1]))
    said = wide_prediction(
        setting.problem, setting.activation, times / math.sqrt(p), eta=setting.eta, ridge=setting.ridge, p=p,
        particles=particles(setting.problem.n), tolerance=TOLERANCE,
    )  # fmt: skip
    unstable = setting.eta * (_penalties(setting, times) + np.maximum.accumulate(said.largest_eigenvalue)) >= 2
    rough = ~(said.error <= TOLERATED)
    why = "It ends at the edge of stability, η(λ + λ_max(G)) = 2." if unstable.any() else ""
    why = why or ("It is left out where its estimated error exceeds 0.05." if rough.any() else "")
    alignment = np.where(unstable | rough, math.nan, said.alignment)
    return Predicted(
        name="mean over networks of this width", times=times, alignment=alignment, error=said.error, why=why
    )


def _penalties(setting: Setting, times: NDArray[np.int64]) -> Array:
    """λ in the step that leads to each time."""
    return np.asarray(setting.ridge.formula(times - 1), dtype=np.float64)
