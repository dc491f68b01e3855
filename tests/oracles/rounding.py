"""What rounding may have done to each measured quantity, written out again, one sum a loop.

From docs/convergence.md, docs/linear.md ("Rounding") and docs/certificates.md: a sum of m terms errs by at most
m·eps times the sum of their absolute values; z by (d + 4)·eps·Σ|x||w|, and what z's error does to ψ is B1 times it,
to ψ′ B2 times it. Nothing of the package is used.
"""

import math

import numpy as np

EPS = 2.0**-52


def _dot(u, v):
    return math.fsum(abs(a * b) for a, b in zip(u, v, strict=True))


def _frobenius(rows):
    return math.sqrt(math.fsum(x * x for row in rows for x in row))


def network(X, y, W, beta, b, psi, dpsi, B1, B2, ulps=None):
    """Errors of z, ψ, ψ′, G, H and e. ``ulps``: what a user's own ψ is said to be off by."""
    n, d, p = len(y), len(X[0]), len(beta)
    z = [[math.fsum(x * w for x, w in zip(X[i], W[r], strict=True)) for r in range(p)] for i in range(n)]
    a, D = [[psi(v) for v in row] for row in z], [[dpsi(v) for v in row] for row in z]
    if not math.isfinite(B1):
        B1 = max(abs(v) for row in D for v in row)
    if not math.isfinite(B2):
        B2 = 0.0
    dz = [[(d + 4) * EPS * _dot(X[i], W[r]) for r in range(p)] for i in range(n)]

    def own(value, slope, i, r):
        """What the evaluation of ψ (slope B1) or ψ′ (slope B2) itself may be off by."""
        if ulps is not None:
            return ulps * 2.0**-53 * (1 + abs(value) + slope * abs(z[i][r]))
        return 8 * EPS * (abs(value) + (B1 if slope is B2 else 0.0))

    da = [[B1 * dz[i][r] + own(a[i][r], B1, i, r) for r in range(p)] for i in range(n)]
    dD = [[B2 * dz[i][r] + own(D[i][r], B2, i, r) for r in range(p)] for i in range(n)]
    relative = (p + 12 * n + d + 64) * EPS
    square = math.fsum(v * v for row in a for v in row)
    G = relative * square / p
    G += 2 * (math.sqrt(square) * _frobenius(da) + math.fsum(v * v for row in da for v in row)) / p
    K = [[_dot(X[i], X[j]) for j in range(n)] for i in range(n)]

    def mixed(left, i, j):
        return (
            K[i][j] * math.fsum(abs(beta[r] * b[r]) * left[i][r] * (abs(D[j][r]) + dD[j][r]) for r in range(p)) / p
        )

    size = [[abs(D[i][r]) + dD[i][r] for r in range(p)] for i in range(n)]
    H = relative * _frobenius([[mixed(size, i, j) for j in range(n)] for i in range(n)])
    H += 2 * _frobenius([[mixed(dD, i, j) for j in range(n)] for i in range(n)])
    e = [
        math.fsum((abs(a[i][r]) * (p + 8) * EPS + da[i][r]) * abs(beta[r]) for r in range(p)) / math.sqrt(p)
        for i in range(n)
    ]
    return {"z": dz, "psi": da, "D": dD, "G": G, "H": H, "e": [e[i] + 2 * EPS * abs(y[i]) for i in range(n)]}


def linear(X, W, beta, b):
    """linear.md: Fᵀb, G⊥ and bᵀβ/p, each by (p + d)·eps times its absolute sum."""
    n, d, p = len(X), len(X[0]), len(beta)
    F = [[math.fsum(x * w for x, w in zip(X[i], W[r], strict=True)) for i in range(n)] for r in range(p)]
    dF = [[(d + 4) * EPS * _dot(X[i], W[r]) for i in range(n)] for r in range(p)]
    terms, b2 = (p + 8) * EPS, math.fsum(v * v for v in b)
    Fb = [math.fsum(b[r] * F[r][i] for r in range(p)) for i in range(n)]
    dFb = [math.fsum(abs(b[r]) * (terms * abs(F[r][i]) + dF[r][i]) for r in range(p)) for i in range(n)]
    reach, blur = (math.sqrt(math.fsum(v * v for v in values)) for values in (Fb, dFb))
    square = _frobenius(
        [
            [
                math.fsum(abs(F[r][i]) * (terms * abs(F[r][j]) + (2 + terms) * dF[r][j]) for r in range(p))
                for j in range(n)
            ]
            for i in range(n)
        ]
    )
    trace = math.fsum(F[r][i] ** 2 for r in range(p) for i in range(n))
    orthogonal = square
    if b2 > 0:
        orthogonal += ((2 * reach + blur) * blur + 2 * terms * reach**2) / b2
        trace -= math.fsum(v * v for v in Fb) / b2
    K = np.array([[math.fsum(u * v for u, v in zip(X[i], X[j], strict=True)) for j in range(n)] for i in range(n)])
    return {
        "reach": reach, "blur": blur, "orthogonal": orthogonal / p + 8 * EPS * trace / p,
        "overlap": (p + n + d + 64) * EPS * _dot(b, beta) / p,
        "K": (d + 4) * EPS * _frobenius([[_dot(X[i], X[j]) for j in range(n)] for i in range(n)]),
        "pull": math.sqrt(np.array(Fb) @ np.linalg.inv(K) @ np.array(Fb)),
    }  # fmt: skip


def step(X, y, now, start, derivatives, B, eta, lam, t):
    """What `measured_step` says of step t: the measured sums, and how far rounding can have moved each."""
    (W, beta, b), (W0, beta0), (psi, dpsi), (B1, B2) = now, start, derivatives, B
    n, d, p, root = len(y), len(X[0]), len(beta), math.sqrt(len(beta))
    K = [[math.fsum(u * v for u, v in zip(X[i], X[j], strict=True)) for j in range(n)] for i in range(n)]
    z = [[math.fsum(x * w for x, w in zip(X[i], W[r], strict=True)) for i in range(n)] for r in range(p)]
    a, D = [[psi(v) for v in row] for row in z], [[dpsi(v) for v in row] for row in z]
    e = [math.fsum(beta[r] * a[r][i] for r in range(p)) / root - y[i] for i in range(n)]
    after = [(1 - eta * lam) * beta[r] - eta / root * math.fsum(a[r][i] * e[i] for i in range(n)) for r in range(p)]
    size = [math.sqrt(math.fsum(w * w for w in W[r])) for r in range(p)]
    length = [math.sqrt(math.fsum(v * v for v in a[r])) for r in range(p)]
    both = [abs(beta[r]) + abs(after[r]) for r in range(p)]
    crossed, curved = [], []
    for i in range(n):
        pulls = [math.fsum(K[i][j] * D[r][j] * e[j] for j in range(n)) for r in range(p)]
        crossed.append(
            eta**2 / root**3
            * math.fsum(math.fsum(a[r][j] * e[j] for j in range(n)) * b[r] * D[r][i] * pulls[r] for r in range(p))
        )  # fmt: skip
        moved = [-eta / root * b[r] * pulls[r] for r in range(p)]
        curved.append(
            math.fsum(after[r] * (psi(z[r][i] + moved[r]) - a[r][i] - D[r][i] * moved[r]) for r in range(p)) / root
        )
    R, chi = max(math.sqrt(K[i][i]) for i in range(n)), np.linalg.norm(X, 2)
    reach = math.fsum(both[r] * size[r] for r in range(p))
    out = math.fsum(both[r] * length[r] for r in range(p))
    trace = math.fsum(v * v for row in a for v in row) / p
    norm_beta, norm_start = (math.sqrt(math.fsum(v * v for v in values)) for values in (beta, beta0))
    crossed_norm, curved_norm = (math.sqrt(math.fsum(v * v for v in values)) for values in (crossed, curved))
    rounds = EPS * ((p + 8) * out + (d + 4) * B1 * R * math.sqrt(n) * reach) / root
    rounds += EPS * math.sqrt(math.fsum(v * v for v in y))
    per_unit = [
        (math.dist(W[r], W0[r]), max(math.dist(W[r], W0[r]), 0.0) - n * t * EPS * size[r], abs(b[r]))
        for r in range(p)
        if b[r]
    ]
    return {
        "e_norm": math.sqrt(math.fsum(v * v for v in e)),
        "remainder": math.sqrt(math.fsum((u + v) ** 2 for u, v in zip(crossed, curved, strict=True))),
        "curvature": curved_norm,
        "moved_w": max(moved / b for moved, _, b in per_unit),
        "e_rounding": rounds,
        "moved_w_rounding": max(m / b for m, _, b in per_unit) - max(less / b for _, less, b in per_unit),
        "unit_rounding": 4 * (t + 1) * EPS * max(map(abs, [*beta, *beta0])),
        "beta_rounding": 4 * (t + 1) * EPS * (norm_beta + norm_start),
        "G_rounding": EPS * (
            (p + 10 * n + 8) * trace
            + 2 * (d + 4) * B1 * R * math.sqrt(n) * math.fsum(length[r] * size[r] for r in range(p)) / p
        ),
        "H_rounding": EPS * (
            (p + 10 * n + 8) * chi**2 * B1**2 * math.fsum(both[r] * abs(b[r]) for r in range(p)) / p
            + 2 * (d + 4) * B1 * B2 * R * chi**2 * math.fsum(both[r] * abs(b[r]) * size[r] for r in range(p)) / p
        ),
        "remainder_rounding": EPS * (8 * out + 4 * (B1 + 1) * R * math.sqrt(n) * reach * (d + 4)) / root
        + (p + n + 8) * EPS * (crossed_norm + curved_norm),
        "step_rounding": rounds + EPS * (8 * out + 2 * (n + d + 4) * B1 * chi * reach) / root,
    }  # fmt: skip


def identity(X, y, W, beta, b, W1, beta1, psi, dpsi, B1, eta):
    """`one_step`: each term of the exact identity by its absolute value, times the operations behind it."""
    n, d, p, root = len(y), len(X[0]), len(beta), math.sqrt(len(beta))
    total = []
    rows = range(p)
    z, z1 = (
        [[math.fsum(x * w for x, w in zip(X[i], V[r], strict=True)) for r in rows] for i in range(n)]
        for V in (W, W1)
    )
    e = [math.fsum(beta[r] * psi(z[i][r]) for r in rows) / root - y[i] for i in range(n)]
    weight = [(abs(beta[r]) + abs(beta1[r])) / root for r in rows]
    step = [eta / root * math.fsum(abs(e[i] * psi(z[i][r])) for i in range(n)) for r in rows]
    for i in range(n):
        reach = [_dot(X[i], W[r]) + _dot(X[i], W1[r]) for r in rows]
        pulled = [
            abs(dpsi(z[i][r])) * math.fsum(_dot(X[i], X[j]) * abs(dpsi(z[j][r]) * e[j]) for j in range(n))
            for r in rows
        ]
        out = math.fsum((abs(psi(z[i][r])) + abs(psi(z1[i][r]))) * weight[r] for r in rows)
        total.append(
            (p + 10) * (out + abs(y[i]) + abs(e[i]))
            + (d + 10) * math.fsum((B1 + abs(dpsi(z[i][r]))) * reach[r] * weight[r] for r in rows)
            + (n + p + 20) * math.fsum(abs(psi(z[i][r])) * step[r] for r in rows) / root
            + (2 * n + d + p + 20) * eta / root
            * math.fsum(pulled[r] * abs(b[r]) * (weight[r] + step[r]) for r in rows)
        )  # fmt: skip
    return 2 * EPS * max(total)


def direction(v, error, b):
    """How far ⟨b̂, v⟩ and ‖v − ⟨b̂, v⟩b̂‖ may be off for a v that is off by ``error`` (certificates.md, 10)."""
    length = math.sqrt(math.fsum(x * x for x in b))
    relative = (len(v) + 16) * EPS
    along = math.fsum(x * y for x, y in zip(b, v, strict=True)) / length
    off = math.fsum(abs(x) * (d + 2 * relative * abs(y)) for x, y, d in zip(b, v, error, strict=True)) / length
    off *= 1 + relative
    across = math.sqrt(math.fsum((y - along / length * x) ** 2 for x, y in zip(b, v, strict=True)))
    size = math.sqrt(math.fsum(y * y for y in v))
    far = math.sqrt(math.fsum(d * d for d in error)) + off + 2 * relative * (size + abs(along))
    return along, off, across, far


def aligned(Psi, psi_error, A, A_error, e, e_error, beta, b):
    """The errors of β − Ψᵀx/√p, of e − Ax and of ‖Ψb̂‖/√p."""
    n, p = len(e), len(beta)
    x = np.linalg.solve(np.array(A), np.array(e)).tolist()
    root, length = math.sqrt(p), math.sqrt(math.fsum(v * v for v in b))
    shift = [math.fsum(Psi[i][r] * x[i] for i in range(n)) / root for r in range(p)]
    error = [
        math.fsum(((n + 8) * EPS * abs(Psi[i][r]) + psi_error[i][r]) * abs(x[i]) for i in range(n)) / root
        + 2 * EPS * abs(beta[r])
        for r in range(p)
    ]
    left = [e[i] - math.fsum(A[i][j] * x[j] for j in range(n)) for i in range(n)]
    blur = [
        (n + 8) * EPS * (math.fsum(abs(A[i][j] * x[j]) for j in range(n)) + abs(e[i])) + e_error[i]
        for i in range(n)
    ]
    norm = math.sqrt(math.fsum(v * v for v in x))
    defect = math.sqrt(math.fsum(v * v for v in left)) + A_error * norm + math.sqrt(math.fsum(v * v for v in blur))
    pushed = [math.fsum(Psi[i][r] * b[r] for r in range(p)) for i in range(n)]
    off = [
        math.fsum(((p + 8) * EPS * abs(Psi[i][r]) + psi_error[i][r]) * abs(b[r]) for r in range(p))
        for i in range(n)
    ]
    push = (math.sqrt(math.fsum(v * v for v in pushed)) + math.sqrt(math.fsum(v * v for v in off))) / root / length
    point = [u - v for u, v in zip(beta, shift, strict=True)]
    return {"point": point, "error": error, "defect": defect, "push": push}
