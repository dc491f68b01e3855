"""Figure 2: alignment against width for each λ, and loss curves at p = 3200.

The set-up is that of `validation.experiments.synthetic`. A run takes ⌊5000√p/14⌋ steps, and goes on until two
readings in a row of the mean squared loss, 1000 steps apart, differed by less than 10⁻³, whenever that was: the
rule of `validation.experiments.stopping`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from fa_ref import Network, Trajectory, schedules, train
from fa_ref._support.checks import as_count, as_number, one_of
from fa_ref._support.threads import threads
from fa_ref.engines.catalogue import DTYPES
from validation.experiments.compare import Comparison, compare_figure2, was_published
from validation.experiments.stopping import READING, SETTLED, Latch, is_reading
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
from validation.experiments.synthetic import LABELS, WIDTHS, chosen, draw, planned_steps, resolve_preset

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["CURVE_WIDTH", "figure2", "figure2_cells", "final"]

#: Width whose loss curves are kept.
CURVE_WIDTH = 3200

#: A run is given up, and says so, when it has not settled by this multiple of the planned steps.
PATIENCE = 20


def figure2(
    out: str | PathLike[str],
    *,
    activations: Sequence[str] = ("linear", "relu", "tanh"),
    labels: Sequence[float] | None = None,
    widths: Sequence[int] = WIDTHS,
    runs: int = 50,
    preset: str = "as-run",
    predictions: int = 5,
    margin: float = 0.03,
    dtype: str = "float64",
    options: SweepOptions = SweepOptions(),
) -> Outcome | Estimate:
    """Run the experiment behind Figure 2.

    Parameters
    ----------
    out : path
        Folder for ``figure2.csv``, ``figure2.svg`` and the finished cells.
    activations : sequence of str, optional
        Some of linear, relu, tanh, sigmoid.
    labels : sequence of float, optional
        Plotted λ, the same for all activations; by default each has its own, see `synthetic.LABELS`.
    widths : sequence of int, optional
        Numbers p of hidden units.
    runs : int, optional
        Independent runs a cell, each with its own inputs, teacher and network.
    preset : {"as-run", "as-printed"}, optional
        How step sizes and penalties are read.
    predictions : int, optional
        Draws of the inputs over which the wide-limit prediction is averaged; 0 leaves it out.
    margin : float, optional
        Of the equivalence tests.
    dtype : {"float64", "float32"}, optional
        Arithmetic of the runs. Linear networks need no more than microseconds a step and are always run in float64.
    options : SweepOptions, optional
        Seed, workers, what is kept, and whether it is only estimated how long it would take
        (predictions apart).

    Returns
    -------
    Outcome
        Its table has one row a run, and more for the loss curves: see `final`. ``comparison`` is that of
        `compare_figure2` if the preset is ``"as-run"``, there are at least 2 runs and a cell was published.
    Estimate
        From a dry run.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what is said above.
    """
    cells = figure2_cells(activations, labels, widths, runs, preset, dtype)
    predictions = as_count("predictions", predictions, at_least=0)
    sweep = Sweep("figure2", _work, cells, options.seed, _cost)
    if options.dry_run:
        return sweep.estimate(
            out, Clock(_steps, ("activation", "p"), 100), jobs=options.jobs, resume=options.resume
        )
    table = sweep.run(out, **options.workers, progress=options.progress)
    files = [Path(out) / "figure2.csv"]
    overlay = None
    if predictions:
        from validation.experiments.overlay import predict

        overlay = predict(out, cells, predictions, options)
        files.append(Path(out) / "figure2-limit.csv")
    from validation.experiments.drawing import draw_figure2

    files.append(Path(out) / "figure2.svg")
    save_figure(draw_figure2(table, overlay), files[-1])
    return Outcome(table, files, _compared(final(table), preset, runs, margin))


def _compared(table: DataFrame, preset: str, runs: int, margin: float) -> Comparison | None:
    if preset != "as-run" or runs < 2 or not was_published(table):
        return None
    return compare_figure2(table, margin=margin)


def figure2_cells(
    activations: Sequence[str],
    labels: Sequence[float] | None,
    widths: Sequence[int],
    runs: int,
    preset: str,
    dtype: str = "float64",
) -> list[Cell]:
    """Return the cells of the sweep; see `figure2`.

    Examples
    --------
    >>> cells = figure2_cells(["relu"], None, [200, 400], runs=50, preset="as-run")
    >>> len(cells), cells[-1]["lam"], cells[-1]["steps"]
    (300, 5.0, 7142)
    """
    rules = resolve_preset(preset)
    one_of("dtype", dtype, DTYPES)
    return [
        {
            "activation": name, "label": as_number("labels", label, at_least=0), "p": as_count("widths", p),
            "preset": preset, "eta": rules.eta[name], "lam": rules.ridge(float(label)), "steps": planned_steps(p),
            "dtype": "float64" if name == "linear" else dtype, "run": run,
        }
        for name in chosen("activations", activations, tuple(LABELS))
        for label in (LABELS[name] if labels is None else labels) for p in widths
        for run in range(as_count("runs", runs))
    ]  # fmt: skip


def final(table: DataFrame) -> DataFrame:
    """Return the rows of the table where a run ended: one a run."""
    return table[table["final"]]


def _cost(cell: Cell) -> float:
    return float(cell["steps"] * (1 if cell["activation"] == "linear" else cell["p"]))


def _work(cell: Cell, rng: np.random.Generator) -> tuple[list[Row], str]:
    problem, network = draw(cell, rng)
    options = {"eta": cell["eta"], "ridge": schedules.constant(cell["lam"]), "dtype": cell["dtype"]}
    rows: list[Row] = []
    for start, stop, every in _stretches(cell):
        run = train(problem, network, cell["activation"], steps=stop - start, record_every=every, **options)
        rows += _rows(run, start)[start > 0 :]
        if run.status == "diverged":
            return _kept(rows, "diverged", curve=cell["p"] == CURVE_WIDTH), run.engine
        end = _settled(rows, cell["steps"])
        if end is not None:
            return _kept(rows[: end + 1], "completed", curve=cell["p"] == CURVE_WIDTH), run.engine
        network = cast(Network, run.network)  # known, as the run began with one
    return _kept(rows, "unsettled", curve=cell["p"] == CURVE_WIDTH), run.engine


def _stretches(cell: Cell) -> Iterator[tuple[int, int, int]]:
    """First and last step of the stretches in which a run is computed, and the steps between records.

    The loss is recorded before the steps 999, 1999, …, and at the planned step.
    """
    planned, first = cell["steps"], READING - 1
    yield (
        0,
        first,
        10 if cell["p"] == CURVE_WIDTH else first,
    )  # a loss curve begins within its first dozens of steps
    start = first
    if planned > first:
        yield first, planned, READING
        start = planned
    stop = start + READING - (start + 1) % READING
    while start < PATIENCE * max(planned, READING):
        yield start, stop, READING if is_reading(start) else stop - start
        # A little too far costs less than to set up the engine at every reading.
        start, stop = stop, stop + READING * max(1, planned // (8 * READING))


def _rows(run: Trajectory, start: int) -> list[Row]:
    n = run.residuals.shape[1]
    readings = zip(run.times, run.loss, run.alignment, strict=True)
    return [{"step": int(start + t), "loss": float(2 * loss / n), "alignment": float(a)} for t, loss, a in readings]


def _settled(rows: list[Row], planned: int) -> int | None:
    """Return where the run is over: the first row, from the planned step on, at which it may end."""
    latch = Latch(SETTLED)
    for k, row in enumerate(rows):
        if is_reading(row["step"]):
            latch.read(row["loss"])
        if latch.open and row["step"] >= planned:
            return k
    return None


def _kept(rows: list[Row], status: str, *, curve: bool) -> list[Row]:
    """Return the last row; before it, for a curve, steps evenly spaced in the logarithm, then every 1000."""
    spaced = {0} | {10 * round(10 ** (k / 8)) for k in range(17)}
    before = [row for row in rows[:-1] if row["step"] in spaced or is_reading(row["step"])] if curve else []
    last = rows[-1] | ({"alignment": math.nan} if status == "diverged" else {})
    return [{**row, "final": row is last, "status": status} for row in (*before, last)]


def _steps(cell: Cell, steps: int) -> None:
    """Take so many steps of a cell, as a worker does."""
    problem, network = draw(cell, np.random.default_rng(0))
    with threads(1):
        train(
            problem, network, cell["activation"], eta=cell["eta"], steps=steps, record_every=steps,
            dtype=cell["dtype"],
        )  # fmt: skip
