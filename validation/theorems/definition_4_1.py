r"""Definition 4.1: when an algorithm aligns.

An algorithm aligns if there are c > 0 and T_c such that cos∠(b, β(t)) ≥ c for all t > T_c. A finite record cannot
show "for all t": what is found here is the largest c that is kept throughout the last part of the record,
and the first recorded step from which it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref import Trajectory
from fa_ref._support.checks import as_array, as_count, as_number
from theory.margins import Margin
from validation.judge.claims import Claim, Conclusion
from validation.judge.inequalities import Inequality, Unjudged
from validation.judge.rounding import alignment_rounding, blind

__all__ = ["Aligned", "Alignment", "aligns", "claim", "reached_at"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """The c and T_c of a record.

    Attributes
    ----------
    c : float
        The largest cosine kept over the last part of the record; at most 0, or NaN, where it does not align.
    T_c : int or None
        The first recorded step from which cos ≥ c is kept; None where it does not align.
    last : int
        The last step of the record, up to which it is known.
    """

    c: float
    T_c: int | None
    last: int

    def __bool__(self) -> bool:
        return self.T_c is not None


def aligns(times: ArrayLike, cosines: ArrayLike, *, kept: float = 0.5) -> Alignment:
    """Find c and T_c.

    Parameters
    ----------
    times, cosines : array_like, shape (m,)
        Recorded steps, rising, and cos∠(b, β) there.
    kept : float, optional
        Part of the recorded time, counted from its end, over which c must be kept; in (0, 1].

    Returns
    -------
    Alignment

    Raises
    ------
    TypeError, ValueError
        If the steps do not rise, there is not one cosine for each, or an entry is masked or no real number. NaN is
        a cosine, of b = 0 or β = 0: it aligns with nothing.

    Examples
    --------
    >>> aligns([0, 10, 20, 30, 40], [0.0, 0.2, 0.5, 0.4, 0.5])
    Alignment(c=0.4, T_c=20, last=40)
    >>> bool(aligns([0, 10, 20], [0.3, 0.1, -0.1]))
    False
    """
    t, cos = _record(times, cosines)
    kept = as_number("kept", kept, above=0)
    if kept > 1:
        raise ValueError(f"kept: expected a part of the record, at most 1, got {kept:g}")
    start = t[-1] - kept * (t[-1] - t[0])
    c = float(np.min(cos[t >= start]))
    return Alignment(c, reached_at(t, cos, c) if c > 0 else None, int(t[-1]))


def reached_at(times: ArrayLike, cosines: ArrayLike, c: float) -> int | None:
    """Return the first recorded step from which cos ≥ c is kept to the end; None if it is not kept at the end.

    Parameters
    ----------
    times, cosines : array_like, shape (m,)
        Recorded steps, rising, and cos∠(b, β) there.
    c : float

    Returns
    -------
    int or None

    Examples
    --------
    >>> reached_at([0, 10, 20, 30], [0.9, 0.2, 0.5, 0.6], 0.5), reached_at([0, 10], [0.9, 0.2], 0.5)
    (20, None)
    """
    t, cos = _record(times, cosines)
    below = np.flatnonzero(~(cos >= c))
    first = int(below[-1]) + 1 if below.size else 0
    return int(t[first]) if first < t.size else None


def _record(times: ArrayLike, cosines: ArrayLike) -> tuple[Array, Array]:
    t, cos = as_array("times", times, ndim=1), np.asarray(cosines)
    if isinstance(cosines, np.ma.MaskedArray) or cos.dtype.kind not in "biuf":
        kind = "a masked array" if isinstance(cosines, np.ma.MaskedArray) else f"entries of type {cos.dtype}"
        raise TypeError(f"cosines: expected real numbers without a mask, got {kind}")
    if t.shape != cos.shape or (np.diff(t) <= 0).any():
        raise ValueError(f"times: expected rising steps, one for each of {cos.size} cosines, got shape {t.shape}")
    return t, cos.astype(np.float64)


@dataclass(frozen=True, repr=False)
class Aligned(Claim):
    """cos∠(b, β(t)) ≥ c at every recorded step after T.

    Attributes
    ----------
    c : float
        Least cosine.
    T : int
        Last step before it has to hold.

    Examples
    --------
    >>> Aligned(0.5, 100).statement
    'cos∠(b, β(t)) ≥ 0.5 for t > 100'
    """

    c: float
    T: int

    name = "Definition 4.1"
    source = "Definition 4.1"

    @property
    def statement(self) -> str:  # type: ignore[override]
        """With its numbers."""
        return f"cos∠(b, β(t)) ≥ {self.c:g} for t > {self.T}"

    def hypotheses(self, run: Trajectory) -> tuple[Margin, ...]:  # noqa: ARG002
        """There is none."""
        return ()

    def conclusions(self, run: Trajectory) -> tuple[Conclusion, ...]:
        """The one that is its statement; NaN fails it where we measured, and was not recorded elsewhere."""
        name, times = "cos∠(b, β) ≥ c", run.times
        if "alignment" not in run.measures:
            return (Unjudged(name, "alignment not recorded"),)
        after, p = times > self.T, run.setting.p
        rounding = alignment_rounding(p, run.roundoff) if p is not None else blind(run.roundoff)
        cosines = run.measures["alignment"][after]
        kept = Inequality(name, times[after], self.c, cosines, rounding)
        return kept.where_measured("alignment", cosines) if run.engine == "recorded" else (kept,)


def claim(c: float, T: int) -> Claim:
    """Build the claim that cos∠(b, β(t)) ≥ c at every recorded step after T.

    Raises
    ------
    TypeError, ValueError
        If c is no number between −1 and 1, or T no integer ≥ −1.
    """
    return Aligned(as_number("c", c, above=-1, below=1), as_count("T", T, at_least=-1))
