"""Hermite coefficients of ψ(σs), s ~ N(0, 1), by the trapezoidal rule, with error bounds.

With h_k the orthonormal Hermite polynomials, a_k(σ) = E ψ(σs) h_k(s). Bounded, row by row (docs/kernels.md), are

- the error of the trapezoidal rule: exponentially small where ψ is analytic, a power of the step otherwise;
- the nodes left out;
- floating-point arithmetic, the evaluation of ψ included.
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
from theory.precision import TINIEST, UNIT_ROUNDOFF
from theory.sliced import PSI, matrix_product, row_slices, settled

__all__ = ["BLOCK", "Integrand", "Rows"]

Array = NDArray[np.float64]

REACH = 13.0  # nodes |s| ≤ 13: √φ(13) < 1e-18
NODES = 1 << 17  # at most; beyond, the bound grows instead
BLOCK = 128  # coefficients computed at a time
CAUCHY = 1.13  # at least √(Σ h_k²φ·step) for every order k in use
NEGLIGIBLE = 1e-120  # of the largest |g|: less is taken as 0, since sums of subnormal numbers are slow
WORK = 4e10  # multiplications that the coefficients may cost; beyond, the bound grows instead


@dataclass(frozen=True, kw_only=True)
class Integrand:
    """The function g whose moments are wanted, ψ or ψ′, with what is known of its size.

    ``sup`` holds sup|g|, sup|g′|, …; ``width``, ``offset``, ``growth`` are those of `Strip`. ``rounding`` is that
    of `Activation`, or None where g is computed to four units in the last place.
    """

    name: str
    function: Callable[[Array], Array]
    sup: tuple[float, ...]
    width: float = 0.0
    offset: float = math.inf
    growth: float = 0.0
    rounding: float | None = None

    @classmethod
    def of(cls, activation: Activation, derivative: bool) -> Integrand:
        """ψ, or ψ′ if ``derivative``."""
        sup = (activation.B0, activation.B1, activation.B2, activation.B3)[derivative:]
        function = activation.derivative if derivative else activation
        rounding = None if activation.kind is not None else activation.rounding
        strip = activation.strip
        if strip is None:
            return cls(name=activation.name, function=function, sup=sup, rounding=rounding)
        if derivative:  # Cauchy bounds ψ″
            sup = (min(sup[0], strip.slope), min(sup[1], strip.slope / strip.width), *sup[2:])
            offset, growth = strip.slope, 0.0
        else:
            sup, offset, growth = (sup[0], min(sup[1], strip.slope), *sup[2:]), strip.offset, strip.growth
        return cls(
            name=activation.name, function=function, sup=sup, width=strip.width, offset=offset, growth=growth,
            rounding=rounding,
        )  # fmt: skip

    @cached_property
    def envelope(self) -> tuple[float, float]:
        """(c, c′) with |g(z)| ≤ c + c′|z| for real z; (inf, 0) if nothing is known."""
        if math.isfinite(self.sup[0]):
            return self.sup[0], 0.0
        if math.isfinite(self.sup[1]):
            at_0 = abs(float(self.function(np.zeros(1))[0]))
            return at_0 + UNIT_ROUNDOFF * (4 * at_0 + (self.rounding or 0.0) * (1 + at_0)), self.sup[1]
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

    def evaluated(self, sigma: Array, nodes: Array) -> Array:
        """g(σ_i s) at the nodes.

        Raises
        ------
        ValueError
            If g is not a finite number at one of them.
        """
        values = np.empty((sigma.size, nodes.size))
        try:
            for rows in row_slices(sigma.size, PSI * nodes.size):
                values[rows] = self.function(np.multiply.outer(sigma[rows], nodes))
        except (SystemError, ArithmeticError) as error:  # what a compiled loop makes of an exception in a user's ψ
            cause = error.__cause__ or error
            raise ValueError(f"activation: expected {self.name} to be defined everywhere, got {cause!r}") from error
        if not np.isfinite(values).all():
            i, m = np.argwhere(~np.isfinite(values))[0]
            raise ValueError(
                f"activation: expected {self.name} and its derivative to be finite numbers, got {values[i, m]} at"
                f" z = {sigma[i] * nodes[m]:.6g}"
            )
        return values


class Rows:
    """g(σ_i s) on the trapezoidal nodes, its second moments, and its Hermite coefficients block by block.

    Attributes
    ----------
    square, square_error : (n,) ndarray
        E g(σ_i s)² and a bound on its error.
    norm : (n,) ndarray
        √E g(σ_i s)², also where the square underflows.
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
        self.nodes = (self.step * np.arange(-half, half + 1)).astype(np.float64)  # exact: the step has few bits
        self.weight = self.step * np.exp(-(self.nodes**2) / 2) / math.sqrt(2 * math.pi)
        self.values = g.evaluated(sigma, self.nodes)
        self.dropped, self.norm, self.square = settled(self.values, self.weight, NEGLIGIBLE)
        first = self._discretisation(np.zeros(1))[:, 0]
        if (first > np.sqrt(np.diag(self.ceiling()))).all():  # no order is known better than not at all
            self.orders = BLOCK
        self.bounded = bool(np.isfinite(first).all()) and (g.rounding is None or math.isfinite(g.rounding))
        self.square_error = self._square_error()

    def blocks(self) -> Iterator[tuple[Array, Array]]:
        """Yield coefficients and their error bounds, both (n, BLOCK), until ``orders`` are done."""
        previous, current = np.zeros_like(self.weight), self.weight.copy()
        for first in range(0, self.orders, BLOCK):
            table = np.empty((BLOCK, self.weight.size))
            _hermite_block(first, self.nodes, previous, current, table)
            a = matrix_product(self.values, table.T)
            k = np.arange(first, first + BLOCK, dtype=np.float64)
            if self.bounded:
                delta = self._discretisation(k) + self._tail()[:, None]
            else:
                delta = 2 * np.abs(a - 2 * matrix_product(self.values[:, ::2], table[:, ::2].T))
            yield a, delta + self._rounding(k)

    def ceiling(self) -> Array:
        """What |E g(u)g(v)| is at most, (n, n), whatever the correlation: ‖g(σ_i s)‖ ‖g(σ_j s)‖."""
        c, slope = self.g.envelope
        norm = c + slope * (self.sigma + TINIEST)
        product: Array = np.multiply.outer(norm, norm) * (1 + 4 * UNIT_ROUNDOFF)
        return product

    def parallel(self, rho: Array) -> tuple[Array, Array]:
        """E g(σ_i s)g(±σ_j s), the sign that of ρ_ij, and a bound on its distance from the moment at ρ_ij.

        The moment's slope in ρ is at most σ_i σ_j sup|g′|² (Price), and one dimension of quadrature is left. Its
        discretisation error is at most that of the square at the larger σ.
        """
        off_diagonal = np.abs(rho - np.diag(np.diag(rho)))
        if off_diagonal.max() < 0.99 or not math.isfinite(self.g.sup[1]):
            return np.zeros_like(rho), np.full_like(rho, math.inf)
        weighted = self.values * self.weight
        alike, mirrored = (matrix_product(weighted, side.T) for side in (self.values, self.values[:, ::-1]))
        moments = np.where(rho > 0, alike, mirrored)
        slope = np.multiply.outer(self.sigma, self.sigma) * self.g.sup[1] ** 2
        error = slope * (1 - np.abs(rho) + UNIT_ROUNDOFF)
        error += np.maximum.outer(self._square_discretisation(), self._square_discretisation())
        return moments, error + self._product_rounding()

    def _discretisation(self, k: Array) -> Array:
        """|trapezoidal rule − integral| for a_k, the better of the two bounds."""
        return np.minimum(self._analytic(k, self._size()), self._smooth(k))

    def _size(self) -> Array:
        return self.g.offset + self.g.growth * self.sigma

    def _analytic(self, k: Array, size: Array) -> Array:
        """2 size exp(a²/2 + a√k) / (exp(2πa/step) − 1) at the best half-width a in reach."""
        frequency, root = 2 * math.pi / self.step, np.sqrt(k)
        reach = np.where(self.sigma > 0, self.g.width / self.sigma, math.inf)[:, None]
        a = np.minimum(reach, frequency - root) if self.g.width > 0 else np.zeros((self.sigma.size, k.size))
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
        if not self.bounded:
            coarse = 2 * self.values[:, ::2] ** 2 @ self.weight[::2]
            return 2 * np.abs(coarse - self.square) + self._summation() * self.square
        return self._square_discretisation() + np.diag(self._product_rounding())

    def _square_discretisation(self) -> Array:
        """The bounds of a_k for E g², whose integrand g²φ has norms Σ_l C(j, l) F_l F_{j−l}."""
        F, best = self.g.derivative_norms(self.sigma), self._analytic(np.zeros(1), self._size() ** 2)[:, 0]
        for m in range(1, len(F)):
            products = [sum(math.comb(j, i) * F[i] * F[j - i] for i in range(j + 1)) for j in range(m + 1)]
            total = sum(math.comb(m, j) * products[j] * math.sqrt(math.factorial(m - j)) for j in range(m + 1))
            best = np.minimum(best, _trapezoid_constant(m) * self.step**m * total)
        return best + self._tail() ** 2

    def _product_rounding(self) -> Array:
        """Σ g_i g_j φ·step, (n, n): the sum itself, and g off by `_evaluation` in each factor."""
        norm, off = self.norm, self._evaluation()
        summed = self._summation() * np.multiply.outer(norm, norm)
        moved = np.multiply.outer(norm, off) + np.multiply.outer(off, norm) + np.multiply.outer(off, off)
        rounding: Array = summed + moved + self.nodes.size * TINIEST
        return rounding

    def _tail(self) -> Array:
        """√2 times the root of Σ g²φ·step over |s| > reach: what the nodes left out change in any a_k."""
        c, slope = self.g.envelope
        L = self.nodes[-1]
        density = math.exp(-L * L / 2) / math.sqrt(2 * math.pi)
        tail: Array = 2 * (c / L + slope * self.sigma) * math.sqrt(density * (L + 1 / L))
        return tail

    def _summation(self) -> float:
        """Rounding of a sum over the nodes, relative to norms: its additions, and the exponents of its weights."""
        return CAUCHY * (self.nodes.size + 100) * UNIT_ROUNDOFF

    def _evaluation(self) -> Array:
        """How far the computed g(σ_i s) is off, in L²(φ): its argument and itself are rounded, some is dropped."""
        slope = self.g.sup[1] if math.isfinite(self.g.sup[1]) else 0.0
        # Σ φ·step is 1 but for rounding; a subnormal argument or value is off by half the least number
        norm, dropped = self.norm, 1.01 * self.dropped + (4 + slope) * TINIEST
        if self.g.rounding is None:
            return np.asarray((4 * norm + slope * self.sigma) * UNIT_ROUNDOFF + dropped)
        own = self.g.rounding * (1 + norm + slope * self.sigma)
        off: Array = (own + slope * self.sigma) * UNIT_ROUNDOFF + dropped
        return off

    def _rounding(self, k: Array) -> Array:
        """Allowance for a_k: its sum over the nodes, g itself, and 8 roundings per step of the recurrence."""
        relative = self._summation() + 8 * UNIT_ROUNDOFF * k
        evaluation = CAUCHY * self._evaluation()[:, None]
        rounding: Array = self.norm[:, None] * relative + evaluation + self.nodes.size * TINIEST
        return rounding


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
