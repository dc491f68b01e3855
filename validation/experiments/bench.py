"""How long a step takes: every engine beside the loops, plain NumPy, and PyTorch with and without its autograd.

Implementations are timed in turn, round after round, so that what slows the machine down slows all of them; a ratio
of medians within one table means something, a time taken alone does not. PyTorch is eager, and takes part
if it is installed.
"""

from __future__ import annotations

# Before Numba's threads: loaded after them, PyTorch's tanh takes three times as long.
from validation.experiments import torch_steps  # isort: split

import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fa_ref import Network, Problem, data
from fa_ref._support.checks import as_count, as_number
from fa_ref._support.threads import threads as limited_threads
from fa_ref.activations import resolve
from fa_ref.engines.catalogue import build
from fa_ref.engines.reduced import Statistics
from fa_ref.measures import MEASURES
from validation.experiments.synthetic import chosen

__all__ = ["WIDTHS", "Benchmark", "bench"]

Array = NDArray[np.float64]
Steps = Callable[[int], Any]  #: takes a number of steps, and returns e as it was before the first of them

WIDTHS = (200, 400, 800, 1600, 3200, 6400, 12800)
ACTIVATIONS = ("identity", "relu", "tanh")
#: Step sizes of the published runs, on which nothing diverges.
ETA = {"identity": 4e-5, "relu": 4e-4, "tanh": 4e-3}
MATRIX = 512


@dataclass(frozen=True)
class Benchmark:
    """What `bench` measured.

    Attributes
    ----------
    frame : DataFrame
        One row an activation, width and implementation: median and smallest microseconds a step (``median``,
        ``best``), the loops' median over this median (``times_ordered``), 10⁹ operations a second (``rate``; 2n²p a
        step, for ``gram``) and their fraction of the matrix-multiply rate in the same type (``of_product``).
    machine : dict
        Processor, threads, and the load average before and after.
    """

    frame: pd.DataFrame
    machine: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return what a JSON file holds."""
        rows = self.frame.astype(object).where(self.frame.notna(), None).to_dict(orient="records")
        return {"machine": self.machine, "rows": rows}

    def render(self) -> str:
        """Return a table of plain text for each activation and width."""
        lines = [f"{key}: {value}" for key, value in self.machine.items()]
        for (activation, p), group in self.frame.groupby(["activation", "p"], sort=False):
            lines += ["", f"{activation}, p = {p}"]
            lines.append(f"  {'':<26}{'median':>12}{'best':>12}{'× ordered':>10}{'GFLOP/s':>10}{'of product':>12}")
            for row in group.itertuples():
                label = f"{row.implementation} {row.dtype}"
                line = f"  {label:<26}{row.median:>9.1f} µs{row.best:>9.1f} µs{row.times_ordered:>10.1f}"
                lines.append(line + (f"{row.rate:>10.1f}{row.of_product:>12.0%}" if row.rate == row.rate else ""))
        return "\n".join(lines)


def bench(
    *,
    n: int = 50,
    d: int = 150,
    widths: Sequence[int] = WIDTHS,
    activations: Sequence[str] = ACTIVATIONS,
    rounds: int = 15,
    seconds: float = 0.05,
    threads: int = 2,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Benchmark:
    """Time a step of feedback alignment in every implementation.

    Parameters
    ----------
    n, d : int, optional
        Samples and input dimension.
    widths : sequence of int, optional
        Values of p.
    activations : sequence of str, optional
        Of identity, relu and tanh.
    rounds : int, optional
        Timings an implementation.
    seconds : float, optional
        About how long a timing lasts; recording costs a pass at its start and its end, so not too short.
    threads : int, optional
        Threads of Numba, of the BLAS and of PyTorch; no more than there are.
    seed : int, optional
        Of data and weights.
    progress : callable, optional
        Called with a line of text before each group.

    Returns
    -------
    Benchmark
        Medians and minima, ready to be printed or saved.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.

    Examples
    --------
    >>> small = bench(n=4, d=6, widths=[20], activations=["relu"], rounds=2, seconds=1e-3)
    >>> "gram" in set(small.frame["implementation"])
    True
    """
    seconds = as_number("seconds", seconds, above=0)
    widths, activations = [as_count("widths", p) for p in widths], chosen("activations", activations, ACTIVATIONS)
    count = min(threads, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    machine: dict[str, Any] = {
        "processor": platform.processor() or platform.machine(), "threads": count, "n": n, "d": d,
        "rounds": rounds, "seconds": seconds, "load before": _load(),
    }  # fmt: skip
    with torch_steps.threads(count), limited_threads(count):
        groups = [
            _group(activation, p, n, d, rounds, seconds, np.random.default_rng(seed), progress)
            for activation in activations
            for p in widths
        ]
    return Benchmark(pd.concat(groups, ignore_index=True), {**machine, "load after": _load()})


def _load() -> float:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else math.nan


def _group(
    activation: str, p: int, n: int, d: int, rounds: int, seconds: float, rng: np.random.Generator,
    progress: Callable[[str], None] | None,
) -> pd.DataFrame:  # fmt: skip
    if progress:
        progress(f"{activation}, p = {p}")
    X = data.gaussian_inputs(n, d, rng)
    teacher = (
        data.linear_teacher(X, rng) if activation == "identity" else data.network_teacher(X, p, activation, rng)
    )
    problem, network = Problem(X, teacher), Network.gaussian(p, d, rng)
    runners = dict(_runners(problem, network, activation))
    timings = _interleaved(runners, rounds, seconds)
    products = {dtype: 2e-3 * MATRIX**3 / np.median(timings["product", dtype]) for dtype in ("float64", "float32")}
    ordered = float(np.median(timings["ordered", "float64"]))
    rows = []
    for (name, dtype), values in timings.items():
        median = float(np.median(values))
        rate = 2e-3 * n * n * p / median if name == "gram" else products[dtype] if name == "product" else math.nan
        rows.append({
            "activation": activation, "p": p, "implementation": name, "dtype": dtype, "median": median,
            "best": float(np.min(values)), "times_ordered": ordered / median if name != "product" else math.nan,
            "rate": rate, "of_product": rate / products[dtype],
        })  # fmt: skip
    return pd.DataFrame(rows)


def _runners(problem: Problem, network: Network, activation: str) -> Iterator[tuple[tuple[str, str], Steps]]:
    """Every implementation, as a function that takes a number of steps."""
    eta = ETA[activation]
    for dtype in ("float64", "float32"):
        yield ("product", dtype), _product(dtype)
    yield ("ordered", "float64"), _engine("ordered", problem, network, activation, eta)
    for dtype in ("float64", "float32"):
        yield ("gram", dtype), _engine("gram", problem, network, activation, eta, dtype)
    if activation == "identity":
        yield ("reduced", "float64"), _engine("reduced", problem, Statistics.of(problem, network), activation, eta)
    yield ("numpy", "float64"), _numpy(problem, network, activation, eta)
    yield from torch_steps.runners(problem, network, activation, eta)


def _interleaved(
    runners: dict[tuple[str, str], Steps], rounds: int, seconds: float
) -> dict[tuple[str, str], list[float]]:
    """Microseconds a step of each, one timing of each in every round."""
    counts: dict[tuple[str, str], int] = {}
    timings: dict[tuple[str, str], list[float]] = {key: [] for key in runners}
    for key, run in runners.items():
        run(2)  # compile, and touch the memory
        trials = []
        for _ in range(5):
            start = time.perf_counter()
            run(2)
            trials.append(time.perf_counter() - start)
        counts[key] = max(1, int(2 * seconds / min(trials)))
    for _ in range(rounds):
        for key, run in runners.items():
            _settle()
            run(1 + counts[key] // 4)  # the caches are the other's
            start = time.perf_counter()
            run(counts[key])
            timings[key].append((time.perf_counter() - start) / counts[key] * 1e6)
    return timings


def _settle(slice_: float = 0.01, patience: float = 1.0) -> None:
    """Wait until this process rests: threads, OpenBLAS' for 0.1 s, go on looking for work, and take a core."""
    for _ in range(round(patience / slice_)):
        before = time.process_time()
        time.sleep(slice_)
        if time.process_time() - before < 0.1 * slice_:
            return


def _product(dtype: str) -> Steps:
    A = np.random.default_rng(0).standard_normal((MATRIX, MATRIX)).astype(dtype)
    out = np.empty_like(A)

    def run(steps: int) -> None:
        for _ in range(steps):
            np.matmul(A, A, out=out)

    return run


def _engine(
    name: str, problem: Problem, start: Network | Statistics, activation: str, eta: float, dtype: str = "float64"
) -> Steps:
    most = 100_000
    engine = build(name, problem, start, resolve(activation), eta, np.zeros(most), "fa", dtype)
    engine.residual()
    residuals, rows = np.empty((2, problem.n)), np.empty((2, len(MEASURES)))

    def run(steps: int) -> Array:
        engine.advance(np.array([0, min(steps, most)]), math.inf, residuals, rows)
        return np.asarray(residuals[0])

    return run


def _numpy(problem: Problem, network: Network, activation: str, eta: float) -> Steps:
    X, y, b = problem.X, problem.y, network.b
    W, beta, rate = network.W.copy(), network.beta.copy(), eta / math.sqrt(network.p)

    def step() -> Array:
        Z = X @ W.T
        if activation == "tanh":
            Psi = np.tanh(Z)
            slopes = 1.0 - Psi**2
        elif activation == "relu":
            Psi, slopes = np.maximum(Z, 0.0), (Z > 0.0).astype(np.float64)
        else:
            Psi, slopes = Z, np.ones_like(Z)
        e = Psi @ beta / math.sqrt(network.p) - y
        np.subtract(beta, rate * (e @ Psi), out=beta)
        np.subtract(W, rate * ((slopes * e[:, None] * b).T @ X), out=W)
        return e

    return torch_steps.repeat(step)
