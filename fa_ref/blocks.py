"""What the Gram-space engine does to one block of hidden units.

Units go in blocks that lie side by side in memory: an array of a block holds, sample after sample, a row with one
number a unit, so that every inner loop is vector instructions over units. K, a block's aᵣ and its K aᵣ fit in the
fastest cache. An index is unsigned where it is computed, since Numba would test a signed one for being negative,
in the innermost loop.
"""

import numpy as np
from numba import njit
from numba.extending import overload

from fa_ref.vector_math import sigmoid, tanh, widest_vectors

ROW = 512  # bytes of a row: 64 units in float64, 128 in float32
TILE = 5  # K is used TILE × TILE entries at a time; samples are padded with zeros to a multiple

# ψ that are compiled in; ψ′ is then a function of ψ. Any other ψ and ψ′ are called, one number at a time.
IDENTITY, RELU, TANH, SIGMOID, CALLED = range(5)
KINDS = {"identity": IDENTITY, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID}

fast = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy")


def _lanes(x):
    """Return the number of units in a block, known when the kernel is compiled."""
    raise NotImplementedError("_lanes: expected to be called from compiled code")


@overload(_lanes)
def _lanes_of_width(x):
    lanes = np.uint64(8 * ROW // x.dtype.bitwidth)
    return lambda x: lanes  # noqa: ARG005


@fast
def product(K, a, Ka):
    """Write K a to Ka, for the units of a block."""
    widest_vectors()
    L = _lanes(a)
    for k in range(Ka.size):
        Ka[k] = 0.0
    for i in range(0, K.shape[0], TILE):
        i0 = np.uint64(i) * L
        i1 = i0 + L
        i2 = i1 + L
        i3 = i2 + L
        i4 = i3 + L
        K0, K1, K2, K3, K4 = K[i], K[i + 1], K[i + 2], K[i + 3], K[i + 4]
        for j in range(0, K.shape[0], TILE):
            j0 = np.uint64(j) * L
            j1 = j0 + L
            j2 = j1 + L
            j3 = j2 + L
            j4 = j3 + L
            k00, k01, k02, k03, k04 = K0[j], K0[j + 1], K0[j + 2], K0[j + 3], K0[j + 4]
            k10, k11, k12, k13, k14 = K1[j], K1[j + 1], K1[j + 2], K1[j + 3], K1[j + 4]
            k20, k21, k22, k23, k24 = K2[j], K2[j + 1], K2[j + 2], K2[j + 3], K2[j + 4]
            k30, k31, k32, k33, k34 = K3[j], K3[j + 1], K3[j + 2], K3[j + 3], K3[j + 4]
            k40, k41, k42, k43, k44 = K4[j], K4[j + 1], K4[j + 2], K4[j + 3], K4[j + 4]
            for r in range(L):
                a0, a1, a2, a3, a4 = a[j0 + r], a[j1 + r], a[j2 + r], a[j3 + r], a[j4 + r]
                Ka[i0 + r] += k00 * a0 + k01 * a1 + k02 * a2 + k03 * a3 + k04 * a4
                Ka[i1 + r] += k10 * a0 + k11 * a1 + k12 * a2 + k13 * a3 + k14 * a4
                Ka[i2 + r] += k20 * a0 + k21 * a1 + k22 * a2 + k23 * a3 + k24 * a4
                Ka[i3 + r] += k30 * a0 + k31 * a1 + k32 * a2 + k33 * a3 + k34 * a4
                Ka[i4 + r] += k40 * a0 + k41 * a1 + k42 * a2 + k43 * a3 + k44 * a4


@fast
def project(Psi, e, s):
    """Write ψ(zᵣ)·e to s[r]."""
    widest_vectors()
    L = _lanes(Psi)
    for r in range(L):
        s[r] = 0.0
    for i in range(e.size):
        row = np.uint64(i) * L
        for r in range(L):
            s[r] += e[i] * Psi[row + r]


@fast
def move(a, Psi, slopes, e, gain, kind):
    """Add gain[r] Dᵣ e to aᵣ; gain is −(η/√p) times the feedback."""
    widest_vectors()
    L = _lanes(a)
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
    L = _lanes(Psi)
    size, lanes, zero = np.uint64(n) * L, np.int64(L), Psi.dtype.type(0.0)
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
                z = np.float64(z_0[i * lanes + r] + Ka[i * lanes + r])
                Psi[i * lanes + r], slopes[i * lanes + r] = psi(z), dpsi(z)


@fast
def answer(Psi, beta, f):
    """Write the block's share of √p f."""
    widest_vectors()
    L = _lanes(Psi)
    for i in range(f.size):
        row, total = np.uint64(i) * L, beta.dtype.type(0.0)
        for r in range(L):
            total += beta[r] * Psi[row + r]
        f[i] = total


@fast
def norms(z_0, a, Ka, cross, moved):
    """Write aᵣ·zᵣ(0) and aᵣᵀ K aᵣ."""
    widest_vectors()
    L = _lanes(a)
    for r in range(L):
        cross[r], moved[r] = 0.0, 0.0
    for i in range(a.size // np.int64(L)):
        row = np.uint64(i) * L
        for r in range(L):
            cross[r] += a[row + r] * z_0[row + r]
            moved[r] += a[row + r] * Ka[row + r]
