"""The engine that runs the definition, `fa_ref.loops` or `fa_ref.learned`, on the weights themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fa_ref import learned, loops
from fa_ref._support.checks import require_memory
from fa_ref.activations import Activation
from fa_ref.engines.slices import FINISHED, RUNNING, Clock, Progress, in_slices
from fa_ref.measures import measure
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = ["Loops"]

Array = NDArray[np.float64]


class Loops:
    """The engine that `fa_ref.train` runs as ``"loops"``."""

    name = "loops"

    def __init__(
        self, problem: Problem, network: Network, activation: Activation, eta: float, lam: Array, rule: str
    ) -> None:
        n, p, d = problem.n, network.p, network.d
        require_memory(f"p = {p}, n = {n}, d = {d}", 8 * (2 * p * d + 2 * p * n + 3 * p))
        self.network, self.start = network.copy(), network.copy()  # kernels take writeable arrays
        self.X, self.y, self.activation = np.array(problem.X), np.array(problem.y), activation
        self.eta, self.lam = eta, np.ascontiguousarray(lam)
        self.decay = np.concatenate([[1.0], np.cumprod(1.0 - eta * lam)])  # c(t)
        self.rule = rule
        self.work = 2 * n * d * p

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        p, n, f = self.network.p, self.y.size, np.empty(self.y.size)
        Psi, slopes = np.empty((p, n)), np.empty((p, n))
        psi, dpsi = self.activation.psi, self.activation.dpsi
        loops.forward(self.X, self.network.W, self.network.beta, psi, dpsi, Psi, slopes, f)
        return f - self.y

    def advance(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array,
        progress: Progress | None = None,
    ) -> int:  # fmt: skip
        """Record and step as `fa_ref.engines.catalogue.Engine.advance` says."""

        def run(clock: Clock, steps: int) -> int:
            with np.errstate(all="ignore"):
                return self._run(stops, limit, residuals, rows, clock, steps)

        return in_slices(run, int(stops[0]), self.work, progress)

    def _run(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array, clock: Clock, steps: int
    ) -> int:
        last = stops.size - 1
        while clock[1] < last or clock[0] < stops[last]:
            if steps == 0:
                return RUNNING
            t, k = int(clock[0]), int(clock[1])
            due = k < last and t == stops[k]
            if due:
                self._measure(t, rows[k])
            e, taken, diverged = self._descend(t, min(int(stops[k + due]) - t, steps), limit)
            if due:
                residuals[k], clock[1] = e[0], k + 1
            clock[0], steps = t + taken, steps - taken
            if diverged:
                if taken > 0 or not due:
                    self._measure(t + taken, rows[clock[1]])
                    residuals[clock[1]] = e[taken]
                return t + taken
        return FINISHED

    def _descend(self, t: int, count: int, limit: float) -> tuple[Array, int, bool]:
        """Take ``count`` steps from t; return e at each, how many were taken, and whether it diverged."""
        if count == 0:
            e = self.residual()
            return e[None], 0, not sum(0.5 * x**2 for x in e) <= limit  # as `descend` has it, to the last bit
        now, psi, dpsi = self.network, self.activation.psi, self.activation.dpsi
        residuals, lam = np.empty((count, self.y.size)), self.lam[t : t + count]
        last = (psi, dpsi, self.eta, lam, limit, residuals)
        if self.rule in ("fa", "bp"):
            feedback = now.b if self.rule == "fa" else now.beta
            taken = loops.descend(self.X, self.y, now.W, now.beta, feedback, *last)
        else:
            taken = learned.descend(self.X, self.y, now.W, now.beta, now.b, self.rule == "hebbian", *last)
        return residuals, int(taken), bool(taken < count)

    def _measure(self, t: int, row: Array) -> None:
        now, start = self.network, self.start
        measure(now.W, now.beta, now.b, start.W, start.beta, self.decay[t], row)
