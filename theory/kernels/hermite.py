"""Hermite expansions of ψ(σs), s ~ N(0, 1), and the bivariate moments they give, with error bounds.

With h_k the orthonormal Hermite polynomials and a_k(σ) = E ψ(σs) h_k(s), Mehler's formula says

    E ψ(u)ψ(v) = Σ_k a_k(σ_u) a_k(σ_v) ρ^k

for a Gaussian pair with standard deviations σ_u, σ_v and correlation ρ. So n rows of coefficients give n² moments.
Three errors are bounded, row by row and pair by pair (proofs: docs/kernels.md):

- of a_k, by the trapezoidal rule: exponentially small where ψ is analytic, a power of the step otherwise;
- of cutting the sum after k = N: at most |ρ|^{N+1} √(τ_u τ_v), τ = E ψ² − Σ_{k≤N} a_k² (Parseval);
- of floating-point arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fa_ref._support.checks import require_memory
from fa_ref._support.compiled import njit
from fa_ref.activations import Activation
from theory.precision import UNIT_ROUNDOFF

__all__ = ["Integrand", "Rows", "mehler_sums"]

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]

REACH = 13.0  # nodes |s| ≤ 13: √φ(13) < 1e-18
NODES = 1 << 17  # at most; beyond, the bound grows instead
BLOCK = 128  # coefficients computed at a time
PARALLEL = 1e-13  # relative error at which a pair counts as parallel
WORK = 1e10  # multiplications that the coefficients may cost; beyond, the bound grows instead


@dataclass(frozen=True)
class Integrand:
    """The function g whose moments are wanted, ψ or ψ′, with what is known of its size.

    ``sup`` holds sup|g|, sup|g′|, …; ``width``, ``offset``, ``growth`` are those of `Strip`.
    """

    function: Callable[[Array], Array]
    sup: tuple[float, ...]
    width: float
    offset: float
    growth: float

    @classmethod
    def of(cls, activation: Activation, derivative: bool) -> Integrand:
        """ψ, or ψ′ if ``derivative``."""
        sup = (activation.B0, activation.B1, activation.B2, activation.B3)[derivative:]
        if activation.strip is None:
            return cls(activation.derivative if derivative else activation, sup, 0.0, math.inf, 0.0)
        strip = activation.strip
        if derivative:
            sup = (min(sup[0], strip.slope), min(sup[1], strip.slope / strip.width), *sup[2:])  # Cauchy
            return cls(activation.derivative, sup, strip.width, strip.slope, 0.0)
        sup = (sup[0], min(sup[1], strip.slope), *sup[2:])
        return cls(activation, sup, strip.width, strip.offset, strip.growth)

    @cached_property
    def envelope(self) -> tuple[float, float]:
        """(c, c′) with |g(z)| ≤ c + c′|z| for real z; (inf, 0) if nothing is known."""
        if math.isfinite(self.sup[0]):
            return self.sup[0], 0.0
        if math.isfinite(self.sup[1]):
            return abs(float(self.function(np.zeros(1))[0])), self.sup[1]
        return self.offset, self.growth

    def derivative_norms(self, sigma: Array) -> list[Array]:
        """F_0, F_1, …: F_0 ≥ ‖g(σs)‖ in L⁴ (so in L²), F_j = σ^j sup|g^(j)|, as far as they are finite."""
        c, slope = self.envelope
        norms = [c + 3**0.25 * slope * sigma]
        for j, bound in enumerate(self.sup[1:], start=1):
            if not math.isfinite(bound):
                break
            norms.append(sigma**j * bound)
        return norms


class Rows:
    """g(σ_i s) on the trapezoidal nodes, its second moments, and its Hermite coefficients block by block.

    Attributes
    ----------
    square, square_error : (n,) ndarray
        E g(σ_i s)² and a bound on its error.
    bounded : bool
        Whether the errors are bounds. Where nothing is known of g they are estimates by halving the step.
    """

    def __init__(self, g: Integrand, sigma: Array) -> None:
        self.g, self.sigma = g, sigma
        self.orders = 1 << 14 if g.width > 0 else 1 << 10
        self.step = _step(g, sigma, self.orders)
        half = math.ceil(REACH / self.step)
        affordable = int(WORK / ((sigma.size + 50) * 2 * half))
        self.orders = max(BLOCK, min(self.orders, affordable // BLOCK * BLOCK))
        require_memory(f"{sigma.size} inputs", 8 * (sigma.size + 3 * BLOCK) * (2 * half + 1))
        self.nodes = self.step * np.arange(-half, half + 1)  # exact: the step has few bits
        self.weight = self.step * np.exp(-(self.nodes**2) / 2) / math.sqrt(2 * math.pi)
        self.values = g.function(np.multiply.outer(sigma, self.nodes))
        self.square = self.values**2 @ self.weight
        self.bounded = bool(np.isfinite(self._discretisation(np.zeros(1))).all())
        self.square_error = self._square_error()

    def blocks(self) -> Iterator[tuple[Array, Array]]:
        """Yield coefficients and their error bounds, both (n, BLOCK), until ``orders`` are done."""
        previous, current = np.zeros_like(self.weight), self.weight.copy()
        for first in range(0, self.orders, BLOCK):
            table = np.empty((BLOCK, self.weight.size))
            _hermite_block(first, self.nodes, previous, current, table)
            a = self.values @ table.T
            k = np.arange(first, first + BLOCK, dtype=np.float64)
            if self.bounded:
                delta = self._discretisation(k) + self._tail()[:, None]
            else:
                delta = 2 * np.abs(a - 2 * self.values[:, ::2] @ table[:, ::2].T)
            yield a, delta + self._rounding(k)

    def _discretisation(self, k: Array) -> Array:
        """|trapezoidal rule − integral| for a_k, the better of the two bounds."""
        return np.minimum(self._analytic(k, self._size()), self._smooth(k))

    def _size(self) -> Array:
        return self.g.offset + self.g.growth * self.sigma

    def _analytic(self, k: Array, size: Array) -> Array:
        """2 size exp(a²/2 + a√k) / (exp(2πa/step) − 1) at the best half-width a in reach."""
        frequency, root = 2 * math.pi / self.step, np.sqrt(k)
        with np.errstate(divide="ignore"):
            reach = np.where(self.sigma > 0, self.g.width / self.sigma, math.inf)[:, None]
        a = np.minimum(reach, frequency - root) if self.g.width > 0 else np.zeros((self.sigma.size, k.size))
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = 2 * size[:, None] * np.exp(a * a / 2 + a * root - a * frequency) / -np.expm1(-a * frequency)
        return np.where(a > 0, bound, math.inf)

    def _smooth(self, k: Array) -> Array:
        """c_m step^m Σ_j C(m, j) F_j √((k+1)…(k+m−j)), the least over m: ψ has m bounded derivatives."""
        F, best = self.g.derivative_norms(self.sigma), np.full((self.sigma.size, k.size), math.inf)
        for m in range(1, len(F)):
            rising = [np.sqrt(np.prod([k + i for i in range(1, m - j + 1)], axis=0)) for j in range(m + 1)]
            total = sum(math.comb(m, j) * F[j][:, None] * rising[j] for j in range(m + 1))
            best = np.minimum(best, _trapezoid_constant(m) * self.step**m * total)
        return best

    def _square_error(self) -> Array:
        """The same bounds for E g², whose integrand g²φ has norms Σ_l C(j, l) F_l F_{j−l}."""
        if not self.bounded:
            coarse = 2 * self.values[:, ::2] ** 2 @ self.weight[::2]
            return 2 * np.abs(coarse - self.square) + self._summation() * self.square
        F, best = self.g.derivative_norms(self.sigma), self._analytic(np.zeros(1), self._size() ** 2)[:, 0]
        for m in range(1, len(F)):
            products = [sum(math.comb(j, i) * F[i] * F[j - i] for i in range(j + 1)) for j in range(m + 1)]
            total = sum(math.comb(m, j) * products[j] * math.sqrt(math.factorial(m - j)) for j in range(m + 1))
            best = np.minimum(best, _trapezoid_constant(m) * self.step**m * total)
        return best + self._tail() ** 2 + (self._summation() + 2 * self._sensitivity()) * self.square

    def _tail(self) -> Array:
        """√2 times the root of Σ g²φ·step over |s| > reach: what the nodes left out change in any a_k."""
        c, slope = self.g.envelope
        L = self.nodes[-1]
        density = math.exp(-L * L / 2) / math.sqrt(2 * math.pi)
        tail: Array = 2 * (c / L + slope * self.sigma) * math.sqrt(density * (L + 1 / L))
        return tail

    def _summation(self) -> float:
        return (self.nodes.size + 16) * UNIT_ROUNDOFF

    def _sensitivity(self) -> Array:
        """Relative change of g(σ_i s), in L², when its argument and itself are rounded."""
        slope = self.g.sup[1] if math.isfinite(self.g.sup[1]) else 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(self.square > 0, slope * self.sigma / np.sqrt(self.square), 0.0)
        return (4 + relative) * UNIT_ROUNDOFF

    def _rounding(self, k: Array) -> Array:
        """Allowance for a_k: its sum over the nodes, g itself, and 8 roundings per step of the recurrence."""
        relative = self._summation() + self._sensitivity()[:, None] + 8 * UNIT_ROUNDOFF * k
        return np.sqrt(self.square)[:, None] * relative

    def parallel(self, rho: Array) -> tuple[Array, Array]:
        """E g(σ_i s)g(±σ_j s), the sign that of ρ_ij, and a bound on its distance from the moment at ρ_ij.

        The moment's slope in ρ is at most σ_i σ_j sup|g′|² (Price), and one dimension of quadrature is left.
        Its errors are at most those of the square at the larger σ.
        """
        off_diagonal = np.abs(rho - np.diag(np.diag(rho)))
        if off_diagonal.max() < 0.99 or not math.isfinite(self.g.sup[1]):
            return np.zeros_like(rho), np.full_like(rho, math.inf)
        weighted = self.values * self.weight
        moments = np.where(rho > 0, weighted @ self.values.T, weighted @ self.values[:, ::-1].T)
        slope = np.multiply.outer(self.sigma, self.sigma) * self.g.sup[1] ** 2
        error = slope * (1 - np.abs(rho)) + np.maximum.outer(self.square_error, self.square_error)
        return moments, error


def mehler_sums(rows: Rows, rho: Array, progress: Progress | None = None) -> tuple[Array, Array]:
    """Σ_k a_k(σ_i) a_k(σ_j) ρ_ij^k and a bound on its error, both (n, n).

    Each pair stops at the order where the rest is below rounding. Nearly parallel pairs take
    `Rows.parallel` where that is sharper; the diagonal is E g(σ_i s)² itself.
    """
    n, scale = rho.shape[0], np.sqrt(rows.square)
    values, error, power = np.zeros((n, n)), np.zeros((n, n)), np.ones((n, n))
    limit, limit_error = rows.parallel(rho)
    parallel = limit_error <= PARALLEL * np.multiply.outer(scale, scale)
    active = np.tril(~parallel, -1)
    tail = rows.square + rows.square_error
    todo = int(np.count_nonzero(active))
    for a, delta in rows.blocks() if todo else ():
        _add_block(a, delta, rho, np.sqrt(np.maximum(tail, 0.0)), scale, power, active, values, error)
        tail = tail - np.sum(np.maximum(np.abs(a) - delta, 0.0) ** 2, axis=1)
        left = int(np.count_nonzero(active))
        if progress is not None:
            progress(todo - left, todo)
        if left == 0:
            break
    root = np.sqrt(np.maximum(tail, 0.0))
    error += np.where(active, np.abs(power) * np.multiply.outer(root, root), 0.0)
    error += (BLOCK + rows.orders // BLOCK) * UNIT_ROUNDOFF * np.multiply.outer(scale, scale)
    sharper = parallel | (limit_error < error)
    values, error = np.where(sharper, limit, values), np.where(sharper, limit_error, error)
    values, error = np.tril(values) + np.tril(values, -1).T, np.tril(error) + np.tril(error, -1).T
    np.fill_diagonal(values, rows.square)
    np.fill_diagonal(error, rows.square_error)
    return values, error


def _trapezoid_constant(m: int) -> float:
    """c_m in |T_h f − ∫f| ≤ c_m h^m ‖f^(m)‖₁: 2ζ(m)/(2π)^m for m ≥ 2, and ½ for m = 1."""
    return (0.5, 1 / 12, 2 * 1.2020569031595943 / (2 * math.pi) ** 3)[m - 1]


def _step(g: Integrand, sigma: Array, orders: int) -> float:
    """Return the step at which discretisation is below rounding for every order, if `NODES` allow it."""
    finest = 2 * REACH / (NODES - 2)
    if g.width > 0:
        a = np.minimum(9.0, g.width / np.maximum(sigma, g.width / 9.0))
        fine = 2 * math.pi * a / (41.0 + a * a / 2 + a * math.sqrt(orders))
        wanted = max(finest, min(float(fine.min()), math.pi / (math.sqrt(orders) + 1)))
    else:
        wanted = 4 * finest
    mantissa, exponent = math.frexp(wanted)
    return math.ldexp(math.ceil(mantissa * 2**20), exponent - 20)


@njit(cache=True)
def _hermite_block(first, nodes, previous, current, table):
    """Fill ``table[i] = weight·h_{first+i}(nodes)``; ``current`` is order ``first`` on entry.

    h_{k+1} = (s h_k − √k h_{k−1}) / √(k+1)
    """
    for i in range(table.shape[0]):
        k = first + i
        back, scale = math.sqrt(k), 1.0 / math.sqrt(k + 1.0)
        for m in range(nodes.size):
            table[i, m] = current[m]
            following = (nodes[m] * current[m] - back * previous[m]) * scale
            previous[m] = current[m]
            current[m] = following


@njit(cache=True)
def _add_block(a, delta, rho, root_tail, scale, power, active, values, error):
    """Add one block of orders to each active pair; ``power`` is ρ^k at its first order."""
    n, orders = a.shape
    for i in range(n):
        for j in range(i):
            if not active[i, j]:
                continue
            r, rest = power[i, j], root_tail[i] * root_tail[j]
            enough = max(1e-15 * scale[i] * scale[j], 4.0 * error[i, j])  # a tail at its own rounding stays there
            total, slack = 0.0, 0.0
            for k in range(orders):
                if abs(r) * rest <= enough:
                    active[i, j] = False
                    slack += abs(r) * rest
                    break
                total += r * a[i, k] * a[j, k]
                slack += abs(r) * (
                    abs(a[i, k]) * delta[j, k] + delta[i, k] * abs(a[j, k]) + delta[i, k] * delta[j, k]
                )
                r *= rho[i, j]
            values[i, j] += total
            error[i, j] += slack
            power[i, j] = r
