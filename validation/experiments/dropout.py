"""Dropout as the regulariser: the paper's remark is that it fails to hold alignment at large width.

The set-up is that of Figure 2 with λ = 0. At each step every hidden unit is silenced on each sample with
probability q, independently, and otherwise counts 1/(1 − q) fold, on the forward and on the feedback path alike:

    f = (1/√p) Σᵣ βᵣ (mᵣ ∘ ψᵣ),    βᵣ ← βᵣ − (η/√p) (mᵣ ∘ ψᵣ)·e,    wᵣ ← wᵣ − (η/√p) bᵣ Xᵀ (mᵣ ∘ ψ′ᵣ ∘ e).

Averaged over the masks this penalises β as ridge does with λ ≈ q/(1 − q) · E‖ψᵣ‖²/p, which the width takes away.
Only zᵣ = X wᵣ is kept, since wᵣ moves in the span of the inputs: zᵣ ← zᵣ − (η/√p) bᵣ K (mᵣ ∘ ψ′ᵣ ∘ e).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from fa_ref import Network, Problem
from fa_ref._support.checks import as_count, as_number
from fa_ref.activations import Activation, resolve
from fa_ref.measures import alignment
from validation.experiments.sweeps import Cell, Estimate, Outcome, Progress, Row, Sweep, single_threaded
from validation.experiments.synthetic import WIDTHS, chosen, draw, planned_steps, resolve_preset

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["RATES", "descend_with_dropout", "draw_dropout", "dropout"]

Array = NDArray[np.float64]

ACTIVATIONS = ("linear", "relu", "tanh")
RATES = (0.2, 0.4, 0.6)


@njit(error_model="numpy")
def _step(K, z, beta, feedback, y, masks, keep, psi, dpsi, eta, hidden, e):
    """One step; e is the residual before it. masks[r, i] < keep: unit r speaks on sample i."""
    p, n = z.shape
    root_p, scale = math.sqrt(p), 1.0 / keep
    e[:] = 0.0
    for r in range(p):
        for i in range(n):
            hidden[r, i] = scale * psi(z[r, i]) if masks[r, i] < keep else 0.0
            e[i] += beta[r] * hidden[r, i]
    for i in range(n):
        e[i] = e[i] / root_p - y[i]
    for r in range(p):
        s, g = 0.0, eta / root_p * feedback[r] * scale
        for i in range(n):
            s += e[i] * hidden[r, i]
            hidden[r, i] = g * e[i] * dpsi(z[r, i]) if masks[r, i] < keep else 0.0
        for j in range(n):
            if hidden[r, j] != 0.0:
                for i in range(n):
                    z[r, i] -= K[j, i] * hidden[r, j]
        beta[r] -= eta / root_p * s


def descend_with_dropout(
    problem: Problem,
    network: Network,
    activation: str | Activation,
    rng: np.random.Generator,
    *,
    rate: float,
    eta: float,
    steps: int,
) -> tuple[Array, float]:
    """Run feedback alignment with inverted dropout on the hidden units.

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).
    network : Network
        Weights at the start; left as they are.
    activation : str or Activation
        ψ.
    rng : numpy.random.Generator
        Draws the masks.
    rate : float
        Probability q of silence, 0 ≤ q < 1.
    eta : float
        Step size of the loss ½‖e‖².
    steps : int
        Number of steps.

    Returns
    -------
    beta : ndarray, shape (p,)
        Output weights at the end.
    loss : float
        ½‖e‖² at the end, no unit silenced; NaN or inf if the run diverged.

    Examples
    --------
    >>> problem = Problem(np.eye(3), [1.0, -1.0, 1.0])
    >>> network = Network.gaussian(100, 3, np.random.default_rng(1))
    >>> options = {"eta": 0.1, "steps": 200}
    >>> beta, loss = descend_with_dropout(problem, network, "tanh", np.random.default_rng(2), rate=0.0, **options)
    >>> loss < 1e-6
    True
    """
    psi, rate = resolve(activation), as_number("rate", rate, at_least=0, below=1)
    eta, steps = as_number("eta", eta, above=0), as_count("steps", steps, at_least=0)
    z, beta, K = np.ascontiguousarray(network.W @ problem.X.T), network.beta.copy(), np.array(problem.K)
    masks, hidden, e = np.zeros(z.shape, np.float32), np.empty_like(z), np.empty(problem.n)
    keep = np.float32(1.0 - rate)
    with np.errstate(all="ignore"):  # divergence is a result
        for t in range(steps):
            if rate > 0:
                rng.random(out=masks, dtype=np.float32)
            _step(K, z, beta, network.b, problem.y, masks, keep, psi.psi, psi.dpsi, eta, hidden, e)
            if t % 100 == 0 and not np.isfinite(e).all():
                return beta, math.nan
        residual = beta @ psi(z) / math.sqrt(network.p) - problem.y
        return beta, 0.5 * float(residual @ residual)


def dropout(
    out: str | PathLike[str],
    *,
    activations: Sequence[str] = ACTIVATIONS,
    rates: Sequence[float] = RATES,
    widths: Sequence[int] = WIDTHS,
    runs: int = 2,
    preset: str = "as-run",
    seed: int = 0,
    jobs: int = 1,
    resume: bool = True,
    cluster: str | None = None,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> Outcome | Estimate:
    """Measure the final alignment with dropout in place of the ridge penalty.

    Parameters
    ----------
    out : path
        Folder for ``dropout.csv``, ``dropout.svg`` and the finished cells.
    activations : sequence of str, optional
        Some of linear, relu, tanh.
    rates : sequence of float, optional
        Probabilities of silence.
    widths : sequence of int, optional
        Numbers p of hidden units; ⌊5000√p/14⌋ steps are taken.
    runs : int, optional
        Independent runs a cell.
    preset : {"as-run", "as-printed"}, optional
        Which step sizes.
    seed, jobs, resume, cluster, progress :
        See `validation.experiments.sweeps.Sweep`.
    dry_run : bool, optional
        Only estimate how long it would take.

    Returns
    -------
    Outcome
        One row a run, with ``alignment``, ``loss`` (mean squared, no unit silenced), ``steps`` and ``status``.
    Estimate
        From a dry run.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.
    """
    etas = resolve_preset(preset).eta
    cells = [
        {
            "activation": name, "rate": as_number("rates", rate, at_least=0, below=1), "p": as_count("widths", p),
            "preset": preset, "eta": etas[name], "steps": planned_steps(p), "run": run,
        }
        for name in chosen("activations", activations, ACTIVATIONS) for rate in rates for p in widths
        for run in range(as_count("runs", runs))
    ]  # fmt: skip
    sweep = Sweep("dropout", _work, cells, seed, cost=lambda cell: cell["steps"] * cell["p"])
    if dry_run:
        return sweep.estimate(out, _Clock(), jobs=jobs, resume=resume)
    table = sweep.run(out, jobs=jobs, resume=resume, cluster=cluster, progress=progress)
    image = Path(out) / "dropout.svg"
    draw_dropout(table).savefig(image, metadata={"Date": None})
    return Outcome(table, [Path(out) / "dropout.csv", image])


def _work(cell: Cell, rng: np.random.Generator) -> tuple[list[Row], str]:
    problem, network = draw(cell, rng)
    beta, loss = descend_with_dropout(
        problem, network, cell["activation"], rng, rate=cell["rate"], eta=cell["eta"], steps=cell["steps"]
    )
    if not (math.isfinite(loss) and np.isfinite(beta).all()):
        return [{"alignment": math.nan, "loss": math.nan, "status": "diverged"}], "dropout"
    row = {"alignment": float(alignment(network.b, beta)), "loss": 2 * loss / problem.n, "status": "completed"}
    return [row], "dropout"


class _Clock:
    """Seconds of a cell, from twenty steps of it; each kind of cell is timed once."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, int], float] = {}

    def __call__(self, cell: Cell) -> float:
        kind = (cell["activation"], cell["p"])
        if kind not in self.known:
            rng = np.random.default_rng(0)
            problem, network = draw(cell, rng)
            times = []
            for steps in (1, 20):
                start = time.perf_counter()
                with single_threaded():
                    descend_with_dropout(
                        problem, network, cell["activation"], rng, rate=0.5, eta=cell["eta"], steps=steps
                    )
                times.append(time.perf_counter() - start)
            self.known[kind] = times[1] / 20
        return self.known[kind] * float(cell["steps"])


def draw_dropout(table: DataFrame) -> Figure:
    """Draw the final alignment against the width, mean and SD over runs, one panel an activation."""
    from matplotlib.figure import Figure

    names = list(table["activation"].unique())
    figure = Figure(figsize=(3.2 * len(names), 3.2), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names), sharey=True)), names, strict=True):
        for rate, arm in table[table["activation"] == name].groupby("rate"):
            by_width = arm.groupby("p")["alignment"]
            mean, sd = by_width.mean(), by_width.std(ddof=1).fillna(0.0)
            axes.errorbar(mean.index, mean, sd, marker="o", markersize=3, capsize=2, label=f"q = {rate:g}")
        axes.set(title=name, xlabel="width p", xscale="log")
        axes.legend(frameon=False)
    figure.axes[0].set_ylabel("cos∠(b, β)")
    return figure
