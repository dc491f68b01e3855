"""What the Gram-space engine does to one block of hidden units.

Units go in blocks that lie side by side in memory: an array of a block holds, sample after sample, a row with one
number a unit, so that every inner loop is vector instructions over units, on what the nearest caches hold. An
index is unsigned in vector loops, since Numba would test a signed one for being negative there.
"""

import math

import numpy as np
from numba import njit

from fa_ref._support.vectors import widest_vectors
from fa_ref.engines.gram import tiles
from fa_ref.engines.gram.tiles import TILE, tile

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
    if kind == IDENTITY:
        _learn_identity(Psi, a, e, gain, s)
    elif kind == RELU:
        _learn_relu(Psi, a, e, gain, s)
    elif kind == TANH:
        _learn_tanh(Psi, a, e, gain, s)
    elif kind == SIGMOID:
        _learn_sigmoid(Psi, a, e, gain, s)
    else:
        lanes = np.uint64(s.size)
        s[:] = 0.0
        for i in range(slopes.size // s.size):
            row, x = np.uint64(i) * lanes, e[i]
            for r in range(lanes):
                s[r] += x * Psi[row + r]
                a[row + r] += gain[r] * x * slopes[row + r]


@fast
def answer(K, z_0, a, Psi, slopes, beta, f, live, kind, psi, dpsi):
    """Write ψ(zᵣ(0) + K aᵣ), ψ′ where it is not a function of ψ, and the block's share of √p f."""
    widest_vectors()
    f[:] = 0.0
    for row in range(0, K.shape[0], TILE):
        if kind == IDENTITY:
            _answer_identity(K, a, z_0, Psi, beta, f, row)
        elif kind == RELU:
            _answer_relu(K, a, z_0, Psi, beta, f, row)
        elif kind == TANH:
            _answer_tanh(K, a, z_0, Psi, beta, f, row)
        elif kind == SIGMOID:
            _answer_sigmoid(K, a, z_0, Psi, beta, f, row)
        else:
            tile(K, a, Psi, row)
    if kind == CALLED:
        for i in range(slopes.size // beta.size):
            for r in range(live):
                k = i * beta.size + r
                z = np.float64(z_0[k] + Psi[k])
                z = z if abs(z) < math.inf else np.float64(math.nan)
                Psi[k], slopes[k] = psi(z), dpsi(z)
                f[i] += beta[r] * Psi[k]


@fast
def norms(K, z_0, a, Ka, cross, moved):
    """Write aᵣ·zᵣ(0) and aᵣᵀ K aᵣ; Ka is a place to work in."""
    widest_vectors()
    for row in range(0, K.shape[0], TILE):
        tile(K, a, Ka, row)
    lanes = np.uint64(cross.size)
    for r in range(lanes):
        cross[r], moved[r] = 0.0, 0.0
    for i in range(K.shape[0]):
        start = np.uint64(i) * lanes
        for r in range(lanes):
            cross[r] += a[start + r] * z_0[start + r]
            moved[r] += a[start + r] * Ka[start + r]
