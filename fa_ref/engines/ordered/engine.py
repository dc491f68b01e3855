"""The engine around the kernels: weights into blocks and back, slices, threads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import require_memory
from fa_ref._support.threads import parallel_kernel
from fa_ref._support.vectors import aligned_zeros
from fa_ref.activations import Activation
from fa_ref.engines.ordered.kernels import Weights, Workspace, advance, residual
from fa_ref.engines.ordered.products import UNITS
from fa_ref.engines.slices import Clock, Plan, Progress, in_slices
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = ["Ordered"]

Array = NDArray[np.float64]


class Ordered:
    """The engine that `fa_ref.train` runs as ``"ordered"``."""

    name = "ordered"

    def __init__(
        self, problem: Problem, network: Network, activation: Activation, eta: float, lam: Array, rule: str
    ) -> None:
        n, p, d = problem.n, network.p, network.d
        blocks = -(-p // UNITS)
        require_memory(f"p = {p}, n = {n}, d = {d}", 8 * UNITS * blocks * (3 * d + 2 * n + 7))
        self.start, self.y, self.activate = network, np.array(problem.y), activation.entrywise
        self.X, self.X_T = np.array(problem.X), np.array(problem.X.T, order="C")
        W = _in_blocks(network.W, blocks, fill=network.W[-1:])
        beta, b = (_in_blocks(x[:, None], blocks).reshape(blocks, UNITS) for x in (network.beta, network.b))
        self.now = Weights(W, beta, b, beta if rule == "bp" else b, W.copy(), np.array(network.beta))
        Psi, slopes, sums = (aligned_zeros((blocks, *rows, UNITS)) for rows in ((n,), (n,), ()))
        s = np.empty(0 if rule in ("fa", "bp") else n)
        self.workspace = Workspace(Psi, slopes, sums, np.empty(n), np.empty(n), s, rule == "hebbian")
        decay = np.concatenate([[1.0], np.cumprod(1.0 - eta * lam)])
        self.schedule = (eta, np.ascontiguousarray(lam), decay)
        self.work = 2 * n * d * p

    @property
    def network(self) -> Network:
        """The weights as they are now, copied from their blocks."""
        now, p, d = self.start.copy(), self.start.p, self.start.d
        now.W[:] = self.now.W.transpose(0, 2, 1).reshape(-1, d)[:p]
        now.beta[:] = self.now.beta.reshape(-1)[:p]
        now.b[:] = self.now.b.reshape(-1)[:p]
        return now

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        with parallel_kernel(self.work) as parallel:
            residual(self.X, self.y, self.now, self.workspace, self.activate, parallel)
        return np.array(self.workspace.e)

    def advance(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array,
        progress: Progress | None = None,
    ) -> int:  # fmt: skip
        """Record and step as `fa_ref.engines.catalogue.Engine.advance` says."""
        plan = Plan(*self.schedule, limit, stops)

        def run(clock: Clock, steps: int) -> int:
            with parallel_kernel(self.work) as parallel, np.errstate(all="ignore"):
                return int(advance(self.X, self.X_T, self.y, self.now, self.workspace, self.activate, plan,
                                   parallel, clock, steps, residuals, rows))  # fmt: skip

        return in_slices(run, int(stops[0]), self.work, progress)


def _in_blocks(rows: Array, blocks: int, fill: Array | float = 0.0) -> Array:
    """Put rows, one a unit, side by side in blocks (blocks, numbers, UNITS); ``fill`` fills up the last block."""
    full, width = len(rows) // UNITS, rows.shape[1]
    found = aligned_zeros((blocks, width, UNITS))
    found[:full] = rows[: full * UNITS].reshape(full, UNITS, width).transpose(0, 2, 1)
    if full < blocks:
        rest = rows[full * UNITS :]
        found[full, :, : len(rest)] = rest.T
        found[full, :, len(rest) :] = np.transpose(fill)
    return found
