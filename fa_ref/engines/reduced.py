"""The reduced engine: feedback alignment of a linear network in O(n²) a step, whatever the width.

Let F = W(0)Xᵀ, p×n. Feedback alignment moves W along b only and β within the span of β(0), the columns of F and b:

    W(t)Xᵀ = F − (1/√p) b (K u)ᵀ,        β(t) = c β(0) + (1/√p) (F a + g b),

with numbers c, g and vectors a, u of length n that follow

    e = f − y,   f = c F_β + S a + (1/√p) (g F_b − κ K u),   κ = bᵀβ(t)/√p = c b_β + F_b·a/√p + g b_b
    g ← (1 − ηλ) g + (η/√p) (K u)·e,   a ← (1 − ηλ) a − η e,   u ← u + η e,   c ← (1 − ηλ) c

from c = 1 and g = a = u = 0. p units enter through their averages alone, `Statistics`, which are numbers of
order one at any width, so that no digit is lost at p = 10¹². This is the expansion of β(t) in Section 6 of the
paper. Backpropagation does not close in this way: there W moves along β(t), which is never twice the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fa_ref import schedules
from fa_ref._support.checks import as_count, as_number, require_memory
from fa_ref._support.compiled import njit
from fa_ref.engines.slices import Progress
from fa_ref.measures import summarise
from fa_ref.network import Network
from fa_ref.problem import Problem
from fa_ref.schedules import Schedule

__all__ = ["Coefficients", "Reduced", "Statistics", "expansion", "sample_in_law"]

Array = NDArray[np.float64]


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
    def of(cls, problem: Problem, network: Network) -> Statistics:
        """Return those of a network.

        Examples
        --------
        >>> problem = Problem([[1.0, 0.0], [0.0, 2.0]], [1.0, 1.0])
        >>> network = Network([[1.0, 1.0]] * 4, beta=[1.0] * 4, b=[-1.0] * 4)
        >>> statistics = Statistics.of(problem, network)
        >>> statistics.F_beta == network.output(problem.X, "linear"), statistics.b_beta
        (array([ True,  True]), -2.0)
        """
        p, b, beta = network.p, network.b, network.beta
        F, root = network.W @ problem.X.T, math.sqrt(p)
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
    p = as_count("p", p)
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


class Coefficients(NamedTuple):
    """The expansion of β(t) and W(t) at one time, Section 6.

    β(t) = c β(0) + (1/√p)(W(0)Xᵀ a + g b) and W(t) = W(0) − (1/√p) b (Xᵀu)ᵀ.
    """

    c: float
    a: Array
    g: float
    u: Array

    def network(self, problem: Problem, start: Network) -> Network:
        """Return the network of time t that began as ``start``."""
        now, root = start.copy(), math.sqrt(start.p)
        now.W -= np.outer(start.b, problem.X.T @ self.u) / root
        now.beta[:] = self.c * start.beta + (start.W @ (problem.X.T @ self.a) + self.g * start.b) / root
        return now


_fast = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy", cache=True)


@_fast
def _times(A, x, out):
    """Write A x, for a symmetric A."""
    for i in range(x.size):
        out[i] = 0.0
    for j in range(x.size):
        for i in range(x.size):
            out[i] += A[j, i] * x[j]


@_fast
def _dot(x, z):
    total = 0.0
    for i in range(x.size):
        total += x[i] * z[i]
    return total


@_fast
def _residual(K, S, F_b, F_beta, b_b, b_beta, root, y, c, g, a, u, Ku, e):
    """Write K u and e = f − y; return κ = bᵀβ/√p."""
    _times(K, u, Ku)
    _times(S, a, e)
    kappa = c * b_beta + _dot(F_b, a) / root + g * b_b
    for i in range(y.size):
        e[i] += c * F_beta[i] + (g * F_b[i] - kappa * Ku[i]) / root - y[i]
    return kappa


@njit(cache=True)
def _record(S, F_b, F_beta, b_b, beta_beta, b_beta, weight_square, b_max, R, root, c, g, a, u, kappa, row):
    """Write what follows from the averages; NaN for what does not."""
    Sa, large = np.empty_like(a), c * root
    _times(S, a, Sa)
    # ‖β‖² = ‖√p c (β(0)/√p) + (F/√p) a + g (b/√p)‖²
    square = large * large * beta_beta + _dot(a, Sa) + g * g * b_b
    square += 2.0 / root * (large * (_dot(F_beta, a) + g * b_beta) + g * _dot(F_b, a))
    moved = 0.0  # ‖Xᵀu‖² = ‖R u‖²
    for i in range(R.shape[0]):
        moved += _dot(R[i], u) ** 2
    row[:] = math.nan
    row[1] = math.sqrt(max(0.0, square))
    if row[1] > 0.0 and b_b > 0.0:
        row[0] = kappa / (math.sqrt(b_b) * row[1])
    row[2] = b_max * math.sqrt(moved) / root
    row[3] = math.sqrt(moved) / root if b_b > 0.0 else 0.0
    row[7] = weight_square + (b_b * moved - 2.0 * _dot(F_b, u)) / (root * root)
    return moved


@njit(cache=True)
def _record_units(F, W_square, b, beta_0, moved, root, c, g, a, u, row):
    """Measure a network unit by unit."""
    p, n = F.shape
    beta, distances, sizes = np.empty(p), np.empty(p), np.empty(p)
    for r in range(p):
        along, beta_r = 0.0, g * b[r]
        for i in range(n):
            beta_r += F[r, i] * a[i]
            along += F[r, i] * u[i]
        beta[r] = c * beta_0[r] + beta_r / root
        distances[r] = (b[r] / root) ** 2 * moved
        sizes[r] = max(0.0, W_square[r] - 2.0 / root * b[r] * along + distances[r])
    summarise(distances, sizes, beta, b, beta_0, c, row)


@njit(cache=True)
def _advance(
    K, S, F_b, F_beta, b_b, beta_beta, b_beta, weight_square, b_max, R, p, y, F, W_square, b, beta_0,
    eta, lam, scalars, a, u, stops, limit, residuals, rows,
):  # fmt: skip
    root, c, g = math.sqrt(p), scalars[0], scalars[1]
    Ku, e = np.empty(y.size), np.empty(y.size)
    for k in range(stops.size - 1):
        t, stop, row = stops[k], stops[k + 1], k
        while True:
            kappa = _residual(K, S, F_b, F_beta, b_b, b_beta, root, y, c, g, a, u, Ku, e)
            exploded = not 0.5 * _dot(e, e) <= limit
            if t == stops[k] or (exploded and t < stop):
                moved = _record(
                    S, F_b, F_beta, b_b, beta_beta, b_beta, weight_square, b_max, R, root, c, g, a, u, kappa,
                    rows[row],
                )  # fmt: skip
                if F.shape[0] > 0:
                    _record_units(F, W_square, b, beta_0, moved, root, c, g, a, u, rows[row])
                residuals[row] = e
                row += 1
            if exploded and (t < stop or t == stops[k]):
                return t
            if t == stop:
                break
            shrink = 1.0 - eta * lam[t]
            g = shrink * g + eta / root * _dot(Ku, e)
            for i in range(y.size):
                a[i] = shrink * a[i] - eta * e[i]
                u[i] += eta * e[i]
            c, t = shrink * c, t + 1
            scalars[0], scalars[1] = c, g
    return -1


class Reduced:
    """The engine that `fa_ref.train` runs as ``"reduced"``, from a network or from `Statistics`."""

    name = "reduced"

    def __init__(self, problem: Problem, start: Network | Statistics, eta: float, lam: Array) -> None:
        n = problem.n
        self.problem, self.start, self.y = problem, start, np.array(problem.y)
        if isinstance(start, Network):
            require_memory(f"p = {start.p}, n = {n}", 8 * start.p * (n + 4 + 2 * problem.d))
            known = Statistics.of(problem, start)
            units = (start.W @ problem.X.T, np.sum(start.W**2, axis=1), np.array(start.b), np.array(start.beta))
        else:
            known, units = start, (np.empty((0, n)), np.empty(0), np.empty(0), np.empty(0))
        if known.F_b.shape != (n,):
            raise ValueError(
                f"network: expected statistics of {n} samples, those of the problem, got {known.F_b.size}"
            )
        R = np.ascontiguousarray(np.linalg.qr(problem.X.T, mode="r"))
        self.scalars, self.a, self.u = np.array([1.0, 0.0]), np.zeros(n), np.zeros(n)
        self.known = (
            np.ascontiguousarray(problem.K), np.ascontiguousarray(known.S), known.F_b, known.F_beta, known.b_b,
            known.beta_beta, known.b_beta, known.weight_square, known.b_max, R, float(known.p),
        )  # fmt: skip
        self.rest = (self.y, *units, eta, np.ascontiguousarray(lam), self.scalars, self.a, self.u)

    @property
    def coefficients(self) -> Coefficients:
        """The expansion as it is now."""
        return Coefficients(float(self.scalars[0]), self.a.copy(), float(self.scalars[1]), self.u.copy())

    @property
    def network(self) -> Network | None:
        """The weights as they are now, recovered on every call; None of a network known by its statistics."""
        return self.coefficients.network(self.problem, self.start) if isinstance(self.start, Network) else None

    def residual(self) -> Array:
        """e = f − y of the weights as they are now, shape (n,)."""
        K, S, F_b, F_beta, b_b, _, b_beta, _, _, _, p = self.known
        c, a, g, u = self.coefficients
        kappa = c * b_beta + F_b @ a / math.sqrt(p) + g * b_b
        return np.asarray(c * F_beta + S @ a + (g * F_b - kappa * (K @ u)) / math.sqrt(p) - self.y)

    def advance(
        self, stops: NDArray[np.int64], limit: float, residuals: Array, rows: Array,
        progress: Progress | None = None,  # noqa: ARG002
    ) -> int:  # fmt: skip
        """Record and step as `fa_ref.engines.choice.Engine.advance` says."""
        return int(_advance(*self.known, *self.rest, stops, limit, residuals, rows))


def expansion(
    problem: Problem, start: Network | Statistics, *, eta: float, steps: int, ridge: Schedule | None = None
) -> Coefficients:
    """Return the coefficients of β(t) in β(0), W(0)Xᵀ and b after ``steps`` steps (Section 6).

    Examples
    --------
    >>> problem = Problem([[1.0, 0.0], [0.0, 2.0]], [1.0, 1.0])
    >>> start = Network.gaussian(100, 2, np.random.default_rng(0))
    >>> c, a, g, u = expansion(problem, start, eta=0.1, steps=50)
    >>> c, bool(np.allclose(a, -u))  # without a penalty β(0) stays, and a is −η Σ e
    (1.0, True)
    """
    eta, steps = as_number("eta", eta, above=0), as_count("steps", steps, at_least=0)
    engine = Reduced(problem, start, eta, (ridge or schedules.zero()).values(steps))
    engine.advance(np.array([0, steps]), math.inf, np.empty((2, problem.n)), np.empty((2, 8)))
    return engine.coefficients
