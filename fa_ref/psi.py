"""ψ and ψ′ as compiled functions: of one number, and entry by entry of a matrix.

The scalar functions use `math` only, so that they give the same bits compiled or not. An entrywise function is a
loop over ψ and ψ′ and gives their bits: one call a matrix in place of two a number, and what ψ and ψ′ have in
common is computed once. Those of the named activations are spelled out, so that each is kept on disk.
"""

import math

from numba import njit, types

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
    return z if z > 0.0 else 0.0


@njit(cache=True)
def step(z):
    return 1.0 if z > 0.0 else 0.0


@njit(cache=True)
def tanh(z):
    q = math.exp(-2.0 * abs(z))
    far = 1.0 - 2.0 * q / (1.0 + q)
    g = z * z  # near zero `far` cancels; below 0.55 a polynomial, right to 2⁻⁵³
    tail = 5.390339160906786e-05
    tail = tail * g - 0.00021453832051829
    tail = tail * g + 0.0005817703545814961
    tail = tail * g - 0.0014541174440767055
    tail = tail * g + 0.0035919043131903854
    tail = tail * g - 0.008863217653517112
    tail = tail * g + 0.02186948771183188
    tail = tail * g - 0.053968253948884735
    tail = tail * g + 0.1333333333331563
    tail = tail * g - 0.3333333333333331
    near = z + z * g * tail
    return near if abs(z) < 0.55 else math.copysign(far, z)


@njit(cache=True)
def dtanh(z):
    q = math.exp(-2.0 * abs(z))  # 1 − tanh² without its cancellation
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


@njit(_two_matrices, cache=True)
def identity_entrywise(z, out):
    for r in range(z.shape[0]):
        for i in range(z.shape[1]):
            out[r, i], z[r, i] = identity(z[r, i]), one(z[r, i])


@njit(_two_matrices, cache=True)
def relu_entrywise(z, out):
    for r in range(z.shape[0]):
        for i in range(z.shape[1]):
            out[r, i], z[r, i] = relu(z[r, i]), step(z[r, i])


@njit(_two_matrices, cache=True)
def tanh_entrywise(z, out):
    for r in range(z.shape[0]):
        for i in range(z.shape[1]):
            out[r, i], z[r, i] = tanh(z[r, i]), dtanh(z[r, i])


@njit(_two_matrices, cache=True)
def sigmoid_entrywise(z, out):
    for r in range(z.shape[0]):
        for i in range(z.shape[1]):
            out[r, i], z[r, i] = sigmoid(z[r, i]), dsigmoid(z[r, i])


@njit(_two_matrices, cache=True)
def erf_entrywise(z, out):
    for r in range(z.shape[0]):
        for i in range(z.shape[1]):
            out[r, i], z[r, i] = erf(z[r, i]), derf(z[r, i])


@njit(_two_matrices, cache=True)
def softplus_entrywise(z, out):
    for r in range(z.shape[0]):
        for i in range(z.shape[1]):
            out[r, i], z[r, i] = softplus(z[r, i]), sigmoid(z[r, i])


_ENTRYWISE = {
    (identity, one): identity_entrywise,
    (relu, step): relu_entrywise,
    (tanh, dtanh): tanh_entrywise,
    (sigmoid, dsigmoid): sigmoid_entrywise,
    (erf, derf): erf_entrywise,
    (softplus, sigmoid): softplus_entrywise,
}


def entrywise(psi, dpsi):
    """Return the entrywise function of these two scalar functions: on disk for those above, else compiled now."""
    if (psi, dpsi) in _ENTRYWISE:
        return _ENTRYWISE[psi, dpsi]

    @njit(_two_matrices)
    def apply(z, out):
        for r in range(z.shape[0]):
            for i in range(z.shape[1]):
                out[r, i], z[r, i] = psi(z[r, i]), dpsi(z[r, i])

    return apply
