"""The ordered engine: the sums of `fa_ref.loops` and `fa_ref.learned`, each in its order, so the same bits, faster.

Hidden units go in blocks of UNITS that lie side by side in memory: an array of a block holds, input after input or
sample after sample, a row with one number a unit. Every inner loop runs over units, each of which keeps its own sum
in the order of the definition. So it becomes vector instructions without a change of any bit, and threads, which
share out the blocks, change none either. Sums over units are taken by one thread, in their order.

The last block is filled up with copies of the last unit that have βᵣ = bᵣ = 0: they stay where they are, so ψ is
called at no number that it does not meet anyway, and no sum or measure includes them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import prange, types
from numpy.typing import NDArray

from fa_ref._support.checks import require_memory
from fa_ref._support.compiled import njit
from fa_ref._support.threads import parallel_kernel
from fa_ref.activations import Activation
from fa_ref.activations.psi import ENTRYWISE
from fa_ref.engines.slices import FINISHED, RUNNING, Clock, Plan, Progress, in_slices, plan_type
from fa_ref.measures import summarise
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = ["Ordered"]

Array = NDArray[np.float64]

UNITS = 32  # hidden units in a block


class Weights(NamedTuple):
    """W (blocks, d, UNITS); β, b and the feedback, which is one of them (blocks, UNITS); W(0) and β(0) (p,)."""

    W: Any
    beta: Any
    b: Any
    feedback: Any
    W_0: Any
    beta_0: Any


class Workspace(NamedTuple):
    """Ψ and ψ′ (blocks, n, UNITS); f and e (n,); the s by which b learns, of length 0 where it stays; its rule."""

    Psi: Any
    slopes: Any
    f: Any
    e: Any
    s: Any
    hebbian: Any


cube, matrix, vector, real = types.float64[:, :, ::1], types.float64[:, ::1], types.float64[::1], types.float64
integer, integers = types.int64, types.int64[::1]
weights_type = types.NamedTuple((cube, matrix, matrix, matrix, cube, vector), Weights)
workspace_type = types.NamedTuple((cube, cube, vector, vector, vector, types.boolean), Workspace)


@njit(cache=True)
def add_product(A, B, C):
    """Add to C[i, r] the terms A[i, k] B[k, r], for k = 0, 1, 2, … in turn, for the units r of a block.

    Eight terms come at a visit, what is left over one by one. The bits are the same.
    """
    terms = B.shape[0]
    eights = terms - terms % 8
    for i in range(C.shape[0]):
        for k in range(0, eights, 8):
            for r in range(UNITS):
                C[i, r] = (
                    C[i, r]
                    + A[i, k] * B[k, r] + A[i, k + 1] * B[k + 1, r]
                    + A[i, k + 2] * B[k + 2, r] + A[i, k + 3] * B[k + 3, r]
                    + A[i, k + 4] * B[k + 4, r] + A[i, k + 5] * B[k + 5, r]
                    + A[i, k + 6] * B[k + 6, r] + A[i, k + 7] * B[k + 7, r]
                )  # fmt: skip
        for k in range(eights, terms):
            for r in range(UNITS):
                C[i, r] += A[i, k] * B[k, r]


@njit(cache=True)
def _forward_block(X, W, activate, Psi, slopes):
    slopes[:] = 0.0
    add_product(X, W, slopes)  # zᵢᵣ = wᵣ·xᵢ
    activate(slopes, Psi)  # to Psi goes ψ(zᵢᵣ), in the place of zᵢᵣ comes ψ′(zᵢᵣ)


@njit(cache=True)
def _update_block(X_T, W, beta, feedback, e, s, eta, lam, Psi, slopes, p, live):
    gain, total = np.empty(UNITS), np.zeros(UNITS)
    for r in range(UNITS):
        gain[r] = -eta / math.sqrt(p) * feedback[r]
    for i in range(e.size):
        for r in range(UNITS):
            slopes[i, r] *= gain[r] * e[i]
            total[r] += e[i] * Psi[i, r]
    for r in range(live):  # the others stay zero
        beta[r] = (1.0 - eta * lam) * beta[r] - eta / math.sqrt(p) * total[r]
    add_product(X_T, slopes, W)  # wᵣ ← wᵣ − (η/√p) bᵣ Σᵢ eᵢ ψ′(wᵣ·xᵢ) xᵢ
    if s.size > 0:  # `fa_ref.learned.learn`
        total[:] = 0.0
        for i in range(s.size):
            for r in range(UNITS):
                total[r] += s[i] * Psi[i, r]
        for r in range(live):
            feedback[r] = (1.0 - eta * lam) * feedback[r] - eta / math.sqrt(p) * total[r]


@njit(parallel=True, cache=True)
def _forward_threads(X, W, activate, Psi, slopes):
    for k in prange(len(W)):
        _forward_block(X, W[k], activate, Psi[k], slopes[k])


@njit(parallel=True, cache=True)
def _update_threads(X_T, W, beta, feedback, e, s, eta, lam, Psi, slopes, p):
    for k in prange(len(W)):
        live = min(UNITS, p - UNITS * k)
        _update_block(X_T, W[k], beta[k], feedback[k], e, s, eta, lam, Psi[k], slopes[k], p, live)


@njit(types.float64(matrix, vector, weights_type, workspace_type, ENTRYWISE, types.boolean), cache=True)
def residual(X, y, now, work, activate, parallel):
    """Write ψ, ψ′, f and e of the weights as they are; return the loss ½‖e‖²."""
    Psi, f, e, p = work.Psi, work.f, work.e, now.beta_0.size
    if parallel:
        _forward_threads(X, now.W, activate, Psi, work.slopes)
    else:
        for k in range(len(now.W)):
            _forward_block(X, now.W[k], activate, Psi[k], work.slopes[k])
    for i in range(f.size):
        f[i] = 0.0
    for k in range(len(Psi)):
        for i in range(f.size):
            for r in range(min(UNITS, p - UNITS * k)):
                f[i] += now.beta[k, r] * Psi[k, i, r]
    loss = 0.0
    for i in range(f.size):
        f[i] /= math.sqrt(p)
        e[i] = f[i] - y[i]
        loss += 0.5 * e[i] ** 2
    for i in range(work.s.size):
        work.s[i] = -f[i] if work.hebbian else e[i]
    return loss


@njit(cache=True)
def _update(X_T, now, work, eta, lam, parallel):
    p = now.beta_0.size
    if parallel:
        _update_threads(X_T, now.W, now.beta, now.feedback, work.e, work.s, eta, lam, work.Psi, work.slopes, p)
    else:
        for k in range(len(now.W)):
            live = min(UNITS, p - UNITS * k)
            _update_block(X_T, now.W[k], now.beta[k], now.feedback[k], work.e, work.s, eta, lam,
                          work.Psi[k], work.slopes[k], p, live)  # fmt: skip


@njit(cache=True)
def _measure(now, decay, row):
    """`fa_ref.measures.measure`, of blocks."""
    W, W_0, p = now.W, now.W_0, now.beta_0.size
    moved, size = np.zeros((len(W), UNITS)), np.zeros((len(W), UNITS))
    for j in range(len(W)):
        for k in range(W.shape[1]):
            for r in range(UNITS):
                moved[j, r] += (W[j, k, r] - W_0[j, k, r]) ** 2
                size[j, r] += W[j, k, r] ** 2
    beta, b = now.beta.reshape(-1)[:p], now.b.reshape(-1)[:p]
    summarise(moved.reshape(-1)[:p], size.reshape(-1)[:p], beta, b, now.beta_0, decay, row)


@njit(types.int64(matrix, matrix, vector, weights_type, workspace_type, ENTRYWISE, plan_type, types.boolean,
                  integers, integer, matrix, matrix), cache=True)  # fmt: skip
def advance(X, X_T, y, now, work, activate, plan, parallel, clock, steps, residuals, rows):
    """Take up to so many steps of `Engine.advance` from where the clock is, recording where it says."""
    last = plan.stops.size - 1
    while clock[1] < last or clock[0] < plan.stops[last]:
        if steps == 0:
            return RUNNING
        t, k = clock[0], clock[1]
        loss = residual(X, y, now, work, activate, parallel)
        due = k < last and t == plan.stops[k]
        diverged = not loss <= plan.limit
        if due or diverged:
            _measure(now, plan.decay[t], rows[k])
            residuals[k] = work.e
            clock[1] += 1
        if diverged:
            return t
        if t < plan.stops[last]:
            _update(X_T, now, work, plan.eta, plan.lam[t], parallel)
            clock[0], steps = t + 1, steps - 1
    return FINISHED


class Ordered:
    """The engine that `fa_ref.train` runs as ``"ordered"``."""

    name = "ordered"

    def __init__(
        self, problem: Problem, network: Network, activation: Activation, eta: float, lam: Array, rule: str
    ) -> None:
        n, p, d = problem.n, network.p, network.d
        blocks = -(-p // UNITS)
        more = UNITS * blocks - p
        require_memory(f"p = {p}, n = {n}, d = {d}", 8 * UNITS * blocks * (3 * d + 2 * n + 6))
        self.start, self.y, self.activate = network, np.array(problem.y), activation.entrywise
        self.X, self.X_T = np.array(problem.X), np.array(problem.X.T, order="C")
        units = np.pad(network.W, ((0, more), (0, 0)), "edge").reshape(blocks, UNITS, d)
        W = np.ascontiguousarray(units.transpose(0, 2, 1))
        beta, b = (np.pad(x, (0, more)).reshape(blocks, UNITS) for x in (network.beta, network.b))
        self.now = Weights(W, beta, b, beta if rule == "bp" else b, W.copy(), network.beta.copy())
        Psi, slopes = np.empty((blocks, n, UNITS)), np.empty((blocks, n, UNITS))
        s = np.empty(0 if rule in ("fa", "bp") else n)
        self.workspace = Workspace(Psi, slopes, np.empty(n), np.empty(n), s, rule == "hebbian")
        decay = np.concatenate([[1.0], np.cumprod(1.0 - eta * lam)])
        self.schedule = (eta, np.ascontiguousarray(lam), decay)
        self.work = 2 * n * d * p

    @property
    def network(self) -> Network:
        """The weights as they are now, copied from their blocks."""
        now, p = self.start.copy(), self.start.p
        now.W[:] = self.now.W.transpose(0, 2, 1).reshape(-1, now.d)[:p]
        now.beta[:] = self.now.beta.reshape(-1)[:p]
        now.b[:] = self.now.b.reshape(-1)[:p]
        return now

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        with parallel_kernel(self.work) as parallel:
            residual(self.X, self.y, self.now, self.workspace, self.activate, parallel)
        return self.workspace.e.copy()

    def advance(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array,
        progress: Progress | None = None,
    ) -> int:  # fmt: skip
        """Record and step as `fa_ref.engines.choice.Engine.advance` says."""
        plan = Plan(*self.schedule, limit, stops)

        def run(clock: Clock, steps: int) -> int:
            with parallel_kernel(self.work) as parallel, np.errstate(all="ignore"):
                return int(advance(self.X, self.X_T, self.y, self.now, self.workspace, self.activate, plan,
                                   parallel, clock, steps, residuals, rows))  # fmt: skip

        return in_slices(run, int(stops[0]), self.work, progress)
