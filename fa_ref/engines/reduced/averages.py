"""What a linear network of any width is to feedback alignment: averages over its units, measured or drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import as_count
from fa_ref._support.threads import one_blas_thread
from fa_ref.network import Network
from fa_ref.problem import Problem

__all__ = ["BeyondFloatsError", "Statistics", "require_range", "sample_in_law"]

Array = NDArray[np.float64]


#: Sizes of ηe between which neither a coefficient nor its product with K is lost to under- or overflow.
RANGE = 1e-280, 1e280


class BeyondFloatsError(ValueError):
    """The coefficients of a linear network under- or overflow, where its weights do not."""


def require_range(averages: Statistics, problem: Problem, eta: float) -> None:
    """Refuse a start whose coefficients are beyond floats: sums of ηe, and g, a sum of (η/√p) eᵀK(ηe).

    Parameters
    ----------
    averages : Statistics
        At t = 0.
    problem : Problem
        X and y.
    eta : float
        Step size η.

    Raises
    ------
    BeyondFloatsError
        If the largest η|e| or η|y| is not 0 and not in `RANGE`, its square times ‖K‖/√p is beyond it, or FᵀF/p is
        beyond floats.

    Examples
    --------
    >>> problem = Problem([[1e150]], [1e-150])
    >>> averages = Statistics.of(problem, Network([[1.0]], [0.0], [1.0]))
    >>> require_range(averages, problem, 1e-100)
    >>> try:
    ...     require_range(averages, problem, 1e-300)
    ... except BeyondFloatsError as refusal:
    ...     print(str(refusal)[:36])
    engine: expected 'loops' or 'ordered
    """
    with np.errstate(over="ignore", invalid="ignore"):
        size = float(max(np.abs(averages.F_beta - problem.y).max(), np.abs(problem.y).max()))
        moves = eta * size * problem.radius * math.sqrt(problem.n) / averages.p**0.25  # squared: a step of g
        inside = np.isfinite(averages.S).all() and RANGE[0] <= eta * size <= RANGE[1]
        if 0.0 < size < math.inf and not (inside and moves <= math.sqrt(RANGE[1])):
            raise BeyondFloatsError(
                "engine: expected 'loops' or 'ordered' where FᵀF is no float, or η|e| or its square times ‖K‖ not"
                f" between {RANGE[0]:g} and {RANGE[1]:g}, got 'reduced' with η = {eta:.3g} and |e| up to {size:.3g}"
            )


@dataclass(frozen=True)
class Statistics:
    """What a linear network of p units is to feedback alignment: the Gram matrix of β(0), b and F = W(0)Xᵀ.

    Attributes
    ----------
    p : int
        Width.
    S : ndarray, shape (n, n)
        FᵀF/p.
    F_b, F_beta : ndarray, shape (n,)
        Fᵀb/√p and Fᵀβ(0)/√p; the second is f at t = 0.
    b_b, beta_beta, b_beta : float
        ‖b‖²/p, ‖β(0)‖²/p and bᵀβ(0)/√p.
    weight_square : float
        ‖W(0)‖²/p.
    b_max : float
        maxᵣ |bᵣ|; NaN if drawn in law.
    """

    p: int
    S: Array
    F_b: Array
    F_beta: Array
    b_b: float
    beta_beta: float
    b_beta: float
    weight_square: float
    b_max: float

    @classmethod
    def of(cls, problem: Problem, network: Network, F: Array | None = None) -> Statistics:
        """Return those of a network; F = W(0)Xᵀ may be given where it is known.

        Examples
        --------
        >>> problem = Problem([[1.0, 0.0], [0.0, 2.0]], [1.0, 1.0])
        >>> network = Network([[1.0, 1.0]] * 4, beta=[1.0] * 4, b=[-1.0] * 4)
        >>> statistics = Statistics.of(problem, network)
        >>> statistics.F_beta == network.output(problem.X, "linear"), statistics.b_beta
        (array([ True,  True]), -2.0)
        """
        p, b, beta = network.p, network.b, network.beta
        with one_blas_thread():
            F, root = network.W @ problem.X.T if F is None else F, math.sqrt(p)
            return cls(
                p, F.T @ F / p, F.T @ b / root, F.T @ beta / root,
                float(b @ b) / p, float(beta @ beta) / p, float(b @ beta) / root,
                float(np.sum(network.W**2)) / p, float(np.abs(b).max()),
            )  # fmt: skip


def sample_in_law(problem: Problem, p: int, rng: np.random.Generator) -> Statistics:
    """Draw the `Statistics` of a Gaussian linear network of width p, in O(n³) whatever p.

    With X = U Σ Vᵀ of rank k, F = N (UΣ)ᵀ for N = W(0)V, whose entries are independent N(0, 1) as those of b and
    β(0) are. The Gram matrix of these k + 2 Gaussian vectors of length p is Wishart: T Tᵀ for a lower triangular T
    with independent entries, N(0, 1) below the diagonal, χ with p, p − 1, … degrees of freedom on it
    (Bartlett). Below p = k + 2 the vectors themselves are drawn.

    Parameters
    ----------
    problem : Problem
        X (n×d).
    p : int
        Width.
    rng : numpy.random.Generator
        Drawn from.

    Returns
    -------
    Statistics
        To be given to `fa_ref.train` in place of a network. `Network.gaussian` has the same law.

    Examples
    --------
    >>> problem = Problem([[1.0, 0.0], [0.0, 2.0]], [1.0, 1.0])
    >>> statistics = sample_in_law(problem, 10**12, np.random.default_rng(0))
    >>> bool(abs(statistics.S - problem.K).max() < 1e-4)
    True
    """
    with one_blas_thread():
        return _sample(problem, as_count("p", p), rng)


def _sample(problem: Problem, p: int, rng: np.random.Generator) -> Statistics:
    U, sigma, _ = np.linalg.svd(problem.X, full_matrices=False)
    k = problem.rank
    gram, cross = _gram(k + 2, p, rng)  # b, β(0), N
    C = U[:, :k] * sigma[:k]
    outside = p * (problem.d - k)  # entries of W(0) that no sample sees
    unseen = 2.0 * float(rng.standard_gamma(0.5 * outside)) / p if outside else 0.0
    return Statistics(
        p, C @ gram[2:, 2:] @ C.T, C @ cross[2:, 0], C @ cross[2:, 1],
        float(gram[0, 0]), float(gram[1, 1]), float(cross[1, 0]), float(np.trace(gram[2:, 2:])) + unseen, math.nan,
    )  # fmt: skip


def _gram(m: int, p: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw Q/p, and Q/√p below the diagonal, for the Gram matrix Q of m Gaussian vectors of length p."""
    root = math.sqrt(p)
    if p < m:
        vectors = rng.standard_normal((p, m))
        return vectors.T @ vectors / p, np.tril(vectors.T @ vectors / root, -1)
    diagonal = np.sqrt(2.0 * rng.standard_gamma(0.5 * (p - np.arange(m))) / p)  # χ/√p
    below = np.tril(rng.standard_normal((m, m)), -1)
    T = np.diag(diagonal) + below / root
    # T Tᵀ √p below the diagonal, without the difference of large numbers
    cross = np.tril(below * diagonal + below @ below.T / root, -1)
    return T @ T.T, cross
