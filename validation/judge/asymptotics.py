"""Claims about p → ∞: a deviation that vanishes like a power of the width, judged on paired runs.

A deviation is measured minus predicted. If it is of order p^a, then p^{-a}·deviation has a size that does not
depend on p, and its regression on p^{-a} with a constant has the deviation's limit as its slope. The claim is that
this limit is 0 and that a is no slower than stated:

=================  ======================================================================
violated           the interval of the limit excludes 0 by more than the prediction's own error, or the fitted
                   exponent is surely above the one claimed
undecided          neither, but the intervals are too wide: no decay is shown, or the limit is not known to
                   within the resolution asked for
holds              else
=================  ======================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from fa_ref._support.checks import as_count, as_number
from validation.judge.fits import Fit, fit_exponent
from validation.judge.verdicts import HOLDS, UNDECIDED, VIOLATED, NoTruthValue

__all__ = ["AsymptoticClaim", "AsymptoticVerdict"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class AsymptoticVerdict:
    """The judgement of an asymptotic claim; true if it holds.

    Attributes
    ----------
    claim : str
        Its name.
    status : {"holds", "violated", "undecided"}
        See the head of this module.
    exponent : Fit
        Of |deviation| in p.
    limit : tuple of float
        Confidence limits of the deviation as p → ∞, before the prediction's own error.
    widths, deviations : ndarray, shape (m,)
        What was measured, one entry a run.
    """

    claim: str
    status: str
    exponent: Fit
    limit: tuple[float, float]
    widths: Array
    deviations: Array

    def __bool__(self) -> bool:
        return self.status == HOLDS

    def __str__(self) -> str:
        fit, (low, high) = self.exponent, self.limit
        return (
            f"{self.claim}: {self.status}; exponent {fit.slope:.3f} in [{fit.low:.3f}, {fit.high:.3f}],"
            f" limit in [{low:.2e}, {high:.2e}], {fit.points} runs, p = {fit.window[0]:g} … {fit.window[1]:g}"
        )


@dataclass(frozen=True)
class AsymptoticClaim(NoTruthValue):
    """A prediction for p → ∞ as a sheet.

    Attributes
    ----------
    name, statement, source : str
        As in `validation.judge.claims.Claim`.
    deviation : callable
        (p, seed) → measured − predicted, of a run of width p. Runs of one seed should be paired: the same X and y,
        and initial weights of which a wider network contains the narrower one's.
    exponent : float
        Claimed: |deviation| is O(p^exponent), < 0.
    resolution : float
        How well the limit has to be known for "holds".
    error : float, optional
        Numerical error of the prediction.

    Raises
    ------
    TypeError, ValueError
        If the exponent is not negative, or another number is out of range.

    Examples
    --------
    >>> noise = lambda p, seed: np.random.default_rng([p, seed]).standard_normal() / p**0.5
    >>> claim = AsymptoticClaim("mean", "the mean of p coins tends to 0", "folklore", noise, -0.5, 0.02)
    >>> claim.judge([10**2, 10**4, 10**6], range(8), confidence=0.999).status
    'holds'
    >>> biased = AsymptoticClaim("mean", "", "", lambda p, seed: noise(p, seed) + 0.05, -0.5, 0.02)
    >>> biased.judge([10**2, 10**4, 10**6], range(8), confidence=0.999).status
    'violated'
    """

    name: str
    statement: str
    source: str
    deviation: Callable[[int, int], float]
    exponent: float
    resolution: float
    error: float = 0.0

    def judge(
        self, widths: Sequence[int], seeds: Sequence[int], *, confidence: float = 1 - 1e-6
    ) -> AsymptoticVerdict:
        """Measure at every width with every seed, fit, and decide.

        Parameters
        ----------
        widths : sequence of int
            At least three.
        seeds : sequence of int
        confidence : float, optional
            Level of both intervals, Student's t.

        Raises
        ------
        TypeError, ValueError
            If there are fewer than three widths, or a level that is none.
        """
        level = as_number("confidence", confidence, above=0, below=1)
        if len(set(widths)) < 3:
            raise ValueError(f"widths: expected at least three, got {len(set(widths))}")
        p = np.array([as_count("widths", width) for width in widths for _ in seeds], dtype=np.float64)
        deviations = np.array([self.deviation(width, seed) for width in widths for seed in seeds])
        if not np.isfinite(deviations).all():
            raise ValueError(f"deviation: expected finite numbers, got {deviations[~np.isfinite(deviations)][0]}")
        sizes = np.maximum(np.abs(deviations), np.finfo(float).tiny)
        fit = fit_exponent(p, sizes, confidence=level)
        limit = _limit(p, deviations, self.exponent, level)
        return AsymptoticVerdict(
            claim=self.name, status=self._status(fit, limit), exponent=fit, limit=limit, widths=p,
            deviations=deviations,
        )  # fmt: skip

    def _status(self, fit: Fit, limit: tuple[float, float]) -> str:
        low, high = limit
        if low > self.error or high < -self.error or fit.low > self.exponent:
            return VIOLATED
        decided = fit.high < 0 and 0.5 * (high - low) + self.error <= self.resolution
        return HOLDS if decided else UNDECIDED


def _limit(p: Array, deviations: Array, exponent: float, confidence: float) -> tuple[float, float]:
    scale = p**-exponent
    line = stats.linregress(scale, deviations * scale)
    half = float(stats.t.isf((1.0 - confidence) / 2, p.size - 2) * line.stderr)
    if not math.isfinite(half):
        raise ValueError(f"seeds: expected enough runs for an interval, got {p.size}")
    return float(line.slope) - half, float(line.slope) + half
