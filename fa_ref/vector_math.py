"""tanh and the sigmoid without a branch and without a call, so that a loop over them becomes vector instructions.

Both rest on e^(−u), u ≥ 0: with k = round(−u / ln 2) and x = −u − k ln 2, |x| ≤ ½ ln 2,

    e^(−u) = 2^k (1 + x + tail),        tail = x²/2! + x³/3! + x⁴/4! + …,

and 2^k is made of its bits. The error is at most 2 units in the last place, NaN stays NaN, and each function
computes in the width, float64 or float32, of its argument.
"""

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic, overload

__all__ = ["sigmoid", "tanh", "widest_vectors"]

# "contract" only: reordering would lose the small corrections below. x / 0 is inf, not an exception and a branch.
_compile = njit(fastmath={"contract"}, error_model="numpy")


def _prefer_widest(_context):
    def codegen(context, builder, _signature, _args):
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.none(), codegen


#: Called in a compiled function, lets it use the widest vectors of the machine; by default LLVM halves AVX-512's.
widest_vectors: Any = intrinsic(_prefer_widest)


def _same_bits(source, target):
    def read(_context, _x):
        def codegen(context, builder, _signature, args):
            return builder.bitcast(args[0], context.get_value_type(target))

        return target(source), codegen

    return intrinsic(read)


def _family(real, bits, number, tail, mantissa, bias, ln2_high, ln2_low, tanh_end, sigmoid_end):
    """Return tanh and sigmoid for one width; beyond their ends they no longer change."""
    one, two, log2_e = real(1.0), real(2.0), real(1.0 / math.log(2.0))
    ln2_high, ln2_low = real(ln2_high), real(ln2_low)  # k·ln2_high is exact
    shift = real(1.5 * 2.0**mantissa)  # adding it rounds to an integer and leaves that integer in the lowest bits
    shift_bits = int(shift.view(f"i{shift.itemsize}"))
    tanh_end, sigmoid_end = real(tanh_end), real(sigmoid_end)
    slope, offset = real(8.0 / 17.0), real(24.0 / 17.0)  # 1/D ≈ offset − slope·D on [1, 2], to 6 %

    @_compile
    def exponential(u):
        """Return k, x and the tail of e^(−u)."""
        shifted = shift - u * log2_e
        k = shifted - shift
        x = (-u - k * ln2_high) - k * ln2_low
        return bits(shifted) - shift_bits, x, tail(x)

    @_compile
    def tanh(z):
        u = abs(z) + abs(z)
        k, x, rest = exponential(tanh_end if u > tanh_end else u)
        s = number((k + bias) << mantissa)
        # m = e^(−u) − 1 and D = 2 + m, each with what its rounding lost; tanh |z| = −m / D
        high = (s - one) + s * x
        low = (((s - one) - high) + s * x) + s * rest
        m = high + low
        m_lost = (high - m) + low
        D = two + m
        D_lost = ((two - D) + m) + m_lost
        t = m / D
        t += (m_lost - t * D_lost) * (offset - slope * D)
        return t if z < real(0.0) else real(0.0) - t

    @_compile
    def sigmoid(z):
        u = abs(z)
        k, x, rest = exponential(sigmoid_end if u > sigmoid_end else u)
        half = k >> 1  # 2^k in two factors: it may lie below the normal numbers
        s, scale = number((half + bias) << mantissa), number((k - half + bias) << mantissa)
        high = one + x
        q = s * (high + (((one - high) + x) + rest))
        D = one + q * scale
        return q / D * scale if z < real(0.0) else one / D

    return tanh, sigmoid


_C = tuple(1.0 / math.factorial(k) for k in range(14))
_C32 = tuple(np.float32(c) for c in _C)


@_compile
def _tail_64(x):
    xx = x * x
    high = _C[10] + x * _C[11] + xx * (_C[12] + x * _C[13])
    middle = _C[6] + x * _C[7] + xx * (_C[8] + x * _C[9]) + xx * xx * high
    return xx * (_C[2] + x * _C[3] + xx * (_C[4] + x * _C[5]) + xx * xx * middle)


@_compile
def _tail_32(x):
    xx = x * x
    return xx * (_C32[2] + x * _C32[3] + xx * (_C32[4] + x * _C32[5] + xx * (_C32[6] + x * _C32[7])))


_WIDTHS = {
    types.float64: _family(
        np.float64, _same_bits(types.float64, types.int64), _same_bits(types.int64, types.float64), _tail_64,
        52, 1023, float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33"), 44.0, 746.0,
    ),
    types.float32: _family(
        np.float32, _same_bits(types.float32, types.int32), _same_bits(types.int32, types.float32), _tail_32,
        23, 127, float.fromhex("0x1.62ep-1"), float.fromhex("0x1.0bfbe8e7bcd5ep-15"), 20.0, 104.0,
    ),
}  # fmt: skip


def tanh(z):
    """tanh z, in compiled code."""
    raise NotImplementedError("tanh: expected to be called from compiled code")


def sigmoid(z):
    """1 / (1 + e^(−z)), in compiled code."""
    raise NotImplementedError("sigmoid: expected to be called from compiled code")


@overload(tanh, inline="never")
def _tanh_of_width(z):
    function = _WIDTHS[z][0] if z in _WIDTHS else None
    return (lambda z: function(z)) if function else None


@overload(sigmoid)
def _sigmoid_of_width(z):
    function = _WIDTHS[z][1] if z in _WIDTHS else None
    return (lambda z: function(z)) if function else None
