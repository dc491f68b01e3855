"""Algorithm 1, its ridge variant and backpropagation: the definition, as loops.

A network of p hidden units sees n samples xᵢ ∈ R^d and answers

    f(xᵢ) = (1/√p) Σᵣ βᵣ ψ(wᵣ·xᵢ),          eᵢ = f(xᵢ) − yᵢ,

and descends on ½ Σᵢ eᵢ² + ½ λ(t) ‖β‖²  (4.1).  One step is `forward`, then `update`:

    βᵣ ← (1 − ηλ) βᵣ − (η/√p) Σᵢ eᵢ ψ(wᵣ·xᵢ)
    wᵣ ← wᵣ − (η/√p) bᵣ Σᵢ eᵢ ψ′(wᵣ·xᵢ) xᵢ

That is feedback alignment: the error reaches wᵣ through the fixed random bᵣ. Gradient descent has βᵣ in
its place. The two differ by one array, ``feedback``, and by nothing else. λ ≡ 0 is Algorithm 1; `descend` runs all.

Every sum is taken in the order in which it is written, term after term, so a result has the same bits compiled or
interpreted, and with any number of threads: threads share out hidden units, and each unit is its own.
Where the order of two loops is free, the inner one runs along memory.
"""

import math

from numba import njit, prange, types

from fa_ref.activations import SCALAR_FUNCTION

vector = types.float64[::1]
matrix = types.float64[:, ::1]
real = types.float64


@njit(types.void(matrix, matrix, vector, SCALAR_FUNCTION, SCALAR_FUNCTION, matrix, matrix, vector),
      parallel=True, cache=True)  # fmt: skip
def forward(X_T, W, beta, psi, dpsi, Psi, slopes, f):
    """Write ψ(wᵣ·xᵢ) to Psi[r, i], ψ′(wᵣ·xᵢ) to slopes[r, i] and f(xᵢ) to f[i]."""
    p, d = W.shape
    n = X_T.shape[1]
    for r in prange(p):
        z = slopes[r]
        for i in range(n):
            z[i] = 0.0
        for k in range(d):
            for i in range(n):
                z[i] += W[r, k] * X_T[k, i]  # zᵣᵢ = wᵣ·xᵢ
        for i in range(n):
            Psi[r, i] = psi(z[i])
            z[i] = dpsi(z[i])
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
    """Take one step: W and beta of time t become those of time t + 1, in place."""
    p, d = W.shape
    n = X.shape[0]
    for r in prange(p):
        for i in range(n):
            g = eta / math.sqrt(p) * feedback[r] * e[i] * slopes[r, i]
            for k in range(d):
                W[r, k] -= g * X[i, k]  # feedback = b: Algorithm 1; feedback = beta: −η ∂L/∂wᵣ
        s = 0.0
        for i in range(n):
            s += e[i] * Psi[r, i]
        beta[r] = (1.0 - eta * lam) * beta[r] - eta / math.sqrt(p) * s  # −η ∂L/∂βᵣ


@njit(types.int64(matrix, matrix, vector, matrix, vector, vector, SCALAR_FUNCTION, SCALAR_FUNCTION, real, vector,
                  real, matrix, matrix, vector, matrix), cache=True)  # fmt: skip
def descend(X, X_T, y, W, beta, feedback, psi, dpsi, eta, lam, limit, Psi, slopes, f, residuals):
    """Take the steps with penalties lam[0], lam[1], …; residuals[t] is e before step t.

        Algorithm 1             descend(…, feedback=b,    …, lam=0, …)
        ridge variant, (4.1)    descend(…, feedback=b,    …, lam=λ(t), …)
        backpropagation         descend(…, feedback=beta, …, lam=λ(t), …)

    Stop before a step whose loss ½‖e‖² is not a number or exceeds ``limit``. Return the number of steps taken.
    """
    for t in range(lam.size):
        forward(X_T, W, beta, psi, dpsi, Psi, slopes, f)
        loss = 0.0
        for i in range(y.size):
            residuals[t, i] = f[i] - y[i]
            loss += 0.5 * residuals[t, i] ** 2
        if not loss <= limit:
            return t
        update(X, W, beta, feedback, residuals[t], eta, lam[t], Psi, slopes)
    return lam.size
