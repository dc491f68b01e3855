"""Schedules λ(t) of the ridge penalty ½ λ(t) ‖β‖² in (4.1).

Steps are numbered t = 0, 1, 2, …, and λ(t) acts in the step from t to t + 1. Theorems 4.2, 4.3 and 4.6
bound the sum Σ_t λ(t), so every schedule knows its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, as_number

__all__ = ["Schedule", "constant", "cutoff", "explicit", "exponential", "inverse_square", "zero"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """A penalty λ(t) ≥ 0.

    Two schedules are equal if they are made by the same function of this module from the same numbers, or, where a
    user makes one of a formula of his own, if that formula is the same object.

    Attributes
    ----------
    name : str
        How it is called in tables, with its parameters.
    formula : callable
        λ at an integer array of times.
    total : float
        Σ_t λ(t) over all t ≥ 0; ``inf`` for a constant.
    maximum : float
        max_t λ(t).
    recipe : tuple, optional
        The function of this module that made it and the numbers given to it; empty for a user's own.

    Raises
    ------
    TypeError, ValueError
        If the total or the maximum is not a number ≥ 0.

    Examples
    --------
    >>> constant(0.1) == constant(0.1), constant(0.1) == constant(0.1 + 1e-16), explicit([0.1]) == explicit([0.2])
    (True, False, False)
    """

    name: str = field(compare=False)
    formula: Callable[[NDArray[np.int64]], Array] = field(compare=False)
    total: float
    maximum: float
    recipe: tuple[Any, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Any, ...]:
        return self.recipe or (self.formula, self.total, self.maximum)

    def __repr__(self) -> str:
        return self.name

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe in plain types, for JSON; a user's own schedule is named only, and cannot be read back.

        Examples
        --------
        >>> Schedule.from_dict(cutoff(0.1, 100).to_dict()) == cutoff(0.1, 100)
        True
        """
        if not self.recipe:
            return {"own": self.name}
        return {"make": self.recipe[0], "of": list(self.recipe[1:])}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Schedule:
        """Build the schedule that `to_dict` described.

        Raises
        ------
        ValueError
            If it is a user's own, or no such description.
        """
        makers = {f.__name__: f for f in (zero, constant, cutoff, inverse_square, exponential)}
        make, of = plain.get("make"), plain.get("of", [])
        if make == "explicit":
            return explicit(of)
        if make not in makers:
            raise ValueError(f"ridge: expected one of {', '.join((*makers, 'explicit'))}, got {plain!r:.60}")
        return makers[make](*of)

    def values(self, steps: int) -> Array:
        """λ(0), …, λ(steps − 1), shape (steps,)."""
        times = np.arange(as_count("steps", steps, at_least=0), dtype=np.int64)
        return np.ascontiguousarray(self.formula(times), dtype=np.float64)

    def partial_sum(self, steps: int) -> float:
        """Σ λ(t) over t < steps."""
        return _sum(self.values(steps))


def _sum(lams: Array) -> float:
    """Their sum, rounded once; ``inf`` where it is beyond every float."""
    try:
        return math.fsum(lams)
    except OverflowError:
        return math.inf


def zero() -> Schedule:
    """λ ≡ 0: Algorithm 1.

    Returns
    -------
    Schedule

    Examples
    --------
    >>> zero().total
    0.0
    """
    return Schedule("zero", lambda t: np.zeros(t.size), 0.0, 0.0, ("zero",))


def constant(lam: float) -> Schedule:
    """λ(t) = lam for all t.

    Parameters
    ----------
    lam : float
        λ ≥ 0.

    Returns
    -------
    Schedule

    Examples
    --------
    >>> constant(0.1).values(3)
    array([0.1, 0.1, 0.1])
    """
    lam = as_number("lam", lam, at_least=0)
    total = math.inf if lam > 0 else 0.0
    return Schedule(f"constant({lam:g})", lambda t: np.full(t.size, lam), total, lam, ("constant", lam))


def cutoff(lam: float, T: int) -> Schedule:
    """λ(t) = lam for t ≤ T, 0 after: the schedule of Theorem 4.6. Its sum is (T + 1)·lam.

    Parameters
    ----------
    lam : float
        λ ≥ 0.
    T : int
        The last step with it.

    Returns
    -------
    Schedule

    Examples
    --------
    >>> cutoff(0.5, 1).values(4), cutoff(0.5, 1).total
    (array([0.5, 0.5, 0. , 0. ]), 1.0)
    """
    lam, T = as_number("lam", lam, at_least=0), as_count("T", T, at_least=0)
    name, recipe = f"cutoff({lam:g}, {T})", ("cutoff", lam, T)
    return Schedule(name, lambda t: np.where(t <= T, lam, 0.0), (T + 1) * lam, lam, recipe)


def inverse_square(lam: float, tau: float) -> Schedule:
    """λ(t) = lam / (1 + t/τ)², with sum lam·τ²·ζ(2, τ) (Hurwitz' zeta).

    Parameters
    ----------
    lam : float
        λ(0) ≥ 0.
    tau : float
        τ > 0, in steps.

    Returns
    -------
    Schedule

    Examples
    --------
    >>> schedule = inverse_square(1.0, tau=1.0)
    >>> schedule.values(2), round(schedule.total, 12)  # Σ 1/t² = π²/6
    (array([1.  , 0.25]), 1.644934066848)
    """
    lam, tau = as_number("lam", lam, at_least=0), as_number("tau", tau, above=0)
    from scipy.special import zeta  # here: its import takes longer than that of all of fa_ref's own code

    # The term of t = 0 apart, since τ² may leave the floats.
    total = lam * (1.0 + tau * (tau * float(zeta(2.0, tau + 1.0))))
    name, recipe = f"inverse_square({lam:g}, {tau:g})", ("inverse_square", lam, tau)

    def formula(t: NDArray[np.int64]) -> Array:
        with np.errstate(over="ignore"):  # λ(t) is 0 there
            return lam / (1.0 + t / tau) ** 2

    return Schedule(name, formula, total, lam, recipe)


def exponential(lam: float, tau: float) -> Schedule:
    """λ(t) = lam · e^(−t/τ), with sum lam / (1 − e^(−1/τ)).

    Parameters
    ----------
    lam : float
        λ(0) ≥ 0.
    tau : float
        τ > 0, in steps.

    Returns
    -------
    Schedule

    Examples
    --------
    >>> import math
    >>> exponential(1.0, tau=1 / math.log(2)).values(3)
    array([1.  , 0.5 , 0.25])
    """
    lam, tau = as_number("lam", lam, at_least=0), as_number("tau", tau, above=0)
    total = lam / -math.expm1(-1.0 / tau)
    name, recipe = f"exponential({lam:g}, {tau:g})", ("exponential", lam, tau)
    return Schedule(name, lambda t: lam * np.exp(-t / tau), total, lam, recipe)


def explicit(values: ArrayLike) -> Schedule:
    """λ(t) = values[t], and 0 once they end.

    Parameters
    ----------
    values : array_like, shape (m,)
        λ(0), …, λ(m − 1), none negative.

    Returns
    -------
    Schedule

    Raises
    ------
    TypeError, ValueError
        If they are not finite numbers ≥ 0.

    Examples
    --------
    >>> explicit([0.3, 0.1]).values(4)
    array([0.3, 0.1, 0. , 0. ])
    >>> explicit([0.3, -0.1])
    Traceback (most recent call last):
    ...
    ValueError: values: expected numbers >= 0, got -0.1 at t = 1
    """
    lams = as_array("values", values, ndim=1)
    if (lams < 0).any():
        t = int(np.argmax(lams < 0))
        raise ValueError(f"values: expected numbers >= 0, got {lams[t]} at t = {t}")

    def formula(t: NDArray[np.int64]) -> Array:
        return np.where(t < lams.size, lams[np.minimum(t, lams.size - 1)], 0.0)

    recipe = ("explicit", *lams.tolist())
    return Schedule(f"explicit({lams.size} values)", formula, _sum(lams), float(lams.max()), recipe)
