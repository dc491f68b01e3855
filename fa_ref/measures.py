"""What is measured of the weights at a recorded step, besides the residual.

========================  ==========================================================================
alignment                 cos∠(b, β(t)), Definition 4.1
beta_norm                 ‖β(t)‖
feedback_norm             ‖b(t)‖; b moves under the rules of `fa_ref.learned` only
weight_movement           maxᵣ ‖wᵣ(t) − wᵣ(0)‖, (3.2)
scaled_weight_movement    maxᵣ ‖wᵣ(t) − wᵣ(0)‖ / |bᵣ|, over units with bᵣ ≠ 0, for b = b(t)
beta_movement             maxᵣ |βᵣ(t) − c(t) βᵣ(0)| with c(t) = Π_{s<t} (1 − ηλ(s)), (3.2)
beta_mean                 (1/√p) Σᵣ |βᵣ|
unit_mean                 (1/√p) Σᵣ |βᵣ| ‖wᵣ‖
weight_square             (1/p) Σᵣ ‖wᵣ‖²
========================  ==========================================================================

`beta_mean`, `unit_mean` and `weight_square` bound what rounding can do to an output.
"""

import math

import numpy as np

from fa_ref._support.compiled import njit
from fa_ref._support.vectors import widest_vectors

__all__ = ["MEASURES", "alignment", "largest", "measure", "summarise"]

MEASURES = (
    "alignment",
    "beta_norm",
    "weight_movement",
    "scaled_weight_movement",
    "beta_movement",
    "beta_mean",
    "unit_mean",
    "weight_square",
    "feedback_norm",
)


@njit(cache=True)
def _with_bits(bits):
    return np.int64(bits).view(np.float64)


@njit(cache=True)
def largest(x):
    """The largest |xᵣ|, 0 if there is none; NaN is passed over.

    Parameters
    ----------
    x : ndarray, shape (p,)

    Returns
    -------
    float

    Examples
    --------
    >>> largest(np.array([3.0, -4.0, math.nan]))
    4.0
    """
    top = np.int64(0)
    for bits in x.view(np.int64):  # without the sign they are in the order of the sizes, and become vectors
        top = max(top, bits & 0x7FFFFFFFFFFFFFFF)
    found = _with_bits(top)
    if found <= math.inf:
        return found
    found = 0.0
    for number in x:
        found = max(found, abs(number))
    return found


@njit(cache=True)
def _safe(square):
    """Whether a sum of squares has lost nothing to over- or underflow."""
    return 1e-280 < square < math.inf


@njit(cache=True, error_model="numpy")
def alignment(b, beta):
    """cos∠(b, β); NaN where one of them is zero. No square over- or underflows.

    Parameters
    ----------
    b, beta : ndarray, shape (p,)

    Returns
    -------
    float

    Examples
    --------
    >>> alignment(np.array([1.0, 0.0]), np.array([3.0, 4.0]))
    0.6
    """
    inner, bb, beta_beta = 0.0, 0.0, 0.0
    for r in range(b.size):
        inner += b[r] * beta[r]
        bb += b[r] ** 2
        beta_beta += beta[r] ** 2
    return _cosine(inner, bb, beta_beta, b, beta)


@njit(cache=True, error_model="numpy")
def _cosine(inner, bb, beta_beta, b, beta):
    """cos∠(b, β) from b·β, ‖b‖² and ‖β‖², or from scaled entries where squares over- or underflow."""
    if _safe(bb) and _safe(beta_beta):
        return inner / (math.sqrt(bb) * math.sqrt(beta_beta))
    scale_b, scale_beta = largest(b), largest(beta)
    if not (scale_b > 0.0 and scale_beta > 0.0):
        return math.nan
    inner, bb, beta_beta = 0.0, 0.0, 0.0
    for r in range(b.size):
        x, z = b[r] / scale_b, beta[r] / scale_beta
        inner += x * z
        bb += x * x
        beta_beta += z * z
    return inner / (math.sqrt(bb) * math.sqrt(beta_beta))


@njit(cache=True, error_model="numpy")
def _norm(square, x):
    """‖x‖ from ‖x‖², or from scaled entries where squares over- or underflow."""
    if _safe(square):
        return math.sqrt(square)
    scale = largest(x)
    if not 0.0 < scale < math.inf:
        return math.sqrt(square)
    total = 0.0
    for number in x:
        total += (number / scale) ** 2
    return scale * math.sqrt(total)


@njit(cache=True, error_model="numpy")
def _largest_scaled(moved, b):
    """maxᵣ √moved[r] / |bᵣ| over bᵣ ≠ 0: one root, of the largest quotient, where no square over- or underflows."""
    quotients = np.empty(b.size)
    for r in range(b.size):
        square = b[r] ** 2
        quotients[r] = moved[r] / square if _safe(square) else (math.inf if b[r] != 0.0 else 0.0)
    found = largest(quotients)
    if _safe(found):
        return math.sqrt(found)
    for r in range(b.size):
        quotients[r] = math.sqrt(moved[r]) / abs(b[r]) if b[r] != 0.0 else 0.0
    return largest(quotients)


@njit(cache=True)
def measure(W, beta, b, W_0, beta_0, decay, row):
    """Write the measures, in the order of `MEASURES`, to row.

    Parameters
    ----------
    W, beta : ndarray, shapes (p, d) and (p,)
        Weights now.
    b : ndarray, shape (p,)
    W_0, beta_0 : ndarray, shapes (p, d) and (p,)
        Weights at t = 0.
    decay : float
        c(t).
    row : ndarray, shape (9,)
        Written to.

    Examples
    --------
    >>> W, beta, row = np.ones((2, 1)), np.array([3.0, 4.0]), np.empty(len(MEASURES))
    >>> measure(W, beta, np.array([1.0, 0.0]), W, beta, 1.0, row)
    >>> dict(zip(MEASURES, row.tolist()))["beta_norm"]
    5.0
    """
    p, d = W.shape
    moved, size = np.zeros(p), np.zeros(p)
    for r in range(p):
        for k in range(d):
            moved[r] += (W[r, k] - W_0[r, k]) ** 2
            size[r] += W[r, k] ** 2
    summarise(moved, size, beta, b, beta_0, decay, row)


@njit(cache=True, error_model="numpy")
def summarise(moved, size, beta, b, beta_0, decay, row):
    """Write the measures of units with ‖wᵣ(t) − wᵣ(0)‖² = moved[r] and ‖wᵣ(t)‖² = size[r] to row.

    Parameters
    ----------
    moved, size : ndarray, shape (p,)
    beta, b, beta_0 : ndarray, shape (p,)
        β now, b, and β at t = 0.
    decay : float
        c(t).
    row : ndarray, shape (9,)
        Written to.

    Examples
    --------
    >>> moved, one, row = np.array([4.0]), np.ones(1), np.empty(len(MEASURES))
    >>> summarise(moved, one, one, one, one, 1.0, row)
    >>> dict(zip(MEASURES, row.tolist()))["weight_movement"]
    2.0
    """
    widest_vectors()
    sizes, changes = np.sqrt(size), beta - decay * beta_0
    inner, beta_square, beta_sum, unit_sum, weight_square, b_square = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for r in range(b.size):
        inner += b[r] * beta[r]
        weight_square += size[r]
        beta_square += beta[r] ** 2
        b_square += b[r] ** 2
        beta_sum += abs(beta[r])
        unit_sum += abs(beta[r]) * sizes[r]
    row[0] = _cosine(inner, b_square, beta_square, b, beta)
    row[1] = _norm(beta_square, beta)
    row[2] = math.sqrt(largest(moved))
    row[3] = _largest_scaled(moved, b)
    row[4] = largest(changes)
    row[5] = beta_sum / math.sqrt(b.size)
    row[6] = unit_sum / math.sqrt(b.size)
    row[7] = weight_square / b.size
    row[8] = _norm(b_square, b)
