"""The engines by name: `choose` picks one for ``engine="auto"``, `build` makes the one that is asked for.

To add one: a class that follows `Engine` in a room beside this file, its name in `ENGINES`, its line in `build`,
a test that holds it to the loops, and its case in `choose` if ``"auto"`` may pick it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numba import config
from numpy.typing import NDArray

from fa_ref.activations import Activation
from fa_ref.engines.gram.engine import Gram, is_well_conditioned
from fa_ref.engines.loops import Loops
from fa_ref.engines.ordered import Ordered
from fa_ref.engines.reduced import BeyondFloatsError, Reduced, Span, Statistics
from fa_ref.engines.slices import Progress
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = ["DTYPES", "ENGINES", "Engine", "build", "choose"]

Array = NDArray[np.float64]

ENGINES = ("auto", "loops", "ordered", "gram", "reduced")
DTYPES = ("float64", "float32")


class Engine(Protocol):
    """What `fa_ref.train` asks of an engine, which holds a network in motion; `build` makes one.

    Attributes
    ----------
    name : str
        As in `ENGINES`.
    y : ndarray, shape (n,)
        Targets.
    """

    name: str
    y: Array

    @property
    def network(self) -> Network | None:
        """The weights as they are now."""

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""

    def advance(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array,
        progress: Progress | None = None,
    ) -> int:  # fmt: skip
        """Record at stops[0], step to stops[1], record, and so on; the last stop is reached, not recorded.

        Parameters
        ----------
        stops : ndarray of int, shape (m + 1,)
            Steps, ascending; the last one may be given twice, then it is recorded too.
        limit : float
            A loss ½‖e‖² that is not at most this is divergence.
        residuals, rows : ndarray, shape (m + 1, n) and (m + 1, 9)
            Where the records go: e, and the measures of `fa_ref.measures`.
        progress : callable, optional
            ``progress(t)`` is called every fraction of a second.

        Returns
        -------
        int
            −1, or the step at which the run diverged: it is recorded and not taken.
        """


def choose(problem: Problem, start: Network | Statistics, activation: Activation, rule: str, dtype: str) -> str:
    """Return the engine that ``engine="auto"`` stands for.

    A linear network is ``"reduced"``, but for backpropagation of one whose weights are known, and unless ηe is
    beyond floats, which `build` sees: then it is ``"ordered"``. Any other is
    ``"gram"`` where its 2n² operations a unit are fewer than the 4nd of the loops and K is well conditioned, and
    ``"ordered"`` elsewhere, or where Numba is told not to compile: the code of ``"gram"`` exists compiled only.

    Parameters
    ----------
    problem : Problem
        X (n×d) and y (n).
    start : Network or Statistics
        Weights at t = 0, or their averages.
    activation : Activation
        ψ.
    rule : {"fa", "bp", "kolen-pollack", "hebbian"}
    dtype : {"float64", "float32"}

    Returns
    -------
    str
        A name of `ENGINES`.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref.activations import identity, tanh
    >>> wide, tall = (Problem(np.eye(n, 3), np.ones(n)) for n in (2, 6))
    >>> network = Network.gaussian(100, 3, np.random.default_rng(0))
    >>> [choose(p, network, a, "fa", "float64") for p in (wide, tall) for a in (tanh, identity)]
    ['gram', 'reduced', 'ordered', 'reduced']
    """
    if dtype == "float32":
        return "gram"
    if isinstance(start, Statistics) or (activation.linear and rule != "bp"):
        return "reduced"
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        return "ordered"
    return "gram" if problem.n < 2 * problem.d and is_well_conditioned(problem) else "ordered"


def build(
    engine: str, problem: Problem, start: Network | Statistics, activation: Activation, eta: float, lam: Array,
    rule: str, dtype: str,
) -> Engine:  # fmt: skip
    """Return the engine with this name, ready to run.

    Parameters
    ----------
    engine : str
        A name of `ENGINES`.
    problem : Problem
        X (n×d) and y (n).
    start : Network or Statistics
        Weights at t = 0, or their averages.
    activation : Activation
        ψ.
    eta : float
        Step size η.
    lam : ndarray
        λ(t), one entry a step.
    rule : {"fa", "bp", "kolen-pollack", "hebbian"}
    dtype : {"float64", "float32"}

    Returns
    -------
    Engine

    Raises
    ------
    ValueError
        If it cannot run this: see `fa_ref.train`.

    Examples
    --------
    >>> import numpy as np
    >>> from fa_ref.activations import tanh
    >>> problem, network = Problem(np.eye(2), [1.0, 1.0]), Network.gaussian(10, 2, np.random.default_rng(0))
    >>> engine = build("ordered", problem, network, tanh, 0.1, np.zeros(5), "fa", "float64")
    >>> engine.residual().shape
    (2,)
    """
    if engine == "auto":
        engine = choose(problem, start, activation, rule, dtype)
        if engine == "reduced" and isinstance(start, Network):
            try:
                return build("reduced", problem, start, activation, eta, lam, rule, dtype)
            except BeyondFloatsError:
                engine = "ordered"
    if engine != "gram" and dtype != "float64":
        raise ValueError(f"dtype: expected float64 for engine {engine!r}, got {dtype!r}")
    if engine == "reduced":
        if not activation.linear:
            raise ValueError(
                "engine: expected 'loops', 'ordered' or 'gram', since 'reduced' is for a linear network,"
                f" got 'reduced' for {activation.name}"
            )
        return Reduced(problem, start, eta, lam) if rule == "fa" else Span(problem, start, eta, lam, rule)
    if isinstance(start, Statistics):
        raise ValueError(f"network: expected a Network for engine {engine!r}, got statistics")
    if engine == "gram":
        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            raise ValueError("engine: expected 'loops' or 'ordered' under NUMBA_DISABLE_JIT, got 'gram'")
        return Gram(problem, start, activation, eta, lam, rule, dtype)
    return (Loops if engine == "loops" else Ordered)(problem, start, activation, eta, lam, rule)
