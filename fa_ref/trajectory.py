"""What a run leaves behind: residuals, measures, the final network, and how it ended."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_count, as_number, one_of
from fa_ref._support.notebook import axes_or_new, html_table
from fa_ref._support.records import as_reals, as_times
from fa_ref._support.storage import parse_json, read_npz, write_npz
from fa_ref._support.text import one_line
from fa_ref._support.truth import NoTruthValue
from fa_ref.activations import Activation
from fa_ref.measures import MEASURES
from fa_ref.setting import Setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from fa_ref.network import Network

__all__ = ["STATUSES", "NotRecordedError", "Trajectory"]

Array = NDArray[np.float64]

STATUSES = ("completed", "stopped", "diverged")


class NotRecordedError(LookupError):
    """A measure was asked for that the run does not bring."""


class Measures(dict[str, Array]):
    """What was measured, by name; a name that was not recorded is answered with those that were.

    Examples
    --------
    >>> Measures(alignment=np.zeros(1))["beta_norm"]
    Traceback (most recent call last):
    ...
    fa_ref.trajectory.NotRecordedError: measures: 'beta_norm' was not recorded; recorded: alignment
    """

    def __missing__(self, name: str) -> Array:
        raise NotRecordedError(f"measures: {name!r} was not recorded; recorded: {', '.join(self) or 'none'}")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Trajectory(NoTruthValue):
    """The record of one run.

    Attributes
    ----------
    setting : Setting
        What was run: problem, starting weights, ψ, η, λ(t) and rule.
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
    engine : str
        Which engine ran; ``"recorded"`` for arrays from elsewhere.
    dtype : str
        Arithmetic of the run.
    roundoff : float
        Unit roundoff of that arithmetic, from which tolerances are derived.
    steps : int
        Number of steps asked for.
    network : Network or None
        The weights at the end; None after reading from disk and for arrays from elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref import Network, Problem, Setting, train
    >>> problem = Problem(np.eye(2), [1.0, -1.0])
    >>> setting = Setting(problem, Network.gaussian(50, 2, np.random.default_rng(0)), eta=0.5)
    >>> run = train(setting, steps=100)
    >>> run.status, run.times[-1], bool(run.loss[-1] < 1e-6 * run.loss[0])
    ('completed', np.int64(100), True)
    >>> list(run.to_frame().columns[:4])
    ['loss', 'residual_norm', 'alignment', 'beta_norm']
    """

    setting: Setting
    times: NDArray[np.int64]
    residuals: Array
    measures: dict[str, Array]
    status: str
    diverged_at: int | None
    engine: str
    dtype: str
    roundoff: float
    steps: int
    network: Network | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "measures", Measures(self.measures))

    @classmethod
    def recorded(
        cls,
        setting: Setting,
        times: ArrayLike,
        residuals: ArrayLike,
        *,
        measures: dict[str, ArrayLike] | None = None,
        diverged_at: int | None = None,
        roundoff: float | None = None,
    ) -> Trajectory:
        """Take the record of a run that was made elsewhere, with any tool.

        Parameters
        ----------
        setting : Setting
            What was run; its network may be None where the starting weights are not known.
        times : array_like of int, shape (m,)
            Recorded steps, increasing from 0.
        residuals : array_like, shape (m, n)
            e(t) = f − y at those steps.
        measures : dict of array_like, shape (m,), optional
            As in `fa_ref.measures`; what speaks of a measure that is missing is then not judged.
        diverged_at : int, optional
            The step at which the run diverged.
        roundoff : float, optional
            Unit roundoff of the arithmetic behind the residuals; that of their type if not given. At least 2⁻⁵³:
            more digits are not kept.

        Raises
        ------
        TypeError, ValueError
            If the arrays do not fit together, are masked, or hold something other than real numbers, or times do
            not increase from 0.

        Examples
        --------
        >>> from fa_ref import Problem, Setting
        >>> setting = Setting(Problem([[1.0]], [1.0]), None, "tanh", eta=0.1)
        >>> Trajectory.recorded(setting, [0, 1], [[0.5], [0.4]]).residual_norms
        array([0.5, 0.4])
        """
        if not isinstance(setting, Setting):
            raise TypeError(f"setting: expected a Setting, got {setting!r:.60}")
        steps = as_times(times)
        e = as_reals("residuals", residuals)
        if e.shape != (steps.size, setting.problem.n):
            shape = (steps.size, setting.problem.n)
            raise ValueError(
                f"residuals: expected shape {shape}, a row a time and a column a sample, got {e.shape}"
            )
        taken = {}
        for name, values in (measures or {}).items():
            if name not in MEASURES:
                raise ValueError(f"measures: expected names among {', '.join(MEASURES)}, got {name!r}")
            taken[name] = as_reals(f"measures[{name!r}]", values).astype(np.float64)
            if taken[name].shape != steps.shape:
                raise ValueError(f"measures[{name!r}]: expected shape {steps.shape}, got {taken[name].shape}")
        if roundoff is None:
            roundoff = 0.5 * float(np.finfo(e.dtype if e.dtype.kind == "f" else np.float64).eps)
        roundoff = max(as_number("roundoff", roundoff, above=0, below=1), 2.0**-53)
        diverged_at = None if diverged_at is None else as_count("diverged_at", diverged_at, at_least=0)
        return cls(
            setting=setting, times=steps, residuals=e.astype(np.float64), measures=taken,
            status="completed" if diverged_at is None else "diverged", diverged_at=diverged_at, engine="recorded",
            dtype=str(e.dtype), roundoff=roundoff, steps=int(steps[-1]),
        )  # fmt: skip

    @property
    def residual_norms(self) -> Array:
        """‖e(t)‖, shape (m,); scaled first, so that no square overflows."""
        largest = np.abs(self.residuals).max(axis=1, initial=0.0)
        large, small = (largest > 2.0**500) & (largest < np.inf), (largest > 0.0) & (largest < 2.0**-500)
        scale = np.select([large, small], [2.0**512, 2.0**-512], 1.0)
        return np.asarray(np.linalg.norm(self.residuals / scale[:, None], axis=1) * scale)

    @property
    def loss(self) -> Array:
        """½‖e(t)‖², shape (m,); without the penalty."""
        return np.asarray(0.5 * np.sum(self.residuals**2, axis=1))

    @property
    def alignment(self) -> Array:
        """cos∠(b, β(t)), shape (m,)."""
        return self.measures["alignment"]

    def to_frame(self) -> DataFrame:
        """Return one row a recorded step, indexed by ``step``."""
        import pandas as pd

        columns = {"loss": self.loss, "residual_norm": self.residual_norms, **self.measures}
        return pd.DataFrame(columns, index=pd.Index(self.times, name="step"))

    def describe(self) -> dict[str, Any]:
        """Return what was run in plain types, for tables and JSON."""
        setting = self.setting
        return {
            "activation": setting.activation.name, "eta": setting.eta, "ridge": setting.ridge.name,
            "rule": setting.rule, "dtype": self.dtype, "steps": self.steps,
            "n": setting.problem.n, "d": setting.problem.d, "p": setting.p,
        }  # fmt: skip

    def __repr__(self) -> str:
        ended = f"diverged at step {self.diverged_at}" if self.diverged_at is not None else self.status
        norms = self.residual_norms
        return f"<Trajectory: {self.setting}; {ended}, step {self.times[-1]}, ‖e‖ {norms[0]:.3g} → {norms[-1]:.3g}>"

    def _repr_html_(self) -> str:
        rows: list[tuple[str, object]] = [("setting", self.setting), ("status", self.status)]
        rows += [("steps", self.times[-1]), ("‖e(0)‖", f"{self.residual_norms[0]:.6g}")]
        rows += [("‖e(t)‖ at the end", f"{self.residual_norms[-1]:.6g}")]
        rows += [("cos∠(b, β) at the end", f"{v[-1]:.6g}") for k, v in self.measures.items() if k == "alignment"]
        return html_table("Trajectory", [*rows, ("engine", f"{self.engine}, {self.dtype}")])

    def plot(self, what: str = "residual_norm", axes: Axes | None = None) -> Axes:
        """Draw ‖e(t)‖ on a logarithmic axis, or another column of `to_frame` by name; returns the axes.

        A notebook shows the figure; `theory.kernels.spectrum` draws the eigenvalues of G + H along the run.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        names = {"residual_norm": "‖e(t)‖", "loss": "½‖e(t)‖²", "alignment": "cos∠(b, β(t))"}
        known = ["residual_norm", "loss", *self.measures]
        one_of("what", what, known)
        axes = axes_or_new(axes)
        values = {"residual_norm": self.residual_norms, "loss": self.loss}.get(what)
        draw = axes.plot if values is None else axes.semilogy
        draw(self.times, self.measures[what] if values is None else values, label=str(self.setting))
        axes.set(xlabel="step t", ylabel=names.get(what, what))
        return axes

    def save(self, path: str | PathLike[str]) -> None:
        """Write the run with its setting, but for the final network, to an ``.npz`` file."""
        header = {
            name: getattr(self, name) for name in ("status", "diverged_at", "engine", "dtype", "roundoff", "steps")
        }
        arrays: dict[str, Any] = {
            "header": np.array(json.dumps(header)),
            "measured": np.array(json.dumps(list(self.measures))),
            "times": self.times,
            "residuals": self.residuals,
        }
        arrays |= {f"measure_{name}": values for name, values in self.measures.items()}
        write_npz(path, arrays | self.setting.content())

    @classmethod
    def load(cls, path: str | PathLike[str], activation: Activation | None = None) -> Trajectory:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path-like
            The file.
        activation : Activation, optional
            ψ, needed where it was a user's own: code is not stored.

        Raises
        ------
        ValueError
            If the file is not such an ``.npz`` file.
        """
        content = read_npz(path, ("header", "measured", "times", "residuals"))
        setting = Setting.load(path, activation)
        try:
            header, names = (parse_json(str(content[name]), name) for name in ("header", "measured"))
            stored = read_npz(path, tuple(f"measure_{name}" for name in names))
            measures = {name: stored[f"measure_{name}"] for name in names}
            found = cls.recorded(setting, content["times"], content["residuals"], measures=measures)
            return replace(found, **_header(**header))
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ValueError(f"{path}: expected a saved trajectory, got another ({one_line(error)})") from None


def _header(
    status: str, diverged_at: int | None, engine: str, dtype: str, roundoff: float, steps: int
) -> dict[str, Any]:
    """The plain parts of a saved run, checked: tolerances rest on some of them."""
    if status not in ("completed", "stopped", "diverged") or (status == "diverged") != (diverged_at is not None):
        raise ValueError(f"status: expected a status with its step, got {status!r:.40}, {diverged_at!r:.40}")
    if not (isinstance(engine, str) and isinstance(dtype, str)):
        raise TypeError(f"engine, dtype: expected names, got {engine!r:.40}, {dtype!r:.40}")
    return {
        "status": status, "engine": engine, "dtype": dtype, "steps": as_count("steps", steps, at_least=0),
        "diverged_at": None if diverged_at is None else as_count("diverged_at", diverged_at, at_least=0),
        "roundoff": as_number("roundoff", roundoff, above=0, below=1),
    }  # fmt: skip
