"""What a run leaves behind: residuals, measures, the final network, and how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.storage import read_npz, write_npz
from fa_ref.measures import MEASURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from fa_ref.network import Network

__all__ = ["Trajectory"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trajectory:
    """The record of one run.

    Attributes
    ----------
    times : ndarray of int, shape (m,)
        Recorded steps; the first is 0, the last is the last one reached.
    residuals : ndarray, shape (m, n)
        e(t) = f − y at those steps.
    measures : dict of ndarray, shape (m,)
        See `fa_ref.measures`.
    status : str
        ``"completed"``, ``"stopped"`` (an observer asked for it) or ``"diverged"``.
    diverged_at : int or None
        First step whose loss is not finite or beyond the limit. It is recorded if it is finite.
    settings : dict
        activation, eta, ridge, rule, dtype, steps, n, d, p.
    engine : str
        Which engine ran.
    network : Network or None
        The weights at the end; None after reading from disk.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Network, Problem, train
    >>> problem = Problem(np.eye(2), [1.0, -1.0])
    >>> run = train(problem, Network.gaussian(50, 2, np.random.default_rng(0)), eta=0.5, steps=100)
    >>> run.status, run.times[-1], bool(run.loss[-1] < 1e-6 * run.loss[0])
    ('completed', np.int64(100), True)
    >>> list(run.to_frame().columns[:4])
    ['loss', 'residual_norm', 'alignment', 'beta_norm']
    """

    times: NDArray[np.int64]
    residuals: Array
    measures: dict[str, Array]
    status: str
    diverged_at: int | None
    settings: dict[str, Any]
    engine: str
    network: Network | None = field(default=None, repr=False)

    @property
    def residual_norms(self) -> Array:
        """‖e(t)‖, shape (m,)."""
        return np.linalg.norm(self.residuals, axis=1)

    @property
    def loss(self) -> Array:
        """½‖e(t)‖², shape (m,); without the penalty."""
        return 0.5 * np.sum(self.residuals**2, axis=1)

    @property
    def alignment(self) -> Array:
        """cos∠(b, β(t)), shape (m,)."""
        return self.measures["alignment"]

    def to_frame(self) -> DataFrame:
        """Return one row a recorded step, indexed by ``step``."""
        import pandas as pd

        columns = {"loss": self.loss, "residual_norm": self.residual_norms, **self.measures}
        return pd.DataFrame(columns, index=pd.Index(self.times, name="step"))

    def plot(self, axes: Axes | None = None) -> Axes:
        """Draw ‖e(t)‖ on a logarithmic axis; returns the axes."""
        if axes is None:
            from matplotlib.figure import Figure

            axes = Figure(figsize=(5, 3.2), layout="constrained").subplots()
        axes.semilogy(self.times, self.residual_norms, label=f"p = {self.settings['p']}")
        axes.set(xlabel="step t", ylabel="‖e(t)‖")
        return axes

    def save(self, path: str | PathLike[str]) -> None:
        """Write all but the network to an ``.npz`` file, complete or not at all."""
        header = {
            "status": self.status,
            "diverged_at": self.diverged_at,
            "settings": self.settings,
            "engine": self.engine,
        }
        arrays: dict[str, Any] = {
            "header": np.array(json.dumps(header)),
            "times": self.times,
            "residuals": self.residuals,
        }
        arrays |= {f"measure_{name}": values for name, values in self.measures.items()}
        write_npz(path, arrays)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Trajectory:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            If the file is not such an ``.npz`` file.
        """
        stored = tuple(f"measure_{name}" for name in MEASURES)
        content = read_npz(path, ("header", "times", "residuals", *stored))
        measures = {name: content[f"measure_{name}"] for name in MEASURES}
        return cls(content["times"], content["residuals"], measures, **json.loads(str(content["header"])))
