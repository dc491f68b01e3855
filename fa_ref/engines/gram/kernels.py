"""A step of the Gram-space engine, and a run of them, in compiled code.

A step passes over the units once, in the blocks of `fa_ref.engines.gram.blocks`; each thread has its share of them.
Sums over blocks have a fixed order, so a result has the same bits with any number of threads.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import prange, types

from fa_ref._support.compiled import njit
from fa_ref.activations.psi import SCALAR_FUNCTION
from fa_ref.engines.gram.blocks import answer, fast, learn, norms
from fa_ref.engines.slices import FINISHED, RUNNING, plan_type
from fa_ref.measures import summarise


class Units(NamedTuple):
    """K in tiles; zᵣ(0), aᵣ, ψ and, where it is called, ψ′ (blocks, m·lanes); β and b (blocks, lanes)."""

    K: Any
    z_0: Any
    a: Any
    Psi: Any
    slopes: Any
    beta: Any
    b: Any


class Sums(NamedTuple):
    """Of each block the share of √p f, aᵣ·zᵣ(0) and aᵣᵀ K aᵣ; a row to work in for each thread."""

    f: Any
    cross: Any
    moved: Any
    work: Any


class Start(NamedTuple):
    """R = QᵀXᵀ, or empty; ‖wᵣ(0)‖² and β(0) (p,); y (n,)."""

    R: Any
    size: Any
    beta: Any
    y: Any


FA, BP, KOLEN_POLLACK, HEBBIAN = range(4)  # what the error comes back through, and how it learns
RULES = {"fa": FA, "bp": BP, "kolen-pollack": KOLEN_POLLACK, "hebbian": HEBBIAN}


class Step(NamedTuple):
    """η/√p, 1 − ηλ, the rule, the kind of ψ, p, the direction, and whether to measure."""

    rate: Any
    shrink: Any
    rule: Any
    kind: Any
    p: Any
    backwards: Any
    measured: Any


@fast
def _hebbian_sum(Psi, f, s):
    """Write −ψ(zᵣ)·f to s[r], in two loops over units as `learn` does."""
    lanes = np.uint64(s.size)
    s[:] = 0.0
    for i in range(f.size):
        row, x = np.uint64(i) * lanes, f[i]
        for r in range(lanes):
            s[r] -= x * Psi[row + r]


@fast
def _step_share(units, sums, work, e, f, step, psi, dpsi, first, last):
    """Step the blocks first, …, last − 1, or the other way round: the last ones are still near at the next step."""
    K, beta, real, lanes = units.K, units.beta, units.a.dtype.type, units.b.shape[1]
    Ka, rest = work[: units.a.shape[1]], work[units.a.shape[1] :]
    s, gain, weights = rest[:lanes], rest[lanes : 2 * lanes], rest[2 * lanes :]
    for j in range(last - first):
        k = last - 1 - j if step.backwards else first + j
        z_0, a, Psi, slopes = units.z_0[k], units.a[k], units.Psi[k], units.slopes[k]
        live = min(lanes, step.p - lanes * k)
        for r in range(lanes):
            gain[r] = real(-step.rate * (beta[k, r] if step.rule == BP else units.b[k, r]))
        learn(Psi, slopes, a, e, gain, s, step.kind)
        for r in range(live):  # the others stay zero
            beta[k, r] = step.shrink * beta[k, r] - step.rate * np.float64(s[r])
        if step.rule >= KOLEN_POLLACK:
            if step.rule == HEBBIAN:
                _hebbian_sum(Psi, f, s)
            for r in range(live):
                units.b[k, r] = step.shrink * units.b[k, r] - step.rate * np.float64(s[r])
        for r in range(lanes):
            weights[r] = real(beta[k, r])
        answer(K, z_0, a, Psi, slopes, weights, sums.f[k], live, step.kind, psi, dpsi)
        if step.measured:
            norms(K, z_0, a, Ka, sums.cross[k], sums.moved[k])


@njit(parallel=True)
def _step_threads(units, sums, e, f, step, psi, dpsi, shares):
    blocks = units.b.shape[0]
    for j in prange(shares):
        first, last = blocks * np.int64(j) // shares, blocks * (np.int64(j) + 1) // shares
        _step_share(units, sums, sums.work[j], e, f, step, psi, dpsi, first, last)


@njit
def _step_serial(units, sums, e, f, step, psi, dpsi):
    _step_share(units, sums, sums.work[0], e, f, step, psi, dpsi, 0, units.b.shape[0])


@njit
def _residual(f, y, p, e):
    """Write e = f − y from the blocks' shares of √p f; return ½‖e‖²."""
    loss = 0.0
    for i in range(y.size):
        e[i] = 0.0
    for k in range(f.shape[0]):
        for i in range(y.size):
            e[i] += np.float64(f[k, i])
    for i in range(y.size):
        e[i] = e[i] / np.sqrt(p) - y[i]
        loss += 0.5 * e[i] ** 2
    return loss


@njit
def _record(units, sums, start, decay, row):
    """Measure. With R, ‖R a‖ is ‖Xᵀ a‖ without the cancellation of aᵀ K a."""
    R, p, lanes = start.R, start.beta.size, sums.cross.shape[1]
    squares, sizes = np.empty(p), np.empty(p)
    for r in range(p):
        k, lane = r // lanes, r % lanes
        square = max(0.0, np.float64(sums.moved[k, lane]))
        if R.size > 0:
            square = 0.0
            for i in range(R.shape[0]):
                q = 0.0
                for j in range(R.shape[1]):
                    q += R[i, j] * units.a[k, j * lanes + lane]
                square += q * q
        squares[r] = square
        sizes[r] = max(0.0, start.size[r] + 2.0 * sums.cross[k, lane] + square)
    summarise(squares, sizes, units.beta.reshape(-1)[:p], units.b.reshape(-1)[:p], start.beta, decay, row)


def _advance(units, sums, start, rule, kind, psi, dpsi, plan, shares, refresh, clock, steps, residuals, rows):
    p, m, last = start.beta.size, units.K.shape[0], plan.stops.size - 1
    e, errors, none = np.empty(start.y.size), np.zeros(m, units.a.dtype), np.zeros(m, units.a.dtype)
    outputs = np.zeros(m if rule == HEBBIAN else 0, units.a.dtype)
    rate = plan.eta / np.sqrt(p)
    still = Step(0.0, 1.0, FA, kind, p, False, True)  # moves nothing, where ηb is beyond every float either
    if refresh:
        _step_serial(units, sums, none, none, still, psi, dpsi)
    while clock[1] < last or clock[0] < plan.stops[last]:
        if steps == 0:
            return RUNNING
        t, k = clock[0], clock[1]
        due = k < last and t == plan.stops[k]
        loss = _residual(sums.f, start.y, p, e)
        diverged = not loss <= plan.limit
        if diverged and not due:
            _step_serial(units, sums, none, none, still, psi, dpsi)
        if due or diverged:
            _record(units, sums, start, plan.decay[t], rows[k])
            residuals[k] = e
            clock[1] += 1
        if diverged:
            return t
        if t < plan.stops[last]:
            errors[: e.size] = e
            if rule == HEBBIAN:
                outputs[: e.size] = e + start.y
            shrink, measured = 1.0 - plan.eta * plan.lam[t], t + 1 == plan.stops[clock[1]]
            step = Step(rate, shrink, rule, kind, p, t % 2 == 1, measured)
            if shares > 1:
                _step_threads(units, sums, errors, outputs, step, psi, dpsi, shares)
            else:
                _step_serial(units, sums, errors, outputs, step, psi, dpsi)
            clock[0], steps = t + 1, steps - 1
    return FINISHED


@cache
def compiled(real: str) -> Any:
    """Return `_advance` for float64 or float32; compiled on first use, then read from disk."""
    X = types.Array(getattr(types, real), 2, "C")
    v, M, flag, integer = types.float64[::1], types.float64[:, ::1], types.boolean, types.int64
    units = types.BaseTuple.from_types((X, X, X, X, X, M, M), Units)
    start = types.BaseTuple.from_types((M, v, v, v), Start)
    state = (
        units,
        types.BaseTuple.from_types((X,) * 4, Sums),
        start,
        integer,
        integer,
        SCALAR_FUNCTION,
        SCALAR_FUNCTION,
    )
    how = (plan_type, integer, flag, types.int64[::1], integer)
    return njit(integer(*state, *how, M, M), cache=True)(_advance)
