"""A case: everything that decides a run, in one record that is saved, read and replayed bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from os import PathLike
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Problem, schedules, train
from fa_ref._support.storage import read_npz, write_npz
from theory.kernels import MeanKernel, mean_kernel
from validation.judge.claims import Evidence

__all__ = ["Case", "small_case", "small_cases"]

Array = NDArray[np.float64]

#: Powers of ten between which small cases lie: ‖X‖, ‖e(0)‖/‖f‖, η, and ηλ.
SIZE, DISTANCE, STEP, PENALTY = (-3.0, 0.5), (-6.0, 1.0), (-3.0, 2.0), (-4.0, -0.1)


@dataclass(frozen=True)
class Case:
    """A problem, a network and how it is trained.

    Parameters
    ----------
    problem : Problem
        X and y.
    network : Network
        Weights at t = 0.
    activation : str
        ψ, by name.
    eta : float
        Step size.
    lam : ndarray, shape (T,), optional
        λ(0), …, λ(T − 1), and 0 after; empty for Algorithm 1.
    steps : int, optional
        Number of steps.

    Examples
    --------
    >>> case = Case(Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "tanh", 0.1, steps=3)
    >>> case.evidence().residual_norms.round(4)
    array([0.2384, 0.2203, 0.2035, 0.1879])
    """

    problem: Problem
    network: Network
    activation: str
    eta: float
    lam: Array = field(default_factory=lambda: np.zeros(0))
    steps: int = 20

    @property
    def ridge(self) -> schedules.Schedule:
        """λ(t)."""
        return schedules.explicit(self.lam) if np.size(self.lam) else schedules.zero()

    @property
    def kernel(self) -> MeanKernel:
        """Ḡ of the inputs."""
        return _kernel(self.problem.X.tobytes(), self.problem.X.shape, self.activation)

    def evidence(self) -> Evidence:
        """Train, with the ordered loops, and record every step."""
        with single_thread():
            run = train(
                self.problem, self.network, self.activation, eta=self.eta, steps=self.steps, ridge=self.ridge,
                engine="ordered",
            )  # fmt: skip
        return Evidence.of(self.problem, self.network, self.activation, run, ridge=self.ridge, kernel=self.kernel)

    def arrays(self) -> dict[str, Any]:
        """Return all of it as named arrays."""
        return {
            "X": self.problem.X, "y": self.problem.y, "W": self.network.W, "beta": self.network.beta,
            "b": self.network.b, "activation": np.array(self.activation), "eta": np.array(self.eta),
            "lam": np.asarray(self.lam), "steps": np.array(self.steps),
        }  # fmt: skip

    def save(self, path: str | PathLike[str]) -> None:
        """Write the case to an ``.npz`` file, complete or not at all."""
        write_npz(path, self.arrays())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Case:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the file is not such an ``.npz`` file.
        """
        names = ("X", "y", "W", "beta", "b", "activation", "eta", "lam", "steps")
        return cls.of(**read_npz(path, names))

    @classmethod
    def of(
        cls, *, X: Any, y: Any, W: Any, beta: Any, b: Any, activation: Any, eta: Any, lam: Any, steps: Any
    ) -> Case:
        """Build a case from its arrays."""
        problem, network = Problem(X, y), Network(W, beta, b)
        return cls(problem, network, str(activation), float(eta), np.asarray(lam, dtype=np.float64), int(steps))

    def __str__(self) -> str:
        ridge = f", Σλ = {float(np.sum(self.lam)):.3g}" if np.any(self.lam) else ""
        return (
            f"{self.activation}, n = {self.problem.n}, d = {self.problem.d}, p = {self.network.p}, "
            f"η = {self.eta:.4g}{ridge}, {self.steps} steps"
        )


@lru_cache(maxsize=64)
def _kernel(X: bytes, shape: tuple[int, int], activation: str) -> MeanKernel:
    """The mean kernel, which a search that leaves X alone asks for again and again."""
    return mean_kernel(np.frombuffer(X).reshape(shape), activation)


@contextmanager
def single_thread() -> Iterator[None]:
    """Run compiled loops on one thread: the bits are the same, and a small run does not wait for threads."""
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(before)


def small_case(
    activation: str, n: int, d: int, p: int, seed: int, *, size: float, distance: float, step: float,
    penalty: float = 0.0, lasts: int = 0, steps: int = 20,
) -> Case:  # fmt: skip
    """Build a small case from a few numbers, the scales as powers of ten.

    Parameters
    ----------
    activation : str
        ψ, by name.
    n, d, p, seed : int
        Sizes, and the seed of the Gaussian inputs, weights and residual.
    size, distance, step : float
        ‖X‖ is of order 10^size; y differs from the network's output f by 10^distance ‖f‖ times a Gaussian;
        η = 10^step.
    penalty, lasts : float and int, optional
        ηλ = 10^penalty in the first ``lasts`` steps.
    steps : int, optional
        Number of steps.
    """
    rng = np.random.default_rng(seed)
    X = 10.0**size * rng.standard_normal((n, d)) / np.sqrt(d)
    network = Network.gaussian(p, d, rng)
    f = network.output(X, activation)
    y = f + 10.0**distance * np.linalg.norm(f) * rng.standard_normal(n)
    eta = 10.0**step
    return Case(Problem(X, y), network, activation, eta, np.full(lasts, 10.0**penalty / eta), steps)


def small_cases(activation: str = "tanh", *, steps: int = 20) -> Callable[[np.random.Generator], Case]:
    """A law of small cases of every scale: Generator → `Case`.

    n, d ≤ 3 with n ≤ d, p of 20 to 400, ‖X‖ of 10⁻³ to 3 and η of 10⁻³ to 10², targets
    that differ from the network's output by 10⁻⁶ to 10 of its size, and in half the cases a ridge penalty that
    lasts for 1 to 5 steps. `validation.search.strategies.small_cases` has the same cases, for Hypothesis.

    Examples
    --------
    >>> print(small_cases("identity")(np.random.default_rng(3)))
    identity, n = 3, d = 3, p = 40, η = 0.002956, Σλ = 0.568, 20 steps
    """

    def draw(rng: np.random.Generator) -> Case:
        n = int(rng.integers(1, 4))
        d, p, seed = int(rng.integers(n, 4)), int(20 * 20 ** rng.random()), int(rng.integers(2**32))
        scales = {"size": rng.uniform(*SIZE), "distance": rng.uniform(*DISTANCE), "step": rng.uniform(*STEP)}
        lasts = int(rng.integers(1, 6)) if rng.random() < 0.5 else 0
        penalty = rng.uniform(*PENALTY)
        return small_case(activation, n, d, p, seed, **scales, penalty=penalty, lasts=lasts, steps=steps)

    return draw
