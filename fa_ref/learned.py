"""Feedback weights that learn: Algorithm 1, where b takes a step of its own after each step of W and β.

Section 6 of the paper asks for local methods that update b. Each bᵣ moves here as βᵣ does: by its own unit's
answer ψ(wᵣ·xᵢ), times one number sᵢ a sample. The two rules differ by that number and by nothing else:

    Kolen–Pollack   s = e    b takes β's update: β(t) − b(t) = Π(1 − ηλ) (β(0) − b(0)), exactly
    Hebbian         s = −f   b grows where unit and output are active together, and decays: it needs no error

`fa_ref.loops` has the two lines that are Algorithm 1. `fa_ref.engines.ordered` has the same bits, faster.
"""

import math

import numpy as np
from numba import types

from fa_ref._support.compiled import njit
from fa_ref.activations.psi import SCALAR_FUNCTION
from fa_ref.loops import forward, matrix, real, update, vector


@njit(types.void(vector, vector, real, real, matrix), cache=True)
def learn(b, s, eta, lam, Psi):
    """Take b's step, in place, from what `forward` wrote."""
    p, n = Psi.shape
    for r in range(p):
        total = 0.0
        for i in range(n):
            total += s[i] * Psi[r, i]
        b[r] = (1.0 - eta * lam) * b[r] - eta / math.sqrt(p) * total  # bᵣ ← (1 − ηλ) bᵣ − (η/√p) Σᵢ sᵢ ψ(wᵣ·xᵢ)


@njit(types.int64(matrix, vector, matrix, vector, vector, types.boolean, SCALAR_FUNCTION, SCALAR_FUNCTION, real,
                  vector, real, matrix), cache=True)  # fmt: skip
def descend(X, y, W, beta, b, hebbian, psi, dpsi, eta, lam, limit, residuals):
    """Take the steps as `fa_ref.loops.descend` does, with a b that learns. Return how many were taken."""
    Psi, slopes = np.empty((len(W), len(X))), np.empty((len(W), len(X)))
    f, s = np.empty(len(X)), np.empty(len(X))
    for t in range(len(lam)):
        forward(X, W, beta, psi, dpsi, Psi, slopes, f)
        loss = 0.0
        for i in range(len(y)):
            residuals[t, i] = f[i] - y[i]  # e = f − y
            s[i] = -f[i] if hebbian else residuals[t, i]
            loss += 0.5 * residuals[t, i] ** 2
        if not loss <= limit:
            return t
        update(X, W, beta, b, residuals[t], eta, lam[t], Psi, slopes)  # Algorithm 1, by the b of time t
        learn(b, s, eta, lam[t], Psi)
    return len(lam)
