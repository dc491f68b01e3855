"""Theorems B and C of docs/nonlinear_alignment.md, §§3–5, written out for one network with index sums.

Imports nothing of the package.
"""

import math

import numpy as np


def bounds(X, y, network, derivatives, B, lam, eta, t, order):
    """Lower bounds of cos before the cutoff at t, and for all later times after it (limit e → 0)."""
    (W, beta, b), (psi, dpsi, ddpsi), (B0, B1, B2, B3) = network, derivatives, B
    n, p, rp = len(y), len(b), math.sqrt(len(b))
    K = X @ X.T
    chi, R, Y = np.linalg.norm(X, 2), max(np.linalg.norm(x) for x in X), np.linalg.norm(y)
    Z = np.einsum("ia,ra->ir", X, W)
    P, D, DD = psi(Z), dpsi(Z), ddpsi(Z)
    G = np.einsum("ir,jr->ij", P, P) / p
    H = np.einsum("ir,ij,jr,r->ij", D, K, D, b * beta, optimize=True) / p
    Theta = np.einsum("ir,ij,jr,r->ij", D, K, D, b**2, optimize=True) / p
    m, f = P @ b / p, P @ beta / rp
    A = np.einsum("ik,ir,kr,jr,r->kij", K, D, D, P, b, optimize=True) / p
    C = np.einsum("ik,ij,ir,kr,jr,r->kij", K, K, DD, D, D, b**3, optimize=True) / p
    b2, b3, b4, m2 = np.mean(b**2), np.mean(abs(b) ** 3), np.mean(b**4), np.mean(abs(beta) * b**2)
    e, a = f - y, np.linalg.inv(G + lam * np.eye(n)) @ y
    plus = np.linalg.inv(G) @ y
    e0, d0, h0 = np.linalg.norm(e), np.linalg.norm(e + lam * a), np.linalg.norm(H, 2)
    g0, s_start = np.linalg.eigvalsh(G)[0], math.sqrt(np.linalg.eigvalsh(G)[-1])
    s0, k1 = math.sqrt(a @ G @ a), B1**2 * chi**2
    kb, theta = k1 * math.sqrt(b2), t / rp

    def stack(blocks):
        return math.sqrt(np.linalg.eigvalsh(sum(M.T @ M for M in blocks))[-1])

    tau_G = stack([M + M.T for M in A])
    tau_T = stack(C) + stack([M.T for M in C])
    CG = 2 * s_start * math.sqrt(b4) * k1 * B2 * R * chi + k1**2 * b2
    CT = b4 * k1 * R**2 * chi**2 * (2 * B2**2 + B1 * B3)

    E = max(e0, 2 * Y)
    g, sigma = 0.0, B0 * math.sqrt(n)
    if math.isinf(sigma):
        sigma = s_start + kb * eta * theta * E
    if eta * (lam + sigma**2) > 1:
        return -math.inf, -math.inf
    for _ in range({1: 4, 2: 5}[order]):
        nu = rp * h0 + 2 / math.e * k1 * B2 * R * chi * m2 * E / lam + sigma * kb * E / lam
        if nu > lam * rp / 2:
            return -math.inf, -math.inf
        w = (eta * lam * Y * theta + e0 / rp) / (lam + g - nu / rp)
        sigma, g = (
            min([sigma, s_start + kb * w] + [math.sqrt(s_start**2 + tau_G * w + CG * w**2)] * (order == 2)),
            max([max(math.sqrt(g0) - kb * w, 0) ** 2] + [g0 - tau_G * w - CG * w**2] * (order == 2)),
        )
    L = lam + g
    L1 = L - nu / rp

    def omega(x):
        return (eta * lam * Y * x + e0 / rp) / L1

    w = omega(theta)
    La = kb * Y / math.sqrt(lam) / L
    k = kb * Y * (1 / L + 1 / (4 * lam))
    gram = tau_G * w + CG * w**2
    alpha = min(La * w, gram * np.linalg.norm(a) / L) if order == 2 else La * w
    # Simpson's rule is exact for the integrals of ω and ω²
    I1 = theta / 6 * (omega(0) + 4 * omega(theta / 2) + w)
    I2 = theta / 6 * (omega(0) ** 2 + 4 * omega(theta / 2) ** 2 + w**2)
    drift = La * I1 if order == 1 else min(La * I1, (tau_G * I1 + CG * I2) * np.linalg.norm(a) / L)
    mu = eta * lam * drift + (d0 + (nu + lam * La) * w) / L / rp
    xi = b3 * k1 * B2 * R * chi * w**2
    if order == 2:
        v = w + eta * E / rp
        xi = min(xi, tau_T * v**2 / 2 + CT * v**3 / 3)
    S = min(Y / 2 / math.sqrt(lam), s0 + k * w)
    slow = min(lam, L1)
    X_t = (1 - eta * lam) ** t * (np.linalg.norm(beta) + s0)
    X_t += k / rp * (Y / L1 + eta * t * (1 - eta * slow) ** (t - 1) * e0)

    def overlap(u, al, size):
        lead = eta * lam * theta * (u @ Theta @ a - np.linalg.norm(Theta @ a) * al)
        error = (np.linalg.norm(Theta @ u) + np.linalg.norm(Theta, 2) * al) * mu
        return lead - error + m @ u - np.linalg.norm(m) * al - xi * size

    def cosine(P, S, X):
        return (P / math.sqrt(b2) - X) / (S + X) if P / math.sqrt(b2) >= X else -math.inf

    before = cosine(overlap(a, alpha, Y / L), S, X_t)
    if g <= 0:
        return before, -math.inf
    ET = lam * Y / L1 + (1 - eta * L1) ** t * e0

    def tau(U):
        return kb / rp * ((3 * sigma + 2 * kb * U / rp) * U + S + X_t)

    U = 2 * ET / g
    if tau(U) > g / 2:
        return before, -math.inf
    for _ in range(30):
        U = ET / (g - tau(U))
    alpha_plus = 2 * kb * Y * g**-1.5 * w
    if order == 2:
        alpha_plus = min(alpha_plus, gram * np.linalg.norm(plus) / g)
    X_plus = X_t + tau(U) * U / math.sqrt(g) + kb * U**2 / 2 / rp
    S_plus = min(Y / math.sqrt(g), math.sqrt(y @ plus) + 2 * kb * Y / g * w)
    return before, cosine(overlap(plus, alpha_plus, Y / g), S_plus, X_plus)


def after_the_cutoff(data, entries, found, T, residual):
    """Theorem C′ from the majorants at T: the lower bound of √b₂ b̂·β, the upper one of ‖β‖, U and the rate.

    ``found`` maps the names of §5 to their bounds at T; ``data`` and ``entries`` have the names of §§3 and 5.
    """
    p, lam, eta, Y = entries.p, data.lam, data.eta, data.Y
    rp, g, x = math.sqrt(p), found["g"], found["path"]
    k1, R, chi = data.B1**2 * data.chi**2, data.radius, data.chi
    kb = k1 * math.sqrt(entries.b2)

    def tau(U):
        return kb / rp * ((3 * found["sigma"] + 2 * kb * U / rp) * U + found["beta_norm"])

    # the smallest U with E_T = U (g − τ₊(U)), from below
    low, high = 0.0, found["residual"] / (g - tau(0.0))
    while high * (g - tau(high)) < found["residual"]:
        low, high = high, 1.1 * high
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle * (g - tau(middle)) < found["residual"] else (low, middle)
    U = high
    C_G = 2 * entries.sigma0 * math.sqrt(entries.b4) * k1 * data.B2 * R * chi + k1**2 * entries.b2
    Gamma = entries.tau_G * x + C_G * x**2
    far = x + U / rp
    steepest = k1 * entries.b2
    if math.isfinite(data.B3):
        C_Theta = entries.b4 * k1 * R**2 * chi**2 * (2 * data.B2**2 + data.B1 * data.B3)
        steepest = min(steepest, entries.theta + entries.tau_Theta_least * far + C_Theta * far**2)
    rest, theta = entries.rest_norm, T / rp
    off = (lam * found["alpha"] + Gamma * rest) / g  # ᾱ°
    P = entries.m0_rest - entries.m0 * off
    P += eta * lam * theta * (entries.q_rest - entries.theta_a * off)
    P += (entries.start_rest - entries.start_norm * off) / rp
    P -= (entries.theta_rest + entries.theta * off) * found["mu"] + found["xi"] * (rest + off)
    reached = found["projection"] + (1 - eta * lam) ** T * entries.overlap + P
    reached -= found["m_norm"] / g * (found["defect"] + tau(U) * U + residual) + steepest * U**2 / 2 / rp
    length = min(Y / math.sqrt(g), entries.s_plus + 2 * kb * Y / g * x)
    length += found["beta_lag"] + (1 - eta * lam) ** T * entries.beta_norm
    length += tau(U) * U / math.sqrt(g) + kb * U**2 / 2 / rp + residual / math.sqrt(g)
    return reached, length, U, g - tau(U)
