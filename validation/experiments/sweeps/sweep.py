"""Sweeps: many independent cells, each computed once, kept as it finishes, and put into one tidy table.

A cell is a dictionary of plain parameters, a run number among them. Its random numbers come from

    SeedSequence(seed, spawn_key = digest of the experiment's name and the parameters),

so its result depends on nothing else: not on the order, the workers, the other cells, or an interruption.
The process that owns the sweep writes each result as it arrives, to a temporary name that is then renamed:
a sweep that is killed, at whatever moment, has lost the cells under way and nothing more, and goes on from there.
What is found on disk counts only if the same code made it: see `validation.experiments.sweeps.provenance`.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import fa_ref
from fa_ref._support.checks import as_count
from fa_ref._support.threads import threads
from validation.experiments.sweeps.options import Progress
from validation.experiments.sweeps.outcome import Estimate, save_table, write_text
from validation.experiments.sweeps.provenance import code_digest
from validation.experiments.sweeps.workers import pool

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Cell", "Row", "Sweep", "cell_rng"]

Cell = Mapping[str, Any]
Row = dict[str, Any]

#: ``work(cell, rng)`` returns the rows of the table that the cell fills, and the name of the engine that ran.
Work = Callable[[Cell, np.random.Generator], tuple[list[Row], str]]

#: Seconds after which a temporary file is one that a killed process left, and no longer being written.
LEFT_OVER = 3600.0

_ONE_CELL_A_PROCESS = threading.Lock()  # compiled loops share one pool of threads


def _digest(experiment: str, cell: Cell, seed: int) -> bytes:
    identity = json.dumps([experiment, seed, sorted(cell.items())], allow_nan=False)
    return hashlib.sha256(identity.encode()).digest()


def cell_rng(experiment: str, cell: Cell, seed: int) -> np.random.Generator:
    """Return the generator from which this cell draws.

    Parameters
    ----------
    experiment : str
        The sweep's name.
    cell : mapping
        Plain parameters: strings, numbers, truth values.
    seed : int
        Entropy of the whole sweep.

    Examples
    --------
    >>> a = cell_rng("figure2", {"p": 200, "run": 0}, seed=0)
    >>> b = cell_rng("figure2", {"run": 0, "p": 200}, seed=0)
    >>> bool(a.random() == b.random())
    True
    """
    words = np.frombuffer(_digest(experiment, cell, seed), dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(int(word) for word in words)))


def _compute(experiment: str, work: Work, cell: Cell, seed: int) -> Row:
    with _ONE_CELL_A_PROCESS, threads(1):
        start = time.perf_counter()
        rows, engine = work(cell, cell_rng(experiment, cell, seed))
        seconds = time.perf_counter() - start
    return {
        "experiment": experiment, "seed": seed, "cell": dict(cell), "engine": engine,
        "version": fa_ref.__version__, "code": code_digest(work), "seconds": seconds, "rows": rows,
    }  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """Independent cells of one experiment.

    Parameters
    ----------
    experiment : str
        Name; part of every cell's identity.
    work : callable
        ``work(cell, rng) -> (rows, engine)``: a function of a module, so that other processes can import it.
        Rows hold plain numbers and strings.
    cells : sequence of mapping
        Plain parameters, all with the same names.
    seed : int
        Entropy of the whole sweep.
    cost : callable, optional
        Relative cost of a cell; the dearest run first, and the time left is estimated with it.

    Raises
    ------
    TypeError
        If a parameter is not plain, or the seed is not an integer.
    ValueError
        If a cell occurs twice, or the seed is negative.

    Examples
    --------
    >>> import tempfile
    >>> def work(cell, rng):
    ...     return [{"mean": round(float(rng.standard_normal(cell["n"]).mean()), 3)}], "numpy"
    >>> sweep = Sweep("example", work, [{"n": n, "run": 0} for n in (10, 1000)], seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = sweep.run(folder)
    >>> list(table.columns), len(table)
    (['experiment', 'n', 'run', 'mean', 'seed', 'engine', 'version', 'code'], 2)
    """

    experiment: str
    work: Work
    cells: Sequence[Cell]
    seed: int = 0
    cost: Callable[[Cell], float] = lambda _: 1.0

    def __post_init__(self) -> None:
        as_count("seed", self.seed, at_least=0)
        for cell in self.cells:
            if any(type(value) not in (str, int, float, bool) for value in cell.values()):
                raise TypeError(f"cells: expected plain strings, numbers and truth values, got {dict(cell)}")
        if len({_digest(self.experiment, cell, self.seed) for cell in self.cells}) < len(self.cells):
            raise ValueError("cells: expected each cell once, got one that occurs twice")

    def path(self, cell: Cell, folder: str | PathLike[str]) -> Path:
        """Where the result of this cell is kept."""
        return Path(folder) / "cells" / f"{_digest(self.experiment, cell, self.seed).hex()[:32]}.json"

    def result(self, cell: Cell, folder: str | PathLike[str]) -> Row | None:
        """Return what is on disk for this cell; None if there is nothing, it is damaged, or other code made it."""
        try:
            found: Row = json.loads(self.path(cell, folder).read_text(encoding="utf-8"))
            whole = (found["code"], found["cell"], found["seed"]) == (code_digest(self.work), dict(cell), self.seed)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return found if whole and _is_whole(found) else None

    def missing(self, folder: str | PathLike[str]) -> list[Cell]:
        """Return the cells not on disk, the dearest first."""
        return sorted((c for c in self.cells if self.result(c, folder) is None), key=self.cost, reverse=True)

    def estimate(
        self, folder: str | PathLike[str], seconds: Callable[[Cell], float], *, jobs: int = 1, resume: bool = True
    ) -> Estimate:
        """Return how long `run` will take, where ``seconds(cell)`` estimates one cell."""
        left = self.missing(folder) if resume else list(self.cells)
        times = [seconds(cell) for cell in left]
        total = max(math.fsum(times) / as_count("jobs", jobs), max(times, default=0.0))
        return Estimate(cells=len(self.cells), finished=len(self.cells) - len(left), seconds=total)

    def run(
        self,
        folder: str | PathLike[str],
        *,
        jobs: int = 1,
        resume: bool = True,
        cluster: str | None = None,
        progress: Progress | None = None,
    ) -> DataFrame:
        """Compute what is missing, and return the table; it is also written to ``folder``.

        Parameters
        ----------
        folder : path
            Holds ``cells/``, one file a cell, ``<experiment>.csv`` and, where pyarrow is installed, ``.parquet``.
        jobs : int, optional
            Processes on this machine.
        resume : bool, optional
            Whether to keep the cells found on disk that the same code made.
        cluster : str, optional
            Address of a Dask scheduler; its workers then do the work in place of ``jobs`` processes.
        progress : callable, optional
            See `Progress`.

        Raises
        ------
        ValueError
            If ``jobs`` is below 1, or Dask is not installed, or the cluster is out of reach or lacks this version.
        RuntimeError
            If the source text was changed while the sweep ran, so that a worker computed with other code.
        """
        jobs = as_count("jobs", jobs)
        (Path(folder) / "cells").mkdir(parents=True, exist_ok=True)
        todo = self.missing(folder) if resume else sorted(self.cells, key=self.cost, reverse=True)
        done, total = len(self.cells) - len(todo), len(self.cells)
        ahead, behind, start = math.fsum(map(self.cost, todo)), 0.0, time.perf_counter()
        if progress:
            progress(done, total, math.nan)
        with pool(cluster, min(jobs, max(1, len(todo)))) as parallel:
            for outcome in _results(parallel, self, todo):
                if outcome["code"] != code_digest(self.work):
                    raise RuntimeError("code: expected the same in all workers, got a source changed in between")
                write_text(self.path(outcome["cell"], folder), json.dumps(outcome))
                done, behind = done + 1, behind + self.cost(outcome["cell"])
                if progress:
                    elapsed = time.perf_counter() - start
                    progress(done, total, elapsed * (ahead - behind) / behind if behind > 0 else math.nan)
        _sweep_out(Path(folder) / "cells")
        table = self.table(folder)
        save_table(table, Path(folder) / self.experiment)
        return table

    def table(self, folder: str | PathLike[str]) -> DataFrame:
        """Return the rows of the finished cells, in the order of ``cells``, with seed, engine, version and code."""
        import pandas as pd

        rows = []
        for cell in self.cells:
            found = self.result(cell, folder)
            if found is not None:
                last = {"seed": self.seed} | {name: found[name] for name in ("engine", "version", "code")}
                rows += [{"experiment": self.experiment, **cell, **row, **last} for row in found["rows"]]
        return pd.DataFrame(rows)


def _results(parallel: Any, sweep: Sweep, cells: Sequence[Cell]) -> Iterator[Row]:
    from joblib import delayed

    tasks = (delayed(_compute)(sweep.experiment, sweep.work, cell, sweep.seed) for cell in cells)
    yield from parallel(tasks)


def _is_whole(found: Row) -> bool:
    rows = found.get("rows")
    return (
        isinstance(rows, list)
        and all(isinstance(row, dict) for row in rows)
        and all(isinstance(found.get(name), str) for name in ("engine", "version"))
    )


def _sweep_out(folder: Path) -> None:
    """Delete what killed processes left half written; another sweep in this folder may be writing right now."""
    for path in folder.glob(".*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > LEFT_OVER:
                path.unlink()
