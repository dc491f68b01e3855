"""The engines that `fa_ref.train` chooses from, and the reference among them.

An engine holds a network in motion. `residual` is e now; `advance` steps and records; `network` is the weights now.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from fa_ref import loops
from fa_ref._support.checks import require_memory
from fa_ref.activations import Activation
from fa_ref.activations.psi import ENTRYWISE
from fa_ref.engines.gram.engine import Gram, is_well_conditioned
from fa_ref.engines.reduced import Reduced, Statistics
from fa_ref.measures import measure
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = ["DTYPES", "ENGINES", "RULES", "Engine", "Loops", "build", "choose"]

Array = NDArray[np.float64]

ENGINES = ("auto", "loops", "gram", "reduced")
DTYPES = ("float64", "float32")
RULES = ("fa", "bp")


class Engine(Protocol):
    """What `fa_ref.train` asks of an engine."""

    name: str
    y: Array

    @property
    def network(self) -> Network | None:
        """The weights as they are now."""

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""

    def advance(self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array) -> int:
        """Record and step as `Loops.advance` does."""


def choose(problem: Problem, start: Network | Statistics, activation: Activation, rule: str, dtype: str) -> str:
    """Return the engine that ``engine="auto"`` stands for.

    A linear network under feedback alignment is ``"reduced"``. Any other is ``"gram"`` where its 2n² operations a
    unit are fewer than the loops' 4nd and K is well conditioned, and ``"loops"`` elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref.activations import identity, tanh
    >>> wide, tall = (Problem(np.eye(n, 3), np.ones(n)) for n in (2, 6))
    >>> network = Network.gaussian(100, 3, np.random.default_rng(0))
    >>> [choose(p, network, a, "fa", "float64") for p in (wide, tall) for a in (tanh, identity)]
    ['gram', 'reduced', 'loops', 'reduced']
    """
    if dtype == "float32":
        return "gram"
    if isinstance(start, Statistics) or (activation.linear and rule == "fa"):
        return "reduced"
    return "gram" if problem.n < 2 * problem.d and is_well_conditioned(problem) else "loops"


def build(
    engine: str, problem: Problem, start: Network | Statistics, activation: Activation, eta: float, lam: Array,
    rule: str, dtype: str,
) -> Engine:  # fmt: skip
    """Return the engine with this name, ready to run.

    Raises
    ------
    ValueError
        If it cannot run this: see `fa_ref.train`.
    """
    if engine == "auto":
        engine = choose(problem, start, activation, rule, dtype)
    if engine != "gram" and dtype != "float64":
        raise ValueError(f"dtype: expected float64 for engine {engine!r}, got {dtype!r}")
    if engine == "reduced":
        if not activation.linear or rule != "fa":
            raise ValueError(
                "engine: expected 'loops' or 'gram', since 'reduced' is for a linear network and rule 'fa',"
                f" got 'reduced' for {activation.name} and {rule!r}"
            )
        return Reduced(problem, start, eta, lam)
    if isinstance(start, Statistics):
        raise ValueError(f"network: expected a Network for engine {engine!r}, got statistics")
    if engine == "gram":
        return Gram(problem, start, activation, eta, lam, rule, dtype)
    return Loops(problem, start, activation, eta, lam, rule)


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
        self.start = network.copy()  # the kernels take writeable arrays
        self.activate = activation.entrywise
        self.eta, self.lam = eta, lam
        self.decay = np.concatenate([[1.0], np.cumprod(1.0 - eta * lam)])  # c(t)
        self.feedback = self.network.b if rule == "fa" else self.network.beta
        self.workspace = (np.empty((p, n)), np.empty((p, n)), np.empty(n))

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        loops.forward(self.X_T, self.network.W, self.network.beta, self.activate, *self.workspace)
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
                self.activate, self.eta, self.lam, self.decay, stops, limit, *self.workspace,
                buffer, residuals, rows,
            )
        )  # fmt: skip


_V, _M, _R = types.float64[::1], types.float64[:, ::1], types.float64


@njit(types.int64(_M, _M, _V, _M, _V, _V, _V, _M, _V, ENTRYWISE, _R, _V, _V,
                  types.int64[::1], _R, _M, _M, _V, _M, _M, _M), cache=True)  # fmt: skip
def _advance(
    X, X_T, y, W, beta, b, feedback, W_0, beta_0, activate, eta, lam, decay, stops, limit, Psi, slopes, f,
    buffer, residuals, rows,
):  # fmt: skip
    for k in range(stops.size - 1):
        start, stop = stops[k], stops[k + 1]
        measure(W, beta, b, W_0, beta_0, decay[start], rows[k])
        if stop > start:
            lams = lam[start:stop]
            taken = loops.descend(X, X_T, y, W, beta, feedback, activate, eta, lams, limit, Psi, slopes, f, buffer)
        else:
            loops.forward(X_T, W, beta, activate, Psi, slopes, f)
            buffer[0] = f - y
            taken = 0 if 0.5 * np.sum(buffer[0] ** 2) <= limit else -1
        residuals[k] = buffer[0]
        if taken < stop - start:
            if taken > 0:
                measure(W, beta, b, W_0, beta_0, decay[start + taken], rows[k + 1])
                residuals[k + 1] = buffer[taken]
            return start + max(taken, 0)
    return -1
