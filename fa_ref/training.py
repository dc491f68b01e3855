"""`train`: validate, choose an engine, run it, record, and stop cleanly on divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from fa_ref import loops, schedules
from fa_ref.activations import SCALAR_FUNCTION, Activation, resolve
from fa_ref.checks import as_count, as_number, require_memory
from fa_ref.measures import MEASURES, measure
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule
from fa_ref.trajectory import Trajectory

__all__ = ["EXPLOSION", "train"]

Array = NDArray[np.float64]
Observer = Callable[[int, Network], bool | None]

#: A run has diverged when its loss exceeds this multiple of ½‖e(0)‖² + ½‖y‖².
EXPLOSION = 1e12

RULES = ("fa", "bp")


class Loops:
    """The reference engine: `fa_ref.loops` on the weights themselves."""

    name = "loops"

    def __init__(
        self, problem: Problem, network: Network, activation: Activation, eta: float, lam: Array, rule: str
    ) -> None:
        n, p, d = problem.n, network.p, network.d
        require_memory(f"p = {p}, n = {n}, d = {d}", 8 * (2 * p * d + 2 * p * n + 3 * p))
        self.network = network.copy()
        self.X, self.X_T, self.y = np.array(problem.X), np.array(problem.X.T, order="C"), np.array(problem.y)
        self.start = network
        self.psi, self.dpsi = activation.psi, activation.dpsi
        self.eta, self.lam = eta, lam
        self.decay = np.concatenate([[1.0], np.cumprod(1.0 - eta * lam)])  # c(t)
        self.feedback = self.network.b if rule == "fa" else self.network.beta
        self.workspace = (np.empty((p, n)), np.empty((p, n)), np.empty(n))

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        loops.forward(self.X_T, self.network.W, self.network.beta, self.psi, self.dpsi, *self.workspace)
        return self.workspace[2] - self.y

    def advance(self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array) -> int:
        """Record at stops[0], step to stops[1], and so on; the last stop is reached, not recorded.

        Returns
        -------
        int
            −1, or the step whose loss is not finite or beyond ``limit``: it is recorded and not taken.
        """
        now, start = self.network, self.start
        buffer = np.empty((max(1, int(np.diff(stops).max())), self.y.size))
        return int(
            _advance(
                self.X, self.X_T, self.y, now.W, now.beta, now.b, self.feedback, start.W, start.beta,
                self.psi, self.dpsi, self.eta, self.lam, self.decay, stops, limit, *self.workspace,
                buffer, residuals, rows,
            )
        )  # fmt: skip


_V, _M, _R = types.float64[::1], types.float64[:, ::1], types.float64


@njit(types.int64(_M, _M, _V, _M, _V, _V, _V, _M, _V, SCALAR_FUNCTION, SCALAR_FUNCTION, _R, _V, _V,
                  types.int64[::1], _R, _M, _M, _V, _M, _M, _M), cache=True)  # fmt: skip
def _advance(
    X, X_T, y, W, beta, b, feedback, W_0, beta_0, psi, dpsi, eta, lam, decay, stops, limit, Psi, slopes, f,
    buffer, residuals, rows,
):  # fmt: skip
    for k in range(stops.size - 1):
        start, stop = stops[k], stops[k + 1]
        measure(W, beta, b, W_0, beta_0, decay[start], rows[k])
        if stop > start:
            lams = lam[start:stop]
            taken = loops.descend(X, X_T, y, W, beta, feedback, psi, dpsi, eta, lams, limit, Psi, slopes, f, buffer)
        else:
            loops.forward(X_T, W, beta, psi, dpsi, Psi, slopes, f)
            buffer[0] = f - y
            taken = 0 if 0.5 * np.sum(buffer[0] ** 2) <= limit else -1
        residuals[k] = buffer[0]
        if taken < stop - start:
            if taken > 0:
                measure(W, beta, b, W_0, beta_0, decay[start + taken], rows[k + 1])
                residuals[k + 1] = buffer[taken]
            return start + max(taken, 0)
    return -1


def train(
    problem: Problem,
    network: Network,
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
    network : Network
        Weights at t = 0; left as they are.
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
    engine : {"auto", "loops"}, optional
        ``"loops"`` is the definition itself.
    dtype : {"float64"}, optional
        Arithmetic of the run.
    record_every : int, optional
        Record each step that is a multiple of this; the first and the last are always recorded.
    observe : callable, optional
        ``observe(t, network)`` is called at each recorded step with the live weights (copy what you keep);
        the run stops there if it returns True.

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
    psi, eta, ridge = resolve(activation), as_number("eta", eta, above=0), ridge
    ridge = schedules.zero() if ridge is None else ridge
    steps, record_every = as_count("steps", steps, at_least=0), as_count("record_every", record_every)
    _check_choices(rule, engine, dtype)
    for name, value, kind in (
        ("problem", problem, Problem),
        ("network", network, Network),
        ("ridge", ridge, Schedule),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name}: expected a {kind.__name__}, got {value!r:.60}")
    require_memory(f"steps = {steps}", 8 * (2 * steps + (steps // record_every + 2) * (problem.n + len(MEASURES))))
    if network.d != problem.d:
        raise ValueError(f"network: expected input dimension {problem.d}, that of the problem, got {network.d}")
    if not eta * ridge.maximum < 1:
        raise ValueError(f"ridge: expected eta * lambda(t) < 1, got {eta * ridge.maximum:g}")
    runner = Loops(problem, network, psi, eta, ridge.values(steps), rule)
    times = np.unique(np.append(np.arange(0, steps + 1, record_every, dtype=np.int64), steps))
    settings = {
        "activation": psi.name, "eta": eta, "ridge": ridge.name, "rule": rule, "dtype": dtype, "steps": steps,
        "n": problem.n, "d": problem.d, "p": network.p,
    }  # fmt: skip
    try:
        return _record(runner, times, observe, settings)
    except SystemError as error:  # what a compiled loop makes of an exception in a user's ψ
        raise ValueError(
            f"activation: expected {psi.name} to be defined at every number, got {error.__cause__!r}"
        ) from error


def _check_choices(rule: str, engine: str, dtype: str) -> None:
    for name, value, choices in (
        ("rule", rule, RULES),
        ("engine", engine, ("auto", "loops")),
        ("dtype", dtype, ("float64",)),
    ):
        if value not in choices:
            raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")


def _record(
    runner: Loops, times: NDArray[np.int64], observe: Observer | None, settings: dict[str, Any]
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
        if observe and observe(int(times[k]), runner.network):
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
