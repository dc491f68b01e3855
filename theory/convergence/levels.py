"""How likely the quantities that a proof starts from are to be good, at Gaussian initialisation.

Each function names one event, or the level that one quantity keeps with probability 1 − δ, with W(0), β(0), b
independent N(0, 1). Proofs and sources: docs/convergence.md, section 6, and docs/linear.md, section 5.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq

from theory.precision import power

__all__ = [
    "b_square_failure",
    "b_square_level",
    "cantelli_level",
    "gram_failure",
    "gram_failure_second_moment",
    "gram_high_level",
    "gram_low_level",
    "h_failure",
    "h_level",
    "inner_level",
    "moment_failure",
    "output_level",
    "stretch_levels",
]

#: Means and variances of |β|b² (with β, b ~ N(0, 1) independent) and b⁴.
MOMENT_MEAN, MOMENT_VARIANCE = math.sqrt(2 / math.pi), 3 - 2 / math.pi
FOURTH_MEAN, FOURTH_VARIANCE = 3.0, 96.0


def b_square_failure(p: float) -> float:
    """P(‖b‖² > 2p) ≤ e^{−p(1 − ln 2)/2}, the exact Chernoff exponent of χ²_p at twice its mean.

    Examples
    --------
    >>> round(b_square_failure(100), 9)
    2.17e-07
    """
    return math.exp(-p * (1 - math.log(2)) / 2)


def b_square_level(p: float, delta: float) -> float:
    """‖b‖²/p ≤ 1 + 2√(L/p) + 2L/p, L = log(1/δ), with probability 1 − δ (Laurent and Massart)."""
    L = math.log(1 / delta)
    return 1 + 2 * math.sqrt(L / p) + 2 * L / p


def moment_failure(p: float) -> float:
    """P((1/p) Σ |β_r| b_r² > 2) ≤ variance/(variance + p·distance²): Cantelli's inequality.

    Examples
    --------
    >>> round(1e6 * moment_failure(1e6), 2)
    1.64
    """
    return MOMENT_VARIANCE / (MOMENT_VARIANCE + p * (2 - MOMENT_MEAN) ** 2)


def cantelli_level(mean: float, variance: float, p: float, delta: float) -> float:
    """A mean of p independent terms stays below mean + √(variance (1/δ − 1)/p) with probability 1 − δ."""
    return mean + math.sqrt(variance * (1 / delta - 1) / p)


def gram_failure_second_moment(p: float, n: int, B0: float, gamma: float) -> float:
    """P(λ_min(G(0)) < ¾γ) ≤ 16 n² B0⁴/(pγ²), from E‖G(0) − Ḡ‖_F²: the route of the printed proof."""
    if not gamma > 0:
        return 1.0
    return min(1.0, power(4 * n * power(B0, 2) / gamma, 2) / p)


def gram_failure(p: float, n: int, B0: float, gamma: float, epsilon: float = 0.25) -> float:
    """P(λ_min(G(0)) < (1 − ε)γ) ≤ n [e^{−ε}/(1 − ε)^{1−ε}]^{pγ/(nB0²)}: matrix Chernoff.

    At ε = ¼ the bracket is e^{−0.0342}.

    Examples
    --------
    >>> round(gram_failure(1000, 2, 1.0, 0.4), 4)
    0.0021
    """
    exponent = epsilon + (1 - epsilon) * math.log1p(-epsilon) if epsilon < 1 else 1.0
    return min(1.0, n * math.exp(-exponent * p * gamma / (n * power(B0, 2))))


def gram_low_level(p: float, n: int, B0: float, gamma: float, delta: float) -> float:
    """The (1 − ε)γ that λ_min(G(0)) reaches with probability 1 − δ, by `gram_failure`; 0 if p is too small."""
    scale, last = p * gamma / (n * power(B0, 2)), 1 - 1e-12

    def missing(epsilon: float) -> float:
        return math.log(n / delta) - scale * _low_exponent(epsilon)

    if not missing(last) <= 0:  # the very function that is solved: at the edge another would round another way
        return 0.0
    return float((1 - brentq(missing, 0.0, last)) * gamma * (1 - 1e-9))


def _low_exponent(epsilon: float) -> float:
    return epsilon + (1 - epsilon) * math.log1p(-epsilon)


def gram_high_level(p: float, n: int, B0: float, top: float, delta: float) -> float:
    """The level λ_max(G(0)) stays below with probability 1 − δ, by matrix Chernoff; ``top`` is λ_max(Ḡ)."""
    scale = p * top / (n * power(B0, 2))

    if not scale > 1e-290:  # the level sought is beyond floating-point numbers, n B0² holds always
        return float(n * power(B0, 2))

    def missing(epsilon: float) -> float:
        return math.log(n / delta) - scale * ((1 + epsilon) * math.log1p(epsilon) - epsilon)

    high = 1.0
    while missing(high) > 0:
        high *= 2
    return float(min(n * power(B0, 2), (1 + brentq(missing, 0.0, high)) * top * (1 + 1e-9)))


def h_failure(p: float, n: int, B1: float, chi: float, K_norm: float, level: float) -> float:
    """P(‖H(0)‖ > level, ‖b‖² ≤ 2p), the smaller of two bounds.

    B1⁴ ‖K‖_F²/(p·level²), from E‖H(0)‖_F², and 2n e^{−p·level²/(4 B1⁴χ⁴)}, as H(0) is a Gaussian series in β(0).
    """
    slope = B1 * chi
    if not (level > 0 and slope > 0):  # too small for floating-point numbers
        return 1.0
    chebyshev = power(power(B1, 2) * K_norm / level, 2) / p
    series = 2 * n * math.exp(-p * power(level / slope / (2 * slope), 2))
    return min(1.0, chebyshev, series)


def h_level(p: float, n: int, B1: float, chi: float, K_norm: float, delta: float, b_square: float = 2.0) -> float:
    """The level ‖H(0)‖ stays below with probability 1 − δ, given ‖b‖² ≤ b_square·p."""
    series = power(B1, 2) * power(chi, 2) * math.sqrt(2 * b_square * math.log(2 * n / delta) / p)
    return min(power(B1, 2) * K_norm / math.sqrt(p * delta), series)


def output_level(n: int, B0: float, sigma: float, delta: float) -> float:
    """‖f(0)‖ ≤ B0 √n + σ √(2 log(1/δ)) with probability 1 − δ, given σ_max(Ψ(0)/√p) ≤ σ.

    Given W(0), ‖f(0)‖ is a σ-Lipschitz function of β(0) whose mean is at most √tr G(0) ≤ B0 √n.
    """
    return B0 * math.sqrt(n) + sigma * math.sqrt(2 * math.log(1 / delta))


def inner_level(delta: float) -> float:
    """|⟨b/‖b‖, β(0)⟩| ≤ √(2 log(2/δ)) with probability 1 − δ."""
    return math.sqrt(2 * math.log(2 / delta))


def stretch_levels(p: float, n: int, delta: float) -> tuple[float, float]:
    """s₋, s₊ between which all singular values of a p×n Gaussian matrix over √p lie, each with probability 1 − δ.

    s± = 1 ± (√(n/p) + √(2 log(1/δ)/p)) (Davidson and Szarek).

    Examples
    --------
    >>> [round(s, 3) for s in stretch_levels(10_000, 4, 0.01)]
    [0.95, 1.05]
    """
    width = math.sqrt(n / p) + math.sqrt(2 * math.log(1 / delta) / p)
    return 1 - width, 1 + width
