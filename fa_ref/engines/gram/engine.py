"""The Gram-space engine: the steps of `fa_ref.loops`, for any ψ, without the weights.

Every step moves wᵣ within the span of the samples, wᵣ(t) = wᵣ(0) + Xᵀ aᵣ(t), and an output depends on wᵣ
through zᵣ = X wᵣ alone. So with K = XXᵀ and Dᵣ = diag ψ′(zᵣ) one step is

    βᵣ ← (1 − ηλ) βᵣ − (η/√p) ψ(zᵣ)·e
    aᵣ ← aᵣ − (η/√p) bᵣ Dᵣ e                    (backpropagation: βᵣ in place of bᵣ)
    zᵣ = zᵣ(0) + K aᵣ

and costs 2n² operations a unit in place of 4nd. aᵣ starts from zero, so its roundings stay small beside those of a
sum begun at zᵣ(0), and zᵣ and wᵣ never drift apart. W(t) is recovered when asked for; at a recorded step
‖wᵣ(t) − wᵣ(0)‖² = aᵣᵀ K aᵣ and ‖wᵣ(t)‖² = ‖wᵣ(0)‖² + 2 aᵣ·zᵣ(0) + aᵣᵀ K aᵣ.

A step passes over the units once, in the blocks of `fa_ref.engines.gram.blocks`; each thread has its share of them.
Sums over blocks have a fixed order, so a result has the same bits with any number of threads.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numba import config, get_num_threads, prange, types
from numpy.typing import NDArray

from fa_ref._support.checks import require_memory
from fa_ref._support.compiled import njit
from fa_ref.activations import Activation
from fa_ref.activations.psi import SCALAR_FUNCTION
from fa_ref.engines.gram.blocks import CALLED, KINDS, answer, fast, learn, norms
from fa_ref.engines.gram.tiles import BLOCK_BYTES, LAYOUT, TILE, in_tiles
from fa_ref.engines.slices import Progress
from fa_ref.measures import summarise
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = ["Gram", "is_well_conditioned"]

Array = NDArray[np.float64]

PAGE = 4096  # bytes
SERIAL = 200_000  # multiplications a step below which threads cost more than they save


@fast
def _step_share(
    K, z_0, a, Psi, slopes, beta, b, e, rate, shrink, own, kind, psi, dpsi, p, backwards, measured, f, cross, moved,
    work, first, last,
):  # fmt: skip
    """Step the blocks first, …, last − 1, or the other way round: the last ones are still near at the next step."""
    real, lanes = a.dtype.type, b.shape[1]
    Ka, rest = work[: a.shape[1]], work[a.shape[1] :]
    s, gain, weights = rest[:lanes], rest[lanes : 2 * lanes], rest[2 * lanes :]
    for j in range(last - first):
        k = last - 1 - j if backwards else first + j
        live = min(lanes, p - lanes * k)
        for r in range(lanes):
            gain[r] = real(-rate * (beta[k, r] if own else b[k, r]))
        learn(Psi[k], slopes[k], a[k], e, gain, s, kind)
        for r in range(live):  # the others stay zero
            beta[k, r] = shrink * beta[k, r] - rate * np.float64(s[r])
        for r in range(lanes):
            weights[r] = real(beta[k, r])
        answer(K, z_0[k], a[k], Psi[k], slopes[k], weights, f[k], live, kind, psi, dpsi)
        if measured:
            norms(K, z_0[k], a[k], Ka, cross[k], moved[k])


@njit(parallel=True)
def _step_threads(
    K, z_0, a, Psi, slopes, beta, b, e, rate, shrink, own, kind, psi, dpsi, p, backwards, measured, f, cross, moved,
    work, shares,
):  # fmt: skip
    blocks = b.shape[0]
    for j in prange(shares):
        _step_share(
            K, z_0, a, Psi, slopes, beta, b, e, rate, shrink, own, kind, psi, dpsi, p, backwards, measured, f,
            cross, moved, work[j], blocks * np.int64(j) // shares, blocks * (np.int64(j) + 1) // shares,
        )  # fmt: skip


@njit
def _step_serial(
    K, z_0, a, Psi, slopes, beta, b, e, rate, shrink, own, kind, psi, dpsi, p, backwards, measured, f, cross, moved,
    work,
):  # fmt: skip
    _step_share(
        K, z_0, a, Psi, slopes, beta, b, e, rate, shrink, own, kind, psi, dpsi, p, backwards, measured, f, cross,
        moved, work[0], 0, b.shape[0],
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
    p, lanes = beta_0.size, cross.shape[1]
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
    K, R, z_0, a, Psi, slopes, beta, b, f, cross, moved, work, y, size_0, beta_0, eta, lam, decay, own, kind, psi,
    dpsi, shares, layout, refresh, stops, limit, residuals, rows,
):  # fmt: skip
    if layout != LAYOUT:  # kept on disk from before a change of fa_ref.engines.gram.tiles: see CONTRIBUTING
        raise RuntimeError(
            "gram: expected code compiled for these tiles, got older code from disk; delete __pycache__"
        )
    p, e, errors = beta_0.size, np.empty(y.size), np.zeros(K.shape[0], a.dtype)
    rate, none = eta / np.sqrt(p), np.zeros(K.shape[0], a.dtype)
    if refresh:  # a step without an error moves nothing
        _step_serial(K, z_0, a, Psi, slopes, beta, b, none, rate, 1.0, own, kind, psi, dpsi, p, False, True, f,
                     cross, moved, work)  # fmt: skip
    for k in range(stops.size - 1):
        start, stop = stops[k], stops[k + 1]
        loss = _residual(f, y, p, e)
        _record(R, a, cross, moved, size_0, beta, b, beta_0, decay[start], rows[k])
        residuals[k] = e
        t = start
        while t < stop and loss <= limit:
            errors[: y.size] = e
            shrink, backwards, measured = 1.0 - eta * lam[t], t % 2 == 1, t + 1 == stop
            if shares > 1:
                _step_threads(K, z_0, a, Psi, slopes, beta, b, errors, rate, shrink, own, kind, psi, dpsi, p,
                              backwards, measured, f, cross, moved, work, shares)  # fmt: skip
            else:
                _step_serial(K, z_0, a, Psi, slopes, beta, b, errors, rate, shrink, own, kind, psi, dpsi, p,
                             backwards, measured, f, cross, moved, work)  # fmt: skip
            loss = _residual(f, y, p, e)
            t += 1
        if not loss <= limit and (t < stop or stop == start):
            if t > start:
                _step_serial(K, z_0, a, Psi, slopes, beta, b, none, rate, 1.0, own, kind, psi, dpsi, p, False,
                             True, f, cross, moved, work)  # fmt: skip
                _record(R, a, cross, moved, size_0, beta, b, beta_0, decay[t], rows[k + 1])
                residuals[k + 1] = e
            return t
    return -1


@cache
def compiled(real: str):
    """Return `_advance` for float64 or float32; compiled on first use, then read from disk."""
    X = types.Array(getattr(types, real), 2, "C")
    v, M, flag, integer = types.float64[::1], types.float64[:, ::1], types.boolean, types.int64
    state = (X, M, X, X, X, X, M, M, X, X, X, X, v, v, v)
    schedule, rules = (types.float64, v, v), (flag, integer, SCALAR_FUNCTION, SCALAR_FUNCTION)
    how = (integer, types.UniTuple(integer, 2), flag)
    return njit(
        integer(*state, *schedule, *rules, *how, types.int64[::1], types.float64, M, M), cache=True
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
        kind = CALLED if activation.kind is None else KINDS.get(activation.kind, CALLED)
        lanes = BLOCK_BYTES // np.dtype(real).itemsize
        blocks, m = -(-p // lanes), -(-n // TILE) * TILE
        size = blocks * m * lanes
        require_memory(f"p = {p}, n = {n}", 4 * np.dtype(real).itemsize * size + 16 * p * problem.d)
        self.problem, self.start, self.y = problem, network, np.array(problem.y)

        K = _aligned((m, m), real)
        K[:n, :n] = problem.K
        K[:] = in_tiles(K)
        R = np.empty((0, 0)) if is_well_conditioned(problem) else np.linalg.qr(problem.X.T, mode="r")
        z_0, a, Psi = (_aligned((blocks, m, lanes), real) for _ in range(3))
        work = _aligned((config.NUMBA_NUM_THREADS, (m + 3) * lanes), real)  # type: ignore[attr-defined]
        z_0[:, :n] = _in_blocks(network.W @ problem.X.T, blocks, lanes).transpose(0, 2, 1)
        slopes = np.zeros((blocks, n * lanes if kind == CALLED else 0), dtype=real)
        self.beta, b = _in_blocks(network.beta, blocks, lanes), _in_blocks(network.b, blocks, lanes)
        flat = [x.reshape(blocks, -1) for x in (z_0, a, Psi)]
        sums = [np.zeros((blocks, width), dtype=real) for width in (m, lanes, lanes)]
        size_0 = np.einsum("rk,rk->r", network.W, network.W)
        decay = np.concatenate([[1.0], np.cumprod(1.0 - eta * lam)])  # c(t)
        self.a, self.f = a, sums[0]
        self.state = (K, R, *flat, slopes, self.beta, b, *sums, work, self.y, size_0, np.array(network.beta))
        self.rules = (rule == "bp", kind, activation.psi, activation.dpsi)
        self.parallel = n * size > SERIAL
        self.schedule = (eta, lam, decay)
        self.kernel = compiled(real)

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
        return np.asarray(self.f[:, : self.y.size].sum(axis=0, dtype=np.float64) / np.sqrt(self.start.p) - self.y)

    def advance(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array,
        progress: Progress | None = None,  # noqa: ARG002
    ) -> int:  # fmt: skip
        """Record and step as `fa_ref.engines.choice.Engine.advance` says."""
        return self._run(stops, limit, residuals, rows, refresh=False)

    def _run(self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array, *, refresh: bool) -> int:
        shares = get_num_threads() if self.parallel else 1
        how = (*self.schedule, *self.rules, shares, LAYOUT, refresh)
        return int(self.kernel(*self.state, *how, stops, limit, residuals, rows))


def _in_blocks(units: Array, blocks: int, lanes: int) -> Array:
    """Pad the first axis, one entry a unit, with zeros, and split it into blocks."""
    padded = np.zeros((blocks * lanes, *units.shape[1:]))
    padded[: len(units)] = units
    return padded.reshape(blocks, lanes, *units.shape[1:])


def _aligned(shape: tuple[int, ...], real: str) -> NDArray[Any]:
    """Return zeros that begin where a page does: no vector lies on two cache lines."""
    size = math.prod(shape) * np.dtype(real).itemsize
    memory = np.zeros(size + PAGE, dtype=np.uint8)
    start = -memory.ctypes.data % PAGE
    return memory[start : start + size].view(real).reshape(shape)
