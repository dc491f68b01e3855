"""Dropout as the regulariser: the paper's remark is that it fails to hold alignment at large width.

The set-up is that of Figure 2 with λ = 0. At each step every hidden unit is silenced on each sample with
probability q, independently, and otherwise counts 1/(1 − q) fold, on the forward and on the feedback path alike:

    f = (1/√p) Σᵣ βᵣ (mᵣ ∘ ψᵣ),    βᵣ ← βᵣ − (η/√p) (mᵣ ∘ ψᵣ)·e,    wᵣ ← wᵣ − (η/√p) bᵣ Xᵀ (mᵣ ∘ ψ′ᵣ ∘ e).

A run ends by a latched rule of its own: the alignment is read before the steps 999, 1999, …, and two readings in a
row that differ by less than 10⁻⁴ permit the end (`validation.experiments.stopping`). What the width does and what
that rule does are two things: `theory.limits.dropout` has the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fa_ref import Setting
from fa_ref._support.checks import as_count, as_number
from fa_ref._support.threads import threads
from fa_ref.adapters import eta_from_mean_squared_step
from validation.experiments.dropout_run import descend_with_dropout
from validation.experiments.stopping import READING, Latch, is_reading, readings
from validation.experiments.sweeps import (
    Cell,
    Clock,
    Estimate,
    Outcome,
    Row,
    Sweep,
    SweepOptions,
    save_figure,
)
from validation.experiments.synthetic import WIDTHS, N, chosen, draw, planned_steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["RATES", "SETTLED", "STEPS", "draw_dropout", "dropout"]

#: Update steps on the mean squared loss. Linear and ReLU have the reverse of Figure 2's.
STEPS = {"linear": 1e-2, "relu": 1e-3, "tanh": 1e-1}

#: Probabilities of silence.
RATES = {"linear": (0.4, 0.6), "relu": (0.4, 0.6), "tanh": (0.5, 0.7, 0.9)}

#: Change of the alignment from one reading to the next at which a run may end.
SETTLED = 1e-4


def dropout(
    out: str | PathLike[str],
    *,
    activations: Sequence[str] = tuple(STEPS),
    rates: Sequence[float] | None = None,
    widths: Sequence[int] = WIDTHS,
    runs: int = 2,
    patience: float = 20.0,
    options: SweepOptions = SweepOptions(),
) -> Outcome | Estimate:
    """Measure the alignment with dropout in place of the ridge penalty, at the planned step and where a run ends.

    Parameters
    ----------
    out : path
        Folder for ``dropout.csv``, ``dropout.svg`` and the finished cells.
    activations : sequence of str, optional
        Some of linear, relu, tanh.
    rates : sequence of float, optional
        Probabilities of silence, the same for all activations; by default each has its own, see `RATES`.
    widths : sequence of int, optional
        Numbers p of hidden units; at least ⌊5000√p/14⌋ steps are taken.
    runs : int, optional
        Independent runs a cell.
    patience : float, optional
        A run that may not end by this multiple of the planned steps is given up, with status ``"unsettled"``.
    options : SweepOptions, optional
        Seed, workers, what is kept, and whether it is only estimated how long it would take: of
        the planned steps, as a run takes more where its alignment does not settle.

    Returns
    -------
    Outcome
        One row a run: ``step`` and ``alignment`` where it ended, ``loss`` (mean squared, no unit silenced),
        ``planned_alignment``, ``permitted`` (the reading that permitted the end) and ``status``.
    Estimate
        From a dry run.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.
    """
    patience = as_number("patience", patience, at_least=1)
    cells = [
        {
            "activation": name, "rate": as_number("rates", rate, at_least=0, below=1), "p": as_count("widths", p),
            "eta": eta_from_mean_squared_step(STEPS[name], N), "steps": planned_steps(p), "patience": patience,
            "run": run,
        }
        for name in chosen("activations", activations, tuple(STEPS))
        for rate in (RATES[name] if rates is None else rates) for p in widths
        for run in range(as_count("runs", runs))
    ]  # fmt: skip
    sweep = Sweep("dropout", _work, cells, options.seed, cost=lambda cell: cell["steps"] * cell["p"])
    if options.dry_run:
        return sweep.estimate(out, Clock(_steps, ("activation", "p"), 20), jobs=options.jobs, resume=options.resume)
    table = sweep.run(out, **options.workers, progress=options.progress)
    image = Path(out) / "dropout.svg"
    save_figure(draw_dropout(table), image)
    return Outcome(table, [Path(out) / "dropout.csv", image])


def _setting(cell: Cell, rng: np.random.Generator) -> Setting:
    return Setting(*draw(cell, rng), cell["activation"], eta=cell["eta"])


def _work(cell: Cell, rng: np.random.Generator) -> tuple[list[Row], str]:
    setting, planned = _setting(cell, rng), cell["steps"]
    latch, seen = Latch(SETTLED), {"planned_alignment": np.nan, "permitted": -1}

    def over(t: int, alignment: float) -> bool:
        if is_reading(t) and not latch.open and latch.read(alignment):
            seen["permitted"] = t
        if t == planned:
            seen["planned_alignment"] = alignment
        return latch.open and t >= planned

    times = sorted({0, planned, *readings(max(int(cell["patience"] * planned), READING))})
    run = descend_with_dropout(setting, rng, rate=cell["rate"], times=times, over=over)
    status = "unsettled" if run.status == "completed" else "completed" if run.status == "stopped" else "diverged"
    diverged = status == "diverged"
    row = {
        "step": int(run.times[-1]), "alignment": np.nan if diverged else float(run.alignment[-1]),
        "loss": np.nan if diverged else float(2 * run.loss[-1] / N), **seen, "status": status,
    }  # fmt: skip
    return [row], "dropout"


def _steps(cell: Cell, steps: int) -> None:
    rng = np.random.default_rng(0)
    with threads(1):
        descend_with_dropout(_setting(cell, rng), rng, rate=0.5, times=[steps])


def draw_dropout(table: DataFrame) -> Figure:
    """Draw the final alignment against the width, mean and SD over runs, one panel an activation."""
    from matplotlib.figure import Figure

    names = list(table["activation"].unique())
    figure = Figure(figsize=(3.2 * len(names), 3.2), layout="constrained")
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names), sharey=True)), names, strict=True):
        for k, (rate, arm) in enumerate(table[table["activation"] == name].groupby("rate")):
            by_width = arm.groupby("p")["alignment"]
            mean, sd = by_width.mean(), by_width.std(ddof=1).fillna(0.0)
            axes.errorbar(mean.index, mean, sd, color=f"C{k}", marker="o", markersize=3, label=f"q = {rate:g}")
            planned = arm.groupby("p")["planned_alignment"].mean()
            axes.plot(planned.index, planned, color=f"C{k}", linestyle=":", label=f"q = {rate:g}, planned step")
        axes.set(title=name, xlabel="width p", xscale="log")
        axes.legend(frameon=False, fontsize=7)
    figure.axes[0].set_ylabel("cos∠(b, β)")
    return figure
