"""L hidden layers of width p, as loops: feedback alignment, direct feedback alignment and backpropagation.

    z₁ = W₁ x,   h_l = ψ(z_l),   z_{l+1} = W_{l+1} h_l / √p,   f(x) = β·h_L / √p,   e = f − y.

A step is `forward`; then the error is carried back to every layer, as G[l, r, i], the step in z of unit r of layer
l at sample i that descends on the loss; then `update`. The three rules differ by what carries the error:

    backpropagation              `carry` through W_{l+1}ᵀ and β, the weights themselves
    feedback alignment           `carry` through fixed random B_{l+1}ᵀ and b in their place
    direct feedback alignment    `carry_directly` from the output to every layer, through fixed random b_l

At L = 1 the last two are Algorithm 1, with the bits of `fa_ref.loops`. Layer 1 has the inputs' weights W, p×d; the
others are V[l] = W_{l+2}, p×p. λ is the penalty on β alone, as in (4.1).
"""

import math

import numpy as np
from numba import types

from fa_ref._support.compiled import njit
from fa_ref.activations.psi import SCALAR_FUNCTION

real, vector, matrix, stack = types.float64, types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]


@njit(types.void(matrix, matrix, stack, vector, SCALAR_FUNCTION, SCALAR_FUNCTION, stack, stack, vector), cache=True)
def forward(X, W, V, beta, psi, dpsi, H, slopes, f):
    """Write ψ(z) to H[l, r, i], ψ′(z) to slopes[l, r, i] and f(xᵢ) to f[i]."""
    L, p, n = H.shape
    for i in range(n):
        for layer in range(L):
            for r in range(p):
                z = 0.0
                if layer == 0:
                    for k in range(X.shape[1]):
                        z += W[r, k] * X[i, k]
                else:
                    for k in range(p):
                        z += V[layer - 1, r, k] * H[layer - 1, k, i]
                    z = z / math.sqrt(p)
                H[layer, r, i] = psi(z)
                slopes[layer, r, i] = dpsi(z)
        f[i] = 0.0
        for r in range(p):
            f[i] += beta[r] * H[L - 1, r, i]
        f[i] = f[i] / math.sqrt(p)


@njit(types.void(stack, vector, vector, real, stack, stack), cache=True)
def carry(B, b, e, eta, slopes, G):
    """Carry the error back layer by layer: through b to the last, through B[l]ᵀ from layer l + 2 to layer l + 1."""
    L, p, n = G.shape
    for i in range(n):
        for r in range(p):
            G[L - 1, r, i] = eta / math.sqrt(p) * b[r] * e[i] * slopes[L - 1, r, i]
        for layer in range(L - 2, -1, -1):
            for r in range(p):
                s = 0.0
                for k in range(p):
                    s += B[layer, k, r] * G[layer + 1, k, i]
                G[layer, r, i] = s / math.sqrt(p) * slopes[layer, r, i]


@njit(types.void(matrix, vector, real, stack, stack), cache=True)
def carry_directly(b, e, eta, slopes, G):
    """Carry the error straight from the output to layer l, through b[l]."""
    L, p, n = G.shape
    for i in range(n):
        for layer in range(L):
            for r in range(p):
                G[layer, r, i] = eta / math.sqrt(p) * b[layer, r] * e[i] * slopes[layer, r, i]


@njit(types.void(matrix, matrix, stack, vector, vector, real, real, stack, stack), cache=True)
def update(X, W, V, beta, e, eta, lam, H, G):
    """Take one step in place: each weight moves against what was carried to its layer, times what came into it."""
    L, p, n = H.shape
    for r in range(p):
        for i in range(n):
            for k in range(X.shape[1]):
                W[r, k] -= G[0, r, i] * X[i, k]
        for layer in range(1, L):
            for i in range(n):
                for k in range(p):
                    V[layer - 1, r, k] -= G[layer, r, i] * H[layer - 1, k, i] / math.sqrt(p)
        s = 0.0
        for i in range(n):
            s += e[i] * H[L - 1, r, i]
        beta[r] = (1.0 - eta * lam) * beta[r] - eta / math.sqrt(p) * s


@njit(types.int64(matrix, vector, matrix, stack, vector, stack, matrix, types.boolean, SCALAR_FUNCTION,
                  SCALAR_FUNCTION, real, vector, real, matrix), cache=True)  # fmt: skip
def descend(X, y, W, V, beta, B, b, direct, psi, dpsi, eta, lam, limit, residuals):
    """Take the steps with penalties lam[0], lam[1], …; residuals[t] is e before step t. Return how many were taken.

    ``B=V, b=[beta]`` (a view of it) is backpropagation: all is carried back before any weight moves. The steps end
    before one whose loss ½‖e‖² is not a number or exceeds ``limit``.
    """
    L, p, n = len(V) + 1, len(W), len(X)
    H, slopes, G, f = np.empty((L, p, n)), np.empty((L, p, n)), np.empty((L, p, n)), np.empty(n)
    for t in range(len(lam)):
        forward(X, W, V, beta, psi, dpsi, H, slopes, f)
        loss = 0.0
        for i in range(n):
            residuals[t, i] = f[i] - y[i]
            loss += 0.5 * residuals[t, i] ** 2
        if not loss <= limit:
            return t
        if direct:
            carry_directly(b, residuals[t], eta, slopes, G)
        else:
            carry(B, b[-1], residuals[t], eta, slopes, G)
        update(X, W, V, beta, residuals[t], eta, lam[t], H, G)
    return len(lam)
