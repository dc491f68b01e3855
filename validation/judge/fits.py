"""Fitted rates with intervals: exponents in a size, and the contraction of a trajectory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from fa_ref._support.checks import as_array, as_number
from validation.judge.verdicts import NoTruthValue

__all__ = ["Fit", "contraction_rate", "fit_exponent", "fit_rms_exponent"]

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Fit(NoTruthValue):
    """A fitted slope with its interval; ask whether a value lies in it, for it has no truth value.

    Attributes
    ----------
    slope : float
        Estimate.
    low, high : float
        Confidence limits, Student's t.
    confidence : float
        Their level.
    window : tuple of float
        Smallest and largest abscissa used.
    points : int
        How many.
    """

    slope: float
    low: float
    high: float
    confidence: float
    window: tuple[float, float]
    points: int

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def _slope(x: Array, z: Array, confidence: float, window: tuple[float, float]) -> Fit:
    confidence = as_number("confidence", confidence, above=0, below=1)
    if x.size < 3:
        raise ValueError(f"points: expected at least 3 in the window, got {x.size}")
    if np.ptp(x) == 0.0:
        raise ValueError("points: expected at least two different abscissas in the window, got one")
    x_mean, z_mean = float(x.mean()), float(z.mean())
    spread = float(np.sum((x - x_mean) ** 2))
    a = float(np.sum((x - x_mean) * (z - z_mean))) / spread
    rest = z - z_mean - a * (x - x_mean)  # summed as it is: 1 − r² cancels where the points lie on a line
    half = float(stats.t.isf((1.0 - confidence) / 2, x.size - 2) * np.sqrt(np.sum(rest**2) / (x.size - 2) / spread))
    return Fit(slope=a, low=a - half, high=a + half, confidence=confidence, window=window, points=x.size)


def fit_exponent(
    sizes: ArrayLike, values: ArrayLike, *, confidence: float = 0.95, window: tuple[float, float] = (0.0, math.inf)
) -> Fit:
    """Fit a in values ~ sizes^a, by least squares in logarithms.

    Parameters
    ----------
    sizes, values : array_like, shape (m,)
        Positive; repeats of a size (one for each seed) are welcome and make the interval honest.
    confidence : float, optional
        Level of the interval.
    window : tuple of float, optional
        Use sizes in this range only.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If fewer than three points are left, or a size or value is not positive.

    Examples
    --------
    >>> fit = fit_exponent([100, 400, 1600, 6400], [1.0, 0.5, 0.25, 0.125])
    >>> round(fit.slope, 12)
    -0.5
    """
    x, z = as_array("sizes", sizes, ndim=1), as_array("values", values, ndim=1)
    if x.shape != z.shape or not ((x > 0).all() and (z > 0).all()):
        raise ValueError(f"sizes and values: expected positive numbers of one shape, got {x.shape} and {z.shape}")
    used = (x >= window[0]) & (x <= window[1])
    bounds = (float(x[used].min(initial=math.inf)), float(x[used].max(initial=0.0)))
    return _slope(np.log(x[used]), np.log(z[used]), confidence, bounds)


def fit_rms_exponent(samples: Mapping[int, ArrayLike], *, confidence: float = 0.95) -> Fit:
    """Fit a in rms ~ size^a of independent values at each size, as exact for Gaussian values of mean 0.

    Of k of them the logarithm of the root mean square has mean ½(ψ(k/2) − log(k/2)) beside the true one and
    variance ¼ψ₁(k/2), with the digamma and trigamma functions; sizes count by these variances. Where the values
    have a mean, they vary less, and the interval is wider than need be.

    Parameters
    ----------
    samples : mapping of int to array_like, shape (k,)
        At least two sizes, each with independent values that are not all 0.
    confidence : float, optional
        Level of the interval.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fit = fit_rms_exponent({p: rng.standard_normal(64) / np.sqrt(p) for p in (100, 400, 1600)})
    >>> -0.5 in fit, fit.high < 0
    (True, True)
    """
    confidence = as_number("confidence", confidence, above=0, below=1)
    if len(samples) < 2:
        raise ValueError(f"samples: expected at least two sizes, got {len(samples)}")
    values = [as_array(f"samples[{size}]", sample, ndim=1) for size, sample in samples.items()]
    if not all(sample.any() for sample in values):
        raise ValueError("samples: expected values that are not all 0, got zeros")
    x, half = np.log(np.array(list(samples), dtype=float)), np.array([sample.size / 2 for sample in values])
    logs = np.array([0.5 * math.log(float(np.mean(sample**2))) for sample in values])
    z, weights = logs - 0.5 * (special.digamma(half) - np.log(half)), 4.0 / special.polygamma(1, half)
    centred = x - np.average(x, weights=weights)
    spread = float(np.sum(weights * centred**2))
    shares = weights * centred / spread  # the slope's error is their sum times independent errors of the logarithms
    slope = float(np.sum(shares * z))
    low, high = (_error_quantile(shares, half, level) for level in ((1 + confidence) / 2, (1 - confidence) / 2))
    window = (min(samples), max(samples))
    return Fit(
        slope=slope, low=slope - low, high=slope - high, confidence=confidence, window=window,
        points=sum(sample.size for sample in values),
    )  # fmt: skip


def _error_quantile(shares: Array, half: Array, level: float) -> float:
    """Quantile of Σ shareᵢ ½log(χ²ᵢ/kᵢ) about its mean, k = 2·half: Cornish–Fisher, from four cumulants."""
    _, second, third, fourth = (
        float(np.sum(shares**j * special.polygamma(j - 1, half) / 2.0**j)) for j in (1, 2, 3, 4)
    )
    z, root = float(stats.norm.ppf(level)), math.sqrt(second)
    skew, excess = third / root**3, fourth / second**2
    tail = (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * excess / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
    return root * (z + tail)


def contraction_rate(
    times: ArrayLike,
    norms: ArrayLike,
    eta: float,
    *,
    floor: float = 0.0,
    last: float = 0.5,
    confidence: float = 0.95,
) -> Fit:
    """Fit a in ‖e(t)‖ ~ (1 − ηa)^t over the last part of a trajectory above a floor.

    Parameters
    ----------
    times, norms : array_like, shape (m,)
        Steps and ‖e(t)‖.
    eta : float
        Step size.
    floor : float, optional
        Ignore norms at or below it (rounding).
    last : float, optional
        Fraction of the remaining steps that is used, counted from the end.
    confidence : float, optional
        Level of the interval.

    Returns
    -------
    Fit
        Of a, not of log(1 − ηa).

    Examples
    --------
    >>> t = np.arange(100)
    >>> round(contraction_rate(t, 0.9**t, eta=0.5).slope, 12)
    0.2
    """
    t, e = as_array("times", times, ndim=1), as_array("norms", norms, ndim=1)
    above = np.flatnonzero(e > floor)
    used = above[int(above.size * (1.0 - last)) :]
    window = (float(t[used].min(initial=math.inf)), float(t[used].max(initial=0.0)))
    fit = _slope(t[used], np.log(e[used]), confidence, window)
    slope, high, low = (-math.expm1(value) / eta for value in (fit.slope, fit.low, fit.high))
    return Fit(slope=slope, low=low, high=high, confidence=confidence, window=window, points=fit.points)
