"""The kernels of the ordered engine: the sums of `fa_ref.loops` and `fa_ref.learned`, each in its order.

Hidden units go in blocks of UNITS that lie side by side in memory: an array of a block holds, input after input or
sample after sample, a row with one number a unit. Every inner loop runs over units, each of which keeps its own sum
in the order of the definition. So it becomes vector instructions without a change of any bit, and threads, which
share out the blocks, change none either. Sums over units are taken by one thread, in their order.

The last block is filled up with copies of the last unit that have βᵣ = bᵣ = 0: they stay where they are, so ψ is
called at no number that it does not meet anyway, and no sum or measure includes them.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import prange, types

from fa_ref._support.compiled import njit
from fa_ref.activations.psi import ENTRYWISE
from fa_ref.engines.ordered.products import UNITS, add_product, squares, weigh
from fa_ref.engines.slices import FINISHED, RUNNING, plan_type
from fa_ref.measures import summarise

__all__ = ["Weights", "Workspace", "advance", "residual"]

TOGETHER = 1024  # numbers at least that ψ is called at together: a call takes as long as some hundred of them


class Weights(NamedTuple):
    """W (blocks, d, UNITS); β, b and the feedback, which is one of them (blocks, UNITS); W(0) and β(0) (p,)."""

    W: Any
    beta: Any
    b: Any
    feedback: Any
    W_0: Any
    beta_0: Any


class Workspace(NamedTuple):
    """Ψ and ψ′ (blocks, n, UNITS); Σᵢ eᵢ Ψᵣᵢ (blocks, UNITS); f and e (n,); the s by which b learns, and its rule.

    s is of length 0 where b stays.
    """

    Psi: Any
    slopes: Any
    sums: Any
    f: Any
    e: Any
    s: Any
    hebbian: Any


cube, matrix, vector, real = types.float64[:, :, ::1], types.float64[:, ::1], types.float64[::1], types.float64
integer, integers = types.int64, types.int64[::1]
weights_type = types.NamedTuple((cube, matrix, matrix, matrix, cube, vector), Weights)
workspace_type = types.NamedTuple((cube, cube, matrix, vector, vector, vector, types.boolean), Workspace)


@njit(cache=True)
def _forward(X, W, activate, Psi, slopes):
    """Write Ψ and ψ′ of some blocks."""
    slopes[:] = 0.0
    for k in range(len(W)):
        add_product(X, W, slopes, k)  # zᵢᵣ = wᵣ·xᵢ
    shape = (slopes.size // UNITS, UNITS)
    activate(slopes.reshape(shape), Psi.reshape(shape))  # ψ(zᵢᵣ) goes to Psi, ψ′(zᵢᵣ) takes the place of zᵢᵣ


@njit(cache=True)
def _update(X_T, now, work, eta, lam, first, last):
    """Take one step with these blocks; a call of its own for each would take as long as a small block."""
    p, sums = now.beta_0.size, work.sums
    rate, shrink = eta / math.sqrt(p), 1.0 - eta * lam
    for k in range(first, last):
        weigh(work.Psi, work.slopes, work.e, now.feedback, rate, sums, k)
        for r in range(UNITS):
            now.beta[k, r] = shrink * now.beta[k, r] - rate * sums[k, r]
        for r in range(p - UNITS * k, UNITS):  # these are no units
            now.beta[k, r] = 0.0
        add_product(X_T, work.slopes, now.W, k)  # wᵣ ← wᵣ − (η/√p) bᵣ Σᵢ eᵢ ψ′(wᵣ·xᵢ) xᵢ
        if work.s.size > 0:
            _learn(now.feedback, work.Psi, work.s, sums, rate, shrink, k, min(UNITS, p - UNITS * k))


@njit(cache=True)
def _learn(feedback, Psi, s, sums, rate, shrink, k, live):
    """`fa_ref.learned.learn`, of a block."""
    sums[k] = 0.0
    for i in range(s.size):
        for r in range(UNITS):
            sums[k, r] += s[i] * Psi[k, i, r]
    for r in range(live):
        feedback[k, r] = shrink * feedback[k, r] - rate * sums[k, r]


@njit(parallel=True, cache=True)
def _forward_threads(X, W, activate, Psi, slopes):
    for k in prange(len(W)):
        _forward(X, W[k : k + 1], activate, Psi[k : k + 1], slopes[k : k + 1])


@njit(parallel=True, cache=True)
def _update_threads(X_T, now, work, eta, lam):
    for k in prange(len(now.W)):
        _update(X_T, now, work, eta, lam, k, k + 1)


@njit(cache=True)
def _answer(beta, Psi, p, f):
    """Write Σᵣ βᵣ Ψᵢᵣ to f[i], for four samples at once, since each sum waits for its last addition."""
    f[:] = 0.0
    fours = f.size - f.size % 4
    for k in range(len(Psi)):
        live = min(UNITS, p - UNITS * k)
        for i in range(0, fours, 4):
            f_0, f_1, f_2, f_3 = f[i], f[i + 1], f[i + 2], f[i + 3]
            for r in range(live):
                f_0 += beta[k, r] * Psi[k, i, r]
                f_1 += beta[k, r] * Psi[k, i + 1, r]
                f_2 += beta[k, r] * Psi[k, i + 2, r]
                f_3 += beta[k, r] * Psi[k, i + 3, r]
            f[i], f[i + 1], f[i + 2], f[i + 3] = f_0, f_1, f_2, f_3
        for i in range(fours, f.size):
            total = f[i]
            for r in range(live):
                total += beta[k, r] * Psi[k, i, r]
            f[i] = total


@njit(types.float64(matrix, vector, weights_type, workspace_type, ENTRYWISE, types.boolean), cache=True)
def residual(X, y, now, work, activate, parallel):
    """Write ψ, ψ′, f and e of the weights as they are; return the loss ½‖e‖²."""
    W, Psi, slopes, f, e, p = now.W, work.Psi, work.slopes, work.f, work.e, now.beta_0.size
    if parallel:
        _forward_threads(X, W, activate, Psi, slopes)
    else:
        few = 1 + TOGETHER // (UNITS * f.size)
        for k in range(0, len(W), few):
            _forward(X, W[k : k + few], activate, Psi[k : k + few], slopes[k : k + few])
    _answer(now.beta, Psi, p, f)
    loss = 0.0
    for i in range(f.size):
        f[i] /= math.sqrt(p)
        e[i] = f[i] - y[i]
        loss += 0.5 * e[i] ** 2
    for i in range(work.s.size):
        work.s[i] = -f[i] if work.hebbian else e[i]
    return loss


@njit(cache=True)
def _measure(now, decay, row):
    """`fa_ref.measures.measure`, of blocks."""
    W, p = now.W, now.beta_0.size
    moved, size = np.empty((len(W), UNITS)), np.empty((len(W), UNITS))
    for k in range(len(W)):
        squares(W, now.W_0, moved, size, k)
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
            if parallel:
                _update_threads(X_T, now, work, plan.eta, plan.lam[t])
            else:
                _update(X_T, now, work, plan.eta, plan.lam[t], 0, len(now.W))
            clock[0], steps = t + 1, steps - 1
    return FINISHED
