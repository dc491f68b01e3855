"""What the Gram-space engine does to one block of hidden units.

Units go in blocks that lie side by side in memory: an array of a block holds, sample after sample, a row with one
number a unit, so that every inner loop is vector instructions over units, on what the nearest caches hold. An
index is unsigned where it is computed, since Numba would test a signed one for being negative, in the inner loop.
"""

import numpy as np
from numba import njit

from fa_ref import tiles
from fa_ref.tiles import STRIP_BYTES, TILE, tile
from fa_ref.vectors import widest_vectors

LANES = 64  # units in a block; loops over many fewer would be unrolled, not made of vectors
L = np.uint64(LANES)

# ψ that are compiled in; ψ′ is then a function of ψ. Any other ψ and ψ′ are called, one number at a time.
IDENTITY, RELU, TANH, SIGMOID, CALLED = range(5)
KINDS = {"identity": IDENTITY, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID}

fast = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy")

_learn_identity, _learn_relu, _learn_tanh, _learn_sigmoid = (tiles.learn[name] for name in KINDS)
_answer_identity, _answer_relu, _answer_tanh, _answer_sigmoid = (tiles.answer[name] for name in KINDS)


@fast
def learn(Psi, slopes, a, e, gain, s, kind):
    """Write ψ(zᵣ)·e to s[r], and add gain[r] Dᵣ e to aᵣ; gain is −(η/√p) times the feedback."""
    widest_vectors()
    for r in range(0, LANES, STRIP_BYTES // a.itemsize):
        if kind == IDENTITY:
            _learn_identity(Psi, a, e, gain, s, r, LANES)
        elif kind == RELU:
            _learn_relu(Psi, a, e, gain, s, r, LANES)
        elif kind == TANH:
            _learn_tanh(Psi, a, e, gain, s, r, LANES)
        elif kind == SIGMOID:
            _learn_sigmoid(Psi, a, e, gain, s, r, LANES)
    if kind == CALLED:
        s[:] = 0.0
        for i in range(slopes.size // LANES):
            row, x = np.uint64(i) * L, e[i]
            for r in range(L):
                s[r] += x * Psi[row + r]
                a[row + r] += gain[r] * x * slopes[row + r]


@fast
def answer(K, z_0, a, Psi, slopes, beta, f, live, kind, psi, dpsi):
    """Write ψ(zᵣ(0) + K aᵣ), ψ′ where it is not a function of ψ, and the block's share of √p f."""
    widest_vectors()
    f[:] = 0.0
    for r in range(0, LANES, STRIP_BYTES // a.itemsize):
        for i in range(0, K.shape[0], TILE):
            if kind == IDENTITY:
                _answer_identity(K, a, z_0, Psi, beta, f, i, r, LANES)
            elif kind == RELU:
                _answer_relu(K, a, z_0, Psi, beta, f, i, r, LANES)
            elif kind == TANH:
                _answer_tanh(K, a, z_0, Psi, beta, f, i, r, LANES)
            elif kind == SIGMOID:
                _answer_sigmoid(K, a, z_0, Psi, beta, f, i, r, LANES)
            else:
                tile(K, a, Psi, i, r, LANES)
    if kind == CALLED:
        for i in range(slopes.size // LANES):
            for r in range(live):
                z = np.float64(z_0[i * LANES + r] + Psi[i * LANES + r])
                Psi[i * LANES + r], slopes[i * LANES + r] = psi(z), dpsi(z)
                f[i] += beta[r] * Psi[i * LANES + r]


@fast
def norms(K, z_0, a, Ka, cross, moved):
    """Write aᵣ·zᵣ(0) and aᵣᵀ K aᵣ; Ka is a place to work in."""
    widest_vectors()
    for r in range(0, LANES, STRIP_BYTES // a.itemsize):
        for i in range(0, K.shape[0], TILE):
            tile(K, a, Ka, i, r, LANES)
    for r in range(L):
        cross[r], moved[r] = 0.0, 0.0
    for i in range(a.size // LANES):
        row = np.uint64(i) * L
        for r in range(L):
            cross[r] += a[row + r] * z_0[row + r]
            moved[r] += a[row + r] * Ka[row + r]
