"""tanh and the sigmoid without a branch and without a call, so that a loop over them becomes vector instructions.

With w ≥ 0, k = round(2w / ln 2), y = w − k (ln 2)/2, |y| ≤ ¼ ln 2, s = 2^(−k) and τ = tanh y, a short polynomial,

    tanh w = (A + Bτ) / D,  1 / (1 + e^(2w)) = s (1 − τ) / D,  1 / (1 + e^(−2w)) = (1 + τ) / D,
    A = 1 − s,  B = 1 + s,  D = B + Aτ,

and 2^(−k) is made of its bits. The quotient t is corrected by what it leaves, for tanh A + Bτ − tD, which fused
multiplications and additions find almost exactly: where the processor has them (all with AVX2, all 64-bit ARM) the
error is at most 2 units in the last place. NaN stays NaN, and each function computes in the width of its argument.
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


def _family(real, bits, number, odd, mantissa, bias, half_ln2, tanh_end, sigmoid_end):
    """Return tanh and sigmoid for one width; beyond their ends they no longer change."""
    zero, one, two_log2_e = real(0.0), real(1.0), real(2.0 / math.log(2.0))
    high, low = real(half_ln2[0]), real(half_ln2[1])  # k·high is exact
    shift = real(1.5 * 2.0**mantissa)  # adding it rounds to an integer and leaves that integer in the lowest bits
    shift_bits = int(shift.view(f"i{shift.itemsize}"))
    tanh_end, sigmoid_end = real(tanh_end), real(sigmoid_end)
    nearly = real(0.85)  # 1/D to 35 % where k > 0: enough for a correction of the last bits
    offset, slope = real(24.0 / 17.0), real(8.0 / 17.0)  # 1/D ≈ offset − slope·D on [1, 2], to 6 %

    @_compile
    def reduced(w):
        """Return −k, y and τ − y."""
        shifted = shift - w * two_log2_e
        k = shifted - shift
        near = w + k * high
        y = near + k * low
        yy = y * y
        return bits(shifted) - shift_bits, y, y * yy * odd(yy) + ((near - y) + k * low)

    @_compile
    def tanh(z):
        w = abs(z)
        k, y, rest = reduced(tanh_end if w > tanh_end else w)
        s = number((k + bias) << mantissa)
        A, B = one - s, one + s
        tau = y + rest
        t = (A + B * tau) / (B + A * tau)
        t += ((A - t * B) + (B - t * A) * tau) * nearly
        return -t if z < zero else t

    @_compile
    def sigmoid(z):
        w = real(0.5) * abs(z)
        k, y, rest = reduced(sigmoid_end if w > sigmoid_end else w)
        tau = y + rest
        half = k >> 1  # 2^(−k) in two factors: it may lie below the normal numbers
        s, scale = number((half + bias) << mantissa), number((k - half + bias) << mantissa)
        A, B = one - s * scale, one + s * scale
        D, signed = B + A * tau, -tau if z < zero else tau
        t = (one + signed) / D
        t += ((one - t * B) + signed - t * (A * tau)) * (offset - slope * D)
        return t * (s if z < zero else one) * (scale if z < zero else one)

    return tanh, sigmoid


# (tanh y / y − 1) / y² as a polynomial in y², interpolated at the Chebyshev points of |y| ≤ ¼ ln 2
_C = (
    -0.3333333333333328, 0.13333333333212755, -0.053968253499412644,
    0.021869421805448604, -0.008858935329660903, 0.0034639052511378173,
)  # fmt: skip
_C32 = (np.float32(-0.333333315156469), np.float32(0.13332243122079226), np.float32(-0.052996423578867996))


@_compile
def _odd_64(yy):
    return _C[0] + yy * (_C[1] + yy * (_C[2] + yy * (_C[3] + yy * (_C[4] + yy * _C[5]))))


@_compile
def _odd_32(yy):
    return _C32[0] + yy * (_C32[1] + yy * _C32[2])


_WIDTHS = {
    types.float64: _family(
        np.float64, _same_bits(types.float64, types.int64), _same_bits(types.int64, types.float64), _odd_64,
        52, 1023, (float.fromhex("0x1.62e42fefa2000p-2"), float.fromhex("0x1.9ef35793c7673p-42")), 22.0, 373.0,
    ),
    types.float32: _family(
        np.float32, _same_bits(types.float32, types.int32), _same_bits(types.int32, types.float32), _odd_32,
        23, 127, (float.fromhex("0x1.62e40p-2"), float.fromhex("0x1.7f7d1cf79abcap-21")), 10.0, 52.0,
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
