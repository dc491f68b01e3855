"""How a sweep is run: what the experiments of Section 5 share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Progress", "SweepOptions"]

#: ``progress(done, total, seconds_left)`` is called after each cell; seconds_left is NaN until it can be known.
Progress = Callable[[int, int, float], None]


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """How a sweep is run; its results depend on the seed alone.

    Attributes
    ----------
    seed : int
        Entropy of the whole sweep.
    jobs : int
        Processes on this machine.
    resume : bool
        Whether to keep the cells found on disk that the same code made.
    cluster : str, optional
        Address of a Dask scheduler; its workers then do the work in place of ``jobs`` processes.
    progress : callable, optional
        See `Progress`.
    dry_run : bool
        Only estimate how long it would take.

    Examples
    --------
    >>> SweepOptions(seed=1, jobs=2).workers
    {'jobs': 2, 'resume': True, 'cluster': None}
    """

    seed: int = 0
    jobs: int = 1
    resume: bool = True
    cluster: str | None = None
    progress: Progress | None = None
    dry_run: bool = False

    @property
    def workers(self) -> dict[str, Any]:
        """Who computes the cells, and which: keywords of `Sweep.run`."""
        return {"jobs": self.jobs, "resume": self.resume, "cluster": self.cluster}
