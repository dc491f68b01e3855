"""ψ and ψ′ as compiled functions: of one number, and entry by entry of a matrix.

The scalar functions give the same bits compiled or not. An entrywise function is a loop over ψ and ψ′ and gives
their bits: one call a matrix in place of two a number, and what ψ and ψ′ have in common is computed once. Those of
the named activations have a name each, so that each is kept on disk.
"""

import math
from functools import cache

import numpy as np
from numba import config, types

from fa_ref._support.compiled import njit
from fa_ref._support.vectors import widest_vectors

__all__ = ["ENTRYWISE", "SCALAR_FUNCTION", "entrywise"]

#: The type under which kernels receive ψ or ψ′: one compiled kernel serves every activation.
SCALAR_FUNCTION = types.FunctionType(types.float64(types.float64))

_two_matrices = types.void(types.float64[:, ::1], types.float64[:, ::1])

#: The type under which kernels receive both: ψ(z) is written to the second matrix, ψ′(z) in the place of z.
ENTRYWISE = types.FunctionType(_two_matrices)


@njit(cache=True)
def identity(z):
    return z


@njit(cache=True)
def one(z):  # noqa: ARG001
    return 1.0


@njit(cache=True)
def relu(z):
    return 0.0 if z <= 0.0 else z  # NaN stays NaN


@njit(cache=True)
def step(z):
    return 0.0 if z <= 0.0 else 1.0


@njit(cache=True, error_model="numpy")
def decay(w):
    """exp(−w), w ≥ 0, in arithmetic alone: a loop over it becomes vector instructions; a call of exp would not."""
    w = np.float64(w)  # interpreted, a float32 would stay one, and the sums below mean nothing
    known = w if w < 708.0 else 708.0  # beyond, it is less than the smallest normal number
    k = (known * 1.4426950408889634 + 6755399441055744.0) - 6755399441055744.0  # 1.5·2⁵²: w / ln 2, rounded
    w = 708.0 if w > 708.0 else w  # NaN stays NaN
    r = (w - k * 0.6931471805582987) - k * 1.6465949582897082e-12  # ln 2 in two parts, the first times k exact
    s = r * r  # two halves of the polynomial in r, at the same time; so below
    high = -2.5100472505694996e-08
    high = high * r + 2.7620201591031547e-07
    high = high * r - 2.7557268276905696e-06
    high = high * r + 2.4801521057868204e-05
    high = high * r - 0.00019841269863171557
    low = 0.0013888888917367081
    low = low * r - 0.008333333333330039
    low = low * r + 0.041666666666623824
    low = low * r - 0.16666666666666669
    low = low * r + 0.5000000000000001
    p = low + s * s * r * high
    power = np.int64((1023 - np.int64(k)) << 52).view(np.float64)  # 2^(−k), of its bits
    return (1.0 - (r - s * p)) * power


@njit(cache=True, error_model="numpy")
def tanh(z):
    q = decay(2.0 * abs(z))
    far = 1.0 - 2.0 * q / (1.0 + q)
    g = z * z  # near zero `far` cancels; below 0.55 a polynomial, right to 2⁻⁵³
    high = 5.390339160906786e-05
    high = high * g - 0.00021453832051829
    high = high * g + 0.0005817703545814961
    high = high * g - 0.0014541174440767055
    high = high * g + 0.0035919043131903854
    low = -0.008863217653517112
    low = low * g + 0.02186948771183188
    low = low * g - 0.053968253948884735
    low = low * g + 0.1333333333331563
    low = low * g - 0.3333333333333331
    tail = low + g * g * (g * g * g) * high
    near = z + z * g * tail
    return near if abs(z) < 0.55 else math.copysign(far, z)


@njit(cache=True, error_model="numpy")
def dtanh(z):
    q = decay(2.0 * abs(z))  # 1 − tanh² without its cancellation
    return 4.0 * q / ((1.0 + q) * (1.0 + q))


@njit(cache=True)
def sigmoid(z):
    q = math.exp(-abs(z))  # never overflows
    return 1.0 / (1.0 + q) if z >= 0.0 else q / (1.0 + q)


@njit(cache=True)
def dsigmoid(z):
    q = math.exp(-abs(z))
    return q / ((1.0 + q) * (1.0 + q))


@njit(cache=True)
def erf(z):
    return math.erf(z)


@njit(cache=True)
def derf(z):
    return 1.1283791670955126 * math.exp(-z * z)  # 2/√π


@njit(cache=True)
def softplus(z):
    return (z if z > 0.0 else 0.0) + math.log1p(math.exp(-abs(z)))


@njit(inline="always")  # code that hands functions on to a call is not kept on disk
def _entry_by_entry(psi, dpsi, z, out):
    widest_vectors()
    for r in range(z.shape[0]):
        for i in range(z.shape[1]):
            out[r, i], z[r, i] = psi(z[r, i]), dpsi(z[r, i])


@njit(_two_matrices, cache=True)
def identity_entrywise(z, out):
    _entry_by_entry(identity, one, z, out)


@njit(_two_matrices, cache=True)
def relu_entrywise(z, out):
    _entry_by_entry(relu, step, z, out)


@njit(_two_matrices, cache=True)
def tanh_entrywise(z, out):
    _entry_by_entry(tanh, dtanh, z, out)


@njit(_two_matrices, cache=True)
def sigmoid_entrywise(z, out):
    _entry_by_entry(sigmoid, dsigmoid, z, out)


@njit(_two_matrices, cache=True)
def erf_entrywise(z, out):
    _entry_by_entry(erf, derf, z, out)


@njit(_two_matrices, cache=True)
def softplus_entrywise(z, out):
    _entry_by_entry(softplus, sigmoid, z, out)


_ENTRYWISE = {
    (identity, one): identity_entrywise,
    (relu, step): relu_entrywise,
    (tanh, dtanh): tanh_entrywise,
    (sigmoid, dsigmoid): sigmoid_entrywise,
    (erf, derf): erf_entrywise,
    (softplus, sigmoid): softplus_entrywise,
}


@cache
def _addressed(function):
    """The function as kernels receive it in a third of the time that a dispatcher takes: by its address.

    Called so, it has no way to pass an exception on: this is for functions that raise none.
    """
    return types.CompileResultWAP(function.get_compile_result(ENTRYWISE.signature))


def entrywise(psi, dpsi):
    """Return the entrywise function of these two scalar functions: on disk for those above, else compiled now."""
    if (psi, dpsi) in _ENTRYWISE:
        known = _ENTRYWISE[psi, dpsi]
        return known if config.DISABLE_JIT else _addressed(known)  # type: ignore[attr-defined]

    @njit(_two_matrices)
    def apply(z, out):
        _entry_by_entry(psi, dpsi, z, out)

    return apply
