"""The recursion of the reduced engine, in compiled code."""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import types

from fa_ref._support.compiled import njit
from fa_ref.engines.slices import FINISHED, RUNNING, plan_type
from fa_ref.measures import summarise

__all__ = ["Known", "State", "Units", "advance", "times"]


class Known(NamedTuple):
    """K, R with RᵀR = K, y, and the averages of `Statistics`; p as a float."""

    K: Any
    R: Any
    y: Any
    S: Any
    F_b: Any
    F_beta: Any
    b_b: Any
    beta_beta: Any
    b_beta: Any
    weight_square: Any
    b_max: Any
    p: Any


class Units(NamedTuple):
    """F = W(0)Xᵀ (p, n), ‖wᵣ(0)‖², b and β(0) (p,); of length 0 where only averages are known."""

    F: Any
    W_square: Any
    b: Any
    beta: Any


class State(NamedTuple):
    """(c, g, κ), a and u, which move; κ = bᵀβ/√p, K u and e follow from the others."""

    scalars: Any
    a: Any
    u: Any
    Ku: Any
    e: Any


_v, _M, _r = types.float64[::1], types.float64[:, ::1], types.float64
known_type = types.NamedTuple((_M, _M, _v, _M, _v, _v, *(_r,) * 6), Known)
units_type = types.NamedTuple((_M, _v, _v, _v), Units)
state_type = types.NamedUniTuple(_v, 5, State)

#: Inlined always: sums in an order that the compiler chooses, compiled alone and within a caller, need not agree.
_fast = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy", cache=True, forceinline=True)


@_fast
def times(A, x, out):
    """Write A x, for a symmetric A."""
    for i in range(x.size):
        out[i] = 0.0
    for j in range(x.size):
        for i in range(x.size):
            out[i] += A[j, i] * x[j]


@_fast
def _dot(x, z):
    total = 0.0
    for i in range(x.size):
        total += x[i] * z[i]
    return total


@_fast
def _two_dots(x, y, z):
    to_y, to_z = 0.0, 0.0
    for i in range(x.size):
        to_y += x[i] * y[i]
        to_z += x[i] * z[i]
    return to_y, to_z


@_fast
def _descend(known, now, plan, t, stop, fresh):
    """Step from t to ``stop``, or to the first step whose loss is beyond the limit, and write κ, K u and e there.

    ``fresh`` says that they are known at t. The whole loop is one function: what a call takes to receive the arrays
    is a fifth of a step.
    """
    K, S, F_b, F_beta, y, a, u, Ku, e = (
        known.K, known.S, known.F_b, known.F_beta, known.y, now.a, now.u, now.Ku, now.e,
    )  # fmt: skip
    root, c, g, kappa = math.sqrt(known.p), now.scalars[0], now.scalars[1], now.scalars[2]
    while True:
        if not fresh:
            times(K, u, Ku)
            times(S, a, e)
            kappa = c * known.b_beta + _dot(F_b, a) / root + g * known.b_b
            for i in range(e.size):
                e[i] += c * F_beta[i] + (g * F_b[i] - kappa * Ku[i]) / root - y[i]
        if t == stop or not 0.5 * _dot(e, e) <= plan.limit:
            break
        shrink = 1.0 - plan.eta * plan.lam[t]
        g = shrink * g + plan.eta / root * _dot(Ku, e)
        for i in range(e.size):
            a[i] = shrink * a[i] - plan.eta * e[i]
            u[i] += plan.eta * e[i]
        c, t, fresh = shrink * c, t + 1, False
    now.scalars[0], now.scalars[1], now.scalars[2] = c, g, kappa
    return t


@njit(cache=True)
def _record(known, now, root, row):
    """Write what follows from the averages; NaN for what does not. Return ‖Xᵀu‖²."""
    c, g, kappa = now.scalars[0], now.scalars[1], now.scalars[2]
    a, R, b_b = now.a, known.R, known.b_b
    Sa, large = np.empty_like(a), c * root
    times(known.S, a, Sa)
    # ‖β‖² = ‖√p c (β(0)/√p) + (F/√p) a + g (b/√p)‖²
    square = large * large * known.beta_beta + _dot(a, Sa) + g * g * b_b
    square += 2.0 / root * (large * (_dot(known.F_beta, a) + g * known.b_beta) + g * _dot(known.F_b, a))
    moved = 0.0  # ‖Xᵀu‖² = ‖R u‖²
    for i in range(R.shape[0]):
        moved += _dot(R[i], now.u) ** 2
    row[:] = math.nan
    row[1] = math.sqrt(max(0.0, square))
    if row[1] > 0.0 and b_b > 0.0:
        row[0] = kappa / (math.sqrt(b_b) * row[1])
    row[2] = known.b_max * math.sqrt(moved) / root
    row[3] = math.sqrt(moved) / root if b_b > 0.0 else 0.0
    row[7] = known.weight_square + (b_b * moved - 2.0 * _dot(known.F_b, now.u)) / (root * root)
    row[8] = root * math.sqrt(b_b)
    return moved


@njit(cache=True)
def _record_units(units, now, moved, root, row):
    """Measure a network unit by unit."""
    p, c, g = units.F.shape[0], now.scalars[0], now.scalars[1]
    beta, distances, sizes = np.empty(p), np.empty(p), np.empty(p)
    for r in range(p):
        beta_r, along = _two_dots(units.F[r], now.a, now.u)
        beta[r] = c * units.beta[r] + (beta_r + g * units.b[r]) / root
        distances[r] = (units.b[r] / root) ** 2 * moved
        sizes[r] = max(0.0, units.W_square[r] - 2.0 / root * units.b[r] * along + distances[r])
    summarise(distances, sizes, beta, units.b, units.beta, c, row)


@njit(types.int64(known_type, units_type, state_type, plan_type, types.int64[::1], types.int64, _M, _M), cache=True)
def advance(known, units, now, plan, clock, steps, residuals, rows):
    """Take up to so many steps of `Engine.advance` from where the clock is, recording where it says."""
    root, last, fresh = math.sqrt(known.p), plan.stops.size - 1, False
    while clock[1] < last or clock[0] < plan.stops[last]:
        if steps == 0:
            return RUNNING
        t, k = clock[0], clock[1]
        clock[0] = _descend(known, now, plan, t, min(plan.stops[k], t + steps), fresh)
        steps, fresh = steps - (clock[0] - t), True
        diverged = not 0.5 * _dot(now.e, now.e) <= plan.limit
        if diverged or (k < last and clock[0] == plan.stops[k]):
            moved = _record(known, now, root, rows[k])
            if units.F.shape[0] > 0:
                _record_units(units, now, moved, root, rows[k])
            residuals[k] = now.e
            clock[1] += 1
        if diverged:
            return clock[0]
    return FINISHED
