"""tanh and the sigmoid of a `Vector`, without a branch and without a call.

**By a quotient.** With w ≥ 0, k = round(2w / ln 2), y = w − k (ln 2)/2, |y| ≤ ¼ ln 2, s = 2^(−k) and τ = tanh y, a
short polynomial,

    tanh w = (A + Bτ) / D,  1 / (1 + e^(2w)) = s (1 − τ) / D,  1 / (1 + e^(−2w)) = (1 + τ) / D,
    A = 1 − s,  B = 1 + s,  D = B + Aτ,

and 2^(−k) is made of its bits. The quotient t is corrected by what it leaves, for tanh A + Bτ − tD, which fused
multiplications and additions find almost exactly.

**By a table**, for tanh, in two thirds of the time where the machine reads a table for all numbers of a vector at
once. In float64 T = tanh(k/128) lies next to it, δ = z − k/128, and by the theorem of addition

    tanh z = T + (1 − T²) t / (1 + Tt),   t = tanh δ,   1 / (1 + u) = 1 − u + (1 − u)(u² + u⁴) up to u⁶ < 2⁻⁴⁸ T⁶.

In float32 tanh z = z Q(u), u = 1 + z², where Q is smooth and has a polynomial on each quarter of [2^j, 2^(j+1)).

The error is at most 2 units in the last place where the processor fuses. NaN stays NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import cache
from typing import Any

import numpy as np

from fa_ref._support.vectors import AVX512, Vector, where

__all__ = ["sigmoid", "tanh", "tanh_by_quotient", "tanh_by_table"]

#: tanh is tabulated at k / STEPS, |k| ≤ LAST: beyond, it no longer changes.
STEPS, LAST = 128, 2440


@dataclass(frozen=True)
class _Width:
    """The constants for one width. ``odd`` is (tanh y / y − 1) / y² as a polynomial in y², |y| ≤ ¼ ln 2."""

    mantissa: int
    bias: int
    half_ln2: tuple[float, float]  # k times the first is exact
    tanh_end: float  # beyond their ends they no longer change
    sigmoid_end: float
    odd: tuple[float, ...]

    @property
    def shift(self) -> float:
        """Adding it rounds to an integer, and leaves that integer in the lowest bits."""
        return 1.5 * 2.0**self.mantissa

    @property
    def shift_bits(self) -> int:
        return int(np.dtype(f"f{(self.mantissa + 12) // 8}").type(self.shift).view(f"i{(self.mantissa + 12) // 8}"))


_WIDTHS = {
    8: _Width(
        52, 1023, (float.fromhex("0x1.62e42fefa2000p-2"), float.fromhex("0x1.9ef35793c7673p-42")), 22.0, 373.0,
        (-0.3333333333333328, 0.13333333333212755, -0.053968253499412644,
         0.021869421805448604, -0.008858935329660903, 0.0034639052511378173),
    ),
    4: _Width(
        23, 127, (float.fromhex("0x1.62e40p-2"), float.fromhex("0x1.7f7d1cf79abcap-21")), 10.0, 52.0,
        (-0.333333315156469, 0.13332243122079226, -0.052996423578867996),
    ),
}  # fmt: skip


def _polynomial(x: Vector, coefficients: tuple[float, ...]) -> Vector:
    total = x.kind.number(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        total = c + x * total
    return total


def _reduced(w: Vector, of: _Width) -> tuple[Any, Vector]:
    """Return −k as integers, and τ."""
    shifted = of.shift - w * (2.0 / math.log(2.0))
    k = shifted - of.shift
    high, low = of.half_ln2
    near = w + k * high
    y = near + k * low
    yy = y * y
    tau = y + (y * yy * _polynomial(yy, of.odd) + ((near - y) + k * low))
    return w.kind.builder.sub(shifted.bits(), w.kind.integer(of.shift_bits)), tau


def _power(k: Any, of: _Width, z: Vector) -> Vector:
    """2^k, of its bits."""
    biased = z.kind.builder.add(k, z.kind.integer(of.bias))
    return z.kind.from_bits(z.kind.builder.shl(biased, z.kind.integer(of.mantissa)))


def tanh_by_quotient(z: Vector) -> Vector:
    """tanh z, by a quotient."""
    of, w = _WIDTHS[z.kind.itemsize], abs(z)
    k, tau = _reduced(where(w > of.tanh_end, z.kind.number(of.tanh_end), w), of)
    s = _power(k, of, z)
    A, B = 1.0 - s, 1.0 + s
    t = (A + B * tau) / (B + A * tau)
    # 0.85 is 1/D to 35 % where k > 0: enough for a correction of the last bits
    return (t + ((A - t * B) + (B - t * A) * tau) * 0.85).with_sign_of(z)


def sigmoid(z: Vector) -> Vector:
    """1 / (1 + e^(−z))."""
    of, w, kind = _WIDTHS[z.kind.itemsize], abs(z) * 0.5, z.kind
    k, tau = _reduced(where(w > of.sigmoid_end, kind.number(of.sigmoid_end), w), of)
    half = kind.builder.ashr(k, kind.integer(1))  # 2^(−k) in two factors: it may lie below the normal numbers
    s, scale = _power(half, of, z), _power(kind.builder.sub(k, half), of, z)
    A, B = 1.0 - s * scale, 1.0 + s * scale
    negative, one = z < 0.0, kind.number(1.0)
    D, signed = B + A * tau, where(negative, -tau, tau)
    t = (1.0 + signed) / D
    # 1/D ≈ (24 − 8D)/17 to 6 % on [1, 2], to 15 % down to 0.83: enough for a correction of the last bits
    t = t + ((1.0 - t * B) + signed - t * (A * tau)) * (24.0 / 17.0 - D * (8.0 / 17.0))
    return t * where(negative, s, one) * where(negative, scale, one)


@cache
def _tanh_table() -> tuple[float, ...]:
    """tanh(k / STEPS), |k| ≤ LAST, rounded once."""
    with_digits = Context(prec=40)

    def value(k: int) -> float:
        q = with_digits.exp(Decimal(-2 * k) / STEPS)
        return float(with_digits.divide(with_digits.subtract(Decimal(1), q), with_digits.add(Decimal(1), q)))

    positive = [value(k) for k in range(1, LAST + 1)]
    return (*(-t for t in reversed(positive)), 0.0, *positive)


def _tanh_64(z: Vector) -> Vector:
    of, x = _WIDTHS[8], z.within(LAST / STEPS)
    shifted = x * float(STEPS) + of.shift
    delta = x - (shifted - of.shift) * (1.0 / STEPS)
    T = z.kind.read("fa_ref.tanh", _tanh_table(), shifted.bits(), of.shift_bits - LAST, x.known())
    g = delta * delta  # at most 2⁻¹⁶: there, the term in g³ is replaced by the nearest ones in g² and g
    t = delta + (g * delta) * _polynomial(g, (-1 / 3 + 17 / 315 * 2.0**-35, 2 / 15 - 17 / 315 * 2.0**-16))
    u = T * t
    uu = u * u
    q = uu + uu * uu
    p = (1.0 - T * T) * t
    return T + (p + p * ((q - u * q) - u))  # p/(1 + u), with the roundings of a small number


@cache
def _quarters() -> np.ndarray[Any, Any]:
    """Q(u) = tanh(√(u − 1)) / √(u − 1) on 28 quarters, in powers of u − its middle: (6, 32), by bits of u."""
    table = np.zeros((6, 32))

    def ratio(u: Any) -> Any:
        root = np.sqrt(np.maximum(u - 1.0, 1e-30))
        return np.tanh(root) / root

    for cell in range(28):
        start, size = 2.0 ** (cell // 4), 2.0 ** (cell // 4) / 8
        middle = start * (1.0 + (cell % 4) / 4) + size
        chebyshev = np.polynomial.chebyshev.chebinterpolate(lambda x: ratio(middle + size * x), 5)  # noqa: B023
        powers = np.polynomial.chebyshev.cheb2poly(chebyshev)
        table[:, (4 * 127 + cell) % 32] = powers / size ** np.arange(6)
    return table.astype(np.float32)


def _tanh_32(z: Vector) -> Vector:
    kind, builder = z.kind, z.kind.builder
    x = z.within(9.2)
    u = x * x + 1.0
    exponent_and_quarter = builder.and_(u.bits(), kind.integer(0xFFE00000))
    delta = u - kind.from_bits(builder.or_(exponent_and_quarter, kind.integer(0x00100000)))
    cell = builder.lshr(u.bits(), kind.integer(21))
    c = [kind.choose([float(value) for value in row], cell) for row in _quarters()]
    tail = c[5]
    for k in (4, 3, 2, 1):
        tail = c[k] + delta * tail
    return x * c[0] + (x * delta) * tail


def tanh_by_table(z: Vector) -> Vector:
    """tanh z, by a table. AVX-512."""
    return _tanh_64(z) if z.kind.itemsize == 8 else _tanh_32(z)


#: tanh z, in the faster way of this machine.
tanh: Callable[[Vector], Vector] = tanh_by_table if AVX512 else tanh_by_quotient
