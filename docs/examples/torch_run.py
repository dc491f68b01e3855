"""A run in PyTorch, recorded and judged by Theorem 3.2; with the residual's sign as printed it fails."""

import numpy as np
import torch

from fa_ref import Network, Problem, Setting, Trajectory
from validation import theorem_3_2


def judge(sign, dtype=torch.float64, p=4000, eta=0.1, steps=200):
    """Train by feedback alignment on three orthonormal inputs, and return the verdict."""
    generator = torch.Generator().manual_seed(0)
    X, y = torch.eye(3, dtype=dtype), torch.tensor([1.0, -1.0, 1.0], dtype=dtype)
    W = torch.randn(p, 3, generator=generator, dtype=dtype)
    beta, b = torch.randn(2, p, generator=generator, dtype=dtype)
    start = Network(W.double().numpy(), beta.double().numpy(), b.double().numpy())
    residuals = []
    for _ in range(steps + 1):
        psi = torch.tanh(X @ W.T)
        e = psi @ beta / p**0.5 - y
        residuals.append(e.numpy())
        W = W - sign * eta / p**0.5 * b[:, None] * (((1 - psi**2).T * e) @ X)
        beta = beta - sign * eta / p**0.5 * e @ psi
    problem = Problem(X.double().numpy(), y.double().numpy())
    setting = Setting(problem, start, "tanh", eta=eta)
    return theorem_3_2.judge(Trajectory.recorded(setting, range(steps + 1), np.array(residuals)))


if __name__ == "__main__":
    for words, sign, dtype in (
        ("float64", 1, torch.float64),
        ("float32", 1, torch.float32),
        ("e = y - f", -1, torch.float64),
    ):
        verdict = judge(sign, dtype)
        print(f"{words}: {verdict.status}, {verdict.worst_words}")
