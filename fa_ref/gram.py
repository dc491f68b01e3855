"""The Gram-space engine: the steps of `fa_ref.loops`, for any ψ, without the weights.

Every step moves wᵣ within the span of the samples, wᵣ(t) = wᵣ(0) + Xᵀ aᵣ(t), and an output depends on wᵣ
through zᵣ = X wᵣ alone. So with K = XXᵀ and Dᵣ = diag ψ′(zᵣ) one step is

    βᵣ ← (1 − ηλ) βᵣ − (η/√p) ψ(zᵣ)·e
    aᵣ ← aᵣ − (η/√p) bᵣ Dᵣ e                    (backpropagation: βᵣ in place of bᵣ)
    zᵣ = zᵣ(0) + K aᵣ

and costs 2n² operations a unit in place of 4nd. aᵣ starts from zero, so its roundings stay small beside those of a
sum begun at zᵣ(0), and zᵣ and wᵣ never drift apart. W(t) is recovered when asked for; at a recorded step
‖wᵣ(t) − wᵣ(0)‖² = aᵣᵀ K aᵣ and ‖wᵣ(t)‖² = ‖wᵣ(0)‖² + 2 aᵣ·zᵣ(0) + aᵣᵀ K aᵣ.

Units go in blocks that lie side by side in memory: a block's arrays hold, sample after sample, one number
a unit, so that every inner loop is a vector instruction over units. K and a block's aᵣ and K aᵣ fit in the fastest
cache, and a step passes over the state once. Sums over blocks have a fixed order: a result has the same
bits with any number of threads. An index is unsigned where it is computed, since Numba
would test a signed one for being negative, in the innermost loop.
"""

from functools import cache

import numpy as np
from numba import njit, prange, types
from numba.extending import overload
from numpy.typing import NDArray

from fa_ref.activations import ACTIVATIONS, SCALAR_FUNCTION, Activation
from fa_ref.checks import require_memory
from fa_ref.measures import summarise
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.vector_math import sigmoid, tanh, widest_vectors

__all__ = ["Gram", "is_well_conditioned"]

Array = NDArray[np.float64]

SERIAL = 200_000  # multiplications a step below which threads cost more than they save
TILE = 5  # K is used TILE × TILE entries at a time; samples are padded with zeros to a multiple
ROW = 512  # bytes of a block's row: 64 units in float64, 128 in float32

# ψ that are compiled in; ψ′ is then a function of ψ. Any other ψ and ψ′ are called, one number at a time.
_IDENTITY, _RELU, _TANH, _SIGMOID, _CALLED = range(5)
_KINDS = {"identity": _IDENTITY, "relu": _RELU, "tanh": _TANH, "sigmoid": _SIGMOID}

_fast = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy")


def _lanes(x):
    """Return the number of units in a block, known when the kernel is compiled."""
    raise NotImplementedError("_lanes: expected to be called from compiled code")


@overload(_lanes)
def _lanes_of_width(x):
    lanes = np.uint64(8 * ROW // x.dtype.bitwidth)
    return lambda x: lanes


@_fast
def _product(K, a, Ka):
    """Write K a to Ka, for the units of a block."""
    widest_vectors()
    L = _lanes(a)
    for k in range(Ka.size):
        Ka[k] = 0.0
    for i in range(0, K.shape[0], TILE):
        i0 = np.uint64(i) * L
        i1 = i0 + L
        i2 = i1 + L
        i3 = i2 + L
        i4 = i3 + L
        for j in range(0, K.shape[0], TILE):
            j0 = np.uint64(j) * L
            j1 = j0 + L
            j2 = j1 + L
            j3 = j2 + L
            j4 = j3 + L
            k00, k01, k02, k03, k04 = K[i, j], K[i, j + 1], K[i, j + 2], K[i, j + 3], K[i, j + 4]
            k10, k11, k12, k13, k14 = K[i + 1, j], K[i + 1, j + 1], K[i + 1, j + 2], K[i + 1, j + 3], K[i + 1, j + 4]
            k20, k21, k22, k23, k24 = K[i + 2, j], K[i + 2, j + 1], K[i + 2, j + 2], K[i + 2, j + 3], K[i + 2, j + 4]
            k30, k31, k32, k33, k34 = K[i + 3, j], K[i + 3, j + 1], K[i + 3, j + 2], K[i + 3, j + 3], K[i + 3, j + 4]
            k40, k41, k42, k43, k44 = K[i + 4, j], K[i + 4, j + 1], K[i + 4, j + 2], K[i + 4, j + 3], K[i + 4, j + 4]
            for r in range(L):
                a0, a1, a2, a3, a4 = a[j0 + r], a[j1 + r], a[j2 + r], a[j3 + r], a[j4 + r]
                Ka[i0 + r] += k00 * a0 + k01 * a1 + k02 * a2 + k03 * a3 + k04 * a4
                Ka[i1 + r] += k10 * a0 + k11 * a1 + k12 * a2 + k13 * a3 + k14 * a4
                Ka[i2 + r] += k20 * a0 + k21 * a1 + k22 * a2 + k23 * a3 + k24 * a4
                Ka[i3 + r] += k30 * a0 + k31 * a1 + k32 * a2 + k33 * a3 + k34 * a4
                Ka[i4 + r] += k40 * a0 + k41 * a1 + k42 * a2 + k43 * a3 + k44 * a4


@_fast
def _project(Psi, e, s):
    """Write ψ(zᵣ)·e to s[r]."""
    widest_vectors()
    L = _lanes(Psi)
    for r in range(L):
        s[r] = 0.0
    for i in range(e.size):
        row = np.uint64(i) * L
        for r in range(L):
            s[r] += e[i] * Psi[row + r]


@_fast
def _move(a, Psi, slopes, e, gain, kind):
    """Add gain[r] Dᵣ e to aᵣ; gain is −(η/√p) times the feedback."""
    widest_vectors()
    L = _lanes(a)
    zero, one = a.dtype.type(0.0), a.dtype.type(1.0)
    for i in range(e.size):
        row, x = np.uint64(i) * L, e[i]
        if kind == _IDENTITY:
            for r in range(L):
                a[row + r] += gain[r] * x
        elif kind == _RELU:
            for r in range(L):
                a[row + r] += gain[r] * x if Psi[row + r] > zero else zero
        elif kind == _TANH:
            for r in range(L):
                a[row + r] += gain[r] * x * ((one - Psi[row + r]) * (one + Psi[row + r]))
        elif kind == _SIGMOID:
            for r in range(L):
                a[row + r] += gain[r] * x * (Psi[row + r] * (one - Psi[row + r]))
        else:
            for r in range(L):
                a[row + r] += gain[r] * x * slopes[row + r]


@_fast
def _activate(z_0, Ka, Psi, slopes, live, n, kind, psi, dpsi):
    """Write ψ(zᵣ(0) + K aᵣ), and ψ′ where it is not a function of ψ."""
    widest_vectors()
    L = _lanes(Psi)
    size, lanes, zero = np.uint64(n) * L, np.int64(L), Psi.dtype.type(0.0)
    if kind == _IDENTITY:
        for k in range(size):
            Psi[k] = z_0[k] + Ka[k]
    elif kind == _RELU:
        for k in range(size):
            z = z_0[k] + Ka[k]
            Psi[k] = z if z > zero else zero
    elif kind == _TANH:
        for k in range(size):
            Psi[k] = tanh(z_0[k] + Ka[k])
    elif kind == _SIGMOID:
        for k in range(size):
            Psi[k] = sigmoid(z_0[k] + Ka[k])
    else:
        for i in range(n):
            for r in range(live):
                z = np.float64(z_0[i * lanes + r] + Ka[i * lanes + r])
                Psi[i * lanes + r], slopes[i * lanes + r] = psi(z), dpsi(z)


@_fast
def _answer(Psi, beta, f):
    """Write the block's share of √p f."""
    widest_vectors()
    L = _lanes(Psi)
    for i in range(f.size):
        row, total = np.uint64(i) * L, beta.dtype.type(0.0)
        for r in range(L):
            total += beta[r] * Psi[row + r]
        f[i] = total


@_fast
def _norms(z_0, a, Ka, cross, moved):
    """Write aᵣ·zᵣ(0) and aᵣᵀ K aᵣ."""
    widest_vectors()
    L = _lanes(a)
    for r in range(L):
        cross[r], moved[r] = 0.0, 0.0
    for i in range(a.size // np.int64(L)):
        row = np.uint64(i) * L
        for r in range(L):
            cross[r] += a[row + r] * z_0[row + r]
            moved[r] += a[row + r] * Ka[row + r]


@_fast
def _step_block(K, z_0, a, Psi, slopes, beta, b, e, rate, shrink, own, kind, psi, dpsi, live, norms, f, cross, moved):
    real, lanes = a.dtype.type, b.size
    s, gain, weights = np.empty(lanes, a.dtype), np.empty(lanes, a.dtype), np.empty(lanes, a.dtype)
    Ka = np.empty(a.size, a.dtype)
    _project(Psi, e, s)
    for r in range(lanes):
        gain[r] = real(-rate * (beta[r] if own else b[r]))
    for r in range(live):  # the others stay zero
        beta[r] = shrink * beta[r] - rate * np.float64(s[r])
    for r in range(lanes):
        weights[r] = real(beta[r])
    _move(a, Psi, slopes, e, gain, kind)
    _product(K, a, Ka)
    _activate(z_0, Ka, Psi, slopes, live, e.size, kind, psi, dpsi)
    _answer(Psi, weights, f)
    if norms:
        _norms(z_0, a, Ka, cross, moved)


@njit(parallel=True)
def _step_threads(K, z_0, a, Psi, slopes, beta, b, e, rate, shrink, own, kind, psi, dpsi, p, norms, f, cross, moved):
    for k in prange(b.shape[0]):
        live = min(b.shape[1], p - b.shape[1] * np.int64(k))
        _step_block(
            K, z_0[k], a[k], Psi[k], slopes[k], beta[k], b[k], e, rate, shrink, own, kind, psi, dpsi, live,
            norms, f[k], cross[k], moved[k],
        )  # fmt: skip


@njit
def _step_serial(K, z_0, a, Psi, slopes, beta, b, e, rate, shrink, own, kind, psi, dpsi, p, norms, f, cross, moved):
    for k in range(b.shape[0]):
        live = min(b.shape[1], p - b.shape[1] * k)
        _step_block(
            K, z_0[k], a[k], Psi[k], slopes[k], beta[k], b[k], e, rate, shrink, own, kind, psi, dpsi, live,
            norms, f[k], cross[k], moved[k],
        )  # fmt: skip


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
def _record(R, a, cross, moved, size_0, beta, b, beta_0, decay, row):
    """Measure. R is empty, or R = QᵀXᵀ, whose ‖R a‖ is ‖Xᵀ a‖ without the cancellation of aᵀ K a."""
    p, lanes = beta_0.size, b.shape[1]
    squares, sizes = np.empty(p), np.empty(p)
    for r in range(p):
        k, lane = r // lanes, r % lanes
        square = max(0.0, np.float64(moved[k, lane]))
        if R.size > 0:
            square = 0.0
            for i in range(R.shape[0]):
                q = 0.0
                for j in range(R.shape[1]):
                    q += R[i, j] * a[k, j * lanes + lane]
                square += q * q
        squares[r] = square
        sizes[r] = max(0.0, size_0[r] + 2.0 * cross[k, lane] + square)
    summarise(squares, sizes, beta.reshape(-1)[:p], b.reshape(-1)[:p], beta_0, decay, row)


def _advance(
    K, R, z_0, a, Psi, slopes, beta, b, f, cross, moved, y, size_0, beta_0, eta, lam, decay, own, kind, psi, dpsi,
    threads, refresh, stops, limit, residuals, rows,
):  # fmt: skip
    p, e, errors = beta_0.size, np.empty(y.size), np.zeros(y.size, a.dtype)
    rate, none = eta / np.sqrt(p), np.zeros(y.size, a.dtype)
    if refresh:  # a step without an error moves nothing
        _step_serial(K, z_0, a, Psi, slopes, beta, b, none, rate, 1.0, own, kind, psi, dpsi, p, True, f, cross, moved)
    for k in range(stops.size - 1):
        start, stop = stops[k], stops[k + 1]
        loss = _residual(f, y, p, e)
        _record(R, a, cross, moved, size_0, beta, b, beta_0, decay[start], rows[k])
        residuals[k] = e
        t = start
        while t < stop and loss <= limit:
            errors[:] = e
            shrink, norms = 1.0 - eta * lam[t], t + 1 == stop
            if threads:
                _step_threads(K, z_0, a, Psi, slopes, beta, b, errors, rate, shrink, own, kind, psi, dpsi, p,
                              norms, f, cross, moved)  # fmt: skip
            else:
                _step_serial(K, z_0, a, Psi, slopes, beta, b, errors, rate, shrink, own, kind, psi, dpsi, p,
                             norms, f, cross, moved)  # fmt: skip
            loss = _residual(f, y, p, e)
            t += 1
        if not loss <= limit and (t < stop or stop == start):
            if t > start:
                _step_serial(K, z_0, a, Psi, slopes, beta, b, none, rate, 1.0, own, kind, psi, dpsi, p,
                             True, f, cross, moved)  # fmt: skip
                _record(R, a, cross, moved, size_0, beta, b, beta_0, decay[t], rows[k + 1])
                residuals[k + 1] = e
            return t
    return -1


@cache
def _compiled(real: str):
    """Return `_advance` for float64 or float32; compiled on first use, then read from disk."""
    x, X = types.Array(getattr(types, real), 1, "C"), types.Array(getattr(types, real), 2, "C")
    v, M, flag = types.float64[::1], types.float64[:, ::1], types.boolean
    return njit(
        types.int64(X, M, X, X, X, X, M, M, X, X, X, v, v, v, types.float64, v, v, flag, types.int64,
                    SCALAR_FUNCTION, SCALAR_FUNCTION, flag, flag, types.int64[::1], types.float64, M, M),
        cache=True,
    )(_advance)  # fmt: skip


def is_well_conditioned(problem: Problem) -> bool:
    """Whether aᵀ K a loses at most five digits: n λ_max(K) / λ_min(K) ≤ 10⁵."""
    return problem.lambda_min > 0 and problem.n * problem.lambda_max <= 1e5 * problem.lambda_min


class Gram:
    """The engine that `fa_ref.train` runs as ``"gram"``; ``real`` is ``"float64"`` or ``"float32"``."""

    name = "gram"

    def __init__(
        self, problem: Problem, network: Network, activation: Activation, eta: float, lam: Array, rule: str,
        real: str = "float64",
    ) -> None:  # fmt: skip
        n, p = problem.n, network.p
        named = activation is ACTIVATIONS.get(activation.name) and activation.name in _KINDS
        kind = _KINDS[activation.name] if named else _CALLED
        lanes = ROW // np.dtype(real).itemsize
        blocks, m = -(-p // lanes), -(-n // TILE) * TILE
        size = blocks * m * lanes
        require_memory(f"p = {p}, n = {n}", 4 * np.dtype(real).itemsize * size + 16 * p * problem.d)
        self.problem, self.start, self.y = problem, network, np.array(problem.y)

        K = np.zeros((m, m), dtype=real)
        K[:n, :n] = problem.K
        R = np.empty((0, 0)) if is_well_conditioned(problem) else np.linalg.qr(problem.X.T, mode="r")
        z_0, a, Psi = (np.zeros((blocks, m, lanes), dtype=real) for _ in range(3))
        z_0[:, :n] = _in_blocks(network.W @ problem.X.T, blocks, lanes).transpose(0, 2, 1)
        slopes = np.zeros((blocks, m * lanes if kind == _CALLED else 0), dtype=real)
        self.beta, b = _in_blocks(network.beta, blocks, lanes), _in_blocks(network.b, blocks, lanes)
        flat = [x.reshape(blocks, -1) for x in (z_0, a, Psi)]
        sums = [np.zeros((blocks, width), dtype=real) for width in (n, lanes, lanes)]
        size_0 = np.einsum("rk,rk->r", network.W, network.W)
        decay = np.concatenate([[1.0], np.cumprod(1.0 - eta * lam)])  # c(t)
        self.a, self.f = a, sums[0]
        self.state = (K, R, *flat, slopes, self.beta, b, *sums, self.y, size_0, network.beta)
        self.rules = (rule == "bp", kind, activation.psi, activation.dpsi, n * size > SERIAL)
        self.schedule = (eta, lam, decay)
        self.kernel = _compiled(real)

    @property
    def network(self) -> Network:
        """The weights as they are now, W(t) = W(0) + aᵀX; recovered on every call."""
        n, now = self.problem.n, self.start.copy()
        a = self.a[:, :n].transpose(0, 2, 1).reshape(-1, n)[: now.p]
        now.W += a.astype(np.float64) @ self.problem.X
        now.beta[:] = self.beta.reshape(-1)[: now.p]
        return now

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        none = np.empty((0, self.y.size))
        self._run(np.zeros(1, dtype=np.int64), 0.0, none, none, refresh=True)
        return np.asarray(self.f.sum(axis=0, dtype=np.float64) / np.sqrt(self.start.p) - self.y)

    def advance(self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array) -> int:
        """Record and step as `fa_ref.engines.Loops.advance` does."""
        return self._run(stops, limit, residuals, rows, refresh=False)

    def _run(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array, *, refresh: bool
    ) -> int:
        return int(self.kernel(*self.state, *self.schedule, *self.rules, refresh, stops, limit, residuals, rows))


def _in_blocks(units: Array, blocks: int, lanes: int) -> Array:
    """Pad the first axis, one entry a unit, with zeros, and split it into blocks."""
    padded = np.zeros((blocks * lanes, *units.shape[1:]))
    padded[: len(units)] = units
    return padded.reshape(blocks, lanes, *units.shape[1:])
