"""Both tables of docs/nonlinear_alignment.md, section 6, written out: levels of the entries of Theorems B, C.

Imports nothing of the package. ``G`` and ``T`` are the mean kernels, ``G_off`` and ``T_off`` bounds on the
errors of their entries, and ``gamma`` a lower bound of the least eigenvalue.
"""

import math
from statistics import NormalDist

import numpy as np


class Mean:
    """Means, and how far the computed ones may be off (1.001 covers the norms' own rounding)."""

    def __init__(self, G, T, G_off, T_off, y, lam):
        n = len(y)
        self.G, self.T, self.y, self.n, self.lam = G, T, y, n, lam
        self.dG, self.dT = 1.001 * np.linalg.norm(G_off), 1.001 * np.linalg.norm(T_off)
        self.top, self.trace = np.linalg.eigvalsh(G)[-1] + self.dG, np.trace(G) + n * self.dG
        self.T_norm = np.linalg.eigvalsh(T)[-1] + self.dT
        inverse = np.linalg.inv(G + lam * np.eye(n))
        self.a = inverse @ y
        self.twice = inverse @ self.a
        self.plus = np.linalg.inv(G) @ y
        self.a_norm, self.plus_norm = np.linalg.norm(self.a), np.linalg.norm(self.plus)


def square(p, share):
    x = math.log(1 / share)
    return 1 + 2 * math.sqrt(x / p) + 2 * x / p


def cantelli(mean, variance, p, share):
    return mean + math.sqrt(variance) * math.sqrt((1 / share - 1) / p)


def printed(X, y, kernels, gamma, B, lam, p, delta, order):
    B0, B1, B2, _ = B
    K, n, Y = X @ X.T, len(y), np.linalg.norm(y)
    m, K_size, k1 = Mean(*kernels, y, lam), np.linalg.norm(K), B1**2 * np.linalg.norm(X, 2) ** 2
    share = delta / {1: 11, 2: 14}[order]
    x, root = math.log(1 / share), math.sqrt(p)
    eG = n * B0**2 * (1 + math.sqrt(2 * x)) / root + m.dG
    eT = B1**2 * K_size * math.sqrt(3 / p / share) + m.dT
    b2 = square(p, share)
    sigma = min(B0 * math.sqrt(n), math.sqrt(m.top + eG))
    f0 = math.sqrt(min(n * B0**2, m.trace + math.sqrt(n) * eG)) + sigma * math.sqrt(2 * x)
    g = max(gamma - eG, 0)
    ea = eG * m.a_norm / (lam + g)
    spread = math.sqrt(sum(sum(k**2 for k in row) ** 2 for row in K))
    tau_T = 2 * math.sqrt(15 / p / share) * B2 * B1**2 * spread
    gaussian = k1 * math.sqrt(2 * b2 * math.log(2 * n / share)) / root
    s0 = Y / 2 / math.sqrt(lam)
    q = math.sqrt(max(m.a @ m.T @ m.a - m.a_norm**2 * eT, 0)) - math.sqrt(k1 * b2) * ea
    found = {
        "b2": b2, "b3": cantelli(2 * math.sqrt(2 / math.pi), 15 - 8 / math.pi, p, share),
        "b4": cantelli(3, 96, p, share), "m2": cantelli(math.sqrt(2 / math.pi), 3 - 2 / math.pi, p, share),
        "h0": min(gaussian, B1**2 * K_size / math.sqrt(p * share)), "h_ridge": math.inf,
        "e0": f0 + Y, "d0": f0 + Y, "f0": f0, "beta_norm": math.sqrt(b2 * p), "g0": g, "sigma0": sigma,
        "theta": m.T_norm + eT, "m0": f0 / root, "start": -math.inf, "start_norm": math.inf, "overlap": -math.inf,
        "tau_G": 2 * B1**2 * B0 * math.sqrt(n / p / share) * K_size, "tau_Theta": tau_T, "tau_Theta_least": tau_T,
        "q": max(q, 0) ** 2, "theta_a": np.linalg.norm(m.T @ m.a) + eT * m.a_norm + k1 * b2 * ea,
        "a_norm": m.a_norm * (1 + eG / lam), "s0": s0, "m0_a": -s0 * math.sqrt(2 * x / p),
    }  # fmt: skip
    if g > 0:
        e_plus = eG * m.plus_norm / g
        lost = m.plus_norm * m.a_norm * eT + k1 * b2 * (e_plus * m.a_norm + (m.plus_norm + e_plus) * ea)
        found |= {
            "q_plus": m.plus @ m.T @ m.a - lost, "plus_norm": m.plus_norm + e_plus, "s_plus": Y / math.sqrt(g),
            "theta_plus": np.linalg.norm(m.T @ m.plus) + eT * m.plus_norm + k1 * b2 * e_plus,
            "m0_plus": -Y / math.sqrt(g) * math.sqrt(2 * x / p),
        }  # fmt: skip
    return found


def sharp(X, y, kernels, gamma, B, lam, p, shares, after):
    """``shares`` are the probabilities of the events, under the names that the package gives them."""
    B0, B1, B2, _ = B
    K, n, Y, root = X @ X.T, len(y), np.linalg.norm(y), math.sqrt(p)
    m, K_size, k1 = Mean(*kernels, y, lam), np.linalg.norm(K), B1**2 * np.linalg.norm(X, 2) ** 2
    (G, _, G_off, _), quantile = kernels, NormalDist().inv_cdf

    def x(name, factor=1.0):
        return math.log(factor / shares[name])

    # the mean square of ‖G_p − Ḡ‖_F, from E ψ_i²ψ_j² ≤ B0² min(Ḡ_ii, Ḡ_jj), and McDiarmid
    mean_square = 0.0
    for i in range(n):
        for j in range(n):
            most = min(G[i, i] + G_off[i, i], G[j, j] + G_off[j, j])
            mean_square += B0**2 * most - max(abs(G[i, j]) - G_off[i, j], 0) ** 2
    eG = math.sqrt(mean_square / p) + n * B0**2 * math.sqrt(x("G") / p) + m.dG
    in_W = B1**2 * K_size * (1 + math.sqrt(x("Θ in W"))) / root + m.dT
    tail = x("Θ in b", 2 * n)
    eT = in_W + 2 * math.sqrt(k1 * (m.T_norm + in_W) * tail / p) + 2 * k1 * tail / p
    g, theta = max(gamma - eG, 0), m.T_norm + eT
    sigma = min(B0 * math.sqrt(n), math.sqrt(m.top + eG))
    side = math.sqrt(min(n * B0**2, m.trace + math.sqrt(n) * eG))
    rho = max(math.sqrt(v) / (v + lam) for v in {min(lam, sigma**2), 0.0})  # sup of √v/(v + λ) up to σ²
    ea = eG * m.a_norm / (lam + g)
    s0 = min(rho * Y, math.sqrt(m.a @ G @ m.a + m.a_norm**2 * eG) + rho * eG * m.a_norm)
    q = m.a @ m.T @ m.a - m.a_norm**2 * m.dT
    q = max(q - math.sqrt(6 * x("q") * k1 * m.a_norm**2 * q / p), 0) if q > 0 else 0.0
    theta_a = np.linalg.norm(m.T @ m.a) + eT * m.a_norm + theta * ea
    f0 = side + sigma * math.sqrt(2 * x("f"))
    d0 = f0 + Y * sigma**2 / (sigma**2 + lam)
    b2, b4 = square(p, shares["b2"]), cantelli(3, 96, p, shares["b4"])
    shrunk = m.a - lam * m.twice  # Ḡ(Ḡ + λ)⁻¹ā
    e_shrunk = ea + lam * (ea + eG * np.linalg.norm(m.twice)) / (lam + g)

    def form(u, du, v, dv):
        U, V = np.linalg.norm(u), np.linalg.norm(v)
        return u @ m.T @ v - U * V * eT - theta * (du * V + U * dv + du * dv)

    spread = math.sqrt(sum(sum(k**2 for k in row) ** 2 for row in K))
    b6 = cantelli(15, 10170, p, shares["b6"])
    signs = min(math.sqrt(2 * x("τ_Θ", 2) * b6), math.sqrt(15 / shares["τ_Θ"]))
    tau_T = 2 * B2 * B1**2 * spread * signs / root
    found = {
        "b2": b2, "b4": b4, "b3": math.sqrt(b2 * b4),
        "m2": cantelli(math.sqrt(2 / math.pi), 3 - 2 / math.pi, p, shares["m2"]),
        "h0": math.sqrt(2 * k1 * theta * x("h0", 2 * n) / p),
        "h_ridge": k1 * s0 * math.sqrt(2 * x("h*", 2 * n) / p), "e0": f0 + Y, "d0": d0, "f0": f0, "s0": s0,
        "a_norm": m.a_norm + ea, "beta_norm": math.sqrt(p * square(p, shares["β"])), "g0": g, "sigma0": sigma,
        "q": max(math.sqrt(q) - math.sqrt(theta) * ea, 0) ** 2, "theta_a": theta_a, "theta": theta,
        "m0": (side + sigma * math.sqrt(2 * x("m0"))) / root, "m0_a": s0 * quantile(shares["m0·a"]) / root,
        "start": form(m.a, ea, shrunk, e_shrunk) + quantile(shares["start"]) * rho * theta_a,
        "start_norm": theta * d0 / (lam + g), "overlap": quantile(shares["overlap"]) * math.sqrt(b2),
        "tau_G": 2 * B1**2 * K_size / root * (side + sigma * math.sqrt(2 * x("τ_G"))),
        "tau_Theta": tau_T, "tau_Theta_least": tau_T,
    }  # fmt: skip
    if after and g > 0:
        rest = lam * np.linalg.inv(G) @ m.a
        size = np.linalg.norm(rest)
        off = (lam * ea + eG * size) / g
        length = min(
            lam * (m.a_norm + ea) / math.sqrt(g),
            math.sqrt(rest @ G @ rest + size**2 * eG) + (lam * ea + eG * size) / math.sqrt(g),
        )
        theta_rest = np.linalg.norm(m.T @ rest) + eT * size + theta * off
        inverse_form = y @ m.plus + m.plus_norm**2 * eG + m.plus_norm**2 * eG**2 / g
        found |= {
            "q_rest": form(rest, off, m.a, ea), "theta_rest": theta_rest,
            "m0_rest": quantile(shares["m0·rest"]) * length / root,
            "start_rest": form(rest, off, shrunk, e_shrunk) + quantile(shares["start rest"]) * rho * theta_rest,
            "rest_norm": size + off, "s_plus": min(Y / math.sqrt(g), math.sqrt(inverse_form)),
        }  # fmt: skip
    return found
