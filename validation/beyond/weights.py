"""A run with its weights: what statements about single units and single steps are judged on."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from fa_ref import Network, Setting, Trajectory, train
from fa_ref._support.checks import as_count, require_memory
from fa_ref._support.threads import threads

__all__ = ["WeightRecord"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class WeightRecord(Trajectory):
    """A run and its weights at every recorded step.

    Attributes
    ----------
    W : ndarray, shape (m, p, d)
        Hidden weights.
    beta : ndarray, shape (m, p)
        Output weights.
    b : ndarray, shape (m, p)
        Feedback weights, which only the rules of `fa_ref.learned` move.

    Examples
    --------
    >>> from fa_ref import Problem
    >>> setting = Setting(Problem([[1.0]], [1.0]), Network([[1.0]], [1.0], [1.0]), "tanh", eta=0.1)
    >>> WeightRecord.of(setting, 3).W.shape
    (4, 1, 1)
    """

    W: Array = field(repr=False)
    beta: Array = field(repr=False)
    b: Array = field(repr=False)

    @classmethod
    def of(cls, setting: Setting, steps: int, engine: str = "ordered") -> WeightRecord:
        """Run a setting, with the loops of the definition if nothing else is asked for, and keep every weight."""
        start, steps = setting.start, as_count("steps", steps, at_least=0)
        require_memory(f"steps = {steps}, p = {start.p}", 8 * (steps + 1) * start.p * (start.d + 2))
        W, (beta, b) = np.empty((steps + 1, *start.W.shape)), np.empty((2, steps + 1, start.p))

        def keep(t: int, network: Network) -> None:
            W[t], beta[t], b[t] = network.W, network.beta, network.b

        with threads(1):
            run = train(setting, steps=steps, engine=engine, observe=keep)
        reached = {part.name: getattr(run, part.name) for part in fields(Trajectory)}
        m = run.times.size
        return cls(**reached, W=W[:m], beta=beta[:m], b=b[:m])
