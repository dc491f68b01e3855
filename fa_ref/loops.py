"""Algorithm 1, its ridge variant and backpropagation: the definition, as loops.

A network of p hidden units sees n samples xᵢ ∈ R^d and answers

    f(xᵢ) = (1/√p) Σᵣ βᵣ ψ(wᵣ·xᵢ),          eᵢ = f(xᵢ) − yᵢ,

and descends on ½ Σᵢ eᵢ² + ½ λ(t) ‖β‖²  (4.1).  One step is `forward`, then `update`:

    βᵣ ← (1 − ηλ) βᵣ − (η/√p) Σᵢ eᵢ ψ(wᵣ·xᵢ)
    wᵣ ← wᵣ − (η/√p) bᵣ Σᵢ eᵢ ψ′(wᵣ·xᵢ) xᵢ

That is feedback alignment: the error reaches wᵣ through the fixed random bᵣ. Gradient descent has βᵣ in
its place. The two differ by one array, ``feedback``, and by nothing else. λ ≡ 0 is Algorithm 1; `descend` runs all.

Every sum is taken in the order in which it is written, term after term, so a result has the same bits compiled or
interpreted, and with any number of threads: threads share out hidden units, and each unit is its own. Units go in
blocks of a few, so that the rows of X that a block needs are fetched once for all of them, and the two long sums,
over inputs in `forward` and over samples in `update`, are one loop, `add_product`.
"""

import math

from numba import njit, prange, types

from fa_ref.activations.psi import ENTRYWISE

vector = types.float64[::1]
matrix = types.float64[:, ::1]
real = types.float64


UNITS = 16  # hidden units in a block


@njit(cache=True)
def add_eight(c, A, r, B, j, k):
    """c + A[r, k] B[k, j] + … + A[r, k + 7] B[k + 7, j], added from left to right."""
    return (
        c
        + A[r, k] * B[k, j] + A[r, k + 1] * B[k + 1, j]
        + A[r, k + 2] * B[k + 2, j] + A[r, k + 3] * B[k + 3, j]
        + A[r, k + 4] * B[k + 4, j] + A[r, k + 5] * B[k + 5, j]
        + A[r, k + 6] * B[k + 6, j] + A[r, k + 7] * B[k + 7, j]
    )  # fmt: skip


@njit(cache=True)
def add_product(A, B, C):
    """Add A B to C: to each C[r, j] the terms A[r, k] B[k, j], for k = 0, 1, 2, … in turn.

    Eight terms come at a visit, for two rows at once; what is left over comes one by one. The bits are the same.
    """
    m, n = C.shape
    terms = A.shape[1]
    paired, eights = m - m % 2, terms - terms % 8
    for k in range(0, eights, 8):
        for r in range(0, paired, 2):
            for j in range(n):
                C[r, j] = add_eight(C[r, j], A, r, B, j, k)
                C[r + 1, j] = add_eight(C[r + 1, j], A, r + 1, B, j, k)
    for r in range(m):
        for k in range(eights if r < paired else 0, terms):
            for j in range(n):
                C[r, j] += A[r, k] * B[k, j]


@njit(types.void(matrix, matrix, vector, ENTRYWISE, matrix, matrix, vector), parallel=True, cache=True)
def forward(X_T, W, beta, activate, Psi, slopes, f):
    """Write ψ(wᵣ·xᵢ) to Psi[r, i], ψ′(wᵣ·xᵢ) to slopes[r, i] and f(xᵢ) to f[i]."""
    p, n = Psi.shape
    for block in prange(math.ceil(p / UNITS)):
        first, last = UNITS * block, min(UNITS * (block + 1), p)
        z = slopes[first:last]
        z[:] = 0.0
        add_product(W[first:last], X_T, z)  # zᵣᵢ = wᵣ·xᵢ = Σₖ W[r, k] X_T[k, i]
        activate(z, Psi[first:last])  # to Psi[r, i] goes ψ(zᵣᵢ), in the place of zᵣᵢ comes ψ′(zᵣᵢ)
    for i in range(n):
        f[i] = 0.0
    for r in range(p):
        for i in range(n):
            f[i] += beta[r] * Psi[r, i]
    for i in range(n):
        f[i] /= math.sqrt(p)


@njit(types.void(matrix, matrix, vector, vector, vector, real, real, matrix, matrix),
      parallel=True, cache=True)  # fmt: skip
def update(X, W, beta, feedback, e, eta, lam, Psi, slopes):
    """Take one step: W and beta of time t become those of time t + 1, in place. It uses slopes up."""
    p, n = Psi.shape
    for block in prange(math.ceil(p / UNITS)):
        first, last = UNITS * block, min(UNITS * (block + 1), p)
        for r in range(first, last):
            for i in range(n):  # feedback = b: Algorithm 1; feedback = beta: −η ∂L/∂wᵣ
                slopes[r, i] *= -eta / math.sqrt(p) * feedback[r] * e[i]
            s = 0.0
            for i in range(n):
                s += e[i] * Psi[r, i]
            beta[r] = (1.0 - eta * lam) * beta[r] - eta / math.sqrt(p) * s  # −η ∂L/∂βᵣ
        add_product(slopes[first:last], X, W[first:last])  # wᵣ ← wᵣ − (η/√p) bᵣ Σᵢ eᵢ ψ′(wᵣ·xᵢ) xᵢ


@njit(types.int64(matrix, matrix, vector, matrix, vector, vector, ENTRYWISE, real, vector, real, matrix, matrix,
                  vector, matrix), cache=True)  # fmt: skip
def descend(X, X_T, y, W, beta, feedback, activate, eta, lam, limit, Psi, slopes, f, residuals):
    """Take the steps with penalties lam[0], lam[1], …; residuals[t] is e before step t.

        Algorithm 1             descend(…, feedback=b,    …, lam=0, …)
        ridge variant, (4.1)    descend(…, feedback=b,    …, lam=λ(t), …)
        backpropagation         descend(…, feedback=beta, …, lam=λ(t), …)

    Stop before a step whose loss ½‖e‖² is not a number or exceeds ``limit``. Return the number of steps taken.
    """
    for t in range(lam.size):
        forward(X_T, W, beta, activate, Psi, slopes, f)
        loss = 0.0
        for i in range(y.size):
            residuals[t, i] = f[i] - y[i]
            loss += 0.5 * residuals[t, i] ** 2
        if not loss <= limit:
            return t
        update(X, W, beta, feedback, residuals[t], eta, lam[t], Psi, slopes)
    return lam.size
