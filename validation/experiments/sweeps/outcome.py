"""What an experiment hands over, how long it will take, and how its files are written."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fa_ref._support.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

__all__ = ["Clock", "Estimate", "Outcome", "duration", "save_figure", "save_table", "write_text"]


class Outcome(NamedTuple):
    """What an experiment hands over: its table, the files it wrote, and the comparison with the published runs."""

    table: DataFrame
    files: list[Path]
    comparison: Any = None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a dry run says.

    Attributes
    ----------
    cells, finished : int
        How many there are, and how many of them are on disk already.
    seconds : float
        Estimated time for the others.
    """

    cells: int
    finished: int
    seconds: float

    def __str__(self) -> str:
        left = self.cells - self.finished
        return f"{self.cells} cells, {self.finished} finished; about {duration(self.seconds)} for the other {left}"


def duration(seconds: float) -> str:
    """Say how long, to two figures or so.

    Examples
    --------
    >>> duration(7.2), duration(400.0), duration(9000.0)
    ('7 s', '7 min', '2.5 h')
    """
    if not seconds >= 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


class Clock:
    """Seconds of a cell, from a few of its steps; each kind of cell is timed once.

    Parameters
    ----------
    run : callable
        ``run(cell, steps)`` takes so many steps of the cell.
    kind : tuple of str
        Parameters that decide how long a step takes.
    sample : int
        Number of steps that are timed.
    """

    def __init__(self, run: Callable[[Any, int], Any], kind: tuple[str, ...], sample: int) -> None:
        self.run, self.kind, self.sample = run, kind, sample
        self.known: dict[tuple[Any, ...], tuple[float, float]] = {}

    def __call__(self, cell: Any) -> float:
        """Return the estimate for ``cell["steps"]`` steps."""
        kind = tuple(cell[name] for name in self.kind)
        if kind not in self.known:
            times = []
            for steps in (1, 1, 1 + self.sample):  # the first compiles
                start = time.perf_counter()
                self.run(cell, steps)
                times.append(time.perf_counter() - start)
            self.known[kind] = (times[1], max(0.0, times[2] - times[1]) / self.sample)
        fixed, step = self.known[kind]
        return fixed + step * float(cell["steps"])


def write_text(path: Path, text: str) -> None:
    """Write a text file, complete or not at all."""
    write_atomically(path, lambda file: file.write(text.encode()))


def save_table(table: DataFrame, stem: Path) -> None:
    """Write ``stem.csv`` and, where pyarrow is installed, ``stem.parquet``; each complete or not at all."""
    write_text(stem.with_suffix(".csv"), table.to_csv(index=False, lineterminator="\n"))
    if find_spec("pyarrow"):
        write_atomically(stem.with_suffix(".parquet"), lambda file: table.to_parquet(file, index=False))


def save_figure(figure: Figure, path: Path) -> None:
    """Write an SVG without a date, complete or not at all."""
    write_atomically(path, lambda file: figure.savefig(file, format="svg", metadata={"Date": None}))
