"""`train`: validate, choose an engine, run it, record, and stop cleanly on divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_count, one_of, require_memory
from fa_ref._support.interrupts import interruptible
from fa_ref.activations import Activation
from fa_ref.engines.catalogue import DTYPES, ENGINES, Engine, build
from fa_ref.engines.reduced import Statistics
from fa_ref.measures import MEASURES
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from fa_ref.setting import Setting
from fa_ref.trajectory import Trajectory

__all__ = ["EXPLOSION", "train"]

Array = NDArray[np.float64]
Observer = Callable[[int, Network], bool | None]
Progress = Callable[[int, Callable[[], Trajectory]], None]

#: A run has diverged when its loss exceeds this multiple of ½‖e(0)‖² + ½‖y‖².
EXPLOSION = 1e12


@overload
def train(
    problem: Setting, *, steps: int, engine: str = ..., dtype: str = ..., record_every: int = ...,
    observe: Observer | None = ...,
    progress: Progress | None = ...,
) -> Trajectory: ...  # fmt: skip
@overload
def train(
    problem: Problem, network: Network | Statistics, activation: str | Activation = ..., *, eta: float, steps: int,
    ridge: Schedule | None = ..., rule: str = ..., engine: str = ..., dtype: str = ..., record_every: int = ...,
    observe: Observer | None = ...,
    progress: Progress | None = ...,
) -> Trajectory: ...  # fmt: skip
@interruptible()
def train(
    problem: Setting | Problem,
    network: Network | Statistics | None = None,
    activation: str | Activation | None = None,
    *,
    steps: int,
    eta: float | None = None,
    ridge: Schedule | None = None,
    rule: str | None = None,
    engine: str = "auto",
    dtype: str = "float64",
    record_every: int = 1,
    observe: Observer | None = None,
    progress: Progress | None = None,
) -> Trajectory:
    """Run Algorithm 1 (``rule="fa"``), gradient descent (``"bp"``) or a rule that learns b, with ridge (4.1).

    Parameters
    ----------
    problem : Setting or Problem
        The setting; or X (n×d) and y (n), the rest of a setting being given beside it.
    network : Network or Statistics, optional
        Weights at t = 0; left as they are. Or, of a linear network, their averages
        alone: see `fa_ref.engines.reduced.sample_in_law`. Measures of single units are then NaN.
    activation : str or Activation, optional
        ψ, tanh if not given.
    steps : int
        Number of steps, at least 0.
    eta : float, optional
        Step size η > 0 of the loss ½‖e‖²; see `fa_ref.adapters` for others.
    ridge : Schedule, optional
        λ(t), zero if not given; η·λ(t) < 1 is required.
    rule : {"fa", "bp", "kolen-pollack", "hebbian"}, optional
        Feedback alignment, if not given, backpropagation, or a b that learns: see `fa_ref.learned`.
    engine : {"auto", "loops", "ordered", "gram", "reduced"}, optional
        ``"loops"`` is the definition itself, `fa_ref.loops`; ``"ordered"`` has its bits, sooner. The others are the
        same trajectory up to rounding: ``"gram"`` for any ψ, ``"reduced"`` for linear networks. ``"auto"`` chooses
        by `fa_ref.engines.catalogue.choose`, and ``run.engine`` says what ran.
    dtype : {"float64", "float32"}, optional
        Arithmetic of the run; float32 is for ``"gram"``.
    record_every : int, optional
        Record each step that is a multiple of this; the first and the last are always recorded.
    observe : callable, optional
        ``observe(t, network)`` is called at each recorded step with the live weights (copy what you keep);
        the run stops there if it returns True. The fast engines recover the weights for each call.
    progress : callable, optional
        ``progress(t, so_far)`` is called several times a second with the step reached; ``so_far()`` is the
        trajectory recorded until then, without its network and with status ``"stopped"``.

    Returns
    -------
    Trajectory
        With status ``"diverged"`` where the loss stopped being finite or exploded (see `EXPLOSION`).

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above, or the run does not fit in memory.

    Examples
    --------
    >>> import numpy as np
    >>> problem = Problem(np.eye(3), [1.0, -1.0, 1.0])
    >>> setting = Setting(problem, Network.gaussian(100, 3, np.random.default_rng(1)), "tanh", eta=0.3)
    >>> run = train(setting, steps=200)
    >>> run.status, bool(run.residual_norms[-1] < 1e-6)
    ('completed', True)
    >>> train(problem, setting.network, "identity", eta=1e3, steps=200).status
    'diverged'
    """
    setting = _setting(problem, network, activation, eta, ridge, rule)
    start = setting.network
    if start is None:
        raise ValueError("network: expected the weights at t = 0, got a setting without them")
    steps, record_every = as_count("steps", steps, at_least=0), as_count("record_every", record_every)
    _check_choices(engine, dtype)
    numbers = 2 * steps + (steps // record_every + 2) * (setting.problem.n + len(MEASURES))
    require_memory(f"steps = {steps}", 8 * numbers)
    if observe is not None and isinstance(start, Statistics):
        raise ValueError(
            f"observe: expected None where only statistics of the network are known, got {observe!r:.60}"
        )
    runner = build(
        engine, setting.problem, start, setting.activation, setting.eta, setting.ridge.values(steps), setting.rule,
        dtype,
    )  # fmt: skip
    times = np.unique(np.append(np.arange(0, steps + 1, record_every, dtype=np.int64), steps))
    try:
        with np.errstate(all="ignore"):  # interpreted loops too: an explosion is a result
            return _record(runner, setting, times, observe, progress, dtype)
    except (SystemError, ArithmeticError) as error:  # what a compiled loop makes of an exception in a user's ψ
        cause, name = error.__cause__ or error, setting.activation.name
        raise ValueError(f"activation: expected {name} to be defined at every number, got {cause!r}") from error


def _setting(
    problem: Setting | Problem, network: Any, activation: str | Activation | None, eta: float | None,
    ridge: Schedule | None, rule: str | None,
) -> Setting:  # fmt: skip
    """The setting that was given, whole or in parts."""
    parts = {"network": network, "activation": activation, "eta": eta, "ridge": ridge, "rule": rule}
    if isinstance(problem, Setting):
        given = [name for name, part in parts.items() if part is not None]
        if given:
            raise TypeError(
                f"{given[0]}: expected none beside a setting, which has its own, got {parts[given[0]]!r:.60}"
            )
        return problem
    if network is None:
        raise TypeError("network: expected a Network or its Statistics, got None")
    if eta is None:
        raise TypeError("eta: expected a step size, got None")
    return Setting(problem, network, activation or "tanh", eta=eta, ridge=ridge, rule=rule or "fa")


def _check_choices(engine: str, dtype: str) -> None:
    one_of("engine", engine, ENGINES)
    one_of("dtype", dtype, DTYPES)


def _explosion(runner: Engine, setting: Setting) -> float:
    """The loss beyond which a run has diverged, `EXPLOSION` times ½‖e(0)‖² + ½‖y‖².

    Where y = 0 and f(0) = 0, rounding is all that the run can show; the limit then is the square of what rounding
    can make of the outputs, ½ Σᵢ (eps ‖β(0)‖ ‖ψ(W(0)xᵢ)‖/√p)², times the same factor.
    """
    with np.errstate(all="ignore"):  # an exploding start is a result
        scale = 0.5 * float(np.sum(runner.residual() ** 2) + np.sum(runner.y**2))
        if not setting.problem.y.any():
            scale += np.finfo(float).eps ** 2 * _output_scale(setting)
    return min(EXPLOSION * scale, np.finfo(float).max)  # an infinite loss exceeds it, whatever the start was


def _output_scale(setting: Setting) -> float:
    """½ (‖β(0)‖²/p) Σᵢ ‖ψ(W(0)xᵢ)‖², which no ½‖f‖² exceeds; at least the smallest number that is not subnormal."""
    start = setting.network
    if isinstance(start, Statistics):
        size = start.beta_beta * float(np.trace(start.S)) * start.p
    else:
        Psi = setting.activation(setting.problem.X @ setting.start.W.T)
        size = float(setting.start.beta @ setting.start.beta) / setting.start.p * float(np.sum(Psi**2))
    return max(0.5 * size, float(np.finfo(float).tiny / np.finfo(float).eps ** 2))


def _record(
    runner: Engine, setting: Setting, times: NDArray[np.int64], observe: Observer | None, progress: Progress | None,
    dtype: str,
) -> Trajectory:  # fmt: skip
    steps = int(times[-1])
    residuals = np.empty((times.size + 1, runner.y.size))  # one more, for divergence between two records
    rows = np.empty((times.size + 1, len(MEASURES)))
    limit = _explosion(runner, setting)
    stops = np.append(times, times[-1])

    def trajectory(k: int, times: NDArray[np.int64], status: str, diverged_at: int, network: Any) -> Trajectory:
        return Trajectory(
            setting=setting, times=times[:k], residuals=residuals[:k].copy(),
            measures={name: rows[:k, j].copy() for j, name in enumerate(MEASURES)}, status=status,
            diverged_at=diverged_at if diverged_at >= 0 else None, engine=runner.name, dtype=dtype,
            roundoff=0.5 * float(np.finfo(dtype).eps), steps=steps, network=network,
        )  # fmt: skip

    def told(t: int) -> None:
        recorded = int(np.searchsorted(times, t))  # the record at t itself may be to come
        if progress and recorded:
            progress(t, lambda: trajectory(recorded, times, "stopped", -1, None))

    status, diverged_at, k = "completed", -1, 0
    while k < times.size and diverged_at < 0 and status == "completed":
        count = times.size if observe is None else 1
        reach = stops[k : k + count + 1]
        if observe is not None and runner.network and observe(int(times[k]), runner.network):
            status, reach = "stopped", times[[k, k]]
        diverged_at = runner.advance(reach, limit, residuals[k:], rows[k:], told if progress else None)
        k += count
    if diverged_at >= 0:
        j = int(np.searchsorted(times, diverged_at))
        k = j + 1 if j == 0 or np.isfinite(residuals[j]).all() else j
        return trajectory(k, np.append(times[:j], diverged_at), "diverged", diverged_at, runner.network)
    return trajectory(k, times, status, -1, runner.network)
