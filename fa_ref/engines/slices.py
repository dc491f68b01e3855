"""Long compiled runs in slices, so that an interrupt is seen, and progress told, between two of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

__all__ = ["FINISHED", "RUNNING", "Clock", "Plan", "Progress", "in_slices", "plan_type"]


class Plan(NamedTuple):
    """η, λ(t), c(t), the largest loss that is no divergence, and the steps to record."""

    eta: Any
    lam: Any
    decay: Any
    limit: Any
    stops: Any


_vector = types.float64[::1]
plan_type = types.NamedTuple((types.float64, _vector, _vector, types.float64, types.int64[::1]), Plan)

Clock = NDArray[np.int64]  # the step t that comes next, and the number k of the record that comes next
Progress = Callable[[int], None]

FINISHED, RUNNING = -1, -2  # what a slice returns; a step t >= 0 is one whose loss is beyond the limit

SECONDS = 0.1  # of a slice
FIRST = 20_000_000  # multiplications in the first one, whose speed is not known yet
CALL = 500  # multiplications that would take as long as what else there is in a step


def in_slices(run: Callable[[Clock, int], int], start: int, work: int, progress: Progress | None = None) -> int:
    """Call ``run(clock, steps)``, which takes up to so many steps from where the clock is, until it has finished.

    Parameters
    ----------
    run : callable
        Moves the clock on. Returns `RUNNING`, `FINISHED`, or the step at which the run diverged.
    start : int
        The step that comes first.
    work : int
        Multiplications a step.
    progress : callable, optional
        ``progress(t)`` is called after each slice.

    Returns
    -------
    int
        What ``run`` returned last.

    Examples
    --------
    >>> def run(clock, steps):
    ...     clock[0] = min(clock[0] + steps, 1000)
    ...     return FINISHED if clock[0] == 1000 else RUNNING
    >>> in_slices(run, 0, 10**6)
    -1
    """
    clock = np.array([start, 0], dtype=np.int64)
    steps = max(1, FIRST // (work + CALL))
    while True:
        before = time.perf_counter()
        status = int(run(clock, steps))
        if progress:
            progress(int(clock[0]))
        if status != RUNNING:
            return status
        seconds = time.perf_counter() - before
        steps = max(1, int(steps * min(4.0, SECONDS / max(seconds, 1e-9))))
