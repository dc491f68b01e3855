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
    """The largest |xᵣ|, 0 if there is none; NaN is passed over."""
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


@njit(cache=True, error_model="numpy")
def alignment(b, beta):
    """cos∠(b, β); NaN where one of them is zero. Scaled first, so that no square overflows."""
    scale_b, scale_beta = largest(b), largest(beta)
    inner, bb, beta_beta = 0.0, 0.0, 0.0
    if not (scale_b > 0.0 and scale_beta > 0.0):
        return math.nan
    scaled_b, scaled_beta = b / scale_b, beta / scale_beta
    for r in range(b.size):
        x, z = scaled_b[r], scaled_beta[r]
        inner += x * z
        bb += x * x
        beta_beta += z * z
    return inner / math.sqrt(bb * beta_beta)


@njit(cache=True)
def measure(W, beta, b, W_0, beta_0, decay, row):
    """Write the measures, in the order of `MEASURES`, to row. decay is c(t)."""
    p, d = W.shape
    moved, size = np.zeros(p), np.zeros(p)
    for r in range(p):
        for k in range(d):
            moved[r] += (W[r, k] - W_0[r, k]) ** 2
            size[r] += W[r, k] ** 2
    summarise(moved, size, beta, b, beta_0, decay, row)


@njit(cache=True, error_model="numpy")
def summarise(moved, size, beta, b, beta_0, decay, row):
    """Write the measures of units with ‖wᵣ(t) − wᵣ(0)‖² = moved[r] and ‖wᵣ(t)‖² = size[r] to row."""
    widest_vectors()
    distances, sizes, changes = np.sqrt(moved), np.sqrt(size), beta - decay * beta_0
    scaled_distances = np.zeros(b.size)
    for r in range(b.size):
        scaled_distances[r] = distances[r] / abs(b[r]) if b[r] != 0.0 else 0.0
    beta_square, beta_sum, unit_sum, weight_square, b_square = 0.0, 0.0, 0.0, 0.0, 0.0
    for r in range(b.size):
        weight_square += size[r]
        beta_square += beta[r] ** 2
        b_square += b[r] ** 2
        beta_sum += abs(beta[r])
        unit_sum += abs(beta[r]) * sizes[r]
    row[0] = alignment(b, beta)
    row[1] = math.sqrt(beta_square)
    row[2] = largest(distances)
    row[3] = largest(scaled_distances)
    row[4] = largest(changes)
    row[5] = beta_sum / math.sqrt(b.size)
    row[6] = unit_sum / math.sqrt(b.size)
    row[7] = weight_square / b.size
    row[8] = math.sqrt(b_square)
