"""(γ, ε)-isometry of the inputs: Definition 4.4, and Propositions 3.3 and 4.5 as numbers to compare.

K = XXᵀ is the Gram matrix of the rows of X. Proposition 4.5 is about X with independent N(0, 1/d) entries.
Its printed width is of order 1/ε; no width of that order suffices (docs/kernels.md), the right one is 1/ε².
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fa_ref._support.checks import as_array, as_count, as_number
from fa_ref._support.truth import NoTruthValue
from theory.margins import Margin

__all__ = [
    "Isometry",
    "SmallestDimension",
    "davidson_szarek",
    "isometry",
    "limiting_aspect_ratio",
    "printed_dimension",
    "proposition_4_5",
    "smallest_dimension",
    "sufficient_dimension",
    "wishart_root",
]

Array = NDArray[np.float64]
Sampler = Callable[[int, int, np.random.Generator], Array]


@dataclass(frozen=True)
class Isometry(NoTruthValue):
    """Extreme eigenvalues of K = XXᵀ, and the constants of Definition 4.4 they give.

    Attributes
    ----------
    lambda_min, lambda_max : float
        λ_min(K) (0 where n > d) and λ_max(K).
    """

    lambda_min: float
    lambda_max: float

    @property
    def gamma(self) -> float:
        """The largest γ that Definition 4.4 allows: λ_min(K)."""
        return self.lambda_min

    @property
    def epsilon(self) -> float:
        """The smallest ε at that γ: λ_max/λ_min − 1, inf if K is singular."""
        return self.lambda_max / self.lambda_min - 1 if self.lambda_min > 0 else math.inf

    def margins(self, gamma: float, epsilon: float) -> tuple[Margin, Margin]:
        """The two conditions of (γ, ε)-isometry, measured."""
        return (
            Margin("λ_min(K)", self.lambda_min, gamma, "≥"),
            Margin("λ_max(K)", self.lambda_max, (1 + epsilon) * gamma, "≤"),
        )

    def satisfies(self, gamma: float, epsilon: float) -> bool:
        """Whether X is (γ, ε)-isometric: λ_min(K) ≥ γ and λ_max(K) ≤ (1+ε)γ.

        Examples
        --------
        >>> measured = isometry([[1.0, 0.0], [0.0, 1.2]])
        >>> measured.satisfies(1.0, 0.45), measured.satisfies(1.0, 0.4)
        (True, False)
        """
        return all(bool(margin.met) for margin in self.margins(gamma, epsilon))


def isometry(X: ArrayLike) -> Isometry:
    """Measure the isometry of X, n×d.

    Parameters
    ----------
    X : array_like, shape (n, d)
        Inputs, one a row.

    Returns
    -------
    Isometry

    Raises
    ------
    ValueError
        If X is not a finite n×d array.

    Examples
    --------
    >>> measured = isometry([[2.0, 0.0], [0.0, 3.0]])
    >>> round(measured.gamma, 12), round(measured.epsilon, 12)
    (4.0, 1.25)
    """
    X = as_array("X", X, ndim=2)
    singular = np.linalg.svd(X, compute_uv=False)
    smallest = 0.0 if X.shape[0] > X.shape[1] else float(singular[-1]) ** 2
    return Isometry(smallest, float(singular[0]) ** 2)


def proposition_4_5(X: ArrayLike, epsilon: float) -> bool:
    """Whether X is (1−ε, 4ε)-isometric: 1 − ε ≤ λ(K) ≤ (1+4ε)(1−ε) = 1 + 3ε − 4ε².

    Examples
    --------
    >>> proposition_4_5(np.eye(3), 0.1), proposition_4_5(2 * np.eye(3), 0.1)
    (True, False)
    """
    epsilon = _epsilon(epsilon)
    return isometry(X).satisfies(1 - epsilon, 4 * epsilon)


def davidson_szarek(n: int, d: int, delta: float) -> tuple[float, float]:
    """Bounds that all singular values of X, entries N(0, 1/d), keep with probability at least 1 − δ.

    1 ± (√(n/d) + √(2 log(2/δ)/d)), the lower one at least 0 (Davidson and Szarek 2001, Theorem II.13).

    Examples
    --------
    >>> low, high = davidson_szarek(10, 100_000, 0.05)
    >>> round(low, 4), round(high, 4)
    (0.9814, 1.0186)
    """
    n, d, delta = as_count("n", n), as_count("d", d), _delta(delta)
    width = (math.sqrt(n) + math.sqrt(2 * math.log(2 / delta))) / math.sqrt(d)
    return max(0.0, 1 - width), 1 + width


def printed_dimension(n: int, epsilon: float, delta: float) -> float:
    """Proposition 4.5's printed order of d, (1/ε) log(n/δ) + (n/ε) log(1/ε), without its constant.

    Too small by a factor of order 1/(ε log(1/ε)): kept to be compared with `sufficient_dimension`.

    Examples
    --------
    >>> round(printed_dimension(50, 0.1, 0.1))
    1213
    """
    n, epsilon, delta = as_count("n", n), _epsilon(epsilon), _delta(delta)
    return (math.log(n / delta) + n * math.log(1 / epsilon)) / epsilon


def sufficient_dimension(n: int, epsilon: float, delta: float) -> int:
    """Return the smallest d at which `davidson_szarek` proves (1−ε, 4ε)-isometry with probability 1 − δ.

    √d ≥ (√n + √(2 log(2/δ))) / min(1 − √(1−ε), √(1+3ε−4ε²) − 1): of order (n + log(1/δ))/ε², which is right.

    Examples
    --------
    >>> sufficient_dimension(50, 0.1, 0.1)
    34408
    """
    n, epsilon, delta = as_count("n", n), _epsilon(epsilon), _delta(delta)
    root = (math.sqrt(n) + math.sqrt(2 * math.log(2 / delta))) * math.sqrt(limiting_aspect_ratio(epsilon))
    return math.ceil(root * root)


def limiting_aspect_ratio(epsilon: float) -> float:
    """Return the d/n that (1−ε, 4ε)-isometry needs as n → ∞: max{(1−√(1−ε))⁻², (√(1+3ε−4ε²)−1)⁻²}.

    By σ(X)² → (1 ± √(n/d))² (Bai and Yin). It is 4/ε² to first order.

    Examples
    --------
    >>> round(limiting_aspect_ratio(0.1), 1), round(limiting_aspect_ratio(0.001) * 0.001**2, 3)
    (379.7, 3.998)
    """
    epsilon = _epsilon(epsilon)
    below = epsilon / (1 + math.sqrt(1 - epsilon))  # 1 − √(1−ε) without its cancellation
    above = (3 * epsilon - 4 * epsilon**2) / (1 + math.sqrt(1 + 3 * epsilon - 4 * epsilon**2))
    return min(below, above) ** -2


def wishart_root(n: int, d: int, rng: np.random.Generator) -> Array:
    """Draw an n×min(n, d) matrix whose Gram matrix has the law of XXᵀ, X an n×d matrix of N(0, 1/d) entries.

    Bartlett: lower triangular, entries N(0, 1) below the diagonal, √χ²_{d−i} on it (i = 0, 1, …), all over
    √d. So an experiment at large d costs what one at d = n does. For d < n, X itself.

    Examples
    --------
    >>> wishart_root(3, 1000, np.random.default_rng(0)).shape
    (3, 3)
    """
    n, d = as_count("n", n), as_count("d", d)
    if d < n:
        return rng.standard_normal((n, d)) / math.sqrt(d)
    root = np.tril(rng.standard_normal((n, n)), -1)
    np.fill_diagonal(root, np.sqrt(rng.chisquare(d - np.arange(n))))
    return root / math.sqrt(d)


@dataclass(frozen=True)
class SmallestDimension:
    """An empirical threshold in d.

    Attributes
    ----------
    d : int
        Smallest d found at which the share of successes is at least 1 − δ.
    frequency, frequency_below : float
        That share at d, and at ``below``, the largest d tried that failed (0 if d = 1 succeeded).
    below : int
        See there.
    draws : int
        Draws per d. The share has standard error √(δ(1−δ)/draws) near the threshold.
    """

    d: int
    frequency: float
    below: int
    frequency_below: float
    draws: int


def smallest_dimension(
    n: int,
    epsilon: float,
    delta: float,
    rng: np.random.Generator,
    *,
    draws: int = 200,
    resolution: float = 0.01,
    sampler: Sampler = wishart_root,
) -> SmallestDimension:
    """Find by bisection the smallest d at which X is (1−ε, 4ε)-isometric with probability at least 1 − δ.

    Parameters
    ----------
    n : int
        Number of inputs.
    epsilon, delta : float
        0 < ε < ½ and 0 < δ < 1.
    rng : numpy.random.Generator
        Source of all draws.
    draws : int
        Draws per value of d.
    resolution : float
        Relative width of the final bracket.
    sampler : callable, optional
        (n, d, rng) → X (or any matrix with the same Gram matrix); N(0, 1/d) entries by default.

    Raises
    ------
    ValueError
        If a number is out of range, or no d up to 2³⁰ succeeds.

    Examples
    --------
    >>> found = smallest_dimension(5, 0.4, 0.1, np.random.default_rng(0))
    >>> found.below < found.d < sufficient_dimension(5, 0.4, 0.1)
    True
    """
    n, epsilon, delta = as_count("n", n), _epsilon(epsilon), _delta(delta)
    draws, resolution = as_count("draws", draws), as_number("resolution", resolution, above=0)

    def frequency(d: int) -> float:
        return sum(proposition_4_5(sampler(n, d, rng), epsilon) for _ in range(draws)) / draws

    low, at_low, high = 0, 0.0, n
    while (at_high := frequency(high)) < 1 - delta:
        low, at_low, high = high, at_high, 2 * high
        if high > 1 << 30:
            raise ValueError("sampler: expected (1−ε, 4ε)-isometry at some d up to 2^30, got none")
    while high - low > max(1.0, resolution * high):
        middle = (low + high) // 2
        at_middle = frequency(middle)
        if at_middle >= 1 - delta:
            high, at_high = middle, at_middle
        else:
            low, at_low = middle, at_middle
    return SmallestDimension(high, at_high, low, at_low, draws)


def _epsilon(value: float) -> float:
    return as_number("epsilon", value, above=0, below=0.5)


def _delta(value: float) -> float:
    return as_number("delta", value, above=0, below=1)
