"""The Gram-space engine: the steps of `fa_ref.loops`, for any ψ, without the weights.

Every step moves wᵣ within the span of the samples, wᵣ(t) = wᵣ(0) + Xᵀ aᵣ(t), and an output depends on wᵣ
through zᵣ = X wᵣ alone. So with K = XXᵀ and Dᵣ = diag ψ′(zᵣ) one step is

    βᵣ ← (1 − ηλ) βᵣ − (η/√p) ψ(zᵣ)·e
    aᵣ ← aᵣ − (η/√p) bᵣ Dᵣ e                    (backpropagation: βᵣ in place of bᵣ)
    bᵣ ← (1 − ηλ) bᵣ − (η/√p) ψ(zᵣ)·s           (where b learns: s = e or −f, see `fa_ref.learned`)
    zᵣ = zᵣ(0) + K aᵣ

and costs 2n² operations a unit in place of 4nd. aᵣ starts from zero, so its roundings stay small beside those of a
sum begun at zᵣ(0), and zᵣ and wᵣ never drift apart. W(t) is recovered when asked for; at a recorded step
‖wᵣ(t) − wᵣ(0)‖² = aᵣᵀ K aᵣ and ‖wᵣ(t)‖² = ‖wᵣ(0)‖² + 2 aᵣ·zᵣ(0) + aᵣᵀ K aᵣ.

Bits depend neither on the number of threads of compiled loops nor on that of BLAS.
"""

import numpy as np
from numba import config
from numpy.typing import NDArray

from fa_ref._support.checks import require_memory
from fa_ref._support.threads import available_threads, one_blas_thread, parallel_kernel
from fa_ref._support.vectors import aligned_zeros
from fa_ref.activations import Activation
from fa_ref.engines.gram.blocks import CALLED, KINDS
from fa_ref.engines.gram.kernels import RULES, Start, Sums, Units, compiled
from fa_ref.engines.gram.tiles import BLOCK_BYTES, TILE, in_tiles
from fa_ref.engines.slices import Clock, Plan, Progress, in_slices
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = ["Gram", "is_well_conditioned"]

Array = NDArray[np.float64]


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

        K = aligned_zeros((m, m), real)
        K[:n, :n] = problem.K
        K[:] = in_tiles(K)
        z_0, a, Psi = (aligned_zeros((blocks, m, lanes), real) for _ in range(3))
        with one_blas_thread():
            R = np.empty((0, 0)) if is_well_conditioned(problem) else np.linalg.qr(problem.X.T, mode="r")
            z_0[:, :n] = _in_blocks(network.W @ problem.X.T, blocks, lanes).transpose(0, 2, 1)
        slopes = np.zeros((blocks, n * lanes if kind == CALLED else 0), dtype=real)
        beta, b = _in_blocks(network.beta, blocks, lanes), _in_blocks(network.b, blocks, lanes)
        z_0, Psi = z_0.reshape(blocks, -1), Psi.reshape(blocks, -1)
        f, cross, moved = (np.zeros((blocks, width), dtype=real) for width in (m, lanes, lanes))
        work = aligned_zeros((config.NUMBA_NUM_THREADS, (m + 3) * lanes), real)  # type: ignore[attr-defined]
        size = np.einsum("rk,rk->r", network.W, network.W)
        self.units = Units(K, z_0, a.reshape(blocks, -1), Psi, slopes, beta, b)
        self.sums = Sums(f, cross, moved, work)
        begun = Start(np.ascontiguousarray(R), size, np.array(network.beta), self.y)
        self.state = (self.units, self.sums, begun, RULES[rule], kind, activation.psi, activation.dpsi)
        decay = np.concatenate([[1.0], np.cumprod(1.0 - eta * lam)])  # c(t)
        self.schedule = (eta, np.ascontiguousarray(lam), decay)
        self.work = n * m * blocks * lanes
        self.kernel = compiled(real)

    @property
    def network(self) -> Network:
        """The weights as they are now, W(t) = W(0) + aᵀX; recovered on every call."""
        n, now = self.problem.n, self.start.copy()
        blocks, lanes = self.units.b.shape
        a = self.units.a.reshape(blocks, -1, lanes)[:, :n].transpose(0, 2, 1).reshape(-1, n)[: now.p]
        with one_blas_thread():
            now.W += a.astype(np.float64) @ self.problem.X
        now.beta[:] = self.units.beta.reshape(-1)[: now.p]
        now.b[:] = self.units.b.reshape(-1)[: now.p]
        return now

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        now, none = np.zeros(1, dtype=np.int64), np.empty((0, self.y.size))
        self._run(Plan(*self.schedule, 0.0, now), np.zeros(2, dtype=np.int64), 0, none, none, refresh=True)
        f = self.sums.f[:, : self.y.size].sum(axis=0, dtype=np.float64)
        return np.asarray(f / np.sqrt(self.start.p) - self.y)

    def advance(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array,
        progress: Progress | None = None,
    ) -> int:  # fmt: skip
        """Record and step as `fa_ref.engines.catalogue.Engine.advance` says."""
        plan = Plan(*self.schedule, limit, stops)

        def run(clock: Clock, steps: int) -> int:
            return self._run(plan, clock, steps, residuals, rows)

        return in_slices(run, int(stops[0]), self.work, progress)

    def _run(
        self, plan: Plan, clock: Clock, steps: int, residuals: Array, rows: Array, *, refresh: bool = False
    ) -> int:
        with parallel_kernel(self.work) as parallel:
            shares = available_threads() if parallel else 1
            return int(self.kernel(*self.state, plan, shares, refresh, clock, steps, residuals, rows))


def _in_blocks(units: Array, blocks: int, lanes: int) -> Array:
    """Pad the first axis, one entry a unit, with zeros, and split it into blocks."""
    padded = np.zeros((blocks * lanes, *units.shape[1:]))
    padded[: len(units)] = units
    return padded.reshape(blocks, lanes, *units.shape[1:])
