"""The reduced engine of the rules whose b moves: a linear network in O(n²) a step, whatever the width.

Let Q be the p×m matrix of the m = n + 2 vectors F = W(0)Xᵀ, β(0) and b(0). Linear ψ has Ψᵀ = WXᵀ, so each update of
β, of b and of WXᵀ is a combination of what was in the span of Q before, and stays in it:

    W(t)Xᵀ = Q C,   W(t) = W(0) − Q N X,   β(t) = c β(0) + Q x,   b(t) = c b(0) + Q v,

with m×n matrices C, N, vectors x, v and c = Π(1 − ηλ), which follow

    e = √p Cᵀ Γ (x + c·β(0)) − y,   Γ = QᵀQ/p
    C ← C − (η/√p) d (K e)ᵀ,   N ← N + (η/√p) d eᵀ,   d = v + c·b(0)    (backpropagation: d = x + c·β(0))
    x ← (1 − ηλ) x − (η/√p) C e,   v ← (1 − ηλ) v − (η/√p) C s,   s = e or −f of `fa_ref.learned`

where "+ c·β(0)" adds c to the entry of β(0). p units enter through Γ alone, as in `fa_ref.engines.reduced.engine`.
Under Kolen–Pollack v = x at every step. Where b stays, it is b(0), and v = 0.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from fa_ref._support.checks import require_memory
from fa_ref._support.compiled import njit
from fa_ref._support.threads import one_blas_thread
from fa_ref.engines.reduced.averages import Statistics, require_range
from fa_ref.engines.reduced.kernels import times
from fa_ref.engines.slices import FINISHED, RUNNING, Clock, Plan, Progress, in_slices, plan_type
from fa_ref.measures import summarise
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = ["Span"]

Array = NDArray[np.float64]

FA, BP, KOLEN_POLLACK, HEBBIAN = range(4)
RULES = {"fa": FA, "bp": BP, "kolen-pollack": KOLEN_POLLACK, "hebbian": HEBBIAN}


class Known(NamedTuple):
    """Γ (m, m), K, R with RᵀR = K, y, ‖W(0)‖²/p, p as a float, and the rule."""

    gram: Any
    K: Any
    R: Any
    y: Any
    weight_square: Any
    p: Any
    rule: Any


class Units(NamedTuple):
    """Q (p, m) and ‖wᵣ(0)‖² (p,); of length 0 where only averages are known."""

    Q: Any
    W_square: Any


class State(NamedTuple):
    """C and N (m, n); x and v (m,); c (1,); e (n,); all of β, Γβ and all of b, the c included (m,)."""

    C: Any
    N: Any
    x: Any
    v: Any
    c: Any
    e: Any
    beta: Any
    image: Any
    b: Any


_v, _M, _r, _i = types.float64[::1], types.float64[:, ::1], types.float64, types.int64
known_type = types.NamedTuple((_M, _M, _M, _v, _r, _r, _i), Known)
units_type = types.NamedTuple((_M, _v), Units)
state_type = types.NamedTuple((_M, _M, _v, _v, _v, _v, _v, _v, _v), State)


@njit(cache=True)
def _residual(known, now):
    """Write what follows from the state: all of β and of b, Γβ and e = f − y."""
    n, c = now.e.size, now.c[0]
    now.beta[:], now.b[:] = now.x, now.v
    now.beta[n] += c
    now.b[n + 1] += c if known.rule >= KOLEN_POLLACK else 1.0
    times(known.gram, now.beta, now.image)
    for i in range(n):
        now.e[i] = 0.0
    for j in range(n + 2):
        for i in range(n):
            now.e[i] += now.C[j, i] * now.image[j]
    for i in range(n):
        now.e[i] = math.sqrt(known.p) * now.e[i] - known.y[i]


@njit(cache=True)
def _record(known, now, row):
    """Write what follows from the averages, NaN for what does not."""
    image_b, n = np.empty_like(now.b), now.e.size
    times(known.gram, now.b, image_b)
    inner = max(0.0, np.sum(now.beta * now.image)), max(0.0, np.sum(now.b * image_b)), np.sum(now.b * now.image)
    row[:] = math.nan
    row[1], row[8] = math.sqrt(known.p * inner[0]), math.sqrt(known.p * inner[1])
    if inner[0] > 0.0 and inner[1] > 0.0:
        row[0] = inner[2] / math.sqrt(inner[0] * inner[1])
    square, RN = known.weight_square, np.empty((n + 2, len(known.R)))
    for j in range(n + 2):
        for i in range(len(known.R)):
            RN[j, i] = np.sum(known.R[i] * now.N[j])
    for j in range(n + 2):
        for k in range(n + 2):
            square += np.sum(RN[j] * RN[k]) * known.gram[j, k]
        for i in range(n):
            square -= 2.0 * now.N[j, i] * known.gram[j, i]
    row[7] = square


@njit(cache=True)
def _record_units(known, units, now, row):
    """Measure a network unit by unit."""
    p, n = len(units.Q), now.e.size
    beta, b, distances, sizes = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    moves = np.empty(n)
    for r in range(p):
        q, cross, square = units.Q[r], 0.0, 0.0
        beta[r], b[r], moves[:] = np.sum(q * now.beta), np.sum(q * now.b), 0.0
        for j in range(n + 2):
            for i in range(n):
                moves[i] += q[j] * now.N[j, i]  # wᵣ(t) − wᵣ(0) = −Xᵀ moves
        for i in range(n):
            cross += moves[i] * q[i]
        for i in range(len(known.R)):
            square += np.sum(known.R[i] * moves) ** 2
        distances[r], sizes[r] = square, max(0.0, units.W_square[r] - 2.0 * cross + square)
    summarise(distances, sizes, beta, b, units.Q[:, n].copy(), now.c[0], row)


@njit(cache=True)
def _step(known, now, eta, lam):
    n, gain, shrink = now.e.size, eta / math.sqrt(known.p), 1.0 - eta * lam
    Ke, direction = np.empty(n), now.beta if known.rule == BP else now.b
    times(known.K, now.e, Ke)
    for j in range(n + 2):
        error, output = 0.0, 0.0
        for i in range(n):
            error += now.C[j, i] * now.e[i]
            output += now.C[j, i] * (now.e[i] + known.y[i])
            now.C[j, i] -= gain * direction[j] * Ke[i]
            now.N[j, i] += gain * direction[j] * now.e[i]
        now.x[j] = shrink * now.x[j] - gain * error
        if known.rule == KOLEN_POLLACK:
            now.v[j] = now.x[j]
        elif known.rule == HEBBIAN:
            now.v[j] = shrink * now.v[j] + gain * output
    now.c[0] *= shrink


@njit(types.int64(known_type, units_type, state_type, plan_type, types.int64[::1], types.int64, _M, _M), cache=True)
def advance(known, units, now, plan, clock, steps, residuals, rows):
    """Take up to so many steps of `Engine.advance` from where the clock is, recording where it says."""
    last = plan.stops.size - 1
    while clock[1] < last or clock[0] < plan.stops[last]:
        if steps == 0:
            return RUNNING
        t, k = clock[0], clock[1]
        _residual(known, now)
        diverged = not 0.5 * np.sum(now.e**2) <= plan.limit
        if diverged or (k < last and t == plan.stops[k]):
            _record(known, now, rows[k])
            if len(units.Q) > 0:
                _record_units(known, units, now, rows[k])
            residuals[k] = now.e
            clock[1] += 1
        if diverged:
            return t
        if t < plan.stops[last]:
            _step(known, now, plan.eta, plan.lam[t])
            clock[0], steps = t + 1, steps - 1
    return FINISHED


class Span:
    """The engine that `fa_ref.train` runs as ``"reduced"`` where the error does not come back through a fixed b."""

    name = "reduced"

    def __init__(self, problem: Problem, start: Network | Statistics, eta: float, lam: Array, rule: str) -> None:
        n = problem.n
        self.problem, self.start, self.y = problem, start, np.array(problem.y)
        if isinstance(start, Network):
            require_memory(f"p = {start.p}, n = {n}", 8 * start.p * (n + 6 + 2 * problem.d))
        averages = Statistics.of(problem, start) if isinstance(start, Network) else start
        require_range(averages, problem, eta)
        with one_blas_thread():
            R = np.ascontiguousarray(np.linalg.qr(problem.X.T, mode="r"))
            Q = _vectors(problem, start) if isinstance(start, Network) else np.empty((0, n + 2))
        square = np.sum(start.W**2, axis=1) if isinstance(start, Network) else np.empty(0)
        gram, K = _gram(averages), np.array(problem.K, order="C")
        self.known = Known(gram, K, R, self.y, float(averages.weight_square), float(averages.p), RULES[rule])
        self.units = Units(Q, square)
        x, v, beta, image, b = (np.zeros(n + 2) for _ in range(5))
        C, N = np.eye(n + 2, n), np.zeros((n + 2, n))
        self.now = State(C, N, x=x, v=v, c=np.ones(1), e=np.zeros(n), beta=beta, image=image, b=b)
        self.schedule = (eta, np.ascontiguousarray(lam), np.empty(0))  # c(t) is part of the state

    @property
    def network(self) -> Network | None:
        """The weights as they are now, recovered on every call; None of a network known by its statistics."""
        if not isinstance(self.start, Network):
            return None
        now, state, c, Q = self.start.copy(), self.now, self.now.c[0], self.units.Q
        with one_blas_thread():
            now.W -= Q @ (state.N @ self.problem.X)
            now.beta[:] = c * now.beta + Q @ state.x
            now.b[:] = (c if self.known.rule >= KOLEN_POLLACK else 1.0) * now.b + Q @ state.v
        return now

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        _residual(self.known, self.now)
        return np.array(self.now.e)

    def advance(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array,
        progress: Progress | None = None,
    ) -> int:  # fmt: skip
        """Record and step as `fa_ref.engines.catalogue.Engine.advance` says."""
        plan = Plan(*self.schedule, limit, stops)

        def run(clock: Clock, steps: int) -> int:
            return int(advance(self.known, self.units, self.now, plan, clock, steps, residuals, rows))

        return in_slices(run, int(stops[0]), 5 * (self.y.size + 2) ** 2, progress)


def _vectors(problem: Problem, start: Network) -> Array:
    """Q, a column for each sample, then β(0) and b(0)."""
    return np.ascontiguousarray(np.column_stack([start.W @ problem.X.T, start.beta, start.b]))


def _gram(averages: Statistics) -> Array:
    """Γ = QᵀQ/p."""
    n, root = averages.F_b.size, math.sqrt(averages.p)
    gram = np.empty((n + 2, n + 2))
    gram[:n, :n] = averages.S
    gram[:n, n] = gram[n, :n] = averages.F_beta / root
    gram[:n, n + 1] = gram[n + 1, :n] = averages.F_b / root
    gram[n:, n:] = [
        [averages.beta_beta, averages.b_beta / root],
        [averages.b_beta / root, averages.b_b],
    ]
    return gram
