"""Oracles straight from the equations, in plain NumPy. Imports nothing of the package."""

import math

import numpy as np

PSI = {
    "identity": (lambda z: z, lambda z: np.ones_like(z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "tanh": (np.tanh, lambda z: np.cosh(z) ** -2.0),
    "sigmoid": (lambda z: (1 + np.tanh(z / 2)) / 2, lambda z: np.cosh(z / 2) ** -2.0 / 4),
    "erf": (np.vectorize(math.erf), lambda z: 2 / math.sqrt(math.pi) * np.exp(-(z**2))),
    "softplus": (lambda z: np.logaddexp(0, z), lambda z: (1 + np.tanh(z / 2)) / 2),
}


def descend(X, y, W, beta, b, name, eta, lam, steps, rule="fa"):
    """Residuals e(0), …, e(steps), and the last W, β and b. b is not used by backpropagation."""
    psi, dpsi = PSI[name]
    p = len(beta)
    residuals = []
    for t in range(steps + 1):
        Z = X @ W.T
        e = psi(Z) @ beta / math.sqrt(p) - y
        residuals.append(e)
        if t == steps:
            break
        feedback = beta if rule == "bp" else b
        W_next = W - eta / math.sqrt(p) * (feedback[:, None] * (dpsi(Z) * e[:, None]).T) @ X
        beta = beta - eta * (psi(Z).T @ e / math.sqrt(p) + lam[t] * beta)
        if rule == "kolen-pollack":
            b = b - eta * (psi(Z).T @ e / math.sqrt(p) + lam[t] * b)
        if rule == "hebbian":
            b = b + eta * (psi(Z).T @ (e + y) / math.sqrt(p) - lam[t] * b)
        W = W_next
    return np.array(residuals), W, beta, b


def loss(X, y, W, beta, name, lam=0.0):
    psi, _ = PSI[name]
    f = psi(X @ W.T) @ beta / math.sqrt(len(beta))
    return 0.5 * np.sum((f - y) ** 2) + 0.5 * lam * np.sum(beta**2)


def dropout(X, y, W, beta, b, name, rng, rate, eta, steps, same_mask=True):
    """β after these steps with inverted dropout. same_mask=False silences the feedback path independently."""
    (psi, dpsi), p, W = PSI[name], len(beta), W.copy()
    for _ in range(steps):
        mask = (rng.random((p, len(y)), dtype=np.float32) < 1 - rate).T / (1 - rate)
        back = mask if same_mask else mask[::-1]
        Z = X @ W.T
        e = (mask * psi(Z)) @ beta / math.sqrt(p) - y
        W = W - eta / math.sqrt(p) * b[:, None] * ((back * dpsi(Z) * e[:, None]).T @ X)
        beta = beta - eta / math.sqrt(p) * (mask * psi(Z)).T @ e
    return beta
