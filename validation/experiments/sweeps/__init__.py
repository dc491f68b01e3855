"""Sweeps of independent cells: computed in parallel, kept on disk as they finish, put into one table."""

from validation.experiments.sweeps.options import Progress, SweepOptions
from validation.experiments.sweeps.outcome import Clock, Estimate, Outcome, duration, save_figure, write_text
from validation.experiments.sweeps.provenance import code_digest
from validation.experiments.sweeps.sweep import Cell, Row, Sweep, cell_rng

__all__ = [
    "Cell",
    "Clock",
    "Estimate",
    "Outcome",
    "Progress",
    "Row",
    "Sweep",
    "SweepOptions",
    "cell_rng",
    "code_digest",
    "duration",
    "save_figure",
    "write_text",
]
