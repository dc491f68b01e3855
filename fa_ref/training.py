"""`train`: validate, choose an engine, run it, record, and stop cleanly on divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number, require_memory
from fa_ref.activations import Activation, resolve
from fa_ref.engines.choice import DTYPES, ENGINES, RULES, Engine, build
from fa_ref.engines.reduced import Statistics
from fa_ref.measures import MEASURES
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from fa_ref.trajectory import Trajectory

__all__ = ["EXPLOSION", "train"]

Array = NDArray[np.float64]
Observer = Callable[[int, Network], bool | None]

#: A run has diverged when its loss exceeds this multiple of ½‖e(0)‖² + ½‖y‖².
EXPLOSION = 1e12


def train(
    problem: Problem,
    network: Network | Statistics,
    activation: str | Activation = "tanh",
    *,
    eta: float,
    steps: int,
    ridge: Schedule | None = None,
    rule: str = "fa",
    engine: str = "auto",
    dtype: str = "float64",
    record_every: int = 1,
    observe: Observer | None = None,
) -> Trajectory:
    """Run Algorithm 1 (``rule="fa"``) or gradient descent (``"bp"``), with the ridge penalty of (4.1).

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).
    network : Network or Statistics
        Weights at t = 0; left as they are. Or, of a linear network under feedback alignment, their averages
        alone: see `fa_ref.engines.reduced.sample_in_law`. Measures of single units are then NaN.
    activation : str or Activation, optional
        ψ.
    eta : float
        Step size η > 0 of the loss ½‖e‖²; see `fa_ref.adapters` for others.
    steps : int
        Number of steps, at least 0.
    ridge : Schedule, optional
        λ(t), zero if not given; η·λ(t) < 1 is required.
    rule : {"fa", "bp"}, optional
        Feedback alignment or backpropagation.
    engine : {"auto", "loops", "gram", "reduced"}, optional
        ``"loops"`` is the definition itself. The others are the same trajectory up to rounding: ``"gram"`` for any
        ψ, ``"reduced"`` for linear networks under feedback alignment. ``"auto"`` chooses by
        `fa_ref.engines.choice.choose`, and ``run.engine`` says what ran.
    dtype : {"float64", "float32"}, optional
        Arithmetic of the run; float32 is for ``"gram"``.
    record_every : int, optional
        Record each step that is a multiple of this; the first and the last are always recorded.
    observe : callable, optional
        ``observe(t, network)`` is called at each recorded step with the live weights (copy what you keep);
        the run stops there if it returns True. The fast engines recover the weights for each call.

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
    >>> network = Network.gaussian(100, 3, np.random.default_rng(1))
    >>> run = train(problem, network, "tanh", eta=0.3, steps=200)
    >>> run.status, bool(run.residual_norms[-1] < 1e-6)
    ('completed', True)
    >>> train(problem, network, "identity", eta=1e3, steps=200).status
    'diverged'
    """
    psi, eta = resolve(activation), as_number("eta", eta, above=0)
    ridge = schedules.zero() if ridge is None else ridge
    steps, record_every = as_count("steps", steps, at_least=0), as_count("record_every", record_every)
    _check_choices(rule, engine, dtype)
    _check_objects(problem, network, ridge)
    require_memory(f"steps = {steps}", 8 * (2 * steps + (steps // record_every + 2) * (problem.n + len(MEASURES))))
    if isinstance(network, Network) and network.d != problem.d:
        raise ValueError(f"network: expected input dimension {problem.d}, that of the problem, got {network.d}")
    if not eta * ridge.maximum < 1:
        raise ValueError(f"ridge: expected eta * lambda(t) < 1, got {eta * ridge.maximum:g}")
    if observe and isinstance(network, Statistics):
        raise ValueError("observe: expected None where the network is known by its statistics only")
    runner = build(engine, problem, network, psi, eta, ridge.values(steps), rule, dtype)
    times = np.unique(np.append(np.arange(0, steps + 1, record_every, dtype=np.int64), steps))
    settings = {
        "activation": psi.name, "eta": eta, "ridge": ridge.name, "rule": rule, "dtype": dtype, "steps": steps,
        "n": problem.n, "d": problem.d, "p": network.p,
    }  # fmt: skip
    try:
        return _record(runner, times, observe, settings)
    except (SystemError, ArithmeticError) as error:  # what a compiled loop makes of an exception in a user's ψ
        cause = error.__cause__ or error
        raise ValueError(f"activation: expected {psi.name} to be defined at every number, got {cause!r}") from error


def _check_objects(problem: Problem, network: Network | Statistics, ridge: Schedule) -> None:
    for name, value, kinds in (
        ("problem", problem, (Problem,)),
        ("network", network, (Network, Statistics)),
        ("ridge", ridge, (Schedule,)),
    ):
        if not isinstance(value, kinds):
            raise TypeError(f"{name}: expected a {kinds[0].__name__}, got {value!r:.60}")


def _check_choices(rule: str, engine: str, dtype: str) -> None:
    for name, value, choices in (
        ("rule", rule, RULES),
        ("engine", engine, ENGINES),
        ("dtype", dtype, DTYPES),
    ):
        if value not in choices:
            raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")


def _record(
    runner: Engine, times: NDArray[np.int64], observe: Observer | None, settings: dict[str, Any]
) -> Trajectory:
    residuals = np.empty((times.size + 1, runner.y.size))  # one more, for divergence between two records
    rows = np.empty((times.size + 1, len(MEASURES)))
    with np.errstate(all="ignore"):  # an exploding start is a result
        limit = EXPLOSION * 0.5 * float(np.sum(runner.residual() ** 2) + np.sum(runner.y**2))
    limit = min(limit, np.finfo(float).max)  # an infinite loss exceeds it, whatever the start was
    stops = np.append(times, times[-1])
    status, diverged_at, k = "completed", -1, 0
    while k < times.size and diverged_at < 0 and status == "completed":
        count = 1 if observe else times.size
        reach = stops[k : k + count + 1]
        if observe and runner.network and observe(int(times[k]), runner.network):
            status, reach = "stopped", times[[k, k]]
        diverged_at = runner.advance(reach, limit, residuals[k:], rows[k:])
        k += count
    if diverged_at >= 0:
        k = int(np.searchsorted(times, diverged_at))
        times = np.append(times[:k], diverged_at)
        k += 1 if k == 0 or np.isfinite(residuals[k]).all() else 0
        status = "diverged"
    return Trajectory(
        times[:k], residuals[:k].copy(), {name: rows[:k, j].copy() for j, name in enumerate(MEASURES)},
        status, diverged_at if diverged_at >= 0 else None, settings, runner.name, runner.network,
    )  # fmt: skip
