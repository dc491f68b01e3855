"""The terms T of `validation.judge.rounding` for linear networks held as coefficients, one step at a time.

Imports nothing of the package. ``e`` holds the residuals of every step, or of every ``every``-th one.
"""

import math

import numpy as np


def _norms(e, every, lam, y):
    """‖e‖ of each step: its own, or what the record before and the pull to y allow."""
    size = [float(np.linalg.norm(row)) for row in e]
    found = []
    for k in range(len(size) - 1):
        pulled = max(size[k], float(np.linalg.norm(y))) if lam > 0 and every > 1 else size[k]
        found += [pulled] * every
    return found


def feedback_alignment(X, y, W, beta, b, e, every, eta, lam):
    """T at each record, with a, g and u for one fixed b."""
    p, K = len(b), X @ X.T
    F, root = W @ X.T, math.sqrt(len(b))
    size_F, size_b, size_beta = np.linalg.norm(F), np.linalg.norm(b), np.linalg.norm(beta)
    X_frobenius, X_spectral = np.linalg.norm(X), np.linalg.norm(X, 2)
    assert p == len(beta)
    a = g = u = 0.0
    path, found = np.zeros(len(y)), []
    norms = _norms(e, every, lam, y)
    for k in range(len(e)):
        if k:
            shrink, steps = (1 - eta * lam) ** every, norms[(k - 1) * every : k * every]
            if every == 1:
                g = shrink * g + eta / root * abs(path @ K @ e[k - 1])
                path = path + eta * e[k - 1]
                u = np.linalg.norm(path)
            else:
                u = u + eta * sum(steps)
                g = shrink * g + eta * sum(steps) / root * X_spectral**2 * u
            a = shrink * a + eta * sum(steps)
        kappa = (size_b * size_beta + size_F * size_b * a / root + g * size_b**2 / root) / root
        inner = size_F * size_beta + size_F**2 * a / root + g * size_F * size_b / root + kappa * X_frobenius**2 * u
        found.append(inner / root + np.linalg.norm(y))
    return np.array(found)


def matrices(X, y, W, beta, b, e, every, eta, lam, backpropagation):
    """T at each record where b moves, or the error comes back through β."""
    F, root, K, size_y = W @ X.T, math.sqrt(len(b)), np.linalg.norm(X, 2) ** 2, np.linalg.norm(y)
    Q_square = np.linalg.norm(F) ** 2 + np.linalg.norm(b) ** 2 + np.linalg.norm(beta) ** 2
    C, x, v, c = math.sqrt(len(y)), 0.0, 0.0, 1.0
    found = [C * Q_square * (x + c) / root + size_y]
    for step, norm in enumerate(_norms(e, every, lam, y)):
        d = (x if backpropagation else v) + c
        C, x, v = (
            C + eta / root * d * K * norm,
            (1 - eta * lam) * x + eta / root * C * norm,
            (1 - eta * lam) * v + eta / root * C * (norm + size_y),
        )
        c *= 1 - eta * lam
        if (step + 1) % every == 0:
            found.append(C * Q_square * (x + c) / root + size_y)
    return np.array(found)
