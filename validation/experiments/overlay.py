"""The wide-limit predictions drawn over Figure 2: no fitted parameters.

With λ > 0 the alignment at t = θ√p has a limit as p → ∞; the runs end near θ = 5000/14 at every width. Without
penalty it is c/p, and c has a limit. Both depend on the data, and are averaged over draws of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from fa_ref import schedules
from theory.alignment import no_alignment_coefficient
from theory.limits import wide_alignment
from validation.experiments.sweeps import Cell, Row, Sweep, SweepOptions
from validation.experiments.synthetic import draw

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["THETA", "predict"]

#: Where the runs end, in units of √p steps.
THETA = 5000 / 14

#: Width of the teacher whose answers stand for those of an infinitely wide one.
TEACHER_WIDTH = 3200


def predict(out: str | PathLike[str], cells: Sequence[Cell], draws: int, options: SweepOptions) -> DataFrame:
    """Predict for every activation and λ among these cells of Figure 2.

    Returns
    -------
    DataFrame
        One row a draw: ``activation``, ``label`` and ``alignment`` (λ > 0) or ``coefficient`` (p·cos, λ = 0).
    """
    names = ("activation", "label", "preset", "eta", "lam")
    kinds = dict.fromkeys(tuple(cell[name] for name in names) for cell in cells)
    predicted = [
        dict(zip(names, kind, strict=True)) | {"p": TEACHER_WIDTH, "run": run}
        for kind in kinds
        for run in range(draws)
    ]
    sweep = Sweep(
        "figure2-limit",
        _work,
        predicted,
        options.seed,
        cost=lambda cell: 1.0 if cell["activation"] == "linear" else 9.0,
    )
    return sweep.run(out, **options.workers)


def _work(cell: Cell, rng: np.random.Generator) -> tuple[list[Row], str]:
    problem, _ = draw(cell, rng)
    if cell["lam"] == 0.0:
        return [{"coefficient": no_alignment_coefficient(problem, cell["activation"], eta=cell["eta"])}], "limit"
    ridge = schedules.constant(cell["lam"])
    alignment = wide_alignment(problem, cell["activation"], THETA, eta=cell["eta"], ridge=ridge)
    return [{"alignment": float(alignment)}], "limit"
