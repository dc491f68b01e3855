"""How what the theorems bound scales with the width: exponents fitted to independent runs.

The theory says that p^−½ bounds each of these quantities as p grows; a fit says how fast they fall. For some of
them p^−½ is the true rate, for the kernels only a bound: units move by p^−½ each, with signs that average out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Problem, Setting, Trajectory
from fa_ref._support.checks import as_count
from fa_ref.activations import Activation
from theory.kernels import empirical_G, empirical_H, mean_kernel
from theory.limits import FixedTimeLimit, fixed_time_limit
from validation.judge.fits import Fit, contraction_rate, fit_exponent
from validation.judge.record import reference_run

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["QUANTITIES", "Quantity", "Run", "scalings", "table"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """One run, for its quantities: all of them are measured on the same runs.

    Attributes
    ----------
    trajectory : Trajectory
        Every step, with λ ≡ 0.
    limit : FixedTimeLimit
        The wide limit at the last step.
    """

    trajectory: Trajectory
    limit: FixedTimeLimit

    @property
    def start(self) -> Network:
        """The weights at t = 0."""
        return self.trajectory.setting.start

    @property
    def end(self) -> Network:
        """The weights at the last step."""
        network = self.trajectory.network
        if network is None:
            raise ValueError("trajectory: expected a run that kept its last weights, got one without")
        return network

    def drift(self, kernel: Callable[[Array, Network, Activation], Array]) -> float:
        """‖A(T) − A(0)‖ of an empirical kernel A."""
        X, psi = self.trajectory.setting.problem.X, self.trajectory.setting.activation
        return float(np.linalg.norm(kernel(X, self.end, psi) - kernel(X, self.start, psi), 2))

    def from_the_limit(self) -> float:
        """‖e(T) − e_∞(T)‖, where e_∞ starts from the same e(0)."""
        run = self.trajectory
        limit = self.limit.residuals(run.residuals[0] + run.setting.problem.y)[-1]
        return float(np.linalg.norm(run.residuals[-1] - limit))


@dataclass(frozen=True)
class Quantity:
    """What is measured on a run, and the exponent of p that bounds it.

    Attributes
    ----------
    source : str
        Where the bound comes from.
    bound : float
        The exponent of p in it.
    measure : callable
        `Run` → a positive number.
    """

    source: str
    bound: float
    measure: Callable[[Run], float]


#: Root mean squares over r, where the theory bounds each r.
QUANTITIES: dict[str, Quantity] = {
    "max |cos∠(b, β(t))|": Quantity("Section 4.1", -0.5, lambda run: float(np.abs(run.trajectory.alignment).max())),
    "‖w_r(T) − w_r(0)‖": Quantity("(3.2)", -0.5, lambda run: _rms(run.end.W - run.start.W, run.start.p)),
    "|β_r(T) − β_r(0)|": Quantity("(3.2)", -0.5, lambda run: _rms(run.end.beta - run.start.beta, run.start.p)),
    "‖G(T) − G(0)‖": Quantity("proof of Theorem 3.2", -0.5, lambda run: run.drift(empirical_G)),
    "‖H(T) − H(0)‖": Quantity("proof of Theorem 3.2", -0.5, lambda run: run.drift(empirical_H)),
    "‖e(T) − e_∞(T)‖": Quantity("wide limit at fixed t", -0.5, Run.from_the_limit),
}


def _rms(change: Array, p: int) -> float:
    return float(np.linalg.norm(change)) / float(np.sqrt(p))


def scalings(
    problem: Problem,
    widths: Sequence[int],
    rng: np.random.Generator,
    *,
    activation: str = "tanh",
    eta: float,
    steps: int,
    runs: int = 8,
    confidence: float = 0.95,
    window: tuple[float, float] = (0.0, np.inf),
    quantities: dict[str, Quantity] | None = None,
) -> dict[str, Fit]:
    """Fit the exponent of p in every quantity, at the end of independent runs of Algorithm 1.

    Parameters
    ----------
    problem : Problem
        The same at every width.
    widths : sequence of int
        At least two different ones.
    rng : numpy.random.Generator
        Each run has a network drawn from a generator spawned from it.
    activation, eta, steps :
        As in `fa_ref.train`.
    runs : int, optional
        At each width.
    confidence, window :
        As in `validation.judge.fits.fit_exponent`; widths outside the window are not run.
    quantities : dict of Quantity, optional
        `QUANTITIES` if not given.

    Raises
    ------
    ValueError
        If fewer than three runs are in the window, a quantity is not positive, or a run diverges.

    Examples
    --------
    >>> problem, widths = Problem(np.eye(5), np.ones(5)), [100, 400, 1600]
    >>> fits = scalings(problem, widths, np.random.default_rng(0), eta=0.1, steps=20, runs=4)
    >>> -0.5 in fits["|β_r(T) − β_r(0)|"]
    True
    """
    chosen = QUANTITIES if quantities is None else quantities
    sizes = [p for p in widths if window[0] <= p <= window[1] for _ in range(as_count("runs", runs))]
    limit = fixed_time_limit(problem, activation, [steps], eta=eta)
    values: dict[str, list[float]] = {name: [] for name in chosen}
    for p, child in zip(sizes, rng.spawn(len(sizes)), strict=True):
        run = Run(_train(Setting(problem, None, activation, eta=eta), p, child, steps), limit)
        for name, quantity in chosen.items():
            values[name].append(quantity.measure(run))
    return {name: fit_exponent(sizes, values[name], confidence=confidence) for name in chosen}


def _train(setting: Setting, p: int, rng: np.random.Generator, steps: int) -> Trajectory:
    run = reference_run(setting.replace(network=Network.gaussian(p, setting.problem.d, rng)), steps)
    if run.diverged_at is not None:
        raise ValueError(f"eta: expected a step that converges, got {setting.eta:g}, which diverged at p = {p}")
    return run


def table(seed: int = 0) -> DataFrame:
    """Return the fitted exponents, and the contraction rate of a wide run: five orthonormal inputs, tanh."""
    import pandas as pd

    problem, eta, rng = Problem(np.eye(5), (-1.0) ** np.arange(5)), 0.2, np.random.default_rng(seed)
    widths = [200 * 2**k for k in range(7)]
    fits = scalings(problem, widths, rng, eta=eta, steps=60)
    rows = [
        {
            "quantity": name, "bounded by": f"p^{QUANTITIES[name].bound:g}, {QUANTITIES[name].source}",
            "fitted": f"{fit.slope:.3f}", "95 % limits": f"{fit.low:.3f} to {fit.high:.3f}",
            "window": f"p = {fit.window[0]:g} to {fit.window[1]:g}, {fit.points} runs",
        }
        for name, fit in fits.items()
    ]  # fmt: skip
    kernel = mean_kernel(problem.X, "tanh")
    run = _train(Setting(problem, None, "tanh", eta=eta), widths[-1], rng, 200)
    rate = contraction_rate(run.times, run.residual_norms, eta)
    rows.append(
        {
            "quantity": f"contraction rate a of one run, p = {widths[-1]}",
            "bounded by": f"at least γ/4 = {kernel.gamma / 4:.3f}, (3.1)",
            "fitted": f"a = {rate.slope:.6f} (γ = {kernel.gamma:.6f})",
            "95 % limits": f"{rate.low:.6f} to {rate.high:.6f}",
            "window": f"t = {rate.window[0]:g} to {rate.window[1]:g}, {rate.points} steps",
        }
    )
    return pd.DataFrame(rows)
