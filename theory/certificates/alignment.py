"""Definition 4.1 proved for one network: where cos∠(b, β(t)) stays for good, and where it ends.

An a-posteriori certificate confines β(t) to a ball around β, and its limit to a smaller one around
β − ΨᵀA⁻¹e/√p. Both become intervals of cos∠(b, ·) here. Proofs: docs/certificates.md, step 10.

All is computed with +, −, ×, ÷ and √ in floating point, each of which is exact up to 2⁻⁵³, from numbers that are
bounds already; the slack `SLACK` covers these roundings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref.network import Network
from theory.certificates.tubes import Drift, upward
from theory.convergence.start import Rounded
from theory.precision import EPS

__all__ = ["Aligned", "Direction", "alignment_bounds", "cosines", "measure_aligned"]

Array = NDArray[np.float64]
Interval = tuple[float, float]

#: More than the dozen roundings of numbers in [−1, 1] by which a cosine can be off.
SLACK = 2.0**-48


@dataclass(frozen=True, kw_only=True)
class Direction:
    """A vector v in the plane of b̂ = b/‖b‖ and v itself.

    Attributes
    ----------
    along : (float, float)
        Between which ⟨b̂, v⟩ lies.
    across : (float, float)
        Between which ‖v − ⟨b̂, v⟩b̂‖ lies, from 0.
    """

    along: Interval
    across: Interval


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """What the bounds of alignment depend on.

    Attributes
    ----------
    now : Direction
        Of β.
    limit : Direction
        Of β − Ψᵀx/√p, with x ≈ A⁻¹e.
    push : float
        At least ‖Ψb̂‖/√p.
    defect : float
        At least ‖e − Ax‖.
    """

    now: Direction
    limit: Direction
    push: float
    defect: float


def alignment_bounds(
    aligned: Aligned, moved: Drift, *, sigma: float, lambda_min: float, U: float
) -> tuple[Interval, Interval]:
    """Bounds of cos∠(b, β(t)) for all t ≥ 0, and of its limit.

    Parameters
    ----------
    aligned : Aligned
        The present.
    moved : Drift
        At ``U``.
    sigma, lambda_min : float
        At least ‖Ψ‖₂/√p, at most λ_min(A), which is positive.
    U : float
        At least η Σ_s ‖e(s)‖ over all s ≥ 0.

    Returns
    -------
    always, finally_ : (float, float)
        The second lies in the first.
    """
    up = upward()
    always = cosines(aligned.now, reach=moved.beta, along=(aligned.push + moved.psi) * U * up)
    missed = (moved.map * U + aligned.defect) / lambda_min * up  # of x from η Σ e(s)
    limit = cosines(
        aligned.limit,
        reach=(sigma * missed + moved.psi * U) * up,
        along=(aligned.push * missed + moved.psi * U) * up,
    )
    return always, (max(always[0], limit[0]), min(always[1], limit[1]))


def cosines(centre: Direction, *, reach: float, along: float) -> Interval:
    """Bounds of cos∠(b, v + h) over all h with ‖h‖ ≤ reach and |⟨b̂, h⟩| ≤ along; (−1, 1) where v + h may be 0.

    Examples
    --------
    A vector of length 1 at 60° that moves by ½ turns by 30° at most, arcsin ½; and less if mostly across b:

    >>> centre = Direction(along=(0.5, 0.5), across=(0.75**0.5, 0.75**0.5))
    >>> [abs(round(c, 6)) for c in cosines(centre, reach=0.5, along=0.5)]
    [0.0, 0.866025]
    >>> [round(c, 3) for c in cosines(centre, reach=0.5, along=0.01)]
    [0.338, 0.812]
    """
    low, high = centre.along
    mirrored = Direction(along=(-high, -low), across=centre.across)
    return _lowest(centre, reach, along), -_lowest(mirrored, reach, along)


def _lowest(centre: Direction, reach: float, along: float) -> float:
    x, (least, most) = centre.along[0], centre.across
    if not (math.isfinite(reach) and math.isfinite(x) and math.isfinite(most)):
        return -1.0
    nearest = 0.0 if x <= 0.0 <= centre.along[1] else min(abs(x), abs(centre.along[1]))
    length = math.hypot(nearest, least) * (1.0 - SLACK)
    if not reach < length:
        return -1.0
    # The angle can grow by arcsin(reach/length), up to π.
    sine = min(reach / length * (1.0 + SLACK), 1.0)
    cosine = math.sqrt((1.0 - sine) * (1.0 + sine))
    y = most if x >= 0.0 else least
    size = math.hypot(x, y)
    turned = (x * cosine - y * sine) / size if x >= -size * cosine else -1.0
    # Or the component along b falls, and the one across changes for the worse.
    x -= min(along, reach) * (1.0 + SLACK)
    y = (most + reach) * (1.0 + SLACK) if x >= 0.0 else max(least - reach, 0.0) * (1.0 - SLACK)
    size = math.hypot(x, y)
    fallen = x / size if size > 0.0 else -1.0
    return max(turned - SLACK, fallen - SLACK, -1.0)


def measure_aligned(now: Rounded, network: Network) -> Aligned | None:
    """Measure in floating point what `theory.certificates.balls.enclose` encloses.

    Sums of m terms err by m·eps times their absolute sum at most, and Ψ by what `rounded` says. None where b = 0
    or A is singular.
    """
    n, p, b, beta = now.e.size, network.p, network.b, network.beta
    length, root, A = float(np.linalg.norm(b)), math.sqrt(p), now.G + now.H
    if not (length > 0 and np.isfinite(A).all() and np.isfinite(now.e).all()):
        return None
    try:
        x = np.linalg.solve(A, now.e)
    except np.linalg.LinAlgError:
        return None
    size = np.abs(x)
    shift, shift_error = now.Psi.T @ x / root, ((n + 8) * EPS * np.abs(now.Psi) + now.psi_error).T @ size / root
    defect = float(np.linalg.norm(now.e - A @ x) + (now.G_error + now.H_error) * np.linalg.norm(x))
    defect += float(np.linalg.norm((n + 8) * EPS * (np.abs(A) @ size + np.abs(now.e)) + now.e_error))
    blur = ((p + 8) * EPS * np.abs(now.Psi) + now.psi_error) @ np.abs(b)
    push = np.linalg.norm(now.Psi @ b) + np.linalg.norm(blur)
    relative = 1.0 + (p + 64) * EPS
    return Aligned(
        now=_direction(beta, np.zeros(p), b, length),
        limit=_direction(beta - shift, shift_error + 2 * EPS * np.abs(beta), b, length),
        push=float(push) / root / length * relative,
        defect=defect * relative,
    )


def _direction(v: Array, error: Array, b: Array, length: float) -> Direction:
    relative = (v.size + 16) * EPS
    along = float(b @ v) / length
    along_error = float(np.abs(b) @ (error + 2 * relative * np.abs(v))) / length * (1 + relative)
    across = float(np.linalg.norm(v - along / length * b))
    across_error = float(np.linalg.norm(error)) + along_error
    across_error += 2 * relative * (float(np.linalg.norm(v)) + abs(along))
    return Direction(
        along=(along - along_error, along + along_error),
        across=(max(across - across_error, 0.0), across + across_error),
    )
