"""Empirical kernels against their definitions, summed unit by unit."""

from types import SimpleNamespace

import numpy as np
import pytest

from fa_ref.activations import ACTIVATIONS
from theory.kernels import empirical_G, empirical_H, empirical_H_BP

EPS = np.finfo(float).eps


def a_network(p, d, seed):
    rng = np.random.default_rng(seed)
    return SimpleNamespace(W=rng.normal(size=(p, d)), beta=rng.normal(size=p), b=rng.normal(size=p))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_empirical_kernels_are_their_definitions(name):
    n, d, p = 6, 4, 30
    activation, network = ACTIVATIONS[name], a_network(p, d, 1)
    X = np.random.default_rng(2).normal(size=(n, d))
    G, H, H_BP, scale = (np.zeros((n, n)) for _ in range(4))
    for w, beta, b in zip(network.W, network.beta, network.b, strict=True):
        psi, D = activation(X @ w), np.diag(activation.derivative(X @ w))
        core = D @ X @ X.T @ D
        G += np.outer(psi, psi) / p
        H += beta * b * core / p
        H_BP += beta**2 * core / p
        scale += (np.abs(np.outer(psi, psi)) + (beta**2 + abs(beta * b)) * np.abs(D @ X) @ np.abs(D @ X).T) / p
    # Each entry is a sum of p products of at most d + 6 rounded factors, in two different orders.
    tolerance = 2 * (p + d + 6) * EPS * scale
    assert (np.abs(empirical_G(X, network, activation) - G) <= tolerance).all()
    assert (np.abs(empirical_H(X, network, activation) - H) <= tolerance).all()
    assert (np.abs(empirical_H_BP(X, network, activation) - H_BP) <= tolerance).all()
    # Negative control: the tolerance tells H from H_BP.
    assert not (np.abs(H - H_BP) <= tolerance).all()


def test_empirical_kernels_are_exactly_symmetric():
    X, network = np.random.default_rng(3).normal(size=(7, 5)), a_network(11, 5, 4)
    for kernel in (empirical_G, empirical_H, empirical_H_BP):
        A = kernel(X, network, "tanh")
        assert (A == A.T).all()


def test_empirical_kernels_refuse_inputs_of_another_dimension():
    with pytest.raises(ValueError, match="X: expected 5 columns, one per column of W, got 4"):
        empirical_G(np.ones((3, 4)), a_network(2, 5, 0), "tanh")
