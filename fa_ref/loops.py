"""Algorithm 1, its ridge variant and backpropagation: the definition, as loops.

A network of p hidden units sees n samples xᵢ ∈ R^d. The error of its answer f(xᵢ), (2.1), is e = f − y here; the
paper prints e = y − f, and with that sign the updates of Algorithm 1 would climb. They descend on the loss
½ Σᵢ eᵢ² + ½ λ(t) ‖β‖², (4.1); λ ≡ 0 is Algorithm 1 itself. `fa_ref.engines.ordered` has the same bits, faster.
"""

import math

import numpy as np
from numba import types

from fa_ref._support.compiled import njit
from fa_ref.activations.psi import SCALAR_FUNCTION

real, vector, matrix = types.float64, types.float64[::1], types.float64[:, ::1]


@njit(types.void(matrix, matrix, vector, SCALAR_FUNCTION, SCALAR_FUNCTION, matrix, matrix, vector), cache=True)
def forward(X, W, beta, psi, dpsi, Psi, slopes, f):
    """Write ψ(wᵣ·xᵢ) to Psi[r, i], ψ′(wᵣ·xᵢ) to slopes[r, i] and f(xᵢ) to f[i]."""
    n, d = X.shape
    p = len(W)
    for i in range(n):
        f[i] = 0.0
        for r in range(p):
            z = 0.0
            for k in range(d):
                z += W[r, k] * X[i, k]  # z = wᵣ·xᵢ
            Psi[r, i] = psi(z)
            slopes[r, i] = dpsi(z)
            f[i] += beta[r] * Psi[r, i]
        f[i] = f[i] / math.sqrt(p)  # (2.1): f(xᵢ) = (1/√p) Σᵣ βᵣ ψ(wᵣ·xᵢ)


@njit(types.void(matrix, matrix, vector, vector, vector, real, real, matrix, matrix), cache=True)
def update(X, W, beta, feedback, e, eta, lam, Psi, slopes):
    """Take one step from what `forward` wrote: W and beta of time t become those of time t + 1, in place."""
    n, d = X.shape
    p = len(W)
    for r in range(p):
        for i in range(n):  # Algorithm 1: wᵣ ← wᵣ − (η/√p) bᵣ Σᵢ eᵢ ψ′(wᵣ·xᵢ) xᵢ
            for k in range(d):
                W[r, k] -= eta / math.sqrt(p) * feedback[r] * e[i] * slopes[r, i] * X[i, k]
        s = 0.0
        for i in range(n):
            s += e[i] * Psi[r, i]
        beta[r] = (1.0 - eta * lam) * beta[r] - eta / math.sqrt(p) * s  # βᵣ ← (1 − ηλ) βᵣ − (η/√p) Σᵢ eᵢ ψ(wᵣ·xᵢ)


@njit(types.int64(matrix, vector, matrix, vector, vector, SCALAR_FUNCTION, SCALAR_FUNCTION, real, vector, real,
                  matrix), cache=True)  # fmt: skip
def descend(X, y, W, beta, feedback, psi, dpsi, eta, lam, limit, residuals):
    """Take the steps with penalties lam[0], lam[1], …; residuals[t] is e before step t. Return how many were taken.

    ``feedback=b`` is feedback alignment. ``feedback=beta`` is backpropagation, since `update` reads feedback[r]
    before it writes beta[r]. The steps end before one whose loss ½‖e‖² is not a number or exceeds ``limit``.
    """
    Psi, slopes, f = np.empty((len(W), len(X))), np.empty((len(W), len(X))), np.empty(len(X))
    for t in range(len(lam)):
        forward(X, W, beta, psi, dpsi, Psi, slopes, f)
        loss = 0.0
        for i in range(len(y)):
            residuals[t, i] = f[i] - y[i]  # e = f − y
            loss += 0.5 * residuals[t, i] ** 2
        if not loss <= limit:
            return t
        update(X, W, beta, feedback, residuals[t], eta, lam[t], Psi, slopes)
    return len(lam)
