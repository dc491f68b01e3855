"""What a claim compares: lhs(t) ≤ rhs(t) at recorded steps, with what rounding can do to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_number, has_mask

__all__ = ["Inequality", "Unjudged"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Unjudged:
    """A conclusion that could not be compared, and why.

    Attributes
    ----------
    name : str
        Which inequality.
    reason : str
        What is missing, as "beta_movement was not recorded".

    Raises
    ------
    TypeError
        When its truth is asked for: it has none.

    Examples
    --------
    >>> Unjudged("(3.2)", "beta_movement was not recorded").reason
    'beta_movement was not recorded'
    """

    name: str
    reason: str

    def __bool__(self) -> bool:
        raise TypeError("Unjudged: expected its reason to be read, got the whole, which has no truth value")

    def __str__(self) -> str:
        return f"{self.name}: not judged: {self.reason}"


@dataclass(frozen=True, eq=False, init=False)
class Inequality:
    """lhs(t) ≤ rhs(t) at recorded steps; ask it what it `holds`: it has no truth value.

    Parameters
    ----------
    name : str
        Which inequality, by its number in the paper.
    times : array_like of int, shape (m,)
        The steps.
    lhs, rhs : array_like, shape (m,), or float
        Both sides; a number stands for every step.
    tolerance : array_like, shape (m,), or float
        How far rounding can move lhs − rhs, at least 0.
    ceiling : float, optional
        The largest value that ``lhs`` can take at all, such as 1 for a cosine.

    Raises
    ------
    TypeError
        If the steps are no integers, or a side holds something else than real numbers, or a mask.
    ValueError
        If there is not one value for each step, or a tolerance is negative or NaN.

    Examples
    --------
    >>> inequality = Inequality("(0)", np.arange(3), [1.0, 2.0, 1.5], 2.0, 1e-12)
    >>> inequality.holds, inequality.worst, inequality.slack
    (True, 1, 0.0)
    """

    name: str
    times: NDArray[np.int64]
    lhs: Array
    rhs: Array
    tolerance: Array
    ceiling: float

    def __init__(
        self,
        name: str,
        times: ArrayLike,
        lhs: ArrayLike,
        rhs: ArrayLike,
        tolerance: ArrayLike,
        ceiling: float = math.inf,
    ) -> None:
        times = np.asarray(_unmasked("times", times))
        if times.ndim != 1 or not (times.dtype.kind in "iu" or times.size == 0):
            raise TypeError(f"times: expected integers in one row, got {times.dtype} of shape {times.shape}")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "ceiling", ceiling if ceiling == math.inf else as_number("ceiling", ceiling))
        _freeze(self, "times", times.astype(np.int64))
        for side, value in (("lhs", lhs), ("rhs", rhs), ("tolerance", tolerance)):
            _freeze(self, side, _side(side, value, times.size))
        if not (self.tolerance >= 0).all():
            raise ValueError(f"tolerance: expected numbers >= 0, got {self.tolerance[~(self.tolerance >= 0)][0]:g}")

    def __bool__(self) -> bool:
        raise TypeError(
            "Inequality: expected .holds or .judged to be asked for, got the whole, which has no truth value"
        )

    @cached_property
    def judged(self) -> NDArray[np.bool_]:
        """Where it could fail (rhs below the ceiling) and rounding does not hide it.

        Rounding hides a comparison where |rhs| is within the tolerance, unless lhs lies below by more than that.
        """
        with np.errstate(invalid="ignore"):  # inf − inf is not decided by its difference
            beyond = (np.abs(self.rhs) > self.tolerance) | (self.rhs - self.lhs > self.tolerance)
        return np.asarray(beyond & (self.rhs < self.ceiling))

    @cached_property
    def failed(self) -> NDArray[np.bool_]:
        """Where it fails beyond the tolerance; so does a left side that is not finite, and any NaN."""
        held = (self.lhs <= self.rhs + self.tolerance) & ((self.lhs < math.inf) | (self.rhs == math.inf))
        return np.asarray(~held)

    @property
    def holds(self) -> bool:
        """Whether it fails nowhere."""
        return not self.failed.any()

    @cached_property
    def margins(self) -> Array:
        """Signed relative margins (rhs − lhs)/|rhs|, negative where lhs > rhs; NaN where nothing was decided.

        Where rhs = 0 they are relative to |lhs|; a failure with a side that is not finite has margin −∞.
        """
        margins, decided = np.full(self.rhs.shape, np.nan), self.judged | self.failed
        rhs, lhs = self.rhs[decided], self.lhs[decided]
        scale = np.where(rhs != 0.0, np.abs(rhs), np.where(lhs != 0.0, np.abs(lhs), 1.0))
        with np.errstate(invalid="ignore", over="ignore"):
            margins[decided] = (rhs - lhs) / scale
        margins[self.failed & np.isnan(margins)] = -math.inf
        return margins

    @property
    def worst(self) -> int:
        """Index of the smallest margin, among the steps that fail if there are any; −1 if no step was decided."""
        decided = self.failed if self.failed.any() else self.judged
        if not decided.any():
            return -1
        return int(np.argmin(np.where(decided, self.margins, math.inf)))

    @property
    def slack(self) -> float:
        """The smallest margin; NaN if no step was decided."""
        return float(self.margins[self.worst]) if self.worst >= 0 else math.nan

    def where_measured(self, measure: str, values: ArrayLike) -> tuple[Inequality | Unjudged, ...]:
        """Split off the steps at which a measure, one value for each step, is NaN: there nothing was recorded.

        Examples
        --------
        >>> kept, gone = Inequality("x", [0, 1], [1.0, np.nan], 2.0, 0.0).where_measured("beta_norm", [1.0, np.nan])
        >>> kept.holds, str(gone)
        (True, 'x: not judged: beta_norm is no number at 1 of 2 steps, first at t = 1')
        """
        gone = np.isnan(np.asarray(values, dtype=np.float64))
        if not gone.any():
            return (self,)
        first, count = self.times[gone][0], int(gone.sum())
        said = Unjudged(self.name, f"{measure} is no number at {count} of {gone.size} steps, first at t = {first}")
        if gone.all():
            return (said,)
        times, lhs, rhs, tolerance = (array[~gone] for array in (self.times, self.lhs, self.rhs, self.tolerance))
        return Inequality(self.name, times, lhs, rhs, tolerance, self.ceiling), said

    @property
    def why_unjudged(self) -> str:
        """Why no step could be judged; empty if one was."""
        if self.judged.any():
            return ""
        if self.times.size == 0:
            return "no step recorded to compare"
        if (self.rhs >= self.ceiling).all():
            return "the right side is nowhere below what the left side can be at all"
        return "rounding alone could hide a failure"

    def words(self, k: int) -> str:
        """Both sides at index k, and the rounding where it decides.

        Examples
        --------
        >>> Inequality("x", [0, 1], [1.0, 3.0], [2.0, 2.0], 0.0).words(1)
        '3 > 2'
        >>> Inequality("x", [0], [5.9e-9], [4.0e-9], [2.0e-9]).words(0)
        '5.9e-09 exceeds 4e-09 by 1.9e-09, within the 2e-09 of rounding'
        """
        lhs, rhs, tolerance = float(self.lhs[k]), float(self.rhs[k]), float(self.tolerance[k])
        excess = lhs - rhs
        if not self.failed[k]:
            if not excess > 0:
                return f"{lhs:.6g} ≤ {rhs:.6g}"
            return f"{lhs:.6g} exceeds {rhs:.6g} by {excess:.3g}, within the {tolerance:.3g} of rounding"
        if math.isnan(excess) or (tolerance <= 0.1 * excess and f"{lhs:.6g}" != f"{rhs:.6g}"):
            return f"{lhs:.6g} > {rhs:.6g}"
        return f"{lhs:.6g} exceeds {rhs:.6g} by {excess:.3g}, beyond the {tolerance:.3g} of rounding"


def _freeze(record: Inequality, name: str, array: NDArray[Any]) -> None:
    array.setflags(write=False)
    object.__setattr__(record, name, array)


def _unmasked(name: str, value: Any) -> Any:
    if has_mask(value):
        raise TypeError(f"{name}: expected an array without a mask, got a masked array")
    return value


def _side(name: str, value: ArrayLike, steps: int) -> Array:
    array = np.asarray(_unmasked(name, value))
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers, got entries of type {array.dtype}")
    if array.ndim == 0:
        return np.full(steps, float(array))
    if array.shape != (steps,):
        raise ValueError(f"{name}: expected {steps} numbers, one for each step, got shape {array.shape}")
    return np.array(array, dtype=np.float64)
