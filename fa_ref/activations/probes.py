"""What is stated of a user's ψ is a promise; here a grid of probes looks for what contradicts it.

Probes prove nothing. They find a bound that fails on a fair part of 10⁻⁸ ≤ |z| ≤ 10⁴, a jump of ψ or a kink of ψ′
anywhere in that range (values on both sides of it differ by more than a Lipschitz constant allows), and a ψ′ that
is not the derivative of ψ.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fa_ref.activations.activation import Activation

__all__ = ["contradiction"]

Array = NDArray[np.float64]
Scalar = Callable[[float], float]

#: The unit roundoff of float64.
U = 2.0**-53

# A linear grid where activations bend, and a logarithmic one for small and large arguments; no round numbers, so
# that a kink at one does not fall on a probe.
_NEAR = np.linspace(-12.0, 12.0, 2003) + 1e-3 / math.pi
_FAR = np.geomspace(math.pi * 1e-9, math.pi * 3e3, 601)
GRID = np.unique(np.concatenate([-_FAR, _NEAR, _FAR]))

#: ψ must be a number here; beyond, a formula may overflow.
MODERATE = 30.0


def contradiction(psi: Activation) -> str | None:
    """Return the first statement of ψ that a probe contradicts, as "NAME: expected …, got …", or None.

    Examples
    --------
    >>> from fa_ref.activations import ACTIVATIONS
    >>> contradiction(ACTIVATIONS["softplus"]) is None
    True
    """
    values, slopes = _evaluated(psi.psi, GRID), _evaluated(psi.dpsi, GRID)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # far out ψ need not be a finite number
        noise = _allowance(psi, values, slopes, GRID)
        return (
            _undefined(psi, values, slopes)
            or _uneven(psi, values, slopes)
            or _not_derivative(psi, values, slopes)
            or _beyond_bounds(psi, values, slopes, noise)
        )


def _evaluated(function: Scalar, points: Array) -> Array:
    """The function at each point; NaN where it raises."""

    def value(z: float) -> float:
        try:
            return float(function(z))
        except (ArithmeticError, ValueError):
            return math.nan

    return np.array([value(z) for z in points.tolist()])


def _allowance(psi: Activation, values: Array, slopes: Array, z: Array) -> Array:
    """What evaluation in floating point may add: ``rounding`` units of 1 + |ψ| + |zψ′|."""
    steep = np.where(np.isfinite(slopes), np.abs(slopes), 0.0)
    if math.isfinite(psi.B1):
        steep = np.maximum(steep, psi.B1)
    units = psi.rounding if math.isfinite(psi.rounding) else 2.0**20
    allowance: Array = units * U * (1.0 + np.abs(values) + np.abs(z) * steep)
    return allowance


def _undefined(psi: Activation, values: Array, slopes: Array) -> str | None:
    if all(map(math.isinf, (psi.B0, psi.B1, psi.B2, psi.B3))):
        return None  # nothing is promised of it
    bad = ~(np.isfinite(values) & np.isfinite(slopes)) & (np.abs(GRID) <= MODERATE)
    if not bad.any():
        return None
    return f"psi: expected finite ψ and ψ′ where bounds are stated, got others at z = {GRID[bad][0]:.6g}"


def _not_derivative(psi: Activation, values: Array, slopes: Array) -> str | None:
    """ψ′(z) lies between the quotients of both sides, which also holds at a kink."""
    h = 1e-5 * np.minimum(np.abs(GRID), 1.0)
    left, right = (_evaluated(psi.psi, GRID + side * h) for side in (-1, 1))
    with np.errstate(invalid="ignore", over="ignore"):
        quotients = np.array([(values - left) / h, (right - values) / h])
        middle = quotients.mean(axis=0)
        slack = 1e-4 * (1.0 + np.abs(quotients).max(axis=0))
        slack += 4.0 * np.nan_to_num(_allowance(psi, values, slopes, GRID), nan=math.inf) / h
        wrong = (slopes < quotients.min(axis=0) - slack) | (slopes > quotients.max(axis=0) + slack)
    if not wrong.any():
        return None
    k = int(np.flatnonzero(wrong)[np.argmin(np.abs(np.abs(GRID[wrong]) - 1.0))])  # the most telling: near 1
    return f"dpsi: expected the derivative of psi, {middle[k]:.6g} at z = {GRID[k]:.6g}, got {slopes[k]:.6g}"


def _beyond_bounds(psi: Activation, values: Array, slopes: Array, noise: Array) -> str | None:
    """|ψ| ≤ B0, |ψ′| ≤ B1, and what B1, B2 and B3 allow ψ, ψ′ and the quotients of ψ′ to change by."""
    B1, B2, B3 = psi.B1, psi.B2, psi.B3
    offset = math.inf
    if psi.strip is not None:  # on R, what Cauchy's formula makes of the strip holds too
        width, slope = psi.strip.width, psi.strip.slope
        B1, B2, B3 = min(B1, slope), min(B2, slope / width), min(B3, 2 * slope / width**2)
        offset = psi.strip.offset + psi.strip.growth * np.abs(GRID)
    step = np.diff(GRID)
    between = (GRID[1:] + GRID[:-1]) / 2
    pairs = noise[1:] + noise[:-1] + 8 * U * np.abs(between)
    flat = 4 * (psi.rounding if math.isfinite(psi.rounding) else 2.0**20) * U * (1 + np.abs(slopes))
    flat = flat + 4 * U * np.abs(GRID) * (B2 if math.isfinite(B2) else 0.0)
    bend, gap = np.diff(slopes) / step, (GRID[2:] - GRID[:-2]) / 2
    tests = [
        ("B0", "|ψ|", np.abs(values), psi.B0 * (1 + 8 * U) + noise, GRID),
        ("strip", "|ψ|", np.abs(values), offset + noise, GRID),
        ("B1", "|ψ′|", np.abs(slopes), B1 * (1 + 8 * U) + flat, GRID),
        ("B1", "the change of ψ", np.abs(np.diff(values)), B1 * step + pairs, between),
        ("B2", "the change of ψ′", np.abs(np.diff(slopes)), B2 * step + flat[1:] + flat[:-1], between),
        ("B3", "the second change of ψ′", np.abs(np.diff(bend)) * gap,
         B3 * gap**2 + (flat[2:] + 2 * flat[1:-1] + flat[:-2]) * gap / np.minimum(step[1:], step[:-1]), GRID[1:-1]),
    ]  # fmt: skip
    for name, what, seen, allowed, where in tests:
        excess = seen > allowed
        if excess.any():
            k = int(np.argmax(np.where(excess, seen - allowed, -math.inf)))
            most = float(np.broadcast_to(allowed, seen.shape)[k])
            promised = f"expected a bound, under which {what} is at most {most:.6g}"
            return f"{name}: {promised}, got {seen[k]:.6g} at z = {where[k]:.6g}"
    return None


def _uneven(psi: Activation, values: Array, slopes: Array) -> str | None:
    """Neighbours of a few units in the last place show how far rounding moves ψ and ψ′."""
    if math.isinf(psi.rounding):
        return None
    chosen = np.flatnonzero(np.abs(GRID) <= MODERATE)[::7]
    z, noise = GRID[chosen], _allowance(psi, values, slopes, GRID)[chosen]
    first, last = (_evaluated(psi.psi, z * (1.0 + k * 2.0**-46)) for k in (-11, 9))
    worst, where = 0.0, 0.0
    for k in (-5, 1, 3):
        with np.errstate(invalid="ignore"):
            straight = first + (k + 11) / 20 * (last - first)
            slack = 2 * (noise + psi.rounding * U * np.abs(last - first) * 2.0**46 / 20)
            off = np.abs(_evaluated(psi.psi, z * (1.0 + k * 2.0**-46)) - straight) / slack
        if np.nanmax(off, initial=0.0) > worst:
            worst, where = float(np.nanmax(off)), float(z[np.nanargmax(off)])
    if worst <= 1.0:
        return None
    return (
        f"rounding: expected the units of rounding of psi, at least {worst * psi.rounding:.3g} at z = {where:.6g},"
        f" got {psi.rounding:g} (inf says that they are not known)"
    )
