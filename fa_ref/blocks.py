"""What the Gram-space engine does to one block of hidden units.

Units go in blocks that lie side by side in memory: an array of a block holds, sample after sample, a row with one
number a unit, so that every inner loop is vector instructions over units, on what the nearest caches hold. An
index is unsigned where it is computed, since Numba would test a signed one for being negative, in the inner loop.
"""

import numpy as np
from numba import njit

from fa_ref.tiles import STRIP_BYTES, TILE, tile
from fa_ref.vector_math import sigmoid, tanh, widest_vectors

LANES = 64  # units in a block; loops over many fewer would be unrolled, not made of vectors
L = np.uint64(LANES)

# ψ that are compiled in; ψ′ is then a function of ψ. Any other ψ and ψ′ are called, one number at a time.
IDENTITY, RELU, TANH, SIGMOID, CALLED = range(5)
KINDS = {"identity": IDENTITY, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID}

fast = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy")


@fast
def product(K, a, Ka):
    """Write K a to Ka, for the units of a block."""
    widest_vectors()
    for r in range(0, LANES, STRIP_BYTES // a.itemsize):
        for i in range(0, K.shape[0], TILE):
            tile(K, a, Ka, i, r, LANES)


@fast
def project(Psi, e, s):
    """Write ψ(zᵣ)·e to s[r]."""
    widest_vectors()
    for r in range(L):
        s[r] = 0.0
    for i in range(0, e.size, TILE):
        i0 = np.uint64(i) * L
        i1, i2, i3, i4 = i0 + L, i0 + L + L, i0 + L + L + L, i0 + L + L + L + L
        e0, e1, e2, e3, e4 = e[i], e[i + 1], e[i + 2], e[i + 3], e[i + 4]
        for r in range(L):
            s[r] += e0 * Psi[i0 + r] + e1 * Psi[i1 + r] + e2 * Psi[i2 + r] + e3 * Psi[i3 + r] + e4 * Psi[i4 + r]


@fast
def move(a, Psi, slopes, e, gain, kind):
    """Add gain[r] Dᵣ e to aᵣ; gain is −(η/√p) times the feedback."""
    widest_vectors()
    zero, one = a.dtype.type(0.0), a.dtype.type(1.0)
    for i in range(e.size):
        row, x = np.uint64(i) * L, e[i]
        if kind == IDENTITY:
            for r in range(L):
                a[row + r] += gain[r] * x
        elif kind == RELU:
            for r in range(L):
                a[row + r] += gain[r] * x if Psi[row + r] > zero else zero
        elif kind == TANH:
            for r in range(L):
                a[row + r] += gain[r] * x * ((one - Psi[row + r]) * (one + Psi[row + r]))
        elif kind == SIGMOID:
            for r in range(L):
                a[row + r] += gain[r] * x * (Psi[row + r] * (one - Psi[row + r]))
        else:
            for r in range(L):
                a[row + r] += gain[r] * x * slopes[row + r]


@fast
def activate(z_0, Ka, Psi, slopes, live, n, kind, psi, dpsi):
    """Write ψ(zᵣ(0) + K aᵣ), and ψ′ where it is not a function of ψ."""
    widest_vectors()
    size, zero = np.uint64(n) * L, Psi.dtype.type(0.0)
    if kind == IDENTITY:
        for k in range(size):
            Psi[k] = z_0[k] + Ka[k]
    elif kind == RELU:
        for k in range(size):
            z = z_0[k] + Ka[k]
            Psi[k] = z if z > zero else zero
    elif kind == TANH:
        for k in range(size):
            Psi[k] = tanh(z_0[k] + Ka[k])
    elif kind == SIGMOID:
        for k in range(size):
            Psi[k] = sigmoid(z_0[k] + Ka[k])
    else:
        for i in range(n):
            for r in range(live):
                z = np.float64(z_0[i * LANES + r] + Ka[i * LANES + r])
                Psi[i * LANES + r], slopes[i * LANES + r] = psi(z), dpsi(z)


@fast
def answer(Psi, beta, f):
    """Write the block's share of √p f."""
    widest_vectors()
    for i in range(f.size):
        row, total = np.uint64(i) * L, beta.dtype.type(0.0)
        for r in range(L):
            total += beta[r] * Psi[row + r]
        f[i] = total


@fast
def norms(z_0, a, Ka, cross, moved):
    """Write aᵣ·zᵣ(0) and aᵣᵀ K aᵣ."""
    widest_vectors()
    for r in range(L):
        cross[r], moved[r] = 0.0, 0.0
    for i in range(a.size // LANES):
        row = np.uint64(i) * L
        for r in range(L):
            cross[r] += a[row + r] * z_0[row + r]
            moved[r] += a[row + r] * Ka[row + r]
