"""The engine that holds a linear network as coefficients of the expansion of β(t) and W(t)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number, require_memory
from fa_ref._support.threads import one_blas_thread
from fa_ref.engines.reduced.averages import Statistics, require_range
from fa_ref.engines.reduced.kernels import Known, State, Units, advance
from fa_ref.engines.slices import Clock, Plan, Progress, in_slices
from fa_ref.measures import MEASURES
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule

__all__ = ["Coefficients", "Reduced", "expansion"]

Array = NDArray[np.float64]


class Coefficients(NamedTuple):
    """The expansion of β(t) and W(t) at one time, Section 6.

    β(t) = c β(0) + (1/√p)(W(0)Xᵀ a + g b) and W(t) = W(0) − (1/√p) b (Xᵀu)ᵀ.
    """

    c: float
    a: Array
    g: float
    u: Array

    def network(self, problem: Problem, start: Network) -> Network:
        """Return the network of time t that began as ``start``."""
        now, root = start.copy(), math.sqrt(start.p)
        with one_blas_thread():
            now.W -= np.outer(start.b, problem.X.T @ self.u / root)
            now.beta[:] = self.c * start.beta + (start.W @ (problem.X.T @ self.a) + self.g * start.b) / root
        return now


class Reduced:
    """The engine that `fa_ref.train` runs as ``"reduced"``, from a network or from `Statistics`."""

    name = "reduced"

    def __init__(self, problem: Problem, start: Network | Statistics, eta: float, lam: Array) -> None:
        n = problem.n
        self.problem, self.start, self.y = problem, start, np.array(problem.y)
        if isinstance(start, Network):
            require_memory(f"p = {start.p}, n = {n}", 8 * start.p * (n + 4 + 2 * problem.d))
        self.units = _units(problem, start)
        known = Statistics.of(problem, start, self.units.F) if isinstance(start, Network) else start
        if known.F_b.shape != (n,):
            raise ValueError(
                f"network: expected statistics of {n} samples, those of the problem, got {known.F_b.size}"
            )
        require_range(known, problem, eta)
        with one_blas_thread():
            R = np.ascontiguousarray(np.linalg.qr(problem.X.T, mode="r"))
        self.known = Known(
            np.array(problem.K, order="C"), R, self.y, np.array(known.S, order="C"),
            np.array(known.F_b), np.array(known.F_beta),
            float(known.b_b), float(known.beta_beta), float(known.b_beta), float(known.weight_square),
            float(known.b_max), float(known.p),
        )  # fmt: skip
        self.now = State(np.array([1.0, 0.0, 0.0]), *(np.zeros(n) for _ in range(4)))
        self.schedule = (eta, np.ascontiguousarray(lam), np.empty(0))  # c(t) is part of the state

    @property
    def coefficients(self) -> Coefficients:
        """The expansion as it is now."""
        c, g = (float(number) for number in self.now.scalars[:2])
        return Coefficients(c, self.now.a.copy(), g, self.now.u.copy())

    @property
    def network(self) -> Network | None:
        """The weights as they are now, recovered on every call; None of a network known by its statistics."""
        return self.coefficients.network(self.problem, self.start) if isinstance(self.start, Network) else None

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        known, (c, a, g, u) = self.known, self.coefficients
        with one_blas_thread():
            kappa = c * known.b_beta + known.F_b @ a / math.sqrt(known.p) + g * known.b_b
            moved = (g * known.F_b - kappa * (known.K @ u)) / math.sqrt(known.p)
            return np.asarray(c * known.F_beta + known.S @ a + moved - self.y)

    def advance(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array,
        progress: Progress | None = None,
    ) -> int:  # fmt: skip
        """Record and step as `fa_ref.engines.catalogue.Engine.advance` says."""
        plan = Plan(*self.schedule, limit, stops)

        def run(clock: Clock, steps: int) -> int:
            return int(advance(self.known, self.units, self.now, plan, clock, steps, residuals, rows))

        return in_slices(run, int(stops[0]), 2 * self.y.size**2, progress)


def _units(problem: Problem, start: Network | Statistics) -> Units:
    if isinstance(start, Statistics):
        return Units(np.empty((0, problem.n)), *(np.empty(0) for _ in range(3)))
    with one_blas_thread():
        F = start.W @ problem.X.T
    return Units(F, np.sum(start.W**2, axis=1), np.array(start.b), np.array(start.beta))


def expansion(
    problem: Problem, start: Network | Statistics, *, eta: float, steps: int, ridge: Schedule | None = None
) -> Coefficients:
    """Return the coefficients of β(t) in β(0), W(0)Xᵀ and b after ``steps`` steps (Section 6).

    Examples
    --------
    >>> problem = Problem([[1.0, 0.0], [0.0, 2.0]], [1.0, 1.0])
    >>> start = Network.gaussian(100, 2, np.random.default_rng(0))
    >>> c, a, g, u = expansion(problem, start, eta=0.1, steps=50)
    >>> c, bool(np.allclose(a, -u))  # without a penalty β(0) stays, and a is −η Σ e
    (1.0, True)
    """
    eta, steps = as_number("eta", eta, above=0), as_count("steps", steps, at_least=0)
    engine = Reduced(problem, start, eta, (ridge or schedules.zero()).values(steps))
    engine.advance(np.array([0, steps]), math.inf, np.empty((2, problem.n)), np.empty((2, len(MEASURES))))
    return engine.coefficients
