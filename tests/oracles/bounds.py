"""The bounds of docs/convergence.md, linear.md and certificates.md, written out again, one sum a loop.

Nothing of the package is used but ψ itself. Slow and plain: the tests compare the package with this.
"""

import math

import numpy as np


def start(X, y, W, beta, b, psi, dpsi):
    """Section 0: what is measured at t = 0."""
    n, p = len(y), len(beta)
    z = [[math.fsum(X[i][k] * W[r][k] for k in range(len(X[0]))) for i in range(n)] for r in range(p)]
    K = [[math.fsum(u * v for u, v in zip(X[i], X[j], strict=True)) for j in range(n)] for i in range(n)]
    G = [[math.fsum(psi(z[r][i]) * psi(z[r][j]) for r in range(p)) / p for j in range(n)] for i in range(n)]
    H = [
        [
            K[i][j] * math.fsum(beta[r] * b[r] * dpsi(z[r][i]) * dpsi(z[r][j]) for r in range(p)) / p
            for j in range(n)
        ]
        for i in range(n)
    ]
    e = [math.fsum(beta[r] * psi(z[r][i]) for r in range(p)) / math.sqrt(p) - y[i] for i in range(n)]
    norm_b = math.sqrt(math.fsum(v * v for v in b))
    return {
        "n": n, "p": p, "z": z, "K": np.array(K), "G": np.array(G), "H": np.array(H), "e": np.array(e),
        "chi": np.linalg.norm(X, 2), "R": max(math.sqrt(K[i][i]) for i in range(n)),
        "e_norm": math.sqrt(math.fsum(v * v for v in e)), "y_norm": math.sqrt(math.fsum(v * v for v in y)),
        "b2": math.fsum(v * v for v in b) / p, "b4": math.fsum(v**4 for v in b) / p,
        "moment": math.fsum(abs(v) * u * u for v, u in zip(beta, b, strict=True)) / p,
        "moment_3": math.fsum(abs(v) * abs(u) ** 3 for v, u in zip(beta, b, strict=True)) / p,
        "overlap": abs(math.fsum(u * v for u, v in zip(b, beta, strict=True))) / norm_b,
        "beta_norm": math.sqrt(math.fsum(v * v for v in beta)),
    }  # fmt: skip


def explicit(s, B0, B1, B2, eta, U, size):
    """Sections 1 and 2, with ‖b‖² ≤ 2p and (1/p) Σ |β_r| b_r² ≤ 2."""
    n, p, chi, R = s["n"], s["p"], s["chi"], s["R"]
    D_w = B1 * chi * U / math.sqrt(p)
    D_beta = B0 * math.sqrt(n) * U / math.sqrt(p)
    drift_G = 2 * math.sqrt(2) * B0 * B1 * chi * math.sqrt(n) * D_w
    drift_H = math.sqrt(2) * B1**2 * chi**2 * D_beta + 4 * B1 * B2 * R * chi**2 * D_w
    crossed = math.sqrt(2) * B0 * B1**2 * math.sqrt(n) * chi**2
    omega = eta * size / math.sqrt(p) * (crossed + (1 + D_beta) * B1**2 * B2 * R * chi**3)
    g_0, h_0 = np.linalg.eigvalsh(s["G"])[0], np.abs(np.linalg.eigvalsh(s["H"])).max()
    return {
        "weight": D_w, "unit": D_beta, "beta": math.sqrt(p) * D_beta, "G": drift_G, "H": drift_H,
        "remainder": omega, "floor": g_0 - h_0 - drift_G - drift_H - omega,
    }  # fmt: skip


def first_order(s, B1, B2, eta, U, size, ridge):
    """Section 4."""
    p, chi, R = s["p"], s["chi"], s["R"]
    sigma, g_0 = math.sqrt(np.linalg.eigvalsh(s["G"])[-1]), np.linalg.eigvalsh(s["G"])[0]
    h_0 = np.abs(np.linalg.eigvalsh(s["H"])).max()
    D_w = B1 * chi * U / math.sqrt(p)
    delta = B1 * chi * math.sqrt(s["b2"]) * D_w
    beta = (sigma + delta) * U
    H = B1**2 * chi**2 * math.sqrt(s["b2"] / p) * beta + 2 * B1 * B2 * R * chi**2 * D_w * s["moment"]
    bracket = s["moment"] + beta * math.sqrt(s["b4"] / p)
    omega = eta * size / (2 * math.sqrt(p)) * B1**2 * B2 * R * chi**3 * bracket
    lowest = -math.inf
    if delta < math.sqrt(g_0):
        lowest = (math.sqrt(g_0) - delta) ** 2 - h_0
        for kappa in (math.sqrt(g_0), math.sqrt(sigma * math.sqrt(g_0)), sigma):
            ends = [
                np.linalg.eigvalsh((1 - delta / kappa) * s["G"] + c * s["H"])[0]
                for c in ((0, 1) if ridge else (1,))
            ]
            lowest = max(lowest, min(ends) - delta * kappa + delta**2)
    return {
        "weight": D_w, "feature": delta, "beta": beta, "G": 2 * sigma * delta + delta**2, "H": H,
        "remainder": omega, "floor": lowest - H - omega, "ceiling": (sigma + delta) ** 2 + h_0 + H,
    }  # fmt: skip


def quadratic(s, B1, B2, B3, U):
    """Section 5: Q U²/p."""
    p, chi, R = s["p"], s["chi"], s["R"]
    sigma = math.sqrt(np.linalg.eigvalsh(s["G"])[-1])
    delta = B1 * chi * math.sqrt(s["b2"]) * B1 * chi * U / math.sqrt(p)
    Q = 2 * B1**2 * B2 * R * chi**3 * math.sqrt(s["b4"]) * (2 * sigma + delta)
    Q += 0.5 * s["b2"] * B1**4 * chi**4
    Q += s["moment_3"] * B1**2 * R**2 * chi**4 * (2 * B2**2 + B1 * B3)
    return Q * U**2 / p


def linear_maps(s, b, beta, psi, dpsi, d2psi):
    """Section 5: T_k entry by entry, and the part through β."""
    n, p, K, z = s["n"], s["p"], s["K"], s["z"]

    def A(i, k, j):
        return math.fsum(b[r] * dpsi(z[r][i]) * dpsi(z[r][k]) * psi(z[r][j]) for r in range(p)) / p

    def C(i, k, j):
        return math.fsum(beta[r] * b[r] ** 2 * d2psi(z[r][i]) * dpsi(z[r][k]) * dpsi(z[r][j]) for r in range(p)) / p

    T, through = np.zeros((n, n, n)), np.zeros((n, n, n))
    for k in range(n):
        for i in range(n):
            for j in range(n):
                through[k, i, j] = -K[i][j] * A(i, j, k)
                T[k, i, j] = (
                    -K[i][j] * A(i, j, k) - K[i][k] * A(i, k, j) - K[j][k] * A(j, k, i)
                    - K[i][j] * (K[i][k] * C(i, k, j) + K[j][k] * C(j, k, i))
                )  # fmt: skip
    return T, through


def linear(s, F, b, beta, eta, U, size, ridge):
    """linear.md, sections 2 to 4: both forms."""
    p, K = s["p"], s["K"]
    gamma, M = np.linalg.eigvalsh(K)[0], np.linalg.eigvalsh(K)[-1]
    n = len(K)
    F_b = np.array([math.fsum(b[r] * F[r][i] for r in range(p)) for i in range(n)])
    b_square = math.fsum(v * v for v in b)
    overlap = math.fsum(u * v for u, v in zip(b, beta, strict=True)) / p
    kappa_b, b2 = np.linalg.norm(F_b) / math.sqrt(p), b_square / p
    g_0, g_top = np.linalg.eigvalsh(s["G"])[[0, -1]]
    delta = math.sqrt(b2) * M * U / math.sqrt(p)
    turned = (kappa_b + 0.5 * b2 * M * U) * U / p
    omega = eta * M * (kappa_b + b2 * M * U) * size / p
    printed = max(math.sqrt(g_0) - delta, 0.0) ** 2 - M * (abs(overlap) + turned) - omega
    # G⊥ from Z projected, unit by unit: F − b̂(b̂ᵀF)
    P = np.array([[F[r][i] - b[r] * F_b[i] / b_square for i in range(n)] for r in range(p)])
    G_orthogonal = P.T @ P / p
    if ridge:
        low = -max(-overlap, 0.0) - turned
        top_start = max(overlap, 0.0)
    else:
        a = size / U
        pull = F_b @ np.linalg.inv(K) @ F_b / (2 * p * b_square)
        low = overlap - pull - b2 / (2 * p) * eta * M * size**2 / (a * (2 - eta * a))
        top_start = overlap
    ceiling = (math.sqrt(g_top) + delta) ** 2
    return {
        "feature": delta, "beta": (math.sqrt(g_top) + delta) * U, "G": 2 * math.sqrt(g_top) * delta + delta**2,
        "H": M * turned, "gamma": gamma, "M": M, "kappa_b": kappa_b, "turned": turned, "remainder": omega,
        "printed floor": printed, "ceiling": ceiling,
        "sharper floor": np.linalg.eigvalsh(G_orthogonal + low * K)[0],
        "merged ceiling": ceiling + M * max(top_start + turned, 0.0),
    }  # fmt: skip


def tube(s, b, beta, B1, B2, B3, dpsi, d2psi, U):
    """certificates.md, steps 2 to 7: radius, δ, (σ + δ)U and τ."""
    n, p, K, z = s["n"], s["p"], s["K"], s["z"]
    top, sigma = np.linalg.eigvalsh(K)[-1], math.sqrt(np.linalg.eigvalsh(s["G"])[-1])
    delta_square, swing, widest = 0.0, 0.0, 0.0
    for r in range(p):
        slope = [B1] * n
        for _ in range(3):
            rho = [
                abs(b[r]) * U / math.sqrt(p) * math.sqrt(sum(K[i][j] ** 2 * slope[j] ** 2 for j in range(n)))
                for i in range(n)
            ]
            slope = [
                min(B1, abs(dpsi(z[r][i])) + rho[i] * abs(d2psi(z[r][i])) + 0.5 * B3 * rho[i] ** 2)
                for i in range(n)
            ]
        bend = [min(B2, abs(d2psi(z[r][i])) + B3 * rho[i]) * rho[i] for i in range(n)]
        q, g = (
            min(
                top * max(D) ** 2,
                math.sqrt(sum((D[i] * K[i][j] * D[j]) ** 2 for i in range(n) for j in range(n))),
                max(D[i] * sum(abs(K[i][j]) * D[j] for j in range(n)) for i in range(n)),
            )
            for D in (slope, bend)
        )
        delta_square += b[r] ** 2 * q**2
        swing += abs(b[r] * beta[r]) * math.sqrt(q * g)
        widest = max(widest, *rho)
    delta = U / p * math.sqrt(delta_square)
    return {
        "radius": widest, "psi": delta, "beta": (sigma + delta) * U,
        "map": 3 * sigma * delta + 2 * delta**2 + 2 / p * swing,
    }  # fmt: skip


def cosines(v, b, reach, along):
    """Step 10 (i) and (ii), with the angle itself."""
    v, unit = np.asarray(v), np.asarray(b) / np.linalg.norm(b)
    x, length = unit @ v, np.linalg.norm(v)
    y = np.linalg.norm(v - x * unit)
    if reach >= length:
        return -1.0, 1.0
    angle, turn, along = math.acos(x / length), math.asin(reach / length), min(along, reach)

    def cosine(x, sign):
        far = y + reach if sign * x >= 0 else max(y - reach, 0.0)
        return x / math.hypot(x, far)

    low = max(math.cos(min(math.pi, angle + turn)), cosine(x - along, 1))
    return low, min(math.cos(max(0.0, angle - turn)), cosine(x + along, -1))


def limit_point(s, b, beta, psi, tau, delta, U):
    """Step 10 (iii): the point, the radius, and the reach along b."""
    p, n, A = s["p"], s["n"], s["G"] + s["H"]
    Psi = np.array([[psi(s["z"][r][i]) for r in range(p)] for i in range(n)])
    sigma, lowest = np.linalg.norm(Psi, 2) / math.sqrt(p), np.linalg.eigvalsh(A)[0]
    push = np.linalg.norm(Psi @ b) / np.linalg.norm(b) / math.sqrt(p)
    point = beta - Psi.T @ np.linalg.inv(A) @ s["e"] / math.sqrt(p)
    return point, (sigma * tau / lowest + delta) * U, (push * tau / lowest + delta) * U, (push + delta) * U
