"""What a claim is judged on: recorded arrays, from `fa_ref.train` or from anywhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref import Network, Problem, Setting, Trajectory, schedules
from fa_ref._support.checks import as_number
from fa_ref.activations import Activation, resolve
from fa_ref.schedules import Schedule
from theory.kernels import MeanKernel, mean_kernel

__all__ = ["Evidence"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """What a claim is judged on: a problem and the record of a run.

    Parameters
    ----------
    problem : Problem
        X and y.
    activation : str or Activation
        ψ.
    eta : float
        Step size in the ½‖e‖² convention.
    times : array_like of int, shape (m,)
        Recorded steps, from 0.
    residuals : array_like, shape (m, n)
        e(t) = f − y.
    ridge : Schedule, optional
        λ(t).
    start : Network, optional
        The weights at t = 0, for hypotheses about them.
    measures : dict of array, optional
        As in `fa_ref.measures`; a claim that needs one which is missing leaves that inequality out.
    diverged_at : int, optional
        The step at which the run diverged.
    kernel : MeanKernel, optional
        Ḡ, if it is known already.
    rule : {"fa", "bp"}, optional
        How the run was made; the theorems speak of feedback alignment.
    roundoff : float, optional
        Unit roundoff of the arithmetic behind the residuals; that of their type if not given.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit together, times do not increase from 0, or η is not positive.

    Examples
    --------
    Arrays from any source will do:

    >>> problem = Problem([[1.0]], [1.0])
    >>> evidence = Evidence(problem, "tanh", 0.1, [0, 1], [[0.5], [0.4]])
    >>> evidence.residual_norms
    array([0.5, 0.4])
    """

    problem: Problem
    activation: str | Activation
    eta: float
    times: ArrayLike
    residuals: ArrayLike
    ridge: Schedule = field(default_factory=schedules.zero)
    start: Network | None = None
    measures: dict[str, Array] = field(default_factory=dict)
    diverged_at: int | None = None
    kernel: MeanKernel | None = None
    rule: str = "fa"
    roundoff: float = 0.0

    def __post_init__(self) -> None:
        given, times = np.asarray(self.residuals), np.asarray(self.times)
        if times.ndim != 1 or times.size == 0 or times.dtype.kind not in "iu":
            raise TypeError(f"times: expected integers in one row, got {times.dtype} of shape {times.shape}")
        if times[0] != 0 or (np.diff(times) <= 0).any():
            raise ValueError(f"times: expected steps that increase from 0, got {times[:4].tolist()}, …")
        if given.shape != (times.size, self.problem.n):
            raise ValueError(f"residuals: expected shape {(times.size, self.problem.n)}, got {given.shape}")
        for name, values in self.measures.items():
            if np.shape(values) != times.shape:
                raise ValueError(f"measures[{name!r}]: expected {times.size} values, got {np.shape(values)}")
        single = given.dtype.kind == "f" and given.dtype.itemsize < 8
        if not self.roundoff:  # a copy of this record has float64 residuals, and keeps what they came with
            object.__setattr__(self, "roundoff", float(np.finfo(given.dtype if single else np.float64).eps) / 2)
        object.__setattr__(self, "eta", as_number("eta", self.eta, above=0))
        object.__setattr__(self, "activation", resolve(self.activation))
        object.__setattr__(self, "times", times.astype(np.int64))
        object.__setattr__(self, "residuals", given.astype(np.float64))

    @classmethod
    def of(
        cls,
        problem: Problem,
        start: Network,
        activation: str | Activation,
        run: Trajectory,
        *,
        ridge: Schedule | None = None,
        kernel: MeanKernel | None = None,
    ) -> Evidence:
        """Take the evidence from a run of `fa_ref.train`.

        Raises
        ------
        ValueError
            If the activation or the schedule is not the one that the run was made with.
        """
        setting = run.setting
        given = Setting(problem, start, activation, eta=setting.eta, ridge=ridge, rule=setting.rule)
        for name in ("problem", "network", "activation", "ridge"):
            if given.replace(**{name: getattr(setting, name)}) != given:
                ours, theirs = getattr(given, name), getattr(setting, name)
                raise ValueError(f"{name}: expected that of the run, {theirs!s:.60}, got {ours!s:.60}")
        return cls(
            problem, activation, setting.eta, run.times, run.residuals, setting.ridge,
            start, run.measures, run.diverged_at, kernel, setting.rule, run.roundoff,
        )  # fmt: skip

    @cached_property
    def residual_norms(self) -> Array:
        """‖e(t)‖ at the recorded steps."""
        return np.linalg.norm(np.asarray(self.residuals), axis=1)

    @cached_property
    def psi(self) -> Activation:
        """The activation itself."""
        return resolve(self.activation)

    @cached_property
    def mean_kernel(self) -> MeanKernel:
        """Ḡ and γ of the problem."""
        return self.kernel if self.kernel is not None else mean_kernel(self.problem.X, self.psi)
